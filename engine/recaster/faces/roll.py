"""Detection at any roll: pictures are looked at from several sides, as detectors know faces about upright."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np

from recaster.faces.topology import EYE_CORNERS_LEFT, EYE_CORNERS_RIGHT, POINTS
from recaster.faces.types import Box

if TYPE_CHECKING:
    from collections.abc import Iterable

    from recaster.faces.detectors import Detector
    from recaster.faces.types import Detection, Floats
    from recaster.media.types import Image

SIDES: Final = (0, 1, 2, 3)  # quarters of a turn, clockwise, by which a face may be rolled
_SAME_OVERLAP: Final = 0.3  # overlap (intersection over union) of boxes of one face, seen from two sides


def detect_rolled(detector: Detector, image: Image, sides: Iterable[int]) -> list[Detection]:
    """Finds the faces of a picture that is turned upright from each side, best first.

    A face that is found from several sides counts as seen from where the detector is surest: an upside-down
    face often passes for an upright one, but never as well as for what it is. ``sides`` are quarters of a
    turn, clockwise.
    """
    found: list[Detection] = []
    for side in sorted(set(sides)):
        # A turned array is a view of another order, which OpenCV doesn't take.
        seen = detector.detect(np.ascontiguousarray(np.rot90(image, side)) if side else image)
        found += [_turn_back(face, side, image.shape[1], image.shape[0]) for face in seen]
    # Two detections from one side are two faces, as the detector tells them apart by itself.
    kept: list[Detection] = []
    for face in sorted(found, key=lambda face: -face.score):
        if all(face.side == other.side or face.box.iou(other.box) < _SAME_OVERLAP for other in kept):
            kept.append(face)
    return kept


def quarter_turn_of(points: Floats) -> int:
    """Quarter of a turn, clockwise, that a face is rolled by: from the mesh (478, 3); else 0."""
    if len(points) != POINTS:
        return 0
    x, y = points[EYE_CORNERS_RIGHT[1], :2] - points[EYE_CORNERS_LEFT[0], :2]
    return int(np.rint(np.arctan2(y, x) / (np.pi / 2))) % len(SIDES)


def _turn_back(found: Detection, side: int, width: int, height: int) -> Detection:
    """Turns a detection in a turned picture of (width, height) back to the picture itself."""
    left, top, right, bottom = found.box.sides
    turned = (
        found.box,
        Box(width - bottom, left, width - top, right),
        Box(width - right, height - bottom, width - left, height - top),
        Box(top, height - right, bottom, height - left),
    )
    return dataclasses.replace(found, box=turned[side], side=side)
