"""Colour tags: ffmpeg's numbers, their names, and what untagged pictures are taken for.

The numbers are those of ITU-T H.273, which ffmpeg's enumerations follow.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from recaster.errors import ClipError
from recaster.media.types import ClipInfo, ColourTags

if TYPE_CHECKING:
    from collections.abc import Mapping

UNKNOWN = 2
RANGES = {1: "tv", 2: "pc"}
MATRICES = {
    0: "gbr",
    1: "bt709",
    4: "fcc",
    5: "bt470bg",
    6: "smpte170m",
    7: "smpte240m",
    8: "ycgco",
    9: "bt2020nc",
    10: "bt2020c",
    14: "ictcp",
}
PRIMARIES = {
    1: "bt709",
    4: "bt470m",
    5: "bt470bg",
    6: "smpte170m",
    7: "smpte240m",
    8: "film",
    9: "bt2020",
    10: "smpte428",
    11: "smpte431",
    12: "smpte432",
    22: "ebu3213",
}
TRANSFERS = {
    1: "bt709",
    4: "bt470m",
    5: "bt470bg",
    6: "smpte170m",
    7: "smpte240m",
    8: "linear",
    9: "log100",
    10: "log316",
    11: "iec61966-2-4",
    12: "bt1361e",
    13: "iec61966-2-1",
    14: "bt2020-10",
    15: "bt2020-12",
    16: "smpte2084",
    17: "smpte428",
    18: "arib-std-b67",
}
HDR_TRANSFERS = {"smpte2084": "PQ", "arib-std-b67": "HLG"}

_SWSCALE = {"bt709": 1, "fcc": 4, "bt470bg": 5, "smpte170m": 5, "smpte240m": 7, "bt2020nc": 9, "bt2020c": 9}
_FULL_RANGE_FORMATS = ("yuvj420p", "yuvj422p", "yuvj444p", "yuvj440p", "yuvj411p")

MIN_HD_WIDTH_PX = 1280
MAX_SD_HEIGHT_PX = 576


def read_colour_tags(holder: Any) -> ColourTags:
    """Reads the colour tags of a decoded frame or a codec context."""
    pixel_format = holder.format.name if holder.format else ""
    range_ = "pc" if pixel_format in _FULL_RANGE_FORMATS else RANGES.get(int(holder.color_range))
    return ColourTags(
        range=range_,
        matrix=_tag_name(int(holder.colorspace), MATRICES),
        primaries=_tag_name(int(holder.color_primaries), PRIMARIES),
        transfer=_tag_name(int(holder.color_trc), TRANSFERS),
    )


def fill_missing_tags(tags: ColourTags, stated: ColourTags) -> ColourTags:
    """Fills what is missing in ``tags`` from ``stated``."""
    return ColourTags(
        range=tags.range or stated.range,
        matrix=tags.matrix or stated.matrix,
        primaries=tags.primaries or stated.primaries,
        transfer=tags.transfer or stated.transfer,
    )


def _tag_name(number: int, names: Mapping[int, str]) -> str | None:
    return None if number == UNKNOWN else names.get(number, str(number))


def choose_matrix(tags: ColourTags, width: int, height: int) -> str:
    """Chooses the YUV matrix to use: the tagged one, else bt709 for HD and smpte170m for smaller pictures.

    HD means what mpv means by it (at least 1280 wide or more than 576 high), here without regard
    to orientation, so that a turned clip keeps its matrix.
    """
    if tags.matrix is not None and tags.matrix != "gbr":
        return tags.matrix
    is_hd = max(width, height) >= MIN_HD_WIDTH_PX or min(width, height) > MAX_SD_HEIGHT_PX
    return "bt709" if is_hd else "smpte170m"


def swscale_matrix(matrix: str, what: object) -> int:
    """Finds the number that swscale has for a matrix.

    Raises:
        ClipError: swscale cannot convert this matrix; the message names ``what``.
    """
    if matrix not in _SWSCALE:
        raise ClipError(
            f"{what}: its colour matrix ({matrix}) cannot be read; convert the clip to bt709 first"
        )
    return _SWSCALE[matrix]


def choose_output_tags(info: ClipInfo, *, full_range: bool = True) -> ColourTags:
    """Chooses the tags for a clip made from ``info``: the same; bt709, limited where the source is RGB.

    An untagged YUV source stays untagged: it is read and written with one matrix, so whatever a
    player takes it for, it shows the result and the source alike.

    Args:
        info: the source.
        full_range: whether the codec can say that it holds full range; else limited range is written.
    """
    rgb = info.pixel_format.startswith(("rgb", "bgr", "gbr", "argb", "abgr", "pal8", "0rgb", "0bgr"))
    if rgb or info.colour.matrix == "gbr":
        transfer = info.colour.transfer or "bt709"
        return ColourTags("tv", "bt709", info.colour.primaries or "bt709", transfer)
    if info.colour.range == "pc" and not full_range:
        return dataclasses.replace(info.colour, range="tv")
    return info.colour


def find_tag_number(name: str | None, names: Mapping[int, str], unknown: int = UNKNOWN) -> int:
    """Finds the number of a tag's name; ``unknown`` for None or a name that has none."""
    return next((number for number, known in names.items() if known == name), unknown)
