"""Preparation of a training: checks of folder and facesets, the model's card, the family's ``Training``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from recaster.errors import ModelError, UsageError
from recaster.models.model_folder import ModelCard
from recaster.progress import Report, silent
from recaster.settings.options import check_option
from recaster.settings.train import TrainSettings
from recaster.training import checkpoints

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.facesets.faceset import Faceset
    from recaster.models.model_folder import ModelFolder
    from recaster.models.presets import Preset
    from recaster.networks.perceptual import Backbone
    from recaster.training.types import Training


def new_model(
    folder: ModelFolder, preset: Preset, source: Faceset, target: Faceset | None, seed: int
) -> ModelCard:
    """Makes the card of a new model; nothing is written.

    Raises:
        ModelError: the folder is already something else.
        UsageError: faces that do not fit the preset's family; an impossible seed.
    """
    if folder.exists():
        raise ModelError(
            f"{folder.path}: there is a model already; add --resume to go on training it, "
            "or choose another folder"
        )
    if folder.path.exists() and not (folder.path.is_dir() and _is_leftover(folder)):
        raise ModelError(f"{folder.path}: exists and is not a model; choose another folder")
    return _make_card(preset, source, target, seed)


def resumed_model(
    folder: ModelFolder, source: Faceset, target: Faceset | None, seed: int | None = None
) -> ModelCard:
    """Reads the card of a model that is to be trained on, and checks that it is of these faces.

    Raises:
        ModelError: there is no model, or it was trained on other faces.
        UsageError: another seed is asked for than it was trained with.
    """
    card = folder.read()
    if seed is not None and seed != card.seed:
        raise UsageError(f"{folder.path}: was trained with seed {card.seed}; resume without --seed")
    now = _make_card(card.preset, source, target, card.seed)
    for what, before, given in (("source", card.source, now.source), ("target", card.target, now.target)):
        if before != given:
            raise ModelError(
                f"{folder.path}: was trained on another {what} faceset (or its faces have changed "
                "since); resume with the one it was trained on, or train a new model"
            )
    return card


def build_training(
    preset: Preset,
    source: Faceset,
    target: Faceset | None,
    folder: ModelFolder,
    seed: int,
    backbone: Backbone | None = None,
    report: Report = silent,
) -> Training[Any]:
    """Builds the network of ``preset`` and loads the faces it is trained on.

    Raises:
        TrainingError, FaceNotFoundError: too few faces.
        UsageError: a pairwise preset without a target, or a hyperparameter that a begun model has fixed.
    """
    if preset.family == "guided":
        from recaster.networks.device import device_in_use
        from recaster.networks.guided import start_weights
        from recaster.training.batches import processes_for
        from recaster.training.guided import guided_training
        from recaster.training.guided_data import Source

        resumed = bool(checkpoints.list_checkpoints(folder.checkpoints))
        start = None if resumed else start_weights(preset)
        sources = [Source.of(preset, source, folder, report)]
        processes = processes_for(device_in_use().kind)
        return guided_training(preset, sources, seed, start, backbone, processes)
    from recaster.training.pairwise import pairwise_training
    from recaster.training.pairwise_data import load_faces

    source_faces, target_faces = (
        load_faces(faceset, preset, report) for faceset in (source, _require_target(preset, target))
    )
    return pairwise_training(preset, source_faces, target_faces, seed, backbone)


def perceptual_backbone(preset: Preset, vggface_weights: Path | None = None) -> Backbone | None:
    """The network whose features the preset's perceptual loss compares, or None without that loss.

    Its ``note`` is what the user has to be told of its licence.

    Raises:
        UsageError: weights are given that nothing would use.
        WeightsError: its weights are missing or wrong.
    """
    wanted = preset.losses.perceptual
    if preset.losses.perceptual_weight == 0:
        wanted = "none"
    if vggface_weights is not None and wanted != "vggface":
        raise UsageError(
            "--vggface-weights is of use with --perceptual vggface only: add it, or leave both out"
        )
    if wanted == "none":
        return None
    from recaster.networks.perceptual import make_backbone

    return make_backbone(wanted, vggface_weights)


def _is_leftover(folder: ModelFolder) -> bool:
    """True for a folder that holds at most what an earlier attempt left before its model began."""
    return {path.name for path in folder.path.iterdir() if path.name[0] != "."} <= {folder.likeness.name}


def _make_card(preset: Preset, source: Faceset, target: Faceset | None, seed: int) -> ModelCard:
    check_option(TrainSettings, "seed", seed)
    digest = source.digest()
    if preset.family == "guided":
        if target is not None:
            raise UsageError(
                f"preset {preset.name} learns the source alone: leave --target out, "
                "or choose a pairwise preset (--preset fast-96)"
            )
        return ModelCard(preset, digest, seed=seed)
    other = _require_target(preset, target).digest()
    if digest == other:
        raise UsageError(
            "source and target are the same faces: give two facesets of two people "
            "(or a guided preset, which needs the source alone)"
        )
    return ModelCard(preset, digest, other, seed=seed)


def _require_target(preset: Preset, target: Faceset | None) -> Faceset:
    if target is None:
        raise UsageError(
            f"preset {preset.name} trains on two people: add --target FACESET "
            "(the guided presets need the source alone)"
        )
    return target
