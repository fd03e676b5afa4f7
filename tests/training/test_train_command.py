from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

import pytest

from recaster.cli import train as command
from recaster.cli.flags import hyperparameters_of
from recaster.cli.parsers import Commands
from recaster.errors import ModelError, TrainingError, UsageError, WeightsError
from recaster.models.model_folder import ModelFolder
from recaster.models.presets import PRESETS, overridden
from recaster.models.tensors import load_tensors
from recaster.networks.pairwise import PairwiseSwap
from recaster.training.preparation import new_model, perceptual_backbone, resumed_model

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from recaster.facesets.faceset import Faceset
    from recaster.models.presets import Preset

SMALL = (
    "--preset", "fast-96", "--size", "32", "--bottleneck", "8", "--bottom-width", "8", "--batch", "2",
    "--encoder-widths", "8,8,8", "--decoder-widths", "8,8", "--device", "cpu",
)  # fmt: skip


def parse(*arguments: str) -> argparse.Namespace:
    root = argparse.ArgumentParser()
    command.add_train(Commands(root, "COMMAND"))
    return root.parse_args(["train", *arguments])


def run(*arguments: str) -> None:
    options = parse(*arguments)
    options.run(options)


def test_train_then_resume(
    light_person: Faceset, dark_person: Faceset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    people = "--source", str(light_person.folder), "--target", str(dark_person.folder)
    folder = ModelFolder(tmp_path / "model")
    output = "-o", str(folder.path)
    run(*people, *output, *SMALL, "--steps", "3", "--seed", "7", "--no-separate-optimisers")
    card = folder.read()
    assert (card.steps, card.seed, card.preset.size) == (3, 7, 32)
    assert (card.source, card.target) == (light_person.digest(), dark_person.digest())
    PairwiseSwap(card.preset, load_tensors(folder.weights, PairwiseSwap.expected(card.preset)))
    said = capsys.readouterr().err
    assert "on the CPU" in said
    assert "3 steps in" in said
    with pytest.raises(ModelError, match="add --resume"):
        run(*people, *output, *SMALL, "--steps", "3")
    with pytest.raises(UsageError, match="without --seed"):
        run(*people, *output, "--steps", "5", "--resume", "--seed", "1")
    with pytest.raises(UsageError, match="without --preset"):
        run(*people, *output, "--steps", "5", "--resume", "--preset", "classic-64")
    run(*people, *output, "--steps", "5", "--resume", "--learning-rate", "1e-4", "--quiet")
    assert folder.read().steps == 5
    assert folder.read().preset.learning_rate == 1e-4
    assert capsys.readouterr().err == ""
    run(*people, *output, "--steps", "5", "--resume")
    assert "nothing left to do" in capsys.readouterr().err


def test_every_ingredient_is_a_flag(tmp_path: Path) -> None:
    flags = {
        "--adversarial": "0",
        "--mixup": "0.1",
        "--mask": "none",
        "--perceptual": "dlib-resnet",
        "--perceptual-weight": "0.2",
        "--flip": "0.5",
        "--warp": "0.02",
        "--encoder-widths": "8,8",
    }
    options = parse("--source", "a", "-o", str(tmp_path), *[part for pair in flags.items() for part in pair])
    read = hyperparameters_of(options)
    assert read["adversarial"] == 0
    assert read["encoder_widths"] == (8, 8)
    assert read["mask"] == "none"
    assert len(read) == len(flags)
    assert overridden(PRESETS["classic-64"], **{key: read[key] for key in ("adversarial", "mask", "flip")})


def test_lists_are_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse("--source", "a", "-o", "b", "--widths", "3,a")
    assert "--widths: '3,a' is not a list of whole numbers" in capsys.readouterr().err


def test_only_one_budget() -> None:
    with pytest.raises(SystemExit):
        parse("--source", "a", "-o", "b", "--minutes", "1", "--steps", "2")


@pytest.fixture
def folder(tmp_path: Path) -> ModelFolder:
    return ModelFolder(tmp_path / "model")


def test_a_pairwise_model_needs_two_people(folder: ModelFolder, tiny: Preset, light_person: Faceset) -> None:
    with pytest.raises(UsageError, match="add --target"):
        new_model(folder, tiny, light_person, None, 0)
    with pytest.raises(UsageError, match="the same faces"):
        new_model(folder, tiny, light_person, light_person, 0)
    assert not folder.path.exists()


def test_a_guided_model_needs_one(folder: ModelFolder, light_person: Faceset, dark_person: Faceset) -> None:
    assert new_model(folder, PRESETS["guided-128"], light_person, None, 0).target is None
    with pytest.raises(UsageError, match="leave --target out"):
        new_model(folder, PRESETS["guided-128"], light_person, dark_person, 0)


def test_ctrl_c_says_how_to_go_on(
    light_person: Faceset,
    dark_person: Faceset,
    folder: ModelFolder,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def stopped(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("recaster.training.loop.train", stopped)
    people = "--source", str(light_person.folder), "--target", str(dark_person.folder)
    with pytest.raises(KeyboardInterrupt):
        run(*people, "-o", str(folder.path), *SMALL, "--steps", "3")
    assert "add --resume to go on" in capsys.readouterr().err


def test_a_folder_that_is_something_else_is_left_alone(
    folder: ModelFolder, tiny: Preset, light_person: Faceset, dark_person: Faceset
) -> None:
    folder.path.mkdir()
    new_model(folder, tiny, light_person, dark_person, 0)
    folder.likeness.touch()  # what an attempt that was stopped leaves behind
    new_model(folder, tiny, light_person, dark_person, 0)
    (folder.path / "thesis.txt").touch()
    with pytest.raises(ModelError, match="is not a model"):
        new_model(folder, tiny, light_person, dark_person, 0)


def test_a_failed_start_leaves_no_model(
    make_set: Callable[..., Faceset], dark_person: Faceset, folder: ModelFolder
) -> None:
    few = make_set((200, 100, 100), count=3, seed=9)
    arguments: tuple[Any, ...] = ("--source", str(few.folder), "--target", str(dark_person.folder))
    with pytest.raises(TrainingError, match="only 3 faces"):
        run(*arguments, "-o", str(folder.path), *SMALL, "--steps", "1", "--quiet")
    assert not folder.exists()


def test_resuming_wants_the_same_faces(
    folder: ModelFolder, tiny: Preset, light_person: Faceset, dark_person: Faceset
) -> None:
    with pytest.raises(ModelError, match="not a model folder"):
        resumed_model(folder, light_person, dark_person)
    folder.write(new_model(folder, tiny, light_person, dark_person, 3))
    assert resumed_model(folder, light_person, dark_person).seed == 3
    with pytest.raises(ModelError, match="another source faceset"):
        resumed_model(folder, dark_person, light_person)


def test_vggface_and_its_weights_go_together(tiny: Preset, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="--vggface-weights"):
        perceptual_backbone(overridden(tiny, perceptual="vggface"))
    for other in ("none", "dlib-resnet"):
        with pytest.raises(UsageError, match="--perceptual vggface only"):
            perceptual_backbone(overridden(tiny, perceptual=other), tmp_path / "weights.h5")
    assert perceptual_backbone(tiny) is None


def test_the_licence_of_the_perceptual_network_is_told(
    light_person: Faceset, dark_person: Faceset, folder: ModelFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    people = "--source", str(light_person.folder), "--target", str(dark_person.folder)
    run(*people, "-o", str(folder.path), *SMALL, "--steps", "1", "--perceptual", "dlib-resnet")
    assert "public domain" in capsys.readouterr().err


@pytest.mark.parametrize("seed", [-1, 2**31])
def test_impossible_seeds(folder: ModelFolder, light_person: Faceset, seed: int) -> None:
    with pytest.raises(UsageError, match="seed"):
        new_model(folder, PRESETS["guided-128"], light_person, None, seed)
