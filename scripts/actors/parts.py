"""Eyeballs, teeth and gums: small meshes that the data lacks or models too coarsely."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from geometry import rotation, smoothstep

if TYPE_CHECKING:
    from mpfb import Faces

IRIS = 0.50
PUPIL = 0.19
"""Both are radii seen from the eyeball's centre, radians."""


def _grid(rows: int, columns: int) -> Faces:
    """Quads of a grid that closes on itself along its columns."""
    return [
        [
            i * columns + j,
            (i + 1) * columns + j,
            (i + 1) * columns + (j + 1) % columns,
            i * columns + (j + 1) % columns,
        ]
        for i in range(rows - 1)
        for j in range(columns)
    ]


def eyeball(rings: int = 40, spokes: int = 48) -> tuple[np.ndarray, Faces, np.ndarray, np.ndarray]:
    """A unit eyeball with a cornea, looking along +z.

    Returns:
        Points (N, 3), quads, and per point the angle from the axis and around it.
    """
    front = np.linspace(0, 0.7, rings // 2, endpoint=False)
    polar = np.r_[front, np.linspace(0.7, np.pi * 0.72, rings - rings // 2)]
    theta, phi = np.meshgrid(polar, np.linspace(0, 2 * np.pi, spokes, endpoint=False), indexing="ij")
    radius = 1 + 0.05 * smoothstep(0.54, 0.0, theta)
    x = np.sin(theta) * np.cos(phi)
    y = np.sin(theta) * np.sin(phi)
    points = np.stack([radius * x, radius * y, radius * np.cos(theta)], -1).reshape(-1, 3)
    return points, _grid(rings, spokes), theta.ravel(), phi.ravel()


def eye_colours(theta: np.ndarray, phi: np.ndarray, iris: tuple[float, float, float]) -> np.ndarray:
    """(N, 3): sclera reddening towards its corners, dark limbus, fibrous iris, pupil."""
    random = np.random.default_rng(5)
    fibres = np.interp(phi, np.linspace(0, 2 * np.pi, 97), np.r_[random.uniform(0.6, 1.3, 96), 1.0])
    ring = 1.5 - 1.25 * smoothstep(0.34, IRIS - 0.02, theta) + 0.6 * smoothstep(0.34, PUPIL, theta)
    inside = np.array(iris) * (fibres * ring)[:, None]
    sclera = np.array([0.47, 0.425, 0.39]) * (
        1 - smoothstep(0.6, 1.15, theta)[:, None] * np.array([0.10, 0.34, 0.36])
    )
    edge = smoothstep(IRIS - 0.03, IRIS + 0.06, theta)[:, None]
    colour = inside * (1 - edge) + sclera * edge
    pupil = smoothstep(PUPIL + 0.03, PUPIL - 0.02, theta)[:, None]
    return colour * (1 - pupil) + 0.002 * pupil


def lid_shadow(points: np.ndarray, down: float) -> np.ndarray:
    """(N,): what the upper lid and its lashes leave of the light; ``points`` are unit, in the head's axes."""
    return 1 - 0.62 * smoothstep(0.10 - down, 0.52 - down, points[:, 1])


def _tooth(rows: int = 8) -> tuple[np.ndarray, Faces]:
    u, w = np.meshgrid(
        np.linspace(-np.pi / 2, np.pi / 2, rows),
        np.linspace(-np.pi, np.pi, 2 * rows, endpoint=False),
        indexing="ij",
    )

    def power(x: np.ndarray, exponent: float) -> np.ndarray:
        return np.sign(x) * abs(x) ** exponent

    wide = power(np.cos(u), 0.45)
    points = [wide * power(np.cos(w), 0.55), power(np.sin(u), 0.6), wide * power(np.sin(w), 0.8)]
    return np.stack(points, -1).reshape(-1, 3), _grid(rows, 2 * rows)


UPPER_WIDTHS = (0.088, 0.068, 0.078, 0.072, 0.07, 0.1, 0.1)
LOWER_WIDTHS = (0.056, 0.060, 0.070, 0.072, 0.075, 0.1, 0.1)
ARCH = (0.275, 0.45)
"""Half width and depth of the dental arch."""


def _on_arch(along: float, front: float) -> tuple[float, float, float]:
    """x, z and turn (radians) at an arc length from the middle."""
    t = along / 0.40
    bent = min(t, 1.35)
    x = ARCH[0] * np.sin(bent)
    z = front - ARCH[1] * (1 - np.cos(bent)) - max(0.0, t - 1.35) * 0.36
    return x, z, float(np.arctan2(np.sin(bent) * ARCH[1], np.cos(bent) * ARCH[0])) * 0.9


def teeth(upper: bool) -> tuple[np.ndarray, Faces]:
    """One row of fourteen teeth in the neutral head, cutting edges just past the line between the lips."""
    middle, front = (6.622, 1.462) if upper else (6.458, 1.418)
    shape, quads = _tooth()
    towards_edge = -1 if upper else 1
    points = []
    faces = []
    along = 0.0
    for number, width in enumerate(UPPER_WIDTHS if upper else LOWER_WIDTHS):
        x, z, turn = _on_arch(along + width / 2, front)
        along += width
        height = (0.066 if number < 3 else 0.056) * (1.05 if number in (0, 2) else 0.97)
        size = [width * 0.475, height, 0.03 if number < 3 else 0.045]
        for side in (1, -1):
            faces += [[corner + len(points) * len(shape) for corner in quad] for quad in quads]
            turned = (shape * size) @ rotation(np.degrees(turn) * side, 0, 0).T
            points.append(turned + np.array([x * side, middle + towards_edge * (height - 0.056), z]))
    return np.concatenate(points), faces


def gums(upper: bool) -> tuple[np.ndarray, Faces]:
    """The flesh that holds a row of teeth: a bulging band along the arch."""
    middle, front = (6.704, 1.452) if upper else (6.388, 1.408)
    stations = np.linspace(-0.56, 0.56, 41)
    around = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    points = []
    for station in stations:
        x, z, _ = _on_arch(abs(station), front)
        out = np.cos(around) * 0.045
        scallop = 0.008 * np.cos(station * 2 * np.pi / 0.078)
        points.append(
            np.stack([np.sign(station) * x + 0 * out, middle + scallop + 0.07 * np.sin(around), z + out], 1)
        )
    return np.concatenate(points), _grid(len(stations), len(around))
