"""What is in front of a source's face in its own frames: hands, things, hair that comes and goes.

A frame with something before eyes or mouth, or before much of the face, says nothing of how the source looks
there; what hides less of a face hides only that part.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from recaster.appearance.occluders import (
    FINE_PX,
    Occluders,
    compute_reference_appearance,
    occlusion_mask,
    resize_crop,
)
from recaster.appearance.uv_layout import face_mask, unwrap
from recaster.appearance.uv_masks import filled
from recaster.faces import topology

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from recaster.appearance.uv_layout import UVLayout
    from recaster.faces.types import Floats
    from recaster.facesets.faceset import Faceset

_LOOKS: Final = 48
"""Frames that the usual look is the median of."""
_FEATURE, _FACE = 0.08, 0.15
"""With so much of an eye or of the lips hidden, or of the whole face, a frame shows no bare face."""
_NEAR: Final = 0.15
"""Between two frames so far from it, in seconds, of which neither is bare, a frame isn't bare either."""

_MAX_KEPT: Final = 96
"""Pictures of what is hidden that are kept: of a large faceset all of them would be gigabytes."""


class SourceOcclusion:
    """Finds what is in front of a source's face in the frames of its faceset.

    Args:
        faceset: the source's.
        points: (N, 478, 3), the meshes of its records in the crops' pixels.
        layout: where the mesh lies in textures.
    """

    def __init__(self, faceset: Faceset, points: Floats, layout: UVLayout) -> None:
        self._faceset, self._points, self._layout = faceset, points, layout
        places = np.linspace(0, len(points) - 1, min(_LOOKS, len(points))).astype(int)
        crops, meshes = zip(*(resize_crop(self._crop(row), points[row]) for row in places), strict=True)
        self._look, self._finder = (
            compute_reference_appearance(np.stack(crops), np.stack(meshes)),
            Occluders(),
        )
        self._found: dict[int, NDArray[np.float32]] = {}
        self._verdicts: dict[int, bool] = {}
        outlines = (topology.EYE_LEFT, topology.EYE_RIGHT, topology.LIPS_OUTER)
        self._features = [filled(layout, outline) > 0 for outline in outlines]
        self._face = face_mask(layout) > 0

    def texels(self, row: int) -> NDArray[np.float32]:
        """(S, S), 0 to 1: what of a texture of a record is hidden."""
        if row not in self._found:
            crop, points = resize_crop(self._crop(row), self._points[row], FINE_PX)
            found = occlusion_mask(self._finder.occlusion_probability(self._look, crop, points), FINE_PX)
            picture = np.repeat(np.rint(255 * found).astype(np.uint8)[..., None], 3, -1)
            texels = unwrap(picture, points, self._layout)[..., 0].astype(np.float32)
            self._found[row] = texels / np.float32(255)
            if len(self._found) > _MAX_KEPT:
                self._found.pop(next(iter(self._found)))
        return self._found[row]

    def bare(self, row: int) -> bool:
        """Whether a record shows eyes, lips and most of the face: no hand comes and goes in between."""
        return self._shown(row) and (self._shown_near(row, -1) or self._shown_near(row, 1))

    def _shown_near(self, row: int, direction: int) -> bool:
        """Whether the record ``_NEAR`` seconds away shows a bare face; true if there is none."""
        records, other = self._faceset.records, row
        while 0 <= other + direction < len(records):
            other += direction
            away = abs(records[other].time - records[row].time)
            if records[other].source_id != records[row].source_id or away > 2 * _NEAR:
                return True
            if away >= _NEAR:
                return self._shown(other)
        return True

    def _shown(self, row: int) -> bool:
        if row not in self._verdicts:
            found = self.texels(row)
            much = found[self._face].mean() >= _FACE
            self._verdicts[row] = not much and all(found[one].mean() < _FEATURE for one in self._features)
        return self._verdicts[row]

    def _crop(self, row: int) -> NDArray[np.uint8]:
        return self._faceset.crop(self._faceset.records[row])
