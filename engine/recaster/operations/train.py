"""Training of a model, or training it on: rights, network, loop and audit records."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from recaster.errors import UsageError
from recaster.operations.face_rights import (
    NO_CLAIM,
    FaceClaim,
    Grant,
    folder_digests,
    record,
    require_same_person,
)
from recaster.progress import LogLine, Report, no_log, silent
from recaster.provenance.identity_note import read_identity, write_identity
from recaster.provenance.register import open_register
from recaster.settings.choices import DEFAULT_PRESET

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from recaster.facesets.faceset import Faceset
    from recaster.models.model_folder import ModelCard, ModelFolder
    from recaster.models.presets import Preset
    from recaster.settings.train import Schedule
    from recaster.training.loop import TrainResult


@dataclass(frozen=True)
class Request:
    """One run of a training.

    Attributes:
        source: faceset of the person whose face is put on.
        target: faceset of the person it is put on; for pairwise presets only.
        preset: None for the default's, or that of the model that is trained on.
        hyperparameters: those that differ from the preset's, by field.
        resumes: whether the model is trained on from its last checkpoint.
        seed: None for 0, or that of the model that is trained on.
        device: "auto", "cpu" or "gpu".
        threads: None for all cores.
        vggface_weights: the .h5 file for the VGGFace perceptual loss.
    """

    source: Path
    model: Path
    schedule: Schedule
    target: Path | None = None
    preset: str | None = None
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)
    resumes: bool = False
    seed: int | None = None
    device: str = "auto"
    threads: int | None = None
    vggface_weights: Path | None = None
    claim: FaceClaim = NO_CLAIM


def run(
    request: Request, report: Report = silent, log: LogLine = no_log, grant: Grant | None = None
) -> TrainResult:
    """Trains until the budget is spent; KeyboardInterrupt ends it with a checkpoint.

    ``log`` is told what computes, and the licence of a perceptual loss's network.

    Raises:
        ConsentError, NotFoundError: the source's face may not be put on.
        UsageError, ModelError, FacesetError: facesets, model and options don't go together.
        TrainingError, FaceNotFoundError, DeviceError, WeightsError, OutputError: it can't be trained.
    """
    from recaster.facesets.faceset import Faceset
    from recaster.models.model_folder import ModelFolder
    from recaster.networks.device import select_device
    from recaster.training.loop import train
    from recaster.training.preparation import build_training, perceptual_backbone

    source = Faceset.open(request.source)
    target = None if request.target is None else Faceset.open(request.target)
    folder = ModelFolder(request.model)
    hint = "; resume without --preset" if grant is None else ""  # an engine's clients have no flags
    card, preset = _card_and_preset(request, folder, source, target, hint)
    identity_id = "" if grant is not None else _authorize(request)
    device = select_device(request.device, request.threads)
    log("info", f"training {preset.name} {device.note}")
    backbone = perceptual_backbone(preset, request.vggface_weights)
    if backbone is not None:
        log("warning" if preset.losses.perceptual == "vggface" else "info", backbone.note)
    training = build_training(preset, source, target, folder, card.seed, backbone, report)
    if not request.resumes:
        folder.write(card)
    if identity_id and read_identity(request.source):
        write_identity(folder.path, identity_id)
    result = train(training, folder, request.schedule, report, resume=request.resumes)
    if grant is None:
        record("train.deliver", faces=folder_digests(folder.path), identities=[identity_id])
    return result


def _card_and_preset(
    request: Request, folder: ModelFolder, source: Faceset, target: Faceset | None, hint: str
) -> tuple[ModelCard, Preset]:
    """Checks the model's folder; of a model that is trained on only the preset's name may not change."""
    from recaster.models.presets import overridden, preset
    from recaster.training.preparation import new_model, resumed_model

    if not request.resumes:
        chosen = overridden(preset(request.preset or DEFAULT_PRESET), **request.hyperparameters)
        return new_model(folder, chosen, source, target, request.seed or 0), chosen
    card = resumed_model(folder, source, target, request.seed)
    if request.preset not in (None, card.preset.name):
        raise UsageError(f"the model was trained with preset {card.preset.name}, not {request.preset}{hint}")
    return card, overridden(card.preset, **request.hyperparameters)


def _authorize(request: Request) -> str:
    """Checks the right to the source's face and records that a training begins; returns the person's id."""
    with open_register() as register:
        person = request.claim.authorize(register, request.source)
        if request.resumes:
            require_same_person(register, request.model, request.source)
        faces = folder_digests(request.source, request.target, request.model if request.resumes else None)
        register.audit.add("train.start", faces=faces, identity=person.identity_id)
    return person.identity_id
