"""Mouths: lips are the source's, what is between them the performer's.

No source shows its mouth as wide, as bared or as lit as every target needs it, and what is blended and
stretched between lips looks like neither teeth nor tongue. The performer's own inside of the mouth moves,
and is lit, as the shot has it, so it is brought between the source's lips; their textures are cleared of
what was between them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from recaster.appearance.light import rgb_to_lab
from recaster.appearance.picture_arithmetic import compute_lengths
from recaster.appearance.rasterizer import index_nearest
from recaster.appearance.uv_layout import apply_warp_cubic, compute_warp_map, texture_vertices
from recaster.appearance.uv_masks import keep_touching
from recaster.faces import topology
from recaster.faces.geometry import eye_distance
from recaster.faces.mesh_surface import BETWEEN_LIPS, LIP_ROWS, TRIANGLES, UNDER_CHIN
from recaster.faces.region_masks import fill_smoothly
from recaster.faces.types import Bools, Floats, Floats32, Inlay, Uint8s

if TYPE_CHECKING:
    from recaster.appearance.uv_layout import UVLayout
    from recaster.faces.types import Floats
    from recaster.media.types import Image

_EDGE_SIGMA: Final = 0.012  # sigma of the edge between lips and what is within, in eye distances
_MIN_HEIGHT_PX: Final = 0.2  # mean distance of lips below which they are shut
_SHUT_GAP: Final = 0.035  # gap, in eye distances, below which a reference shows lips that touch
_MAX_ASTRAY: Final = 0.8
"""Share of a lip's height up to which may be something else: the mesh follows bared teeth roughly."""
_SURE_LIP: Final = 0.5  # share of its height from which on a lip tells its own colour
_MAX_DEVIATIONS: Final = 3.5  # spreads of a lip's colour from which on a texel is none of it
_MIN_SPREAD: Final = np.array([5.0, 3.0, 3.0])  # bound of that spread, CIE Lab
_CREASE: Final = 0.35  # darkness of the line between lips that touch; a stronger one looks drawn on real lips
_CREASE_SIGMA: Final = 0.015  # sigma of that line's edge, in eye distances
_BLUR_TEXELS: Final = 1.5  # blur of lips that go on

_WITHIN: Final = (TRIANGLES >= BETWEEN_LIPS) & (TRIANGLES < UNDER_CHIN)
_LIPS: Final = [*topology.LIPS_INNER, *(point for _, *rows in LIP_ROWS for row in rows for point in row)]
# What is between the lips, and the lips themselves: the soft edge reaches onto them.
_MOUTH_TRIANGLES: Final = TRIANGLES[(_WITHIN | np.isin(TRIANGLES, _LIPS)).all(1)]
_MOUTH_POINTS: Final = np.unique(_MOUTH_TRIANGLES)


def transfer_mouth_interior(image: Image, seen: Floats, wanted: Floats) -> Inlay | None:
    """Brings what is between a performer's lips between those of another mesh; None where they are shut.

    Both meshes (478, 3) are in the pixels of the performer's crop.
    """
    lips = wanted[list(topology.LIPS_INNER)]
    height = cv2.contourArea(lips[:, :2].astype(np.float32)) / max(float(np.ptp(lips[:, 0])), 1.0)
    if height < _MIN_HEIGHT_PX:
        return None
    # Of lips less than a pixel apart only a share shows, so that nothing pops as they part.
    share = _cover_polygon(lips, len(image)) * min(1.0, height)
    share = cv2.GaussianBlur(share, (0, 0), _EDGE_SIGMA * float(eye_distance(wanted)))
    goal = texture_vertices(wanted)
    # Only the square around the mouth is drawn.
    low = goal[_MOUTH_POINTS, :2].min(0)
    left, top = np.clip(np.floor(low).astype(int), 0, len(image)).tolist()
    side = min(int(np.ceil(np.ptp(goal[_MOUTH_POINTS, :2], axis=0).max())) + 2, len(image))
    moved = goal - (left, top, 0)
    warp_map = compute_warp_map(moved, texture_vertices(seen), _MOUTH_TRIANGLES, side)
    place = np.s_[top : top + side, left : left + side]
    mouth = np.zeros_like(image)
    inside = np.zeros(image.shape[:2], np.uint8)
    for whole, part in ((mouth, apply_warp_cubic(image, warp_map)), (inside, warp_map.inside)):
        there = whole[place]
        there[...] = part[: there.shape[0], : there.shape[1]]
    return Inlay(mouth, share * inside)


def clear_mouths(textures: Uint8s, layout: UVLayout, gaps: Floats) -> Uint8s:
    """Clears references (K, S, S, 3) of what is between their lips, which go on to where they meet.

    ``gaps`` (K,) are how far the lips are apart in each, in eye distances.
    """
    inner, outer = (layout.points[list(row)] for row in (topology.LIPS_INNER, topology.LIPS_OUTER))
    within, middle, far, whole = (
        (_cover_polygon(inner + share * (outer - inner), layout.size) > 0.5).astype(np.uint8)
        for share in (0, _SURE_LIP, _MAX_ASTRAY, 1)
    )
    lips = whole & ~within
    sure = whole > middle
    crease = _crease(within, layout)
    cleared = textures.copy()
    for number in np.flatnonzero(gaps > _SHUT_GAP) if sure.any() else ():
        unlike = _unlike_lips(cleared[number], sure)
        strange = cv2.dilate(unlike & lips & far, np.ones((3, 3), np.uint8)) & lips & far
        # Only what hangs together with the gap between lips.
        other = keep_touching((strange | within) > 0, within > 0).astype(np.uint8)
        lone = _extend_lips(cleared[number].astype(np.float32), lips & ~other & ~unlike, other)
        cleared[number] = np.round(crease * lone)
    return cleared


def _crease(within: Uint8s, layout: UVLayout) -> Floats32:
    """Lightness (S, S, 1) of lips towards where they touch; what is between them is darkest."""
    away = cv2.distanceTransform(1 - within, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    away /= np.float32(_CREASE_SIGMA * layout.eye_distance)
    return (1 - np.float32(_CREASE) * np.exp(-(away**2) / 2))[..., None]


def _unlike_lips(texture: Uint8s, sure: Bools) -> Uint8s:
    """Mask (S, S), 0 or 1, of another colour than a texture has where it surely shows lips."""
    lab = rgb_to_lab(texture)
    usual = np.median(lab[sure], 0)
    spread = np.maximum(1.4826 * np.median(np.abs(lab[sure] - usual), 0), _MIN_SPREAD)
    return (compute_lengths((lab - usual) / spread) > _MAX_DEVIATIONS).astype(np.uint8)


def _extend_lips(texture: Floats32, lips: Uint8s, other: Uint8s) -> Floats32:
    """Extends the colours of the nearest lips over something other."""
    if not lips.any():
        return texture
    near = cv2.GaussianBlur(texture.reshape(-1, 3)[index_nearest(lips)], (0, 0), _BLUR_TEXELS)
    share = np.minimum(2 * cv2.GaussianBlur(other.astype(np.float32), (0, 0), 1), 1)[..., None]
    return texture + share * (near - texture)


def _cover_polygon(polygon: Floats, size: int) -> Floats32:
    """Share of each pixel that lies in a polygon (N, 2 or 3), (size, size), 0 to 1."""
    return fill_smoothly(polygon, size).astype(np.float32) / np.float32(255)
