"""Relighting of a swapped face by its target: from shadow to highlight, any tint, no colour at all.

Light on a face is a gain of each channel that changes slowly over it (von Kries, 1902: adaptation by a
diagonal). Its brightness is a smooth fit over place and the way each part looks, robust against what is
people's own (beards, brows, fringes), and what slow change is left where both show skin. Its tint is local,
pulled towards the face's middle where little skin is seen. What no light does, and a grade, a coloured
monochrome or a saturated lamp does, is to take colours' differences away: so much is blended towards the
target's one tint.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

import cv2
import numpy as np

from recaster.appearance import light
from recaster.appearance.eye_whites import EyeWhite
from recaster.appearance.light import CELLS, LUMA, TERMS
from recaster.appearance.softness import Softness, draw_features

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recaster.faces.types import Bools, Floats, Floats32
    from recaster.media.types import Image

MAX_LOG_GAIN: Final = (-4.0, 1.4)  # bounds of the gain of brightness, natural logarithm
_DARK_OFFSET: Final = 1.5  # grey levels added before a ratio is taken: 8 bits know no finer
_SLOW_SIGMA: Final = 0.1  # sigma of what changes slowly, as a share of the crop's side
_NOTHING_LOCAL: Final = 0.05  # weight, against skin all around, of the belief that there is nothing local
_SKIN_SPREAD: Final = 0.07
_TINT_SPREAD: Final = 0.03
"""Differences of skin from a fit (logarithm), in brightness and in tint, even where light fits."""
_MEAN_OF_NOISE: Final = 0.7  # mean magnitude that grain of unit strength adds to detail
_ROUNDS: Final = 5  # rounds of reweighting
_STEP_SLOPES: Final = np.array([3.0, 9.0])
"""Steepness of brightness about where a face turns from one side to the other."""
_STEP_RIDGE: Final = 0.01
_HARD_MISFIT: Final = 0.5
"""Penalty on such steps where smooth light leaves this misfit (logarithm). Hard light leaves .6, soft light
less than .25, whoever is lit."""
_FOREIGN_TINT: Final = 0.06
"""Difference of tints (logarithm) from the target's, over some area, from which on they are no skin's."""
_FOREIGN_SIGMA: Final = 0.06  # sigma of such an area, as a share of the crop's side
_FEATURE_WEIGHT: Final = 0.05  # weight of lids, brows and lips over skin's: their colours are people's own
_FEATURE_MARGIN: Final = 0.04  # width around them that counts as theirs, as a share of the crop's side
_OWN_COLOUR: Final = 1.5
"""A face whose colours differ by less than 1 over this of the swapped one's is drained of them."""
_COLOUR_PERCENTILE: Final = 85
"""Percentile of cells' distance from the tint around them that stands for how much colours differ."""
_SAME_LEVEL: Final = 0.08  # difference of brightness (logarithm) about up to which frames' light is averaged


@dataclass(frozen=True, eq=False)
class Relighting:
    """Gains that turn the swapped face's light into the target's."""

    level: float  # the target's brightness, natural logarithm
    gains: Floats  # (CELLS, CELLS, 3) natural logarithm of each channel's gain
    tint: Floats  # (CELLS, CELLS, 3), the target's colour where nothing differs from it, over its brightness
    saturation: float  # share of colours' differences that is left, 0 to 1
    finer: float  # natural logarithm of the gain of detail, once the face is as soft as the target
    softness: Softness | None = None  # of the target's picture; None where it isn't known
    # The light's own tint on each eye; empty where it isn't known where they are.
    whites: tuple[EyeWhite, ...] = ()

    @classmethod
    def measure(
        cls,
        swapped: Image,
        target: Image,
        mask: Floats32,
        normals: Floats | None = None,
        points: Floats | None = None,
    ) -> Self | None:
        """Measures one frame; None where too little of a face shows.

        Args:
            swapped: (size, size, 3), the swapped face in an aligned crop.
            target: the target's face in the same crop.
            mask: (size, size), 0 to 1, where the swapped face will show.
            normals: (CELLS * CELLS, 3), of the face (``compute_normals``), if they are known.
            points: (478, 3), the mesh in the crop's pixels, if that is known.
        """
        share = light.average_cells(cv2.erode(mask, np.ones((3, 3)), iterations=len(mask) // 64))
        if (share > 0.5).sum() < light.MIN_CELLS:
            return None
        ours, theirs = (
            light.average_cells(image.astype(np.float32)) + _DARK_OFFSET for image in (swapped, target)
        )
        terms = light.PLACE_TERMS if normals is None else np.hstack([light.PLACE_TERMS, normals])
        bare = _skin_by_place(points, len(mask))
        level, weights = _fit_brightness(ours, theirs, share, bare, terms)
        tints = [np.log(cells / (cells @ LUMA)[..., None]) for cells in (ours, theirs)]
        tint = _fit_tint(tints[0], tints[1], weights, share, bare, terms)
        # As a whole: one channel held back alone would tint the face.
        bounds = MAX_LOG_GAIN[0] - tint.min(axis=-1), MAX_LOG_GAIN[1] - tint.max(axis=-1)
        gains = np.clip(level, *bounds)[..., None] + tint
        saturation, usual = _measure_saturation(tints[0] + tint, tints[1], share)
        here = share > 0.5
        whites = () if points is None else EyeWhite.measure(swapped, target, gains, mask, points)
        softness = None if points is None else Softness.measure(swapped, target, mask, points)
        # Brighter pictures have stronger detail, which the gain of brightness brings by itself.
        finer = _compare_detail(swapped, target, softness) - level
        return cls(
            level=float(np.average(np.log(theirs @ LUMA), weights=weights + 1e-6)),
            gains=gains,
            tint=np.exp(usual),
            saturation=saturation,
            finer=_weighted_median(finer[here], weights[here] + 1e-6),
            softness=softness,
            whites=whites,
        )

    @classmethod
    def average(cls, window: Sequence[Self | None], centre: int, sigma: float) -> Self | None:
        """Averages neighbouring frames that are lit as one is: a flash is not spread, a flicker is.

        ``centre`` says which of them is meant, ``sigma`` is the standard deviation of the weights, in frames.
        """
        known = [(at - centre, frame) for at, frame in enumerate(window) if frame is not None]
        if not known:
            return None
        nearest = min(known, key=lambda pair: abs(pair[0]))[1]
        away = np.array([at for at, _ in known]) / sigma
        unlike = np.array([frame.level - nearest.level for _, frame in known]) / _SAME_LEVEL
        weights = np.exp(-0.5 * away**2 - 0.5 * unlike**2)
        weights /= weights.sum()

        def mean(values: list[Floats] | list[float]) -> Floats:
            return np.tensordot(weights, np.array(values), 1)

        every = [frame for _, frame in known]
        return cls(
            level=nearest.level,
            gains=mean([frame.gains for frame in every]),
            tint=mean([frame.tint for frame in every]),
            saturation=float(mean([frame.saturation for frame in every])),
            finer=float(mean([frame.finer for frame in every])),
            softness=Softness.average([frame.softness for frame in every], weights),
            whites=tuple(
                EyeWhite.average(eye, *_eyes_of(every, weights, at)) for at, eye in enumerate(nearest.whites)
            ),
        )

    def apply(self, image: Image, seed: int = 0) -> Floats32:
        """Brings a face (size, size, 3) into the target's light: 0 to 255; the seed is that of its grain."""
        drawn = image.astype(np.float32)
        if self.softness is not None:
            drawn = self.softness.soften(drawn)
        more = np.clip(np.exp(self.finer), *light.DETAIL_GAIN_RANGE) - 1
        drawn += np.float32(more) * light.extract_detail(drawn)
        drawn += np.float32(_DARK_OFFSET)
        drawn *= _large(np.exp(self.gains), image.shape[1::-1])
        for eye in self.whites:
            eye.apply(drawn)
        if self.saturation < 1:
            single = _large(self.tint, image.shape[1::-1])
            single *= (drawn @ LUMA.astype(np.float32))[..., None]
            drawn = cv2.addWeighted(drawn, self.saturation, single, 1 - self.saturation, 0)
        drawn -= np.float32(_DARK_OFFSET)
        # Last of all: grain was measured in the target's picture, so no gain may change it.
        if self.softness is not None:
            drawn = self.softness.add_grain(drawn, seed)
        return np.clip(drawn, 0, 255, out=drawn)


def _eyes_of(every: Sequence[Relighting], weights: Floats, number: int) -> tuple[list[EyeWhite], Floats]:
    """One of the eyes in the frames that show where it is, and their weights."""
    known = [at for at, frame in enumerate(every) if frame.whites]
    return [every[at].whites[number] for at in known], weights[known]


def _compare_detail(swapped: Image, target: Image, softness: Softness | None) -> Floats:
    """Logarithm of the target's detail, grain apart, over that of the face made as soft, (CELLS, CELLS)."""
    ours, other = (cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32) for image in (swapped, target))
    theirs = light.measure_detail(other)
    if softness is not None:
        ours = softness.soften(ours)
        grain = _MEAN_OF_NOISE * softness.brightness_grain
        # Squares of independent things add up; of strong grain hardly a difference would be left.
        theirs = np.sqrt(np.maximum(theirs**2 - grain**2, (0.3 * theirs) ** 2))
    return np.log((theirs + 0.5) / (light.measure_detail(ours) + 0.5))


def _skin_by_place(points: Floats | None, side: int) -> Floats:
    """Belief (CELLS, CELLS), up to 1, that cells are skin by where they lie in the mesh."""
    if points is None:
        return np.ones((CELLS, CELLS))
    own = draw_features(points, side, 2 * round(_FEATURE_MARGIN * side) + 1).astype(np.float32)
    return np.maximum(1 - light.average_cells(own), _FEATURE_WEIGHT)


def _fit_brightness(
    ours: Floats, theirs: Floats, share: Floats, bare: Floats, terms: Floats
) -> tuple[Floats, Floats]:
    """Logarithm of the gain of brightness, and the weights of cells as skin in that light: (CELLS, CELLS)."""
    here = share > 0.5
    ratio = np.log((theirs @ LUMA) / (ours @ LUMA))[..., None]
    low = terms[:, 2].reshape(CELLS, CELLS) > 2 * light.MOUTH_TOP - 1
    believed = np.where(low, light.MOUTH_WEIGHT, 1.0) * share * bare
    first = believed.copy()
    skin = [light.estimate_skin_weights((cells @ LUMA)[here]) for cells in (theirs, ours)]
    first[here] *= skin[0] * skin[1]
    steps, free = _step_terms(terms, ratio, believed, here)
    penalties = np.append(light.LIGHT_RIDGE[: terms.shape[1]], free)
    terms = np.hstack([terms, steps])
    first += (believed - first) / (1 + free.min(initial=np.inf))  # the dark side of a face is no hair
    fitted, weights = _fit_and_rest(ratio, first, believed, here, terms, penalties, _SKIN_SPREAD)
    return fitted[..., 0], weights


def _step_terms(terms: Floats, ratio: Floats, believed: Floats, here: Bools) -> tuple[Floats, Floats]:
    """Steps from the lit to the dark side, where terms have normals, and the penalties on them.

    A hard light ends in a step that nothing smooth follows. The worse the smooth terms fit, the more freely a
    step may be taken: in soft light it would follow noses and beards.
    """
    if terms.shape[1] == TERMS:
        return np.zeros((len(terms), 0)), np.zeros(0)
    inside = terms[here.ravel()]
    values = ratio[here]
    trust = believed[here]
    off = values - inside @ light.solve_ridge(inside, values, trust, light.LIGHT_RIDGE[: terms.shape[1]])
    misfit = float(np.sqrt(trust @ off[:, 0] ** 2 / trust.sum()))
    # So steep a power that steps are all but free in hard light and all but forbidden in soft light.
    free = _STEP_RIDGE * (_HARD_MISFIT / max(misfit, _SKIN_SPREAD)) ** 6
    return np.tanh(terms[:, TERMS, None] * _STEP_SLOPES), np.full(len(_STEP_SLOPES), free)


def _fit_tint(
    ours: Floats, theirs: Floats, weights: Floats, share: Floats, bare: Floats, terms: Floats
) -> Floats:
    """Logarithm of the gain of each channel, over that of brightness, (CELLS, CELLS, 3).

    Args:
        ours: (CELLS, CELLS, 3), logarithm of each channel over brightness; ``theirs`` likewise.
        weights: (CELLS, CELLS), what is skin in its light.
        share: (CELLS, CELLS), what is face.
        bare: (CELLS, CELLS), what is skin by its place.
        terms: of light; those of shape change its brightness only.
    """
    here = share > 0.5
    believed = share * bare * np.where(weights > 0, 1.0, 0.1)
    first = believed * _weigh_tints(ours, here) * _weigh_tints(theirs, here)
    # By place alone: a tint that depends on the normals turned noses blue.
    gains, _ = _fit_and_rest(
        theirs - ours, first, believed, here, terms[:, :TERMS], light.LIGHT_RIDGE[:TERMS], _TINT_SPREAD
    )
    # What no fit follows, wherever it is (hair, a wall, a lamp on one cheek): no skin is so far from skin.
    face = share * bare
    around = (_slow(face, _FOREIGN_SIGMA) + _NOTHING_LOCAL)[..., None]
    away = _slow((theirs - ours - gains) * face[..., None], _FOREIGN_SIGMA) / around
    excess = 1 - _FOREIGN_TINT / np.maximum(np.linalg.norm(away, axis=-1, keepdims=True), 1e-6)
    return gains + np.maximum(excess, 0) * away


def _fit_and_rest(
    ratio: Floats,
    first: Floats,
    believed: Floats,
    here: Bools,
    terms: Floats,
    penalties: Floats,
    spread: float,
) -> tuple[Floats, Floats]:
    """Fits ratios (CELLS, CELLS, C) robustly and adds the slow change that is left; also the cells' weights.

    Args:
        first: (CELLS, CELLS), the weights to begin with.
        believed: (CELLS, CELLS), the weights of cells that fit.
        here: (CELLS, CELLS), which show face.
        terms: (CELLS * CELLS, K), and penalties (K,) on each of them.
        spread: by how much skin differs from a fit even where light fits.
    """
    inside = terms[here.ravel()]
    values = ratio[here]
    trust = believed[here]
    weights = first[here]
    for _ in range(_ROUNDS):
        fit = light.solve_ridge(inside, values, weights, penalties)
        weights = trust * light.tukey_weights(np.linalg.norm(values - inside @ fit, axis=-1), spread)
    # The fit's curvature means nothing outside of the face.
    reach = inside @ fit
    smooth = np.clip(terms @ fit, reach.min(axis=0), reach.max(axis=0)).reshape(ratio.shape)
    whole = np.zeros(here.shape)
    whole[here] = weights
    left = _slow((ratio - smooth) * whole[..., None]) / (_slow(whole) + _NOTHING_LOCAL)[..., None]
    return smooth + left, whole


def _weigh_tints(tints: Floats, here: Bools) -> Floats:
    """Weights (CELLS, CELLS) of cells with the tint of most of the face: lips, hair and frames have none."""
    usual = [light.median(channel) for channel in tints[here].T]
    off = np.linalg.norm(tints - usual, axis=-1)
    scale = max(_TINT_SPREAD, 1.4826 * light.median(off[here]))
    return np.clip(1 - (off / (4 * scale)) ** 2, 0.02, 1) ** 2


def _measure_saturation(ours: Floats, theirs: Floats, share: Floats) -> tuple[float, Floats]:
    """Share of the colours' differences that the target leaves, and its own tint around each place."""
    around = _slow(share) + 1e-6
    usual = _slow(theirs * share[..., None]) / around[..., None]
    spread = []
    for tints in (ours, theirs):
        slow = _slow(tints * share[..., None]) / around[..., None]
        away = np.linalg.norm(tints - slow, axis=-1)
        spread.append(light.percentile(away[share > 0.5], _COLOUR_PERCENTILE))
    return float(np.clip(_OWN_COLOUR * spread[1] / max(spread[0], 1e-6), 0, 1)), usual


def _slow(values: Floats, sigma: float = _SLOW_SIGMA) -> Floats:
    slow = cv2.GaussianBlur(values, (0, 0), sigma * CELLS, borderType=cv2.BORDER_CONSTANT)
    return slow.reshape(values.shape)


def _large(values: Floats, size: tuple[int, int]) -> Floats32:
    return cv2.resize(values.astype(np.float32), size, interpolation=cv2.INTER_LINEAR)


def _weighted_median(values: Floats, weights: Floats) -> float:
    order = values.argsort()
    share = np.cumsum(weights[order])
    return float(values[order[min(np.searchsorted(share, share[-1] / 2), len(values) - 1)]])
