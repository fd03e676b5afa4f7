"""The judges judge: each way of spoiling a swap moves the figures that should see it, and how far."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from recaster.evaluation.measures import MEASURES

if TYPE_CHECKING:
    from collections.abc import Callable

    from recaster.evaluation.evaluation_result import EvaluationResult

# How the swap was spoilt, what it is compared with, the figure that sees it, and at least how much it moves.
SEEN = [
    ("unswapped", "true", "cosine_source", -0.2),
    ("unswapped", "true", "cosine_target", 0.2),
    ("unswapped", "true", "retrieval", -0.9),
    ("unswapped", "true", "missed", 90.0),
    ("unswapped", "true", "psnr_inside", -15.0),
    ("unswapped", "true", "landmark_error", 0.5),
    ("half_swapped", "true", "identity_margin", -0.15),
    ("half_swapped", "true", "perceptual_inside", 0.08),
    ("noisy", "true", "jitter", 0.25),
    ("noisy", "true", "flicker", 1.5),
    ("noisy", "true", "ssim_inside", -0.2),
    ("noisy", "true", "psnr_inside", -8.0),
    ("blurred", "true", "sharpness", -0.6),
    ("blurred", "true", "ssim_inside", -0.08),
    ("blurred", "true", "mouth_correlation", -0.1),
    ("blurred", "true", "detail_fine", -0.4),
    ("blurred", "true", "detail_middle", -0.2),
    ("blurred", "true", "detail_coarse", -0.1),
    ("noisy", "true", "detail_fine", 0.5),
    ("noisy", "true", "detail_colour", 1.2),
    ("yellowed", "true", "tint", 8.0),
    ("yellowed", "true", "tint_95", 8.0),
    ("shaded", "true", "light", 4.0),
    ("shaded", "true", "light_95", 8.0),
    ("late", "true", "motion_deviation", 1.5),
    ("late", "true", "mouth_correlation", -0.4),
    ("late", "true", "eye_correlation", -0.2),
    ("late", "true", "pose_difference", 1.0),
    ("late", "true", "landmark_error", 5.0),
    ("frozen", "true", "motion_deviation", 1.0),
    ("frozen", "true", "mouth_correlation", -0.4),
    ("frozen", "true", "eye_correlation", -0.6),
    ("frozen", "true", "mouth_range", -0.2),
    ("frozen", "true", "eye_range", -0.3),
    ("frozen", "true", "gaze_correlation", -0.4),
    ("glancing", "unswapped", "gaze_offset", 0.05),
    ("glancing", "unswapped", "gaze_across", 0.06),
    ("squinting", "unswapped", "squint", 0.05),
    ("frozen", "true", "gaze_range", -0.1),
    ("frozen", "true", "pose_difference", 0.8),
    ("trembling", "true", "jitter", 0.15),
    ("trembling", "true", "flicker", 1.0),
    ("flickering", "true", "flicker", 2.0),
    ("boxed", "unswapped", "seam", 0.4),
    ("missing", "true", "missed", 15.0),
    ("missing", "true", "retrieval", -0.1),
    ("beside", "true", "outside_change", 0.5),
    ("beside", "true", "outside_share", 3.0),
    ("beside", "true", "psnr_outside", -1.0),
    ("tilted", "true", "motion_deviation", 0.8),
    ("tilted", "true", "landmark_error", 4.0),
    ("tilted", "true", "perceptual_inside", 0.2),
]  # fmt: skip


@pytest.mark.parametrize(("spoilt", "against", "figure", "least"), SEEN, ids=str)
def test_a_spoilt_swap_is_seen(
    judged: Callable[[str], EvaluationResult], spoilt: str, against: str, figure: str, least: float
) -> None:
    moved = judged(spoilt).value(figure) - judged(against).value(figure)
    assert math.copysign(1, least) * moved >= abs(least)


def test_every_measure_is_moved_by_something() -> None:
    assert {figure for _, _, figure, _ in SEEN} >= {one.name for one in MEASURES.values() if one.better}


def test_the_true_swap_scores_as_one(judged: Callable[[str], EvaluationResult]) -> None:
    true = judged("true")
    assert true.value("retrieval") == 1
    assert true.value("missed") == 0
    assert true.value("psnr_inside") > 38
    assert true.value("ssim_inside") > 0.95
    assert true.value("perceptual_inside") < 0.05
    assert true.value("mouth_correlation") > 0.9
    assert true.value("sharpness") == pytest.approx(1, abs=0.12)
    assert true.value("flicker") == pytest.approx(1, abs=0.12)
    for name in ("detail_fine", "detail_middle", "detail_coarse", "detail_colour"):
        assert true.value(name) == pytest.approx(1, abs=0.15)


def test_an_unswapped_clip_scores_as_the_target(judged: Callable[[str], EvaluationResult]) -> None:
    unswapped = judged("unswapped")
    assert unswapped.value("cosine_target") > 0.85
    assert unswapped.value("retrieval") == 0
    assert unswapped.value("outside_share") < 0.1
    assert unswapped.value("seam") < 0.2
    figures = {one.name: one for one in unswapped.scores.figures}
    assert figures["motion_deviation"].value < figures["motion_deviation"].references["noise"]


def test_a_frozen_face_scores_at_least_near_the_frozen_reference(
    judged: Callable[[str], EvaluationResult],
) -> None:
    figure = next(one for one in judged("frozen").scores.figures if one.name == "motion_deviation")
    assert figure.value > 0.8 * figure.references["frozen"]


def test_all_figures_are_defined_and_all_definitions_are_used(
    judged: Callable[[str], EvaluationResult],
) -> None:
    assert {one.name for one in judged("true").scores.figures} == set(MEASURES)


def test_figures_stand_beside_the_true_swap(judged: Callable[[str], EvaluationResult]) -> None:
    true = judged("true")
    for figure in true.scores.figures:
        if figure.name in ("motion_deviation", "jitter", "flicker", "cosine_source"):
            assert figure.value == pytest.approx(figure.references["truth"], rel=0.25)


def test_the_worst_frames_are_the_spoilt_ones(judged: Callable[[str], EvaluationResult]) -> None:
    outcome = judged("missing")
    worst = [one["frame"] - int(outcome.index[0]) for one in outcome.about["worst"]]
    assert all(18 <= frame < 32 for frame in worst[:2])
