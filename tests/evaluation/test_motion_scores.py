from __future__ import annotations

import numpy as np
import pytest

from recaster.evaluation import motion_scores
from recaster.evaluation.types import FaceObservations
from recaster.faces.alignment import EYE_DISTANCE, TEMPLATE


def talking(count: int = 60) -> np.ndarray:
    """A face (count, 68, 2) in head coordinates that opens mouth and eyes, each in its own rhythm."""
    face = np.zeros((68, 2))
    face[17:] = TEMPLATE / EYE_DISTANCE
    face[:17] = np.stack([np.linspace(-1.2, 1.2, 17), 0.6 + np.sqrt(1 - np.linspace(-0.9, 0.9, 17) ** 2)], 1)
    faces = np.repeat(face[None], count, axis=0)
    t = np.arange(count)
    faces[:, (65, 66, 67), 1] += 0.1 * (1 + np.sin(t / 4))[:, None]
    faces[:, (37, 38, 43, 44), 1] += 0.04 * (1 + np.sin(t / 7))[:, None]
    return faces


def on_screen(faces: np.ndarray, seed: int = 0) -> np.ndarray:
    """The same in pixels, each frame turned, scaled and moved in its own way."""
    rng = np.random.default_rng(seed)
    angle = rng.normal(0, 0.3, len(faces))
    scale = rng.uniform(40, 90, len(faces))
    turn = scale[:, None, None] * np.stack(
        [np.stack([np.cos(angle), -np.sin(angle)], -1), np.stack([np.sin(angle), np.cos(angle)], -1)], 1
    )
    return faces @ np.swapaxes(turn, 1, 2) + rng.uniform(100, 300, (len(faces), 1, 2))


def seen(points: np.ndarray) -> FaceObservations:
    pupils = np.zeros((len(points), 2, 2))
    pupils[..., 0] = 0.1 * np.sin(np.arange(len(points)) / 5)[:, None]
    return FaceObservations(points, pupils, np.full((len(points), 128), np.nan))


def test_head_coordinates_take_the_heads_movement_out() -> None:
    still = motion_scores.head_coordinates(on_screen(np.repeat(talking(1), 30, axis=0)))
    assert np.allclose(still, still[0], atol=1e-9)


def test_the_same_motion_on_another_face_deviates_by_nothing() -> None:
    faces = talking()
    other = faces + np.random.default_rng(1).normal(0, 0.02, (1, 68, 2))  # another shape, the same motion
    assert motion_scores.deviations(faces, other).max() < 1e-9


def test_a_frozen_face_has_the_frozen_value() -> None:
    faces = talking()
    frozen = np.repeat(faces[:1], len(faces), axis=0)
    expected = np.nanmean(motion_scores.deviations(faces, np.zeros_like(faces)))
    assert np.nanmean(motion_scores.deviations(faces, frozen)) == pytest.approx(expected)
    assert expected > 0.3


def test_scores_of_an_unswapped_clip() -> None:
    here = seen(on_screen(talking()))
    scores = {one.name: one for one in motion_scores.motion_scores(here, here, here).figures}
    assert scores["motion_deviation"].value == pytest.approx(0, abs=1e-9)
    assert scores["mouth_correlation"].value == pytest.approx(1)
    assert scores["gaze_correlation"].value == pytest.approx(1)
    assert scores["jitter"].value == pytest.approx(1)
    assert scores["pose_difference"].value == pytest.approx(0, abs=1e-9)


def test_noise_raises_jitter_and_a_shift_lowers_correlation() -> None:
    faces = talking()
    rng = np.random.default_rng(2)
    here = seen(faces * 60 + 200)
    noisy = seen(here.points + rng.normal(0, 1, here.points.shape))
    late = seen(np.roll(here.points, 6, axis=0))
    of = {
        name: {one.name: one.value for one in motion_scores.motion_scores(here, other, here).figures}
        for name, other in (("noisy", noisy), ("late", late))
    }
    assert of["noisy"]["jitter"] > 3
    assert of["late"]["mouth_correlation"] < 0.5
    assert of["late"]["motion_deviation"] > 0.3


def test_frames_in_which_nothing_was_seen_are_left_out() -> None:
    points = on_screen(talking())
    points[10:20] = np.nan
    scores = motion_scores.motion_scores(seen(points), seen(points), seen(points))
    assert np.isnan(scores.frames["motion_deviation"][10:20]).all()
    assert all(np.isfinite(one.value) for one in scores.figures)


def test_nothing_seen_at_all_is_no_number_and_no_crash() -> None:
    nothing = seen(np.full((5, 68, 2), np.nan))
    assert np.isnan(motion_scores.motion_scores(nothing, nothing, nothing).figures[0].value)


def test_correlation_of_a_constant() -> None:
    rising = np.arange(10.0)
    assert motion_scores.correlation(rising, np.ones(10)) == 0
    assert np.isnan(motion_scores.correlation(np.ones(10), rising))


def test_a_mouth_that_hardly_opens_follows_but_has_a_small_range() -> None:
    faces = talking()
    muted = faces.copy()
    muted[:, 60:] = faces[:, 60:].mean(axis=0) + 0.3 * (faces[:, 60:] - faces[:, 60:].mean(axis=0))
    here = seen(faces * 60 + 200)
    scores = motion_scores.motion_scores(here, seen(muted * 60 + 200), here).figures
    values = {one.name: one.value for one in scores}
    assert values["mouth_correlation"] > 0.99
    assert values["mouth_range"] == pytest.approx(0.3, abs=0.02)
    assert values["eye_range"] == pytest.approx(1)


def test_gaze_of_one_open_eye() -> None:
    pupils = np.array([[[0.1, 0], [np.nan, np.nan]], [[0.1, 0], [0.3, 0]], [[np.nan] * 2] * 2])
    assert motion_scores.gaze(pupils) == pytest.approx([0.1, 0.2, np.nan], nan_ok=True)


def test_a_look_aside_is_an_offset_and_crossed_eyes_are_a_squint() -> None:
    straight = np.zeros((4, 2, 2))
    straight[3, 0] = np.nan  # one eye shut
    aside = straight + np.array([0.1, -0.05])
    crossed = straight + np.array([[0.1, 0], [-0.1, 0]])
    assert motion_scores.gaze_offset(straight, aside) == pytest.approx([0.1, -0.05])
    assert motion_scores.squint(straight, aside) == pytest.approx(0)
    assert motion_scores.squint(straight, crossed) == pytest.approx(0.2)
    assert np.isnan(motion_scores.gaze_offset(straight, straight * np.nan)).all()


def test_poses_of_a_turned_solid_head() -> None:
    yaw = np.radians(20)
    turn = np.array([[np.cos(yaw), 0, -np.sin(yaw)], [0, 1, 0], [np.sin(yaw), 0, np.cos(yaw)]])
    flat = np.zeros((2, 68, 2))
    flat[0, list(motion_scores.SOLID)] = motion_scores._IN_SPACE[:, :2]
    flat[1, list(motion_scores.SOLID)] = (motion_scores._IN_SPACE @ turn.T)[:, :2]
    found = motion_scores.poses(50 * flat + 100)
    assert found[0] == pytest.approx([0, 0, 0], abs=1e-6)
    assert abs(found[1, 0]) == pytest.approx(20, abs=0.1)
    assert found[1, 1:] == pytest.approx([0, 0], abs=0.1)
