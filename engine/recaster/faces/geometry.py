"""Measures and rigid fits of face meshes: (..., 478, 3) arrays of points, float64."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from recaster.faces import alignment, topology

if TYPE_CHECKING:
    from recaster.faces.types import Floats

_STABLE = list(topology.STABLE)


@dataclass(frozen=True, eq=False)
class Rigid:
    """Similarities in space, one per mesh: ``canonical = points @ linear.T + offset``."""

    linear: Floats  # (..., 3, 3), rotation times scale
    offset: Floats  # (..., 3), in canonical units

    def apply(self, points: Floats) -> Floats:
        """Brings points (..., N, 3) of a frame to the canonical space."""
        return points @ np.swapaxes(self.linear, -1, -2) + self.offset[..., None, :]

    def undo(self, points: Floats) -> Floats:
        """Brings canonical points (..., N, 3) back to the frame."""
        inverse = np.linalg.inv(self.linear)
        return (points - self.offset[..., None, :]) @ np.swapaxes(inverse, -1, -2)

    @property
    def facing(self) -> Floats:
        """Viewing axis of the frame in canonical space, (..., 3), of length 1: the turn of the head."""
        axis = self.linear[..., :, 2]
        return axis / np.linalg.norm(axis, axis=-1, keepdims=True)


def fit_rigid(points: Floats, reference: Floats) -> Rigid:
    """Fits similarities that bring meshes' (..., 478, 3) stable points closest to those of a canonical one.

    Least squares with proper rotations (Umeyama, 1991).
    """
    source = points[..., _STABLE, :]
    goal = reference[_STABLE]
    source_mean = source.mean(-2, keepdims=True)
    goal_mean = goal.mean(-2, keepdims=True)
    source = source - source_mean
    goal = goal - goal_mean
    left, singular, right = np.linalg.svd(np.swapaxes(np.broadcast_to(goal, source.shape), -1, -2) @ source)
    signs = np.ones_like(singular)
    # Rotations only: where a mirror picture fits better, the weakest axis is turned round.
    signs[..., 2] = np.sign(np.linalg.det(left @ right))
    rotation = (left * signs[..., None, :]) @ right
    # Umeyama's scale: of the goal's spread over the source's, as the rotation brings them together.
    scale = (singular * signs).sum(-1) / (source**2).sum((-1, -2))
    linear = rotation * scale[..., None, None]
    offset = goal_mean[..., 0, :] - (source_mean @ np.swapaxes(linear, -1, -2))[..., 0, :]
    return Rigid(linear, offset)


def fit_crop(points: Floats, reference: Floats) -> Floats:
    """Fits similarities in the plane, (..., 2, 3), from meshes (..., 478, 3) to that of a crop, (478, 3)."""
    return alignment.similarity(points[..., _STABLE, :2], reference[_STABLE, :2])


def measure_distances(points: Floats, others: Floats) -> Floats:
    """Measures distances (N, M) of points (N, D) from others (M, D), as scipy's ``cdist`` does to the bit.

    scipy takes .4 CPU seconds to import, for which all that is short would wait.
    """
    return np.sqrt(_square_distances(points, others))


def measure_nearest(points: Floats, others: Floats) -> Floats:
    """Measures the distance (N,) of each of points (N, D) to the nearest of others (M, D)."""
    nearest: Floats = np.sqrt(_square_distances(others, points).min(0))
    return nearest


def _square_distances(points: Floats, others: Floats) -> Floats:
    squares = np.subtract.outer(points[:, 0], others[:, 0])
    squares *= squares
    for at in range(1, points.shape[1]):
        apart = np.subtract.outer(points[:, at], others[:, at])
        apart *= apart
        squares += apart
    return squares


def median_over(values: Floats, count: int) -> Floats:
    """Median of the ``count`` values, an odd number, around each of (T,); the ends are repeated."""
    around = np.pad(values, count // 2, mode="edge")
    return np.asarray(np.median(np.lib.stride_tricks.sliding_window_view(around, count), axis=-1))


def eye_distance(points: Floats) -> Floats:
    """Distance of the eyes' middles in the picture, (...), of meshes (..., 478, 2 or 3)."""
    left = points[..., list(topology.EYE_CORNERS_LEFT), :2].mean(-2)
    right = points[..., list(topology.EYE_CORNERS_RIGHT), :2].mean(-2)
    return np.linalg.norm(left - right, axis=-1)


def eye_distance_3d(points: Floats) -> float:
    """Distance of the eyes' middles in space, as if seen from the front, of a mesh (478, 2 or 3)."""
    left = points[list(topology.EYE_CORNERS_LEFT)].mean(0)
    right = points[list(topology.EYE_CORNERS_RIGHT)].mean(0)
    return float(np.linalg.norm(left - right))


def mouth_gap(points: Floats) -> Floats:
    """Distance between the inner lips as a share of the eye distance, (...), of meshes (..., 478, 2 or 3)."""
    gap = points[..., topology.LIP_BOTTOM, :2] - points[..., topology.LIP_TOP, :2]
    return np.linalg.norm(gap, axis=-1) / eye_distance(points)


def lid_openings(points: Floats) -> Floats:
    """Openings of the left and right lids as shares of the eye distance, (..., 2)."""
    pairs = (topology.LIDS_LEFT, topology.LIDS_RIGHT)
    gaps = [np.linalg.norm(points[..., a, :2] - points[..., b, :2], axis=-1) for a, b in pairs]
    return np.stack(gaps, -1) / eye_distance(points)[..., None]
