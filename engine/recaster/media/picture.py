"""Conversion of decoded pictures to the RGB images that a person would see."""

from __future__ import annotations

import math
import threading
from collections import deque
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
import av.filter
import numpy as np
from av.error import BlockingIOError as NothingYet
from av.error import EOFError as NothingMore
from av.sidedata.sidedata import Type
from av.video.reformatter import ColorRange, Interpolation, VideoReformatter

from recaster.media.colour_tags import choose_matrix, fill_missing_tags, read_colour_tags
from recaster.media.colour_view import ColourView
from recaster.media.decoder import MAX_PIXELS, MAX_SIDE, ClipDecoder, DecodedPicture
from recaster.media.deep_colour import deep_format, read_rgb
from recaster.media.types import Shape

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from recaster.media.types import ColourTags, Image, Plate

READ_SCALING = Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
"""swscale's default conversion to RGB is 1 to 2 levels too dark; this one has no bias."""
FAST_SCALING = Interpolation.BILINEAR
"""The same in a tenth of the time, up to two levels too dark: good enough to find faces in."""
STRETCH_SCALING = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
MAX_PIXEL_ASPECT = 4
MAX_TILT_DEG = 1.0
"""A quarter turn may be off by so much: matrices are fixed-point numbers, written by many hands."""
MAX_SKEW = 0.02
"""Cosine between the sides of an upright picture that still counts as a right angle."""


def read_shape(picture: Any, stream: Any) -> Shape:
    """Reads the shape of a stream's pictures, from its first one."""
    aspect = stream.sample_aspect_ratio or Fraction(1)
    return build_shape((picture.width, picture.height), aspect, read_display_matrix(picture))


def build_shape(stored: tuple[int, int], aspect: Fraction, matrix: tuple[int, ...] | None) -> Shape:
    """Builds the shape of pictures of a stored size, by the aspect of a pixel and the display matrix."""
    ignored = []
    scaled = compute_square_size(*stored, aspect)
    extreme = not Fraction(1, MAX_PIXEL_ASPECT) <= aspect <= MAX_PIXEL_ASPECT
    if extreme or scaled[0] * scaled[1] > MAX_PIXELS or max(scaled) > MAX_SIDE:
        ignored.append(f"its pixel shape of {aspect}: pixels are taken for square")
        aspect = Fraction(1)
        scaled = stored
    rotation, mirrored, straight = read_orientation(matrix)
    if not straight:
        ignored.append("its rotation, which is no quarter turn: the picture is read as it is stored")
    width, height = scaled if rotation in (0, 180) else scaled[::-1]
    return Shape(width, height, stored, scaled, rotation, mirrored, aspect, matrix, tuple(ignored))


def read_presentation(picture: Any, source: ClipDecoder) -> tuple[Shape, ColourTags]:
    """Reads shape and colour tags of a clip, from its first decoded picture."""
    return read_shape(picture, source.stream), fill_missing_tags(read_colour_tags(picture), source.tags)


def compute_square_size(width: int, height: int, aspect: Fraction) -> tuple[int, int]:
    """Computes the size in square pixels: one side is stretched, to an even length, so no pixel is lost."""
    if aspect > 1:
        stretched = _round_to_even(width * aspect)
        return (stretched, height) if stretched > width + 1 else (width, height)
    stretched = _round_to_even(height / aspect)
    return (width, stretched) if stretched > height + 1 else (width, height)


def read_display_matrix(picture: Any) -> tuple[int, ...] | None:
    """Reads a picture's display matrix, nine fixed-point numbers; None where it has none."""
    data = picture.side_data.get(Type.DISPLAYMATRIX)
    return None if data is None else tuple(np.frombuffer(bytes(data), np.int32)[:9].tolist())


def read_orientation(matrix: tuple[int, ...] | None) -> tuple[int, bool, bool]:
    """Reads an orientation from a display matrix.

    Returns:
        Degrees clockwise to turn the picture, whether to mirror it first, and whether that is all that the
        matrix asks for; where it asks for another angle or a shear, the picture stays as it is.
    """
    if matrix is None:
        return 0, False, True
    across, down = np.array(matrix, float).reshape(3, 3)[:2, :2]
    mirrored = bool(across[0] * down[1] - across[1] * down[0] < 0)
    if mirrored:
        across = -across
    turned = math.degrees(math.atan2(across[1], across[0]))
    quarter_turns = round(turned / 90)
    skewed = abs(across @ down) > MAX_SKEW * np.linalg.norm(across) * np.linalg.norm(down)
    if abs(turned - 90 * quarter_turns) > MAX_TILT_DEG or skewed:
        return 0, False, False
    return quarter_turns * 90 % 360, mirrored, True


def _round_to_even(length: Fraction) -> int:
    return round(length / 2) * 2


class RgbConverter:
    """Turns decoded pictures into images: colour, square pixels, upright. Alpha is dropped.

    ClipError where a colour matrix is not one that can be converted; it names ``path``.
    """

    def __init__(
        self,
        shape: Shape,
        tags: ColourTags,
        path: Path,
        *,
        fast: bool = False,
        view: ColourView | None = None,
    ) -> None:
        self.shape = shape
        self._scaling = FAST_SCALING if fast else READ_SCALING
        self._tags = tags
        self.view = view or ColourView.of(tags)
        self._path = path
        self._matrix(tags)
        self._converter = VideoReformatter()
        self._lock = threading.Lock()

    def __call__(self, picture: Any) -> Image:
        """(height, width, 3) uint8 RGB, contiguous."""
        return self._turn_upright(self._convert_colours(picture, self.shape.scaled))

    def convert_part(self, picture: Any) -> Image:
        """Converts the colours of a picture, or of a part of one, in its own size and as it lies."""
        return self._convert_colours(picture, (picture.width, picture.height))

    def convert_plate(self, picture: Any) -> Plate:
        """Converts a picture as ``Plate`` says, (height, width, 3), contiguous."""
        if not self.paints_deep(picture):
            return self(picture)
        plate: Plate = self._turn_upright(self._convert_deep(picture, self.shape.scaled))
        return plate

    def convert_plate_part(self, picture: Any) -> Plate:
        """Converts a picture, or a part of one, as ``Plate`` says, in its own size and as it lies."""
        if not self.paints_deep(picture):
            return self.convert_part(picture)
        return self._convert_deep(picture, (picture.width, picture.height))

    def paints_deep(self, picture: Any) -> bool:
        """Tells whether a picture is painted on in floats: images have fewer bits, or show a view of it."""
        return self.view is not None or bit_depth(picture) > 8

    def shows_as_stored(self, picture: Any) -> bool:
        """Tells whether a picture is neither stretched nor turned nor mirrored to be shown."""
        return self.shape.is_plain and (picture.width, picture.height) == self.shape.stored

    def _convert_colours(self, picture: Any, size: tuple[int, int]) -> Image:
        tags, is_rgb, full = self._read_colour(picture)
        rgb = self._reformat(
            picture,
            size,
            format="rgb24",
            src_colorspace=self._matrix(tags),
            src_color_range=None if is_rgb else full,
            dst_color_range=ColorRange.JPEG,
        )
        image = np.asarray(rgb.to_ndarray(), np.uint8)
        return image if self.view is None else self.view.show(image)

    def _convert_deep(self, picture: Any, size: tuple[int, int]) -> NDArray[np.float32]:
        """(H, W, 3) float32 RGB of a size (width, height), 0 to 255."""
        tags, is_rgb, full = self._read_colour(picture)
        if is_rgb:
            rgb = self._reformat(picture, size, format="rgb48le").to_ndarray()
            # swscale repeats the highest bits in the lowest: white is white in any depth.
            return np.asarray(rgb * np.float32(255 / 65535), np.float32)
        matrix = self._matrix(tags)
        whole = self._reformat(
            picture,
            size,
            format=deep_format(bit_depth(picture)),
            src_colorspace=matrix,
            dst_colorspace=matrix,
            src_color_range=full,
            dst_color_range=full,
        )
        return read_rgb(whole, matrix, full=full == ColorRange.JPEG)

    def _read_colour(self, picture: Any) -> tuple[ColourTags, bool, ColorRange]:
        """Reads a picture's tags (in a spliced stream they change), whether it is RGB, and its range."""
        tags = fill_missing_tags(read_colour_tags(picture), self._tags)
        is_rgb = picture.format.is_rgb or picture.format.has_palette
        return tags, is_rgb, ColorRange.JPEG if tags.range == "pc" else ColorRange.MPEG

    def _reformat(self, picture: Any, size: tuple[int, int], **colours: Any) -> Any:
        stretched = (picture.width, picture.height) != size
        scaling = STRETCH_SCALING if stretched else self._scaling
        with self._lock:
            return self._converter.reformat(
                picture, width=size[0], height=size[1], interpolation=scaling, threads=1, **colours
            )

    def _matrix(self, tags: ColourTags) -> int:
        return choose_matrix(tags, self.shape.scaled, self._path)

    def _turn_upright(self, image: Any) -> Any:
        if self.shape.mirrored:
            image = image[:, ::-1]
        return np.ascontiguousarray(np.rot90(image, -self.shape.rotation // 90))


def has_alpha(picture: Any) -> bool:
    """Tells whether a picture says how transparent it is."""
    return any(component.is_alpha for component in picture.format.components)


def pixel_format_has_alpha(name: str) -> bool:
    """Tells whether pictures of a format say how transparent they are."""
    return any(component.is_alpha for component in av.VideoFormat(name, 16, 16).components)


def bit_depth(picture: Any) -> int:
    """Bits of one component of a picture."""
    return max(int(component.bits) for component in picture.format.components)


def build_filter_graph(
    picture: Any, *filters: tuple[str, str | None], time_base: Fraction = Fraction(1, 1000)
) -> tuple[Any, list[Any]]:
    """Builds an ffmpeg graph for pictures like this one, of filters (name, options); returns both."""
    graph = av.filter.Graph()
    graph.threads = 1
    source = graph.add_buffer(
        width=picture.width, height=picture.height, format=picture.format, time_base=time_base
    )
    linked = [graph.add(name, options) for name, options in filters]
    graph.link_nodes(source, *linked, graph.add("buffersink")).configure()
    return graph, linked


def deinterlace(pictures: Iterable[DecodedPicture], time_base: Fraction) -> Iterator[DecodedPicture]:
    """Deinterlaces: the same pictures at the same times, interlaced ones with their missing lines filled in.

    The filter is BWDIF (Weston 3-field and Yadif combined), one picture out for each picture in. It
    starts at the first interlaced picture with the one before as its context, so that a picture
    comes out the same wherever reading began, if reading began at least one picture earlier.
    """
    deinterlacer: _Deinterlacer | None = None
    before: DecodedPicture | None = None
    for decoded in pictures:
        if deinterlacer is None and decoded.picture.interlaced_frame:
            deinterlacer = _Deinterlacer((before or decoded).picture, time_base)
            if before is not None:
                deinterlacer.push(before, keep=False)
        if deinterlacer is None:
            before = decoded
            yield decoded
        else:
            deinterlacer.push(decoded)
            yield from deinterlacer.pull()
    if deinterlacer is not None:
        deinterlacer.finish()
        yield from deinterlacer.pull()


class _Deinterlacer:
    """An ffmpeg graph of one deinterlacer, which keeps the pictures' own times."""

    def __init__(self, picture: Any, time_base: Fraction) -> None:
        bwdif = ("bwdif", "mode=send_frame:parity=auto:deint=interlaced")
        self._graph, _ = build_filter_graph(picture, bwdif, time_base=time_base)
        self._waiting: deque[tuple[int, bool]] = deque()

    def push(self, decoded: DecodedPicture, *, keep: bool = True) -> None:
        self._waiting.append((decoded.pts, keep))
        self._graph.vpush(decoded.picture)

    def finish(self) -> None:
        self._graph.vpush(None)

    def pull(self) -> Iterator[DecodedPicture]:
        while self._waiting:
            try:
                picture = self._graph.vpull()
            except (NothingYet, NothingMore):
                return
            pts, keep = self._waiting.popleft()
            if keep:
                yield DecodedPicture(pts, picture)
