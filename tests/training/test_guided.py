"""Training the guided network on a rendered actor's faces."""

from __future__ import annotations

import dataclasses
import gc
import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tensorflow as tf

from recaster.errors import ModelError, UsageError
from recaster.models.model_folder import ModelCard, ModelFolder
from recaster.models.presets import GuidedNetwork, Preset, preset
from recaster.networks.guided import GuidedSwap

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.facesets.faceset import Faceset
    from recaster.likeness.likeness import Likeness
    from recaster.training.types import Training


@pytest.fixture(scope="module")
def tiny() -> Preset:
    base = preset("guided-128")
    network = GuidedNetwork(widths=(8, 16), critic_widths=(8, 8), references=6)
    return dataclasses.replace(base, size=32, batch=2, network=network)


class Coarse:
    """A backbone that sees colours at a quarter of the size."""

    size = 32
    eyes = np.array([(10.0, 11.0), (21.0, 11.0)])
    note = "coarse"

    def features(self, images: tf.Tensor) -> list[tf.Tensor]:
        return [tf.nn.avg_pool2d(images, 4, 4, "VALID")]


def training(tiny: Preset, faceset: Faceset, folder: Path, seed: int = 0) -> Training[Any]:
    from recaster.training.guided import guided_training
    from recaster.training.guided_data import Source

    source = Source.of(tiny, faceset, ModelFolder(folder))
    return guided_training(tiny, [source], seed, None, Coarse())


def likeness_of(tiny: Preset, faceset: Faceset, folder: Path) -> Likeness:
    from recaster.training.guided_data import Source

    return Source.of(tiny, faceset, ModelFolder(folder)).likeness


def test_it_learns(tiny: Preset, actor_faceset: Faceset, tmp_path: Path) -> None:
    model = training(tiny, actor_faceset, tmp_path)
    losses = [model.step(2e-3)["loss"] for _ in range(60)]
    assert np.mean(losses[-10:]) < 0.8 * np.mean(losses[:10])
    terms = [model.step(2e-3) for _ in range(4)]
    assert {"l1", "gradient", "ssim", "alone", "painted", "adversarial", "discriminator"} <= terms[0].keys()
    assert sum("perceptual" in step for step in terms) == 1
    assert model.preview().shape == (3 * 64, 6 * 64, 3)
    assert {name: value.shape for name, value in model.weights().items()} == {
        name: shape for name, (shape, _) in GuidedSwap.expected(tiny, 11).items()
    }


def test_stopped_and_resumed_it_takes_the_same_steps(
    tiny: Preset, actor_faceset: Faceset, tmp_path: Path
) -> None:
    whole = training(tiny, actor_faceset, tmp_path / "whole")
    for _ in range(8):
        whole.step(1e-3)
    first = training(tiny, actor_faceset, tmp_path / "parts")
    for _ in range(4):
        first.step(1e-3)
    second = training(tiny, actor_faceset, tmp_path / "parts", seed=0)
    second.restore(first.state())
    for _ in range(4):
        second.step(1e-3)
    ours = whole.state()
    theirs = second.state()
    assert ours.keys() == theirs.keys()
    for name, value in ours.items():
        assert np.allclose(value, theirs[name], atol=1e-5), name


def test_another_models_state_is_refused(tiny: Preset, actor_faceset: Faceset, tmp_path: Path) -> None:
    state = training(tiny, actor_faceset, tmp_path / "a").state()
    wider = dataclasses.replace(tiny, network=GuidedNetwork(widths=(8, 24), references=6))
    with pytest.raises(ModelError, match="does not fit"):
        training(wider, actor_faceset, tmp_path / "b").restore(state)


def test_a_reference_never_helps_to_paint_its_own_moment(tiny: Preset, actor_faceset: Faceset) -> None:
    from recaster.likeness.likeness import Likeness
    from recaster.training.guided_data import load_faces

    likeness = Likeness.from_faceset(actor_faceset, references=6)
    faces = load_faces(actor_faceset, likeness, tiny.size)
    identifiers = [record.id for record in actor_faceset.records]
    for k, identifier in enumerate(likeness.records):
        row = identifiers.index(int(identifier))
        assert faces.near[row, k]
        weights = likeness.weights(faces.points[row][None], faces.near[row][None])
        assert not weights[0, :, k].any()


def near(faces: list[tuple[int, float]], references: list[int]) -> list[list[bool]]:
    """Of faces given as (source, time), which of the references may not be shown for each."""
    from recaster.training.guided_data import _too_near

    records = [SimpleNamespace(id=i + 1, source_id=s, time=t) for i, (s, t) in enumerate(faces)]
    return _too_near(records, [records[i] for i in references]).tolist()  # type: ignore[arg-type]


def test_only_moments_of_the_same_clip_are_too_near() -> None:
    faces = [(1, 0.0), (1, 0.3), (1, 5.0), (2, 0.0)]
    assert near(faces, [0, 3]) == [[True, False], [True, False], [False, False], [False, True]]


def test_in_a_very_short_clip_only_the_face_itself_is_too_near() -> None:
    assert near([(1, 0.0), (1, 0.1), (1, 0.2)], [0, 2]) == [[True, False], [False, False], [False, True]]
    assert near([(1, 0.0), (1, 0.1)], [0]) == [[False], [False]], "the only one has to be shown"


def test_what_an_earlier_attempt_left_is_not_taken_for_the_likeness(
    tiny: Preset, actor_faceset: Faceset, tmp_path: Path
) -> None:
    left = likeness_of(tiny, actor_faceset, tmp_path)
    dataclasses.replace(left, textures=255 - left.textures).save(tmp_path / "likeness.safetensors")
    again = likeness_of(tiny, actor_faceset, tmp_path)
    assert np.array_equal(again.textures, left.textures)


def test_a_begun_model_keeps_its_likeness(tiny: Preset, actor_faceset: Faceset, tmp_path: Path) -> None:
    begun = likeness_of(tiny, actor_faceset, tmp_path)
    ModelFolder(tmp_path).write(ModelCard(tiny, actor_faceset.digest()))
    dataclasses.replace(begun, textures=255 - begun.textures).save(tmp_path / "likeness.safetensors")
    assert np.array_equal(likeness_of(tiny, actor_faceset, tmp_path).textures, 255 - begun.textures)
    fewer = dataclasses.replace(tiny, network=GuidedNetwork(widths=(8, 16), references=4))
    with pytest.raises(UsageError, match="6 references"):
        likeness_of(fewer, actor_faceset, tmp_path)


def test_its_thread_ends_with_it(tiny: Preset, actor_faceset: Faceset, tmp_path: Path) -> None:
    model = training(tiny, actor_faceset, tmp_path)
    model.step(1e-3)
    drawing = next(one for one in threading.enumerate() if one.name.startswith("recaster-batches"))
    del model
    gc.collect()
    drawing.join(10)
    assert not drawing.is_alive()


def test_a_training_begins_with_the_start_weights_and_many_people_can_make_them(
    tiny: Preset, actor_faceset: Faceset, tmp_path: Path
) -> None:
    from recaster.training.guided import guided_training
    from recaster.training.guided_data import Source

    sources = [Source.of(tiny, actor_faceset, ModelFolder(tmp_path / name)) for name in "ab"]
    crowd = guided_training(tiny, sources, 1)
    for _ in range(6):
        crowd.step(2e-3)
    start = crowd.model.start_weights()
    begun = guided_training(tiny, sources[:1], 2, start)
    assert all(np.array_equal(value, begun.state()[name]) for name, value in start.items())
    assert crowd.preview().shape == (3 * 64, 6 * 64, 3)


def test_below_the_jaw_and_in_other_light_nothing_is_asked_for(
    tiny: Preset, actor_faceset: Faceset, tmp_path: Path
) -> None:
    from recaster.likeness.conditioning import FACE
    from recaster.training.guided_data import Source

    source = Source.of(dataclasses.replace(tiny, size=64), actor_faceset, ModelFolder(tmp_path))
    condition, truth = source.draw(5, tiny.augmentation)
    warp = condition[..., :3].astype(float)
    face = condition[..., FACE] == 255
    below = np.zeros_like(face)
    chin = np.flatnonzero(face[:, 64])[-1]
    below[chin + 3 : chin + 5, 60:68] = True
    assert not (face & below).any()
    assert np.abs(warp - truth)[below].mean() < 4
    assert np.abs((warp - truth)[face].mean()) < 4
