"""Hands before a source's face are found in its own frames and never become skin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from recaster.appearance.uv_layout import mask_face, unwrap
from recaster.appearance.uv_masks import mask_features
from recaster.faces import topology
from recaster.likeness.bare_frames import SourceOcclusion
from recaster.likeness.likeness import Likeness

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.faces.types import Floats
    from recaster.facesets.face_records import FaceRecord
    from recaster.facesets.faceset import Faceset

FINGERS = (176, 130, 112)
CHEEK = 280
UNDER_CHEEK = 434


@dataclass(frozen=True)
class Handled:
    """Faces with a hand before some of them, its finger tips at points of the mesh."""

    faces: Faceset
    rows: range
    tips: tuple[int, ...]

    @property
    def records(self) -> tuple[FaceRecord, ...]:
        return self.faces.records

    @property
    def folder(self) -> Path:
        return self.faces.folder

    @property
    def size(self) -> int:
        return self.faces.size

    @property
    def handled(self) -> set[int]:
        return {self.records[row].id for row in self.rows}

    def crop(self, record: FaceRecord) -> np.ndarray:
        crop = self.faces.crop(record)
        if record.id not in self.handled:
            return crop
        return np.where(self.hand(record)[..., None] > 0, self.lit(record), crop)

    def hand(self, record: FaceRecord) -> np.ndarray:
        """(size, size): 1 where the hand is."""
        drawn = np.zeros((self.size, self.size), np.uint8)
        for tip, end, width in self.fingers(record):
            cv2.line(drawn, tip, end, 1, width)
        return drawn

    def lit(self, record: FaceRecord) -> np.ndarray:
        """(size, size, 3): fingers that are darker towards their edges."""
        shown = np.zeros((self.size, self.size, 3), np.uint8)
        for tip, end, width in self.fingers(record):
            for share, shade in ((1.0, 0.7), (0.85, 0.9), (0.6, 1.0)):
                colour = tuple(round(shade * part) for part in FINGERS)
                cv2.line(shown, tip, end, colour, round(share * width))
        return shown

    def fingers(self, record: FaceRecord) -> list[tuple[tuple[int, int], tuple[int, int], int]]:
        points: Floats = record.landmarks.astype(float)
        wrist = np.array([0.85 * self.size, 1.2 * self.size])
        tips = points[list(self.tips), :2]
        ends = tips + 0.8 * (wrist - tips)
        width = round(0.07 * self.size)
        return [(_pixel(tip), _pixel(end), width) for tip, end in zip(tips, ends, strict=True)]


def _pixel(point: np.ndarray) -> tuple[int, int]:
    return round(float(point[0])), round(float(point[1]))


def test_frames_with_a_hand_before_the_mouth_are_no_references(
    actor_faceset: Faceset, clean: Likeness
) -> None:
    over_the_mouth = (topology.MOUTH_CORNERS[0], topology.NOSE_TIP, topology.LIP_TOP, topology.CHIN)
    handled = Handled(actor_faceset, range(8, 20), over_the_mouth)
    likeness = Likeness.from_faceset(handled, references=12)
    assert handled.handled & set(clean.records.tolist()), "which would have been chosen"
    assert not handled.handled & set(likeness.records.tolist())
    face = (mask_face(clean.layout) > 0) & (mask_features(clean.layout) == 0)
    usual, wanted = (np.median(one.textures.astype(float), 0) for one in (likeness, clean))
    assert np.abs(usual - wanted)[face].mean() < 3


def test_a_hand_at_the_cheek_gives_way_to_the_skin_of_other_frames(
    actor_faceset: Faceset, clean: Likeness
) -> None:
    handled = Handled(actor_faceset, range(8, 16), (CHEEK, UNDER_CHEEK))
    likeness = Likeness.from_faceset(handled, references=12)
    layout = clean.layout
    points = np.stack([record.landmarks for record in handled.records]).astype(float)
    face = mask_face(layout) > 0
    shown = [row for row in handled.rows if handled.records[row].id in likeness.records]
    assert shown, "for eyes and mouth can be seen"
    wanted = np.median(clean.textures.astype(float), 0)
    for row in shown:
        record = handled.records[row]
        hand = np.repeat(255 * handled.hand(record)[..., None], 3, -1)
        there = face & (unwrap(hand, points[row], layout)[..., 0] > 127)
        was = unwrap(handled.crop(record), points[row], layout).astype(float)
        now = likeness.textures[likeness.records.tolist().index(record.id)].astype(float)
        assert np.abs(now - wanted)[there].mean() < 0.4 * np.abs(was - wanted)[there].mean()


def test_a_hand_that_is_not_seen_for_a_moment_is_there_all_the_same(actor_faceset: Faceset) -> None:
    class Missed(SourceOcclusion):
        def __init__(self, missed: int) -> None:
            self._faceset = actor_faceset
            self.missed = missed

        def _is_shown(self, row: int) -> bool:
            return row == self.missed or not 5 <= row < 15

    assert [Missed(9).is_bare(row) for row in (4, 5, 9, 15)] == [True, False, False, True]
    assert Missed(5).is_bare(5), "where it comes in"
