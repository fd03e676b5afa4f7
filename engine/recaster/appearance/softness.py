"""Softness and grain of a target's picture of a face, so that a swapped face is no sharper or cleaner.

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

from recaster.appearance.light import LUMA, median
from recaster.faces.region_masks import fill_hull
from recaster.faces.topology import BROW_LEFT, BROW_RIGHT, EYE_LEFT, EYE_RIGHT, LIPS_OUTER

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from recaster.faces.types import Bools, Floats, Floats32
    from recaster.media.types import Image

_SHARP: Final = (EYE_LEFT, EYE_RIGHT, LIPS_OUTER)
"""Edges that tell how soft a picture is. Brows don't: dark ones beside pale ones would pass for sharpness."""
_FEATURES: Final = (*_SHARP, BROW_LEFT, BROW_RIGHT)
_BRUSH_PX: Final = 9
"""Width of the brush that is drawn around them, in pixels of the crop."""
_WINDOW_PX: Final = 10.0
"""Sigma of the window's edge, in pixels of the crop: a sharper one would show in the spectrum."""
_FORM_PX: Final = 16.0  # sigma of what is form and light and not detail, in pixels of the crop
_PERIODS_PX: Final = (80.0, 6.0)  # longest and shortest waves that are compared, in pixels of the crop
_BANDS: Final = 8
_SECTORS: Final = 8
"""Bands of frequency and sectors of direction of a spectrum."""
_GRAIN_FREQUENCIES: Final = 0.7, 1.0
"""Frequencies, over the highest, at which a soft picture shows hardly anything but grain."""
_POWER_FLOOR: Final = 0.02  # power added to spectra, squared grey levels: 8 bits know no finer
_ROUNDS: Final = 8  # of reweighting
_VARIANCE_FACTOR: Final = 1.3
"""A blur's variance over what is found of it: bands' means and the window's own spectrum hide the rest
(measured with Gaussians and boxes of 2 to 27 pixels on rendered and real faces)."""
_UNSURE_EVEN: Final = 0.7
_UNSURE_ALONG: Final = 4.0
"""Variances by which people's edges differ without any blur: in all directions, and along one."""
_MAX_BLUR: Final = 100.0
_MIN_BLUR: Final = 0.3
"""Bounds of the variance of blur, square pixels of the crop; nothing is softened below."""
_UNEVEN_RIDGE: Final = 1e-3 * np.array([[0, 0, 0, 0], [0, 1, -1, 0], [0, -1, 1, 0], [0, 0, 0, 4]], np.float64)
"""Penalty on what is not the same in all directions."""
_NO_BLUR: Final = 0.05  # variance of next to no blur, square pixels
_NOISE_PX: Final = 256  # side of the field of noise that grain is calibrated on
_MIN_SIDE_PX: Final = 128
_MIN_EDGE_PIXELS: Final = 256
"""Side of a crop, and pixels of edges in it, below which they say too little of a picture's softness."""
_CELL_PX: Final = 8  # in which grain is measured
_SKIN_PERCENTILE: Final = 30  # percentile of cells of skin that shows grain and hardly anything else
_CROP_PERCENTILE: Final = 10  # the same of all that is around the face
_OWN_BRIGHTNESS: Final = sum(weight**2 for weight in LUMA)
"""Variance of brightness of noise that is each channel's own."""
_OWN_RED: Final = (1 - LUMA[0]) ** 2 + LUMA[1] ** 2 + LUMA[2] ** 2
"""Variance of red less brightness of such noise."""
_GRAIN_SIZES: Final = (0.0, 0.5, 0.7, 1.0, 1.4, 2.0)  # sigmas of grain, in pixels of the crop
_ROUNDING: Final = (0.26, 0.17)
"""Strength of the finest octave of rounding to 8 bits, of brightness and of red less that, grey levels."""
_MIN_GRAIN: Final = 0.4  # strength of grain, in grey levels, below which it is none


@dataclass(frozen=True, eq=False)
class Softness:
    """Blur and grain that make a swapped face as soft and as grainy as its target."""

    blur: Floats  # (3,) variances across and down and their covariance, square pixels of the crop
    grain: float  # standard deviation of grain that all channels share, grey levels
    colour_grain: float  # of each channel's own
    size: float  # sigma of grain, pixels of the crop

    @classmethod
    def measure(cls, swapped: Image, target: Image, mask: Floats32, points: Floats) -> Self | None:
        """Measures one frame, as ``Relighting``; None where too little of a face shows, in too few pixels."""
        inside = mask > 0.9
        edged = inside & draw_features(points, len(mask), _BRUSH_PX, _SHARP)
        if len(mask) < _MIN_SIDE_PX or edged.sum() < _MIN_EDGE_PIXELS:
            return None
        ours, theirs = (
            cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32) for image in (swapped, target)
        )
        blur = _fit_blur(ours, theirs, edged)
        light = _Octaves.of(theirs)
        # Cells that lie in the face as a whole.
        skin = cv2.resize(inside.astype(np.float32), light.fine.shape, interpolation=cv2.INTER_AREA) > 0.99
        # Less than the coarsest grain of the least strength would leave there: a clean picture.
        if light.grain_strength(skin) <= _MIN_GRAIN * np.sqrt(_calibration(_GRAIN_SIZES[-1])[0]):
            return cls(blur, 0.0, 0.0, _GRAIN_SIZES[0])
        # Colour grain shows in red less brightness.
        reds = tuple(image[..., 0] - grey for image, grey in ((target, theirs), (swapped, ours)))
        # A face that is softened loses what grain it has.
        own = None if blur.any() else (_Octaves.of(ours), _Octaves.of(reds[1]))
        return cls(blur, *_fit_grain(light, _Octaves.of(reds[0]), own, skin))

    @property
    def brightness_grain(self) -> float:
        """Standard deviation of grain in brightness, grey levels."""
        return float(np.sqrt(self.grain**2 + _OWN_BRIGHTNESS * self.colour_grain**2))

    @classmethod
    def average(cls, window: Sequence[Self | None], weights: Floats) -> Self | None:
        """Averages neighbouring frames, by weights."""
        known = [(frame, weight) for frame, weight in zip(window, weights, strict=True) if frame is not None]
        if not known:
            return None
        shares = np.array([weight for _, weight in known])
        shares = shares / shares.sum()
        blur = np.tensordot(shares, np.array([frame.blur for frame, _ in known]), 1)
        grains = [(frame.grain, frame.colour_grain, frame.size) for frame, _ in known]
        return cls(blur, *(float(shares @ values) for values in zip(*grains, strict=True)))

    def soften(self, image: Floats32) -> Floats32:
        """Makes a face (size, size, 3) or (size, size) float32 as soft as the target."""
        # Rounded, so that kernels of neighbouring frames are shared.
        across, down, tilt = (round(float(part), 1) for part in self.blur)
        if max(across, down) < _MIN_BLUR:
            return image
        if tilt == 0 and across == down:
            line = _gaussian_line(across)
            return cv2.sepFilter2D(image, -1, line, line, borderType=cv2.BORDER_REPLICATE)
        return cv2.filter2D(image, -1, _motion_kernel(across, down, tilt), borderType=cv2.BORDER_REPLICATE)

    def add_grain(self, image: Floats32, seed: int) -> Floats32:
        """Adds the target's grain to a face; the same for the same seed."""
        if max(self.grain, self.colour_grain) < _MIN_GRAIN:
            return image
        side = len(image)
        size = round(self.size, 1)
        # Parts of one field that is made once, from another place in every frame.
        row, column = np.random.default_rng(seed).integers(0, side, 2)
        place = (slice(row, row + side), slice(column, column + side))
        for strength, channels in ((self.grain, 1), (self.colour_grain, 3)):
            if strength >= _MIN_GRAIN:
                image = image + np.float32(strength) * _noise(2 * side, channels, size)[place]
        return image


def draw_features(
    points: Floats, size: int, rim: int, outlines: Sequence[Sequence[int]] = _FEATURES
) -> Bools:
    """Draws lids, brows and lips of a mesh (478, 3) in a crop of ``size`` with a brush ``rim`` wide (odd).

    By their hulls, (size, size); ``uv_masks.mask_features`` has them in textures, with nostrils and lashes.
    """
    mask = np.max([fill_hull(points[list(outline)], size) for outline in outlines], 0)
    return cv2.dilate(mask, np.ones((rim, rim), np.uint8)) > 0


def _fit_blur(ours: Floats32, theirs: Floats32, edged: Bools) -> Floats:
    """Fits the blur that the swapped face lacks: variances across and down and their covariance."""
    # Waves of six pixels and more are compared, which half the size shows as well.
    side = len(ours) // 2
    half = [cv2.resize(plane, (side, side), interpolation=cv2.INTER_AREA) for plane in (ours, theirs)]
    window = cv2.resize(edged.astype(np.float32), (side, side), interpolation=cv2.INTER_AREA)
    window = cv2.GaussianBlur(window, (0, 0), _WINDOW_PX / 2)
    (has, terms, _), (wanted, others, grain) = _spectra(half, window)
    seen = np.maximum(wanted - grain, 0.3 * grain)
    lost = np.log(seen + _POWER_FLOOR) - np.log(has + _POWER_FLOOR)
    trust = seen / (seen + 2 * grain + _POWER_FLOOR)
    squares = (terms + others) / 2
    columns = np.hstack([np.ones((len(lost), 1)), -squares])
    # Begun with the longer half of the waves, of which blur takes little.
    lengths = squares[:, 0] + squares[:, 1]
    weights = trust * (lengths < median(lengths))
    for _ in range(_ROUNDS):
        weighted = (weights[:, None] * columns).T
        fit = np.linalg.solve(weighted @ columns + weights.sum() * _UNEVEN_RIDGE, weighted @ lost)
        off = np.abs(lost - columns @ fit)
        scale = 1.4826 * median(off[weights > 0.05 * weights.max()]) + 0.1
        # Where much is lost the logarithm is of what is left beside the blur: lobes, grain, rounding.
        faded = 1 + np.maximum(squares @ fit[1:], 0) / 2
        weights = trust / faded**2 / np.maximum(1, off / (1.5 * scale))
    return _reduce(_VARIANCE_FACTOR * 4 * fit[1:])  # of the picture at half its size


def _reduce(blur: Floats) -> Floats:
    """Takes off a blur what people's edges differ by without any."""
    across, down, tilt = blur
    values, vectors = np.linalg.eigh([[across, tilt], [tilt, down]])
    least = max(values[0], 0.0)
    along = np.clip(values[1] - least - _UNSURE_ALONG, 0, _MAX_BLUR)
    least = np.clip(least - _UNSURE_EVEN, 0, _MAX_BLUR)
    x, y = vectors[:, 1]
    return np.array([least + along * x * x, least + along * y * y, along * x * y])


def _spectra(planes: Sequence[Floats32], window: Floats32) -> Iterator[tuple[Floats, Floats, float]]:
    """Spectra of detail in a window: power by band of frequency and direction, their terms, power of grain.

    The terms (bands, 3) are the squares of frequencies across and down and twice their product, weighted by
    power, radians a pixel.
    """
    around = cv2.GaussianBlur(window, (0, 0), _FORM_PX / 2) + np.float32(1e-3)
    area = float((window**2).sum() + 1e-6)
    bands, cells, products, grainy, grainy_cells = _bands(len(window))
    for plane in planes:
        form = cv2.GaussianBlur(plane * window, (0, 0), _FORM_PX / 2) / around
        power = (np.abs(np.fft.rfft2((plane - form) * window)) ** 2 / area).ravel()
        total = _sum_bands(bands, power)
        sums = [_sum_bands(bands, power * product) for product in products]
        terms = np.stack(sums, -1) / np.maximum(total, 1e-9)[:, None]
        # Grain is alike in all directions: what is more in one is edges.
        directions = np.bincount(grainy, power, _SECTORS + 1) / np.maximum(grainy_cells, 1)
        yield total / np.maximum(cells, 1), terms, float(directions[:_SECTORS].min())


def _sum_bands(bands: NDArray[np.int64], values: Floats) -> Floats:
    """Sums up values (N,) by their bands; those in none are left out."""
    count = _BANDS * _SECTORS
    return np.asarray(np.bincount(bands, values, count + 1)[:count], np.float64)


@lru_cache(maxsize=2)
def _bands(side: int) -> tuple[NDArray[np.int64], Floats, Floats, NDArray[np.int64], NDArray[np.int64]]:
    """Band of each frequency of a spectrum and frequencies in each, terms, and both of what shows grain only.

    What shows only grain has directions for bands.
    """
    down, across = np.meshgrid(np.fft.fftfreq(side), np.fft.rfftfreq(side), indexing="ij")
    radius = np.hypot(across, down).ravel()
    sector = np.rint((np.arctan2(down, across).ravel() % np.pi) / (np.pi / _SECTORS)).astype(int) % _SECTORS
    edges = 2 / np.geomspace(*_PERIODS_PX, _BANDS + 1)
    band = np.digitize(radius, edges) - 1
    inside = (band >= 0) & (band < _BANDS)
    bands = np.where(inside, band * _SECTORS + sector, _BANDS * _SECTORS)
    grainy = (radius > _GRAIN_FREQUENCIES[0] / 2) & (radius < _GRAIN_FREQUENCIES[1] / 2)
    products = np.stack([across**2, down**2, 2 * across * down]).reshape(3, -1) * (2 * np.pi) ** 2
    directions = np.where(grainy, sector, _SECTORS)
    return bands, _sum_bands(bands, np.ones(len(bands))), products, directions, np.bincount(directions)


@dataclass(frozen=True, eq=False)
class _Octaves:
    """The finest octave of a plane, and the next, as mean squares in cells."""

    fine: Floats
    coarser: Floats

    @classmethod
    def of(cls, plane: Floats32) -> Self:
        """Splits a plane (size, size)."""
        soft = cv2.GaussianBlur(plane, (0, 0), 1.0)
        softer = cv2.GaussianBlur(soft, (0, 0), np.sqrt(3.0))  # variances add up to a sigma of 2
        size = (len(plane) // _CELL_PX, len(plane) // _CELL_PX)
        parts = (plane - soft, soft - softer)
        return cls(*(cv2.resize(part * part, size, interpolation=cv2.INTER_AREA) for part in parts))

    def grain_strength(self, skin: Bools) -> float:
        """Strength of the finest octave where least of it is, on skin and in all of the crop, grey levels.

        Skin has pores, too: grain is what plain things around the face have as well.
        """
        of_skin = _lower_percentile(self.fine[skin], _SKIN_PERCENTILE)
        return float(np.sqrt(min(of_skin, _lower_percentile(self.fine, _CROP_PERCENTILE))))

    def grain_ratio(self, skin: Bools) -> float:
        """Strength of the next octave over the finest's where least is: more is pores and shading."""
        # Of skin alone it made coarse, strong grain of pores in clean compressed clips.
        ratios = [
            (_lower_percentile(self.coarser[where], share) + 1e-4)
            / (_lower_percentile(self.fine[where], share) + 1e-4)
            for where, share in ((skin, _SKIN_PERCENTILE), (np.ones_like(skin), _CROP_PERCENTILE))
        ]
        return float(np.sqrt(min(ratios)))


def _lower_percentile(values: Floats, share: float) -> float:
    """Value below which a share (percent) of values lies, without interpolation; 0 of none."""
    flat = values.ravel()
    at = int(share / 100 * (len(flat) - 1)) if len(flat) else 0
    return float(np.partition(flat, at)[at]) if len(flat) else 0.0


def _fit_grain(
    light: _Octaves, colour: _Octaves, own: tuple[_Octaves, _Octaves] | None, skin: Bools
) -> tuple[float, float, float]:
    """Fits the shared grain, each channel's own, and its size, that the swapped face lacks.

    Octaves are of the target's brightness, of its red less that, and both of the swapped face's ``own``; None
    where it is softened, and keeps none. ``skin``: which cells are the face's.
    """
    has = np.maximum([octaves.grain_strength(skin) for octaves in own] if own else 0, _ROUNDING)
    ratio = light.grain_ratio(skin)
    size = min(_GRAIN_SIZES, key=lambda size: abs(np.log(ratio / _calibration(size)[1])))
    kept = _calibration(size)[0]
    each = max(colour.grain_strength(skin) ** 2 - has[1] ** 2, 0.0) / kept / _OWN_RED
    shared = max(max(light.grain_strength(skin) ** 2 - has[0] ** 2, 0.0) / kept - _OWN_BRIGHTNESS * each, 0.0)
    return float(np.sqrt(shared)), float(np.sqrt(each)), size


@lru_cache(maxsize=len(_GRAIN_SIZES))
def _calibration(size: float) -> tuple[float, float]:
    """Variance in the finest octave of grain of unit strength, and the next octave's strength over its."""
    field = _soften_noise(np.random.default_rng(0).standard_normal((_NOISE_PX, _NOISE_PX), np.float32), size)
    seen = _Octaves.of(field)
    everywhere = np.ones(seen.fine.shape, bool)
    return seen.grain_strength(everywhere) ** 2, seen.grain_ratio(everywhere)


@lru_cache(maxsize=8)
def _noise(side: int, channels: int, size: float) -> Floats32:
    """Noise (side, side, 3) of unit strength, of which frames take parts; of 1 channel it is grey."""
    field = np.random.default_rng(channels).standard_normal((side, side, channels), np.float32)
    return np.repeat(_soften_noise(field, size).reshape(field.shape), 3 // channels, -1)


def _soften_noise(field: Floats32, size: float) -> Floats32:
    """Softens noise of unit strength to a size and brings it to unit strength again."""
    if size < _GRAIN_SIZES[1] / 2:
        return field
    soft = cv2.GaussianBlur(field, (0, 0), size)
    # A kernel's sum of squares is what it leaves of the variance of white noise; along both axes, the square.
    line = cv2.getGaussianKernel(2 * int(4 * size + 1) + 1, size)
    return soft / np.float32((line**2).sum())


@lru_cache(maxsize=64)
def _gaussian_line(variance: float) -> Floats32:
    """Gaussian kernel along one axis."""
    sigma = float(np.sqrt(np.clip(variance, _NO_BLUR, _MAX_BLUR)))
    return cv2.getGaussianKernel(2 * int(np.ceil(2.5 * sigma)) + 1, sigma, cv2.CV_32F)


@lru_cache(maxsize=64)
def _motion_kernel(across: float, down: float, tilt: float) -> Floats32:
    """Kernel of the given variances and covariance: as much in all directions, the rest evenly along a line.

    A moving picture is blurred evenly over its way, and that keeps more of the finest detail than a Gaussian.
    """
    values, vectors = np.linalg.eigh([[across, tilt], [tilt, down]])
    least = max(float(values[0]), _NO_BLUR)
    # The variance of an even distribution is a twelfth of the square of its length.
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
