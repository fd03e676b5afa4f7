"""Irises moved across their eyes as a whole.

A warp of the mesh holds an eye's picture by corners and lids: an iris that it moves aside is squeezed on one
side and stretched on the other, and hardly looks aside. Here it keeps its shape, and the white gives way.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from recaster.faces import topology

if TYPE_CHECKING:
    from recaster.appearance.uv_layout import WarpMap
    from recaster.faces.types import Floats

_RADIUS: Final = 0.23
"""Radius of an iris in eye widths, with the edge around it."""
_SOFT: Final = 0.4  # radii beside an iris over which the white takes on the lids' course
_MAX_SQUEEZE: Final = 0.85  # share of the way to the eye's corner that an iris may fill
_MIN_ASIDE: Final = 0.12  # way between a corner and an iris at least, in eye widths
_CLOSED: Final = (0.1, 0.16)
"""Height of an eye over its width up to which its iris stays, and from which on it is moved."""
_RIM: Final = 0.03  # width of the lids' edges, which stay
_CORNER: Final = 8  # the inner corner in an eye's outline, which begins at the outer one
# Outline and iris of each eye, and the sign of what is down beside it.
_EYES: Final = (
    (list(topology.EYE_LEFT), topology.IRIS_LEFT, 1),
    (list(topology.EYE_RIGHT), topology.IRIS_RIGHT, -1),
)


def measure_irises(points: Floats) -> Floats:
    """Measures how far irises of meshes (..., 478, 2 or 3) are on the way from the outer to the inner corner.

    Shares (..., 2) of the way along the line between the corners, of both eyes.
    """
    places = [
        _to_eye(points[..., iris : iris + 1, :2], points[..., outline, :2], down)[..., 0, 0]
        for outline, iris, down in _EYES
    ]
    return np.stack(places, -1)


def place_irises(points: Floats, places: Floats) -> Floats:
    """Places the irises of a mesh (478, 2 or 3) between their eyes' corners (``measure_irises``)."""
    placed = points.copy()
    for (outline, iris, _), place in zip(_EYES, places, strict=True):
        outer = points[outline[0], :2]
        placed[iris, :2] = outer + place * (points[outline[_CORNER], :2] - outer)
    return placed


def move_irises(warp_map: WarpMap, points: Floats, shown: Floats) -> WarpMap:
    """Moves the irises of a warp map across to where they are in a mesh (478, 2 or 3), in its pixels.

    ``shown`` (2,) is where the map has them (``measure_irises``).
    """
    before = (*warp_map.maps, warp_map.minified)
    column, row, soft = (each.copy() for each in before)
    for (outline, _, down), *ends in zip(_EYES, measure_irises(points), shown, strict=True):
        eye = points[outline, :2]
        low = np.clip(np.floor(eye.min(0)).astype(int), 0, len(row))
        high = np.clip(np.ceil(eye.max(0)).astype(int) + 1, 0, len(row))
        if (high <= low).any():
            continue
        box = slice(low[1], high[1]), slice(low[0], high[0])
        rows, columns = np.mgrid[box].astype(np.float64)
        pixels = np.stack([columns, rows], -1)
        places = _to_eye(pixels.reshape(-1, 2), eye, down)
        away = _shown_places(places, _to_eye(eye, eye, down), np.array(ends)) - places
        came = (pixels + (away @ _axes(eye, down)).reshape(pixels.shape)).astype(np.float32)
        for moved, still in zip((column, row, soft), before, strict=True):
            moved[box] = cv2.remap(still, came, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return dataclasses.replace(warp_map, maps=(column, row), minified=soft)


def _axes(eye: Floats, down: int) -> Floats:
    """Axes (..., 2, 2) of an eye's coordinates in the picture, as rows, by its outline (..., 16, 2)."""
    along = eye[..., _CORNER, :] - eye[..., 0, :]
    return np.stack([along, down * np.stack([-along[..., 1], along[..., 0]], -1)], -2)


def _to_eye(points: Floats, eye: Floats, down: int) -> Floats:
    """Brings points (..., N, 2) of the picture to an eye's coordinates: along it, and down, in its widths."""
    axes = _axes(eye, down)
    length = (axes[..., :1, :] ** 2).sum(-1, keepdims=True)
    return (points - eye[..., :1, :]) @ np.swapaxes(axes, -1, -2) / length


def _shown_places(places: Floats, outline: Floats, ends: Floats) -> Floats:
    """Places (N, 2) that ``places`` (N, 2) of an eye are to show.

    ``ends`` (2,) are where its iris is to be, and where it is in what is shown.
    """
    across, height = places.T
    ends = np.clip(ends, _MIN_ASIDE, 1 - _MIN_ASIDE)
    left = min(_RADIUS, _MAX_SQUEEZE * ends.min())
    right = min(_RADIUS, _MAX_SQUEEZE * (1 - ends.max()))
    goal, origin = (np.array([0, end - left, end + right, 1]) for end in ends)
    moved = np.interp(across, goal, origin)
    upper, lower = _lids(across, outline)
    top, bottom = _lids(moved, outline)
    stretched = top + (height - upper) / np.maximum(lower - upper, 1e-6) * (bottom - top)
    # The iris slides below the lids. Where the eye shows too little of it, this is stretched.
    middle = outline[:, 1].mean()
    lids = np.where(height < middle, [upper, top], [lower, bottom]) - middle
    slid = middle + (height - middle) * np.clip(lids[1] / np.where(lids[0] == 0, 1, lids[0]), 0, 1)
    # The white beside it follows the lids' course.
    beside = np.maximum(goal[1] - across, across - goal[2]) / (_SOFT * _RADIUS)
    down = slid + np.clip(beside, 0, 1) * (stretched - slid)
    # The lids' edges stay, what is beyond them, and eyes that are all but closed.
    depth = np.minimum(height - upper, lower - height) / _RIM
    opening = (float(np.ptp(outline[:, 1])) - _CLOSED[0]) / (_CLOSED[1] - _CLOSED[0])
    share = np.clip(depth, 0, 1) * np.clip(opening, 0, 1) * ((across > 0) & (across < 1))
    return places + share[:, None] * (np.stack([moved, down], -1) - places)


def _lids(across: Floats, outline: Floats) -> tuple[Floats, Floats]:
    """Heights of the upper and the lower lid at places along an eye, the lower one never above."""
    above = outline[[0, *range(len(outline) - 1, _CORNER - 1, -1)]]
    below = outline[: _CORNER + 1]
    upper = np.interp(across, above[:, 0], above[:, 1])
    return upper, np.maximum(np.interp(across, below[:, 0], below[:, 1]), upper)
