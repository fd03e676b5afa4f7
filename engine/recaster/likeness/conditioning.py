"""What the guided network is shown: the source's pixels on the wanted mesh, and the mesh itself."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import cv2
import numpy as np

from recaster.appearance.rasterizer import EdgePadding
from recaster.appearance.uv_layout import (
    apply_warp,
    apply_warp_antialiased,
    apply_warp_nearest,
    compute_warp_map,
    extend_under_chin,
    texture_vertices,
)
from recaster.faces import topology
from recaster.faces.mesh_surface import JAW

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from recaster.appearance.uv_layout import WarpMap
    from recaster.faces.types import Floats
    from recaster.likeness.likeness import Likeness

CHANNELS = 11
"""Warped source RGB 0-2, place on the face 3-5, inner lips 6, lips 7, eyes 8, irises 9, face 10."""

PARTS = 5
"""The last channels of a condition: the drawn parts."""

FACE, EYES, LIPS, INNER_LIPS, IRISES = 10, 8, 7, 6, 9
_REACH = 6 / 128
"""Width of the rim of warped pixels around the face, as a share of the crop: the same at every size."""

_SHIFT = 4


@dataclass(frozen=True, eq=False)
class Drawing:
    """One wanted face, drawn. What only a network or its training needs is drawn when it is asked for.

    Attributes:
        likeness: the source.
        points: (478, 3), the wanted mesh of the source's face in crop pixels.
        covering: which part of the source's texture each pixel shows.
        rim: the pixels around the face that repeat its rim.
        picture: (size, size, 3) uint8 RGB, the source's pixels on that mesh.
        warped: (size, size) uint8, 1 where there are any: the face and a rim around it.
    """

    likeness: Likeness
    points: Floats
    warp_map: WarpMap
    rim: EdgePadding
    picture: NDArray[np.uint8]
    warped: NDArray[np.uint8]

    @cached_property
    def visible_mask(self) -> NDArray[np.float32]:
        """(size, size) float32, 0 to 1, where the source's face may be shown: not its hair."""
        shown = np.maximum(_fill(outline(self.points), len(self.picture)), 255 * self.warp_map.inside)
        found = self.rim.filled(apply_warp(self.likeness.visible_texels, self.warp_map))
        return _unit(np.minimum(found, shown))

    @cached_property
    def inpainted_mask(self) -> NDArray[np.float32]:
        """(size, size) float32, 0 to 1, where the pixels are none of the source's frames'."""
        everywhere = EdgePadding.of(self.warp_map.inside)
        return _unit(everywhere.filled(apply_warp(255 - self.likeness.own, self.warp_map)))

    @cached_property
    def conditioning(self) -> NDArray[np.uint8]:
        """(size, size, CHANNELS) uint8, what the network is shown."""
        inside = self.warp_map.inside
        places = cv2.copyTo(apply_warp(self.likeness.positions, self.warp_map), inside)
        parts = draw_part_masks(self.points, len(self.picture))
        # Seen from the side the outline ends before the face does: both count.
        face = 255 * (inside & (1 - apply_warp_nearest(self.likeness.under_chin, self.warp_map)))
        parts[FACE - 6] = np.maximum(parts[FACE - 6], face)
        return np.asarray(cv2.merge([*cv2.split(self.picture), *cv2.split(places), *parts]))


def draw(likeness: Likeness, points: Floats, weights: Floats, size: int) -> Drawing:
    """Draw one face.

    Args:
        likeness: the source.
        points: (478, 3), the wanted mesh of the source's face in crop pixels.
        weights: (regions, K), how much of each reference to show (``Likeness.weights``).
        size: side of the crop in pixels.
    """
    layout = likeness.layout
    warp_map = compute_warp_map(texture_vertices(points), layout.points, layout.triangles, size)
    reach = round(_REACH * size)
    near = cv2.dilate(warp_map.inside, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8))
    rim = EdgePadding.of(warp_map.inside, near)
    picture = rim.filled(apply_warp_antialiased(likeness.texture(weights), warp_map))
    return Drawing(likeness, points, warp_map, rim, cv2.copyTo(picture, near), near)


def _unit(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    return picture.astype(np.float32) / np.float32(255)


def outline(points: Floats) -> Floats:
    """The outline (36, 2) of a mesh (478, 2 or 3), with the underjaw."""
    reached = points[..., :2].copy()
    reached[JAW] = extend_under_chin(points)[:, :2]
    return reached[list(topology.OVAL)]


def draw_part_masks(points: Floats, size: int) -> list[NDArray[np.uint8]]:
    """Filled parts of a mesh (478, 3) in crop pixels: PARTS times (size, size) uint8, antialiased."""
    inner, lips, face = (
        _fill(points[list(part), :2], size)
        for part in (topology.LIPS_INNER, topology.LIPS_OUTER, topology.OVAL)
    )
    eyes = np.maximum(
        _fill(points[list(topology.EYE_LEFT), :2], size), _fill(points[list(topology.EYE_RIGHT), :2], size)
    )
    irises = np.zeros((size, size), np.uint8)
    for centre in (topology.IRIS_LEFT, topology.IRIS_RIGHT):
        rim = points[centre + 1 : centre + 5, :2] - points[centre, :2]
        radius = float(np.linalg.norm(rim, axis=-1).mean())
        place = np.round(points[centre, :2] * (1 << _SHIFT)).astype(int)
        scaled = round(radius * (1 << _SHIFT))
        cv2.circle(irises, (int(place[0]), int(place[1])), scaled, 255, -1, cv2.LINE_AA, _SHIFT)
    return [inner, lips, eyes, np.minimum(irises, eyes), face]


def _fill(polygon: Floats, size: int) -> NDArray[np.uint8]:
    picture = np.zeros((size, size), np.uint8)
    fixed = np.round(polygon * (1 << _SHIFT)).astype(np.int32)
    cv2.fillPoly(picture, [fixed], 255, lineType=cv2.LINE_AA, shift=_SHIFT)
    return picture
