"""Lips are the source's, what is between them the performer's.

No source shows its mouth as wide, as bared or as lit as every target needs it, and what is blended and
stretched between lips looks like neither teeth nor tongue. The performer's own inside of the mouth moves,
and is lit, as the shot has it, so it is brought between the source's lips; their textures are cleared of
what was between them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from recaster.appearance.rasterizer import nearest
from recaster.appearance.uv_layout import apply_warp_cubic, compute_warp_map, texture_vertices
from recaster.faces import topology
from recaster.faces.geometry import eye_distance
from recaster.faces.mesh_surface import BETWEEN_LIPS, LIP_ROWS, TRIANGLES, UNDER_CHIN
from recaster.faces.types import Inlay

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from recaster.appearance.uv_layout import UVLayout
    from recaster.faces.types import Floats
    from recaster.media.types import Image

_EDGE: Final = 0.012
"""Sigma of the edge between lips and what is within, in eye distances."""
_THINNEST: Final = 0.2
"""Pixels; lips that are less far apart in the mean are shut."""
_SHUT: Final = 0.035
"""A reference whose lips are seen less far apart, in eye distances, shows them touching."""
_ASTRAY: Final = 0.8
"""Up to this share of a lip's height may be something else: the mesh follows bared teeth roughly."""
_LIP: Final = 0.5
"""From this share of its height on a lip tells its own colour."""
_UNLIKE: Final = 3.5
"""Spreads of a lip's colour from which on a texel is none of it."""
_LEAST_SPREAD: Final = np.array([5.0, 3.0, 3.0])
"""CIE Lab."""
_CREASE: Final = 0.35
"""How much darker lips that touch are in the line between them."""
_CREASE_REACH: Final = 0.015
"""Sigma of that line's edge, in eye distances."""
_BLUR: Final = 1.5
"""Texels over which lips that go on are blurred."""
_SHIFT: Final = 4

_WITHIN: Final = (TRIANGLES >= BETWEEN_LIPS) & (TRIANGLES < UNDER_CHIN)
_LIPS: Final = [*topology.LIPS_INNER, *(point for _, *rows in LIP_ROWS for row in rows for point in row)]
# What is between the lips, and the lips themselves: the soft edge reaches onto them.
_MOUTH: Final = TRIANGLES[(_WITHIN | np.isin(TRIANGLES, _LIPS)).all(1)]


def transfer_mouth_interior(image: Image, seen: Floats, wanted: Floats) -> Inlay | None:
    """What is between a performer's lips, brought between those of another mesh; None where they are shut.

    Args:
        image: (size, size, 3) uint8 RGB, a crop of the performer.
        seen: (478, 3), the performer's mesh in its pixels.
        wanted: (478, 3), the mesh to be drawn, likewise.
    """
    lips = wanted[list(topology.LIPS_INNER)]
    height = cv2.contourArea(lips[:, :2].astype(np.float32)) / max(float(np.ptp(lips[:, 0])), 1.0)
    if height < _THINNEST:
        return None
    share = _filled(lips, len(image)) * min(1.0, height)
    share = cv2.GaussianBlur(share, (0, 0), _EDGE * float(eye_distance(wanted)))
    warp_map = compute_warp_map(texture_vertices(wanted), texture_vertices(seen), _MOUTH, len(image))
    return Inlay(apply_warp_cubic(image, warp_map), share * warp_map.inside)


def clear_mouths(textures: NDArray[np.uint8], layout: UVLayout, gaps: Floats) -> NDArray[np.uint8]:
    """References (K, S, S, 3) uint8 in which lips, and nothing of the teeth, go on to where they meet.

    Args:
        textures: (K, S, S, 3) uint8.
        layout: where the mesh lies in them.
        gaps: (K,), how far the lips are apart in each, in eye distances.
    """
    inner, outer = (layout.points[list(row)] for row in (topology.LIPS_INNER, topology.LIPS_OUTER))
    within, middle, far, whole = (
        (_filled(inner + share * (outer - inner), layout.size) > 0.5).astype(np.uint8)
        for share in (0, _LIP, _ASTRAY, 1)
    )
    lips, told = whole & ~within, whole > middle
    creased = _creased(within, layout)
    shown = textures.copy()
    for number in np.flatnonzero(gaps > _SHUT) if told.any() else ():
        unlike = _unlike(shown[number], told)
        strange = cv2.dilate(unlike & lips & far, np.ones((3, 3), np.uint8)) & lips & far
        _, parts = cv2.connectedComponents(strange | within)
        other = np.isin(parts, np.unique(parts[within > 0])).astype(np.uint8)
        lone = _continued(shown[number].astype(np.float32), lips & ~other & ~unlike, other)
        shown[number] = np.round(creased * lone)
    return shown


def _creased(within: NDArray[np.uint8], layout: UVLayout) -> NDArray[np.float32]:
    """(S, S, 1): how light lips are towards where they touch; what is between them is darkest."""
    away = cv2.distanceTransform(1 - within, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    away /= np.float32(_CREASE_REACH * eye_distance(layout.points))
    return np.asarray(1 - np.float32(_CREASE) * np.exp(-(away**2) / 2))[..., None]


def _unlike(texture: NDArray[np.uint8], told: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """(S, S): 1 where a texture is of another colour than it is where it surely shows lips."""
    lab = cv2.cvtColor(texture.astype(np.float32) / np.float32(255), cv2.COLOR_RGB2Lab)
    usual = np.median(lab[told], 0)
    spread = np.maximum(1.4826 * np.median(np.abs(lab[told] - usual), 0), _LEAST_SPREAD)
    return (np.linalg.norm((lab - usual) / spread, axis=-1) > _UNLIKE).astype(np.uint8)


def _continued(
    texture: NDArray[np.float32], lips: NDArray[np.uint8], other: NDArray[np.uint8]
) -> NDArray[np.float32]:
    """A texture with the colours of the nearest lips instead of something other."""
    if not lips.any():
        return texture
    near = cv2.GaussianBlur(texture.reshape(-1, 3)[nearest(lips)], (0, 0), _BLUR)
    share = np.minimum(2 * cv2.GaussianBlur(other.astype(np.float32), (0, 0), 1), 1)[..., None]
    return np.asarray(texture + share * (near - texture))


def _filled(polygon: Floats, size: int) -> NDArray[np.float32]:
    """(size, size), 0 to 1: how much of each pixel lies in a polygon (N, 2 or 3)."""
    picture = np.zeros((size, size), np.uint8)
    fixed = np.round(polygon[:, :2] * (1 << _SHIFT)).astype(np.int32)
    cv2.fillPoly(picture, [fixed], 255, lineType=cv2.LINE_AA, shift=_SHIFT)
    return picture.astype(np.float32) / np.float32(255)
