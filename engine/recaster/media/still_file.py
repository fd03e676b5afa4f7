"""Files of stills: what they hold beside their pixels goes along as it is.

PNG's chunks are those of the W3C's Portable Network Graphics Specification (3rd edition), JPEG's segments
those of ITU-T T.81.
"""

from __future__ import annotations

import contextlib
import io
import re
import zlib
from typing import TYPE_CHECKING, Any, Final

from recaster.errors import ClipError, ImageError
from recaster.files import write_bytes
from recaster.media.embedded_pictures import (
    EXIF,
    PNG_HEAD,
    holds_jpeg,
    list_chunks,
    settle_exif,
    settle_resources,
    settle_text_chunk,
    settle_xmp,
)
from recaster.media.picture_file import (
    PICTURE_FORMATS,
    count_passed_over,
    read_header,
    several_pictures,
    write_picture,
)
from recaster.media.remote_files import open_binary, read_bytes
from recaster.still_images import open_image

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from recaster.media.picture_file import Attribute, PicturePart

_PNG_PIXELS: Final = (b"IHDR", b"IDAT", b"IEND")
_PNG_CARRIED: Final = (
    b"cHRM", b"gAMA", b"iCCP", b"sRGB", b"cICP", b"mDCV", b"mDCv", b"cLLI", b"cLLi", b"tIME",
    b"sCAL", b"pCAL", b"sTER",
)  # fmt: skip
"""Chunks that hold for other pixels, too, beside those that say so: the fifth bit of their last letter."""
_PNG_SAFE_BIT: Final = 0x20
_PNG_TEXTS: Final = (b"tEXt", b"zTXt", b"iTXt")
_JPEG_START: Final = b"\xff\xd8"
_JPEG_SCAN: Final = 0xDA
_JPEG_COMMENT: Final = 0xFE
_JPEG_APPS: Final = range(0xE0, 0xF0)
_JPEG_LEFT_OUT: Final = (0xEB, 0xEE)
"""The manifest of the picture as it was, and Adobe's note on how its colours were coded."""
_JPEG_MAX_BYTES: Final = 0xFFFF - 2
_JFIF: Final = b"JFIF\0"
_JFIF_BYTES: Final = 12
"""Of JFIF's segment before the size of a thumbnail and its pixels."""
_PROFILE: Final = b"ICC_PROFILE\0"
_MULTIPLE: Final = b"MPF\0"
_OTHER_PICTURES: Final = (_MULTIPLE, b"FPXR\0")
_XMP: Final = b"http://ns.adobe.com/xap/1.0/\0"
_MORE_XMP: Final = b"http://ns.adobe.com/xmp/extension/\0"
_MORE_XMP_NOTE: Final = re.compile(rb"""\s+xmpNote:HasExtendedXMP\s*=\s*(?:"\w*"|'\w*')""")
_RESOURCES: Final = b"Photoshop 3.0\0"
_WEBP_HEAD_BYTES: Final = 256
"""In which, but for a profile before it, the kind of a WebP's pixels is told."""
_HEAD_BYTES: Final = 2**20
"""In which a PNG tells that it is animated: before its pixels."""
_WEBP_QUALITY: Final = 95
_CARRIED: Final = (
    "ICCProfile", "Make", "Model", "Software", "Artist", "Copyright", "ImageDescription", "DateTime",
    "XResolution", "YResolution", "ResolutionUnit",
)  # fmt: skip
"""Attributes, beside EXIF's, IPTC's and GPS', that say the same in pictures of another kind."""
_MAKER_NOTE: Final = "Exif:MakerNote"
"""It may hold a picture, and offsets that hold in its own file alone."""
_CARRIED_FAMILIES: Final = ("Exif:", "IPTC:", "GPS:")


def write_still(path: Path, parts: Sequence[PicturePart], like: Path) -> None:
    """Writes the parts of a still over which was painted, with all else as the file ``like`` has it.

    JPEG is coded with the tables of that file, so that what wasn't painted changes as little as can be.
    Other pictures in the file, thumbnails say, go, for they'd show what was painted over.
    """
    kind = PICTURE_FORMATS[path.suffix.lower()]
    original = read_bytes(like)
    if kind == "jpeg":
        write_bytes(path, _splice_jpeg(_encode_jpeg(parts[0].pixels, original), original))
    elif kind == "webp":
        write_bytes(path, _encode_webp(parts[0].pixels, original))
    else:
        write_picture(path, parts, like=like)
    if kind == "png":
        write_bytes(path, _splice_png(path.read_bytes(), original))


def refuse_several_pictures(path: Path) -> None:
    """Refuses a still's file that holds an animation or several pages (ClipError).

    Reduced copies of the picture, as cameras have them in JPEG and TIFF, aren't others.
    """
    suffix = path.suffix.lower()
    with open_binary(path) as file:
        head = file.read(_HEAD_BYTES)
    is_moving = suffix == ".png" and b"acTL" in head
    if is_moving or (suffix in (".tif", ".tiff") and count_passed_over(path)):
        raise several_pictures(path)


def has_further_pictures(path: Path) -> bool:
    """Tells whether a JPEG says that more pictures follow it: another view, a map of depth or of gain."""
    if PICTURE_FORMATS[path.suffix.lower()] != "jpeg":
        return False
    segments = _list_segments(read_bytes(path))
    return any(each.lstrip(b"\xff")[3:].startswith(_MULTIPLE) for _, each in segments)


def list_carried_attributes(path: Path) -> list[Attribute]:
    """Lists a still's attributes that go along into a picture of another kind: profile, camera, author."""
    attributes = read_header(path)[0].attributes
    named = [each for each in attributes if each[0] in _CARRIED or each[0].startswith(_CARRIED_FAMILIES)]
    return [each for each in named if each[0] != _MAKER_NOTE]


def _splice_png(made: bytes, like: bytes) -> bytes:
    """Puts the chunks of one PNG that aren't of its pixels before the pixels of another."""
    pixels = [chunk for kind, chunk in list_chunks(made) if kind in _PNG_PIXELS]
    others = [_settle_chunk(kind, chunk) for kind, chunk in list_chunks(like)]
    return b"".join([PNG_HEAD, pixels[0], *others, *pixels[1:]])


def _settle_chunk(kind: bytes, chunk: bytes) -> bytes:
    """Takes pictures out of a PNG's chunk; nothing is left of one that is of the pixels themselves.

    Programs that change pixels leave chunks out that they don't know, unless these say that they still hold.
    """
    if kind not in _PNG_CARRIED and not kind[3] & _PNG_SAFE_BIT:
        return b""
    value: bytes | None = chunk[8:-4]
    if kind == b"eXIf":
        value = settle_exif(chunk[8:-4])
    elif kind in _PNG_TEXTS:
        value = settle_text_chunk(kind, chunk[8:-4])
    elif kind != b"iCCP" and holds_jpeg(chunk):
        return b""
    if value is None:
        return b""
    named = kind + value
    return len(value).to_bytes(4) + named + zlib.crc32(named).to_bytes(4)


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
        kept["exif"] = settle_exif(kept["exif"])
    kept["xmp"] = settle_xmp(kept["xmp"])
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
    kept = _settle_segments(_list_segments(like))
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


def _settle_segments(segments: Iterable[tuple[int, bytes]]) -> list[bytes]:
    """Takes out of a JPEG's segments what is of its pixels, and other pictures; resources come last."""
    is_metadata = {*_JPEG_APPS, _JPEG_COMMENT} - {*_JPEG_LEFT_OUT}
    values = [(marker, each.lstrip(b"\xff")[3:]) for marker, each in segments if marker in is_metadata]
    others = [
        (marker, value) for marker, value in values if not value.startswith((EXIF, _PROFILE, _RESOURCES))
    ]
    # A picture may go on in the next segments.
    pictured = {marker for marker, value in others if holds_jpeg(value)}
    kept: list[tuple[int, bytes]] = []
    has_exif = False
    resources = b""
    for marker, value in values:
        if value.startswith(EXIF):
            kept += [] if has_exif else [(marker, settle_exif(value))]
            has_exif = True
        elif value.startswith(_RESOURCES):
            resources += value[len(_RESOURCES) :]
        elif value.startswith(_PROFILE):
            kept.append((marker, value))
        elif value.startswith(_XMP):
            kept.append((marker, _XMP + settle_xmp(_MORE_XMP_NOTE.sub(b"", value[len(_XMP) :]))))
        elif marker == _JPEG_APPS[0]:
            if value.startswith(_JFIF):
                kept.append((marker, value[:_JFIF_BYTES] + bytes(2)))
        elif marker not in pictured and not value.startswith((*_OTHER_PICTURES, _MORE_XMP)):
            kept.append((marker, value))
    return [_make_segment(*each) for each in [*kept, *_split_resources(settle_resources(resources))]]


def _split_resources(resources: bytes) -> list[tuple[int, bytes]]:
    step = _JPEG_MAX_BYTES - len(_RESOURCES)
    return [(0xED, _RESOURCES + resources[at : at + step]) for at in range(0, len(resources), step)]


def _make_segment(marker: int, value: bytes) -> bytes:
    return bytes((0xFF, marker)) + (len(value) + 2).to_bytes(2) + value
