"""Results of a training benchmark: models at marks, their cost, swaps and evaluations, and tables of them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, Final

from recaster.errors import InputError
from recaster.evaluation.evaluation_result import NAME
from recaster.evaluation.measures import MEASURES
from recaster.files import parse_json, require_number, write_json
from recaster.texts import escape

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

MIB: Final = 2**20
ARROWS: Final = {"higher": " ↑", "lower": " ↓", "near 1": " →1"}


@dataclass(frozen=True)
class Cost:
    """Cost of training up to a mark.

    Attributes:
        mark: minutes or steps that were asked for; 0 without training.
        seconds: wall time, without the first step, which builds the network.
        cpu_seconds: time of the process on all cores meanwhile.
        peak_bytes: most memory that the process had held until then; None where the system does not tell.
        batch: faces in each step, of all identities.
    """

    mark: float
    steps: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_bytes: int | None = None
    batch: int = 0

    @property
    def steps_per_second(self) -> float | None:
        """Steps over wall time without the first step, whose time isn't counted; None for fewer than two."""
        return (self.steps - 1) / self.seconds if self.steps > 1 and self.seconds > 0 else None

    @property
    def faces_per_second(self) -> float | None:
        """Training faces over wall time."""
        return None if self.steps_per_second is None else self.steps_per_second * self.batch


@dataclass(frozen=True)
class Point:
    """The folder of one variant at one mark; it is a model folder too."""

    folder: Path
    mark: float

    @classmethod
    def of(cls, variant: Path, mark: float) -> Point:
        """Returns the point of a variant's folder at ``mark``."""
        return cls(variant / f"at-{mark:g}", mark)

    @property
    def swapped(self) -> Path:
        """The swapped clip."""
        return self.folder / "swapped.mp4"

    @property
    def evaluation(self) -> Path:
        """The folder of its evaluation."""
        return self.folder / "evaluation"

    @property
    def is_judged(self) -> bool:
        """True once model and evaluation are complete."""
        return (self.evaluation / NAME).is_file() and self.is_trained

    @property
    def is_trained(self) -> bool:
        """True once the model is complete; its cost is written last."""
        return self._cost.is_file()

    def write(self, cost: Cost) -> None:
        """Writes the cost (OutputError)."""
        write_json(self._cost, asdict(cost))

    def cost(self) -> Cost:
        """Reads the cost (InputError where it is missing or damaged)."""
        try:
            value: dict[str, Any] = parse_json(self._cost.read_bytes())
            peak = value["peak_bytes"]  # None where the system didn't tell
            values = {item.name: value[item.name] for item in fields(Cost) if item.name != "peak_bytes"}
            numbers = {name: require_number(number) for name, number in values.items()}
            return Cost(**numbers, peak_bytes=None if peak is None else require_number(peak, int))
        except (OSError, ValueError, KeyError, TypeError) as error:
            message = f"{self._cost}: unusable ({error}); delete {self.folder} to make it again"
            raise InputError(message) from None

    @property
    def _cost(self) -> Path:
        return self.folder / "cost.json"


@dataclass(frozen=True)
class Row:
    """One variant at one mark, with its cost (see ``Cost``) and its figures.

    Attributes:
        preset: "" for the swap without training.
        figures: the evaluation's values by name; None where one could not be measured.
        references: by figure and condition.
        folder: the point's own, relative to the benchmark's.
    """

    variant: str
    preset: str
    flags: str
    mark: float
    minutes: float
    steps: int
    steps_per_second: float | None
    faces_per_second: float | None
    cpu_seconds: float
    peak_bytes: int | None
    figures: dict[str, float | None]
    references: dict[str, dict[str, float | None]]
    folder: str


def as_markdown(rows: Sequence[Row]) -> str:
    """Formats tables of each point's cost and figures, with the variants' recipes below."""
    names = list(dict.fromkeys(name for row in rows for name in row.figures))
    costs = []
    for row in rows:
        rates = (row.minutes, row.steps_per_second, row.faces_per_second, row.cpu_seconds)
        minutes, steps, faces, cpu = map(_number, rates)
        peak = "-" if row.peak_bytes is None else f"{row.peak_bytes / MIB:.0f}"
        costs.append([row.variant, minutes, f"{row.steps}", steps, faces, cpu, peak])
    head = ["variant", "minutes", "steps", "steps/s", "faces/s", "CPU s", "peak MiB"]
    parts = ["## Cost\n", _table(head, costs)]
    if names:
        scores = [
            [row.variant, _number(row.minutes), *(_number(row.figures.get(name)) for name in names)]
            for row in rows
        ]
        parts += ["\n## Quality\n", _table(["variant", "minutes", *map(label, names)], scores)]
    recipes = {row.variant: f"{row.preset} {row.flags}".strip() for row in rows if row.preset}
    if recipes:
        lines = [[name, f"`{recipe}`"] for name, recipe in recipes.items()]
        parts += ["\n## Recipes\n", _table(["variant", "recipe"], lines)]
    return "\n".join(parts) + "\n"


def label(name: str) -> str:
    """Returns a figure's title, unit and better direction; its name where it is not defined."""
    measure = MEASURES.get(name)
    if measure is None:
        return name
    unit = f" [{measure.unit}]" if measure.unit else ""
    return f"{measure.title}{unit}{ARROWS.get(measure.better, '')}"


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _table(head: list[str], lines: list[list[str]]) -> str:
    ruler = ["---"] + ["---:"] * (len(head) - 1)
    return "\n".join("| " + " | ".join(map(escape, cells)) + " |" for cells in [head, ruler, *lines])
