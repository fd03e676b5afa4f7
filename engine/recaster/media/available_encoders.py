"""Encoders that the running FFmpeg has, and those in graphics hardware that really open."""

from __future__ import annotations

import functools
from fractions import Fraction
from typing import Final

import av
import av.logging
from av.error import FFmpegError

from recaster.errors import UsageError
from recaster.settings.encoding import HARDWARE_ENCODERS
from recaster.settings.formats import FFMPEG_ENCODERS, PICTURE_CODECS

_FORMATS: Final = {"yuv420p": ("yuv420p", "nv12"), "yuv420p10le": ("yuv420p10le", "p010le")}
"""Planar pixel formats, which are painted on, and those of the same samples that an encoder may take."""
_TRIED_SIZE_PX: Final = (640, 384)
_AV1_LEVELS: Final = 5
"""Steps of AV1's quantizer, 0 to 255, in one of H.264's."""
_TOOLBOX_QUALITY: Final = 11800
"""VideoToolbox's best quality, 100 in ffmpeg's lambdas of 118 each."""


def is_available(codec: str) -> bool:
    """Tells whether a codec can be written: FFmpeg may lack its encoder; pictures always can."""
    return codec in PICTURE_CODECS or FFMPEG_ENCODERS[codec] in av.codecs_available


def list_available_codecs() -> list[str]:
    """Lists the codecs of movies that the running FFmpeg can write."""
    return [name for name in FFMPEG_ENCODERS if is_available(name)]


def find_fault(encoder: str, pixel_format: str = "yuv420p") -> str:
    """Finds why an encoder does not open on this machine; empty where it does."""
    try:
        taken = choose_taken_format(encoder, pixel_format)
    except ValueError:
        return "this FFmpeg does not have it"
    return _try_to_open(encoder, taken) if taken else f"it does not take {pixel_format}"


@functools.cache
def _try_to_open(encoder: str, pixel_format: str) -> str:
    context = av.codec.CodecContext.create(encoder, "w")
    context.width, context.height = _TRIED_SIZE_PX
    context.pix_fmt = pixel_format
    context.time_base = Fraction(1, 25)
    context.framerate = Fraction(25)
    level = av.logging.get_level()
    av.logging.set_level(av.logging.ERROR)  # else FFmpeg keeps its reason to itself
    try:
        with av.logging.Capture() as lines:
            context.open()
    except FFmpegError as error:
        reason = lines[0][2] if lines else error.strerror
        return str(reason).strip().rstrip(".")
    finally:
        av.logging.set_level(level)
    return ""


def choose_taken_format(encoder: str, pixel_format: str) -> str:
    """Chooses the format in which an encoder takes the samples of a planar one, "" for none.

    Raises:
        ValueError: FFmpeg does not have the encoder.
    """
    known = {str(each.name) for each in av.codec.Codec(encoder, "w").video_formats or ()}
    return next((name for name in _FORMATS.get(pixel_format, ()) if name in known), "")


def list_open_encoders() -> list[str]:
    """Lists the hardware encoders that open on this machine."""
    return [name for name in HARDWARE_ENCODERS if not find_fault(name)]


def check_hardware(encoder: str, codec: str, pixel_format: str) -> None:
    """Refuses an encoder of another codec, or one that does not open here (UsageError)."""
    if HARDWARE_ENCODERS[encoder] != codec:
        raise UsageError(f"{encoder} writes {HARDWARE_ENCODERS[encoder]}, not {codec}")
    fault = find_fault(encoder, pixel_format)
    if fault:
        raise UsageError(f"{encoder} does not open on this machine ({fault}); leave --encoder out")


def choose_hardware_options(encoder: str, quality: int) -> dict[str, str]:
    """Chooses options for a constant quality on H.264's scale, as ffmpeg names them."""
    codec, _, maker = encoder.partition("_")
    if maker == "nvenc":
        return {"rc": "constqp", "qp": str(quality * _AV1_LEVELS if codec == "av1" else quality)}
    if maker == "qsv":
        return {"global_quality": str(max(1, quality))}  # 0 would be none
    best = round(_TOOLBOX_QUALITY * (1 - quality / 51))
    return {"flags": "+qscale", "global_quality": str(max(1, best))}
