"""Trouble that is planted in an analysis is found where it is, and nothing else."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from recaster.faces.analysis_cache import analyse_clip
from recaster.faces.track_pieces import select_rows
from recaster.faces.tracklets import outline
from recaster.faces.trouble import TroubleReason, find_trouble
from recaster.faces.types import Analysis, FaceTrack
from recaster.media.clip import Clip

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

COUNT = 200
SIZE = (640, 480)
PLANTED = range(100, 112)


@pytest.fixture(scope="module")
def mesh(actors: Path, tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    """The mesh of a rendered performer."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RECASTER_CACHE", str(tmp_path_factory.mktemp("cache")))
        return analyse_clip(Clip(actors / "performer.mp4"), None, range(3)).tracks[0].landmarks[0]


@pytest.fixture(scope="module")
def found(mesh: np.ndarray) -> Analysis:
    """A talking head: it sways, nods and comes nearer, and landmarks tremble."""
    times = np.arange(COUNT) / 25
    noise = np.random.default_rng(4).normal(0, 0.15, (COUNT, *mesh.shape))
    middle = mesh.mean(0)
    meshes = []
    for time, tremble in zip(times.tolist(), noise, strict=True):
        face = turned(mesh, 8 * np.sin(2 * time)) - middle
        sway = (320 + 40 * np.sin(3 * time), 240 + 12 * np.sin(5 * time), 0)
        meshes.append(face * (1 + 0.1 * np.sin(time)) + sway + tremble)
    return Analysis((make_track(0, np.stack(meshes), who=0.0),), (), COUNT)


def make_track(number: int, landmarks: np.ndarray, who: float) -> FaceTrack:
    frames = np.arange(len(landmarks))
    return FaceTrack(
        track=number,
        frames=frames,
        times=frames / 25,
        boxes=np.array([outline(points).sides for points in landmarks]),
        landmarks=landmarks,
        scores=np.ones(len(frames)),
        filled=np.zeros(len(frames), bool),
        embedding=np.full(128, who / np.sqrt(128)),
    )


def turned(points: np.ndarray, degrees: float) -> np.ndarray:
    """Points rolled about their middle."""
    angle = np.radians(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    return (points - points.mean(0)) @ turn.T + points.mean(0)


def plant(found: Analysis, change: Callable[[np.ndarray], np.ndarray]) -> Analysis:
    landmarks = found.tracks[0].landmarks.copy()
    for frame in PLANTED:
        landmarks[frame] = change(landmarks[frame])
    return dataclasses.replace(found, tracks=(make_track(0, landmarks, who=0.0),))


def pieces(found: Analysis, begin: int, **changes: Any) -> Analysis:
    """The track up to the planted frames, and from a frame on as another."""
    [track] = found.tracks
    rest = dataclasses.replace(select_rows(track, track.frames >= begin), track=1, **changes)
    return dataclasses.replace(found, tracks=(select_rows(track, track.frames < PLANTED.start), rest))


def test_where_nothing_is_wrong_nothing_is_found(found: Analysis) -> None:
    assert find_trouble(found, SIZE) == ()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda points: points + np.array([60, -20, 0]), "box-jump"),
        (lambda points: (points - points.mean(0)) * 1.3 + points.mean(0), "size-jump"),
        (lambda points: turned(points, 30), "angle-jump"),
    ],
)
def test_jumps_are_found(found: Analysis, change: Callable[[np.ndarray], np.ndarray], reason: str) -> None:
    [trouble] = find_trouble(plant(found, change), SIZE)
    assert trouble.reason == reason
    assert (trouble.first_frame, trouble.last_frame) == (99, 112)
    assert trouble.to_json() == {"reason": reason, "track": 0, "first_frame": 99, "last_frame": 112}


def test_lost_faces_are_found(found: Analysis) -> None:
    [trouble] = find_trouble(pieces(found, PLANTED.stop), SIZE)
    assert (trouble.reason, trouble.track) == (TroubleReason.NO_FACE, 0)
    assert (trouble.first_frame, trouble.last_frame) == (100, 111)
    assert trouble.sentence == "frames 100-111, track 0: no face, though the person is there before or after"
    [track] = found.tracks
    short = select_rows(track, (track.frames >= 20) & (track.frames < 150))
    ends = find_trouble(dataclasses.replace(found, tracks=(short,)), SIZE)
    assert [(each.first_frame, each.last_frame) for each in ends] == [(0, 19), (150, 199)]
    cut = dataclasses.replace(found, tracks=(short,), cuts=(20, 150))
    assert find_trouble(cut, SIZE) == (), "in the other shots the person never was"


def test_faces_that_leave_the_picture_are_no_trouble(found: Analysis) -> None:
    [track] = found.tracks
    short = select_rows(track, track.frames < 150)
    width = int(short.boxes[-1, 2]) + 2
    assert find_trouble(dataclasses.replace(found, tracks=(short,)), (width, 480)) == ()


def test_a_face_that_goes_on_as_somebody_else_is_found(found: Analysis) -> None:
    [trouble] = find_trouble(pieces(found, PLANTED.start, embedding=np.full(128, 1 / np.sqrt(128))), SIZE)
    assert (trouble.reason, trouble.track) == (TroubleReason.IDENTITY_JUMP, 1)
    assert (trouble.first_frame, trouble.last_frame) == (100, 100)


def test_low_confidence_is_found(found: Analysis) -> None:
    [track] = found.tracks
    scores = np.where(np.isin(track.frames, PLANTED), 0.6, 1.0)
    scores[30] = 0.6
    unsure = dataclasses.replace(found, tracks=(dataclasses.replace(track, scores=scores),))
    [trouble] = find_trouble(unsure, SIZE)
    assert trouble.reason == TroubleReason.LOW_CONFIDENCE
    assert (trouble.first_frame, trouble.last_frame) == (100, 111)


def test_frames_that_were_made_up_are_found(found: Analysis) -> None:
    [track] = found.tracks
    filled = dataclasses.replace(track, filled=np.isin(track.frames, PLANTED))
    [trouble] = find_trouble(dataclasses.replace(found, tracks=(filled,)), SIZE)
    assert (trouble.reason, trouble.first_frame) == (TroubleReason.NO_FACE, 100)
