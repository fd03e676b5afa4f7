"""Colour tags: ffmpeg's numbers, their names, and what untagged pictures are taken for.

The numbers are those of ITU-T H.273, which ffmpeg's enumerations follow.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Final

from recaster.errors import ClipError
from recaster.media.types import ClipInfo, ColourTags

_RANGES: Final = {0: None, 1: "tv", 2: "pc"}
_MATRICES: Final = {
    0: "gbr", 1: "bt709", 2: None, 4: "fcc", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 8: "ycgco",
    9: "bt2020nc", 10: "bt2020c", 14: "ictcp",
}  # fmt: skip
_PRIMARIES: Final = {
    1: "bt709", 2: None, 4: "bt470m", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 8: "film", 9: "bt2020",
    10: "smpte428", 11: "smpte431", 12: "smpte432", 22: "ebu3213",
}  # fmt: skip
_TRANSFERS: Final = {
    1: "bt709", 2: None, 4: "bt470m", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 8: "linear", 9: "log100",
    10: "log316", 11: "iec61966-2-4", 12: "bt1361e", 13: "iec61966-2-1", 14: "bt2020-10", 15: "bt2020-12",
    16: "smpte2084", 17: "smpte428", 18: "arib-std-b67",
}  # fmt: skip
_FIELDS: Final[dict[str, tuple[str, dict[int, str | None]]]] = {
    "range": ("color_range", _RANGES),
    "matrix": ("colorspace", _MATRICES),
    "primaries": ("color_primaries", _PRIMARIES),
    "transfer": ("color_trc", _TRANSFERS),
}
"""For each field of ``ColourTags`` PyAV's attribute and the names of its numbers; None is "unspecified"."""
BT709: Final = ColourTags("tv", "bt709", "bt709", "bt709")
"""Of clips that are made to look at."""
LINEAR_TRANSFER: Final = "linear"
HDR_TRANSFERS: Final = {"smpte2084": "PQ", "arib-std-b67": "HLG"}

_SWSCALE: Final = {
    "bt709": 1, "fcc": 4, "bt470bg": 5, "smpte170m": 5, "smpte240m": 7, "bt2020nc": 9, "bt2020c": 9,
}  # fmt: skip
_FULL_RANGE_FORMATS: Final = ("yuvj420p", "yuvj422p", "yuvj444p", "yuvj440p", "yuvj411p")

MIN_HD_WIDTH_PX: Final = 1280
MAX_SD_HEIGHT_PX: Final = 576


def read_colour_tags(holder: Any) -> ColourTags:
    """Reads the colour tags of a decoded frame or a codec context."""
    tags = {}
    for field, (attribute, names) in _FIELDS.items():
        number = int(getattr(holder, attribute))
        tags[field] = names.get(number, str(number))
    if holder.format is not None and holder.format.name in _FULL_RANGE_FORMATS:
        tags["range"] = "pc"
    return ColourTags(**tags)


def name_tags(primaries: int, transfer: int) -> tuple[str | None, str | None]:
    """Names primaries and transfer by their numbers; None for those without a name."""
    return _PRIMARIES.get(primaries), _TRANSFERS.get(transfer)


def describe_hdr(transfer: str) -> str:
    """Describes how clips of one of ``HDR_TRANSFERS`` are worked on."""
    name = HDR_TRANSFERS[transfer]
    return f"HDR ({name}): faces are made in a tone-mapped view and laid over the clip's own values"


def write_colour_tags(holder: Any, tags: ColourTags) -> None:
    """Gives a frame or a codec context these tags; "unspecified" for None or a name that has no number."""
    for field, number in find_numbers(tags).items():
        setattr(holder, _FIELDS[field][0], number)


def find_numbers(tags: ColourTags) -> dict[str, int]:
    """Finds the numbers of ITU-T H.273 for these tags, by field; "unspecified" where there is none."""
    numbers = {}
    for field, (_, names) in _FIELDS.items():
        by_name = {name: number for number, name in names.items()}
        numbers[field] = by_name.get(getattr(tags, field), by_name[None])
    return numbers


def fill_missing_tags(tags: ColourTags, stated: ColourTags) -> ColourTags:
    """Fills what is missing in ``tags`` from ``stated``."""
    return ColourTags(**{field: getattr(tags, field) or getattr(stated, field) for field in _FIELDS})


def choose_matrix(tags: ColourTags, size: tuple[int, int], what: object) -> int:
    """Chooses the YUV matrix of pictures of a (width, height), as swscale's number.

    It is the tagged one, else bt709 for HD and smpte170m for smaller pictures. HD means what mpv means by it
    (at least 1280 wide or more than 576 high), here without regard to orientation, so that a turned clip
    keeps its matrix.

    Raises:
        ClipError: swscale cannot convert this matrix; the message names ``what``.
    """
    matrix = tags.matrix
    if matrix is None or matrix == "gbr":
        is_hd = max(size) >= MIN_HD_WIDTH_PX or min(size) > MAX_SD_HEIGHT_PX
        matrix = "bt709" if is_hd else "smpte170m"
    if matrix not in _SWSCALE:
        raise ClipError(
            f"{what}: its colour matrix ({matrix}) cannot be read; convert the clip to bt709 first"
        )
    return _SWSCALE[matrix]


def tags_of_movie(info: ClipInfo) -> ColourTags:
    """The colour tags of a movie that holds a clip's values: of light that of its view, which is written."""
    if info.is_sequence and info.colour.transfer == LINEAR_TRANSFER:
        return dataclasses.replace(info.colour, primaries="bt709", transfer="iec61966-2-1")
    return info.colour


def choose_output_tags(info: ClipInfo, *, full_range: bool = True) -> ColourTags:
    """Chooses the tags for a clip made from ``info``: the same; bt709, limited where the source is RGB.

    An untagged YUV source stays untagged: it is read and written with one matrix, so whatever a
    player takes it for, it shows the result and the source alike.

    Args:
        full_range: whether the codec can say that it holds full range; else limited range is written.
    """
    colour = tags_of_movie(info)
    rgb = info.pixel_format.startswith(("rgb", "bgr", "gbr", "argb", "abgr", "pal8", "0rgb", "0bgr"))
    if rgb or colour.matrix == "gbr":
        transfer = colour.transfer or "bt709"
        return ColourTags("tv", "bt709", colour.primaries or "bt709", transfer)
    if colour.range == "pc" and not full_range:
        return dataclasses.replace(colour, range="tv")
    return colour
