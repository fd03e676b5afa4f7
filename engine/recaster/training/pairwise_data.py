"""Training faces in memory: a faceset's crops as a preset wants them, with their regions."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from recaster.errors import TrainingError
from recaster.faces.alignment import align_matrix, box_matrix, transform, warp
from recaster.faces.region_masks import fill_eyes_and_mouth, fill_face
from recaster.faces.topology import EYE_CORNERS_LEFT, EYE_CORNERS_RIGHT
from recaster.progress import Report, Update, silent

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from recaster.faces.types import Floats
    from recaster.facesets.face_records import FaceRecord
    from recaster.facesets.faceset import Faceset
    from recaster.models.presets import Augmentation, Preset

MIN_FACES: Final = 8
"""Fewer faces than this teach nothing but themselves."""


@dataclass(frozen=True, eq=False)
class TrainingFaces:
    """The faces of one identity, ready to be varied.

    Attributes:
        canvases: (N, C, C, 5) uint8: RGB, the face's outline, its eyes and mouth. The network's crop
            is the middle; the margin around it is what augmentation may pull in.
        size: side of the network's crop.
        eyes: (2, 2) float64, mean centres of the eyes (left, right as seen; x, y) in the crop.
    """

    canvases: NDArray[np.uint8]
    size: int
    eyes: Floats

    def __len__(self) -> int:
        return len(self.canvases)

    @property
    def margin(self) -> int:
        """Pixels of canvas on each side of the crop."""
        return (self.canvases.shape[1] - self.size) // 2

    def crops(self, indices: NDArray[np.integer]) -> NDArray[np.uint8]:
        """The crops of some faces as they are: (len(indices), size, size, 5)."""
        inside = slice(self.margin, self.margin + self.size)
        return self.canvases[indices][:, inside, inside]


def load_faces(faceset: Faceset, preset: Preset, report: Report = silent) -> TrainingFaces:
    """Reads all kept faces of ``faceset`` as ``preset`` wants them (TrainingError below ``MIN_FACES``)."""
    records = faceset.records
    if len(records) < MIN_FACES:
        raise TrainingError(
            f"{faceset.folder}: only {len(records)} faces; at least {MIN_FACES} are needed "
            "and a few hundred are good: extract more of them"
        )
    margin = math.ceil(augmentation_margin(preset.augmentation) * preset.size)
    side = preset.size + 2 * margin
    canvases = np.empty((len(records), side, side, 5), np.uint8)
    eyes = np.zeros((2, 2))
    kind = preset.pairwise.hull
    for index, record in enumerate(records):
        matrix = crop_matrix(record, preset)
        corners = transform(record.landmarks, matrix)[[EYE_CORNERS_LEFT, EYE_CORNERS_RIGHT], :2]
        eyes += corners.mean(axis=1) / len(records)
        matrix[:, 2] += margin
        points = transform(record.landmarks, matrix)
        canvases[index, ..., :3] = warp(faceset.crop(record), matrix, side)
        canvases[index, ..., 3] = fill_face(points, side, kind)
        canvases[index, ..., 4] = fill_eyes_and_mouth(points, side)
        report(Update("loading faces", index + 1, len(records), "faces"))
    return TrainingFaces(canvases, preset.size, eyes)


def crop_matrix(record: FaceRecord, preset: Preset) -> Floats:
    """(2, 3): the faceset's crop pixels to those of the network's crop."""
    if preset.crop == "box":
        return box_matrix(record.box, preset.size, preset.trim)
    return align_matrix(record.landmarks, preset.size, preset.coverage)


def augmentation_margin(augmentation: Augmentation) -> float:
    """Margin that augmentation needs around the crop, as a share of its side."""
    turn = math.radians(augmentation.rotation)
    corner = 0.5 * (math.cos(turn) + math.sin(turn)) * (1 + augmentation.zoom)
    return corner - 0.5 + augmentation.shift + 2 * augmentation.warp
