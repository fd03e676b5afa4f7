"""Files of stills: what they hold beside their pixels goes along as it is.

PNG's chunks are those of the W3C's Portable Network Graphics Specification (3rd edition), JPEG's segments
those of ITU-T T.81, EXIF's directories those of TIFF 6.0.
"""

from __future__ import annotations

import contextlib
import io
import struct
from typing import TYPE_CHECKING, Any, Final

from recaster.errors import ClipError, ImageError
from recaster.files import write_bytes
from recaster.media.picture_file import PICTURE_FORMATS, read_header, write_picture
from recaster.still_images import open_image

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from recaster.media.picture_file import Attribute, PicturePart

_PNG_HEAD: Final = b"\x89PNG\r\n\x1a\n"
_PNG_PIXELS: Final = (b"IHDR", b"IDAT", b"IEND")
_PNG_LEFT_OUT: Final = (*_PNG_PIXELS, b"PLTE", b"tRNS", b"bKGD", b"hIST", b"sBIT", b"caBX")
"""Chunks of the pixels and of how they were coded, and the manifest of the picture as it was."""
_JPEG_START: Final = b"\xff\xd8"
_JPEG_SCAN: Final = 0xDA
_JPEG_COMMENT: Final = 0xFE
_JPEG_APPS: Final = range(0xE0, 0xF0)
_JPEG_LEFT_OUT: Final = (0xEB, 0xEE)
"""The manifest of the picture as it was, and Adobe's note on how its colours were coded."""
_OTHER_PICTURES: Final = b"MPF\0"
_EXIF: Final = b"Exif\0\0"
_THUMBNAIL_PLACE: Final = 0x201
_THUMBNAIL_BYTES: Final = 0x202
_ENTRY_BYTES: Final = 12
_WEBP_HEAD_BYTES: Final = 256
"""In which, but for a profile before it, the kind of a WebP's pixels is told."""
_WEBP_QUALITY: Final = 95
_CARRIED: Final = (
    "ICCProfile", "Make", "Model", "Software", "Artist", "Copyright", "ImageDescription", "DateTime",
    "XResolution", "YResolution", "ResolutionUnit",
)  # fmt: skip
"""Attributes, beside EXIF's, IPTC's and GPS', that say the same in pictures of another kind."""
_CARRIED_FAMILIES: Final = ("Exif:", "IPTC:", "GPS:")


def write_still(path: Path, parts: Sequence[PicturePart], like: Path) -> None:
    """Writes the parts of a still over which was painted, with all else as the file ``like`` has it.

    JPEG is coded with the tables of that file, so that what wasn't painted changes as little as can be.
    Thumbnails in EXIF go, for they'd show what was painted over.
    """
    kind = PICTURE_FORMATS[path.suffix.lower()]
    original = like.read_bytes()
    if kind == "jpeg":
        write_bytes(path, _splice_jpeg(_encode_jpeg(parts[0].pixels, original), original))
    elif kind == "webp":
        write_bytes(path, _encode_webp(parts[0].pixels, original))
    else:
        write_picture(path, parts, like=like)
    if kind == "png":
        write_bytes(path, _splice_png(path.read_bytes(), original))


def list_carried_attributes(path: Path) -> list[Attribute]:
    """Lists a still's attributes that go along into a picture of another kind: profile, camera, author."""
    attributes = read_header(path)[0].attributes
    return [each for each in attributes if each[0] in _CARRIED or each[0].startswith(_CARRIED_FAMILIES)]


def _splice_png(made: bytes, like: bytes) -> bytes:
    """Puts the chunks of one PNG that aren't of its pixels before the pixels of another."""
    pixels = [chunk for kind, chunk in _list_chunks(made) if kind in _PNG_PIXELS]
    others = [chunk for kind, chunk in _list_chunks(like) if kind not in _PNG_LEFT_OUT]
    return b"".join([_PNG_HEAD, pixels[0], *others, *pixels[1:]])


def _list_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Goes through the chunks of a PNG: kind, and all of its bytes."""
    at = len(_PNG_HEAD)
    while at + 12 <= len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4])
        yield data[at + 4 : at + 8], data[at:end]
        at = end


def _encode_jpeg(pixels: Any, like: bytes) -> bytes:
    import PIL.Image
    import PIL.JpegImagePlugin

    # Its segments may hold anything, and aren't needed for its tables.
    with _open_original(_strip_jpeg(like), "JPEG") as original:
        tables: Any = getattr(original, "quantization", None)
        sampling = PIL.JpegImagePlugin.get_sampling(original)
        is_progressive = bool(original.info.get("progressive"))
    coded = io.BytesIO()
    picture = PIL.Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    # Other samplings than the usual three are told as -1; then colours are kept in full.
    picture.save(
        coded, "JPEG", qtables=tables, subsampling=max(sampling, 0), progressive=is_progressive, optimize=True
    )
    return coded.getvalue()


def _encode_webp(pixels: Any, like: bytes) -> bytes:
    import PIL.Image

    with _open_original(like, "WEBP") as original:
        kept = {name: original.info.get(name, b"") for name in ("exif", "icc_profile", "xmp")}
    if kept["exif"]:
        kept["exif"] = _settle_exif(kept["exif"])
    is_lossless = b"VP8L" in like[: _WEBP_HEAD_BYTES + len(kept["icc_profile"])]
    coded = io.BytesIO()
    quality = 100 if is_lossless else _WEBP_QUALITY
    PIL.Image.fromarray(pixels).save(coded, "WEBP", lossless=is_lossless, quality=quality, exact=True, **kept)
    return coded.getvalue()


@contextlib.contextmanager
def _open_original(data: bytes, kind: str) -> Iterator[Any]:
    try:
        with open_image(data, formats=(kind,)) as original:
            yield original
    except (ImageError, OSError, SyntaxError, ValueError) as error:
        raise ClipError(f"this {kind} cannot be read ({error})") from error


def _splice_jpeg(made: bytes, like: bytes) -> bytes:
    """Puts the segments of one JPEG that aren't of its pixels before the pixels of another."""
    kept = [_settle_segment(each) for marker, each in _list_segments(like) if _is_carried(marker, each)]
    return b"".join([_JPEG_START, *kept, _strip_jpeg(made)[len(_JPEG_START) :]])


def _strip_jpeg(data: bytes) -> bytes:
    """Takes the segments out of a JPEG that say nothing of its pixels' coding."""
    segments = list(_list_segments(data))
    coding = [each for marker, each in segments if marker not in (*_JPEG_APPS, _JPEG_COMMENT)]
    end = len(_JPEG_START) + sum(len(each) for _, each in segments)
    return b"".join([_JPEG_START, *coding, data[end:]])


def _list_segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Goes through the segments of a JPEG up to its pixels: marker, and all of its bytes."""
    at = len(_JPEG_START)
    while at + 4 <= len(data) and data[at] == 0xFF:
        name = at + 1
        while data[name : name + 1] == b"\xff":  # bytes that fill
            name += 1
        if data[name] == _JPEG_SCAN:
            return
        end = name + 1 + int.from_bytes(data[name + 1 : name + 3])
        yield data[name], data[at:end]
        at = end


def _is_carried(marker: int, segment: bytes) -> bool:
    is_metadata = marker == _JPEG_COMMENT or (marker in _JPEG_APPS and marker not in _JPEG_LEFT_OUT)
    return is_metadata and segment[4:8] != _OTHER_PICTURES


def _settle_segment(segment: bytes) -> bytes:
    """Takes the thumbnail out of EXIF's segment; other ones stay as they are."""
    if segment[4:10] != _EXIF:
        return segment
    return segment[:4] + _settle_exif(segment[4:])


def _settle_exif(exif: bytes) -> bytes:
    """Takes the thumbnail out of EXIF's data, which may begin with its name."""
    begin = len(_EXIF) if exif.startswith(_EXIF) else 0
    data = bytearray(exif[begin:])
    try:
        _drop_thumbnail(data)
    except struct.error:  # directories that lead nowhere: nobody finds a thumbnail in them either
        return exif
    return exif[:begin] + bytes(data)


def _drop_thumbnail(exif: bytearray) -> None:
    """Ends EXIF's list of directories after the first, and blanks the thumbnail that the second names."""
    order = ">" if exif[:2] == b"MM" else "<"
    (first,) = struct.unpack_from(f"{order}I", exif, 4)
    (count,) = struct.unpack_from(f"{order}H", exif, first)
    link = first + 2 + _ENTRY_BYTES * count
    (second,) = struct.unpack_from(f"{order}I", exif, link)
    if not second:
        return
    (count,) = struct.unpack_from(f"{order}H", exif, second)
    values: dict[int, int] = {}
    for number in range(count):
        tag, _, _, value = struct.unpack_from(f"{order}HHII", exif, second + 2 + _ENTRY_BYTES * number)
        values[tag] = value
    place = values.get(_THUMBNAIL_PLACE, 0)
    size = min(values.get(_THUMBNAIL_BYTES, 0), max(len(exif) - place, 0))
    exif[place : place + size] = bytes(size)
    struct.pack_into(f"{order}I", exif, link, 0)
