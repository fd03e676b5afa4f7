"""Faces that touch: each keeps its own points, and it is known who is in front."""

from __future__ import annotations

import tracemalloc
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.faces.segmenting import segmented

from recaster.faces import segments
from recaster.faces.analysis import analyse
from recaster.faces.detectors import make_detector
from recaster.faces.embedding import distance
from recaster.faces.neighbours import (
    Neighbour,
    are_touching,
    draw_neighbours,
    is_behind,
    paint_over_boxes,
    paint_over_neighbours,
)
from recaster.faces.tracklets import cut_portrait
from recaster.faces.types import Box, Detection
from recaster.media.reader import read_frames
from recaster.media.types import Frame
from recaster.settings.detection import SAME_PERSON, AnalysisSettings

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.faces.types import FaceTrack, Floats
    from recaster.media.types import Image

COUNT = 24
EDGE = 172
"""The column from which the other person is in front."""


def clip(images: list[np.ndarray]) -> list[Frame]:
    return [Frame(i, i, Fraction(i, 25), np.ascontiguousarray(image)) for i, image in enumerate(images)]


@pytest.fixture(scope="module")
def bare(actors: Path) -> list[np.ndarray]:
    """The performer."""
    return [frame.image for frame in read_frames(actors / "performer.mp4", 30, 30 + COUNT)]


@pytest.fixture(scope="module")
def shared(actors: Path, bare: list[np.ndarray]) -> list[Frame]:
    """The performer, half behind another: cheek to cheek."""
    others = read_frames(actors / "likeness.mp4", 0, COUNT)
    return clip(
        [
            np.hstack([mine[:, :EDGE], other.image[:, 96 : 96 + mine.shape[1] - EDGE]])
            for mine, other in zip(bare, others, strict=True)
        ]
    )


def spread(points: Floats) -> float:
    return float(np.linalg.norm(points.std(0)))


def nearest(tracks: tuple[FaceTrack, ...], left: float) -> FaceTrack:
    """The track whose face begins at a column, about."""
    return min(tracks, key=lambda track: abs(float(np.median(track.boxes[:, 0])) - left))


def test_a_face_half_behind_another_keeps_its_own_points(shared: list[Frame], bare: list[np.ndarray]) -> None:
    found = analyse(shared)
    assert len(found.tracks) == 2
    [truth] = analyse(clip(bare)).tracks
    half = nearest(found.tracks, float(np.median(truth.boxes[:, 0])))
    assert len(half) == COUNT
    for mine, known in zip(half.landmarks, truth.landmarks, strict=True):
        seen = known[:468, 0] < EDGE
        apart = np.linalg.norm((mine - known)[:468, :2], axis=-1)
        assert np.sqrt((apart[seen] ** 2).mean()) < 0.15 * spread(known)
        assert np.sqrt((apart**2).mean()) < 0.3 * spread(known)


def test_who_they_are_is_told_from_the_visible_half(shared: list[Frame], bare: list[np.ndarray]) -> None:
    found = analyse(shared)
    [truth] = analyse(clip(bare)).tracks
    half = nearest(found.tracks, float(np.median(truth.boxes[:, 0])))
    [other] = [track for track in found.tracks if track is not half]
    assert distance(half.embedding, truth.embedding) < SAME_PERSON - 0.1
    assert distance(other.embedding, truth.embedding) > distance(half.embedding, truth.embedding) + 0.1


def test_two_who_touch_are_analysed_alike_by_segments(
    shared: list[Frame], monkeypatch: pytest.MonkeyPatch
) -> None:
    undisturbed = analyse(shared)
    monkeypatch.setattr(segments, "MIN_SEGMENT_FRAMES", 9)
    found = segmented(lambda begin, end: shared[begin:end], range(len(shared)), AnalysisSettings())
    for mine, yours in zip(found.tracks, undisturbed.tracks, strict=True):
        np.testing.assert_array_equal(mine.frames, yours.frames)
        apart = np.linalg.norm((mine.landmarks - yours.landmarks)[..., :2], axis=-1)
        assert apart.mean(axis=1).max() < 0.03 * spread(yours.landmarks[0])
    assert all((track.behind > 0).any() for track in found.tracks)


def test_who_is_in_front_is_known(actors: Path) -> None:
    found = analyse(read_frames(actors / "shots" / "guest.mp4"))
    behind, front = sorted(found.tracks, key=lambda track: float(track.boxes[0, 0]))
    assert len(behind) == len(front) == 20
    assert is_behind(float(behind.behind.mean()), float(front.behind.mean()))


def square(left: float, top: float, side: float) -> Floats:
    """Points of a face that is a square."""
    y, x = np.mgrid[0:22, 0:22].reshape(2, -1)[:, :478]
    return np.stack([left + x / 21 * side, top + y / 21 * side, 0 * x], -1).astype(np.float64)


@pytest.mark.parametrize(("behind", "mine"), [(True, 40), (False, 0), (None, 20)])
def test_what_two_claim(behind: bool | None, mine: int) -> None:
    mask = draw_neighbours(square(10, 10, 80), [Neighbour(square(50, 10, 80), behind)], (100, 160))
    assert np.abs(int((mask[50, 50:90] == 0).sum()) - mine) <= 4
    assert mask[50, 95:125].all()
    assert not mask[50, :40].any()


def test_only_who_is_near_is_painted_over() -> None:
    image = np.zeros((100, 200, 3), np.uint8)
    assert paint_over_neighbours(image, square(10, 10, 50), []) is image
    mine = Box(10, 10, 60, 60)
    near = Box(62, 10, 112, 60)
    far = Box(130, 10, 180, 60)
    assert are_touching(mine, near)
    assert not are_touching(mine, far)
    assert paint_over_boxes(image, mine, [far]) is image
    painted = paint_over_boxes(image, mine, [near, far])
    assert not painted[:, :60].any()
    assert painted[:, 64:].all()


def test_a_portrait_of_a_half_is_completed_by_its_mirror(bare: list[np.ndarray]) -> None:
    [track] = analyse(clip(bare[:3])).tracks
    points = track.landmarks[0]
    other = points + np.array([points[454, 0] - points[4, 0], 0, 0])
    hidden = bare[0].copy()
    hidden[:, round(float(other[234, 0])) :] = 0
    plain = cut_portrait(hidden, points)
    mended = cut_portrait(hidden, points, [Neighbour(other, behind=False)])
    assert (plain.image[128, 172:186] < 10).all()
    assert (mended.image[128, 172:186] > 40).all()
    assert mended.quality < cut_portrait(bare[0], points).quality


def test_a_nose_that_passes_for_a_face_does_not_split_one(
    bare: list[np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    known = make_detector("yunet")
    few = clip(bare[:8])

    class Mistaken:
        def detect(self, image: Image) -> list[Detection]:
            found = known.detect(image)
            noses = []
            for box in (face.box for face in found):
                x = box.left + 0.55 * box.width
                y = box.top + 0.65 * box.height
                half = 0.12 * box.width
                noses.append(Detection(Box(x - half, y - half, x + half, y + half), 0.6))
            return found + noses

    [truth] = analyse(few).tracks
    monkeypatch.setattr(segments, "make_detector", lambda *_, **__: Mistaken())
    [track] = analyse(few).tracks
    np.testing.assert_array_equal(track.landmarks, truth.landmarks)


def test_what_is_within_a_box_is_not_beside_it() -> None:
    image = np.zeros((100, 200, 3), np.uint8)
    face = Box(10, 10, 90, 90)
    nose = Box(50, 50, 70, 70)
    next_one = Box(85, 10, 165, 90)
    assert paint_over_boxes(image, face, [nose]) is image
    np.testing.assert_array_equal(
        paint_over_boxes(image, face, [nose, next_one]), paint_over_boxes(image, face, [next_one])
    )


def test_all_that_is_nearer_to_another_box_is_painted_over() -> None:
    image = np.zeros((90, 140, 3), np.uint8)
    mine = Box(20, 10, 70, 60)
    other = Box(62, 31, 122, 95)
    y, x = np.mgrid[:90, :140]
    here, there = (np.hypot(x - box.centre[0], y - box.centre[1]) for box in (mine, other))
    painted = paint_over_boxes(image, mine, [other]).any(-1)
    assert painted[there < here - 1].all()
    assert not painted[here < there - 1].any()


def test_painting_a_part_paints_what_painting_the_whole_does() -> None:
    rng = np.random.default_rng(3)
    image = rng.integers(0, 256, (120, 160, 3), np.uint8)
    partly = 0
    for _ in range(300):
        faces = [square(*rng.uniform((-60, -60, 5), (180, 140, 90))) for _ in range(4)]
        around = [
            Neighbour(one, (True, False, None)[rng.integers(3)]) for one in faces[1 : rng.integers(2, 5)]
        ]
        points = None if rng.random() < 0.2 else faces[0]
        whole = image.copy()
        whole[draw_neighbours(points, around, (120, 160)) > 0] = 128
        part = paint_over_neighbours(image, points, around)
        np.testing.assert_array_equal(part, whole)
        partly += bool((part != image).any())
    assert partly > 200


def test_of_a_large_picture_one_copy_is_made() -> None:
    image = np.zeros((2160, 3840, 3), np.uint8)
    around = [Neighbour(square(480 + 30 * i, 400, 300), known) for i, known in enumerate((True, False, None))]
    mine = Box(300, 300, 600, 600)
    other = Box(580, 300, 880, 600)
    for paint in (
        lambda: paint_over_neighbours(image, square(300, 400, 300), around),
        lambda: paint_over_boxes(image, mine, [other, other]),
    ):
        tracemalloc.start()
        painted = paint()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert painted.any()
        assert peak < 1.05 * image.nbytes
