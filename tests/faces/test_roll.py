"""Faces that are rolled by any angle are found, at the right angle, and taken once."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from recaster.faces.analysis import analyse
from recaster.faces.detectors import make_detector
from recaster.faces.roll import SIDES, _turn_back, detect_rolled, quarter_turn_of
from recaster.faces.topology import EYE_CORNERS_LEFT, EYE_CORNERS_RIGHT
from recaster.faces.types import Box, Detection
from recaster.facesets.still_faces import StillFinder
from recaster.media.reader import read_frames
from recaster.media.types import Frame
from recaster.settings.detection import AnalysisSettings

if TYPE_CHECKING:
    from pathlib import Path


def rolled(image: np.ndarray, degrees: float) -> np.ndarray:
    side = math.ceil(math.hypot(*image.shape[:2]))
    matrix = cv2.getRotationMatrix2D(((image.shape[1] - 1) / 2, (image.shape[0] - 1) / 2), -degrees, 1)
    matrix[:, 2] += (side - np.array(image.shape[1::-1])) / 2
    return cv2.warpAffine(image, matrix, (side, side), borderValue=(128, 128, 128))


def roll_of(points: np.ndarray) -> float:
    x, y = points[EYE_CORNERS_RIGHT[1], :2] - points[EYE_CORNERS_LEFT[0], :2]
    return math.degrees(math.atan2(y, x))


@pytest.mark.parametrize("side", SIDES)
def test_boxes_are_brought_back_from_every_side(side: int) -> None:
    image = np.zeros((60, 100, 3), np.uint8)
    image[10:20, 30:70] = 255
    turned = np.rot90(image, side)
    rows, columns = np.nonzero(turned[..., 0])
    seen = Box(columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    back = _turn_back(Detection(seen, 1.0), side, 100, 60)
    assert back == Detection(Box(30, 10, 70, 20), 1.0, side)


@pytest.mark.parametrize("degrees", [0, 30, 60, 90, 120, 150, 180, -150, -90, -60])
def test_a_shot_may_begin_with_a_head_at_any_roll(actors: Path, degrees: int) -> None:
    frames = [
        Frame(frame.index, frame.pts, frame.time, rolled(frame.image, degrees))
        for frame in read_frames(actors / "performer.mp4", 30, 42)
    ]
    found = analyse(frames, AnalysisSettings(identify=False))
    assert len(found.tracks) == 1
    track = found.tracks[0]
    assert len(track) == 12
    upright = analyse(read_frames(actors / "performer.mp4", 30, 42), AnalysisSettings(identify=False)).tracks[
        0
    ]
    for points, others in zip(track.landmarks, upright.landmarks, strict=True):
        off = (roll_of(points) - roll_of(others) - degrees + 180) % 360 - 180
        assert abs(off) < 4


def test_a_rolled_head_is_followed_for_longer_than_the_detector_is_waited_for(actors: Path) -> None:
    still = rolled(next(iter(read_frames(actors / "performer.mp4", 30, 31))).image, 180)
    frames = [Frame(index, index, Fraction(index, 10), still) for index in range(30)]  # three seconds
    found = analyse(frames, AnalysisSettings(identify=False))
    assert [len(track) for track in found.tracks] == [30]


def test_an_upright_face_is_seen_once_and_from_above(actors: Path) -> None:
    image = next(iter(read_frames(actors / "performer.mp4", 30, 31))).image
    found = detect_rolled(make_detector("yunet"), image, SIDES)
    assert [one.side for one in found] == [0]


def test_the_side_of_a_face(points_at: object) -> None:
    points = points_at(100.0, 100.0, 60.0)  # type: ignore[operator]
    for degrees in range(-175, 180, 10):
        turn = cv2.getRotationMatrix2D((100, 100), -degrees, 1)
        turned = points.copy()
        turned[:, :2] = points[:, :2] @ turn[:, :2].T + turn[:, 2]
        off = abs((90 * quarter_turn_of(turned) - degrees + 180) % 360 - 180)
        assert off <= 50
    assert quarter_turn_of(np.zeros((68, 3))) == 0


def test_a_picture_that_lies_on_its_side_has_its_face_found(actors: Path) -> None:
    image = next(iter(read_frames(actors / "performer.mp4", 30, 31))).image
    found = StillFinder("yunet", 40).find(np.ascontiguousarray(np.rot90(image)))
    assert len(found) == 1
    assert roll_of(found[0].points) == pytest.approx(-90, abs=12)
