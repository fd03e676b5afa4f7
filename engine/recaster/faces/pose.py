"""Head pose from the mesh's points in space."""

from __future__ import annotations

from typing import Final

import numpy as np

from recaster.faces.topology import MESH_POINTS, STABLE
from recaster.faces.types import Floats, Pose

# ``STABLE`` of a head that looks straight into the camera: x to the picture's right, y down, z away from
# the camera; outer eye corners 1 apart. The mean mesh of three people talking to the camera, mirrored and
# averaged with itself; pitch 0 is how they held their heads on average.
_FRONTAL: Final[Floats] = np.array(
    [
        (-0.500, 0.048, 0.055), (-0.197, 0.047, -0.005), (0.197, 0.047, -0.005), (0.500, 0.048, 0.055),
        (0.000, -0.052, -0.174), (0.000, 0.020, -0.238), (0.000, 0.083, -0.308), (0.000, 0.141, -0.385),
        (0.000, -0.228, -0.155), (0.000, -0.132, -0.162), (0.000, -0.408, -0.086), (0.000, -0.572, -0.011),
        (-0.765, 0.161, 0.588), (0.765, 0.161, 0.588), (-0.758, 0.324, 0.603), (0.758, 0.324, 0.603),
        (-0.186, 0.454, -0.255), (0.186, 0.454, -0.255), (-0.205, -0.562, 0.005), (0.205, -0.562, 0.005),
        (0.000, 0.203, -0.463),
    ]
)  # fmt: skip


def head_pose(points: Floats) -> Pose:
    """Estimates the pose of a head from its mesh (468 or 478, 3) in pixels.

    Raises:
        ValueError: not a mesh (68 points have no depth).
    """
    return Pose(*head_poses(points[None])[0].tolist())


def head_poses(points: Floats) -> Floats:
    """Estimates poses of meshes (T, 468 or 478, 3): yaw, pitch, roll (T, 3) in degrees, signs as in ``Pose``.

    The roll is the one around the head's own line of sight. Raises as ``head_pose``.
    """
    return angles(rotations(points))


def angles(turn: Floats) -> Floats:
    """Yaw, pitch and roll (T, 3) in degrees, signs as in ``Pose``, of ``rotations`` (T, 3, 3)."""
    look = -turn[:, :, 2]
    yaw = np.arctan2(look[:, 0], -look[:, 2])
    pitch = np.arctan2(-look[:, 1], np.hypot(look[:, 0], look[:, 2]))
    # A head without roll has its x axis level, at a right angle to where it looks.
    level = np.stack([np.cos(yaw), np.zeros_like(yaw), np.sin(yaw)], axis=-1)
    across = turn[:, :, 0]
    roll = np.arctan2(np.sum(across * np.cross(level, look), -1), np.sum(across * level, -1))
    return np.degrees(np.stack([yaw, pitch, roll], axis=-1))


def rotations(points: Floats) -> Floats:
    """Rotations (T, 3, 3) from the frontal head to each observed one, (T, 468 or 478, 3) in pixels.

    Kabsch, "A solution for the best rotation to relate two sets of vectors", Acta Cryst. A32, 1976, over
    the points that expression hardly moves. Axes are x to the right, y down, z away from the camera. Raises
    as ``head_pose``.
    """
    if points.shape[-2] < MESH_POINTS or points.shape[-1] != 3:
        raise ValueError(f"landmarks of shape {points.shape}: a head pose needs the mesh in three dimensions")
    observed = points[:, STABLE, :]
    observed = observed - observed.mean(axis=1, keepdims=True)
    frontal = _FRONTAL - _FRONTAL.mean(axis=0)
    u, _, vt = np.linalg.svd(np.swapaxes(observed, 1, 2) @ frontal)
    # Rotations only, no mirror pictures: the weakest axis is turned round where needed.
    u[:, :, 2] *= np.sign(np.linalg.det(u @ vt))[:, None]
    return u @ vt
