"""Pictures that a still's file holds beside its pixels: none of them stays in a swapped one."""

from __future__ import annotations

import base64
import binascii
import io
import struct
import zlib
from typing import TYPE_CHECKING

import numpy as np
import PIL.Image
import pytest

from recaster.errors import ClipError
from recaster.media.clip import Clip
from recaster.media.embedded_pictures import settle_exif, settle_resources, settle_text_chunk, settle_xmp
from recaster.media.picture_file import read_picture
from recaster.media.still_file import write_still
from recaster.settings.reading import ReadOptions

if TYPE_CHECKING:
    from pathlib import Path


def encode(kind: str, shade: int = 90) -> bytes:
    made = io.BytesIO()
    PIL.Image.new("RGB", (16, 8), (shade, 40, 200)).save(made, kind)
    return made.getvalue()


FACE = encode("JPEG")
XMP = b'<x:xmpmeta xmpGImg:image="%s" dc:title="a title"><GImage:Data>\n%s\n</GImage:Data></x:xmpmeta>' % (
    base64.b64encode(FACE),
    base64.encodebytes(FACE),
)


def resource(number: int, value: bytes, name: bytes = b"") -> bytes:
    named = bytes([len(name)]) + name
    head = b"8BIM" + struct.pack(">H", number) + named + bytes(len(named) % 2)
    return head + struct.pack(">I", len(value)) + value + bytes(len(value) % 2)


def tiff(strip: bytes) -> bytes:
    """EXIF: a maker's note with a JPEG in it, then a directory with a strip, and a broken link."""
    note = b"maker" + FACE + b"!"
    second = 8 + 2 + 12 + 4 + len(note)
    entries = struct.pack("<HHII", 0x111, 4, 1, second + 26) + struct.pack("<HHHHI", 0x117, 3, 1, 0, 0)[:8]
    entries += struct.pack("<I", len(strip))
    first = struct.pack("<HHHIII", 1, 0x927C, 7, len(note), 26, second)
    return b"II*\0\x08\0\0\0" + first + note + struct.pack("<H", 2) + entries + strip


def segment(marker: int, value: bytes) -> bytes:
    return bytes((0xFF, marker)) + struct.pack(">H", len(value) + 2) + value


def chunk(kind: bytes, value: bytes) -> bytes:
    return struct.pack(">I", len(value)) + kind + value + struct.pack(">I", zlib.crc32(kind + value))


def swap(path: Path) -> bytes:
    """Writes a still anew, with all else as its file has it."""
    out = path.with_name(f"out{path.suffix}")
    write_still(out, read_picture(path), like=path)
    with PIL.Image.open(out) as picture:
        picture.load()
    return out.read_bytes()


def test_exif_keeps_no_picture() -> None:
    strip = bytes(range(1, 40))
    settled = settle_exif(b"Exif\0\0" + tiff(strip))
    assert len(settled) == len(tiff(strip)) + 6
    assert b"\xff\xd8" not in settled
    assert strip[:30] not in settled
    assert b"maker" in settled
    assert settle_exif(b"Exif\0\0") == b"Exif\0\0"
    # Directories that lead nowhere, or in a circle.
    assert settle_exif(b"II*\0\xff\0\0\0") == b"II*\0\xff\0\0\0"
    assert b"\xff\xd8" not in settle_exif(b"II*\0\xff\0\0\0" + FACE)


def test_resources_keep_all_but_pictures() -> None:
    kept = resource(0x404, b"\x1c\x02\x05\0\x01t"), resource(0x3ED, b"odd", name=b"ab")
    gone = resource(0x40C, b"head" + FACE), resource(0x409, b"raw pixels"), resource(0xFA0, FACE)
    assert settle_resources(kept[0] + gone[0] + gone[1] + kept[1] + gone[2]) == b"".join(kept)
    assert settle_resources(kept[0] + b"no resource" + FACE) == kept[0]


def test_xmp_keeps_all_but_pictures() -> None:
    settled = settle_xmp(XMP)
    assert (
        settled == b'<x:xmpmeta xmpGImg:image="" dc:title="a title"><GImage:Data>\n</GImage:Data></x:xmpmeta>'
    )
    assert settle_xmp(XMP.decode().encode("utf-16")) == b""


def test_a_jpegs_segments_keep_no_picture(tmp_path: Path) -> None:
    made = encode("JPEG", 10)
    resources = b"Photoshop 3.0\0" + resource(0x404, b"iptc") + resource(0x40C, FACE)
    segments = [
        segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\2\1" + b"pixels"),
        segment(0xE0, b"JFXX\0\x10" + FACE),
        b"\xff\xff" + segment(0xE1, b"Exif\0\0" + tiff(b"a strip of a face")),
        segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + XMP),
        segment(0xE1, b"http://ns.adobe.com/xmp/extension/\0" + bytes(40) + XMP),
        segment(0xE3, b"preview" + FACE[:200]),
        segment(0xE3, FACE[200:]),
        segment(0xE5, b"a maker's"),
        # Resources go on in the next segment.
        segment(0xED, resources[:50]),
        segment(0xED, resources[:14] + resources[50:]),
    ]
    path = tmp_path / "photo.jpg"
    path.write_bytes(made[:2] + b"".join(segments) + made[20:])
    out = swap(path)
    assert out.count(b"\xff\xd8\xff") == 1
    assert not [each for each in (b"/9j/", b"pixels", b"a strip", b"JFXX", FACE[200:]) if each in out]
    assert not [each for each in (b"a maker's", b"iptc", b"a title", b"maker", b"JFIF") if each not in out]


def test_a_pngs_chunks_keep_no_picture(tmp_path: Path) -> None:
    made = encode("PNG")
    raw = b"\nexif\n%8d\n%s\n" % (len(tiff(b"")) + 6, binascii.hexlify(b"Exif\0\0" + tiff(b"")))
    chunks = [
        chunk(b"eXIf", tiff(b"a strip of a face")),
        chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(XMP)),
        chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(raw)),
        chunk(b"tEXt", b"Title\0a title"),
        chunk(b"mkBT", b"a whole picture"),
        chunk(b"prVw", FACE),
        chunk(b"iDOT", bytes(28)),
        chunk(b"fcTL", bytes(26)),
        chunk(b"fdAT", b"a frame"),
        chunk(b"abCd", b"safe to copy"),
    ]
    path = tmp_path / "photo.png"
    path.write_bytes(made[:33] + b"".join(chunks) + made[33:])
    out = swap(path)
    assert not [
        each for each in (b"\xff\xd8", b"a strip", b"mkBT", b"prVw", b"iDOT", b"fcTL", b"fdAT") if each in out
    ]
    assert chunks[3] in out
    assert chunks[-1] in out
    texts = PIL.Image.open(io.BytesIO(out)).text  # type: ignore[attr-defined]
    assert "a title" in texts["XML:com.adobe.xmp"]
    assert "/9j/" not in texts["XML:com.adobe.xmp"]
    assert binascii.hexlify(FACE[:4]) not in texts["Raw profile type exif"].encode()
    assert binascii.hexlify(b"maker") in texts["Raw profile type exif"].encode()


def test_a_text_that_cannot_be_unpacked_goes() -> None:
    assert settle_text_chunk(b"zTXt", b"Title\0\0broken") is None
    assert settle_text_chunk(b"tEXt", b"Title\0/9j/ and more") == b"Title\0/9j/ and more"


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif"])
def test_a_still_of_several_pictures_is_refused(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"several{suffix}"
    pictures = [PIL.Image.fromarray(np.full((8, 16, 3), shade, np.uint8)) for shade in (0, 90)]
    pictures[0].save(path, save_all=True, append_images=pictures[1:])
    with pytest.raises(ClipError, match=f"several.{suffix[1:]}: holds several pictures.*one still"):
        _ = Clip(path, ReadOptions(stills=True)).info
