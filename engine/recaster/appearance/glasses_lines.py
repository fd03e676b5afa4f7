"""The lines of a pair of glasses, found again in every frame: rims, bridge and temples.

Glasses are stiff. In each frame all their points move together, affinely, away from where the mesh has them,
and hardly by themselves: what is seen across each point (its profile) is looked for along its normal, and a
highlight, a lid or a brow that spoils some profiles is outvoted by the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from recaster.faces import topology

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from recaster.faces.types import Floats
    from recaster.media.types import Image

    Picture = NDArray[np.float32]

EYES: Final = ((33, 133, 159, 145), (263, 362, 386, 374))
"""Corners and lids of the right and of the left eye."""
BESIDE: Final = (127, 356)
"""The rim of the face beside either eye."""
BROW: Final = 9
STEP: Final = 0.5
"""Pixels from one sample across a line to the next."""
AWAY: Final = 10
"""Samples to either side that a line may be off by in a frame."""
ACROSS: Final = 10
"""Samples to either side that a profile is long."""
RADII: Final = (3, 5, 8, 12)
"""Samples from the middle of a line to what is beside it: narrow to broad rims."""
_CONTRAST: Final = 6.0
"""A line that differs by so much from what is beside it is there, CIE Lab."""
_COLOUR: Final = 1.5
"""Differences of colour count so much more than those of lightness."""
_STAY: Final = 0.3
"""What it costs a point to be as far off as it may while its profile isn't known."""
_TOGETHER: Final = 5
"""Points next to each other are looked for together."""
_SHIFT, _TURN = 0.002, 0.03
"""How firmly all points stay where the mesh has them, by moving and by turning and stretching."""
_OUTLIER: Final = 1.0
"""Pixels from which a point that disagrees with the others counts less."""
_ROBUST: Final = 6
"""Rounds in which such points are weighed."""
_FREE, SMOOTH = 0.02, 4.0
"""How far a point may leave the others, in eye distances, and over how many points that changes."""
_TURNED: Final = 0.07
"""How far a temple's end may leave the others, in eye distances: its depth is not known well."""
_SURE: Final = 1.25
"""A line is kept so many times as broad as it was seen to be, for half of its edge is its own."""
_EDGE: Final = 1.0
"""Pixels that a line is made broader by: it is soft at its edges."""
_FRACTION: Final = 4


@dataclass(frozen=True, eq=False)
class Head:
    """Where a head is in a picture.

    Attributes:
        middle: (3,), between the eyes, pixels.
        axes: (3, 3), right, down and towards the camera, each as long as the eyes are apart.
        beside: (2, 3), the rim of the face beside the right and the left eye, along the axes.
    """

    middle: Floats
    axes: Floats
    beside: Floats

    @classmethod
    def of(cls, points: Floats) -> Head:
        """The head of a mesh (478, 3)."""
        right_eye, left_eye = (points[list(eye)].mean(0) for eye in EYES)
        across = left_eye - right_eye
        unit = float(np.linalg.norm(across))
        across = across / unit
        down = points[topology.CHIN] - points[BROW]
        down = down - across * (down @ across)
        down /= np.linalg.norm(down)
        near = np.cross(across, down)
        axes = unit * np.stack([across, down, near * -np.sign(near[2])])  # depth grows away from the camera
        middle = (right_eye + left_eye) / 2
        return cls(middle, axes, (points[list(BESIDE)] - middle) @ axes.T / unit**2)

    @property
    def unit(self) -> float:
        """Distance of the eyes, pixels, as if seen from the front."""
        return float(np.linalg.norm(self.axes[0]))

    def at(self, places: Floats) -> Floats:
        """Pixels (..., 2) of places (..., 3) along the axes from the middle."""
        return np.asarray((self.middle + places @ self.axes)[..., :2])


@dataclass(frozen=True, eq=False)
class Line:
    """A rim, a bridge or a temple.

    Attributes:
        points: (N, 3), along the axes of a head.
        closed: whether the last point is next to the first.
    """

    points: Floats
    closed: bool


@dataclass(frozen=True, eq=False)
class Lines:
    """All lines of a pair of glasses, M points together.

    Attributes:
        lines: both rims, then the others.
        widths: (M, 2), how far the line reaches against and along its normal, in eye distances.
        profiles: (M, 2 * ACROSS + 1, 3), what is seen across each point, as of ``to_lab``; None before
            that is known.
        radii: those of ``RADII`` that are no more than the rims'.
    """

    lines: tuple[Line, ...]
    widths: Floats
    profiles: Picture | None = None
    radii: tuple[int, ...] = RADII

    def found(self, picture: Picture, head: Head) -> list[Floats]:
        """Where each line is in a frame, (N, 2) pixels.

        Args:
            picture: (size, size, 3), the face as of ``to_lab``; a fourth channel, 0 to 1, says how far a line
                may be a rim's while profiles aren't known.
            head: where it is in it.
        """
        flat = [head.at(line.points) for line in self.lines]
        points, across = np.concatenate(flat), self.across(flat)
        seen = profiles(picture, points, across, AWAY + ACROSS)
        if self.profiles is None:
            fit = strengths(seen, self.radii)[:, ACROSS:-ACROSS] - _STAY * squared_offsets(AWAY)
        else:
            fit = _likeness(seen[..., :3], self.profiles)
        away, trust = _peaks(np.concatenate([_together(one, line) for one, line in self.each(fit)]))
        moved, rest = _moved_together(points, across, away, trust**2, head.unit)
        if self.profiles is not None:
            each = zip(self.each(rest), self.each(trust**2), strict=True)
            freely = [_freely(left, weight, line, head.unit) for (left, line), (weight, _) in each]
            moved = moved + np.concatenate(freely)[:, None] * across
        return [one for one, _ in self.each(moved)]

    def drawn(self, found: Sequence[Floats], head: Head, scale: float, size: int) -> Picture:
        """Where the lines are in a crop of ``size``, whose side is ``scale`` times the picture's: 0 to 1."""
        mask = np.zeros((size, size), np.uint8)
        for places, (widths, line) in zip(found, self.each(self.widths), strict=True):
            aside = (_SURE * widths * head.unit + _EDGE) * (-1, 1)
            sides = places + aside.T[..., None] * normals(places, line.closed)
            outline = sides if line.closed else np.concatenate([sides[0], sides[1, ::-1]])[None]
            corners = np.rint(((outline + 0.5) * scale - 0.5) * (1 << _FRACTION)).astype(np.int32, order="C")
            one = np.zeros_like(mask)
            cv2.fillPoly(one, list(corners), 255, cv2.LINE_AA, _FRACTION)
            mask = np.maximum(mask, one)
        return mask.astype(np.float32) / np.float32(255)

    def across(self, flat: Sequence[Floats]) -> Floats:
        """Normals (M, 2) of the lines where they are in a frame."""
        return np.concatenate([normals(one, line.closed) for one, line in zip(flat, self.lines, strict=True)])

    def each(self, values: Floats) -> list[tuple[Floats, Line]]:
        """Values of all points (M, ...), line by line."""
        ends = np.cumsum([len(line.points) for line in self.lines])
        return list(zip(np.split(values, ends[:-1]), self.lines, strict=True))


def to_lab(crop: Image) -> Picture:
    """A crop (H, W, 3) uint8 RGB in which lines are looked for."""
    lab = cv2.cvtColor(crop.astype(np.float32) / np.float32(255), cv2.COLOR_RGB2Lab)
    return np.asarray(cv2.GaussianBlur(lab, (0, 0), 0.5) * np.array([1, _COLOUR, _COLOUR], np.float32))


def normals(points: Floats, closed: bool) -> Floats:
    """(N, 2): across a line (N, 2), one pixel long; out of a closed one that runs as the clock does."""
    along = np.roll(points, -1, 0) - np.roll(points, 1, 0)
    if not closed:
        along[[0, -1]] = points[1] - points[0], points[-1] - points[-2]
    across = np.stack([along[:, 1], -along[:, 0]], -1)
    return np.asarray(across / (np.linalg.norm(across, axis=1, keepdims=True) + 1e-9))


def profiles(picture: Picture, points: Floats, across: Floats, reach: int) -> Picture:
    """What is seen across points, (M, 2 * reach + 1, 3 or 4)."""
    steps = np.arange(-reach, reach + 1) * STEP
    places = (points[:, None] + steps[:, None] * across[:, None]).astype(np.float32)
    return np.asarray(
        cv2.remap(picture, places[..., 0], places[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    )


def strengths(seen: Picture, radii: Sequence[int]) -> Picture:
    """How far a line is at each sample of profiles (M, K, 3), as (M, K), 0 to 1."""
    seen, sure = seen[..., :3], seen[..., 3] if seen.shape[-1] > 3 else 1
    best = np.zeros(seen.shape[:2], np.float32)
    for radius in radii:
        middle = cv2.blur(seen, (max(1, int(0.6 * radius)) | 1, 1))
        one, other = (np.roll(seen, way, 1) - middle for way in (radius, -radius))
        both = np.maximum(np.linalg.norm(one, axis=-1), np.linalg.norm(other, axis=-1))
        alike = np.clip((one * other).sum(-1), 0, None) / np.maximum(both, 1e-6)
        alike[:, :radius] = alike[:, -radius:] = 0
        best = np.maximum(best, np.tanh(alike / _CONTRAST))
    return best * sure


def squared_offsets(reach: int) -> Floats:
    """How far samples are from the middle, squared: 1 at the ends."""
    return np.asarray((np.arange(-reach, reach + 1) / reach) ** 2)


def _likeness(seen: Picture, profiles: Picture) -> Floats:
    """Correlation of known profiles with what is seen at each distance, (M, 2 * AWAY + 1)."""
    length = profiles.shape[1]
    known = profiles - profiles.mean(1, keepdims=True)
    norm = np.sqrt((known**2).sum((1, 2)))[:, None] + 1e-6
    alike = np.einsum("mksc,msc->mk", sliding_window_view(seen, length, 1).swapaxes(2, 3), known)
    sums = np.stack([seen, seen**2]).cumsum(2)
    sums = np.concatenate([sums[:, :, length - 1 : length], sums[:, :, length:] - sums[:, :, :-length]], 2)
    power = (sums[1] - sums[0] ** 2 / length).sum(-1)
    return alike / (norm * np.maximum(np.sqrt(np.maximum(power, 0)), norm / 2))


def _together(fit: Floats, line: Line) -> Floats:
    """Averages with the points next to each."""
    half = _TOGETHER // 2
    wide = np.pad(fit, ((half, half), (0, 0)), mode="wrap" if line.closed else "edge")
    return np.mean([wide[i : i + len(fit)] for i in range(_TOGETHER)], 0)


def _peaks(fit: Floats) -> tuple[Floats, Floats]:
    """Pixels to where each row fits best, between samples, and how well it does there."""
    rows, best = np.arange(len(fit)), fit.argmax(1).clip(1, fit.shape[1] - 2)
    below, here, above = (fit[rows, best + step] for step in (-1, 0, 1))
    bent = np.minimum(below - 2 * here + above, -1e-9)
    between = np.clip((below - above) / 2 / bent, -1, 1)
    return (best + between - fit.shape[1] // 2) * STEP, np.clip(here, 0, 1)


def _moved_together(
    points: Floats, across: Floats, away: Floats, trust: Floats, unit: float
) -> tuple[Floats, Floats]:
    """Points moved affinely so that they lie ``away`` along their normals, and what is left of that."""
    flat = (points - points.mean(0)) / unit
    terms = np.concatenate([across, across[:, :1] * flat, across[:, 1:] * flat], 1)
    firm = np.diag([_SHIFT] * 2 + [_TURN] * 4) * len(points)
    weight, rest = trust, away
    for _ in range(_ROBUST):
        weighted = terms * weight[:, None]
        change = np.linalg.solve(weighted.T @ terms + firm, weighted.T @ away)
        rest = away - terms @ change
        weight = trust / (1 + (rest / _OUTLIER) ** 2)  # Geman and McClure's robust error
    return points + change[:2] + flat @ change[2:].reshape(2, 2).T, rest


def _freely(rest: Floats, trust: Floats, line: Line, unit: float) -> Floats:
    """How far points leave the others: what is left, where that is trusted and alike along the line."""
    turned = np.zeros_like(rest)
    if not line.closed:
        along = np.linspace(-1, 1, len(rest))
        terms, weight = np.stack([np.ones_like(along), along], 1), trust
        for _ in range(_ROBUST):
            weighted = terms * weight[:, None]
            turned = terms @ np.linalg.solve(
                weighted.T @ terms + 0.05 * len(rest) * np.eye(2), weighted.T @ rest
            )
            weight = trust / (1 + ((rest - turned) / _OUTLIER) ** 2)
        turned = np.clip(turned, -_TURNED * unit, _TURNED * unit)
        rest = rest - turned
    trust = trust / (1 + (rest / _OUTLIER) ** 2)
    bent = smoothed(rest * trust, SMOOTH, line.closed) / (smoothed(trust, SMOOTH, line.closed) + 0.2)
    return turned + np.clip(bent, -_FREE * unit, _FREE * unit)


def smoothed(values: NDArray[np.floating], sigma: float, closed: bool) -> Floats:
    """Values along a line, averaged by a Gaussian over ``sigma`` points."""
    reach = int(np.ceil(3 * sigma))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    wide = np.pad(values, reach, mode="wrap" if closed else "edge")
    return np.asarray(np.convolve(wide, kernel / kernel.sum(), "valid"))
