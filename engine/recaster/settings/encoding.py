"""Options of writing clips."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from recaster.settings.options import Bounds, Choice, listed, option

CODECS: Final = {
    "h264": Choice("H.264", "Plays everywhere (.mp4)", 0),
    "hevc": Choice("HEVC", "Smaller, 10 bits where the clip has them (.mp4)", 1),
    "prores": Choice("ProRes", "For grading and compositing (.mov, large)", 2),
}
SUFFIXES: Final = {
    "h264": (".mp4", ".mov", ".mkv"),
    "hevc": (".mp4", ".mov", ".mkv"),
    "prores": (".mov", ".mkv"),
}
"""Containers that take each codec, the usual one first."""
CLIP_SUFFIXES: Final = SUFFIXES["h264"]
SPEEDS: Final = (
    "ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow",
)  # fmt: skip
SOUNDS: Final = ("auto", "copy")


@dataclass(frozen=True)
class WriterOptions:
    """Choices of an encoder; what they must be is checked where they meet a clip (``media.writer``).

    Attributes:
        codec: one of ``CODECS``; "prores" is 422 HQ, 4444 with a 4:4:4 pixel format.
        quality: constant rate factor of h264 and hevc, 0 (best) to 51; no difference is seen at 15.
            ProRes has its own fixed quality.
        preset: x264's and x265's speed, one of ``SPEEDS``. x264's "veryfast" at quality 15 is as good
            as "fast" at 18, takes less than half of its CPU time, and a third more bytes.
        pixel_format: ffmpeg's name; None for 4:2:0 with the source's bit depth (8 or 10), 4:4:4 where
            a side is odd and 4:2:0 would lose a line.
        square_pixels: whether pictures are stored as they are shown, and not as the clip's are.
        sound: "auto" encodes sound anew that the container cannot hold, "copy" refuses it.
    """

    codec: str = option(
        "h264", "video codec", choices=CODECS, unknown="no codec is called {value}; choose from {choices}"
    )
    quality: int = option(
        15, "constant quality; lower is better and larger", bounds=Bounds(0, 51), metavar="N"
    )
    preset: str = option(
        "veryfast",
        f"the encoder's speed, {SPEEDS[0]} to {SPEEDS[-1]}",
        choices=SPEEDS,
        unknown="no preset is called {value}; choose from {choices}",
        metavar="PRESET",
        wire="encoder_preset",
        flag="preset",
    )
    pixel_format: str | None = option(
        None, "as ffmpeg names it (default: as the clip needs)", metavar="FORMAT"
    )
    square_pixels: bool = option(
        False,
        "store square, upright pixels (default: as the clip stores its own, so that the result fits over it)",
    )
    sound: str = option(
        "auto",
        "sound is copied; where the result's container cannot hold it, auto encodes it anew, as AAC or, "
        "beside ProRes in .mov, PCM, and copy refuses it",
        choices=SOUNDS,
        unknown=f"sound can be {listed(SOUNDS)}, not {{value}}",
    )
