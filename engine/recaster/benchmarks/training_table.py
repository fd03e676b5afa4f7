"""Results of a training benchmark as tables in Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recaster.evaluation.measures import MEASURES
from recaster.texts import escape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recaster.benchmarks.training_point import Row

MIB = 2**20
ARROWS = {"higher": " ↑", "lower": " ↓", "near 1": " →1"}


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
