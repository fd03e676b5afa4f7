"""Strands of head hair and eyebrows, rooted in triangles of the body so that they follow it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from geometry import smoothstep, triangle_normals
from surfaces import Part, anchor

if TYPE_CHECKING:
    from people import Person

SKULL = np.array([0, 7.55, 0.35])


@dataclass(frozen=True, eq=False)
class Strands:
    """Strands of K points: root triangle (N,), its weights (N, 3), offsets from the root (N, K, 3)."""

    triangle: np.ndarray
    weights: np.ndarray
    offsets: np.ndarray

    def roots(self, part: Part, points: np.ndarray) -> np.ndarray:
        """Root positions (N, 3) for the part's present points."""
        return (points[part.triangles[self.triangle]] * self.weights[..., None]).sum(1)


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / (np.linalg.norm(vectors, axis=-1, keepdims=True) + 1e-12)


def grow_hair(person: Person, body: Part, points: np.ndarray, scalp: np.ndarray, count: int) -> Strands:
    """The person's hairstyle on the neutral head (``points`` of the body, ``scalp`` where it grows)."""
    random = np.random.default_rng(person.seed)
    corners = points[body.triangles]
    normals = triangle_normals(corners)
    grows = scalp[body.triangles]
    density = np.linalg.norm(normals, axis=1) * np.clip(grows.mean(1), 0, 1) ** 1.5 * (grows.min(1) > 0.25)
    triangle = random.choice(len(density), count, p=density / density.sum())
    weights = random.dirichlet([1, 1, 1], count)
    root = (corners[triangle] * weights[..., None]).sum(1)
    style = {"short": _short, "curly": _curly, "long": _long}.get(person.hairstyle, _short)
    return Strands(triangle, weights, person.length * style(random, root, _unit(normals[triangle])))


def _short(random: np.random.Generator, root: np.ndarray, normal: np.ndarray) -> np.ndarray:
    """Combed forward and to the side, in clumps."""
    count = len(root)
    y = root[:, 1]
    length = 0.22 + 0.25 * smoothstep(7.4, 8.3, y) + random.normal(0, 0.035, count)
    across = 0.35 * np.ones(count)
    down = -0.9 * smoothstep(8.3, 7.7, y)
    flow = np.stack([across, down, 0.75 * smoothstep(7.9, 8.4, y) - 0.2], 1) + random.normal(
        0, 0.22, (count, 3)
    )
    clump = random.normal(0, 1, (60, 3))
    nearest = (_unit(root - SKULL) @ random.normal(0, 1, (60, 3)).T).argmax(1)
    flow += 0.28 * clump[nearest]
    flow -= 0.9 * (flow * normal).sum(1, keepdims=True) * normal
    t = np.linspace(0, 1, 7)[None, :, None]
    start = 0.42 * normal + 0.75 * flow
    bend = 0.35 * flow - 0.25 * normal
    return length[:, None, None] * (t * start[:, None] + t**2 * bend[:, None])


def _curly(random: np.random.Generator, root: np.ndarray, normal: np.ndarray) -> np.ndarray:
    """A loose crown of curls: each strand coils about its way outwards, neighbours alike."""
    count = len(root)
    top = smoothstep(7.2, 8.3, root[:, 1])
    front = smoothstep(0.6, 1.25, root[:, 2])
    length = (0.22 + 0.24 * top - 0.06 * front) * random.uniform(0.7, 1.08, count)
    lift = normal + np.stack([0 * top, 0.25 - 0.55 * (1 - top), -0.25 * front], 1)
    centres = random.normal(0, 1, (220, 3))
    nearest = (_unit(root - SKULL) @ _unit(centres).T).argmax(1)
    way = _unit(lift + 0.45 * random.normal(0, 1, (220, 3))[nearest] + random.normal(0, 0.10, (count, 3)))
    side = _unit(np.cross(way, random.normal(0, 1, (220, 3))[nearest]))
    other = np.cross(way, side)
    t = np.linspace(0, 1, 14)
    phase = random.uniform(0, 2 * np.pi, 220)[nearest] + random.normal(0, 0.3, count)
    turn = phase[:, None] + 2 * np.pi * 1.8 * t * random.uniform(0.9, 1.1, (count, 1))
    radius = 0.055 * smoothstep(0.0, 0.3, t) * random.uniform(0.7, 1.2, (count, 1))
    coil = np.cos(turn)[..., None] * side[:, None] + np.sin(turn)[..., None] * other[:, None]
    coil -= coil[:, :1]
    fall = -0.10 * t[None, :, None] ** 2 * np.array([0, 1, 0])
    return length[:, None, None] * t[None, :, None] * way[:, None] + radius[..., None] * coil + fall


def _long(random: np.random.Generator, root: np.ndarray, normal: np.ndarray) -> np.ndarray:
    """Parted in the middle: over an ellipsoid around the skull to its sides and back, then straight down."""
    count = len(root)
    radii = np.array([0.80, 0.95, 1.05])
    x, y, z = ((root - SKULL) / radii).T
    rise = np.arcsin(np.clip(y, 0, 0.98))
    azimuth = np.arctan2(x, z)
    side = np.where(x < 0, -1, 1)
    aside = side * np.maximum(abs(azimuth), np.radians(88 + 16 * random.uniform(-1, 1, count)))
    over = rise
    length = over + random.uniform(1.1, 1.5, count)
    along = np.linspace(0, 1, 12) * length[:, None]
    done = np.clip(along / np.maximum(over, 0.05)[:, None], 0, 1)
    turned = azimuth[:, None] + done**0.7 * (aside - azimuth)[:, None]
    up = rise[:, None] * (1 - done)
    reach = np.hypot(np.hypot(x, z), np.clip(y, 0, None))[:, None]
    lift = 0.05 * smoothstep(0, 0.3, along) * random.uniform(0.4, 2.6, (count, 1))
    reach = reach + (1.06 - reach) * done + lift
    path = np.stack([np.cos(up) * np.sin(turned), np.sin(up), np.cos(up) * np.cos(turned)], -1)
    path = path * reach[..., None] * radii
    path[..., 1] += np.minimum(y, 0)[:, None] - np.clip(along - over[:, None], 0, None)
    wave = 0.03 * np.sin(3 * along + random.uniform(0, 2 * np.pi, (count, 1))) * done
    path[..., 0] += wave
    return path - path[:, :1] + 0.05 * normal[:, None] * smoothstep(0, 0.4, along)[..., None]


def grow_brows(person: Person, body: Part, rest: np.ndarray, per_side: int = 420) -> Strands:
    """Fine eyebrow hairs, dense in the middle and thin at both ends; lower hairs rise, upper ones fall."""
    random = np.random.default_rng(person.seed + 1)
    places = []
    ways = []
    thickness = 0.8 + 0.35 * person.brow
    for side in (1, -1):
        u = random.beta(1.3, 1.6, per_side) * 1.06 - 0.06
        middle = (
            7.430 + 0.048 * np.sin(np.pi * np.clip(u * 0.92, 0, 1) ** 1.3) - 0.026 * smoothstep(0.6, 1.05, u)
        )
        half = (0.034 * smoothstep(-0.3, 0.25, u) * (1 - 0.72 * smoothstep(0.5, 1.02, u)) + 0.006) * thickness
        above = np.clip(random.normal(0, 0.5, per_side), -1.3, 1.3)
        angle = np.radians(60 * (1 - smoothstep(0, 0.4, u)) + 14 - 34 * smoothstep(0.45, 1, u) - 22 * above)
        angle += random.normal(0, 0.14, per_side)
        places.append(np.stack([(0.10 + 0.40 * u) * side, middle + above * half], 1))
        ways.append(np.stack([np.cos(angle) * side, np.sin(angle), 0.20 + 0 * angle], 1))
    hit, triangle, weights = anchor(body, rest, np.concatenate(places))
    length = random.uniform(0.04, 0.075, len(hit))
    t = np.linspace(0, 1, 4)[None, :, None]
    way = np.concatenate(ways)[hit]
    return Strands(
        triangle, weights, length[:, None, None] * (t * way[:, None] + t**2 * np.array([0, -0.15, -0.20]))
    )
