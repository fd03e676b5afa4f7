"""Encoders: their pixel formats, profiles and options, and the checks of what goes together."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

import av
import cv2

from recaster.errors import UsageError
from recaster.media.available_encoders import (
    check_hardware,
    choose_hardware_options,
    is_available,
    list_available_codecs,
)
from recaster.media.lazy_frame import has_whole_chroma_samples
from recaster.media.patches import is_planar_yuv
from recaster.media.picture import has_alpha
from recaster.media.picture_file import is_text
from recaster.media.sequence_name import choose_picture_codec
from recaster.media.types import Shape
from recaster.settings.encoding import HARDWARE_ENCODERS, SPEEDS, WriterOptions
from recaster.settings.formats import FFMPEG_ENCODERS, PICTURE_CODECS, PICTURE_SUFFIXES, PROFILES, SUFFIXES
from recaster.settings.options import check_options, listed

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.media.hdr_metadata import HdrMetadata
    from recaster.media.types import ClipInfo

THREADS: Final = 2
"""Fixed, because what x264 writes depends on it."""
FFV1_SLICES: Final = 4
"""Fixed, because FFmpeg's own choice depends on the threads."""
CONTAINERS: Final = {".mp4": "mp4", ".mov": "mov", ".mkv": "matroska"}
SEGMENT_SUFFIX: Final = ".mov"
"""For files that will be joined, where the codec goes into it: QuickTime keeps every time base exactly."""
AV1_QUALITIES: Final = 63 / 51
"""Steps of AV1's constant rate factor in one of x264's."""
AV1_PRESETS: Final = dict(zip(SPEEDS, (10, 9, 8, 7, 6, 5, 4, 3, 2), strict=True))
"""SVT-AV1's presets; faster ones are not made for pictures that somebody looks at."""


@dataclass(frozen=True)
class Codec:
    """One way of encoding.

    Attributes:
        formats: default pixel formats by (more than 8 bits, picture sizes that 4:2:0 cannot hold);
            of pictures the type of their samples.
        tag: the four characters that name it in mp4 and mov, "" for ffmpeg's choice.
        full_range: whether its files can say that they hold full range.
        sited: whether, across and down, its samples of colour are read as lying on pixels or between them;
            None where they lie as the clip's.
        alpha: default pixel format for clips with alpha; empty where it has none.
        profiles: the pixel formats of each profile; of those for one format, the default first.
        matrix: the only colour matrix that its files can name; "" for any.
        min_size: of its pictures, width and height in pixels.
        keeps_format: whether the clip's own pixel format is the default, where the encoder has it.
        holds_hdr: whether HDR10's static metadata is found again in its files.
        states_aspect: whether its pictures, and not only their container, say what shape their pixels have.
        is_intra: whether every frame is coded by itself on request.
        sample_types: that pictures of a sequence can have; empty for movies.
        holds_alpha: whether pictures can say how transparent they are.
        holds_times: whether pictures say their rate, their timecode and the shape of their pixels.
    """

    formats: dict[tuple[bool, bool], str]
    tag: str = ""
    full_range: bool = True
    sited: tuple[bool, bool] | None = (True, False)
    alpha: str = ""
    profiles: dict[str, tuple[str, ...]] = field(default_factory=dict)
    matrix: str = ""
    min_size: tuple[int, int] = (1, 1)
    keeps_format: bool = False
    holds_hdr: bool = True
    states_aspect: bool = False
    is_intra: bool = False
    sample_types: tuple[str, ...] = ()
    holds_alpha: bool = False
    holds_times: bool = False


_YUV = {
    (False, False): "yuv420p",
    (False, True): "yuv444p",
    (True, False): "yuv420p10le",
    (True, True): "yuv444p10le",
}
_EACH_DEPTH: Final = tuple(_YUV)
_PRORES = {(deep, odd): "yuv444p10le" if odd else "yuv422p10le" for deep, odd in _EACH_DEPTH}
_DNXHR = {
    (deep, odd): "yuv444p10le" if odd else "yuv422p10le" if deep else "yuv422p" for deep, odd in _EACH_DEPTH
}
_FFV1 = {(deep, odd): "yuv444p16le" if deep else "yuv444p" for deep, odd in _EACH_DEPTH}
_AV1 = {(deep, odd): "yuv420p10le" if deep else "yuv420p" for deep, odd in _EACH_DEPTH}
_HALF: Final = dict.fromkeys(_EACH_DEPTH, "half")
_DPX: Final = dict.fromkeys(_EACH_DEPTH, "uint10")
_INTEGERS: Final = {(deep, odd): "uint16" if deep else "uint8" for deep, odd in _EACH_DEPTH}
_BYTES: Final = dict.fromkeys(_EACH_DEPTH, "uint8")
_FLOATS: Final = ("half", "float")
_422_8 = ("yuv422p",)
_422 = ("yuv422p10le",)
_4444 = ("yuv444p10le", "yuva444p10le")
ENCODERS = {
    "h264": Codec(_YUV, states_aspect=True),
    "hevc": Codec(_YUV, "hvc1", states_aspect=True),
    "prores": Codec(
        _PRORES,
        full_range=False,
        sited=(False, False),
        alpha="yuva444p10le",
        profiles={"hq": _422, "standard": _422, "lt": _422, "proxy": _422, "4444": _4444, "4444xq": _4444},
    ),
    "dnxhr": Codec(
        _DNXHR,
        full_range=False,
        sited=(False, False),
        profiles={"hq": _422_8, "sq": _422_8, "lb": _422_8, "hqx": _422, "444": ("yuv444p10le",)},
        # FFmpeg's frames say so whatever they hold.
        matrix="bt709",
        min_size=(256, 120),
        # What FFmpeg puts before it ends the list of boxes.
        holds_hdr=False,
    ),
    "ffv1": Codec(_FFV1, sited=None, alpha="yuva444p16le", keeps_format=True, holds_hdr=False, is_intra=True),
    "av1": Codec(_AV1),
    "exr": Codec(
        _HALF,
        profiles={"zip": _FLOATS, "piz": _FLOATS, "dwaa": _FLOATS, "none": _FLOATS},
        holds_hdr=False,
        sample_types=_FLOATS,
        holds_alpha=True,
        holds_times=True,
    ),
    "dpx": Codec(
        _DPX,
        alpha="uint16",  # OpenImageIO gets alpha of 10 bits wrong
        holds_hdr=False,
        sample_types=("uint10", "uint16"),
        holds_alpha=True,
        holds_times=True,
    ),
    "tiff": Codec(_INTEGERS, holds_hdr=False, sample_types=("uint8", "uint16"), holds_alpha=True),
    "png": Codec(_INTEGERS, holds_hdr=False, sample_types=("uint8", "uint16"), holds_alpha=True),
    "jpeg": Codec(_BYTES, holds_hdr=False, sample_types=("uint8",)),
    "webp": Codec(_BYTES, holds_hdr=False, sample_types=("uint8",), holds_alpha=True),
}


def choose_segment_suffix(codec: str) -> str:
    """Chooses the container of files that will be joined, or the suffix of pictures."""
    return SEGMENT_SUFFIX if SEGMENT_SUFFIX in SUFFIXES[codec] else SUFFIXES[codec][0]


def choose_layer_options(path: Path, options: WriterOptions) -> WriterOptions:
    """Chooses how layers are written: as pictures, or as a clip in ProRes 4444, which has transparency."""
    codec = choose_picture_codec(path)
    if codec is not None:
        return WriterOptions(codec=codec, square_pixels=options.square_pixels)
    return WriterOptions(
        codec="prores", profile="4444", pixel_format="yuva444p10le", square_pixels=options.square_pixels
    )


def choose_matte_options(path: Path, options: WriterOptions) -> WriterOptions:
    """Chooses how a matte is written: as the result, unless one of them alone is a sequence."""
    codec = choose_picture_codec(path, is_still=options.codec in PICTURE_CODECS)
    if codec == options.codec or (codec is None and options.codec in FFMPEG_ENCODERS):
        return options
    usual = (name for name in FFMPEG_ENCODERS if SUFFIXES[name][0] == path.suffix.lower())
    chosen = codec or next(usual, WriterOptions.codec)
    return replace(options, codec=chosen, profile=None, pixel_format=None, encoder=None)


def choose_shape(info: ClipInfo, options: WriterOptions) -> Shape:
    """Chooses how a result's pictures are stored: as the clip's, or as they are shown."""
    return Shape.plain(info.width, info.height) if options.square_pixels else info.shape


def choose_encoder_options(
    options: WriterOptions, pixel_format: str, hdr: HdrMetadata | None
) -> dict[str, str]:
    """Chooses options of the encoder, as ffmpeg names them."""
    if options.encoder is not None:
        return choose_hardware_options(options.encoder, options.quality)
    if options.codec in PROFILES:
        profile = choose_profile(options, pixel_format)
        if options.codec == "dnxhr":
            return {"profile": f"dnxhr_{profile}"}
        return {"profile": profile, "vendor": "apl0"}
    if options.codec == "ffv1":
        return {"level": "3", "slicecrc": "1", "slices": str(FFV1_SLICES)}
    if options.codec == "av1":
        os.environ.setdefault("SVT_LOG", "1")  # nothing but errors on the command line
        return {
            "crf": str(round(options.quality * AV1_QUALITIES)),
            "preset": str(AV1_PRESETS[options.preset]),
            "svtav1-params": f"lp={THREADS}:chroma-sample-position=left",
        }
    chosen = {"crf": str(options.quality), "preset": options.preset}
    if options.codec == "hevc":
        stated = "" if hdr is None else f":{hdr.encoder_params(':')}"
        chosen["x265-params"] = f"log-level=none:pools={THREADS}:frame-threads=1{stated}"
    else:
        chosen |= choose_reproducible_x264_options()
    return chosen


def choose_reproducible_x264_options() -> dict[str, str]:
    """Chooses x264's options without which two runs on this machine may write different bytes."""
    # x264's code for AVX-512 (macroblock tree) reads memory that nobody wrote: results would differ. OpenCV
    # lists what the processor has, with a "?" after what it has not.
    features = cv2.getCPUFeaturesLine().split()
    has_avx512 = any("AVX512" in name and not name.endswith("?") for name in features)
    return {"x264-params": "asm=AVX2"} if has_avx512 else {}


def choose_profile(options: WriterOptions, pixel_format: str) -> str:
    """Chooses the profile of a codec that has some: the one asked for, or the format's first."""
    if options.profile is not None:
        return options.profile
    profiles = ENCODERS[options.codec].profiles
    return next(name for name, formats in profiles.items() if pixel_format in formats)


def choose_sound_fallback(path: Path, options: WriterOptions) -> str | None:
    """Names the codec for sound that ``path`` cannot hold, "aac" or "pcm"; None where it is refused."""
    if options.sound == "copy":
        return None
    return "pcm" if options.codec in PROFILES and path.suffix.lower() == ".mov" else "aac"


def find_codec_losses(path: Path, info: ClipInfo, options: WriterOptions) -> list[str]:
    """Finds what of a clip's picture a codec loses in a container, in words."""
    lost = []
    aspect = choose_shape(info, options).sample_aspect
    if path.suffix.lower() == ".mkv" and aspect != 1 and not ENCODERS[options.codec].states_aspect:
        # PyAV gives Matroska's own field no value.
        shape = f"{aspect.numerator}:{aspect.denominator}"
        lost.append(f"pixel shape {shape} (--square-pixels stretches the picture instead)")
    if info.hdr is not None and not ENCODERS[options.codec].holds_hdr:
        lost.append(f"HDR10 metadata ({info.hdr.describe()})")
    return lost


def _check_name(path: Path, *, is_still: bool) -> None:
    """Refuses a name that is none of a result's (UsageError)."""
    suffix = path.suffix.lower()
    if is_still and suffix not in PICTURE_SUFFIXES:
        raise UsageError(f"{path}: a still's result is a picture, too; name it {listed(PICTURE_SUFFIXES)}")
    if suffix in PICTURE_SUFFIXES and choose_picture_codec(path, is_still=is_still) is None:
        numbered = f"{path.stem}.%04d{path.suffix}"
        raise UsageError(f"{path}: pictures need a place for their number in their name, such as {numbered}")
    if suffix in PICTURE_SUFFIXES and not is_text(str(path)):
        raise UsageError(f"{path}: the name of pictures has to be in UTF-8; choose another")
    if suffix not in (*CONTAINERS, *PICTURE_SUFFIXES):
        names = ", ".join((*CONTAINERS, *(f"%04d{each}" for each in PICTURE_SUFFIXES)))
        hint = "" if suffix else " (of a folder of stills, --stills)"
        raise UsageError(f"{path}: a result is named {names}, not {suffix or 'without a suffix'}{hint}")


def check_encoding(path: Path, info: ClipInfo, options: WriterOptions) -> str:
    """Chooses the pixel format in which ``path`` will be written.

    Raises:
        UsageError: options, codec, size and container do not go together, or FFmpeg lacks the encoder.
    """
    suffix = path.suffix.lower()
    _check_name(path, is_still=info.reading.stills)
    check_options(options)
    codec = ENCODERS[options.codec]
    if suffix not in SUFFIXES[options.codec]:
        raise UsageError(
            f"{path}: {options.codec} goes into {' or '.join(SUFFIXES[options.codec])}, not into {suffix}"
        )
    if options.encoder is None and not is_available(options.codec):
        missing = FFMPEG_ENCODERS[options.codec]
        raise UsageError(
            f"{options.codec} cannot be written here: this FFmpeg has no encoder {missing}; "
            f"choose from {', '.join(list_available_codecs())}"
        )
    _check_profile(options)
    if codec.sample_types:
        return choose_sample_type(info, options)
    width, height = choose_shape(info, options).stored
    if width < codec.min_size[0] or height < codec.min_size[1]:
        smallest = "x".join(map(str, codec.min_size))
        raise UsageError(f"{path}: {options.codec} begins at {smallest} pixels, this is {width}x{height}")
    pixel_format = options.pixel_format or _choose_default_format(info, options)
    if options.encoder is not None:
        check_hardware(options.encoder, options.codec, pixel_format)
    known = set(_list_formats(options))
    if pixel_format not in known:
        takes = ", ".join(sorted(known))
        raise UsageError(f"{options.codec} cannot be written as {pixel_format}; it takes {takes}")
    if not has_whole_chroma_samples(av.VideoFormat(pixel_format, width, height)):
        use = _name_whole_format(options)
        raise UsageError(f"{path}: {width}x{height} is odd, which {pixel_format} cannot hold; use {use}")
    return pixel_format


def choose_sample_type(info: ClipInfo, options: WriterOptions) -> str:
    """Chooses the type of pictures' samples (UsageError for one that they can't have)."""
    codec = ENCODERS[options.codec]
    if options.encoder is not None:
        raise UsageError(
            f"{options.encoder} writes {HARDWARE_ENCODERS[options.encoder]}, not {options.codec}"
        )
    usual = codec.alpha if codec.alpha and info.has_alpha else codec.formats[info.bit_depth > 8, False]
    chosen = options.pixel_format or usual
    if chosen not in codec.sample_types:
        takes = ", ".join(codec.sample_types)
        raise UsageError(f"{options.codec} cannot be written as {chosen}; it takes {takes}")
    return chosen


def keeps_alpha(info: ClipInfo, options: WriterOptions) -> bool:
    """Tells whether pictures of a sequence say how transparent a clip's are."""
    codec = ENCODERS[options.codec]
    # What is stretched to square pixels is made anew, without alpha.
    is_as_stored = not options.square_pixels or info.shape.is_plain
    is_held = codec.holds_alpha and choose_sample_type(info, options) != "uint10"
    return info.has_alpha and is_held and is_as_stored


def _check_profile(options: WriterOptions) -> None:
    names = PROFILES.get(options.codec, ())
    if options.profile is not None and options.profile not in names:
        choice = f"choose from {', '.join(names)}" if names else "it has none"
        raise UsageError(f"{options.codec} has no profile {options.profile}; {choice}")


def _list_formats(options: WriterOptions) -> list[str]:
    """Lists the pixel formats that an encoder takes, in the chosen profile if it has some."""
    codec = ENCODERS[options.codec]
    if codec.profiles:
        chosen = [options.profile] if options.profile else list(codec.profiles)
        return list(dict.fromkeys(each for name in chosen for each in codec.profiles[name]))
    return [
        str(format_.name)
        for format_ in av.codec.Codec(FFMPEG_ENCODERS[options.codec], "w").video_formats or ()
    ]


def _choose_default_format(info: ClipInfo, options: WriterOptions) -> str:
    codec = ENCODERS[options.codec]
    width, height = choose_shape(info, options).stored
    odd = width % 2 == 1 or height % 2 == 1
    known = _list_formats(options)
    # Where pictures are made anew, square and upright, alpha would have to be, too.
    keeps_alpha = info.has_alpha and not (options.square_pixels and not info.shape.is_plain)
    if codec.keeps_format:
        own = _find_same_format(info, keeps_alpha=keeps_alpha)
        if own in known and has_whole_chroma_samples(av.VideoFormat(own, width, height)):
            return own
    chosen = codec.alpha if codec.alpha and keeps_alpha else codec.formats[info.bit_depth > 8, odd]
    # A profile that was asked for decides.
    return chosen if chosen in known or options.profile is None else known[0]


def _find_same_format(info: ClipInfo, *, keeps_alpha: bool) -> str:
    """Names the format that holds a clip's samples as they are, in the order of FFV1's formats."""
    name = info.pixel_format.replace("yuvj", "yuv")
    if name.endswith("be"):
        name = f"{name[:-2]}le"
    shape = av.VideoFormat(name, 16, 16)
    if shape.is_rgb or shape.has_palette:
        if info.bit_depth <= 8:
            return "bgra" if keeps_alpha else "bgr0"
        if not name.startswith("gbr"):
            return "gbrap16le" if keeps_alpha else "gbrp16le"
    elif not is_planar_yuv(name):
        return ""
    if has_alpha(av.VideoFrame(16, 16, name)) and not keeps_alpha:
        return name.replace("yuva", "yuv").replace("gbrap", "gbrp")
    return name


def _name_whole_format(options: WriterOptions) -> str:
    """Names what holds odd sizes instead: a pixel format, a profile, or other codecs."""
    profiles = ENCODERS[options.codec].profiles
    if profiles:
        whole = [name for name, formats in profiles.items() if any("444" in each for each in formats)]
        return f"profile {' or '.join(whole)}"
    return "yuv444p" if "yuv444p" in _list_formats(options) else "another codec"
