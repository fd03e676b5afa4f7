"""Choosing and blending references."""

from __future__ import annotations

import numpy as np

from recaster.likeness.references import ExpressionFeatures, choose_references, compute_blend_weights


def test_a_reference_is_shown_by_itself_above_all() -> None:
    references = np.random.default_rng(0).normal(size=(8, 5)) * 10
    weights = compute_blend_weights(references, references)
    assert (weights.argmax(1) == np.arange(8)).all()
    assert weights.diagonal().min() > 0.5


def test_weights_sum_to_one_and_are_few() -> None:
    random = np.random.default_rng(1)
    weights = compute_blend_weights(random.normal(size=(50, 4)), random.normal(size=(20, 4)))
    assert np.allclose(weights.sum(1), 1)
    assert (np.count_nonzero(weights > 1e-6, axis=1) <= 3).all()


def test_nothing_pops_when_the_order_changes() -> None:
    references = np.random.default_rng(2).normal(size=(12, 2))
    path = np.stack([np.linspace(-2, 2, 4001), np.linspace(1, -1, 4001)], -1)
    steps = np.abs(np.diff(compute_blend_weights(path, references), axis=0))
    assert steps.max() < 0.02


def test_excluded_references_are_never_used() -> None:
    references = np.arange(6.0)[:, None]
    excluded = np.zeros((1, 6), bool)
    excluded[0, [2, 3]] = True
    weights = compute_blend_weights(np.array([[2.4]]), references, excluded)
    assert weights[0, 2] == weights[0, 3] == 0
    assert np.isclose(weights.sum(), 1)


def test_one_reference_left_is_taken_whole() -> None:
    excluded = np.array([[True, False, True]])
    weights = compute_blend_weights(np.array([[0.0]]), np.arange(3.0)[:, None], excluded)
    assert weights.tolist() == [[0, 1, 0]]


def test_chosen_references_are_sharp_distinct_and_begin_calm() -> None:
    random = np.random.default_rng(4)
    values = random.normal(size=(200, 6))
    shapes = ExpressionFeatures(values[:, :2], values[:, 2:4], values[:, 4:])
    sharpness = random.uniform(size=200)
    chosen = choose_references(shapes, sharpness, 20)
    assert len(set(chosen.tolist())) == 20
    assert sharpness[chosen].min() >= np.quantile(sharpness, 0.3)
    distances = np.linalg.norm(values - np.median(values, 0), axis=1)
    assert distances[chosen[0]] <= np.quantile(distances, 0.1)
    spread = np.linalg.norm(values[chosen][:, None] - values[chosen][None], axis=-1)
    assert np.median(spread) > np.median(np.linalg.norm(values[:20, None] - values[None, :20], axis=-1))


def test_a_frozen_clip_is_one_reference() -> None:
    shapes = ExpressionFeatures(np.zeros((30, 2)), np.ones((30, 2)), np.ones((30, 2)))
    assert len(choose_references(shapes, np.ones(30), 8)) == 1


def test_five_faces_are_enough_to_choose_from() -> None:
    values = np.random.default_rng(5).normal(size=(5, 6))
    shapes = ExpressionFeatures(values[:, :2], values[:, 2:4], values[:, 4:])
    chosen = choose_references(shapes, np.arange(5.0), 24)
    assert 1 <= len(chosen) == len(set(chosen.tolist()))


def test_frames_that_show_no_bare_face_are_chosen_only_if_hardly_any_does() -> None:
    values = np.random.default_rng(6).normal(size=(60, 6))
    shapes = ExpressionFeatures(values[:, :2], values[:, 2:4], values[:, 4:])
    sharpness = np.ones(60)
    asked: list[int] = []

    def bare(row: int) -> bool:
        asked.append(row)
        return row % 2 == 0

    chosen = choose_references(shapes, sharpness, 12, bare)
    assert len(chosen) == 12
    assert not (chosen % 2).any()
    assert len(asked) == len(set(asked)) < 60, "no more frames are looked at than needed"
    everything = choose_references(shapes, sharpness, 12)
    assert np.array_equal(choose_references(shapes, sharpness, 12, lambda row: row == 0), everything)
