"""How soft and how grainy a target's picture of a face is, so that a swapped face is no sharper or cleaner.

Softness (defocus, motion, resampling, compression) is measured where faces have edges: lids, brows, lips,
nostrils. Two faces in one pose have much the same spectrum there, whoever they are; what the target's lacks
of the swapped one's, the more the finer, is blur. Its logarithm falls with the square of frequency, in each
direction by its own variance (the second moment of whatever blurs; box or Gaussian, along it or across), so
one weighted least-squares fit finds defocus and the direction and length of motion. Grain is what is left of
the finest octave on the plainest skin.
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

_SHARP: Final = (EYE_LEFT, EYE_RIGHT, LIPS_OUTER)
"""Edges that tell how soft a picture is. Brows don't: dark ones beside pale ones would pass for sharpness."""
_FEATURES: Final = (*_SHARP, BROW_LEFT, BROW_RIGHT)
_RIM: Final = 9
"""A brush so wide is drawn around them, in pixels of the crop."""
_WINDOW: Final = 10.0
"""Sigma of the edge of what is looked at, in pixels of the crop: a sharper one would show in the spectrum."""
_FORM: Final = 16.0
"""Sigma of what is form and light and not detail."""
_PERIODS: Final = (80.0, 6.0)
"""Longest and shortest waves that are compared, in pixels of the crop."""
_BANDS, _SECTORS = 8, 8
_GRAINY: Final = 0.7, 1.0
"""Frequencies, over the highest, at which a soft picture shows hardly anything but grain."""
_LEVEL: Final = 0.02
"""Added to spectra, squared grey levels: 8 bits know no finer."""
_FITS: Final = 8
_TRUE: Final = 1.3
"""A blur's variance over what is found of it: bands' means and the window's own spectrum hide the rest
(measured with Gaussians and boxes of 2 to 27 pixels on rendered and real faces)."""
_UNSURE, _UNSURE_ALONG = 0.7, 4.0
"""Variances by which people's edges differ without any blur: in all directions, and along one."""
_MAX_BLUR: Final = 100.0
"""Largest variance of blur, square pixels of the crop."""
_MIN_BLUR: Final = 0.3
"""Variances, square pixels, below which nothing is softened."""
_EVEN: Final = 1e-3 * np.array([[0, 0, 0, 0], [0, 1, -1, 0], [0, -1, 1, 0], [0, 0, 0, 4]], np.float64)
"""Penalty on what is not the same in all directions."""
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
_ROUNDING: Final = (0.26, 0.17)
"""Strength of the finest octave of rounding to 8 bits, of brightness and of red less that, grey levels."""
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
    def measure(cls, swapped: Image, target: Image, mask: NDArray[np.float32], points: Floats) -> Self | None:
        """What is seen in one frame; None where too little of a face shows, or in too few pixels.

        Args:
            swapped: (size, size, 3) uint8 RGB, the swapped face in an aligned crop.
            target: (size, size, 3) uint8 RGB, the target's face in the same crop.
            mask: (size, size) float32, 0 to 1, where the swapped face will show.
            points: (478, 3), the mesh in the crop's pixels.
        """
        inside = mask > 0.9
        edged = inside & _brushed(_SHARP, points, len(mask), _RIM)
        if len(mask) < _MIN_SIDE or edged.sum() < _MIN_EDGES:
            return None
        ours, theirs = (
            cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32) for image in (swapped, target)
        )
        blur = _blur(ours, theirs, edged)
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
    def average(cls, window: Sequence[Self | None], weights: Floats) -> Self | None:
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

    def soften(self, image: Plane) -> Plane:
        """A face (size, size, 3) or (size, size) float32, as soft as the target."""
        across, down, tilt = (round(float(one), 1) for one in self.blur)
        if max(across, down) < _MIN_BLUR:
            return image
        if tilt == 0 and across == down:
            line = _line(across)
            return np.asarray(cv2.sepFilter2D(image, -1, line, line, borderType=cv2.BORDER_REPLICATE))
        return np.asarray(
            cv2.filter2D(image, -1, _kernel(across, down, tilt), borderType=cv2.BORDER_REPLICATE)
        )

    def add_grain(self, image: Plane, seed: int) -> Plane:
        """A face with the target's grain; the same for the same seed."""
        if max(self.grain, self.colour_grain) < _LEAST:
            return image
        side, size = len(image), round(self.size, 1)
        row, column = np.random.default_rng(seed).integers(0, side, 2)
        place = (slice(row, row + side), slice(column, column + side))
        add_grain = image
        if self.grain >= _LEAST:
            add_grain = add_grain + np.float32(self.grain) * _noise(2 * side, 1, size)[place]
        if self.colour_grain >= _LEAST:
            add_grain = add_grain + np.float32(self.colour_grain) * _noise(2 * side, 3, size)[place]
        return add_grain


def features(points: Floats, size: int, rim: int) -> NDArray[np.bool_]:
    """(size, size): lids, brows and lips, drawn with a brush ``rim`` wide.

    Args:
        points: (478, 3), the mesh in the crop's pixels.
        size: side of the crop.
        rim: pixels, odd.
    """
    return _brushed(_FEATURES, points, size, rim)


def _brushed(outlines: Sequence[Sequence[int]], points: Floats, size: int, rim: int) -> NDArray[np.bool_]:
    mask = np.zeros((size, size), np.uint8)
    for outline in outlines:
        cv2.fillConvexPoly(mask, cv2.convexHull(np.rint(points[list(outline), :2]).astype(np.int32)), 1)
    return cv2.dilate(mask, np.ones((rim, rim), np.uint8)) > 0


def _blur(ours: Plane, theirs: Plane, edged: NDArray[np.bool_]) -> Floats:
    """The blur that the swapped face lacks: variances across and down and their covariance."""
    side = len(ours) // 2
    half = [cv2.resize(one, (side, side), interpolation=cv2.INTER_AREA) for one in (ours, theirs)]
    window = cv2.GaussianBlur(edged.astype(np.float32), (0, 0), _WINDOW)
    window = cv2.resize(window, (side, side), interpolation=cv2.INTER_AREA)
    (has, terms, _), (wanted, others, grain) = (_spectrum(one, window) for one in half)
    seen = np.maximum(wanted - grain, 0.3 * grain)
    lost = np.log(seen + _LEVEL) - np.log(has + _LEVEL)
    trust = seen / (seen + 2 * grain + _LEVEL)
    squares = (terms + others) / 2
    columns = np.hstack([np.ones((len(lost), 1)), -squares])
    weights = trust * (squares[:, 0] + squares[:, 1] < np.median(squares[:, 0] + squares[:, 1]))
    for _ in range(_FITS):
        weighted = (weights[:, None] * columns).T
        found = np.linalg.solve(weighted @ columns + weights.sum() * _EVEN, weighted @ lost)
        off = np.abs(lost - columns @ found)
        scale = 1.4826 * np.median(off[weights > 0.05 * weights.max()]) + 0.1
        # Where much is lost the logarithm is of what is left beside the blur: lobes, grain, rounding.
        faded = 1 + np.maximum(squares @ found[1:], 0) / 2
        weights = trust / faded**2 / np.maximum(1, off / (1.5 * scale))
    return _sure(_TRUE * 4 * found[1:])  # of the picture at half its size


def _sure(blur: Floats) -> Floats:
    """A blur less what people's edges differ by without any."""
    across, down, tilt = blur
    values, vectors = np.linalg.eigh([[across, tilt], [tilt, down]])
    least = max(values[0], 0.0)
    along = np.clip(values[1] - least - _UNSURE_ALONG, 0, _MAX_BLUR)
    least = np.clip(least - _UNSURE, 0, _MAX_BLUR)
    x, y = vectors[:, 1]
    return np.array([least + along * x * x, least + along * y * y, along * x * y])


def _spectrum(plane: Plane, window: Plane) -> tuple[Floats, Floats, float]:
    """Detail in a window: power in bands of frequency and direction, their terms, and the power of grain.

    The terms (bands, 3) are the squares of frequencies across and down and twice their product, weighted by
    power, radians a pixel.
    """
    form = cv2.GaussianBlur(plane * window, (0, 0), _FORM / 2)
    form /= cv2.GaussianBlur(window, (0, 0), _FORM / 2) + np.float32(1e-3)
    power = np.abs(np.fft.rfft2((plane - form) * window)) ** 2 / float((window**2).sum() + 1e-6)
    bands, products, grainy = _bands(len(plane))
    count = _BANDS * _SECTORS

    def sums(values: Floats) -> Floats:
        return np.asarray(np.bincount(bands, values, count + 1)[:count], np.float64)

    flat = power.ravel()
    total, cells = sums(flat), sums(np.ones_like(flat))
    terms = np.stack([sums(flat * one) for one in products], -1) / np.maximum(total, 1e-9)[:, None]
    directions = np.bincount(grainy, flat, _SECTORS + 1) / np.maximum(np.bincount(grainy), 1)
    return total / np.maximum(cells, 1), terms, float(directions[:_SECTORS].min())


@lru_cache(maxsize=2)
def _bands(side: int) -> tuple[NDArray[np.int64], Floats, NDArray[np.int64]]:
    """Of each frequency of a spectrum: its band, its terms, and its direction where only grain is seen."""
    down, across = np.meshgrid(np.fft.fftfreq(side), np.fft.rfftfreq(side), indexing="ij")
    radius = np.hypot(across, down).ravel()
    sector = np.rint((np.arctan2(down, across).ravel() % np.pi) / (np.pi / _SECTORS)).astype(int) % _SECTORS
    edges = 2 / np.geomspace(*_PERIODS, _BANDS + 1)
    band = np.digitize(radius, edges) - 1
    inside = (band >= 0) & (band < _BANDS)
    bands = np.where(inside, band * _SECTORS + sector, _BANDS * _SECTORS)
    grainy = (radius > _GRAINY[0] / 2) & (radius < _GRAINY[1] / 2)
    products = np.stack([across**2, down**2, 2 * across * down]).reshape(3, -1) * (2 * np.pi) ** 2
    return bands, products, np.where(grainy, sector, _SECTORS)


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
        """The next octave's strength over its own where least is to be seen: more is pores and shading."""
        ratios = [
            (_least(self.coarser[where], share) + 1e-4) / (_least(self.fine[where], share) + 1e-4)
            for where, share in ((skin, _PLAINEST), (np.ones_like(skin), _PLAINEST_OF_ALL))
        ]
        return float(np.sqrt(min(ratios)))


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
    has = _ROUNDING if own is None else np.maximum([one.plainest(skin) for one in own], _ROUNDING)
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
    """A blur of the given variances and covariance: as much in all directions, the rest evenly along a line.

    A moving picture is blurred evenly over its way, and that keeps more of the finest detail than a Gaussian.
    """
    values, vectors = np.linalg.eigh([[across, tilt], [tilt, down]])
    least = max(float(values[0]), _NARROW)
    length = float(np.sqrt(12 * max(values[1] - least, 0)))
    reach = int(np.ceil(length / 2 + 2.5 * np.sqrt(least))) + 1
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
    way = np.linspace(-length / 2, length / 2, int(8 * length) + 1)
    places = reach + way[:, None] * vectors[:, 1]
    corners = np.floor(places).astype(int)
    for step in ((0, 0), (0, 1), (1, 0), (1, 1)):
        share = (1 - np.abs(places - corners - step)).prod(axis=1)
        np.add.at(kernel, tuple((corners + step).T[::-1]), share)
    kernel = cv2.GaussianBlur(kernel, (0, 0), np.sqrt(least), borderType=cv2.BORDER_CONSTANT)
    return np.asarray(kernel / kernel.sum(), np.float32)
