"""Options of writing clips."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from recaster.settings.choices import Bounds
from recaster.settings.formats import CODECS, DEFAULT_CODEC, PROFILES
from recaster.settings.options import listed, option

HARDWARE_ENCODERS: Final = {
    f"{codec}_{maker}": codec
    for maker, codecs in {
        "nvenc": ("h264", "hevc", "av1"),
        "qsv": ("h264", "hevc", "av1"),
        "videotoolbox": ("h264", "hevc"),
    }.items()
    for codec in codecs
}
"""Codecs of encoders in graphics hardware, by ffmpeg's names."""
SPEEDS: Final = (
    "ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow",
)  # fmt: skip
SOUNDS: Final = ("auto", "copy")


@dataclass(frozen=True)
class WriterOptions:
    """Choices of an encoder; what they must be is checked where they meet a clip (``media.writer``).

    Attributes:
        codec: one of ``CODECS``.
        profile: one of the codec's ``PROFILES``; None for the one that the pixel format needs: 422 HQ or 4444
            of ProRes, HQ (8 bits), HQX or 444 of DNxHR. Of OpenEXR it is the compression; None for the
            clip's own where that loses nothing, else zip.
        quality: constant rate factor of h264 and hevc, 0 (best) to 51; no difference is seen at 15. AV1's,
            which goes to 63, is that much larger. JPEG's and WebP's, 0 to 100, is a third of it below 100.
            Profiles have their own fixed quality, FFV1 and other pictures lose nothing.
        preset: x264's and x265's speed, one of ``SPEEDS``. x264's "veryfast" at quality 15 is as good
            as "fast" at 18, takes less than half of its CPU time, and a third more bytes.
        pixel_format: ffmpeg's name; None for the clip's own with FFV1, else 4:2:0 (4:2:2 with profiles) with
            the source's bit depth (8 or 10), 4:4:4 where a side is odd and 4:2:0 would lose a line. Of
            pictures the type of their samples: half, float, uint8, uint10 or uint16.
        encoder: one of ``HARDWARE_ENCODERS`` of the codec; None for the codec's own, the same everywhere.
        square_pixels: whether pictures are stored as they are shown, and not as the clip's are.
        sound: "auto" encodes sound anew that the container cannot hold, "copy" refuses it.
    """

    codec: str = option(
        DEFAULT_CODEC,
        "of a movie, or of the pictures of a sequence, whose suffix says it",
        choices=CODECS,
        unknown="no codec is called {value}; choose from {choices}",
    )
    quality: int = option(
        15,
        "constant quality of h264, hevc and av1, whose own scale, 0 to 63, is stretched onto this one, and "
        "of jpeg and webp, 100 less a third of it; lower is better and larger",
        bounds=Bounds(0, 51),
        metavar="N",
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
        None,
        "as ffmpeg names it; of pictures half, float, uint8, uint10 or uint16 (default: as the clip needs)",
        metavar="FORMAT",
    )
    square_pixels: bool = option(
        False,
        "store square, upright pixels (default: as the clip stores its own, so that the result fits over it)",
    )
    sound: str = option(
        "auto",
        "sound is copied; where the result's container cannot hold it, auto encodes it anew, as AAC or, "
        "beside ProRes and DNxHR in .mov, PCM, and copy refuses it",
        choices=SOUNDS,
        unknown=f"sound can be {listed(SOUNDS)}, not {{value}}",
    )
    profile: str | None = option(
        None,
        "of codecs that have some: "
        + "; ".join(f"{codec} {', '.join(names)}" for codec, names in PROFILES.items())
        + " (default: prores hq, 4444 for transparency and odd sizes; dnxhr hq, hqx for more than 8 bits; "
        "exr the clip's own compression, else zip)",
        choices=tuple(dict.fromkeys(name for names in PROFILES.values() for name in names)),
        unknown="no profile is called {value}; choose from {choices}",
        metavar="PROFILE",
    )
    encoder: str | None = option(
        None,
        "write with this machine's graphics hardware: a name of those that recaster doctor lists, such as "
        "hevc_nvenc; quick, larger for the same quality, and other bytes on other machines (default: none)",
        choices=tuple(HARDWARE_ENCODERS),
        unknown="no hardware encoder is called {value}; choose from {choices}",
        metavar="NAME",
    )
