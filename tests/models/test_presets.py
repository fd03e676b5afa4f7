from __future__ import annotations

import dataclasses
import json
from collections import Counter
from typing import Any

import pytest

from recaster.errors import ModelError, UsageError
from recaster.models.presets import (
    PRESETS,
    Augmentation,
    GuidedNetwork,
    Losses,
    PairwiseNetwork,
    Preset,
    hyperparameters,
    overridden,
    preset,
)


@pytest.mark.parametrize("name", PRESETS)
def test_json_round_trip_keeps_everything(name: str) -> None:
    assert Preset.from_json(json.loads(json.dumps(PRESETS[name].to_json()))) == PRESETS[name]


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_valid_and_know_their_name(name: str) -> None:
    assert overridden(PRESETS[name]).name == name


def test_every_ingredient_has_one_name_and_a_help_text() -> None:
    groups = (Preset, PairwiseNetwork, GuidedNetwork, Losses, Augmentation)
    everything = [each for group in groups for each in hyperparameters(group).values()]
    assert max(Counter(each.name for each in everything).values()) == 1
    assert all(each.help for each in everything)
    assert hyperparameters().keys() == {each.name for each in everything}


def test_classic_is_the_seed() -> None:
    classic = preset("classic-64")
    assert (classic.size, classic.batch, classic.crop, classic.beta1) == (64, 8, "box", 0.5)
    assert classic.learning_rate == 1e-4
    assert classic.losses.adversarial > 0
    assert classic.pairwise.separate_optimisers


def test_overridden_reaches_every_group() -> None:
    changed = overridden(preset("fast-96"), batch=2, adversarial=0.1, warp=0.0, perceptual="dlib-resnet")
    assert changed.batch == 2
    assert changed.losses.adversarial == 0.1
    assert changed.augmentation.warp == 0.0
    assert changed.losses.perceptual == "dlib-resnet"
    assert dataclasses.replace(changed, batch=6).losses.mixup == preset("fast-96").losses.mixup


def test_autoencoder_gan_and_perceptual_are_one_flag_each() -> None:
    gan = preset("classic-64")
    assert overridden(gan, adversarial=0.0).losses.adversarial == 0
    assert overridden(gan, perceptual="dlib-resnet").losses.perceptual == "dlib-resnet"


@pytest.mark.parametrize(
    ("name", "flags"),
    [
        ("guided-128", {"ssim_every": 2}),
        ("guided-128", {"coverage": 1.3}),
        ("guided-128", {"trim": 0.1}),
        ("fast-96", {"references": 3}),
        ("fast-96", {"name": "other"}),
        ("fast-96", {"losses": None}),
        ("fast-96", {"batch": 0}),
        ("fast-96", {"flip": 1.5}),
        ("fast-96", {"learning_rate": 0.0}),
        ("fast-96", {"ema": 1.0}),
        ("fast-96", {"size": 100}),
        ("fast-96", {"adversarial": -1.0}),
        ("classic-64", {"trim": 0.5}),
    ],
)
def test_what_cannot_work_is_refused_by_name(name: str, flags: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=next(iter(flags))):
        overridden(preset(name), **flags)


def test_unknown_preset_lists_the_others() -> None:
    with pytest.raises(UsageError, match="fast-96"):
        preset("slow")


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("family",), "other", "family"),
        (("size",), "96", "size"),
        (("losses",), None, "losses"),
        (("losses", "perceptual"), "resnet", "perceptual"),
        (("network", "extra"), 1, "extra"),
        (("network", "encoder_widths"), [24, "48"], "encoder_widths"),
        (("batch",), True, "batch"),
        (("batch",), 0, "batch"),
        (("learning_rate",), 10**400, "learning_rate"),
    ],
)
def test_broken_json_is_a_model_error(path: tuple[str, ...], value: Any, message: str) -> None:
    broken = json.loads(json.dumps(preset("fast-96").to_json()))
    place = broken
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(ModelError, match=message):
        Preset.from_json(broken)
