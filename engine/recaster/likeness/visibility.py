"""Which of the source's texels are its face: hair over forehead, temples and cheeks is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from recaster.faces import topology
from recaster.likeness.geometry import eye_distance
from recaster.likeness.raster import nearest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from recaster.likeness.layout import Layout

_SKIN = (50, 205, 425, 280, 195)
_BLACK = 0.12, 0.3
_DARK, _LIT = 0.55, 0.8
_CLOTH = 0.3, 0.5
_FOREIGN = 8.0, 14.0
_SOFT = 0.06
_CHIN = (18, 83, 201, 208, 199, 428, 421, 313)
_BEARDED = 0.75
"""A chin less than this light beside cheeks and nose grows a beard."""
_RIM = 0.28
"""Width of the rim of a face in which hair or a shadow may lie, in eye distances."""
_SHADED = 0.5, 0.85
"""How light hair is beside the skin next to it: certainly less than this, perhaps less than that."""
_HAIR = 0.2
"""A dark patch of which this share is certainly hair is hair; any other is the shade of a chin."""
_STRANDS = 0.12
"""Of such a patch what is this near to certain hair belongs to it, in eye distances."""
_LITTLE = 13
"""With less hair than this, of 255, it is skin."""


def visible_texels(textures: NDArray[np.uint8], layout: Layout) -> NDArray[np.uint8]:
    """How far each texel may be shown, (S, S) uint8, 0 to 255.

    Above the brows and beside the eyes, whatever is much darker than the person's own cheeks and
    nose counts as hair, and lower down what is nearly black; brows, and a beard around the mouth, may be
    as dark as they like. Bald, fair-haired and dark-skinned people keep their forehead.

    Args:
        textures: (K, S, S, 3) uint8, the references.
        layout: where the mesh lies in them.
    """
    light = _lightness(textures, layout)
    shown = np.where(_beside(layout), np.clip((light - _BLACK[0]) / np.ptp(_BLACK), 0, 1), 1)
    lit = np.clip((light - _DARK) / (_LIT - _DARK), 0, 1)
    shown = np.where(_hair_grows(layout), lit, shown).astype(np.float32)
    distance = float(eye_distance(layout.points))
    shown = cv2.erode(shown, _disc(_SOFT * distance))
    return np.round(cv2.GaussianBlur(shown, (0, 0), _SOFT * distance) * 255).astype(np.uint8)


def steady_underjaw(
    textures: NDArray[np.uint8], layout: Layout, turned: NDArray[np.float64]
) -> NDArray[np.uint8]:
    """The references with what is usual below the jaw: where a head is turned, the wall behind is there.

    What is no skin there, clothes or a wall, gives way to the jaw's colours, which go on.

    Args:
        textures: (K, S, S, 3) uint8, the references.
        layout: where the mesh lies in them.
        turned: (K,), how far the head is turned in each.
    """
    face = 255 * filled(layout, topology.OVAL)
    reach = 0.03 * float(eye_distance(layout.points))
    usual = np.median(textures[turned <= np.quantile(turned, 0.34)], 0).astype(np.float32)
    other = _unlike_skin(usual, layout)[..., None]
    usual += other * (_continued(usual, face, max(1, round(2 * reach))) - usual)
    share = cv2.GaussianBlur(face, (0, 0), reach).astype(np.float32)[..., None] / 255
    return np.round([usual + share * (texture - usual) for texture in textures]).astype(np.uint8)


def hair_at_the_rim(textures: NDArray[np.uint8], layout: Layout) -> NDArray[np.uint8]:
    """Where hair or its shadow lies on the rim of the face, below the eyes and down to the neck.

    What is much darker there than the skin next to it; nothing in a face whose chin is dark too. A beard
    that leaves the chin bare is taken for hair.

    Args:
        textures: (K, S, S, 3) uint8, the references.
        layout: where the mesh lies in them.

    Returns:
        (S, S) uint8, 0 to 255, with a soft edge.
    """
    light, distance = _lightness(textures, layout), float(eye_distance(layout.points))
    if np.median(light[filled(layout, _CHIN) > 0]) < _BEARDED:
        return np.zeros(light.shape, np.uint8)
    inner = _shrunk(filled(layout, topology.OVAL), _RIM * distance)
    smooth = cv2.GaussianBlur(light, (0, 0), 0.04 * distance)
    beside = cv2.GaussianBlur(smooth.ravel()[nearest(inner)], (0, 0), 0.1 * distance)
    ratio = light / np.maximum(beside, 1e-3)
    eyes = layout.points[[*topology.EYE_CORNERS_LEFT, *topology.EYE_CORNERS_RIGHT], 1]
    rim = _drawn(layout) * (1 - inner)
    rim[: round(float(eyes.mean()))] = 0
    certain = rim * (ratio < _SHADED[0])
    _, patches = cv2.connectedComponents(rim * (ratio < _SHADED[1]))
    sizes = np.maximum(np.bincount(patches.ravel()), 1)
    hair = np.bincount(patches[certain > 0], minlength=len(sizes)) > _HAIR * sizes
    hair[0] = False
    dark = hair[patches] * cv2.dilate(certain, _disc(_STRANDS * distance))
    # Beyond the mesh its rim is repeated, so hair there is.
    dark = dark.ravel()[nearest(_drawn(layout))].astype(np.float32)
    wider = cv2.dilate(dark, _disc(0.04 * distance))
    return np.round(255 * cv2.GaussianBlur(wider, (0, 0), 0.04 * distance)).astype(np.uint8)


def skin_instead(textures: NDArray[np.uint8], layout: Layout, hair: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The references with the nearest skin's colours where there is hair at the rim.

    Args:
        textures: (K, S, S, 3) uint8, the references.
        layout: where the mesh lies in them.
        hair: (S, S) uint8, as ``hair_at_the_rim`` found it.
    """
    places = nearest(filled(layout, topology.OVAL) * (hair < _LITTLE))
    blur = 0.06 * float(eye_distance(layout.points))
    share, shown = hair.astype(np.float32)[..., None] / 255, []
    for texture in textures.astype(np.float32):
        skin = cv2.GaussianBlur(texture.reshape(-1, 3)[places], (0, 0), blur)
        shown.append(texture + share * (skin - texture))
    return np.round(shown).astype(np.uint8)


def _continued(picture: NDArray[np.float32], face: NDArray[np.uint8], inset: int) -> NDArray[np.float32]:
    """A picture (S, S, 3) whose colours a little inside the face go on outside it."""
    inner = cv2.erode(face, np.ones((2 * inset + 1, 2 * inset + 1), np.uint8))
    return np.asarray(cv2.GaussianBlur(picture.reshape(-1, 3)[nearest(inner)], (0, 0), inset))


def filled(layout: Layout, points: Sequence[int]) -> NDArray[np.uint8]:
    """(S, S): 1 within the polygon of some of the mesh's points."""
    mask = np.zeros((layout.size, layout.size), np.uint8)
    cv2.fillPoly(mask, [np.round(layout.points[list(points)]).astype(np.int32)], 1)
    return mask


def _drawn(layout: Layout) -> NDArray[np.uint8]:
    """(S, S): 1 where a texel can be seen in a drawn face: on the mesh, with its underjaw."""
    mask = np.zeros((layout.size, layout.size), np.uint8)
    for triangle in np.round(layout.points[layout.triangles][..., :2]).astype(np.int32):
        cv2.fillConvexPoly(mask, triangle, 1)
    return mask


def _shrunk(mask: NDArray[np.uint8], reach: float) -> NDArray[np.uint8]:
    return np.asarray(cv2.erode(mask, _disc(reach)))


def _disc(reach: float) -> NDArray[np.uint8]:
    side = 2 * max(1, round(reach)) + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)))


def _unlike_skin(picture: NDArray[np.float32], layout: Layout) -> NDArray[np.float32]:
    """(S, S): 1 where a picture (S, S, 3) is much darker or of another colour than the cheeks, else 0."""
    lab, skin = _in_lab(picture, layout)
    dark = (_CLOTH[1] - lab[..., 0] / skin[0]) / np.ptp(_CLOTH)
    foreign = (np.linalg.norm(lab[..., 1:] - skin[1:], axis=-1) - _FOREIGN[0]) / np.ptp(_FOREIGN)
    return np.clip(np.maximum(dark, foreign), 0, 1).astype(np.float32)


def _lightness(textures: NDArray[np.uint8], layout: Layout) -> NDArray[np.float32]:
    """(S, S): how light each texel usually is beside the person's own cheeks and nose."""
    lab, skin = _in_lab(np.median(textures, 0).astype(np.float32), layout)
    return np.asarray(lab[..., 0] / skin[0])


def _in_lab(picture: NDArray[np.float32], layout: Layout) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """A picture (S, S, 3), 0 to 255, in CIE Lab, and what is usual (3,) between cheeks and nose."""
    lab = cv2.cvtColor(picture / np.float32(255), cv2.COLOR_RGB2Lab)
    skin = np.zeros(lab.shape[:2], np.uint8)
    cv2.fillConvexPoly(skin, cv2.convexHull(np.round(layout.points[list(_SKIN)]).astype(np.int32)), 1)
    return lab, np.maximum(np.median(lab[skin > 0], 0), (1, -np.inf, -np.inf))


def _hair_grows(layout: Layout) -> NDArray[np.bool_]:
    """(S, S): the texels above both brows, and those beside the eyes down to the nose's base."""
    distance = float(eye_distance(layout.points))
    upper = [*topology.BROW_LEFT[:5], *reversed(topology.BROW_RIGHT[:5])]
    line = layout.points[upper]
    line = line[line[:, 0].argsort()] - (0, 0.05 * distance)
    heights = np.interp(np.arange(layout.size), line[:, 0], line[:, 1])
    rows, columns = np.mgrid[: layout.size, : layout.size]
    outer = layout.points[[topology.EYE_CORNERS_LEFT[0], topology.EYE_CORNERS_RIGHT[1]], 0]
    beside = (columns < outer[0] - 0.12 * distance) | (columns > outer[1] + 0.12 * distance)
    hair = (rows < heights) | (beside & (rows < layout.points[topology.NOSE_TIP, 1]))
    return hair & (_brows(layout, round(0.05 * distance)) == 0)


def _beside(layout: Layout) -> NDArray[np.bool_]:
    """(S, S): the texels beside the outer corners of the eyes, all the way down."""
    columns = np.mgrid[: layout.size, : layout.size][1]
    outer = layout.points[[topology.EYE_CORNERS_LEFT[0], topology.EYE_CORNERS_RIGHT[1]], 0]
    return (columns < outer[0]) | (columns > outer[1])


def _brows(layout: Layout, reach: int) -> NDArray[np.uint8]:
    """(S, S): 1 on the brows and ``reach`` texels around them."""
    brows = np.zeros((layout.size, layout.size), np.uint8)
    for outline in (topology.BROW_LEFT, topology.BROW_RIGHT):
        cv2.fillPoly(brows, [np.round(layout.points[list(outline)]).astype(np.int32)], 1)
    return cv2.dilate(brows, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8))
