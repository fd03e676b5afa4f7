from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tensorflow as tf

from recaster.errors import ModelError
from recaster.models.presets import Preset, overridden
from recaster.networks.pairwise import PairwiseSwap
from recaster.training.pairwise import pairwise_training
from recaster.training.pairwise_data import load_faces

if TYPE_CHECKING:
    from recaster.facesets.faceset import Faceset
    from recaster.training.types import Training


class Coarse:
    """A backbone that sees colours at a quarter of the size."""

    size = 32
    eyes = np.array([(10.0, 11.0), (21.0, 11.0)])
    note = "coarse"

    def features(self, images: tf.Tensor) -> list[tf.Tensor]:
        return [tf.nn.avg_pool2d(images, 4, 4, "VALID")]


@pytest.fixture(scope="module")
def people(light_person: Faceset, dark_person: Faceset) -> tuple[Faceset, Faceset]:
    return light_person, dark_person


def training(recipe: Preset, people: tuple[Faceset, Faceset], seed: int = 0, **more: Any) -> Training[Any]:
    source, target = (load_faces(faceset, recipe) for faceset in people)
    return pairwise_training(recipe, source, target, seed, **more)


def test_training_learns_and_the_swap_has_the_sources_skin(
    tiny: Preset, people: tuple[Faceset, Faceset]
) -> None:
    learner = training(tiny, people)
    history = [learner.step(3e-3)["l1"] for _ in range(90)]
    assert np.mean(history[-10:]) < 0.45 * np.mean(history[:5])
    swap = PairwiseSwap(tiny, learner.weights())
    crops = load_faces(people[1], tiny).crops(np.arange(4))
    painted, masks = swap.swap(np.ascontiguousarray(crops[..., :3]), np.float32(crops[..., 3] / 255))
    skin = np.median(painted[:, 14:20, 4:8].reshape(-1, 3), 0)
    assert np.abs(skin - (225, 180, 150)).max() < np.abs(skin - (150, 105, 80)).max()
    assert masks[:, 16, 16].min() > 0.6
    assert masks[:, 0, 0].max() < 0.4
    preview = learner.preview()
    assert preview.dtype == np.uint8
    assert preview.shape[2] == 3


@pytest.mark.parametrize("name", ["tiny", "tiny_classic"])
def test_resuming_takes_the_same_steps(
    name: str, people: tuple[Faceset, Faceset], request: pytest.FixtureRequest
) -> None:
    recipe = request.getfixturevalue(name)
    whole, first, second = (training(recipe, people, seed=4) for _ in range(3))
    for _ in range(20):
        expected = whole.step(1e-3)
    for _ in range(10):
        first.step(1e-3)
    second.step(5e-3)  # what it did before must not matter
    second.restore(first.state())
    for _ in range(10):
        found = second.step(1e-3)
    assert found == pytest.approx(expected, rel=1e-5)
    other = training(recipe, people, seed=5)
    assert not np.allclose(
        other.state()["weights/encoder/half0/kernel"], first.state()["weights/encoder/half0/kernel"]
    )
    states = whole.state(), second.state()
    assert states[0].keys() == states[1].keys()
    for key, value in states[0].items():
        np.testing.assert_allclose(states[1][key], value, rtol=1e-4, atol=1e-6, err_msg=key)


@pytest.mark.parametrize(
    ("flags", "present", "absent"),
    [
        ({"mask": "none"}, {"l1", "gradient", "ssim"}, {"mask", "adversarial", "discriminator"}),
        ({"adversarial": 0.1}, {"mask", "adversarial", "discriminator"}, {"perceptual"}),
        ({"adversarial": 0.1, "mixup": 0.0, "mask": "blend"}, {"adversarial", "discriminator"}, {"mask"}),
        ({"mask_area": 0.1, "mask_hinge": 0.1, "mask_variation": 0.1},
         {"mask_area", "mask_hinge", "mask_variation"}, set()),
        ({"gradient": 0.0, "ssim": 0.0, "separate_optimisers": True}, {"l1"}, {"gradient", "ssim"}),
    ],
)  # fmt: skip
def test_each_ingredient_is_one_flag(
    tiny: Preset,
    people: tuple[Faceset, Faceset],
    flags: dict[str, Any],
    present: set[str],
    absent: set[str],
) -> None:
    learner = training(overridden(tiny, **flags), people)
    losses = learner.step(1e-3)
    assert present <= losses.keys()
    assert not absent & losses.keys()
    assert all(np.isfinite(value) for value in losses.values())
    assert any("critic" in name for name in learner.state()) == ("adversarial" in flags)


def test_rare_terms_come_when_they_are_due(tiny: Preset, people: tuple[Faceset, Faceset]) -> None:
    recipe = overridden(tiny, ssim_every=3, perceptual="dlib-resnet", perceptual_every=2)
    learner = training(recipe, people, backbone=Coarse())
    seen = [learner.step(1e-3).keys() for _ in range(6)]
    assert ["ssim" in keys for keys in seen] == [True, False, False, True, False, False]
    assert ["perceptual" in keys for keys in seen] == [True, False] * 3


def test_adversarial_training_teaches_the_discriminators(
    tiny_classic: Preset, people: tuple[Faceset, Faceset]
) -> None:
    learner = training(overridden(tiny_classic, mixup=0.0), people)
    history = [learner.step(1e-3) for _ in range(40)]
    assert np.mean([step["discriminator"] for step in history[-8:]]) < 0.7 * history[0]["discriminator"]


def test_swap_weights_are_the_moving_average(tiny: Preset, people: tuple[Faceset, Faceset]) -> None:
    learner = training(tiny, people)
    start = learner.weights()
    for _ in range(tiny.ema_every):
        learner.step(1e-2)
    name = "encoder/half0/kernel"
    trained = learner.state()[f"weights/{name}"]
    averaged = learner.weights()[name]
    low = np.minimum(start[name], trained) - 1e-6
    high = np.maximum(start[name], trained) + 1e-6
    assert ((low <= averaged) & (averaged <= high)).all()
    assert not np.allclose(averaged, trained)
    assert training(overridden(tiny, ema=0.0), people).weights().keys() == start.keys()


def test_another_models_checkpoint_is_refused(tiny: Preset, people: tuple[Faceset, Faceset]) -> None:
    wider = training(overridden(tiny, bottleneck=24), people).state()
    with pytest.raises(ModelError, match="does not fit this model"):
        training(tiny, people).restore(wider)
