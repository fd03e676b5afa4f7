"""Formats of clips and pictures: codecs and their profiles, encoders, and suffixes of files."""

from __future__ import annotations

from typing import Final

from recaster.settings.choices import Choice

DEFAULT_CODEC: Final = "h264"
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
UNREADABLE_STILLS: Final = {
    ".heic": "HEIC",
    ".heif": "HEIF",
    ".avif": "AVIF",
    ".jxl": "JPEG XL",
    ".mpo": "MPO",
}
"""Pictures that no library here reads, by suffix."""
LIST_SUFFIX: Final = ".sha256"
"""Of the list of a sequence's pictures, beside them."""
CLIP_SUFFIXES: Final = SUFFIXES["h264"]
IMAGE_SUFFIXES: Final = frozenset(
    {".bmp", ".heic", ".heif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}
)
"""Of pictures that faces are taken from."""
