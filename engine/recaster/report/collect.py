"""Search of a folder for everything that a report can show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from recaster.errors import InputError
from recaster.evaluation.evaluation_result import NAME, EvaluationResult
from recaster.files import parse_json
from recaster.models.model_folder import ModelCard, ModelFolder
from recaster.training.loss_curves import written_curves

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.faces.types import Floats

SPEED_PARTS: Final = ("floor", "baseline", "engine")
MAX_CURVE_POINTS: Final = 10_000
"""Points of a training curve; where more were written, each is a mean of neighbours."""


@dataclass(frozen=True, eq=False)
class Training:
    """A trained model: what it is, its losses by name as (steps (n,), values (n,)), its last preview."""

    folder: Path
    card: ModelCard
    curves: dict[str, tuple[Floats, Floats]]
    preview: Path | None


@dataclass(frozen=True, eq=False)
class Found:
    """All that was found, each with the folder or file that it comes from."""

    evaluations: tuple[tuple[Path, EvaluationResult], ...]
    trainings: tuple[Training, ...]
    benches: tuple[tuple[Path, list[dict[str, Any]]], ...]
    speeds: tuple[tuple[Path, dict[str, Any]], ...]

    def __bool__(self) -> bool:
        return bool(self.evaluations or self.trainings or self.benches or self.speeds)


def collect(folder: Path) -> Found:
    """Everything at or below ``folder``, in the order of the paths.

    Raises:
        InputError: there is no such folder, nothing in it, or something in it is damaged.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: there is no such folder")
    evaluations = []
    trainings = []
    benches = []
    speeds = []
    for path in sorted(folder.rglob("*.json")):
        if any(part.startswith(".") for part in path.relative_to(folder).parts):
            continue
        if path.name == NAME:
            evaluations.append((path.parent, EvaluationResult.load(path.parent)))
        elif path.name == "model.json":
            trainings.append(_training(path.parent))
        else:
            values = _read_object(path)
            rows = values.get("rows")
            if isinstance(rows, list) and all(isinstance(row, dict) and "variant" in row for row in rows):
                benches.append((path, rows))
            elif all(isinstance(values.get(part), dict) for part in ("floor", "engine")):
                speeds.append((path, values))
    found = Found(tuple(evaluations), tuple(trainings), tuple(benches), tuple(speeds))
    if not found:
        raise InputError(
            f"{folder}: nothing to report: no {NAME} (recaster evaluate -o), no model.json (recaster train), "
            "no bench.json (recaster bench train), no speed figures (recaster bench swap -o)"
        )
    return found


def _read_object(path: Path) -> dict[str, Any]:
    """Reads a JSON object; an empty one where the file holds something else."""
    try:
        value = parse_json(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def _training(folder: Path) -> Training:
    model = ModelFolder(folder)
    curves = {
        name: (np.array([step for step, _ in curve], np.float64), np.array([value for _, value in curve]))
        for name, curve in written_curves(model, MAX_CURVE_POINTS).items()
    }
    return Training(folder, model.read(), curves, model.latest_preview())
