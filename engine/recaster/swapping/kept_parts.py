"""Parts of the performer's own face that stay visible: soft masks bound to the mesh, in crop pixels.

A part is covered as the performer has it and as it would be painted, so that neither a broader nose nor
broader lips of the source stand out beside the performer's.
"""

from __future__ import annotations

from statistics import NormalDist
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from recaster.faces import topology
from recaster.faces.region_masks import fill_smoothly

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from recaster.faces.types import Floats, Floats32, Uint8s

_EYES: Final = (
    (130, 25, 110, 24, 23, 22, 26, 112, 243, 190, 56, 28, 27, 29, 30, 247),
    (359, 255, 339, 254, 253, 252, 256, 341, 463, 414, 286, 258, 257, 259, 260, 467),
)  # fmt: skip
_NOSE: Final = (
    168, 193, 122, 188, 174, 198, 142, 129, 64, 59, 241, 19, 461, 289, 294, 358, 371, 420, 399, 412, 351, 417,
)  # fmt: skip
_JAW: Final = (
    323, 361, 288, 397, 365, 379, 378, 400, 377, 152, 148, 176, 149, 150, 136, 172, 58, 132, 93,
)  # fmt: skip
_SKULL: Final = (
    234, 127, 162, 21, 54, 103, 67, 109, 10, 338, 297, 332, 284, 251, 389, 356, 454,
)  # fmt: skip
_LOWER: Final = (*_JAW, 205, 206, 167, 164, 393, 426, 425)
_BEARD: Final = (*_JAW, 147, 207, 206, 98, 97, 2, 326, 327, 426, 427, 376)
_UPPER: Final = (*_SKULL, 345, 346, 347, 330, 329, 355, 363, 281, 5, 51, 134, 126, 100, 101, 118, 117, 116)
_OUTWARDS: Final = 0.02, 0.35
_ACROSS: Final = 0.1, 0.9
"""Values of a blurred mask at the outer and the inner end of its border, which lies outside of a part that is
kept whole, or about a line that only divides a face."""
_PARTS: Final = {
    "mouth": ((topology.LIPS_OUTER,), 0.6, _OUTWARDS),
    "inner-mouth": ((topology.LIPS_INNER,), 0.25, _OUTWARDS),
    "eyes": (_EYES, 0.9, _OUTWARDS),
    "brows": ((topology.BROW_LEFT, topology.BROW_RIGHT), 0.8, _OUTWARDS),
    "nose": ((_NOSE,), 0.6, _OUTWARDS),
    "lower": ((_LOWER,), 3.0, _ACROSS),
    "upper": ((_UPPER,), 3.0, _ACROSS),
    "beard": ((_BEARD,), 1.5, _ACROSS),
}
"""Outlines of each part but glasses, the width of its border over the usual, and where that lies."""
_GLASSES_BORDER: Final = 0.25  # width of theirs over the usual
_LIPS_BORDER: Final = 0.4  # width of a beard's border to the lips over the usual
_OUTLINE: Final = frozenset(topology.OVAL)
_BEYOND: Final = 1.3
"""Distance of the outline's points from the face's middle, over what it is: nothing is painted beyond it."""
_MIN_SIGMA_PX: Final = 0.5


def mask_kept_parts(
    parts: Collection[str],
    feather: float,
    meshes: Sequence[Floats],
    size: int,
    glasses: Floats32 | None = None,
) -> Floats32:
    """Masks what stays of a face, (size, size), 0 to 1.

    Args:
        parts: of ``settings.choices.PARTS``.
        feather: width of the border, as a share of the face's size.
        meshes: (478, 3), of the performer and of what is painted, in crop pixels.
        glasses: (size, size), 0 to 1, where the performer's are; None where there are none.
    """
    face = np.sqrt(cv2.contourArea(cv2.convexHull(meshes[0][: topology.MESH_POINTS, :2].astype(np.float32))))
    kept = np.zeros((size, size), np.float32)
    if "glasses" in parts and glasses is not None:
        kept = _soften(np.rint(glasses * 255).astype(np.uint8), _GLASSES_BORDER * feather * face, _OUTWARDS)
    for part in parts:
        if part == "glasses":
            continue
        outlines, width, ends = _PARTS[part]
        mask = _soften(_draw(outlines, meshes, size), width * feather * face, ends)
        if part == "beard":
            lips = _draw((topology.LIPS_OUTER,), meshes[:1], size)
            mask *= 1 - _soften(lips, _LIPS_BORDER * feather * face, _ACROSS)
        kept = np.maximum(kept, mask)
    return kept


def _draw(outlines: Sequence[Sequence[int]], meshes: Sequence[Floats], size: int) -> Uint8s:
    drawn = np.zeros((size, size), np.uint8)
    for mesh in meshes:
        middle = mesh[topology.NOSE_TIP, :2]
        for outline in outlines:
            away = np.where([point in _OUTLINE for point in outline], _BEYOND, 1)[:, None]
            fill_smoothly(middle + away * (mesh[list(outline), :2] - middle), size, drawn)
    return drawn


def _soften(mask: Uint8s, width: float, ends: tuple[float, float]) -> Floats32:
    """Softens the edge of a mask over a width between two values of its blur."""
    sigma = max(width / (NormalDist().inv_cdf(ends[1]) - NormalDist().inv_cdf(ends[0])), _MIN_SIGMA_PX)
    blurred = cv2.GaussianBlur(mask.astype(np.float32) / np.float32(255), (0, 0), sigma)
    share = np.clip((blurred - ends[0]) / (ends[1] - ends[0]), 0, 1)
    return np.asarray(share * share * (3 - 2 * share), np.float32)
