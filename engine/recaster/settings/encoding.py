"""Options of writing clips."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from recaster.settings.options import Bounds, Choice, listed, option

CODECS: Final = {
    "h264": Choice("H.264", "Plays everywhere (.mp4)", 0),
    "hevc": Choice("HEVC", "Smaller, 10 bits where the clip has them (.mp4)", 1),
    "prores": Choice("ProRes", "For grading and compositing (.mov, large)", 2),
    "dnxhr": Choice("DNxHR", "For grading and compositing with Avid's codec (.mov, large)", 3),
    "ffv1": Choice("FFV1", "Lossless, up to 16 bits, for archives and further work (.mkv, large)", 4),
    "av1": Choice("AV1", "Smallest, slow to make, 10 bits where the clip has them (.mp4)", 5),
    "exr": Choice("OpenEXR", "Pictures in linear light, for compositing (.exr)", 6),
    "dpx": Choice("DPX", "Pictures of 10 or 16 bits, for film (.dpx)", 7),
    "tiff": Choice("TIFF", "Pictures of 8 or 16 bits, for further work (.tif)", 8),
    "png": Choice("PNG", "Pictures of 8 or 16 bits, lossless (.png)", 9),
    "jpeg": Choice("JPEG", "Pictures of 8 bits, small (.jpg)", 10),
    "webp": Choice("WebP", "Pictures of 8 bits, smaller, with transparency (.webp)", 11),
}
"""Of movies, and of sequences of pictures."""
SUFFIXES: Final = {
    "h264": (".mp4", ".mov", ".mkv"),
    "hevc": (".mp4", ".mov", ".mkv"),
    "prores": (".mov", ".mkv"),
    "dnxhr": (".mov",),
    "ffv1": (".mkv",),
    "av1": (".mp4", ".mkv"),
    "exr": (".exr",),
    "dpx": (".dpx",),
    "tiff": (".tif", ".tiff"),
    "png": (".png",),
    "jpeg": (".jpg", ".jpeg"),
    "webp": (".webp",),
}
"""Containers that take each codec, or names of its pictures, the usual one first."""
FFMPEG_ENCODERS: Final = {
    "h264": "libx264",
    "hevc": "libx265",
    "prores": "prores_ks",
    "dnxhr": "dnxhd",
    "ffv1": "ffv1",
    "av1": "libsvtav1",
}
"""FFmpeg's encoder of each codec of movies; it need not have every one."""
PICTURE_CODECS: Final = tuple(codec for codec in CODECS if codec not in FFMPEG_ENCODERS)
PICTURE_SUFFIXES: Final = tuple(suffix for codec in PICTURE_CODECS for suffix in SUFFIXES[codec])
PROFILES: Final = {
    "prores": {
        "proxy": Choice("422 Proxy", "Smallest, for offline editing", 1),
        "lt": Choice("422 LT", "Smaller than 422", 2),
        "standard": Choice("422", "For editing", 3),
        "hq": Choice("422 HQ", "For grading", 4),
        "4444": Choice("4444", "Full resolution of color, with transparency", 5),
        "4444xq": Choice("4444 XQ", "Full resolution of color, with transparency, largest", 6),
    },
    "dnxhr": {
        "lb": Choice("LB", "8 bits, smallest, for offline editing", 1),
        "sq": Choice("SQ", "8 bits, for editing", 2),
        "hq": Choice("HQ", "8 bits, for grading", 3),
        "hqx": Choice("HQX", "10 bits, for grading", 4),
        "444": Choice("444", "10 bits, full resolution of color", 5),
    },
    "exr": {
        "dwaa": Choice("DWAA", "Smallest, lossy", 1),
        "piz": Choice("PIZ", "Lossless, for pictures with grain", 2),
        "zip": Choice("ZIP", "Lossless", 3),
        "none": Choice("None", "Not compressed", 4),
    },
}
"""Of codecs that have some, the smallest files first."""
UNREADABLE_STILLS: Final = {".heic": "HEIC", ".heif": "HEIF", ".avif": "AVIF", ".jxl": "JPEG XL"}
"""Pictures that no library here reads, by suffix."""
LIST_SUFFIX: Final = ".sha256"
"""Of the list of a sequence's pictures, beside them."""
CLIP_SUFFIXES: Final = SUFFIXES["h264"]
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
        "h264",
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
