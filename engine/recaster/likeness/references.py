"""Which of the source's frames show a given mouth, gaze and pose, and how much of each to use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial.distance import cdist

from recaster.faces import geometry, topology
from recaster.faces.mesh_surface import LOWER_LIP, UPPER_LIP

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from recaster.faces.types import Floats

REGIONS = ("rest", "mouth", "eyes")
"""The parts of a face whose references are chosen apart."""

_LIPS = list(topology.LIPS_INNER + topology.LIPS_OUTER)
_EYES = (
    (list(topology.EYE_LEFT), topology.IRIS_LEFT),
    (list(topology.EYE_RIGHT), topology.IRIS_RIGHT),
)
_BROWS = list(topology.BROW_LEFT + topology.BROW_RIGHT)
_POSE_WEIGHT = 0.35
_BLENDED = 3
_FEWEST_BARE = 4
"""With fewer bare frames than that, others are taken, too."""


@dataclass(frozen=True, eq=False)
class ExpressionFeatures:
    """What a region's look depends on, frame by frame: (T, F) float64 for each of ``REGIONS``.

    Units: root mean square distance per point in eye distances; a turn of one radian counts
    ``_POSE_WEIGHT`` eye distances.
    """

    rest: Floats
    mouth: Floats
    eyes: Floats

    def of(self, region: str) -> Floats:
        """The shapes of one region."""
        shapes: Floats = getattr(self, region)
        return shapes

    @property
    def turn(self) -> Floats:
        """(T,): how far the head is turned to a side; the sine of the angle times the weight of a pose."""
        return self.rest[:, 0]

    def __getitem__(self, frames: NDArray[np.int64] | slice) -> ExpressionFeatures:
        return ExpressionFeatures(self.rest[frames], self.mouth[frames], self.eyes[frames])


def measure_features(points: Floats, mesh: Floats) -> ExpressionFeatures:
    """The shapes of meshes (T, 478, 3) in any pixels, relative to the canonical ``mesh``."""
    fits = geometry.fit_rigid(points, mesh)
    canonical = fits.apply(points) / geometry.eye_distance(mesh)
    pose = _POSE_WEIGHT * fits.facing
    eyes = []
    for outline, iris in _EYES:
        around = canonical[:, [*outline, iris], :2]
        eyes.append(_per_point(around - canonical[:, outline, :2].mean(1, keepdims=True)))
        eyes.append((canonical[:, iris, :2] - canonical[:, outline, :2].mean(1)) * 2)
    return ExpressionFeatures(
        rest=np.concatenate([pose, _per_point(canonical[:, _BROWS, :2])], -1),
        mouth=np.concatenate([_per_point(canonical[:, _LIPS, :2]), pose / 2], -1),
        eyes=np.concatenate([*eyes, pose / 2], -1),
    )


def measure_lip_gaps(mouths: Floats) -> Floats:
    """How far facing points of the inner lips are apart (T, 9), eye distances, by shapes of mouths (T, F)."""
    lips = mouths[:, : 2 * len(_LIPS)].reshape(len(mouths), -1, 2)[..., 1] * np.sqrt(len(_LIPS))
    upper, lower = ([_LIPS.index(point) for point in row] for row in (UPPER_LIP, LOWER_LIP))
    return np.asarray(lips[:, lower] - lips[:, upper])


def choose_references(
    shapes: ExpressionFeatures, sharpness: Floats, count: int, bare: Callable[[int], bool] | None = None
) -> NDArray[np.int64]:
    """Indices of up to ``count`` frames that cover what the source can show, the calmest first.

    Farthest-point sampling (Gonzalez, 1985) over all regions among the sharper 70 % of frames.
    The most unusual 1 % is left out: there the mesh is more often wrong than the face is.

    Args:
        shapes: of all frames (T).
        sharpness: (T,).
        count: how many are wanted at most.
        bare: whether a frame shows a bare face, asked of no more frames than needed; others are taken only
            if hardly any is bare. None for all.
    """
    everything = np.concatenate([shapes.rest, shapes.mouth, shapes.eyes], -1)
    from_usual = np.linalg.norm(everything - np.median(everything, 0), axis=-1)
    wanted = (sharpness >= np.quantile(sharpness, 0.3)) & (from_usual <= np.quantile(from_usual, 0.99))
    candidates = np.flatnonzero(wanted)
    chosen: list[int] = []
    left, nearest = np.ones(len(candidates), bool), -from_usual[candidates]
    while len(chosen) < count and left.any():
        best = int(np.where(left, nearest, -np.inf).argmax())
        left[best] = False
        row = int(candidates[best])
        if bare is not None and not bare(row):
            continue
        away = np.linalg.norm(everything[candidates] - everything[row], axis=-1)
        nearest = np.minimum(nearest, away) if chosen else away
        chosen.append(row)
        left &= nearest > 0  # what is left shows something new
    if bare is not None and len(chosen) < min(count, _FEWEST_BARE):
        return choose_references(shapes, sharpness, count)
    return np.array(chosen)


def compute_blend_weights(
    wanted: Floats, references: Floats, excluded: NDArray[np.bool_] | None = None
) -> Floats:
    """How much of each reference to show for each wanted shape; rows sum to 1.

    Only the nearest few count, and each one's share falls to 0 before another takes its place, so
    that nothing pops when the order changes.

    Args:
        wanted: (T, F).
        references: (K, F).
        excluded: (T, K), references that may not be used.
    """
    distances = cdist(wanted, references)
    if excluded is not None:
        distances = np.where(excluded, np.inf, distances)
    rank = min(_BLENDED, distances.shape[1] - 1)
    reach = np.partition(distances, rank, axis=1)[:, rank, None]
    reach = np.where(
        np.isfinite(reach), reach, np.max(distances, axis=1, where=np.isfinite(distances), initial=0)[:, None]
    )
    weights = np.clip(1 - distances / (reach * (1 + 1e-6) + 1e-9), 0, 1) ** 2
    weights = np.where(np.isfinite(distances), weights, 0.0)
    total = weights.sum(1, keepdims=True)
    nearest = np.eye(distances.shape[1])[distances.argmin(1)]
    return np.where(total > 0, weights / np.maximum(total, 1e-12), nearest)


def _per_point(points: Floats) -> Floats:
    """(T, N, 2) flattened so that distances become root mean squares over the points."""
    return points.reshape(len(points), -1) / np.sqrt(points.shape[1])
