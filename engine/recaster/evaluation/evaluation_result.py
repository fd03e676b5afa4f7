"""Result of an evaluation, on disk: ``evaluation.json`` and its pictures in one folder."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from recaster.errors import InputError
from recaster.evaluation.measures import MEASURES
from recaster.evaluation.nan_stats import rounded
from recaster.evaluation.types import Figure, Scores
from recaster.files import Upgrades, parse_json, upgrade_document, write_json
from recaster.texts import escape_document

if TYPE_CHECKING:
    from pathlib import Path


FORMAT: Final = 1
UPGRADES: Final[Upgrades] = {}
"""What makes each format of the one before, for ``upgrade_document``; the first needs none."""
NAME: Final = "evaluation.json"


@dataclass(frozen=True, eq=False)
class EvaluationResult:
    """Result of an evaluation: its subject, figures and pictures.

    Attributes:
        about: subject and circumstances: "original" and "swapped" (path, digest, width, height,
            fps, frames), "source", "target", "gallery", "truth", "settings", "versions", "seconds",
            "notices"; plain JSON values.
        index: (T,) int64, numbers of the judged frames in the original.
        pictures: "sheet" and "worst": names of image files beside ``evaluation.json``.
    """

    about: dict[str, Any]
    index: np.ndarray[Any, np.dtype[np.int64]]
    scores: Scores
    pictures: dict[str, str] = field(default_factory=dict)

    def value(self, name: str) -> float:
        """Returns the value of a figure; NaN where it was not measured."""
        return next((figure.value for figure in self.scores.figures if figure.name == name), math.nan)

    def lines(self) -> list[str]:
        """Formats a line for each figure: title, value, better direction, and references."""
        lines = [_line(figure) for figure in self.scores.figures]
        return lines + [f"note: {notice}" for notice in self.about["notices"]]

    def as_json(self) -> dict[str, Any]:
        """Converts to plain JSON values; NaN becomes null."""
        figures = [
            {
                "name": figure.name,
                "value": rounded(figure.value),
                "references": {name: rounded(value) for name, value in figure.references.items()},
            }
            for figure in self.scores.figures
        ]
        frames = {name: [rounded(value) for value in values] for name, values in self.scores.frames.items()}
        frames = {"index": self.index.tolist(), **frames}
        parts = {"figures": figures, "frames": frames, "pictures": self.pictures}
        return {"format": FORMAT, **self.about, **parts}

    def save(self, folder: Path) -> None:
        """Writes ``evaluation.json`` into ``folder`` (OutputError)."""
        write_json(folder / NAME, self.as_json())

    @classmethod
    def load(cls, folder: Path) -> EvaluationResult:
        """Reads an evaluation that ``save`` wrote (InputError)."""
        path = folder / NAME
        try:
            document = escape_document(parse_json(path.read_bytes()))
        except OSError as error:
            raise InputError(f"{path}: no evaluation to read ({error.strerror})") from error
        except ValueError as error:
            raise InputError(f"{path}: this evaluation is damaged; make it again") from error
        try:
            return _from_json(document)
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
            raise InputError(f"{path}: not an evaluation of format {FORMAT}; make it again") from error


def _from_json(document: dict[str, Any]) -> EvaluationResult:
    document = upgrade_document(document, FORMAT, UPGRADES)
    frames = dict(document["frames"])
    index = np.array(frames.pop("index"), np.int64)
    figures = tuple(
        Figure(item["name"], _number(item["value"]), {k: _number(v) for k, v in item["references"].items()})
        for item in document["figures"]
    )
    arrays = {name: np.array([_number(value) for value in values]) for name, values in frames.items()}
    if any(len(values) != len(index) for values in arrays.values()):
        raise ValueError("per-frame values of different lengths")
    parts = ("format", "figures", "frames", "pictures")
    about = {name: value for name, value in document.items() if name not in parts}
    pictures = {name: _sibling_name(picture) for name, picture in document["pictures"].items()}
    return EvaluationResult(about, index, Scores(figures, arrays), pictures)


def _sibling_name(name: str) -> str:
    """Checks the name of a file in the evaluation's own folder: whoever wrote the file may be a stranger."""
    if not name or "\0" in name or name in (".", "..") or {*name} & {*"/\\:"}:
        raise ValueError(f"{name!r} is no picture beside {NAME}")
    return name


def _line(figure: Figure) -> str:
    measure = MEASURES[figure.name]
    unit = f" {measure.unit}" if measure.unit else ""
    better = f"({measure.better} is better)" if measure.better else ""
    against = ", ".join(f"{name} {_shown(value)}" for name, value in figure.references.items())
    return f"{measure.title:<38} {_shown(figure.value):>8}{unit:<18} {better:<20} {against}".rstrip()


def _shown(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.3g}"


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)
