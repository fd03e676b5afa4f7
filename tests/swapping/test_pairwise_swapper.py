"""The pairwise swapper, with tiny untrained networks, and how a model folder becomes a swapper."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from recaster.errors import FacesetError, ModelError, UsageError, WeightsError
from recaster.faces.alignment import TEMPLATE, box_matrix, transform
from recaster.faces.topology import IBUG68
from recaster.faces.types import Box, FaceTrack
from recaster.models.model_folder import ModelCard, ModelFolder
from recaster.models.presets import Preset, overridden, preset
from recaster.models.tensors import save_tensors
from recaster.networks.pairwise import PairwiseSwap
from recaster.settings.detection import Smoothing
from recaster.swapping.load import load_swapper
from recaster.swapping.pairwise import PairwiseSwapper
from recaster.swapping.swapper import PlannedFace

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SIZE = 32
LIGHT = overridden(
    preset("fast-96"),
    size=SIZE,
    encoder_widths=(8, 8, 8),
    bottleneck=8,
    bottom_width=8,
    decoder_widths=(8, 8),
)
CLASSIC = overridden(
    preset("classic-64"),
    size=SIZE,
    encoder_widths=(8, 8, 8),
    bottleneck=8,
    bottom_width=8,
    decoder_widths=(8, 8),
)


def write_model(path: Path, recipe: Preset, seed: int = 0) -> Path:
    """A model folder with random weights."""
    folder = ModelFolder(path)
    folder.write(ModelCard(recipe, "source", "target"))
    random = np.random.default_rng(seed)
    weights = {
        name: random.normal(0, 0.2, shape).astype(kind)
        for name, (shape, kind) in PairwiseSwap.expected(recipe).items()
    }
    save_tensors(folder.weights, weights, {})
    return path


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Folders of a light and of a classic model."""
    folder = tmp_path_factory.mktemp("models")
    made = {
        name: write_model(folder / name, recipe) for name, recipe in (("light", LIGHT), ("classic", CLASSIC))
    }
    return made.__getitem__


def real_track(noise: float = 0.0) -> FaceTrack:
    """A face with the template's proportions that moves right and grows."""
    count = 30
    points = np.zeros((count, 478, 3))
    for t in range(count):
        points[t, list(IBUG68[17:]), :2] = TEMPLATE * (60 + t) + (20 + 2 * t, 10)
    points += np.random.default_rng(0).normal(0, noise, points.shape)
    boxes = np.array([[20 + 2 * t, 10, 80 + 3 * t, 70 + t] for t in range(count)], float)
    return FaceTrack(
        0,
        np.arange(5, 5 + count),
        np.arange(count) / 25,
        boxes,
        points,
        np.ones(count),
        np.zeros(count, bool),
    )


def faces(count: int) -> list[PlannedFace]:
    random = np.random.default_rng(1)
    turn = np.linspace(0, 2 * np.pi, 478, endpoint=False)
    points = np.stack([np.cos(turn) * 12 + 16, np.sin(turn) * 14 + 16, 0 * turn], axis=1)
    return [
        PlannedFace(random.integers(0, 255, (SIZE, SIZE, 3), dtype=np.uint8), np.eye(2, 3) * (i + 1), points)
        for i in range(count)
    ]


def test_aligned_crops_bring_the_face_onto_the_template(model: Any) -> None:
    track = real_track()
    plan = load_swapper(model("light")).plan(track, Smoothing("none"))
    assert np.array_equal(plan.frames, track.frames)
    for matrix, points in zip(plan.matrices, track.landmarks, strict=True):
        inner = transform(points[list(IBUG68[17:])], matrix)[:, :2]
        assert inner == pytest.approx(TEMPLATE * SIZE - 0.5, abs=1e-6)


def test_box_crops_are_the_seeds(model: Any) -> None:
    track = real_track()
    plan = load_swapper(model("classic")).plan(track, Smoothing("none"))
    assert plan.matrices[3] == pytest.approx(box_matrix(Box(*track.boxes[3]), SIZE, 1 / 15))


def test_crops_follow_the_smoothed_face(model: Any) -> None:
    swapper = load_swapper(model("light"))

    def jitter(name: str) -> float:
        return float(
            np.abs(np.diff(swapper.plan(real_track(1.5), Smoothing(name)).matrices, 2, axis=0)).mean()
        )

    assert jitter("zero-phase") < 0.6 * jitter("none")


@pytest.mark.parametrize("name", ["light", "classic"])
def test_a_batch_gives_what_single_faces_give(model: Any, name: str) -> None:
    swapper = load_swapper(model(name))
    given = faces(5)
    together = swapper.swap(given)
    alone = [swapper.swap([face])[0] for face in given]
    for face, both, single in zip(given, together, alone, strict=True):
        assert both.image.shape == (SIZE, SIZE, 3)
        assert both.image.dtype == np.uint8
        assert both.mask.shape == (SIZE, SIZE)
        assert both.mask.dtype == np.float32
        assert 0 <= both.mask.min() <= both.mask.max() <= 1
        assert np.abs(both.image.astype(int) - single.image).max() <= 1
        assert np.array_equal(both.matrix, face.matrix)
    assert np.abs(together[0].image.astype(int) - together[1].image).max() > 0


def test_the_classic_network_takes_68_points(model: Any) -> None:
    face = faces(1)[0]
    with_68 = PlannedFace(face.image, face.matrix, face.landmarks[:68])
    assert np.array_equal(
        load_swapper(model("classic")).swap([with_68])[0].image,
        load_swapper(model("classic")).swap([face])[0].image,
    )


def test_digest_tells_models_apart(model: Any, tmp_path: Path) -> None:
    shutil.copytree(model("light"), tmp_path / "copy")
    other = write_model(tmp_path / "other", LIGHT, seed=1)
    assert load_swapper(model("light")).digest == load_swapper(tmp_path / "copy").digest
    assert load_swapper(model("light")).digest != load_swapper(other).digest


def test_models_that_cannot_swap(model: Any, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="not a model folder"):
        load_swapper(tmp_path / "missing")
    shutil.copytree(model("light"), tmp_path / "young")
    (tmp_path / "young" / "weights.safetensors").unlink()
    with pytest.raises(ModelError, match=r"no weights to swap with yet; .*--resume"):
        load_swapper(tmp_path / "young")
    shutil.copytree(model("light"), tmp_path / "mixed")
    shutil.copy(model("classic") / "weights.safetensors", tmp_path / "mixed" / "weights.safetensors")
    with pytest.raises(WeightsError, match="expected float32"):
        load_swapper(tmp_path / "mixed")
    guided = tmp_path / "guided"
    ModelFolder(guided).write(ModelCard(preset("guided-128"), "source"))
    with pytest.raises(ModelError, match="guided model, not a pairwise one"):
        PairwiseSwapper.from_model(ModelFolder(guided))


def test_exactly_one_of_model_and_faceset(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not both"):
        load_swapper(tmp_path, tmp_path)
    with pytest.raises(UsageError, match="either"):
        load_swapper()
    with pytest.raises(FacesetError, match="there is no such faceset"):
        load_swapper(source=tmp_path / "missing")
