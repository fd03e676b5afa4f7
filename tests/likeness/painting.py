"""Things painted into an actor's frames, so that both where they are and what is behind them is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from recaster.appearance.uv_layout import unwrap

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from recaster.faces.types import Floats
    from recaster.facesets.face_records import FaceRecord
    from recaster.facesets.faceset import Faceset
    from recaster.likeness.likeness import Likeness

    Masking = Callable[[Floats, int], np.ndarray]


@dataclass(frozen=True)
class Painted:
    """Faces with something painted into their crops."""

    faces: Faceset
    where: Masking
    colour: tuple[int, int, int]

    @property
    def records(self) -> tuple[FaceRecord, ...]:
        return self.faces.records

    @property
    def folder(self) -> Path:
        return self.faces.folder

    def mask(self, record: FaceRecord) -> np.ndarray:
        return self.where(record.landmarks.astype(float), self.faces.size)

    def crop(self, record: FaceRecord) -> np.ndarray:
        crop = self.faces.crop(record).astype(float)
        random = np.random.default_rng(record.id)
        strands = np.array(self.colour) + random.normal(0, 6, crop.shape)
        share = cv2.GaussianBlur(self.mask(record).astype(float), (0, 0), 1.5)[..., None]
        return np.clip(crop + share * (strands - crop), 0, 255).astype(np.uint8)

    def texels(self, likeness: Likeness) -> np.ndarray:
        """(K, S, S) bool: where it is in each reference."""
        return np.stack([self.unwrapped(one, likeness, self.mask(one)) > 0 for one in self.shown(likeness)])

    def seen(self, likeness: Likeness) -> np.ndarray:
        """(K, S, S, 3): the references as they are."""
        return np.stack([self.unwrapped(one, likeness, self.crop(one)) for one in self.shown(likeness)])

    def shown(self, likeness: Likeness) -> list[FaceRecord]:
        known = {record.id: record for record in self.records}
        return [known[int(one)] for one in likeness.records]

    @staticmethod
    def unwrapped(record: FaceRecord, likeness: Likeness, picture: np.ndarray) -> np.ndarray:
        return unwrap(picture, record.landmarks.astype(float), likeness.layout)


def paired(likeness: Likeness, other: Likeness) -> tuple[list[int], list[int]]:
    """Places of the frames that are among the references of both: nearly all of them."""
    theirs = {record: i for i, record in enumerate(other.records.tolist())}
    both = [(i, theirs[record]) for i, record in enumerate(likeness.records.tolist()) if record in theirs]
    assert len(both) >= 0.75 * len(other.records)
    return [i for i, _ in both], [i for _, i in both]


def polygon(points: Floats, size: int, some: tuple[int, ...]) -> np.ndarray:
    mask = np.zeros((size, size), np.uint8)
    cv2.fillPoly(mask, [np.rint(points[list(some), :2]).astype(np.int32)], 1)
    return mask
