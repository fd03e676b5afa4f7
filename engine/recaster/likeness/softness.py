"""How soft and how grainy a target's picture of a face is, so that a swapped face is no sharper or cleaner.

Softness (defocus, motion, resampling, compression) is measured where faces have edges: lids, brows, lips,
nostrils. How fast the strength of gradients falls when a picture is blurred further tells how much it was
blurred already (re-blur methods: Crete et al., "The blur effect: perception and estimation with a new
no-reference perceptual blur metric", 2007), whoever is shown; in each direction, so that motion is known from
defocus. Grain is what is left of the finest octave on the plainest skin.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Self

import cv2
import numpy as np

from recaster.faces.topology import BROW_LEFT, BROW_RIGHT, EYE_LEFT, EYE_RIGHT, LIPS_OUTER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from recaster.faces.types import Floats
    from recaster.media.types import Image

    Plane = NDArray[np.float32]

_FINE, _COARSE = 2.0, 16.0
"""Variances, in square pixels of the crop, between which gradients are compared."""
_LADDER: Final = np.array([2.0, 4.0, 8.0, 16.0, 32.0, 64.0])
"""Variances at which the swapped face's gradients are known."""
_DIRECTIONS: Final = np.deg2rad([0.0, 45.0, 90.0, 135.0])
_SHARP: Final = (EYE_LEFT, EYE_RIGHT, BROW_LEFT, BROW_RIGHT, LIPS_OUTER)
_RIM: Final = 9
"""A brush so wide is drawn around them, in pixels of the crop."""
_EDGES: Final = 50
"""Percentile of gradients from which they are edges."""
_UNSURE, _UNSURE_ALONG = 0.5, 4.0
"""Variances by which people's edges differ without any blur: in all directions, and in one."""
_MAX_BLUR: Final = 48.0
"""Largest variance of blur, square pixels of a crop of ``_SIDE``."""
_CLOSE: Final = 0.02
"""Of gradients' fall, natural logarithm, below which nothing is softened."""
_REACH: Final = 16
"""Pixels around a face's features that matter to how sharp they are."""
_MIN_BLUR: Final = 0.3
"""Variances, square pixels, below which nothing is softened, or not along a slant."""
_NARROW: Final = 0.05
"""Variance of next to no blur."""
_SIDE: Final = 256
_MIN_SIDE: Final = 128
"""Smaller crops say too little of how soft a picture is."""
_MIN_EDGES: Final = 256
"""Pixels of edges, likewise."""
_CELL: Final = 8
_PLAINEST: Final = 30
"""Percentile of cells of skin that shows grain and hardly anything else."""
_PLAINEST_OF_ALL: Final = 10
"""The same of all that is around the face."""
_LUMA: Final = (0.299, 0.587, 0.114)
_OWN_LUMA: Final = sum(one**2 for one in _LUMA)
"""Variance of brightness of noise that is each channel's own."""
_OWN_RED: Final = (1 - _LUMA[0]) ** 2 + _LUMA[1] ** 2 + _LUMA[2] ** 2
"""Variance of red less brightness of such noise."""
_SIZES: Final = (0.0, 0.5, 0.7, 1.0, 1.4, 2.0)
"""Sigmas of grain, in pixels of the crop."""
_LEAST: Final = 0.4
"""Grain below this, in grey levels, is none."""


@dataclass(frozen=True, eq=False)
class Softness:
    """What makes a swapped face as soft and as grainy as its target.

    Attributes:
        blur: (3,) variances across and down and their covariance, square pixels of the crop.
        grain: standard deviation of grain that all channels share, grey levels.
        colour_grain: of each channel's own.
        size: sigma of grain, pixels of the crop.
    """

    blur: Floats
    grain: float
    colour_grain: float
    size: float

    @classmethod
    def measured(
        cls, swapped: Image, target: Image, mask: NDArray[np.float32], points: Floats
    ) -> Self | None:
        """What is seen in one frame; None where too little of a face shows, or in too few pixels.

        Args:
            swapped: (size, size, 3) uint8 RGB, the swapped face in an aligned crop.
            target: (size, size, 3) uint8 RGB, the target's face in the same crop.
            mask: (size, size) float32, 0 to 1, where the swapped face will show.
            points: (478, 3), the mesh in the crop's pixels.
        """
        inside = mask > 0.9
        edged = inside & _features(points, len(mask))
        if len(mask) < _MIN_SIDE or edged.sum() < _MIN_EDGES:
            return None
        ours, theirs = (
            cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32) for image in (swapped, target)
        )
        part = _around(edged)
        blur = _blur(ours[part], theirs[part], edged[part])
        grain, colour_grain, size = 0.0, 0.0, _SIZES[0]
        light = _Finest.of(theirs)
        skin = _skin_cells(inside)
        if light.plainest(skin) > _LEAST * np.sqrt(_kept(_SIZES[-1])[0]):
            reds = tuple(_red(image, grey) for image, grey in ((target, theirs), (swapped, ours)))
            own = None if blur.any() else (_Finest.of(ours), _Finest.of(reds[1]))
            grain, colour_grain, size = _grain(light, _Finest.of(reds[0]), own, skin)
        return cls(blur, grain, colour_grain, size)

    @property
    def brightness_grain(self) -> float:
        """Standard deviation of grain in brightness, grey levels."""
        return float(np.sqrt(self.grain**2 + _OWN_LUMA * self.colour_grain**2))

    @classmethod
    def averaged(cls, window: Sequence[Self | None], weights: Floats) -> Self | None:
        """The mean of neighbouring frames, by weights."""
        known = [(one, weight) for one, weight in zip(window, weights, strict=True) if one is not None]
        if not known:
            return None
        shares = np.array([weight for _, weight in known])
        shares = shares / shares.sum()
        every = [one for one, _ in known]
        return cls(
            blur=np.tensordot(shares, np.array([one.blur for one in every]), 1),
            grain=float(shares @ [one.grain for one in every]),
            colour_grain=float(shares @ [one.colour_grain for one in every]),
            size=float(shares @ [one.size for one in every]),
        )

    def softened(self, image: Plane) -> Plane:
        """A face (size, size, 3) or (size, size) float32, as soft as the target."""
        across, down, tilt = (round(float(one), 1) for one in self.blur)
        if max(across, down) < _MIN_BLUR:
            return image
        if abs(tilt) < _MIN_BLUR:  # across, then down: far quicker
            rows, columns = _line(across), _line(down)
            return np.asarray(cv2.sepFilter2D(image, -1, rows, columns, borderType=cv2.BORDER_REPLICATE))
        return np.asarray(
            cv2.filter2D(image, -1, _kernel(across, down, tilt), borderType=cv2.BORDER_REPLICATE)
        )

    def grained(self, image: Plane, seed: int) -> Plane:
        """A face with the target's grain; the same for the same seed."""
        if max(self.grain, self.colour_grain) < _LEAST:
            return image
        side, size = len(image), round(self.size, 1)
        row, column = np.random.default_rng(seed).integers(0, side, 2)
        place = (slice(row, row + side), slice(column, column + side))
        grained = image
        if self.grain >= _LEAST:
            grained = grained + np.float32(self.grain) * _noise(2 * side, 1, size)[place]
        if self.colour_grain >= _LEAST:
            grained = grained + np.float32(self.colour_grain) * _noise(2 * side, 3, size)[place]
        return grained


def _features(points: Floats, size: int) -> NDArray[np.bool_]:
    """(size, size): lids, brows and lips, whose edges are sharp in everybody."""
    mask = np.zeros((size, size), np.uint8)
    for outline in _SHARP:
        cv2.fillConvexPoly(mask, cv2.convexHull(np.rint(points[list(outline), :2]).astype(np.int32)), 1)
    return cv2.dilate(mask, np.ones((_RIM, _RIM), np.uint8)) > 0


def _around(mask: NDArray[np.bool_]) -> tuple[slice, slice]:
    """The rows and columns that hold a mask, and what blurs reach beyond it."""
    x, y, width, height = cv2.boundingRect(mask.astype(np.uint8))
    rows = slice(max(y - _REACH, 0), y + height + _REACH)
    return rows, slice(max(x - _REACH, 0), x + width + _REACH)


def _gradients(grey: Plane, inside: NDArray[np.bool_], variances: Sequence[float] | Floats) -> Floats:
    """Mean squares of gradients at a face's edges, at each variance of blur and direction: (V, 4)."""
    half = cv2.resize(cv2.GaussianBlur(grey, (0, 0), np.sqrt(4.0 - 1.0)), None, fx=0.5, fy=0.5)
    here = cv2.resize(inside.astype(np.uint8), half.shape[::-1], interpolation=cv2.INTER_NEAREST) > 0
    known, done = {4.0: half}, 4.0
    for variance in _LADDER[2:]:
        known[variance] = cv2.GaussianBlur(known[done], (0, 0), np.sqrt((variance - done) / 4))
        done = variance
        if variance >= max(variances):
            break
    x, y = _slopes(known[_COARSE])
    strong = x * x + y * y
    edges = here & (strong >= np.percentile(strong[here], _EDGES))
    found = []
    for variance in variances:
        if variance < 4:
            x, y = _slopes(cv2.GaussianBlur(grey, (0, 0), np.sqrt(variance)))
            where, unit = cv2.resize(edges.astype(np.uint8), grey.shape[::-1], interpolation=0) > 0, 1.0
        else:
            x, y = _slopes(known[variance])
            where, unit = edges, 2.0
        x, y = x[where] / unit, y[where] / unit
        xx, yy, xy = float(x @ x) / len(x), float(y @ y) / len(x), float(x @ y) / len(x)
        along, across = np.cos(_DIRECTIONS), np.sin(_DIRECTIONS)
        found.append(along**2 * xx + across**2 * yy + 2 * along * across * xy + 1e-3)
    return np.array(found)


def _slopes(plane: Plane) -> tuple[Plane, Plane]:
    kernel = np.array([[-0.5, 0, 0.5]], np.float32)
    return cv2.filter2D(plane, -1, kernel), cv2.filter2D(plane, -1, kernel.T)


def _blur(ours: Plane, theirs: Plane, edged: NDArray[np.bool_]) -> Floats:
    """The blur that the swapped face lacks: variances across and down and their covariance."""
    both = (_FINE, _COARSE)
    wanted = _fall(_gradients(theirs, edged, both))
    if (wanted >= _fall(_gradients(ours, edged, both)) - _CLOSE).any():
        return np.zeros(3)  # no direction's is needed without a little of all
    curves = 0.5 * np.log(_gradients(ours, edged, _LADDER))
    steps, places = np.linspace(0, _MAX_BLUR, 97), np.log(_LADDER)
    lacking = []
    for curve, sought in zip(curves.T, wanted, strict=True):
        fine, coarse = (np.interp(np.log(one + steps), places, curve) for one in both)
        soft = fine - coarse <= sought
        lacking.append(float(steps[np.argmax(soft)]) if soft.any() else _MAX_BLUR)
    # Edges of one direction differ between people more than all of them do: lips are level, noses upright.
    least = min(lacking)
    lacking = [max(least - _UNSURE, 0) + max(one - least - _UNSURE_ALONG, 0) for one in lacking]
    along = np.stack([np.cos(_DIRECTIONS) ** 2, np.sin(_DIRECTIONS) ** 2, np.sin(2 * _DIRECTIONS)], -1)
    found, *_ = np.linalg.lstsq(along, np.array(lacking), rcond=None)
    return np.asarray(found)


def _fall(gradients: Floats) -> Floats:
    """Natural logarithm of fine edges' strength over coarse ones', in each direction."""
    return np.asarray(0.5 * np.log(gradients[0] / gradients[1]))


def _red(image: Image, grey: Plane) -> Plane:
    return np.asarray(image[..., 0] - grey)


@dataclass(frozen=True, eq=False)
class _Finest:
    """The finest octave of a plane, and the next, as mean squares in cells."""

    fine: Floats
    coarser: Floats

    @classmethod
    def of(cls, plane: Plane) -> Self:
        one = cv2.GaussianBlur(plane, (0, 0), 1.0)
        two = cv2.GaussianBlur(one, (0, 0), np.sqrt(3.0))
        size = (len(plane) // _CELL, len(plane) // _CELL)
        parts = (plane - one, one - two)
        return cls(*(cv2.resize(part * part, size, interpolation=cv2.INTER_AREA) for part in parts))

    def plainest(self, skin: NDArray[np.bool_]) -> float:
        """Its strength where least is to be seen, on skin and in all of the crop, grey levels.

        Skin has pores, too: grain is what plain things around the face have as well.
        """
        return float(np.sqrt(min(_least(self.fine[skin], _PLAINEST), _least(self.fine, _PLAINEST_OF_ALL))))

    def ratio(self, skin: NDArray[np.bool_]) -> float:
        """The next octave's strength over its own, on plain skin."""
        fine, coarser = (_least(part[skin], _PLAINEST) for part in (self.fine, self.coarser))
        return float(np.sqrt((coarser + 1e-4) / (fine + 1e-4)))


def _skin_cells(inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which cells lie in the face as a whole."""
    size = (len(inside) // _CELL, len(inside) // _CELL)
    share = cv2.resize(inside.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    return np.asarray(share > 0.99)


def _least(values: Floats, share: float) -> float:
    """The value below which a share (percent) of values lies; 0 of none."""
    flat = values.ravel()
    at = int(share / 100 * (len(flat) - 1)) if len(flat) else 0
    return float(np.partition(flat, at)[at]) if len(flat) else 0.0


def _grain(
    light: _Finest, colour: _Finest, own: tuple[_Finest, _Finest] | None, skin: NDArray[np.bool_]
) -> tuple[float, float, float]:
    """Shared grain, each channel's own, and its size, that the swapped face lacks.

    Args:
        light: of the target's brightness.
        colour: of its red less that.
        own: both of the swapped face; None where it is softened, and keeps none.
        skin: which cells are the face's.
    """
    has = (0.0, 0.0) if own is None else tuple(one.plainest(skin) for one in own)
    ratio = light.ratio(skin)
    size = min(_SIZES, key=lambda one: abs(np.log(ratio / _kept(one)[1])))
    kept = _kept(size)[0]
    each = max(colour.plainest(skin) ** 2 - has[1] ** 2, 0.0) / kept / _OWN_RED
    shared = max(max(light.plainest(skin) ** 2 - has[0] ** 2, 0.0) / kept - _OWN_LUMA * each, 0.0)
    return float(np.sqrt(shared)), float(np.sqrt(each)), size


@lru_cache(maxsize=len(_SIZES))
def _kept(size: float) -> tuple[float, float]:
    """Of grain of unit strength: the finest octave's variance, and the next octave's strength over it."""
    field = _soft(np.random.default_rng(0).standard_normal((_SIDE, _SIDE), np.float32), size)
    seen = _Finest.of(field)
    everywhere = np.ones(seen.fine.shape, bool)
    return seen.plainest(everywhere) ** 2, seen.ratio(everywhere)


@lru_cache(maxsize=8)
def _noise(side: int, channels: int, size: float) -> Plane:
    """Noise (side, side, channels) of unit strength and a size, of which frames take parts."""
    field = np.random.default_rng(channels).standard_normal((side, side, channels), np.float32)
    return _soft(field, size).reshape(field.shape)


def _soft(field: Plane, size: float) -> Plane:
    """Noise of unit strength, softened and of unit strength again."""
    if size < _SIZES[1] / 2:
        return field
    soft = cv2.GaussianBlur(field, (0, 0), size)
    line = cv2.getGaussianKernel(2 * int(4 * size + 1) + 1, size)
    return np.asarray(soft / np.float32((line**2).sum()))


@lru_cache(maxsize=64)
def _line(variance: float) -> Plane:
    """A Gaussian along one line."""
    sigma = float(np.sqrt(np.clip(variance, _NARROW, _MAX_BLUR)))
    return np.asarray(cv2.getGaussianKernel(2 * int(np.ceil(2.5 * sigma)) + 1, sigma, cv2.CV_32F))


@lru_cache(maxsize=64)
def _kernel(across: float, down: float, tilt: float) -> Plane:
    """A Gaussian of the given variances and covariance."""
    values, vectors = np.linalg.eigh([[across, tilt], [tilt, down]])
    values = np.clip(values, _NARROW, _MAX_BLUR)
    reach = int(np.ceil(2.5 * np.sqrt(values.max())))
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    places = np.stack([x, y], -1) @ vectors
    kernel = np.exp(-0.5 * (places**2 / values).sum(-1))
    return np.asarray(kernel / kernel.sum(), np.float32)
