from __future__ import annotations

import cv2
import numpy as np
import pytest

from recaster.evaluation import pixel_judge
from recaster.evaluation.face_window import MAX_EYE_DISTANCE_PX, Window, filled
from recaster.evaluation.ground_truth import decibels, mean_squared_error, structural_similarity
from recaster.evaluation.pixel_judge import PixelJudge
from recaster.faces.sharpness import laplacian_variance
from recaster.faces.topology import OVAL


def textured(size: int = 240, seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, 40, (size, size, 3))
    return np.clip(cv2.GaussianBlur(noise, (0, 0), 2) * 3 + 128, 0, 255).astype(np.uint8)


def mesh(centre: tuple[float, float] = (120, 120), eyes: float = 60.0) -> np.ndarray:
    """A (478, 3) mesh whose oval is an ellipse; all other points lie in the middle or are the eyes."""
    points = np.zeros((478, 3))
    points[:, :2] = centre
    angles = np.linspace(-np.pi / 2, 1.5 * np.pi, len(OVAL), endpoint=False)
    points[list(OVAL), :2] += np.stack([1.1 * eyes * np.cos(angles), 1.5 * eyes * np.sin(angles)], -1)
    for corners, side in (((33, 133), -0.5), ((362, 263), 0.5)):
        points[list(corners), 0] = centre[0] + side * eyes
    return points


def test_sharpness_falls_with_blur_and_is_nothing_for_nothing() -> None:
    grey = textured()[..., 0]
    everywhere = np.ones(grey.shape, bool)
    assert laplacian_variance(cv2.GaussianBlur(grey, (0, 0), 2), everywhere) < 0.3 * laplacian_variance(
        grey, everywhere
    )
    assert np.isnan(laplacian_variance(grey, ~everywhere))


@pytest.mark.parametrize(("feather", "low", "high"), [(0, 0.8, 9), (12, 0.02, 0.5)])
def test_a_hard_edge_is_a_seam_and_a_soft_one_hardly(feather: int, low: float, high: float) -> None:
    outline = mesh()[list(OVAL), :2]
    grey = np.full((240, 240), 120, np.uint8)
    inside = filled(outline, (240, 240), 0).astype(np.float32)
    if feather:
        inside = cv2.GaussianBlur(inside, (0, 0), feather)
    found = pixel_judge.seam(grey, np.rint(grey + 18 * inside).astype(np.uint8), outline, 60)
    assert low < found < high


def test_an_edge_that_was_there_or_moved_a_little_is_no_seam() -> None:
    outline = mesh()[list(OVAL), :2]
    scenes = [np.where(filled(outline, (240, 240), grow), 160, 90).astype(np.uint8) for grow in (0, 4)]
    assert pixel_judge.seam(scenes[0], scenes[0], outline, 60) == 0
    assert pixel_judge.seam(scenes[0], scenes[1], outline, 60) < 0.6


def test_a_window_brings_large_faces_to_one_scale_and_leaves_small_ones() -> None:
    image = np.zeros((2000, 2000, 3), np.uint8)
    large = Window.around(mesh((1000, 1000), 400), image.shape)
    small = Window.around(mesh((1000, 1000), 50), image.shape)
    assert large is not None
    assert small is not None
    assert large.eyes == pytest.approx(MAX_EYE_DISTANCE_PX)
    assert small.eyes == pytest.approx(50)
    assert large.cut(image).shape[1::-1] == large.size
    assert large.face().mean() == pytest.approx(small.face().mean(), abs=0.01)


def test_no_window_for_a_face_outside_of_the_picture() -> None:
    assert Window.around(mesh((-500, 100)), (240, 240, 3)) is None


def test_flow_takes_motion_out_and_leaves_flicker() -> None:
    first = textured()[..., 0]
    moved = np.roll(first, 3, axis=1)
    inside = np.zeros(first.shape, bool)
    inside[40:200, 40:200] = True
    places = pixel_judge.Flow().places(moved, first)
    still = pixel_judge.flow_change(moved, first, places, inside)
    brighter = np.clip(moved.astype(np.int16) + 10, 0, 255).astype(np.uint8)
    assert still < 0.5 * cv2.absdiff(moved, first)[inside].mean()
    assert pixel_judge.flow_change(brighter, first, places, inside) > still + 5


def test_the_judge_of_pixels_counts_missed_frames_and_changes_outside() -> None:
    image = textured()
    points = mesh()
    judge = PixelJudge()
    judge.add(image, image, points)
    beside = image.copy()
    beside[:30, :30] = 255 - beside[:30, :30]
    swapped = np.where(filled(points[list(OVAL), :2], (240, 240), 0)[..., None], 255 - beside, beside)
    judge.add(image, swapped, points)
    judge.add(image, image, None)
    scores = judge.scores()
    values = {one.name: one.value for one in scores.figures}
    assert values["missed"] == 50
    assert scores.frames["outside_change"][0] == 0
    assert scores.frames["outside_change"][1] > 1
    assert np.isnan(scores.frames["sharpness"][2])


def test_psnr_and_ssim_of_known_pictures() -> None:
    image = textured()
    everywhere = np.ones((240, 240), bool)
    brighter = image.copy()
    brighter[:] = np.clip(image.astype(np.int16) + 10, 0, 255)
    assert decibels(mean_squared_error(image, image, everywhere)) == pytest.approx(78.13, abs=0.01)
    flat = np.full((64, 64, 3), 100, np.uint8)
    assert decibels(mean_squared_error(flat, flat + 10, np.ones((64, 64), bool))) == pytest.approx(
        28.13, abs=0.01
    )
    assert structural_similarity(image, image, everywhere) == pytest.approx(1)
    assert structural_similarity(image, textured(seed=1), everywhere) < 0.6
    assert np.isnan(mean_squared_error(image, image, ~everywhere))
