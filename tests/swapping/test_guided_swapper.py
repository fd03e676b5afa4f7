"""The guided swapper on rendered actors: the likeness actor's face on the performer's motion."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import pytest

from recaster.errors import UsageError, WeightsError
from recaster.faces import alignment, geometry, topology
from recaster.faces.analysis import analyse
from recaster.likeness.references import measure_lip_gaps
from recaster.media.reader import read_frames
from recaster.models.model_folder import ModelCard, ModelFolder
from recaster.models.presets import GuidedNetwork, preset
from recaster.models.tensors import save_tensors
from recaster.processes import shared_arrays
from recaster.settings.detection import AnalysisSettings, Smoothing
from recaster.settings.look import LookSettings
from recaster.settings.look_course import LookChange, LookCourse
from recaster.swapping.guided import GuidedSwapper
from recaster.swapping.swapper import PlannedFace

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from recaster.faces.types import FaceTrack
    from recaster.facesets.faceset import Faceset
    from recaster.media.types import Frame
    from recaster.swapping.swapper import TrackPlan

FRAMES = 40


@pytest.fixture(scope="module")
def performance(actors: Path) -> tuple[list[Frame], FaceTrack]:
    frames = list(read_frames(actors / "performer.mp4", stop=FRAMES))
    analysis = analyse(frames, AnalysisSettings(identify=False))
    return frames, analysis.tracks[0]


@pytest.fixture(scope="module")
def swapper(actor_faceset: Faceset) -> GuidedSwapper:
    return GuidedSwapper.from_faceset(actor_faceset)


def planned(plan: TrackPlan, frames: list[Frame], size: int, row: int) -> PlannedFace:
    matrix = plan.matrices[row]
    return PlannedFace(
        alignment.warp(frames[plan.frames[row]].image, matrix, size),
        matrix,
        alignment.transform(plan.landmarks[row], matrix),
        {name: values[row] for name, values in plan.extra.items()},
    )


def test_it_swaps_without_training(
    swapper: GuidedSwapper, performance: tuple[list[Frame], FaceTrack]
) -> None:
    frames, track = performance
    plan = swapper.plan(track, Smoothing("zero-phase"))
    faces = [planned(plan, frames, swapper.size, row) for row in (0, 20, 39)]
    for face, swapped in zip(faces, swapper.swap(faces), strict=True):
        inside = swapped.mask > 0.9
        assert 0.2 < inside.mean() < 0.9
        assert np.abs(swapped.image.astype(int) - face.image)[inside].mean() > 8
        assert (swapped.matrix == face.matrix).all()


def test_what_is_painted_does_not_depend_on_the_batch(
    swapper: GuidedSwapper, performance: tuple[list[Frame], FaceTrack]
) -> None:
    frames, track = performance
    plan = swapper.plan(track, Smoothing("zero-phase"))
    faces = [planned(plan, frames, swapper.size, row) for row in (3, 30)]
    together = swapper.swap(faces)
    alone = swapper.swap(faces[1:])
    assert (together[1].image == alone[0].image).all()


def test_the_mouth_follows_the_performer(
    swapper: GuidedSwapper, performance: tuple[list[Frame], FaceTrack]
) -> None:
    _, track = performance
    plan = swapper.plan(track, Smoothing("zero-phase"))
    wanted = geometry.mouth_gap(plan.extra["wanted"])
    theirs = geometry.mouth_gap(plan.landmarks)
    assert np.corrcoef(wanted, theirs)[0, 1] > 0.95


def test_an_open_mouth_is_the_performers_own_on_a_source_that_never_opened_hers(
    swapper: GuidedSwapper, performance: tuple[list[Frame], FaceTrack]
) -> None:
    likeness = swapper.likeness
    shut = measure_lip_gaps(likeness.features.mouth)[:, 4].argsort()[:4]
    quiet = dataclasses.replace(
        likeness,
        textures=likeness.textures[shut],
        features=likeness.features[shut],
        records=likeness.records[shut],
    )
    mute = GuidedSwapper(quiet, swapper.size, swapper.digest)
    plan = mute.plan(performance[1], Smoothing("none"))
    gaps = geometry.mouth_gap(plan.landmarks)
    rows = [int(gaps.argmax()), int(gaps.argmin())]
    wide, closed = (planned(plan, performance[0], mute.size, row) for row in rows)
    (shown, shut_lips) = mute.swap([wide, closed])
    assert shown.mouth is not None
    wanted = alignment.transform(wide.extra["wanted"], wide.matrix)
    assert geometry.mouth_gap(wanted) > 0.9 * gaps.max()
    for share in (0.2, 0.5, 0.8):
        there, here = (
            np.round((1 - share) * mesh[topology.LIP_TOP, :2] + share * mesh[topology.LIP_BOTTOM, :2])
            for mesh in (wide.landmarks, wanted)
        )
        (x, y) = there.astype(int)
        (column, row) = here.astype(int)
        assert shown.mouth.share[row, column] > 0.9
        assert np.abs(shown.mouth.image[row, column].astype(int) - wide.image[y, x]).mean() < 25
    assert shut_lips.mouth is None or shut_lips.mouth.share.max() < 0.5


def test_other_landmarks_are_refused(
    swapper: GuidedSwapper, performance: tuple[list[Frame], FaceTrack]
) -> None:
    track = dataclasses.replace(performance[1], landmarks=performance[1].landmarks[:, :68])
    with pytest.raises(UsageError, match="--landmarker mesh"):
        swapper.plan(track, Smoothing("none"))


def test_a_trained_model_is_read_and_checked(
    actor_faceset: Faceset, performance: tuple[list[Frame], FaceTrack], tmp_path: Path
) -> None:
    from recaster.training.guided import guided_training
    from recaster.training.guided_data import Source

    base = preset("guided-128")
    tiny = dataclasses.replace(base, size=32, batch=2, network=GuidedNetwork(widths=(8, 16), references=6))
    folder = ModelFolder(tmp_path)
    training = guided_training(tiny, [Source.of(tiny, actor_faceset, folder)])
    folder.write(ModelCard(tiny, actor_faceset.digest()))
    save_tensors(folder.weights, training.weights(), {})
    swapper = GuidedSwapper.from_model(folder)
    plan = swapper.plan(performance[1], Smoothing("none"))
    result = swapper.swap([planned(plan, performance[0], swapper.size, row) for row in range(3)])
    assert len(result) == 3
    assert result[0].image.shape == (64, 64, 3)
    weights = training.weights()
    weights.pop(next(iter(weights)))
    save_tensors(folder.weights, weights, {})
    with pytest.raises(WeightsError, match="weights"):
        GuidedSwapper.from_model(folder)
    save_tensors(folder.weights, training.weights(), {})
    folder.likeness.unlink()
    with pytest.raises(WeightsError, match=r"likeness\.safetensors"):
        GuidedSwapper.from_model(folder)


@pytest.mark.parametrize("trained", [False, True])
def test_beyond_the_face_the_target_is_shown(
    swapper: GuidedSwapper, performance: tuple[list[Frame], FaceTrack], trained: bool
) -> None:
    class Grey:
        def finish(self, conditions: np.ndarray) -> np.ndarray:
            return np.full_like(conditions[..., :3], 99)

    frames, track = performance
    one = GuidedSwapper(swapper.likeness, swapper.size, "grey", Grey() if trained else None)  # type: ignore[arg-type]
    face = planned(one.plan(track, Smoothing("zero-phase")), frames, one.size, 0)
    [swapped] = one.swap([face])
    for row, column in ((0, 0), (0, -1), (-1, 0), (-1, -1)):
        assert (swapped.image[row, column] == face.image[row, column]).all()
    middle = one.size // 2
    assert (swapped.image[middle, middle] == 99).all() == trained


def follow(swapper: GuidedSwapper, track: FaceTrack, **look: Any) -> TrackPlan:
    return swapper.plan(track, Smoothing("zero-phase"), LookCourse(LookSettings(**look)))


def test_a_strength_between_has_a_shape_between(
    swapper: GuidedSwapper, performance: tuple[list[Frame], FaceTrack]
) -> None:
    _, track = performance
    plans = {strength: follow(swapper, track, strength=strength) for strength in (0, 0.5, 1)}
    shapes = {strength: plan.extra["wanted"] for strength, plan in plans.items()}
    assert (shapes[0] == plans[0].landmarks).all()
    assert np.allclose(shapes[0.5], (shapes[0] + shapes[1]) / 2)
    assert np.linalg.norm(shapes[1] - shapes[0], axis=-1).max() > 3
    for plan in plans.values():
        assert (plan.matrices == plans[1].matrices).all()
        assert (plan.extra["weights"] == plans[1].extra["weights"]).all()


def test_a_long_track_is_planned_in_parts_alike(
    swapper: GuidedSwapper,
    performance: tuple[list[Frame], FaceTrack],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, track = performance
    changed = LookChange(range(3, 9), (("expression", 1.2), ("strength", 0.5)))
    course = LookCourse(changes=(changed,))
    whole = swapper.plan(track, Smoothing(), course)
    monkeypatch.setattr(shared_arrays, "MAX_ROWS", 5)
    monkeypatch.setattr(shared_arrays, "MIN_MAPPED_BYTES", 8)
    parts = swapper.plan(track, Smoothing(), course)
    for name in ("matrices", "landmarks", "opacities"):
        np.testing.assert_array_equal(getattr(parts, name), getattr(whole, name))
    for name, values in whole.extra.items():
        np.testing.assert_array_equal(parts.extra[name], values)


def test_expressions_are_weaker_or_stronger_and_blinks_stay_blinks(
    swapper: GuidedSwapper, performance: tuple[list[Frame], FaceTrack]
) -> None:
    still, plain, strong = (
        follow(swapper, performance[1], expression=gain).extra["wanted"] for gain in (0, 1, 1.5)
    )
    moves = [np.ptp(geometry.mouth_gap(mesh)) for mesh in (still, plain, strong)]
    assert moves[0] < 0.1 * moves[1]
    assert 1.3 * moves[1] < moves[2] < 1.7 * moves[1]
    least = [geometry.lid_openings(mesh).min() for mesh in (still, plain, strong)]
    assert np.allclose(least, least[1], atol=0.01)


def test_eyes_look_less_or_farther_aside(
    swapper: GuidedSwapper, performance: tuple[list[Frame], FaceTrack]
) -> None:
    aside = []
    for gain in (0, 1, 1.5):
        mesh = follow(swapper, performance[1], gaze=gain).extra["wanted"]
        eye = mesh[:, list(topology.EYE_LEFT)].mean(1)
        aside.append(((mesh[:, topology.IRIS_LEFT] - eye)[:, 0] / geometry.eye_distance(mesh)).std())
    assert aside[0] < 0.5 * aside[1]
    assert aside[2] > 1.3 * aside[1]


@pytest.mark.parametrize("part", ["inner-mouth", "beard"])
def test_lips_beside_what_is_kept_have_the_performers_shape(
    swapper: GuidedSwapper, performance: tuple[list[Frame], FaceTrack], part: str
) -> None:
    plain, fitted = (follow(swapper, performance[1], keep=keep) for keep in ((), (part,)))
    lips = [*topology.LIPS_OUTER, *topology.LIPS_INNER]
    assert np.allclose(fitted.extra["wanted"][:, lips], fitted.landmarks[:, lips])
    upper = [*topology.EYE_LEFT, *topology.BROW_RIGHT, topology.NOSE_TIP, *topology.OVAL]
    moved = np.linalg.norm(fitted.extra["wanted"] - plain.extra["wanted"], axis=-1)
    assert moved[:, upper].max() < 0.05 * moved.max()
