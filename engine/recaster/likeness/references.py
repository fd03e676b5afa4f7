"""References: frames of the source that show a given mouth, gaze and pose, and the share of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from recaster.faces import geometry, topology
from recaster.faces.mesh_surface import LOWER_LIP, UPPER_LIP
from recaster.likeness.few_pictures import FEW_PICTURES
from recaster.likeness.iris_warp import measure_irises

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from recaster.faces.types import Bools, Floats

REGIONS: Final = ("rest", "mouth", "eyes")  # parts of a face whose references are chosen apart

_LIPS = list(topology.LIPS_INNER + topology.LIPS_OUTER)
_EYES = ((list(topology.EYE_LEFT), topology.IRIS_LEFT), (list(topology.EYE_RIGHT), topology.IRIS_RIGHT))
_BROWS = list(topology.BROW_LEFT + topology.BROW_RIGHT)
_POSE_WEIGHT: Final = 0.35
"""Eye distances that a turn of one radian counts as."""
_BLENDED: Final = 3  # references that have a share in a frame, at most
_MIN_BARE: Final = 4  # bare frames below which others are taken, too
_MIN_SHARPNESS: Final = 0.3
_MAX_UNUSUAL: Final = 0.99
"""Quantiles of sharpness and of distance from the usual that bound the frames references are chosen from."""


@dataclass(frozen=True, eq=False)
class ExpressionFeatures:
    """Pose and expression that each region's look depends on: (T, F) float64 for each of ``REGIONS``.

    Units: root mean square distance per point in eye distances; a turn of one radian counts
    ``_POSE_WEIGHT`` eye distances.
    """

    rest: Floats
    mouth: Floats
    eyes: Floats

    def of(self, region: str) -> Floats:
        """Features of one region."""
        features: Floats = getattr(self, region)
        return features

    @property
    def turn(self) -> Floats:
        """Turn of the head to a side, (T,): the sine of the angle times the weight of a pose."""
        return self.rest[:, 0]

    def __getitem__(self, frames: NDArray[np.int64] | slice) -> ExpressionFeatures:
        return ExpressionFeatures(self.rest[frames], self.mouth[frames], self.eyes[frames])


def measure_features(points: Floats, mesh: Floats) -> ExpressionFeatures:
    """Measures meshes (T, 478, 3) in any pixels, relative to the canonical ``mesh``."""
    fits = geometry.fit_rigid(points, mesh)
    canonical = fits.apply(points) / geometry.eye_distance(mesh)
    pose = _POSE_WEIGHT * fits.facing
    eyes = []
    for outline, iris in _EYES:
        around = canonical[:, [*outline, iris], :2]
        # Their outline tells how far they are open, the iris in it where they look.
        eyes.append(_per_point(around - canonical[:, outline, :2].mean(1, keepdims=True)))
        eyes.append((canonical[:, iris, :2] - canonical[:, outline, :2].mean(1)) * 2)
    return ExpressionFeatures(
        rest=np.concatenate([pose, _per_point(canonical[:, _BROWS, :2])], -1),
        mouth=np.concatenate([_per_point(canonical[:, _LIPS, :2]), pose / 2], -1),
        eyes=np.concatenate([*eyes, pose / 2], -1),
    )


def measure_lip_gaps(mouths: Floats) -> Floats:
    """Gaps between facing points of the inner lips (T, 9), eye distances, by features of mouths (T, F)."""
    lips = mouths[:, : 2 * len(_LIPS)].reshape(len(mouths), -1, 2)[..., 1] * np.sqrt(len(_LIPS))
    upper, lower = ([_LIPS.index(point) for point in row] for row in (UPPER_LIP, LOWER_LIP))
    return lips[:, lower] - lips[:, upper]


def find_irises(eyes: Floats) -> Floats:
    """Finds the irises' places in their eyes (T, 2), see ``measure_irises``, by features of eyes (T, F)."""
    count = len(topology.EYE_LEFT) + 1
    meshes = np.zeros((len(eyes), topology.POINTS, 2))
    parts = np.split(eyes[:, : 4 * (count + 1)].reshape(len(eyes), 2, count + 1, 2), 2, axis=1)
    for (outline, iris), part in zip(_EYES, parts, strict=True):
        meshes[:, [*outline, iris]] = part[:, 0, :count] * np.sqrt(count)
    return measure_irises(meshes)


def choose_references(
    features: ExpressionFeatures, sharpness: Floats, count: int, is_bare: Callable[[int], bool] | None = None
) -> NDArray[np.int64]:
    """Chooses up to ``count`` frames that cover what the source can show, the calmest first; indices.

    Farthest-point sampling (Gonzalez, 1985) over all regions among the sharper 70 % of frames.
    The most unusual 1 % is left out: there the mesh is more often wrong than the face is.

    ``is_bare`` tells whether a frame shows a bare face, asked of no more frames than needed; others are taken
    only if hardly any is bare. None for all.
    """
    everything = np.concatenate([features.rest, features.mouth, features.eyes], -1)
    from_usual = np.linalg.norm(everything - np.median(everything, 0), axis=-1)
    is_usable = (sharpness >= np.quantile(sharpness, _MIN_SHARPNESS)) & (
        from_usual <= np.quantile(from_usual, _MAX_UNUSUAL)
    )
    if len(sharpness) < FEW_PICTURES:  # somebody chose them
        is_usable[:] = True
    candidates = np.flatnonzero(is_usable)
    chosen: list[int] = []
    left = np.ones(len(candidates), bool)
    nearest = -from_usual[candidates]
    # Of those farthest from all that were chosen the next is taken.
    while len(chosen) < count and left.any():
        best = int(np.where(left, nearest, -np.inf).argmax())
        left[best] = False
        row = int(candidates[best])
        if is_bare is not None and not is_bare(row):
            continue
        away = np.linalg.norm(everything[candidates] - everything[row], axis=-1)
        nearest = np.minimum(nearest, away) if chosen else away
        chosen.append(row)
        left &= nearest > 0  # what is left shows something new
    if is_bare is not None and len(chosen) < min(count, _MIN_BARE):
        return choose_references(features, sharpness, count)
    return np.array(chosen)


def compute_blend_weights(wanted: Floats, references: Floats, excluded: Bools | None = None) -> Floats:
    """Computes the share of each reference (K, F) for each wanted frame (T, F): (T, K), rows sum to 1.

    Only the nearest few count, and each one's share falls to 0 before another takes its place, so
    that nothing pops when the order changes. Those ``excluded`` (T, K) may not be used.
    """
    distances = geometry.measure_distances(wanted, references)
    if excluded is not None:
        distances = np.where(excluded, np.inf, distances)
    rank = min(_BLENDED, distances.shape[1] - 1)
    reach = np.partition(distances, rank, axis=1)[:, rank, None]
    farthest = np.max(distances, axis=1, where=np.isfinite(distances), initial=0)[:, None]
    reach = np.where(np.isfinite(reach), reach, farthest)
    # The first that doesn't count is where shares fall to 0; the square keeps the fall smooth.
    weights = np.clip(1 - distances / (reach * (1 + 1e-6) + 1e-9), 0, 1) ** 2
    weights = np.where(np.isfinite(distances), weights, 0.0)
    total = weights.sum(1, keepdims=True)
    nearest = np.eye(distances.shape[1])[distances.argmin(1)]
    return np.where(total > 0, weights / np.maximum(total, 1e-12), nearest)


def _per_point(points: Floats) -> Floats:
    """Flattens (T, N, 2) so that distances become root mean squares over the points."""
    return points.reshape(len(points), -1) / np.sqrt(points.shape[1])
