"""Files of single pictures: OpenEXR, DPX, TIFF, PNG, JPEG and WebP, as named channels, by OpenImageIO."""

from __future__ import annotations

import contextlib
import itertools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from recaster.errors import ClipError, OutputError
from recaster.files import atomic_file
from recaster.media.decoder import MAX_PIXELS, MAX_SIDE
from recaster.media.remote_files import is_file, local_file, open_binary, read_bytes
from recaster.media.types import Rect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

PICTURE_FORMATS: Final = {
    ".exr": "openexr",
    ".dpx": "dpx",
    ".tif": "tiff",
    ".tiff": "tiff",
    ".png": "png",
    ".jpg": "jpeg",
    ".jpeg": "jpeg",
    ".webp": "webp",
}
"""OpenImageIO's names of the formats, by suffix."""
MAX_PARTS: Final = 1000
MAX_SAMPLES: Final = 4 * MAX_PIXELS
"""Of all channels of one file together."""
_TYPES: Final = {
    "uint8": np.uint8,
    "uint16": np.uint16,
    "half": np.float16,
    "float": np.float32,
    "uint": np.uint32,
}
_OTHER_COLOURS: Final = {
    5: "CMYK",
    8: "CIELAB",
    9: "ICCLAB",
    10: "ITULAB",
    32844: "LogL",
    32845: "LogLuv",
    "CMYK": "CMYK",
    "YCbCrK": "CMYK",
}
"""Colours that OpenImageIO converts to RGB, or takes for it, by TIFF's numbers and its names of JPEG's."""
_JPEG_DAMAGE: Final = re.compile(
    r"Premature end|Corrupt JPEG data: (?!\d+ extraneous bytes before marker 0xd9)"
)
"""Warnings of libjpeg after which pixels are made up; others are about headers, and what some cameras put
before the end marker."""
_DEPTHS: Final = {np.dtype(value): name for name, value in _TYPES.items()}

Attribute = tuple[str, str, Any]
"""Name, OpenImageIO's type, value."""


@dataclass(frozen=True, eq=False)
class PicturePart:
    """One picture of a file; OpenEXR's may have several, one after the other.

    Attributes:
        channels: their names, in order.
        pixels: (H, W, C) uint8, uint16 or uint32 over their whole range, float16 or float32.
        name: "" where the file gives it none.
        place: of ``pixels`` (OpenEXR's data window), counted from the corner of the picture as shown; it may
            reach beyond that. None where it is all of it.
        size: width and height of the picture as shown (display window); None for those of ``pixels``.
        types: of the channels, where they differ from each other: "half" and "float", say; else empty.
        attributes: the header's.
        origin: where the file says that the picture as shown begins: left and top.
    """

    channels: tuple[str, ...]
    pixels: NDArray[Any]
    name: str = ""
    place: Rect | None = None
    size: tuple[int, int] | None = None
    types: tuple[str, ...] = ()
    attributes: tuple[Attribute, ...] = ()
    origin: tuple[int, int] = (0, 0)


def read_header(path: Path) -> tuple[PicturePart, ...]:
    """Reads what a file says of its parts; their pixels are empty (ClipError where it can't be read).

    Of formats other than OpenEXR, further pictures of a file are passed over.
    """
    with _open_parts(path) as reader:
        return tuple(
            _read_part(path, reader, number, has_pixels=False) for number in _list_parts(path, reader)
        )


def read_picture(path: Path) -> tuple[PicturePart, ...]:
    """Reads all parts of a file (ClipError where one can't be read).

    Colours are as they are stored, also where they aren't multiplied by their alpha.
    """
    with _open_parts(path) as reader:
        samples = 0
        parts = []
        for number in _list_parts(path, reader):
            spec = reader.spec()
            samples += spec.width * spec.height * spec.nchannels
            if samples > MAX_SAMPLES:
                raise ClipError(
                    f"{path}: its channels are too large: at most {MAX_SAMPLES} values are allowed"
                )
            parts.append(_read_part(path, reader, number, has_pixels=True))
        return tuple(parts)


def read_channels(path: Path, part: int, begin: int, end: int) -> tuple[PicturePart, bool]:
    """Reads the channels from ``begin`` to before ``end`` of one part (ClipError where it can't be read).

    Returns them, and whether they are all that the file holds.
    """
    with _open_parts(path) as reader:
        if not reader.seek_subimage(part, 0) or reader.spec().nchannels < end:
            raise ClipError(f"{path}: it has other channels than the sequence's first picture")
        _check_part(path, reader.spec())
        channels = _read_part(path, reader, part, has_pixels=True, channels=slice(begin, end))
        has_all_channels = end - begin == reader.spec().nchannels
        is_only = part == 0 and not (_has_layers(path) and reader.seek_subimage(1, 0))
        return channels, has_all_channels and is_only


def count_passed_over(path: Path) -> int:
    """Counts the pages of a file beside its first and its reduced copies (ClipError: it can't be read)."""
    if _has_layers(path):
        return 0
    with _open_parts(path) as reader:
        others = itertools.takewhile(lambda number: reader.seek_subimage(number, 0), range(1, MAX_PARTS + 1))
        return sum(not (reader.spec().getattribute("tiff:subfiletype") or 0) & 1 for _ in others)


def _has_layers(path: Path) -> bool:
    """Tells whether further pictures in a file are layers of its first, and not pages of their own."""
    return PICTURE_FORMATS[path.suffix.lower()] == "openexr"


@contextlib.contextmanager
def _open_parts(path: Path) -> Iterator[Any]:
    import OpenImageIO

    if not is_file(path):
        raise ClipError(f"{path}: there is no such picture")
    if not is_text(str(path)):
        raise ClipError(f"{path}: its name is not in UTF-8; rename it")
    # By the suffix alone: it would try all its readers on a file that isn't what its name says.
    OpenImageIO.attribute("try_all_readers", 0)
    hints = OpenImageIO.ImageSpec()
    hints.attribute("oiio:UnassociatedAlpha", 1)
    with local_file(path) as real:
        reader = OpenImageIO.ImageInput.open(str(real), hints)
        if reader is None:
            raise ClipError(f"{path}: this picture cannot be read ({_read_reason(OpenImageIO.geterror)})")
        try:
            yield reader
        finally:
            _read_reason(reader.geterror)  # that there is no further part
            reader.close()
        reader.close()


def _read_reason(read: Callable[[], str]) -> str:
    """Reads the first line of an error's text, which may quote bytes of a broken file."""
    try:
        return next(iter(read().splitlines()), "no reason is known")
    except UnicodeDecodeError:
        return "it is damaged"


def _list_parts(path: Path, reader: Any) -> Iterator[int]:
    """Goes through the parts of an opened file: their numbers."""
    number = 0
    while reader.seek_subimage(number, 0):
        if number == MAX_PARTS:
            raise ClipError(f"{path}: has more than {MAX_PARTS} parts")
        _check_part(path, reader.spec())
        yield number
        if not _has_layers(path):
            return
        number += 1


def several_pictures(path: Path) -> ClipError:
    """The error to raise where a file holds more than the one picture that is wanted."""
    return ClipError(f"{path}: holds several pictures; save the one that is meant as one still")


def _check_part(path: Path, spec: Any) -> None:
    if spec.getattribute("oiio:Movie"):  # an animated WebP
        raise several_pictures(path)
    if spec.deep:
        raise ClipError(f"{path}: deep pictures cannot be used; flatten them first")
    stated = (spec.getattribute(name) for name in ("tiff:PhotometricInterpretation", "jpeg:ColorSpace"))
    other = next((_OTHER_COLOURS[value] for value in stated if value in _OTHER_COLOURS), None)
    if other is not None:
        raise ClipError(f"{path}: its colours are {other}; convert it to RGB first")
    if str(spec.format) not in _TYPES:
        raise ClipError(
            f"{path}: values of the type {spec.format} cannot be used; save it with 8 or 16 bits without a "
            "sign, or floats of 32"
        )
    for width, height in ((spec.width, spec.height), (spec.full_width, spec.full_height)):
        if max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
            raise ClipError(
                f"{path}: {width}x{height} pixels are too many: at most {MAX_PIXELS} are allowed, and "
                f"{MAX_SIDE} to a side; scale it down"
            )


def _read_part(
    path: Path, reader: Any, number: int, *, has_pixels: bool, channels: slice = slice(None)
) -> PicturePart:
    spec = reader.spec()
    types = tuple(str(each) for each in spec.channelformats)[channels]
    begin, end, _ = channels.indices(spec.nchannels)
    # Wider than any single channel's: 16-bit floats fit into 32, other integers into the next larger ones.
    stored = types[0] if types else str(spec.format)
    types = types if len(set(types)) > 1 else ()
    name = stored if stored in _TYPES and not types else "float"
    if not has_pixels:
        pixels: Any = np.empty((0, 0, end - begin), _TYPES[name])
    else:
        pixels = reader.read_image(number, 0, begin, end, name)
        reason = _read_reason(reader.geterror)
        if pixels is None or _JPEG_DAMAGE.search(reason):
            raise ClipError(f"{path}: this picture cannot be read ({reason})")
    left = spec.x - spec.full_x
    top = spec.y - spec.full_y
    return PicturePart(
        tuple(spec.channelnames)[channels],
        pixels,
        str(spec.getattribute("oiio:subimagename") or ""),
        Rect(left, top, left + spec.width, top + spec.height),
        (spec.full_width, spec.full_height),
        types,
        tuple(_list_attributes(spec)),
        (spec.full_x, spec.full_y),
    )


def _list_attributes(spec: Any) -> Iterator[Attribute]:
    """Lists a header's attributes; texts in another encoding than UTF-8 are taken for Latin-1."""
    for each in spec.extra_attribs:
        value = each.value
        if isinstance(value, str):
            data = value.encode("utf-8", "surrogateescape")
            value = value if data == value.encode("utf-8", "replace") else data.decode("latin-1")
        yield each.name, str(each.type), value


def write_picture(path: Path, parts: Sequence[PicturePart], like: Path | None = None) -> None:
    """Writes parts as one file, which appears whole under its name (OutputError where that fails).

    Only OpenEXR takes several. The same parts give the same bytes, if they say a date or "" for none.

    Args:
        like: a file of the same format; of DPX, all but its samples stays, if they lie in the same way.
    """
    import OpenImageIO

    writer: Any = OpenImageIO.ImageOutput.create(PICTURE_FORMATS[path.suffix.lower()])
    specs = [_describe_part(part) for part in parts]
    is_dpx = path.suffix.lower() == ".dpx"
    if is_dpx and like is not None:
        specs[0].attribute("oiio:Endian", "big" if _read_start(like, 4) == b"SDPX" else "little")
    with atomic_file(path) as temporary:
        modes = ["Create"] + ["AppendSubimage"] * (len(parts) - 1)
        for part, spec, mode in zip(parts, specs, modes, strict=True):
            if mode == "Create" and len(specs) > 1:
                is_open = writer.open(str(temporary), tuple(specs))
            else:
                is_open = writer.open(str(temporary), spec, mode)
            if not is_open or not writer.write_image(np.ascontiguousarray(part.pixels)):
                raise OutputError(f"{path}: this picture cannot be written ({writer.geterror()})")
        if not writer.close():
            raise OutputError(f"{path}: this picture cannot be written ({writer.geterror()})")
        if is_dpx:
            _settle_dpx_header(temporary, like)


def _settle_dpx_header(path: Path, like: Path | None) -> None:
    """Gives a DPX file what stands around another's samples, or takes its temporary name out of its own.

    The places are those of SMPTE ST 268-1.
    """
    written = path.read_bytes()
    other = b"" if like is None else read_bytes(like)
    if like is not None and _describe_dpx_layout(written) == _describe_dpx_layout(other):
        samples = written[_find_dpx_samples(written) :]
        begin = _find_dpx_samples(other)
        settled = other[:begin] + samples + other[begin + len(samples) :]
    else:
        settled = written[:36] + bytes(100) + written[136:]
    path.write_bytes(settled)


def _find_dpx_samples(data: bytes) -> int:
    return int.from_bytes(data[4:8], "big" if data[:1] == b"S" else "little")


def _describe_dpx_layout(data: bytes) -> tuple[bytes, ...]:
    """Describes how samples are stored: byte order, size, kind, bits, packing and paddings."""
    paddings = (data[at : at + 4].replace(b"\xff", b"\0") for at in (812, 816))
    return data[:4], data[768:784], data[800:801], data[803:808], *paddings


def _read_start(path: Path, count: int) -> bytes:
    with open_binary(path) as file:
        return file.read(count)


def _describe_part(part: PicturePart) -> Any:
    import OpenImageIO

    height, width, count = part.pixels.shape
    spec = OpenImageIO.ImageSpec(width, height, count, _DEPTHS[part.pixels.dtype])
    spec.channelnames = part.channels
    # TIFF says so of a channel: unsaid, grey with alpha comes back as red and green.
    spec.alpha_channel = part.channels.index("A") if "A" in part.channels else -1
    if part.types:
        spec.channelformats = tuple(OpenImageIO.TypeDesc(each) for each in part.types)
    place = part.place or Rect(0, 0, width, height)
    spec.full_x, spec.full_y = part.origin
    spec.x = place.left + spec.full_x
    spec.y = place.top + spec.full_y
    spec.full_width, spec.full_height = part.size or (width, height)
    for name, kind, value in part.attributes:
        if isinstance(value, str) and not value.isascii() and not is_text(value):
            continue
        spec.attribute(name, OpenImageIO.TypeDesc(kind), value)
    if part.name:
        spec.attribute("oiio:subimagename", part.name)
    return spec


def is_text(value: str) -> bool:
    """Tells whether a name, or a header's text, is some in UTF-8: fields not filled in hold any bytes."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
