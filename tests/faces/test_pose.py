"""Head poses of turned meshes."""

from __future__ import annotations

import numpy as np
import pytest

from recaster.faces import pose
from recaster.faces.topology import STABLE


def turned(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """A mesh of a head that looks to the picture's right, up, and leans clockwise by these degrees."""
    y, p, r = np.radians([yaw, pitch, roll])
    lean = np.array([[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]])
    nod = np.array([[1, 0, 0], [0, np.cos(p), np.sin(p)], [0, -np.sin(p), np.cos(p)]])
    shake = np.array([[np.cos(y), 0, -np.sin(y)], [0, 1, 0], [np.sin(y), 0, np.cos(y)]])
    points = np.zeros((478, 3))
    points[list(STABLE)] = pose._FRONTAL @ (shake @ nod @ lean).T * 150 + (300, 200, 10)
    return points


@pytest.mark.parametrize("angles", [(0, 0, 0), (20, 0, 0), (0, 15, 0), (0, 0, -25), (-40, 10, 30)])
def test_head_pose_reads_the_angles_back(angles: tuple[float, float, float]) -> None:
    found = pose.head_pose(turned(*angles))
    assert (found.yaw, found.pitch, found.roll) == pytest.approx(angles, abs=1e-6)


def test_signs_are_those_of_the_picture() -> None:
    right = turned(30, 0, 0)
    assert right[5, 0] > right[list(STABLE), 0].mean()  # the nose points to the picture's right
    up = turned(0, 30, 0)
    level = turned(0, 0, 0)
    assert up[5, 1] < level[5, 1]  # and up
    leaning = turned(0, 0, 30)
    assert leaning[263, 1] > leaning[33, 1]  # clockwise: the eye on the picture's right is lower


def test_a_whole_track_at_once() -> None:
    track = np.stack([turned(5, 6, 7), turned(-10, 3, 1)])
    np.testing.assert_allclose(pose.head_poses(track), [(5, 6, 7), (-10, 3, 1)], atol=1e-6)


def test_68_points_have_no_pose() -> None:
    with pytest.raises(ValueError, match="needs the mesh"):
        pose.head_pose(np.zeros((68, 3)))
