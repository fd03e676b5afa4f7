"""Lines of a pair of glasses, found again in every frame: rims, bridge and temples.

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

from recaster.appearance.light import rgb_to_lab
from recaster.faces import topology
from recaster.faces.region_masks import SUBPIXEL_BITS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from recaster.faces.types import Floats, Floats32
    from recaster.media.types import Image

EYES: Final = (
    (*topology.EYE_CORNERS_LEFT, *topology.LIDS_LEFT),
    (*topology.EYE_CORNERS_RIGHT, *topology.LIDS_RIGHT),
)
"""Corners and lids of the right and of the left eye."""
FACE_RIM: Final = (127, 356)  # points of the rim of the face beside either eye
BROW_MIDDLE: Final = 9
SAMPLE_PX: Final = 0.5
"""Distance from one sample across a line to the next."""
MAX_OFF: Final = 10  # samples to either side that a line may be off by in a frame
PROFILE_REACH: Final = 10  # samples of a profile to either side of its line
RADII: Final = (3, 5, 8, 12)  # samples from the middle of a line to what is beside it: narrow to broad rims
SMOOTH_POINTS: Final = 4.0  # points over which lines bend and change their width
_CONTRAST: Final = 6.0  # difference of a line from what is beside it, CIE Lab
_COLOUR_WEIGHT: Final = 1.5  # weight of differences of colour over those of lightness
_OFF_COST: Final = 0.3  # cost of a point that is as far off as it may be while its profile isn't known
_NEIGHBOURS: Final = 5  # points next to each other that are looked for together
_SHIFT_RIDGE: Final = 0.002
_TURN_RIDGE: Final = 0.03
"""Penalties on moving all points from where the mesh has them, and on turning and stretching them."""
_OUTLIER_PX: Final = 1.0  # disagreement with the others from which on a point counts less
_ROUNDS: Final = 6  # rounds of reweighting
_MAX_BENT: Final = 0.02  # distance by which a point may leave the others, in eye distances
_MAX_TURNED: Final = 0.07  # the same of a temple's end: its depth is not known well
_END_RIDGE: Final = 0.05  # penalty on that
_KEPT_WIDTH: Final = 1.25
"""Width in which a line is kept over that in which it was seen, for half of its edge is its own."""
_EDGE_PX: Final = 1.0  # width of a line's soft edge


@dataclass(frozen=True, eq=False)
class Head:
    """Place of a head in a picture."""

    middle: Floats  # (3,), between the eyes, pixels
    axes: Floats  # (3, 3), right, down and towards the camera, each as long as the eyes are apart
    beside: Floats  # (2, 3), the rim of the face beside the right and the left eye, along the axes

    @classmethod
    def of(cls, points: Floats) -> Head:
        """Places the head of a mesh (478, 3)."""
        right_eye, left_eye = (points[list(eye)].mean(0) for eye in EYES)
        across = left_eye - right_eye
        unit = float(np.linalg.norm(across))
        across = across / unit
        down = points[topology.CHIN] - points[BROW_MIDDLE]
        down = down - across * (down @ across)
        down /= np.linalg.norm(down)
        near = np.cross(across, down)
        axes = unit * np.stack([across, down, near * -np.sign(near[2])])  # depth grows away from the camera
        middle = (right_eye + left_eye) / 2
        return cls(middle, axes, (points[list(FACE_RIM)] - middle) @ axes.T / unit**2)

    @property
    def unit(self) -> float:
        """Distance of the eyes, pixels, as if seen from the front."""
        return float(np.linalg.norm(self.axes[0]))

    def at(self, places: Floats) -> Floats:
        """Projects places (..., 3) along the axes from the middle to pixels (..., 2)."""
        return (self.middle + places @ self.axes)[..., :2]


@dataclass(frozen=True, eq=False)
class Line:
    """A rim, a bridge or a temple."""

    points: Floats  # (N, 3), along the axes of a head
    closed: bool  # whether the last point is next to the first


@dataclass(frozen=True, eq=False)
class Lines:
    """All lines of a pair of glasses, M points together."""

    lines: tuple[Line, ...]  # both rims, then the others
    widths: Floats  # (M, 2), how far the line reaches against and along its normal, in eye distances
    # (M, 2 * PROFILE_REACH + 1, 3), what is seen across each point, as of ``to_lab``; None before that is
    # known.
    profiles: Floats32 | None = None
    radii: tuple[int, ...] = RADII  # those of ``RADII`` that are no more than the rims'

    def find(self, picture: Floats32, head: Head) -> list[Floats]:
        """Finds each line in a frame, (N, 2) pixels.

        Args:
            picture: (size, size, 3), the face as of ``to_lab``; a fourth channel, 0 to 1, says how far a line
                may be a rim's while profiles aren't known.
            head: where it is in it.
        """
        flat = [head.at(line.points) for line in self.lines]
        points = np.concatenate(flat)
        across = self.normals(flat)
        seen = sample_across(picture, points, across, MAX_OFF + PROFILE_REACH)
        if self.profiles is None:
            evidence = line_strength(seen, self.radii)[:, PROFILE_REACH:-PROFILE_REACH]
            fit = evidence - _OFF_COST * squared_offsets(MAX_OFF)
        else:
            fit = _correlate(seen[..., :3], self.profiles)
        away, trust = _find_peaks(
            np.concatenate([_average_neighbours(part, line) for part, line in self.split(fit)])
        )
        # Glasses are stiff: all points together first, then each a little by itself.
        moved, rest = _move_together(points, across, away, trust**2, head.unit)
        if self.profiles is not None:
            parts = zip(self.split(rest), self.split(trust**2), strict=True)
            freely = [_bend(left, weight, line, head.unit) for (left, line), (weight, _) in parts]
            moved = moved + np.concatenate(freely)[:, None] * across
        return [places for places, _ in self.split(moved)]

    def draw(
        self, found: Sequence[Floats], head: Head, scale: float, size: int, *, has_lenses: bool = False
    ) -> Floats32:
        """Draws the lines into a crop of ``size``, whose side is ``scale`` times the picture's: 0 to 1.

        With ``has_lenses`` what is within the rims is drawn, too.
        """
        mask = np.zeros((size, size), np.uint8)
        for places, (widths, line) in zip(found, self.split(self.widths), strict=True):
            aside = (_KEPT_WIDTH * widths * head.unit + _EDGE_PX) * (-1, 1)
            sides = places + aside.T[..., None] * line_normals(places, line.closed)
            outline = sides if line.closed else np.concatenate([sides[0], sides[1, ::-1]])[None]
            if line.closed and has_lenses:
                outline = sides[1:]
            # Both sides of a rim in one call: what is between them is filled, what is within both is not.
            corners = np.rint(((outline + 0.5) * scale - 0.5) * (1 << SUBPIXEL_BITS)).astype(
                np.int32, order="C"
            )
            drawn = np.zeros_like(mask)
            cv2.fillPoly(drawn, list(corners), 255, cv2.LINE_AA, SUBPIXEL_BITS)
            mask = np.maximum(mask, drawn)
        return mask.astype(np.float32) / np.float32(255)

    def normals(self, flat: Sequence[Floats]) -> Floats:
        """Normals (M, 2) of the lines where they are in a frame."""
        pairs = zip(flat, self.lines, strict=True)
        return np.concatenate([line_normals(places, line.closed) for places, line in pairs])

    def split(self, values: Floats) -> list[tuple[Floats, Line]]:
        """Splits values of all points (M, ...) by lines."""
        ends = np.cumsum([len(line.points) for line in self.lines])
        return list(zip(np.split(values, ends[:-1]), self.lines, strict=True))


def to_lab(crop: Image) -> Floats32:
    """Converts a crop (H, W, 3) uint8 RGB for ``Lines.find``: CIE Lab, softened, colours weighted."""
    lab = cv2.GaussianBlur(rgb_to_lab(crop), (0, 0), 0.5)
    return lab * np.array([1, _COLOUR_WEIGHT, _COLOUR_WEIGHT], np.float32)


def line_normals(points: Floats, closed: bool) -> Floats:
    """Normals (N, 2) of a line (N, 2), one pixel long; out of a closed one that runs as the clock does."""
    along = np.roll(points, -1, 0) - np.roll(points, 1, 0)
    if not closed:
        along[[0, -1]] = points[1] - points[0], points[-1] - points[-2]
    across = np.stack([along[:, 1], -along[:, 0]], -1)
    return across / (np.linalg.norm(across, axis=1, keepdims=True) + 1e-9)


def sample_across(picture: Floats32, points: Floats, across: Floats, reach: int) -> Floats32:
    """Samples a picture across points (M, 2): (M, 2 * reach + 1, 3 or 4)."""
    steps = np.arange(-reach, reach + 1) * SAMPLE_PX
    places = (points[:, None] + steps[:, None] * across[:, None]).astype(np.float32)
    return cv2.remap(
        picture, places[..., 0], places[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )


def line_strength(seen: Floats32, radii: Sequence[int]) -> Floats32:
    """Evidence of a line at each sample of profiles (M, K, 3 or 4), as (M, K), 0 to 1."""
    share = seen[..., 3] if seen.shape[-1] > 3 else 1
    seen = seen[..., :3]
    best = np.zeros(seen.shape[:2], np.float32)
    for radius in radii:
        middle = cv2.blur(seen, (max(1, int(0.6 * radius)) | 1, 1))
        before, after = (np.roll(seen, way, 1) - middle for way in (radius, -radius))
        both = np.maximum(np.linalg.norm(before, axis=-1), np.linalg.norm(after, axis=-1))
        # What differs alike on both sides is a line; an edge differs on one.
        alike = np.clip((before * after).sum(-1), 0, None) / np.maximum(both, 1e-6)
        alike[:, :radius] = alike[:, -radius:] = 0
        best = np.maximum(best, np.tanh(alike / _CONTRAST))
    return best * share


def squared_offsets(reach: int) -> Floats:
    """Squares of samples' distances from the middle, 1 at the ends."""
    return (np.arange(-reach, reach + 1) / reach) ** 2


def _correlate(seen: Floats32, profiles: Floats32) -> Floats:
    """Correlation of known profiles with what is seen at each distance, (M, 2 * MAX_OFF + 1)."""
    length = profiles.shape[1]
    known = profiles - profiles.mean(1, keepdims=True)
    norm = np.sqrt((known**2).sum((1, 2)))[:, None] + 1e-6
    alike = np.einsum("mksc,msc->mk", sliding_window_view(seen, length, 1).swapaxes(2, 3), known)
    # Running sums of windows of the profiles' length: of values and of their squares.
    sums = np.stack([seen, seen**2]).cumsum(2)
    sums = np.concatenate([sums[:, :, length - 1 : length], sums[:, :, length:] - sums[:, :, :-length]], 2)
    power = (sums[1] - sums[0] ** 2 / length).sum(-1)
    return alike / (norm * np.maximum(np.sqrt(np.maximum(power, 0)), norm / 2))


def _average_neighbours(fit: Floats, line: Line) -> Floats:
    """Averages values with those of the points next to each."""
    half = _NEIGHBOURS // 2
    wide = np.pad(fit, ((half, half), (0, 0)), mode="wrap" if line.closed else "edge")
    return np.mean([wide[i : i + len(fit)] for i in range(_NEIGHBOURS)], 0)


def _find_peaks(fit: Floats) -> tuple[Floats, Floats]:
    """Distance in pixels of the best fit of each row, between samples, and that fit."""
    rows = np.arange(len(fit))
    best = fit.argmax(1).clip(1, fit.shape[1] - 2)
    # The top of a parabola through three samples.
    below, here, above = (fit[rows, best + step] for step in (-1, 0, 1))
    bent = np.minimum(below - 2 * here + above, -1e-9)
    between = np.clip((below - above) / 2 / bent, -1, 1)
    return (best + between - fit.shape[1] // 2) * SAMPLE_PX, np.clip(here, 0, 1)


def _move_together(
    points: Floats, across: Floats, away: Floats, trust: Floats, unit: float
) -> tuple[Floats, Floats]:
    """Moves points affinely so that they lie ``away`` along their normals; also returns what is left."""
    flat = (points - points.mean(0)) / unit
    terms = np.concatenate([across, across[:, :1] * flat, across[:, 1:] * flat], 1)
    firm = np.diag([_SHIFT_RIDGE] * 2 + [_TURN_RIDGE] * 4) * len(points)
    weight = trust
    rest = away
    for _ in range(_ROUNDS):
        weighted = terms * weight[:, None]
        change = np.linalg.solve(weighted.T @ terms + firm, weighted.T @ away)
        rest = away - terms @ change
        weight = trust / (1 + (rest / _OUTLIER_PX) ** 2)  # Cauchy's robust weight
    return points + change[:2] + flat @ change[2:].reshape(2, 2).T, rest


def _bend(rest: Floats, trust: Floats, line: Line, unit: float) -> Floats:
    """Distances by which points leave the others: what is left, where trusted and alike along the line."""
    turned = np.zeros_like(rest)
    if not line.closed:  # a bridge or a temple may turn as a whole
        along = np.linspace(-1, 1, len(rest))
        terms = np.stack([np.ones_like(along), along], 1)
        weight = trust
        for _ in range(_ROUNDS):
            weighted = terms * weight[:, None]
            turned = terms @ np.linalg.solve(
                weighted.T @ terms + _END_RIDGE * len(rest) * np.eye(2), weighted.T @ rest
            )
            weight = trust / (1 + ((rest - turned) / _OUTLIER_PX) ** 2)
        turned = np.clip(turned, -_MAX_TURNED * unit, _MAX_TURNED * unit)
        rest = rest - turned
    trust = trust / (1 + (rest / _OUTLIER_PX) ** 2)
    bent = smooth_along(rest * trust, SMOOTH_POINTS, line.closed) / (
        smooth_along(trust, SMOOTH_POINTS, line.closed) + 0.2
    )
    return turned + np.clip(bent, -_MAX_BENT * unit, _MAX_BENT * unit)


def smooth_along(values: NDArray[np.floating], sigma: float, closed: bool) -> Floats:
    """Averages values along a line by a Gaussian over ``sigma`` points."""
    reach = int(np.ceil(3 * sigma))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    wide = np.pad(values, reach, mode="wrap" if closed else "edge")
    return np.convolve(wide, kernel / kernel.sum(), "valid")
