"""Checkpoints: a safetensors file with the numbers and a JSON file that makes it count.

``step-00001200.safetensors`` is written first, ``step-00001200.json`` last; a checkpoint without its
JSON was interrupted, is ignored, and goes when the next one is whole. The last few and the one with the
lowest loss are kept.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from recaster.errors import ModelError
from recaster.files import parse_json, require_number, write_json
from recaster.models.model_folder import checkpoint_files
from recaster.models.tensors import load_tensors, save_tensors

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np

MAX_KEPT: Final = 3


@dataclass(frozen=True)
class CheckpointInfo:
    """State of a training at a checkpoint, without its arrays; losses are smoothed.

    Attributes:
        seconds: that count against the budget.
        schedule: the schedule's fields, for the record.
    """

    step: int
    seconds: float
    seed: int
    loss: float
    losses: dict[str, float]
    schedule: dict[str, Any]


def save_checkpoint(
    folder: Path, info: CheckpointInfo, state: Mapping[str, np.ndarray], keep: int = MAX_KEPT
) -> Path:
    """Writes a checkpoint, returns its JSON file; removes halves and all but the last ``keep`` and the best.

    Raises:
        OutputError: it cannot be written; earlier checkpoints are untouched.
    """
    stem = folder / f"step-{info.step:08}"
    card = stem.with_suffix(".json")
    card.unlink(missing_ok=True)
    save_tensors(stem.with_suffix(".safetensors"), state, {"step": str(info.step)})
    write_json(card, asdict(info))
    _prune(folder, keep)
    return card


def list_checkpoints(folder: Path) -> list[tuple[Path, CheckpointInfo]]:
    """Every whole checkpoint in ``folder``, oldest step first (ModelError where a JSON file is broken)."""
    return [(path, _read_info(path)) for path in checkpoint_files(folder)]


def load_latest(folder: Path) -> tuple[CheckpointInfo, dict[str, np.ndarray]] | None:
    """The checkpoint with the most steps, or None (ModelError or WeightsError where it is broken)."""
    every = list_checkpoints(folder)
    if not every:
        return None
    path, info = every[-1]
    return info, load_tensors(path.with_suffix(".safetensors"))


def _read_info(path: Path) -> CheckpointInfo:
    try:
        value = parse_json(path.read_bytes())
        return CheckpointInfo(
            step=require_number(value["step"], int),
            seconds=require_number(value["seconds"]),
            seed=require_number(value["seed"], int),
            loss=require_number(value["loss"]),
            losses={name: require_number(loss) for name, loss in value["losses"].items()},
            schedule=dict(value["schedule"]),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"{path}: a broken checkpoint ({error}); delete it to resume from another") from None


def _prune(folder: Path, keep: int) -> None:
    every = list_checkpoints(folder)
    best = min(every, key=lambda item: item[1].loss)[0]
    for path, _ in every[:-keep]:
        if path != best:
            path.unlink()  # first, so that a crash in between leaves no half checkpoint that counts
            path.with_suffix(".safetensors").unlink()
    for numbers in folder.glob("step-*.safetensors"):
        if not numbers.with_suffix(".json").is_file():  # an earlier crash came in between
            numbers.unlink()
