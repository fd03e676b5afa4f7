"""Things before a face: glasses, a microphone, a spoon, a hand, hair. Decimetres, as the head's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import mpfb
import numpy as np
import scene
from nodes import Graph
from surfaces import Part

if TYPE_CHECKING:
    from collections.abc import Callable

    import bpy
    from conditions import Colour
    from mpfb import Faces

SIDES = (1, -1)
CLOUDED = 0.4
"""What the mask of things in front shows of a dark lens: neither in front nor out of the way."""


@dataclass(frozen=True, eq=False)
class Thing:
    """A mesh or strands that move.

    Attributes:
        move: puts it into new positions.
        points: (N, 3) or, of strands, (N, K, 3) where it is with the neutral head.
        on_head: whether it turns with the head.
        drift: (3,) how far it moves in a frame.
    """

    move: Callable[[np.ndarray], None]
    points: np.ndarray
    on_head: bool
    drift: np.ndarray


@dataclass(frozen=True)
class Glasses:
    """Half width and height of a lens, roundness of its corners (1 is an ellipse), rim's radius, colours."""

    lens: tuple[float, float]
    corners: float
    rim: float
    colour: Colour
    metallic: float
    tint: Colour
    mirror: float


THIN = Glasses((0.235, 0.2), 0.85, 0.0075, (0.55, 0.47, 0.36), 1.0, (0.97, 0.97, 0.97), 0.05)
THICK = Glasses((0.26, 0.19), 0.6, 0.024, (0.012, 0.010, 0.010), 0.0, (0.95, 0.95, 0.95), 0.06)
TINTED = Glasses((0.29, 0.24), 0.8, 0.014, (0.05, 0.022, 0.010), 0.0, (0.20, 0.13, 0.08), 0.22)


def material(name: str, colour: Colour, rough: float, metallic: float = 0.0) -> bpy.types.Material:
    """One colour, before the face."""
    g = Graph(name)
    inputs = {"Base Color": colour, "Roughness": rough, "Metallic": metallic}
    return g.finish(g.node("ShaderNodeBsdfPrincipled", inputs), 0.0, 1.0)


def glass(tint: Colour, mirror: float) -> bpy.types.Material:
    """A lens: what is behind it, tinted, and what it mirrors."""
    g = Graph("glass")
    through = g.node("ShaderNodeBsdfTransparent", {"Color": tint})
    gloss = g.node("ShaderNodeBsdfGlossy", {"Color": (1.0, 1.0, 1.0), "Roughness": 0.02})
    shader = g.node("ShaderNodeMixShader", {0: mirror, 1: through.outputs[0], 2: gloss.outputs[0]})
    return g.finish(shader, 0.0, CLOUDED if max(tint) < 0.5 else 0.0)


def tube(path: np.ndarray, radii: np.ndarray | float, closed: bool = False) -> tuple[np.ndarray, Faces]:
    """A round tube (10 sides) along a path (K, 3)."""
    sides = 10
    count = len(path)
    radii = np.broadcast_to(radii, count)
    along = np.roll(path, -1, 0) - np.roll(path, 1, 0) if closed else np.gradient(path, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    across = np.cross(along, np.array([0.13, 0.21, 0.97]))
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    other = np.cross(along, across)
    angles = np.linspace(0, 2 * np.pi, sides, endpoint=False)
    ring = np.cos(angles)[:, None] * across[:, None] + np.sin(angles)[:, None] * other[:, None]
    points = path[:, None] + radii[:, None, None] * ring
    last = count if closed else count - 1
    quads = [
        [
            i * sides + j,
            i * sides + (j + 1) % sides,
            (i + 1) % count * sides + (j + 1) % sides,
            (i + 1) % count * sides + j,
        ]
        for i in range(last)
        for j in range(sides)
    ]
    return points.reshape(-1, 3), quads


def ball(centre: np.ndarray, radii: np.ndarray) -> tuple[np.ndarray, Faces]:
    """An ellipsoid."""
    heights = np.linspace(-np.pi / 2 + 0.02, np.pi / 2 - 0.02, 24)
    path = np.stack([0 * heights, np.sin(heights), 0 * heights], 1)
    points, quads = tube(path, np.cos(heights))
    return points * radii + centre, quads


def _lens(look: Glasses, side: int) -> np.ndarray:
    """(48, 3): the outline of a lens."""
    angles = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    x, y = (np.sign(one) * abs(one) ** look.corners for one in (np.cos(angles), np.sin(angles)))
    x = side * (0.06 + look.lens[0] + look.lens[0] * x)
    y = 7.27 + look.lens[1] * y * (1 - 0.06 * np.cos(angles))
    return np.stack([x, y, 1.44 - 0.3 * x**2], 1)


def glasses(look: Glasses) -> list[Thing]:
    """A pair of them on the nose."""
    rim = material("rim", look.colour, 0.25, look.metallic)
    lens = glass(look.tint, look.mirror)
    parts = []
    for side in SIDES:
        outline = _lens(look, side)
        parts.append((*tube(outline, look.rim, closed=True), rim))
        fan = [[48, i, (i + 1) % 48] for i in range(48)]
        parts.append((np.vstack([outline, outline.mean(0) + np.array([0, 0, 0.02])]), fan, lens))
        x = 0.06 + 2 * look.lens[0]
        stations = np.array(
            [(x, 7.33, 1.44 - 0.3 * x**2), (0.69, 7.35, 1.16), (0.78, 7.36, 0.6), (0.79, 7.2, 0.2)]
        )
        at = np.linspace(0, 3, 40)
        temple = np.stack([np.interp(at, range(4), stations[:, axis]) for axis in range(3)], 1) * [side, 1, 1]
        parts.append((*tube(temple, look.rim), rim))
    t = np.linspace(-1, 1, 17)
    bridge = np.stack([0.065 * t, 7.33 + 0.03 * (1 - t**2), 1.44 + 0.02 * (1 - t**2)], 1)
    parts.append((*tube(bridge, look.rim), rim))
    return [_mesh(points, faces, stuff, on_head=True) for points, faces, stuff in parts]


def microphone() -> list[Thing]:
    """Held before the chin and the lower lip."""
    grille = material("grille", (0.03, 0.03, 0.032), 0.55)
    black = material("handle", (0.015, 0.015, 0.016), 0.35)
    head = np.array([0.14, 6.5, 1.86])
    end = np.array([0.62, 4.6, 2.5])
    handle = head + np.linspace(0.06, 1, 24)[:, None] * (end - head)
    return [
        _mesh(*ball(head, np.array([0.25, 0.27, 0.25])), grille, drift=(0.004, 0.006, 0)),
        _mesh(*tube(handle, np.linspace(0.15, 0.11, 24)), black, drift=(0.004, 0.006, 0)),
    ]


def spoon() -> list[Thing]:
    """On its way to the mouth."""
    steel = material("steel", (0.62, 0.61, 0.59), 0.18, 1.0)
    drift = (-0.012, 0.006, -0.006)
    bowl = np.array([0.24, 6.6, 1.72])
    end = np.array([1.5, 5.9, 2.3])
    handle = bowl + np.linspace(0.1, 1, 24)[:, None] * (end - bowl)
    return [
        _mesh(*ball(bowl, np.array([0.22, 0.09, 0.15])), steel, drift=drift),
        _mesh(*tube(handle, np.linspace(0.03, 0.06, 24)), steel, drift=drift),
    ]


def hand() -> list[Thing]:
    """A left hand on the cheek, over a corner of the mouth."""
    mesh = mpfb.base_mesh()
    x = mesh.points[:, 0]
    part = Part([face for face in mesh.faces["body"] if x[face].min() > 2.9], 1)

    def joint(name: str) -> np.ndarray:
        return mesh.points[mpfb.group(name)].mean(0)

    wrist = joint("joint-l-hand")
    fingers = joint("joint-l-finger-3-4") - wrist
    across = joint("joint-l-finger-2-1") - joint("joint-l-finger-5-1")
    here = _frame(fingers, across)
    there = _frame(np.array([-0.55, 0.8, -0.1]), np.array([-0.8, -0.5, -0.2]))
    points = (part(mesh.points) - wrist) @ here.T @ there + np.array([1.02, 5.62, 1.9])
    skin = material("hand", (0.50, 0.28, 0.19), 0.6)
    return [_mesh(points, part.faces, skin, drift=(-0.008, 0.004, 0))]


def _frame(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(3, 3): rows are axes, the first along ``first``, the second near to ``second``."""
    one = first / np.linalg.norm(first)
    three = np.cross(one, second)
    three /= np.linalg.norm(three)
    return np.stack([one, np.cross(three, one), three])


def lock() -> list[Thing]:
    """Hair from the parting over an eye to the cheek."""
    random = np.random.default_rng(3)
    stations = np.array(
        [(0.16, 8.12, 1.22), (0.06, 7.82, 1.40), (-0.2, 7.45, 1.36), (-0.42, 7.0, 1.26), (-0.5, 6.6, 1.1)]
    )
    at = np.linspace(0, 4, 16)
    middle = np.stack([np.interp(at, range(5), stations[:, axis]) for axis in range(3)], 1)
    middle = np.apply_along_axis(
        lambda one: np.convolve(np.pad(one, 1, mode="edge"), [0.25, 0.5, 0.25], "valid"), 0, middle
    )
    spread = random.normal(0, 1, (220, 1, 3)) * np.array([0.055, 0.03, 0.02])
    waves = 0.02 * np.sin(at * 1.7 + random.uniform(0, 2 * np.pi, (220, 1)))
    points = middle + spread * (0.6 + 0.25 * at[:, None]) + waves[..., None] * np.array([1, 0, 0])
    strands = scene.add_strands("lock", points, 0.0007, material("lock", (0.05, 0.028, 0.015), 0.5))
    return [Thing(lambda moved: scene.move_strands(strands, moved), points, True, np.zeros(3))]


def _mesh(
    points: np.ndarray,
    faces: Faces,
    stuff: bpy.types.Material,
    on_head: bool = False,
    drift: tuple[float, float, float] = (0, 0, 0),
) -> Thing:
    thing = scene.add_mesh("prop", points, faces, stuff)
    return Thing(lambda moved: scene.move_mesh(thing, moved), points, on_head, np.array(drift))
