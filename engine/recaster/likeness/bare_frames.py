"""Occlusion of a source's face in its own frames: hands, things, hair that comes and goes.

A frame with something before eyes or mouth, or before much of the face, says nothing of how the source looks
there; what hides less of a face hides only that part.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from recaster.appearance.face_appearance import FINE_PX, compute_reference_appearance, resize_crop
from recaster.appearance.occluders import Occluders, occlusion_mask
from recaster.appearance.uv_layout import mask_face, unwrap
from recaster.appearance.uv_masks import mask_outline
from recaster.faces import topology

if TYPE_CHECKING:
    from recaster.appearance.uv_layout import UVLayout
    from recaster.faces.types import Floats, Floats32, Uint8s
    from recaster.facesets.faceset import Faceset

_APPEARANCE_FRAMES: Final = 48  # frames that the usual appearance is the median of
_MAX_HIDDEN_FEATURE: Final = 0.08
_MAX_HIDDEN_FACE: Final = 0.15
"""Shares of an eye or of the lips, and of the whole face, from which on a frame shows no bare face."""
_NEIGHBOUR_S: Final = 0.15  # distance of the frames before and after of which one has to be bare as well
_MAX_CACHED: Final = 96  # masks that are kept: of a large faceset all of them would be gigabytes


class SourceOcclusion:
    """Finds what is in front of a source's face in the frames of its faceset.

    Points (N, 478, 3) are the meshes of its records in the crops' pixels.
    """

    def __init__(self, faceset: Faceset, points: Floats, layout: UVLayout) -> None:
        self._faceset = faceset
        self._points = points
        self._layout = layout
        # From all over the clip: what comes and goes is in few of them.
        places = np.linspace(0, len(points) - 1, min(_APPEARANCE_FRAMES, len(points))).astype(int)
        crops, meshes = zip(*(resize_crop(self._crop(row), points[row]) for row in places), strict=True)
        self._appearance = compute_reference_appearance(np.stack(crops), np.stack(meshes))
        self._finder = Occluders()
        self._hidden: dict[int, Floats32] = {}
        self._verdicts: dict[int, bool] = {}
        outlines = (topology.EYE_LEFT, topology.EYE_RIGHT, topology.LIPS_OUTER)
        self._features = [mask_outline(layout, outline) > 0 for outline in outlines]
        self._face = mask_face(layout) > 0

    def hidden_texels(self, row: int) -> Floats32:
        """Mask of what is hidden of a record's texture, (S, S), 0 to 1."""
        if row not in self._hidden:
            crop, points = resize_crop(self._crop(row), self._points[row], FINE_PX)
            mask = occlusion_mask(self._finder.occlusion_probability(self._appearance, crop, points), FINE_PX)
            picture = np.repeat(np.rint(255 * mask).astype(np.uint8)[..., None], 3, -1)
            texels = unwrap(picture, points, self._layout)[..., 0].astype(np.float32)
            self._hidden[row] = texels / np.float32(255)
            if len(self._hidden) > _MAX_CACHED:
                self._hidden.pop(next(iter(self._hidden)))
        return self._hidden[row]

    def is_bare(self, row: int) -> bool:
        """True if a record shows eyes, lips and most of the face."""
        # Between two frames that a hand hides it was missed and is there all the same.
        return self._is_shown(row) and (self._is_neighbour_shown(row, -1) or self._is_neighbour_shown(row, 1))

    def _is_neighbour_shown(self, row: int, direction: int) -> bool:
        """True if the record ``_NEIGHBOUR_S`` away shows a bare face, or if there is none."""
        records = self._faceset.records
        other = row
        while 0 <= other + direction < len(records):
            other += direction
            away = abs(records[other].time - records[row].time)
            if records[other].source_id != records[row].source_id or away > 2 * _NEIGHBOUR_S:
                return True
            if away >= _NEIGHBOUR_S:
                return self._is_shown(other)
        return True

    def _is_shown(self, row: int) -> bool:
        if row not in self._verdicts:
            hidden = self.hidden_texels(row)
            features = [hidden[feature].mean() < _MAX_HIDDEN_FEATURE for feature in self._features]
            self._verdicts[row] = hidden[self._face].mean() < _MAX_HIDDEN_FACE and all(features)
        return self._verdicts[row]

    def _crop(self, row: int) -> Uint8s:
        return self._faceset.crop(self._faceset.records[row])
