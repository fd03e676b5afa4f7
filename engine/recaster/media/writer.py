"""Writer of frames into a video file. Sound is added when segments are joined (``recaster.media.join``)."""

from __future__ import annotations

import contextlib
import errno
import math
import tempfile
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import av
import cv2
import numpy as np
from av.error import FFmpegError
from av.video.reformatter import ColorRange, Interpolation, VideoReformatter

from recaster.errors import OutputError, UsageError
from recaster.files import atomic_file, write_error
from recaster.media.colour_tags import (
    choose_matrix,
    choose_output_tags,
    fill_missing_tags,
    read_colour_tags,
    write_colour_tags,
)
from recaster.media.decoder import media_url
from recaster.media.deep_colour import make_picture
from recaster.media.hdr_metadata import HdrMetadata, add_hdr_boxes
from recaster.media.lazy_frame import LazyFrame, has_whole_chroma_samples, sample_planes
from recaster.media.patches import PatchCompositor, paste_patches
from recaster.media.picture import bit_depth, has_alpha
from recaster.media.stored_patches import to_stored
from recaster.media.types import Patch, Rect, Shape
from recaster.settings.encoding import SUFFIXES, WriterOptions
from recaster.settings.options import check_options

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import TracebackType

    from recaster.media.types import ClipInfo, Frame, Plate

THREADS = 2
"""Fixed, because what x264 writes depends on it."""
KEY_FRAME_SECONDS = 2
SEGMENT_SUFFIX = ".mov"
"""For files that will be joined: QuickTime takes every codec and keeps every time base exactly."""
CONTAINERS = {".mp4": "mp4", ".mov": "mov", ".mkv": "matroska"}
_QUICKTIME_OPTIONS = ("movflags", "movie_timescale", "video_track_timescale")
MAX_TIMESCALE = 2**31 - 1
ROUNDED_RATE = 100_000
"""Largest denominator of a rate as the encoder is told it; mean rates of long clips outgrow its integers."""
WRITE_SCALING = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INP


@dataclass(frozen=True)
class Codec:
    """One way of encoding.

    Attributes:
        encoder: ffmpeg's name.
        formats: default pixel formats by (more than 8 bits, picture sizes that 4:2:0 cannot hold).
        tag: the four characters that name it in mp4 and mov, "" for ffmpeg's choice.
        full_range: whether its files can say that they hold full range.
        sited: whether, across and down, its samples of colour are read as lying on pixels or between them.
        alpha: default pixel format for clips with alpha; empty where it has none.
    """

    encoder: str
    formats: dict[tuple[bool, bool], str]
    tag: str = ""
    full_range: bool = True
    sited: tuple[bool, bool] = (True, False)
    alpha: str = ""


_YUV = {
    (False, False): "yuv420p",
    (False, True): "yuv444p",
    (True, False): "yuv420p10le",
    (True, True): "yuv444p10le",
}
_PRORES = {(deep, odd): "yuv444p10le" if odd else "yuv422p10le" for deep, odd in _YUV}
ENCODERS = {
    "h264": Codec("libx264", _YUV),
    "hevc": Codec("libx265", _YUV, "hvc1"),
    "prores": Codec("prores_ks", _PRORES, full_range=False, sited=(False, False), alpha="yuva444p10le"),
}


class ClipWriter:
    """Writes frames at their own times into a video file without sound; a context manager.

    The file appears under its name when the block ends well, and not at all when it does not. Pictures are
    stored as the clip's are (size, pixel shape, orientation), or square and upright on request. The matrix
    and range that the tags name are really used. The time base is 1 / (denominator of the source's), so times
    are exact, in .mp4 and .mov; .mkv rounds them to its milliseconds.

    Args:
        path: the result; its suffix (.mp4, .mov, .mkv) chooses the container.
        info: the clip whose size, time base, rate, depth and colour the result has.
        threads: of the encoder.

    Raises:
        UsageError: options, codec, size and container do not go together.
        OutputError: the file cannot be written.
    """

    def __init__(
        self, path: Path, info: ClipInfo, options: WriterOptions | None = None, threads: int = THREADS
    ) -> None:
        self.path = Path(path)
        self._threads = threads
        self._info = info
        self._options = options or WriterOptions()
        self._format = check_encoding(self.path, info, self._options)
        self._converter = VideoReformatter()
        self._deepener = VideoReformatter()
        codec = ENCODERS[self._options.codec]
        self._tags = choose_output_tags(info, full_range=codec.full_range)
        self._is_full_range = self._tags.range == "pc"
        self._shape = choose_shape(info, self._options)
        self._matrix = choose_matrix(self._tags, (info.width, info.height), self.path)
        self._compositor = PatchCompositor(
            self._format, codec.sited, self._matrix, is_full_range=self._is_full_range
        )
        self._last: int | None = None

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            self._temporary = stack.enter_context(atomic_file(self.path))
            stack.enter_context(writing(self.path))
            scale = {"movie_timescale": str(choose_movie_timescale([self._info.time_base]))}
            self._container = open_output(self._temporary, self._info.time_base, scale)
            stack.callback(self._container.close)
            self._stream = self._add_stream()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        if error is not None:
            return self._stack.__exit__(kind, error, trace)
        with self._stack:
            if self._last is None:
                raise OutputError(f"{self.path}: no frame was given, so there is nothing to write")
            self._container.mux(self._stream.encode(None))
            if self._info.hdr is not None and self.path.suffix.lower() != ".mkv":
                self._container.close()
                add_hdr_boxes(self._temporary, self._info.hdr)
        return None

    def write(self, image: Plate, pts: int) -> None:
        """Appends a frame.

        Args:
            image: (info.height, info.width, 3).
            pts: its time in ticks of ``info.time_base``, later than the frame before.

        Raises:
            OutputError: the picture has another size, the time does not advance, or writing failed.
        """
        expected = (self._info.height, self._info.width, 3)
        if image.shape != expected or image.dtype not in ("uint8", "float32"):
            raise OutputError(f"{self.path}: a frame is {image.shape} {image.dtype}, not {expected} uint8")
        height, width = image.shape[:2]
        whole = np.ones((height, width), bool)
        patch = Patch(Rect(0, 0, width, height), image, whole, whole.astype(np.uint8))
        self._encode_rgb(to_stored(patch, self._shape).image, pts)

    def _encode_rgb(self, image: Plate, pts: int, origin: LazyFrame | None = None) -> None:
        """Encodes an image of the stored size, as transparent as the frame that it was made of."""
        if image.dtype == np.float32:
            bits = bit_depth(av.VideoFrame(16, 16, self._format))
            made = make_picture(np.asarray(image, np.float32), bits, self._matrix, full=self._is_full_range)
        else:
            made = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
        picture = self._to_stored_form(made)
        if origin is not None and has_alpha(picture) and has_alpha(origin.picture):
            plane = sample_planes(picture)[-1]
            plane[:] = origin.stored_alpha >> (16 - bit_depth(picture))
        self._encode(picture, pts)

    def write_painted(self, frame: Frame, patches: Sequence[Patch]) -> None:
        """Appends a frame of the clip with what was painted over it.

        Where the result's pictures are stored as the clip's are, everything else goes through untouched.
        The patches' places don't meet.

        Raises:
            OutputError: as ``write``.
        """
        if not isinstance(frame, LazyFrame) or not self._fits(frame.picture):
            self.write(paste_patches(frame.plate, patches), frame.pts)
            return
        placed = [to_stored(patch, self._shape) for patch in patches]
        if self._stores_alike(frame.picture):
            self._encode(self._compositor(frame.picture, placed, self._to_stored_form), frame.pts)
        else:
            self._encode_rgb(paste_patches(frame.stored_plate, placed), frame.pts, frame)

    def _fits(self, picture: Any) -> bool:
        """Tells whether a decoded picture has the stored size, and is shown as the result is."""
        is_as_stored = self._shape == self._info.shape or self._info.shape.is_plain
        return is_as_stored and (picture.width, picture.height) == self._shape.stored

    def _stores_alike(self, picture: Any) -> bool:
        """Tells whether a decoded picture's samples mean in the result what they mean in the clip."""
        tags = self._tags
        return (
            fill_missing_tags(read_colour_tags(picture), self._info.colour) == tags == self._info.colour
            and (self._is_full_range or not self._format.startswith("yuvj"))
            and self._compositor.accepts(picture)
        )

    def _encode(self, picture: Any, pts: int) -> None:
        if self._last is not None and pts <= self._last:
            raise OutputError(f"{self.path}: the frame at pts {pts} does not follow the one at {self._last}")
        self._last = pts
        picture.pts = pts * self._info.time_base.numerator
        picture.time_base = Fraction(1, self._info.time_base.denominator)
        write_colour_tags(picture, self._tags)
        with writing(self.path):
            self._container.mux(self._stream.encode(picture))

    def _to_stored_form(self, picture: Any) -> Any:
        """Converts a picture, RGB or deep YUV, to the result's format and colours."""
        if not picture.format.is_rgb:
            return self._convert(self._converter, picture, self._format)
        if self._is_full_range and not self._format.endswith("10le"):
            # Directly, swscale's chroma is half a level low.
            deep = f"{self._format.replace('yuvj', 'yuv')}10le"
            picture = self._convert(self._deepener, picture, deep)
        return self._convert(self._converter, picture, self._format)

    def _convert(self, converter: VideoReformatter, picture: Any, pixel_format: str) -> Any:
        stored_range = ColorRange.JPEG if self._is_full_range else ColorRange.MPEG
        return converter.reformat(
            picture,
            format=pixel_format,
            src_colorspace=None if picture.format.is_rgb else self._matrix,
            src_color_range=ColorRange.JPEG if picture.format.is_rgb else stored_range,
            dst_colorspace=self._matrix,
            dst_color_range=stored_range,
            interpolation=WRITE_SCALING,
            threads=1,
        )

    def _add_stream(self) -> Any:
        info = self._info
        codec = ENCODERS[self._options.codec]
        stream = self._container.add_stream(
            codec.encoder,
            rate=info.rate.limit_denominator(ROUNDED_RATE),
            options=_choose_encoder_options(self._options, self._format, info.hdr),
        )
        context = stream.codec_context
        stream.width, stream.height = self._shape.stored
        stream.pix_fmt = self._format
        context.time_base = Fraction(1, info.time_base.denominator)
        context.gop_size = max(1, round(info.rate * KEY_FRAME_SECONDS))
        context.thread_count = self._threads
        context.sample_aspect_ratio = self._shape.sample_aspect
        if self._shape.matrix is not None:
            stream.set_display_matrix(self._shape.matrix)
        write_colour_tags(context, self._tags)
        if codec.tag and self.path.suffix.lower() != ".mkv":
            context.codec_tag = codec.tag
        return stream


def choose_shape(info: ClipInfo, options: WriterOptions) -> Shape:
    """Chooses how a result's pictures are stored: as the clip's, or as they are shown."""
    return Shape.plain(info.width, info.height) if options.square_pixels else info.shape


def _choose_encoder_options(
    options: WriterOptions, pixel_format: str, hdr: HdrMetadata | None
) -> dict[str, str]:
    """Chooses options of the encoder, as ffmpeg names them."""
    if options.codec == "prores":
        return {"profile": "4444" if "444" in pixel_format else "hq", "vendor": "apl0"}
    chosen = {"crf": str(options.quality), "preset": options.preset}
    if options.codec == "hevc":
        stated = "" if hdr is None else f":{hdr.encoder_params(':')}"
        chosen["x265-params"] = f"log-level=none:pools={THREADS}:frame-threads=1{stated}"
    # OpenCV lists what the processor has, with a "?" after what it has not.
    elif any("AVX512" in name and not name.endswith("?") for name in cv2.getCPUFeaturesLine().split()):
        # x264's code for AVX-512 (macroblock tree) reads memory that nobody wrote: results would differ.
        chosen["x264-params"] = "asm=AVX2"
    return chosen


def choose_sound_fallback(path: Path, options: WriterOptions) -> str | None:
    """Names the codec for sound that ``path`` cannot hold, "aac" or "pcm"; None where it is refused."""
    if options.sound == "copy":
        return None
    return "pcm" if options.codec == "prores" and path.suffix.lower() == ".mov" else "aac"


def check_encoding(path: Path, info: ClipInfo, options: WriterOptions) -> str:
    """Chooses the pixel format in which ``path`` will be written.

    Raises:
        UsageError: options, codec, size and container do not go together.
    """
    suffix = path.suffix.lower()
    if suffix not in CONTAINERS:
        raise UsageError(
            f"{path}: a result is named {', '.join(CONTAINERS)}, not {suffix or 'without a suffix'}"
        )
    check_options(options)
    codec = ENCODERS[options.codec]
    if suffix not in SUFFIXES[options.codec]:
        raise UsageError(
            f"{path}: {options.codec} goes into {' or '.join(SUFFIXES[options.codec])}, not into {suffix}"
        )
    width, height = choose_shape(info, options).stored
    odd = width % 2 == 1 or height % 2 == 1
    # Where pictures are made anew, square and upright, alpha would have to be, too.
    alpha = codec.alpha if info.has_alpha and not (options.square_pixels and not info.shape.is_plain) else ""
    pixel_format = options.pixel_format or alpha or codec.formats[info.bit_depth > 8, odd]
    known = {str(format_.name) for format_ in av.codec.Codec(codec.encoder, "w").video_formats or ()}
    if pixel_format not in known:
        takes = ", ".join(sorted(known))
        raise UsageError(f"{options.codec} cannot be written as {pixel_format}; it takes {takes}")
    if not has_whole_chroma_samples(av.VideoFormat(pixel_format, width, height)):
        raise UsageError(f"{path}: {width}x{height} is odd, which {pixel_format} cannot hold; use yuv444p")
    return pixel_format


def open_output(path: Path, time_base: Fraction, options: dict[str, str]) -> Any:
    """Opens a container for writing whose video track counts in ``time_base``'s denominator.

    Nothing that changes from run to run is written (dates, random identifiers). Of the muxer's ``options``
    those that the container doesn't have are left out.
    """
    container = CONTAINERS[path.suffix.lower()]
    chosen = {"fflags": "+bitexact", **options, "video_track_timescale": str(time_base.denominator)}
    if container == "matroska":
        chosen = {name: value for name, value in chosen.items() if name not in _QUICKTIME_OPTIONS}
    return av.open(media_url(path), "w", format=container, options=chosen)


def choose_movie_timescale(time_bases: Sequence[Fraction]) -> int:
    """Computes ticks a second of mp4's and mov's clock for delays, a multiple of track clocks that fit."""
    scale = 1
    for base in time_bases:
        finer = math.lcm(scale, base.denominator)
        scale = finer if finer <= MAX_TIMESCALE else scale
    return scale


@contextlib.contextmanager
def scratch_folder(out: Path) -> Iterator[Path]:
    """Makes a folder beside ``out`` for what is needed on the way to it; gone afterwards (or OutputError)."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        folder = tempfile.TemporaryDirectory(prefix=f".{out.stem}.", dir=out.parent)
    except OSError as error:
        raise write_error(out, error) from error
    with folder as name:
        yield Path(name)


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turns ffmpeg's errors while writing ``path`` into ``OutputError``."""
    try:
        yield
    except FFmpegError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS, errno.EIO):
            raise write_error(path, OSError(error.errno, error.strerror)) from error
        raise OutputError(
            f"{path}: cannot be written ({error.strerror}); try another container or codec"
        ) from error
