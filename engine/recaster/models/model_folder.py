"""A trained model on disk: ``model.json`` says what it is, safetensors files hold its numbers.

Layout::

    MODEL/model.json            format, family, preset, digests of the facesets, steps
          weights.safetensors   what a swap needs
          likeness.safetensors  guided models only: the source's geometry and references
          checkpoints/          what resuming needs
          previews/             contact sheets by step
          logs/                 TensorBoard events
          .lineage              name of a training on a cluster, by which its storage is searched
"""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from recaster.errors import ModelError
from recaster.files import parse_json, sha256, write_json
from recaster.models.presets import Preset
from recaster.provenance.face_traces import FaceTraces

if TYPE_CHECKING:
    from pathlib import Path


FORMAT: Final = 4
"""Networks of formats 1 to 3 were built otherwise, so none of them can be brought to this one."""
MAX_CARD_BYTES: Final = 1 << 20


@dataclass(frozen=True)
class ModelCard:
    """Contents of ``model.json``.

    Attributes:
        source: digest of the faceset whose face is put on.
        target: digest of the faceset it is put on; None for a model that needs none.
        steps: done so far.
        seconds: spent training so far.
    """

    preset: Preset
    source: str
    target: str | None = None
    steps: int = 0
    seconds: float = 0.0
    seed: int = 0


@dataclass(frozen=True)
class ModelFolder:
    """The paths of one model; nothing is read or written before it is asked for."""

    path: Path

    @property
    def card(self) -> Path:
        """``model.json``."""
        return self.path / "model.json"

    @property
    def weights(self) -> Path:
        """File of the weights of a swap."""
        return self.path / "weights.safetensors"

    @property
    def likeness(self) -> Path:
        """The source's geometry and reference images (guided models)."""
        return self.path / "likeness.safetensors"

    @property
    def checkpoints(self) -> Path:
        """Folder of what resuming needs."""
        return self.path / "checkpoints"

    @property
    def previews(self) -> Path:
        """Folder of contact sheets."""
        return self.path / "previews"

    @property
    def logs(self) -> Path:
        """Folder of TensorBoard events."""
        return self.path / "logs"

    @property
    def lineage(self) -> Path:
        """Random name of this very training, where a cluster has trained it."""
        return self.path / ".lineage"

    def preview(self, step: int) -> Path:
        """The contact sheet of a step."""
        return self.previews / f"step-{step:08}.png"

    def preview_sheets(self) -> list[Path]:
        """The contact sheets that there are, oldest step first."""
        return sorted(self.previews.glob("step-*.png"))

    def latest_preview(self) -> Path | None:
        """The contact sheet of the most steps, or None where there is none."""
        return next(reversed(self.preview_sheets()), None)

    def latest_checkpoint(self) -> Path | None:
        """The JSON file of the checkpoint of the most steps, or None where there is none."""
        return next(reversed(checkpoint_files(self.checkpoints)), None)

    def exists(self) -> bool:
        """Tells if there is a model here."""
        return self.card.is_file()

    def digest(self) -> str:
        """SHA-256 of all that a swap reads: description, weights and, where there is one, likeness."""
        read = [path for path in (self.card, self.weights, self.likeness) if path.is_file()]
        return hashlib.sha256(" ".join(sha256(path) for path in read).encode()).hexdigest()

    def traces(self) -> FaceTraces:
        """By which content the face in it is known again (ModelError where there is no model)."""
        files = [sha256(path) for path in (self.weights, self.likeness) if path.is_file()]
        return FaceTraces(frozenset({self.read().source, self.digest(), *files} - {""}))

    def write(self, card: ModelCard) -> None:
        """Writes ``model.json`` atomically (OutputError where that is impossible)."""
        facts = {item.name: getattr(card, item.name) for item in dataclasses.fields(card)}
        head = {"format": FORMAT, "family": card.preset.family}
        write_json(self.card, {**head, **facts, "preset": card.preset.to_json()})

    def read(self) -> ModelCard:
        """Reads ``model.json``.

        Raises:
            ModelError: there is no model here, or its description is broken or too new.
        """
        try:
            value = parse_json(self.card.read_bytes())
        except (FileNotFoundError, NotADirectoryError):
            raise ModelError(f"{self.path}: not a model folder (no model.json in it)") from None
        except OSError as error:
            raise ModelError(f"{self.card}: cannot be read ({error.strerror})") from None
        except ValueError as error:
            raise ModelError(f"{self.card}: not JSON ({error})") from None
        if _format_of(value) is None:
            raise ModelError(f"{self.card}: says no format; it is no model of Recaster")
        if why := _describe_other(value["format"]):
            raise ModelError(f"{self.card}: {why}")
        try:
            return ModelCard(
                preset=Preset.from_json(_typed(value, "preset", dict)),
                source=_typed(value, "source", str),
                target=None if value.get("target") is None else _typed(value, "target", str),
                steps=_typed(value, "steps", int),
                seconds=float(_typed(value, "seconds", int, float)),
                seed=_typed(value, "seed", int),
            )
        except ModelError as error:
            raise ModelError(f"{self.card}: {error}") from None

    def why_outdated(self) -> str:
        """The reason that only another Recaster can use it; "" where this one can, or none."""
        try:
            with self.card.open("rb") as file:
                value = parse_json(file.read(MAX_CARD_BYTES))
        except (OSError, ValueError):
            return ""
        return "" if _format_of(value) is None else _describe_other(value["format"])


def checkpoint_files(folder: Path) -> list[Path]:
    """The JSON files of the whole checkpoints of a folder, oldest step first.

    One without its arrays, or arrays without it, were interrupted and don't count.
    """
    return [path for path in sorted(folder.glob("step-*.json")) if path.with_suffix(".safetensors").is_file()]


def needs_tensorflow(model: Path | None, detector: str = "") -> bool:
    """Tells whether a swap has networks that only TensorFlow runs: pairwise models, and dlib's detector."""
    if detector == "dlib-cnn":
        return True
    return model is not None and ModelFolder(model).read().preset.family == "pairwise"


def step_of(path: Path) -> int:
    """The step that a preview or a checkpoint is of, from its name."""
    return int(path.stem.removeprefix("step-"))


def _format_of(value: Any) -> int | None:
    """The format that the contents of ``model.json`` say, or None where they say none."""
    version = value.get("format") if isinstance(value, dict) else None
    return version if type(version) is int else None


def _describe_other(version: int) -> str:
    """Says why a model of this format can't be used; "" for the current one."""
    if version > FORMAT:
        return f"trained by a newer Recaster (format {version}; this one uses {FORMAT}): update Recaster"
    if version < FORMAT:
        return f"trained by an earlier Recaster (format {version}; this one uses {FORMAT}): train it anew"
    return ""


def _typed(value: dict[str, Any], name: str, *kinds: type) -> Any:
    if type(value.get(name)) not in kinds:
        raise ModelError(f"{name} is missing or of the wrong type")
    return value[name]
