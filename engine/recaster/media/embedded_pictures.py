"""Pictures in what a still's file holds beside its pixels: taken out, for they show what was painted over.

PNG's chunks are those of the W3C's Portable Network Graphics Specification (3rd edition), EXIF's directories
those of TIFF 6.0, image resources those of Adobe's Photoshop File Formats Specification.
"""

from __future__ import annotations

import binascii
import re
import struct
import zlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

EXIF: Final = b"Exif\0\0"
PNG_HEAD: Final = b"\x89PNG\r\n\x1a\n"
MAX_TEXT_BYTES: Final = 64 * 2**20
"""Of a PNG's compressed text, unpacked."""
_SUBDIRECTORIES: Final = 0x14A
_PLACES: Final = {0x201: 0x202, 0x111: 0x117, 0x144: 0x145}
"""Tags of places of pictures in an EXIF, by those of their lengths: JPEG, strips, tiles."""
_NUMBERS: Final = {3: "H", 4: "I"}
_ENTRY_BYTES: Final = 12
_MAX_DIRECTORIES: Final = 100
_JPEG_BEGIN: Final = re.compile(rb"\xff\xd8\xff[\xc0-\xc4\xdb\xdd\xe0-\xef\xfe]")
_JPEG_END: Final = b"\xff\xd9"
_JPEG_SCAN: Final = 0xDA
_BASE64_PICTURE: Final = re.compile(
    rb"(?:/9j/|iVBORw0K|UklGR|R0lGOD|SUkqA|TU0AK)[A-Za-z0-9+/]{16}(?:[A-Za-z0-9+/=\s]|&#x?[0-9A-Fa-f]+;)*"
)
"""JPEG, PNG, WebP, GIF or TIFF as XMP has them."""
_RESOURCE: Final = b"8BIM"
_THUMBNAILS: Final = (0x0409, 0x040C)
_EXIF_RESOURCES: Final = (0x0422, 0x0423)
_XMP_RESOURCE: Final = 0x0424
_PROFILE: Final = b"Raw profile type "
"""Begins the names of texts in which other programs keep a PNG's metadata, as hexadecimal digits."""


def list_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Goes through the chunks of a PNG, or of a part of one without its head: kind, and all of its bytes."""
    at = len(PNG_HEAD) if data.startswith(PNG_HEAD) else 0
    while at + 12 <= len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4])
        yield data[at + 4 : at + 8], data[at:end]
        at = end


def settle_exif(exif: bytes) -> bytes:
    """Blanks the pictures in EXIF, which may begin with its name, and ends its list of directories."""
    begin = len(EXIF) if exif.startswith(EXIF) else 0
    data = bytearray(exif[begin:])
    order = ">" if data[:2] == b"MM" else "<"
    left = [_read(data, f"{order}I", 4)]
    seen = {0}
    while left and len(seen) < _MAX_DIRECTORIES:
        place = left.pop()
        if place not in seen:
            left += _settle_directory(data, order, place, has_pictures=len(seen) > 1)
            seen.add(place)
    _blank_jpegs(data)
    return exif[:begin] + bytes(data)


def _read(data: bytearray, form: str, place: int) -> int:
    """Reads a number; 0 where the data end before it."""
    try:
        return int(struct.unpack_from(form, data, place)[0])
    except struct.error:
        return 0


def _settle_directory(data: bytearray, order: str, place: int, *, has_pictures: bool) -> list[int]:
    """Ends the list of directories after one, and blanks its pictures; returns where it led to."""
    entries = [place + 2 + _ENTRY_BYTES * number for number in range(_read(data, f"{order}H", place))]
    values = {_read(data, f"{order}H", entry): _read_values(data, order, entry) for entry in entries}
    link = place + 2 + _ENTRY_BYTES * len(entries)
    following = _read(data, f"{order}I", link)
    data[link : link + 4] = bytes(len(data[link : link + 4]))
    for places, lengths in _PLACES.items():
        named = zip(values.get(places, []), values.get(lengths, []), strict=False)
        for at, size in named if has_pictures else []:
            data[at : at + size] = bytes(len(data[at : at + size]))
    return [following, *values.get(_SUBDIRECTORIES, [])]


def _read_values(data: bytearray, order: str, entry: int) -> list[int]:
    kind = _NUMBERS.get(_read(data, f"{order}H", entry + 2))
    if kind is None:
        return []
    size = struct.calcsize(kind)
    count = min(_read(data, f"{order}I", entry + 4), len(data) // size)
    place = entry + 8 if count * size <= 4 else _read(data, f"{order}I", entry + 8)
    return [_read(data, f"{order}{kind}", place + size * number) for number in range(count)]


def holds_jpeg(data: bytes) -> bool:
    """Tells whether a JPEG begins somewhere in data."""
    return _JPEG_BEGIN.search(data) is not None


def _blank_jpegs(data: bytearray) -> None:
    """Blanks all JPEG files in data: those of makers' notes, say, whose places only their makers know."""
    while found := _JPEG_BEGIN.search(data):
        at = found.start() + 2
        while data[at : at + 1] == b"\xff" and at + 4 <= len(data) and data[at + 1] != _JPEG_SCAN:
            at += 2 + int.from_bytes(data[at + 2 : at + 4])
        end = data.find(_JPEG_END, at)
        end = len(data) if end < 0 else end + len(_JPEG_END)
        data[found.start() : end] = bytes(end - found.start())


def settle_xmp(xmp: bytes) -> bytes:
    """Takes the pictures out of XMP; all goes where its text isn't UTF-8, which nothing else here reads."""
    return b"" if b"\0" in xmp else _BASE64_PICTURE.sub(b"", xmp)


def settle_resources(resources: bytes) -> bytes:
    """Takes the pictures out of Photoshop's image resources; what can't be told apart goes, too."""
    kept = []
    at = 0
    while resources[at : at + 4] == _RESOURCE and at + 8 < len(resources):
        number = int.from_bytes(resources[at + 4 : at + 6])
        head = at + 6 + (resources[at + 6] | 1) + 1  # the name is padded, with its length, to even bytes
        begin = head + 4
        end = begin + int.from_bytes(resources[head:begin])
        value = _settle_resource(number, resources[begin:end])
        if value is not None:
            size = len(value).to_bytes(4)
            kept.append(resources[at:head] + size + value + bytes(len(value) % 2))
        at = end + (end - begin) % 2
    return b"".join(kept)


def _settle_resource(number: int, value: bytes) -> bytes | None:
    if number in _EXIF_RESOURCES:
        return settle_exif(value)
    if number == _XMP_RESOURCE:
        return settle_xmp(value)
    return None if number in _THUMBNAILS or holds_jpeg(value) else value


def settle_text_chunk(kind: bytes, value: bytes) -> bytes | None:
    """Takes the pictures out of a text of a PNG (tEXt, zTXt, iTXt); None where it can't be unpacked."""
    name, _, rest = value.partition(b"\0")
    # iTXt tells whether it is compressed, how, its language and its translated name.
    place = 2 + sum(len(each) + 1 for each in rest[2:].split(b"\0", 2)[:2]) if kind == b"iTXt" else 0
    place = 1 if kind == b"zTXt" else place
    is_packed = kind == b"zTXt" or (kind == b"iTXt" and rest[:1] == b"\1")
    text = rest[place:]
    if is_packed:
        unpacker = zlib.decompressobj()
        try:
            text = unpacker.decompress(text, MAX_TEXT_BYTES)
        except zlib.error:
            return None
        if not unpacker.eof:
            return None
    settled = _settle_profile(name, text) if name.startswith(_PROFILE) else _BASE64_PICTURE.sub(b"", text)
    if settled == text:
        return value
    return name + b"\0" + rest[:place] + (zlib.compress(settled) if is_packed else settled)


def _settle_profile(name: bytes, text: bytes) -> bytes:
    """Takes the pictures out of a profile: its kind, how many bytes it has, these as hexadecimal digits."""
    lines = text.split(b"\n", 3)
    try:
        data = binascii.unhexlify(b"".join(lines[3].split()))
    except (binascii.Error, IndexError):
        return b""
    if data.startswith(EXIF):
        settled = settle_exif(data)
    elif data.startswith(_RESOURCE):
        settled = settle_resources(data)
    elif name.lower().endswith((b"xmp", b"app1")):
        settled = settle_xmp(data)
    else:
        settled = b"" if holds_jpeg(data) else data
    if settled == data:
        return text
    return b"\n".join([*lines[:2], b"%8d" % len(settled), binascii.hexlify(settled), b""])
