"""Masks of lips, hair, stubble, shirt and other parts of the body: one value per body point, 0 to 1."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import mpfb
import numpy as np
from geometry import blob, smoothstep
from surfaces import Part

EYE_CENTRE = (0.308, 7.284, 1.245)


@dataclass(frozen=True, eq=False)
class Regions:
    """Masks over the body's points, all (N,); ``shirt`` is a signed distance (dm, inside positive)."""

    rest: np.ndarray
    lips: np.ndarray
    ears: np.ndarray
    face: np.ndarray
    mouth: np.ndarray
    cheek: np.ndarray
    nose: np.ndarray
    chin: np.ndarray
    forehead: np.ndarray
    under_eye: np.ndarray
    eye_rim: np.ndarray
    eye_crease: np.ndarray
    brow: np.ndarray
    beard: np.ndarray
    shirt: np.ndarray


@functools.cache
def body_part(levels: int) -> Part:
    """Head, neck and shoulders."""
    mesh = mpfb.base_mesh()
    x = abs(mesh.points[:, 0])
    y = mesh.points[:, 1]
    return Part([face for face in mesh.faces["body"] if y[face].min() > 4.2 and x[face].max() < 2.6], levels)


@functools.cache
def find_regions(body: Part) -> Regions:
    """All masks, from the neutral body and the data's painted regions."""
    rest = body(mpfb.base_mesh().points)
    mirrored = np.c_[abs(rest[:, 0]), rest[:, 1:]]

    def painted(name: str) -> np.ndarray:
        return np.clip(body(mpfb.region(name)), 0, 1)

    lips = painted("lips")
    eye_distance = np.linalg.norm(mirrored - np.array(EYE_CENTRE), axis=1)
    return Regions(
        rest=rest,
        lips=lips,
        ears=painted("ears"),
        face=painted("face"),
        mouth=painted("inside-mouth") * (rest[:, 1] > 6.25),
        cheek=blob(mirrored, (0.42, 6.93, 1.35), (0.26, 0.22, 0.3)),
        nose=blob(mirrored, (0, 6.92, 1.65), (0.17, 0.14, 0.2)),
        chin=blob(mirrored, (0, 6.3, 1.45), (0.25, 0.15, 0.3)),
        forehead=blob(mirrored, (0, 7.72, 1.4), (0.42, 0.2, 0.4)),
        under_eye=blob(mirrored, (0.30, 7.10, 1.36), (0.17, 0.07, 0.2)),
        eye_rim=1 - smoothstep(0.150, 0.168, eye_distance),
        eye_crease=blob(mirrored, (0.31, 7.40, 1.4), (0.2, 0.05, 0.2)),
        brow=blob(mirrored, (0.29, 7.45, 1.4), (0.17, 0.045, 0.3)),
        beard=_beard(mirrored) * (1 - lips),
        shirt=_shirt(rest),
    )


def _beard(mirrored: np.ndarray) -> np.ndarray:
    side, y, z = mirrored.T
    jaw = smoothstep(6.74, 6.54, y) * smoothstep(5.75, 6.0, y)
    moustache = blob(mirrored, (0.16, 6.80, 1.6), (0.26, 0.055, 0.3)) * 1.2
    sideburn = smoothstep(0.55, 0.75, side) * smoothstep(7.15, 6.8, y) * smoothstep(0.35, 0.6, z)
    bare = smoothstep(0.25, 0.6, blob(mirrored, (0.37, 6.82, 1.45), (0.13, 0.12, 0.2)))
    return np.clip(jaw + moustache + sideburn, 0, 1) * smoothstep(-0.1, 0.45, z) * (1 - bare)


def _shirt(rest: np.ndarray) -> np.ndarray:
    """Signed distance to a round collar: a tilted cone around the neck cuts any mesh in a smooth line."""
    x, y, z = rest.T
    radius = np.hypot(x, z - 0.05)
    return 5.60 - 0.36 * z + 0.75 * np.maximum(radius - 0.55, -0.2) - y


def scalp(rest: np.ndarray, ears: np.ndarray, lowered: float) -> np.ndarray:
    """Mask of hair: above forehead, temple, sideburn, round the ear, and the nape."""
    x, y, z = rest.T
    depth = [-0.5, 0.1, 0.42, 0.5, 0.72, 0.95, 1.15, 1.4]
    line = np.interp(z, depth, [6.55, 6.75, 7.05, 7.30, 7.42, 7.85, 8.02, 8.06])
    ragged = 0.03 * np.sin(31 * x + 9 * z) + 0.025 * np.sin(53 * z + 17 * x + 1.3)
    front = smoothstep(0.3, 0.8, z)
    above = y - line + lowered * front + ragged
    return smoothstep(-0.10, 0.12, above) * (1 - smoothstep(0.2, 0.6, ears)) * (abs(x) < 0.95)


def face_weight() -> np.ndarray:
    """Share (19158,) of each base point that belongs to the face that actor AB takes over."""
    points = mpfb.base_mesh().points
    painted = mpfb.region("face")
    body = np.arange(len(points)) < mpfb.BODY.stop
    near = np.linalg.norm((points - [0, 6.95, 1.05]) / [0.62, 0.85, 0.62], axis=1)
    inner = (1 - smoothstep(0.85, 1.1, near)) * (points[:, 2] < 1.35) * (painted > 0.02) * body
    weight = np.clip(np.maximum(painted, inner), 0, 1)
    x, y, z = points.T
    cavity = (abs(x) < 0.4) & (y > 6.2) & (y < 7.02) & (z > 0.5) & body
    weight[cavity] = 1
    weight[mpfb.TONGUE] = weight[mpfb.EYES_AND_TEETH] = 1
    weight[mpfb.head_weight() < 0.3] = 0
    return weight
