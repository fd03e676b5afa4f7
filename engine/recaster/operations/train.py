"""Training of a model, or training it on: rights, network, loop and audit records."""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final

from recaster.errors import UsageError
from recaster.files import write_bytes
from recaster.operations.face_rights import (
    NO_CLAIM,
    FaceClaim,
    Grant,
    folder_digests,
    record,
    require_same_person,
)
from recaster.processes.executor import Begun, Work, current_executor
from recaster.processes.throttle import throttled
from recaster.progress import LogLine, Report, Update, no_log, silent
from recaster.provenance.identity_note import read_identity, write_identity
from recaster.provenance.register import open_register
from recaster.settings.choices import DEFAULT_PRESET

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from recaster.facesets.faceset import Faceset
    from recaster.models.model_folder import ModelCard, ModelFolder
    from recaster.models.presets import Preset
    from recaster.processes.executor import Keeper
    from recaster.settings.train import Schedule
    from recaster.training.loop import TrainResult

CORES: Final = 2
"""For a training on a node, where nobody says how many."""
MEMORY_BYTES: Final = 4 << 30
"""Faces take at most 400 MB of it."""


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
    """Trains until the budget is spent, by the current executor; KeyboardInterrupt ends it with a checkpoint.

    ``log`` is told what computes, and the licence of a perceptual loss's network.

    Raises:
        ConsentError, NotFoundError: the source's face may not be put on.
        UsageError, ModelError, FacesetError: facesets, model and options don't go together.
        TrainingError, FaceNotFoundError, DeviceError, WeightsError, OutputError: it can't be trained.
    """
    from recaster.facesets.faceset import Faceset
    from recaster.models.model_folder import ModelFolder
    from recaster.training.loop import TrainResult

    source = Faceset.open(request.source)
    target = None if request.target is None else Faceset.open(request.target)
    folder = ModelFolder(request.model)
    hint = "; resume without --preset" if grant is None else ""  # an engine's clients have no flags
    card, preset = _card_and_preset(request, folder, source, target, hint)
    identity_id = "" if grant is not None else _authorize(request)
    noted = identity_id if identity_id and read_identity(request.source) else ""
    executor = current_executor()
    lineage = "" if executor.is_local else _find_lineage(folder, is_new=not request.resumes)

    def hear(said: tuple[Any, ...]) -> None:
        kind, *rest = said
        if kind == "log":
            log(*rest)
        else:
            report(Update(*rest))

    work = _Training(request, folder, card, preset, noted).as_work(lineage)
    (made,) = executor.run(work, [None], 1, lambda _: None, hear)
    if grant is None:
        record("train.deliver", faces=folder_digests(folder.path), identities=[identity_id])
    return TrainResult(**made)


@dataclass(frozen=True)
class _Training:
    """All that the process needs which trains.

    Attributes:
        card: of a model that isn't there yet.
        identity_id: of the person, to be noted; "" for nobody.
    """

    request: Request
    folder: ModelFolder
    card: ModelCard
    preset: Preset
    identity_id: str

    def as_work(self, lineage: str) -> Work:
        """Describes the training for an executor; ``lineage`` is its name."""
        request = self.request
        inputs = (request.source, request.target, request.vggface_weights)
        return Work(
            _as_is,
            _Training.train,
            self,
            self.folder.path,
            json.dumps(["training", lineage]),
            lambda _: "",
            cores=request.threads or CORES,
            memory_bytes=MEMORY_BYTES,
            inputs=[path for path in inputs if path is not None],
            begun=_find_begun(self.folder),
        )

    def train(self, _: None, keeper: Keeper) -> dict[str, Any]:
        """Trains, on from the latest checkpoint where there is one; returns the ``TrainResult``'s fields."""
        from recaster.facesets.faceset import Faceset
        from recaster.networks.device import select_device
        from recaster.training.loop import train
        from recaster.training.preparation import build_training, perceptual_backbone

        request = self.request
        folder = self.folder
        source = Faceset.open(request.source)
        target = None if request.target is None else Faceset.open(request.target)
        device = select_device(request.device, request.threads or keeper.threads)
        keeper.say(("log", "info", f"training {self.preset.name} {device.note}"))
        backbone = perceptual_backbone(self.preset, request.vggface_weights)
        if backbone is not None:
            level = "warning" if self.preset.losses.perceptual == "vggface" else "info"
            keeper.say(("log", level, backbone.note))
        report = throttled(lambda update: keeper.say(("update", *update)))
        training = build_training(self.preset, source, target, folder, self.card.seed, backbone, report)
        resumes = folder.exists()
        if not resumes:
            folder.write(self.card)
        if self.identity_id:
            write_identity(folder.path, self.identity_id)
        if not resumes:
            keeper.keep(0)
        result = train(training, folder, request.schedule, report, resume=resumes, on_saved=keeper.keep)
        return asdict(result)


def _as_is(value: Any) -> Any:
    return value


def _find_lineage(folder: ModelFolder, *, is_new: bool) -> str:
    """Finds the random name of a training, or gives it one."""
    if is_new or not folder.lineage.is_file():
        write_bytes(folder.lineage, secrets.token_hex(16).encode())
    return folder.lineage.read_text(errors="replace")


def _find_begun(folder: ModelFolder) -> Begun:
    """Finds all of a model that training it on needs, and whoever swaps with it meanwhile."""
    from recaster.models.model_folder import checkpoint_files, step_of

    if not folder.exists():
        return Begun()
    kept = checkpoint_files(folder.checkpoints)
    numbered = [path for each in kept for path in (each.with_suffix(".safetensors"), each)]
    files = [folder.likeness, *numbered, folder.weights, folder.card]
    names = [path.relative_to(folder.path).as_posix() for path in files if path.is_file()]
    return Begun(names, step_of(kept[-1]) if kept else 0)


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
