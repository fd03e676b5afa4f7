"""Writer of frames into a video file. Sound is added when segments are joined (``recaster.media.join``)."""

from __future__ import annotations

import contextlib
import errno
import math
import re
import tempfile
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import av
import numpy as np
from av.error import FFmpegError
from av.video.reformatter import ColorRange, Interpolation, VideoReformatter

from recaster.errors import OutputError
from recaster.files import atomic_file, write_error
from recaster.media.available_encoders import choose_taken_format
from recaster.media.colour_tags import (
    LINEAR_TRANSFER,
    choose_matrix,
    choose_output_tags,
    fill_missing_tags,
    read_colour_tags,
    tags_of_movie,
    write_colour_tags,
)
from recaster.media.decoder import media_url
from recaster.media.deep_colour import make_picture, make_rgb_picture
from recaster.media.encoders import (
    CONTAINERS,
    ENCODERS,
    THREADS,
    Codec,
    check_encoding,
    choose_encoder_options,
    choose_shape,
)
from recaster.media.hdr_metadata import add_hdr_boxes
from recaster.media.layer_picture import make_layer_picture
from recaster.media.lazy_frame import LazyFrame, sample_planes
from recaster.media.patches import PatchCompositor, find_siting, paste_patches
from recaster.media.picture import bit_depth, has_alpha
from recaster.media.picture_frame import PictureFrame
from recaster.media.picture_values import divide_by_alpha
from recaster.media.stored_patches import to_stored
from recaster.media.types import Patch, Rect
from recaster.settings.encoding import WriterOptions
from recaster.settings.formats import FFMPEG_ENCODERS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import TracebackType

    from numpy.typing import NDArray

    from recaster.media.types import ClipInfo, ColourTags, Frame, Plate

KEY_FRAME_SECONDS = 2
_QUICKTIME_OPTIONS = ("movflags", "movie_timescale", "video_track_timescale")
MAX_TIMESCALE = 2**31 - 1
ROUNDED_RATE = 100_000
"""Largest denominator of a rate as the encoder is told it; mean rates of long clips outgrow its integers."""
WRITE_SCALING = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INP


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
        self._codec = ENCODERS[self._options.codec]
        self._encoder = self._options.encoder or FFMPEG_ENCODERS[self._options.codec]
        self._taken_format = self._format
        if self._options.encoder is not None:
            self._taken_format = choose_taken_format(self._encoder, self._format)
        self._is_rgb = av.VideoFormat(self._format, 16, 16).is_rgb
        self._tags = tags_of_movie(info) if self._is_rgb else _choose_tags(info, self._codec)
        self._is_full_range = self._tags.range == "pc"
        self._shape = choose_shape(info, self._options)
        self._matrix = choose_matrix(self._tags, (info.width, info.height), self.path)
        self._compositor = PatchCompositor(
            self._format, self._codec.sited, self._matrix, is_full_range=self._is_full_range
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
            if self._info.hdr is not None and self._codec.holds_hdr and self.path.suffix.lower() != ".mkv":
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

    def _encode_rgb(self, image: Plate, pts: int, alpha: NDArray[np.uint16] | None = None) -> None:
        """Encodes an image of the stored size, as opaque as ``alpha`` says: (height, width) of 16 bits."""
        if self._is_rgb:
            self._encode(make_rgb_picture(image, alpha, self._format), pts)
            return
        if image.dtype == np.float32:
            bits = bit_depth(av.VideoFrame(16, 16, self._format))
            made = make_picture(np.asarray(image, np.float32), bits, self._matrix, full=self._is_full_range)
        else:
            made = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
        picture = self._to_stored_form(made)
        if alpha is not None and has_alpha(picture):
            plane = sample_planes(picture)[-1]
            plane[:] = alpha >> (16 - bit_depth(picture))
        self._encode(picture, pts)

    def write_painted(self, frame: Frame, patches: Sequence[Patch]) -> None:
        """Appends a frame of the clip with what was painted over it.

        Where the result's pictures are stored as the clip's are, everything else goes through untouched.
        The patches' places don't meet.

        Raises:
            OutputError: as ``write``.
        """
        if isinstance(frame, PictureFrame):
            self._write_picture(frame, patches)
            return
        if not isinstance(frame, LazyFrame) or not self._fits(frame.picture):
            self.write(paste_patches(frame.plate, patches), frame.pts)
            return
        placed = [to_stored(patch, self._shape) for patch in patches]
        if self._stores_alike(frame.picture):
            if self._last is None and self._codec.sited is None:
                self._state_siting(frame.picture)
            self._encode(self._compositor(frame.picture, placed, self._to_stored_form), frame.pts)
        else:
            alpha = frame.stored_alpha if has_alpha(frame.picture) else None
            self._encode_rgb(paste_patches(frame.stored_plate, placed), frame.pts, alpha)

    def _write_picture(self, frame: PictureFrame, patches: Sequence[Patch]) -> None:
        """Appends a picture of a sequence; light becomes the view that people and networks see of it."""
        is_stored = self._shape == self._info.shape
        placed = [to_stored(patch, self._shape) for patch in patches]
        plate = paste_patches(frame.stored_plate if is_stored else frame.plate, placed)
        alpha = frame.stored_alpha if is_stored and has_alpha(av.VideoFrame(16, 16, self._format)) else None
        if alpha is not None and frame.layer.is_premultiplied:
            plate = divide_by_alpha(plate, alpha)
        if self._info.colour.transfer == LINEAR_TRANSFER and frame.view is not None:
            plate = frame.view.decode_picture(np.asarray(plate, np.float32))
        self._encode_rgb(plate, frame.pts, alpha)

    def write_matte(self, frame: Frame, matte: NDArray[np.uint8]) -> None:
        """Appends where faces show in a frame, (info.height, info.width), as grey.

        Raises:
            OutputError: as ``write``.
        """
        self.write(np.repeat(matte[..., None], 3, axis=-1), frame.pts)

    def write_layer(self, patches: Sequence[Patch], pts: int, *, premultiplied: bool = False) -> None:
        """Appends a frame of what was painted alone, in a pixel format that ``make_layer_picture`` takes.

        Raises:
            OutputError: as ``write``.
        """
        placed = [to_stored(patch, self._shape) for patch in patches]
        size = self._shape.stored
        picture = make_layer_picture(
            placed,
            size,
            self._format,
            self._matrix,
            full=self._is_full_range,
            premultiplied=premultiplied,
        )
        self._encode(picture, pts)

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

    def _state_siting(self, picture: Any) -> None:
        """Makes the result say where its samples of colour lie: where those of a picture of the clip do."""
        location = find_siting(picture)
        if location is not None:
            context = self._stream.codec_context
            context.options = {**context.options, "chroma_sample_location": location}

    def _encode(self, picture: Any, pts: int) -> None:
        if self._last is not None and pts <= self._last:
            raise OutputError(f"{self.path}: the frame at pts {pts} does not follow the one at {self._last}")
        self._last = pts
        if self._taken_format != self._format:  # the same samples in another order
            picture = picture.reformat(format=self._taken_format)
        picture.pts = pts * self._info.time_base.numerator
        picture.time_base = Fraction(1, self._info.time_base.denominator)
        write_colour_tags(picture, self._tags)
        with writing(self.path):
            self._container.mux(self._stream.encode(picture))

    def _to_stored_form(self, picture: Any) -> Any:
        """Converts a picture, RGB or deep YUV, to the result's format and colours."""
        if not picture.format.is_rgb:
            return self._convert(self._converter, picture, self._format)
        if self._is_full_range and re.fullmatch(r"yuvj?4\d\dp", self._format):
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
        codec = self._codec
        stream = self._container.add_stream(
            self._encoder,
            rate=info.rate.limit_denominator(ROUNDED_RATE),
            options=choose_encoder_options(self._options, self._format, info.hdr),
        )
        context = stream.codec_context
        stream.width, stream.height = self._shape.stored
        stream.pix_fmt = self._taken_format
        context.time_base = Fraction(1, info.time_base.denominator)
        context.gop_size = 1 if codec.is_intra else max(1, round(info.rate * KEY_FRAME_SECONDS))
        context.thread_count = self._threads
        context.sample_aspect_ratio = self._shape.sample_aspect
        if self._shape.matrix is not None:
            stream.set_display_matrix(self._shape.matrix)
        write_colour_tags(context, self._tags)
        if codec.tag and self.path.suffix.lower() != ".mkv":
            context.codec_tag = codec.tag
        return stream


def _choose_tags(info: ClipInfo, codec: Codec) -> ColourTags:
    """Chooses the colour tags of a YUV result: those of the clip that the codec can state."""
    tags = choose_output_tags(info, full_range=codec.full_range)
    return replace(tags, matrix=codec.matrix) if codec.matrix else tags


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
