"""Meaning of a picture's header: rate, timecode, tags, shape and colours of its sequence."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

import PyOpenColorIO

from recaster.errors import ClipError, UsageError
from recaster.media.colour_tags import LINEAR_TRANSFER, name_tags
from recaster.media.colour_view import BT709_PRIMARIES, ColourView, find_matrix
from recaster.media.metadata import Metadata
from recaster.media.picture import build_shape
from recaster.media.types import ColourTags
from recaster.settings.reading import MAX_RATE, restore_ntsc
from recaster.still_images import is_srgb_profile

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from recaster.media.colour_view import Chromaticities
    from recaster.media.picture_file import PicturePart
    from recaster.media.picture_layer import PictureLayer
    from recaster.media.types import Shape

    Header = Mapping[str, Any]
    """Values of a picture's attributes, by OpenImageIO's names."""

_ORIENTATIONS: Final = {
    2: (0, True), 3: (180, False), 4: (180, True), 5: (270, True), 6: (90, False), 7: (90, True),
    8: (270, False),
}  # fmt: skip
"""Degrees clockwise to turn, and whether to mirror before, by EXIF's numbers."""
_FIXED: Final = 1 << 16
_TAGS: Final = {"ImageDescription": "comment", "Artist": "artist", "Copyright": "copyright"}
"""Tags of clips by the attributes that say the same."""
_MAX_TIMECODE_RATE: Final = 30
"""SMPTE ST 12-1 has no room for more frames a second: above, each number stands for two."""
_GAMMA: Final = 2.2
_GAMMA_TOLERANCE: Final = 0.03
_LOG_TRANSFERS: Final = ("Printing density", "Logarithmic")
_ACES_WHITE: Final = (0.32168, 0.33767)
_D65_WHITE: Final = (0.3127, 0.3290)
LINEAR_PRIMARIES: Final[Mapping[str, Chromaticities]] = {
    "lin_rec709_scene": BT709_PRIMARIES,
    "lin_ap1_scene": (0.713, 0.293, 0.165, 0.830, 0.128, 0.044, *_ACES_WHITE),
    "lin_ap0_scene": (0.7347, 0.2653, 0.0, 1.0, 0.0001, -0.077, *_ACES_WHITE),
    "lin_rec2020_scene": (0.708, 0.292, 0.170, 0.797, 0.131, 0.046, *_D65_WHITE),
    "lin_p3d65_scene": (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, *_D65_WHITE),
}
"""Primaries of linear spaces, by the Color Interop Forum's names."""


def read_attributes(part: PicturePart) -> dict[str, Any]:
    """Reads a part's attributes as values by their names."""
    return {name: value for name, _, value in part.attributes}


def read_rate(header: Header) -> Fraction | None:
    """Reads frames per second from OpenEXR's or DPX's header; None where it doesn't say."""
    stated = header.get("framesPerSecond")
    if isinstance(stated, tuple) and len(stated) == 2 and stated[1]:
        rate = Fraction(int(stated[0]), int(stated[1]))
        return rate if 0 < rate <= MAX_RATE else None
    # Of film and television; a writer without a rate fills them with anything.
    for name in ("dpx:FrameRate", "dpx:TemporalFrameRate"):
        number = header.get(name)
        if isinstance(number, float) and math.isfinite(number) and 1 <= number <= MAX_RATE:
            return restore_ntsc(Fraction(number).limit_denominator(10_000))
    return None


def read_sequence_metadata(header: Header, rate: Fraction) -> Metadata:
    """Reads what a clip keeps of the first picture's header beside its colours."""
    reel = header.get("reelName")
    return Metadata(
        tags={tag: str(header[name]) for name, tag in _TAGS.items() if header.get(name)},
        timecode=_read_timecode(header),
        timecode_rate=rate if rate <= _MAX_TIMECODE_RATE else rate / 2,
        reel=str(reel) if reel else None,
    )


def _read_timecode(header: Header) -> str | None:
    """Reads the timecode, packed as for television of 60 fields (SMPTE ST 12-1)."""
    words = header.get("smpte:TimeCode")
    if not isinstance(words, tuple) or len(words) != 2:
        return None
    word = int(words[0])
    if word == 0 and "dpx:Version" in header:  # of writers that know none
        return None
    hours, minutes, seconds, frames = (
        10 * (word >> shift + 4 & tens) + (word >> shift & 15)
        for shift, tens in ((24, 3), (16, 7), (8, 7), (0, 3))
    )
    return f"{hours:02}:{minutes:02}:{seconds:02}{';' if word >> 6 & 1 else ':'}{frames:02}"


def read_picture_shape(part: PicturePart, header: Header) -> Shape:
    """Reads the shape of pictures: their display window, pixel shape and orientation."""
    assert part.size is not None  # noqa: S101 - a file says it
    ratio = header.get("PixelAspectRatio", 1.0)
    is_usable = isinstance(ratio, float) and math.isfinite(ratio) and ratio > 0
    aspect = Fraction(ratio).limit_denominator(1000) if is_usable else Fraction(1)
    number = header.get("Orientation")
    matrix = None
    if number in _ORIENTATIONS:
        matrix = build_display_matrix(*_ORIENTATIONS[number])
    return build_shape(part.size, aspect or Fraction(1), matrix)


def build_display_matrix(rotation: int, mirrored: bool) -> tuple[int, ...]:
    """Builds FFmpeg's display matrix of quarter turns clockwise after mirroring."""
    across = {0: (1, 0), 90: (0, 1), 180: (-1, 0), 270: (0, -1)}[rotation]
    down = (-across[1], across[0])
    if mirrored:
        across = (-across[0], -across[1])
    rows = (across[0], across[1], 0, down[0], down[1], 0, 0, 0)
    return (*(value * _FIXED for value in rows), 1 << 30)


def read_colours(
    path: Path, layer: PictureLayer, header: Header, space: str | None
) -> tuple[ColourTags, ColourView | None]:
    """Reads the colour tags of pictures, and the view of their values; None for values viewed as they are.

    Args:
        space: OpenColorIO's name of the space that they are said to be in.

    Raises:
        UsageError: there is no such space.
        ClipError: the header's chromaticities make no sense.
    """
    named = ColourView.of_space(space) if space is not None else None
    if not layer.dtype.startswith("float"):
        tags = _read_integer_tags(header)
        return tags, named or ColourView.of(tags)
    try:
        return ColourTags("pc", "gbr", None, LINEAR_TRANSFER), named or _find_linear_view(header)
    except ValueError as error:
        raise ClipError(f"{path}: {error}; say its colours with --input-colour-space") from error


def _read_integer_tags(header: Header) -> ColourTags:
    numbers = header.get("CICP")
    if isinstance(numbers, tuple) and len(numbers) == 4:
        primaries, transfer = name_tags(int(numbers[0]), int(numbers[1]))
        return ColourTags("pc", "gbr", primaries, transfer)
    if "dpx:Version" in header:  # its own tags are as often wrong as right
        return ColourTags("pc", "gbr")
    return ColourTags("pc", "gbr", "bt709", "iec61966-2-1")


def _find_linear_view(header: Header) -> ColourView:
    """Finds the view of floats: by the space that the header names, else by its chromaticities.

    Raises:
        ValueError: they make no sense.
    """
    name = str(header.get("colorInteropID") or header.get("oiio:ColorSpace") or "")
    if name in LINEAR_PRIMARIES:
        return ColourView.of_light(LINEAR_PRIMARIES[name])
    stated = header.get("chromaticities")
    if isinstance(stated, tuple) and len(stated) == 8:
        red_x, red_y, green_x, green_y, blue_x, blue_y, x, y = (round(float(value), 6) for value in stated)
        primaries = (red_x, red_y, green_x, green_y, blue_x, blue_y, x, y)
        find_matrix(primaries)
        return ColourView.of_light(primaries)
    if name:
        try:
            return ColourView.of_space(name)
        except (UsageError, PyOpenColorIO.Exception):
            return ColourView.of_light()
    return ColourView.of_light()


def list_header_warnings(header: Header, layer: PictureLayer, space: str | None) -> list[str]:
    """Lists what of a header isn't heeded, in sentences."""
    warnings = []
    if header.get("dpx:Transfer") in _LOG_TRANSFERS and space is None:
        warnings.append(
            f"its header says that its values are logarithmic ({header['dpx:Transfer'].lower()}), and they "
            "are viewed as they are; say what they are with --input-colour-space (ADX10, arri_logc4, ...)"
        )
    profile = header.get("ICCProfile")
    ignored = [] if profile is None or is_srgb_profile(bytes(profile)) else ["ICC profile"]
    is_integer = not layer.dtype.startswith("float")
    if is_integer and abs(float(header.get("oiio:Gamma", _GAMMA)) - _GAMMA) > _GAMMA_TOLERANCE:
        ignored.append("gamma")
    if ignored:
        warnings.append(f"values are viewed as sRGB's, its {' and '.join(ignored)} aside")
    return warnings
