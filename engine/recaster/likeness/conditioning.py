"""Conditioning image of the guided network: the source's pixels on the wanted mesh, and the mesh itself."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from recaster.appearance import uv_layout
from recaster.appearance.rasterizer import EdgePadding
from recaster.appearance.uv_layout import apply_warp, extend_under_chin
from recaster.faces import topology
from recaster.faces.mesh_surface import JAW
from recaster.faces.region_masks import SUBPIXEL_BITS, fill_smoothly
from recaster.likeness.iris_warp import move_irises, place_irises

if TYPE_CHECKING:
    from recaster.appearance.uv_layout import WarpMap
    from recaster.faces.types import Floats, Floats32, Uint8s
    from recaster.likeness.likeness import Likeness

CHANNELS: Final = 11  # warped source RGB 0-2, place on the face 3-5, and the drawn parts
PARTS: Final = 5  # drawn parts, the last channels
INNER_LIPS: Final = 6
LIPS: Final = 7
EYES: Final = 8
IRISES: Final = 9
FACE: Final = 10
_PADDING: Final = 6 / 128
"""Width of the warped pixels around the face, as a share of the crop: the same at every size."""


@dataclass(frozen=True, eq=False)
class Drawing:
    """Drawing of one wanted face. What only a network or its training needs is drawn when it is asked for."""

    likeness: Likeness
    points: Floats  # (478, 3), the wanted mesh of the source's face in crop pixels
    warp_map: WarpMap  # the place in the source's texture that each pixel shows
    padding: EdgePadding  # the pixels around the face that repeat its edge
    picture: Uint8s  # (size, size, 3) uint8 RGB, the source's pixels on that mesh
    warped: Uint8s  # (size, size) uint8, 1 where there are any: the face and a rim around it

    @cached_property
    def visible_mask(self) -> Floats32:
        """Mask of where the source's face may be shown, not its hair, (size, size) float32, 0 to 1."""
        shown = np.maximum(fill_smoothly(outline(self.points), len(self.picture)), 255 * self.warp_map.inside)
        visible = self.padding.fill(apply_warp(self.likeness.visible_texels, self.warp_map))
        return _to_unit(np.minimum(visible, shown))

    @cached_property
    def inpainted_mask(self) -> Floats32:
        """Mask of pixels that are none of the source's frames', (size, size) float32, 0 to 1."""
        everywhere = EdgePadding.of(self.warp_map.inside)
        return _to_unit(everywhere.fill(apply_warp(255 - self.likeness.own, self.warp_map)))

    @cached_property
    def conditioning(self) -> Uint8s:
        """Input of the network, (size, size, CHANNELS) uint8."""
        inside = self.warp_map.inside
        places = cv2.copyTo(apply_warp(self.likeness.positions, self.warp_map), inside)
        parts = draw_part_masks(self.points, len(self.picture))
        # Seen from the side the outline ends before the face does: both count.
        face = 255 * (inside & (1 - apply_warp(self.likeness.under_chin, self.warp_map, cv2.INTER_NEAREST)))
        parts[FACE - 6] = np.maximum(parts[FACE - 6], face)
        return cv2.merge([*cv2.split(self.picture), *cv2.split(places), *parts])


def draw(likeness: Likeness, points: Floats, weights: Floats, size: int) -> Drawing:
    """Draws the source's face in a crop of ``size``, on a wanted mesh (478, 3) in its pixels.

    ``weights`` (regions, K) say how much of each reference to show (``Likeness.weights``).
    """
    layout = likeness.layout
    shown = likeness.blend_irises(weights)
    goal = uv_layout.texture_vertices(place_irises(points, shown))
    still = uv_layout.compute_warp_map(goal, layout.points, layout.triangles, size, finds_minified=True)
    warp_map = move_irises(still, points, shown)
    reach = round(_PADDING * size)
    near = cv2.dilate(warp_map.inside, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8))
    padding = EdgePadding.of(warp_map.inside, near)
    picture = padding.fill(uv_layout.apply_warp_antialiased(likeness.texture(weights), warp_map))
    return Drawing(likeness, points, warp_map, padding, cv2.copyTo(picture, near), near)


def _to_unit(picture: Uint8s) -> Floats32:
    return picture.astype(np.float32) / np.float32(255)


def outline(points: Floats) -> Floats:
    """Outline (36, 2) of a mesh (478, 2 or 3), with what is under its chin."""
    reached = points[..., :2].copy()
    reached[JAW] = extend_under_chin(points)[:, :2]
    return reached[list(topology.OVAL)]


def draw_part_masks(points: Floats, size: int) -> list[Uint8s]:
    """Draws parts of a mesh (478, 3) in crop pixels: PARTS times (size, size) uint8, antialiased."""

    def fill(outline: tuple[int, ...]) -> Uint8s:
        return fill_smoothly(points[list(outline)], size)

    eyes = np.maximum(fill(topology.EYE_LEFT), fill(topology.EYE_RIGHT))
    # As circles, for the mesh has a centre and four points of the rim; lids then cut them off.
    irises = np.zeros((size, size), np.uint8)
    for centre in (topology.IRIS_LEFT, topology.IRIS_RIGHT):
        rim = points[centre + 1 : centre + 5, :2] - points[centre, :2]
        radius = round(float(np.linalg.norm(rim, axis=-1).mean()) * (1 << SUBPIXEL_BITS))
        place = np.round(points[centre, :2] * (1 << SUBPIXEL_BITS)).astype(int).tolist()
        cv2.circle(irises, place, radius, 255, -1, cv2.LINE_AA, SUBPIXEL_BITS)
    lips = fill(topology.LIPS_OUTER)
    return [fill(topology.LIPS_INNER), lips, eyes, np.minimum(irises, eyes), fill(topology.OVAL)]
