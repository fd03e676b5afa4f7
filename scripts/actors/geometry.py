"""Rotations, fits and falloffs used everywhere. Angles are degrees."""

from __future__ import annotations

import cv2
import numpy as np


def smoothstep(low: float, high: float, x: np.ndarray) -> np.ndarray:
    """0 below ``low``, 1 above ``high``, a smooth ramp between them (either may be the larger)."""
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def blob(points: np.ndarray, centre: tuple[float, ...], radii: tuple[float, ...]) -> np.ndarray:
    """A Gaussian bump (N,) with one radius per axis."""
    return np.exp(-(((points - np.array(centre)) / np.array(radii)) ** 2).sum(1))


def rotation(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """(3, 3): yaw about y, then pitch about x inside it, roll about z outside both."""
    y, p, r = np.radians([yaw, pitch, roll])
    about_y = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(p), -np.sin(p)], [0, np.sin(p), np.cos(p)]])
    about_z = np.array([[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]])
    return about_z @ about_y @ about_x


def partial_rotations(matrix: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """(N, 3, 3): the given share of one rotation for each point (Rodrigues' formula)."""
    vector = cv2.Rodrigues(matrix)[0].ravel()
    angle = float(np.linalg.norm(vector))
    if angle < 1e-9:
        return np.broadcast_to(np.eye(3), (len(shares), 3, 3))
    x, y, z = vector / angle
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    turn = (shares * angle)[:, None, None]
    return np.eye(3) + np.sin(turn) * cross + (1 - np.cos(turn)) * (cross @ cross)


def similarity(
    source: np.ndarray, target: np.ndarray, weights: np.ndarray
) -> tuple[float, np.ndarray, np.ndarray]:
    """Scale, rotation and offset that best carry ``source`` onto ``target`` (Umeyama 1991)."""
    weights = weights / weights.sum()
    from_centre = weights @ source
    to_centre = weights @ target
    a = source - from_centre
    b = target - to_centre
    u, values, vt = np.linalg.svd((b * weights[:, None]).T @ a)
    signs = np.array([1, 1, np.sign(np.linalg.det(u @ vt))])
    matrix = u @ np.diag(signs) @ vt
    scale = (values * signs).sum() / (weights @ (a**2).sum(1))
    return scale, matrix, to_centre - scale * matrix @ from_centre


def affine(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """(4, 3): least-squares affine map; apply with ``homogeneous(points) @ map``."""
    return np.linalg.lstsq(homogeneous(source), target, rcond=None)[0]


def homogeneous(points: np.ndarray) -> np.ndarray:
    """(N, 4): the points with a 1 appended."""
    return np.c_[points, np.ones(len(points))]


def triangle_normals(triangles: np.ndarray) -> np.ndarray:
    """(N, 3): normals of (N, 3, 3) triangles, as long as twice their area."""
    return np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
