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
    """3D similarities, one per mesh: ``canonical = points @ linear.T + offset``.

    Attributes:
        linear: (..., 3, 3), rotation times scale.
        offset: (..., 3), in canonical units.
    """

    linear: Floats
    offset: Floats

    def apply(self, points: Floats) -> Floats:
        """Points (..., N, 3) of a frame in the canonical space."""
        return points @ np.swapaxes(self.linear, -1, -2) + self.offset[..., None, :]

    def undo(self, points: Floats) -> Floats:
        """Canonical points (..., N, 3) back in the frame."""
        inverse = np.linalg.inv(self.linear)
        return (points - self.offset[..., None, :]) @ np.swapaxes(inverse, -1, -2)

    @property
    def facing(self) -> Floats:
        """(..., 3): the frame's viewing axis in canonical space, unit length: how the head is turned."""
        axis = self.linear[..., :, 2]
        return axis / np.linalg.norm(axis, axis=-1, keepdims=True)


def fit_rigid(points: Floats, reference: Floats) -> Rigid:
    """The similarities that bring the stable points of meshes closest to those of ``reference``.

    Least squares with proper rotations (Umeyama, 1991).

    Args:
        points: (..., 478, 3).
        reference: (478, 3), the canonical mesh.
    """
    source, goal = points[..., _STABLE, :], reference[_STABLE]
    source_mean, goal_mean = source.mean(-2, keepdims=True), goal.mean(-2, keepdims=True)
    source, goal = source - source_mean, goal - goal_mean
    left, singular, right = np.linalg.svd(np.swapaxes(np.broadcast_to(goal, source.shape), -1, -2) @ source)
    signs = np.ones_like(singular)
    signs[..., 2] = np.sign(np.linalg.det(left @ right))
    rotation = (left * signs[..., None, :]) @ right
    scale = (singular * signs).sum(-1) / (source**2).sum((-1, -2))
    linear = rotation * scale[..., None, None]
    offset = goal_mean[..., 0, :] - (source_mean @ np.swapaxes(linear, -1, -2))[..., 0, :]
    return Rigid(linear, offset)


def fit_crop(points: Floats, reference: Floats) -> Floats:
    """2D similarities (..., 2, 3) from frame pixels to the crop in which ``reference`` stands.

    Args:
        points: (..., 478, 3) in frame pixels.
        reference: (478, 3) in crop pixels.
    """
    return alignment.similarity(points[..., _STABLE, :2], reference[_STABLE, :2])


def eye_distance(points: Floats) -> Floats:
    """(...): distance between the middles of the eye corners, in the points' unit."""
    left = points[..., list(topology.EYE_CORNERS_LEFT), :2].mean(-2)
    right = points[..., list(topology.EYE_CORNERS_RIGHT), :2].mean(-2)
    return np.linalg.norm(left - right, axis=-1)


def mouth_gap(points: Floats) -> Floats:
    """(...): distance between the inner lips as a share of the eye distance."""
    gap = points[..., topology.LIP_BOTTOM, :2] - points[..., topology.LIP_TOP, :2]
    return np.linalg.norm(gap, axis=-1) / eye_distance(points)


def lid_openings(points: Floats) -> Floats:
    """(..., 2): lid openings of the left and right eye as a share of the eye distance."""
    pairs = (topology.LIDS_LEFT, topology.LIDS_RIGHT)
    gaps = [np.linalg.norm(points[..., a, :2] - points[..., b, :2], axis=-1) for a, b in pairs]
    return np.stack(gaps, -1) / eye_distance(points)[..., None]
