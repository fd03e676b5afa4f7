"""Usual appearance of a performer, that pictures of the moment are compared with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from recaster.appearance import uv_layout
from recaster.appearance.light import normalize_lighting
from recaster.appearance.picture_arithmetic import median_picture
from recaster.appearance.uv_layout import UVLayout, WarpMap, texture_vertices
from recaster.faces.neutral_shape import align_to_canonical, compute_canonical_mesh, learn_neutral_shape

if TYPE_CHECKING:
    from recaster.appearance.glasses import Glasses, WornGlasses
    from recaster.faces.types import Floats, Uint8s
    from recaster.media.types import Image

COARSE_PX: Final = 128  # side of the pictures that are compared
FINE_PX: Final = 2 * COARSE_PX
"""Side of the picture in which the edges of what was found are looked for: rims of glasses are thin."""
DEVIATION_SCALE: Final = 8  # deviations of grey levels are stored so many times larger


@dataclass(frozen=True, eq=False)
class FaceAppearance:
    """Usual appearance of a performer."""

    layout: UVLayout
    texture: Uint8s  # (SIZE, SIZE, 4) uint8: median colours, and their median deviation times 8
    # (SIZE, SIZE) uint8, 255 where something is in front in most frames, 100 where a beard may grow; None for
    # nowhere.
    persistent: Uint8s | None = None
    # What the performer wears before the eyes; None for nothing that could be followed.
    glasses: Glasses | None = None
    lost: bool = False  # whether glasses were seen that can't be kept
    worn: WornGlasses | None = None  # the glasses, where they are kept by choice


def compute_reference_appearance(crops: Uint8s, points: Floats) -> FaceAppearance:
    """Computes one performer's usual appearance, from frames of which most show the bare face.

    Crops are (N, SIZE, SIZE, 3), points (N, 478, 3) the meshes in their pixels.
    """
    expressions, _ = align_to_canonical(points, compute_canonical_mesh(points))
    layout = uv_layout.make_uv_layout(learn_neutral_shape(expressions).neutral, COARSE_PX)
    textures = np.stack(
        [uv_layout.unwrap(crop, mesh, layout) for crop, mesh in zip(crops, points, strict=True)]
    )
    lit = normalize_lighting(textures, uv_layout.mask_face(layout))
    # Medians, so that a hand that comes and goes is no part of it.
    usual = median_picture(lit).astype(np.uint8)
    deviation = median_picture(np.abs(lit.astype(np.int16) - usual)).mean(-1)
    varying = np.clip(DEVIATION_SCALE * deviation, 0, 255).astype(np.uint8)
    return FaceAppearance(layout, np.dstack([usual, varying]))


def resize_crop(crop: Image, points: Floats, side: int = COARSE_PX) -> tuple[Image, Floats]:
    """Resizes a crop (size, size, 3) and its mesh (478, 3)."""
    scale = side / len(crop)
    if scale == 1:
        return crop, points
    filtering = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return cv2.resize(crop, (side, side), interpolation=filtering), _rescale(points, scale)


def map_appearance(appearance: FaceAppearance, points: Floats) -> WarpMap:
    """Maps a picture of COARSE_PX to an appearance's texture; the mesh (478, 3) is in pixels of FINE_PX."""
    places = texture_vertices(_rescale(points, COARSE_PX / FINE_PX))
    return uv_layout.compute_warp_map(
        places, appearance.layout.points, appearance.layout.triangles, COARSE_PX
    )


def _rescale(points: Floats, scale: float) -> Floats:
    """Brings a mesh to the pixels of a resized picture, whose centres are whole numbers."""
    moved = points * scale
    moved[:, :2] += (scale - 1) / 2
    return moved
