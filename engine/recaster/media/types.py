"""What a clip is made of, as plain values. Time is rational; images are RGB."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from fractions import Fraction
    from pathlib import Path

Image = NDArray[np.uint8]
"""(height, width, 3) uint8, RGB, full range, upright, square pixels."""


@dataclass(frozen=True)
class ColourTags:
    """Colour tags of a video stream, as ffmpeg names them; None where the file says nothing."""

    range: str | None = None
    matrix: str | None = None
    primaries: str | None = None
    transfer: str | None = None


@dataclass(frozen=True)
class AudioStream:
    """One audio stream: ``offset`` is its start after the video's first frame, in seconds."""

    index: int
    codec: str
    channels: int
    sample_rate: int
    offset: Fraction
    duration: Fraction | None
    language: str | None = None


@dataclass(frozen=True)
class ClipInfo:
    """What ``probe`` found out about a clip.

    Attributes:
        path: the file.
        width: pixels, as shown (after rotation and pixel aspect).
        height: pixels, as shown.
        frame_count: frames that decode, counted exactly.
        rate: mean frames per second, rational.
        variable: whether the distances between frames differ by more than rounding.
        duration: seconds from the first frame's start to the last frame's end.
        time_base: seconds per pts tick of the video stream.
        rotation: degrees clockwise that a player turns the stored picture (0, 90, 180, 270).
        sample_aspect: width of a stored pixel over its height.
        codec: video codec name.
        pixel_format: ffmpeg's name.
        bit_depth: bits of one component.
        interlaced: whether frames hold two fields.
        colour: colour tags.
        audio: audio streams in file order.
        warnings: what is wrong with the file but was survived (truncated, damaged frames).
    """

    path: Path
    width: int
    height: int
    frame_count: int
    rate: Fraction
    variable: bool
    duration: Fraction
    time_base: Fraction
    rotation: int
    sample_aspect: Fraction
    codec: str
    pixel_format: str
    bit_depth: int
    interlaced: bool
    colour: ColourTags
    audio: tuple[AudioStream, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Frame:
    """One picture of a clip.

    Attributes:
        index: 0-based position in the whole clip.
        pts: presentation time in ticks of the clip's time base.
        time: presentation time in seconds after the clip's first frame.
        image: the picture, (height, width, 3) uint8 RGB.
    """

    index: int
    pts: int
    time: Fraction
    image: Image
