"""Mixture of the performer's own face into a painted one, as fine as the frame shows it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from recaster.appearance.face_mix import mix_faces, warp_face
from recaster.faces.alignment import transform
from recaster.swapping.composite import Layer
from recaster.swapping.swap_plan import crop_frame

if TYPE_CHECKING:
    from recaster.faces.types import Floats
    from recaster.media.types import Frame

MAX_FACTOR: Final = 4
"""Size over a crop's, at most, at which faces are mixed: crops of close-ups are coarser than the frame."""
_NEAR_ZOOM: Final = 0.15  # frame pixels a crop pixel, over a whole number, that need no finer picture
_FADED: Final = 0.1
"""Strength below which a face fades: at 0 the frame is left alone."""


def mix_performer(frame: Frame, layer: Layer, seen: Floats, wanted: Floats, strength: float) -> Layer:
    """Mixes the performer's face into a painted one, in sRGB.

    Args:
        seen: (478, 3), the performer's mesh in frame pixels.
        wanted: likewise, what is painted.
        strength: 0 for the performer's face to 1 for the painted one.
    """
    factor = min(max(math.ceil(layer.zoom - _NEAR_ZOOM), 1), MAX_FACTOR)
    side = factor * len(layer.mask)
    matrix = layer.matrix * factor
    matrix[:, 2] += (factor - 1) / 2  # pixels' centres have whole numbers
    image = cv2.resize(layer.image, (side, side), interpolation=cv2.INTER_CUBIC)
    mask = cv2.resize(layer.mask, (side, side), interpolation=cv2.INTER_LINEAR)
    meshes = (transform(mesh, matrix) for mesh in (seen, wanted))
    performer = warp_face(np.ascontiguousarray(crop_frame(frame, matrix, side)), *meshes)
    mixed = mix_faces(performer, np.asarray(image, np.float32), strength)
    return Layer(mixed, np.asarray(mask, np.float32), matrix, layer.is_unbounded)


def fade_in(strength: float) -> np.float32:
    """Share of a mixed face that shows, 0 to 1."""
    return np.float32(min(1.0, strength / _FADED))
