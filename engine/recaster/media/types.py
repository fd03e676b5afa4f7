"""Plain values that clips are made of. Time is rational; images are RGB."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from recaster.media.metadata import NO_METADATA, Metadata, SideStream
from recaster.settings.reading import DEFAULT_READING, ReadOptions

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.media.colour_view import ColourView
    from recaster.media.hdr_metadata import HdrMetadata

Image = NDArray[np.uint8]
"""(height, width, 3) uint8, RGB, full range, upright, square pixels."""
Plate = NDArray[np.uint8] | NDArray[np.float32]
"""A picture to paint on, (height, width, 3) RGB: uint8, or, where the clip has more than 8 bits, float32 from
0 to 255 with fractions."""


@dataclass(frozen=True)
class ColourTags:
    """Colour tags of a video stream, as ffmpeg names them; None where the file says nothing."""

    range: str | None = None
    matrix: str | None = None
    primaries: str | None = None
    transfer: str | None = None


@dataclass(frozen=True)
class Shape:
    """Presentation of stored pictures.

    Attributes:
        width, height: pixels, as shown.
        stored: width and height of the stored picture.
        scaled: stored size stretched to square pixels, before turning.
        rotation: degrees clockwise to turn, 0, 90, 180 or 270.
        mirrored: whether it is flipped left to right before turning.
        sample_aspect: width of a stored pixel over its height.
        matrix: the display matrix as FFmpeg has it, nine fixed-point numbers; None where there is none.
        ignored: what the file says of how it is shown that no player does, in words.
    """

    width: int
    height: int
    stored: tuple[int, int]
    scaled: tuple[int, int]
    rotation: int = 0
    mirrored: bool = False
    sample_aspect: Fraction = Fraction(1)
    matrix: tuple[int, ...] | None = None
    ignored: tuple[str, ...] = ()

    @classmethod
    def plain(cls, width: int, height: int) -> Shape:
        """The shape of pictures that are shown as they are stored."""
        return cls(width, height, (width, height), (width, height))

    @property
    def is_plain(self) -> bool:
        """True where pictures are shown as they are stored."""
        return self.stored == self.scaled and self.rotation == 0 and not self.mirrored


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
    """Facts about a clip, from ``probe``.

    Attributes:
        frame_count: frames that decode, counted exactly.
        rate: mean frames per second.
        variable: whether the distances between frames differ by more than rounding.
        duration: seconds from the first frame's start to the last frame's end.
        time_base: seconds per pts tick of the video stream.
        codec, pixel_format: ffmpeg's names.
        bit_depth: bits of one component.
        interlaced: whether any frame holds two fields.
        audio: audio streams in file order.
        side_streams: the others that results may keep, in file order.
        metadata: tags, timecode, reel and chapters.
        hdr: HDR10's static metadata.
        has_alpha: whether pictures say how transparent they are.
        warnings: what is wrong with the file but was survived (truncated, damaged frames).
        first_number: of a sequence of pictures, the number of its first one; that of any frame is its pts
            more. None for other clips.
        gaps: the first and the last of numbers that are missing in a sequence.
        layer: of the sequence's pictures that is the clip; "" for that without a name.
        view: the view of a sequence's values; None where they are viewed as they are.
        reading: the options by which the clip was read.
    """

    path: Path
    shape: Shape
    frame_count: int
    rate: Fraction
    variable: bool
    duration: Fraction
    time_base: Fraction
    codec: str
    pixel_format: str
    bit_depth: int
    interlaced: bool
    colour: ColourTags
    audio: tuple[AudioStream, ...] = ()
    side_streams: tuple[SideStream, ...] = ()
    metadata: Metadata = NO_METADATA
    hdr: HdrMetadata | None = None
    has_alpha: bool = False
    warnings: tuple[str, ...] = ()
    first_number: int | None = None
    gaps: tuple[tuple[int, int], ...] = ()
    layer: str = ""
    view: ColourView | None = None
    reading: ReadOptions = DEFAULT_READING

    @property
    def width(self) -> int:
        """Pixels across, as shown."""
        return self.shape.width

    @property
    def height(self) -> int:
        """Pixels down, as shown."""
        return self.shape.height

    @property
    def is_sequence(self) -> bool:
        """True for a sequence of pictures, which has no streams."""
        return self.first_number is not None


@dataclass(frozen=True, eq=False)
class Scan:
    """Findings of one decoding pass over a clip.

    Attributes:
        pts: (N,) int64, presentation times in ticks of the clip's time base, strictly increasing.
        seek_points: (K,) int64, indices of key frames at which decoding may start and gives the same times.
        jumps: seconds by which the times after each closed jump of the file's clock are moved.
    """

    info: ClipInfo
    pts: NDArray[np.int64]
    seek_points: NDArray[np.int64]
    jumps: tuple[Fraction, ...]

    @property
    def start(self) -> Fraction:
        """Time of the first frame in the file, in seconds."""
        return int(self.pts[0]) * self.info.time_base


@dataclass(frozen=True)
class Rect:
    """A rectangle of whole pixels; ``right`` and ``bottom`` are the first ones outside."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        """Pixels from left to right."""
        return self.right - self.left

    @property
    def height(self) -> int:
        """Pixels from top to bottom."""
        return self.bottom - self.top

    def crop(self, picture: NDArray[Any]) -> NDArray[Any]:
        """Crops a picture (H, W, ...) to the rectangle: a view."""
        return picture[self.top : self.bottom, self.left : self.right]

    def relative_to(self, outer: Rect) -> Rect:
        """The same rectangle, counted from the corner of an outer one."""
        x = outer.left
        y = outer.top
        return Rect(self.left - x, self.top - y, self.right - x, self.bottom - y)

    def contains(self, other: Rect) -> bool:
        """True where all of another rectangle is in this one."""
        return self.union(other) == self

    def intersects(self, other: Rect) -> bool:
        """True where both have a pixel in common."""
        across = self.left < other.right and other.left < self.right
        return across and self.top < other.bottom and other.top < self.bottom

    def union(self, other: Rect) -> Rect:
        """The smallest rectangle that contains both."""
        return Rect(
            min(self.left, other.left),
            min(self.top, other.top),
            max(self.right, other.right),
            max(self.bottom, other.bottom),
        )

    def expand(self, margin: int, grid: int, size: tuple[int, int]) -> Rect:
        """Adds a margin on all sides, out to multiples of ``grid``, as far as a picture of a size goes."""
        return Rect(
            max((self.left - margin) // grid * grid, 0),
            max((self.top - margin) // grid * grid, 0),
            min(-(-(self.right + margin) // grid) * grid, size[0]),
            min(-(-(self.bottom + margin) // grid) * grid, size[1]),
        )


@dataclass(frozen=True)
class Frame:
    """One picture of a clip.

    Attributes:
        index: 0-based position in the whole clip.
        pts: presentation time in ticks of the clip's time base.
        time: presentation time in seconds after the clip's first frame.
    """

    index: int
    pts: int
    time: Fraction
    image: Image

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        height, width = self.image.shape[:2]
        return width, height

    @property
    def view(self) -> ColourView | None:
        """The view that ``image`` shows of the plate's values; None where they are the same."""
        return None

    @property
    def plate(self) -> Plate:
        """The picture to paint on, in the clip's own values; not to be changed."""
        return self.image

    def plate_part(self, place: Rect) -> Plate:
        """Crops the plate to a place; the result is not to be changed."""
        return place.crop(self.plate)

    def part(self, place: Rect) -> Image:
        """Crops the image to a place; the result is not to be changed."""
        return place.crop(self.image)


@dataclass(frozen=True, eq=False)
class Patch:
    """A part of a frame that was painted over; all arrays have the height and width of ``place``.

    Attributes:
        place: larger by some pixels than what was painted.
        image: (H, W, 3) RGB, the plate with what was painted.
        painted: (H, W) bool, where anything was; elsewhere ``image`` is the frame.
        matte: (H, W) uint8, where faces show.
        layer: (H, W, 4) float32, what was painted alone: RGB, 0 to 255, times its opacity, and that, 0 to
            1; 0 where nothing was. None where it isn't asked for.
    """

    place: Rect
    image: Plate
    painted: NDArray[np.bool_]
    matte: NDArray[np.uint8]
    layer: NDArray[np.float32] | None = None
