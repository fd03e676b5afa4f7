"""Options of reading clips: what their files don't say of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from recaster.errors import UsageError
from recaster.settings.options import check_options, option

MAX_RATE: Final = 1000
"""In frames per second."""
DEFAULT_RATE: Final = Fraction(24)
"""In frames per second, of sequences that don't say theirs."""
_NTSC_TOLERANCE: Final = Fraction(1, 200)
"""Frames per second by which NTSC rates are rounded (23.98 for 24000/1001)."""


@dataclass(frozen=True)
class ReadOptions:
    """Choices of how a clip is read."""

    colour_space: str | None = option(
        None,
        "the clip's colour space, where its tags don't say it: a camera's log space like slog3_sgamut3cine, "
        "by its name in OpenColorIO's studio configuration, or in the one that OCIO names",
        metavar="NAME",
        wire="input_colour_space",
        flag="input_colour_space",
    )
    frame_rate: str | None = option(
        None,
        "frames per second of a sequence of pictures that doesn't say it: 25, 23.976 or 24000/1001 (default: "
        f"{DEFAULT_RATE})",
        metavar="RATE",
    )
    layer: str | None = option(
        None,
        "the layer of OpenEXR pictures to take as the clip; one that there isn't lists them (default: the "
        "picture without a layer's name, or the only one)",
        metavar="NAME",
        wire="input_layer",
        flag="input_layer",
    )

    stills: bool = option(
        False,
        "pictures are stills, each of its own, and not frames of a sequence (default: where the result is "
        "named as one picture)",
    )

    def __post_init__(self) -> None:
        check_options(self)
        _ = self.rate

    @property
    def rate(self) -> Fraction | None:
        """Frames per second that are asked for; NTSC rates are exact, however they are written.

        Raises:
            UsageError: it is no such number.
        """
        if self.frame_rate is None:
            return None
        text = self.frame_rate.strip()
        rate = Fraction(0)
        if re.fullmatch(r"\d{1,6}(/[1-9]\d{0,5}|\.\d{1,9})?", text):
            rate = Fraction(text)
        if not 0 < rate <= MAX_RATE:
            raise UsageError(
                f"a frame rate can't be {self.frame_rate!r}; give one like 25, 23.976 or 24000/1001"
            )
        return restore_ntsc(rate) if "." in text else rate


def restore_ntsc(rate: Fraction) -> Fraction:
    """Restores a rate of the NTSC family (24000/1001) that was rounded; others stay as they are."""
    exact = round(rate) * Fraction(1000, 1001)
    is_rounded = rate.denominator != 1 and abs(rate - exact) < _NTSC_TOLERANCE
    return exact if is_rounded else rate


DEFAULT_READING: Final = ReadOptions()
"""Whatever the files say."""
