"""Results of the picture matrix: as a table, against an earlier run, and as a page with every sheet."""

from __future__ import annotations

import html
import math
import statistics
from typing import TYPE_CHECKING, Final, NamedTuple

from recaster.benchmarks.picture_matrix.conditions import PLAIN
from recaster.benchmarks.picture_matrix.sheets import OVERVIEW, SHEET, STRIP, draw_overview
from recaster.files import write_bytes
from recaster.report.page import STYLE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from recaster.benchmarks.picture_matrix.benchmark import ShotResult

MAX_PSNR_DB: Final = 78.0
"""Between equal pictures."""


class Column(NamedTuple):
    """Heading, decimals and best value of a column; None for a column that only helps to read others."""

    heading: str
    decimals: int
    best: float | None


COLUMNS: Final = {
    "found": Column("found %", 0, 100),
    "coverage": Column("cover", 2, 1),
    "tint": Column("tint", 1, 0),
    "tint_95": Column("tint 95", 1, 0),
    "light": Column("light", 1, 0),
    "light_95": Column("light 95", 1, 0),
    "colour": Column("colour", 1, None),
    "detail_fine": Column("fine", 2, 1),
    "detail_middle": Column("middle", 2, 1),
    "detail_coarse": Column("coarse", 2, 1),
    "detail_colour": Column("c. grain", 2, 1),
    "brows": Column("brows", 2, 1),
    "brows_least": Column("least", 2, 1),
    "brows_change": Column("change", 2, 0),
    "lids": Column("lids", 2, 1),
    "lips": Column("lips", 2, 1),
    "temples": Column("temples", 1, 0),
    "jaw": Column("jaw", 1, 0),
    "smears": Column("smears", 1, 0),
    "unsteady": Column("unsteady", 1, 0),
    "roll_95": Column("roll 95", 1, 0),
    "bleed": Column("bleed %", 2, 0),
    "harm": Column("harm %", 2, 0),
    "front_iou": Column("front", 2, 1),
    "psnr_inside": Column("PSNR", 1, MAX_PSNR_DB),
    "identity_margin": Column("identity", 2, 1),
    "identity_ceiling": Column("at most", 2, None),
    "mouth_correlation": Column("mouth", 2, 1),
    "mouth_ceiling": Column("at most", 2, None),
    "mouth_share": Column("share", 2, 1),
    "gaze_correlation": Column("gaze", 2, 1),
    "gaze_offset": Column("gaze off", 3, 0),
}
"""Figure to its column, in the order in which they are shown."""
OWN: Final = frozenset({"psnr_inside", "coverage", "found", "roll_95", "front_iou"})
"""Of a true swap these say nothing."""
IN_DOCUMENTS: Final = (
    "found", "tint_95", "light_95", "colour", "detail_fine", "detail_middle", "detail_coarse",
    "brows", "temples", "jaw", "smears", "unsteady", "harm",
    "front_iou", "psnr_inside", "identity_margin", "mouth_share",
)  # fmt: skip
LEGEND: Final = (
    "found: frames in which at least half of the face was swapped. cover: of the face, in those. tint, "
    "light: distance from the target's, CIE Lab, median and 95th percentile. colour: strongest in the face. "
    "fine, middle, coarse: detail over the target's, 1 is best; c. grain: that of colours. brows, lids, "
    "lips: how much of the source's is there; least: in the worst frame; change: from look to look. temples, "
    "jaw: edges and lines along the mask that the target has not, levels, above and below the face's middle. "
    "smears: the worst dark or reddish blotch that neither face has; unsteady: what comes and goes on skin, "
    "CIE Lab. roll: degrees. "
    "bleed: pixels changed beside the face; harm: of somebody else, or of what is before the face. front: "
    "what was left of the target there, over what should have been (intersection over union). PSNR: to the "
    "true swap inside the face. identity: likeness to the source less that to the target; at most: the "
    "source itself. mouth: correlation with the target's; at most: the judge's with itself; share: of that. "
    "Median and worst are of the plain shots of all rows, and of all shots."
)


def format_table(results: Sequence[ShotResult], before: Sequence[ShotResult] = ()) -> list[str]:
    """Formats a line for each shot, with the true swap's or an earlier run's figures below it."""
    earlier = {result.name: result for result in before}
    shown = [name for name in COLUMNS if any(name in result.figures for result in results)]
    width = max([len(result.name) for result in results] + [13]) + 2
    lines = [" " * width + "".join(f"{COLUMNS[name].heading:>10}" for name in shown)]
    for result in results:
        note = f"  {result.note}" if result.note else ""
        lines.append(_line(result.name, result.figures, shown, width) + note)
        if result.true:
            known = {name: value for name, value in result.true.items() if name not in OWN}
            lines.append(_line("  true", known, shown, width))
        if result.name in earlier:
            lines.append(_line("  before", earlier[result.name].figures, shown, width))
    groups = {"plain": [result for result in results if result.condition == PLAIN], "all": results}
    for name, group in groups.items():
        for title, chosen in (("median", statistics.median), ("worst", None)):
            lines.append(_line(f"{name}: {title}", _reduced(group, shown, chosen), shown, width))
    return lines


def _reduced(
    results: Sequence[ShotResult], shown: Sequence[str], middle: Callable[[list[float]], float] | None
) -> dict[str, float]:
    """Reduces each figure to one value: the middle one, or (None) the one farthest from the best."""
    reduced = {}
    for name in shown:
        best = COLUMNS[name].best
        values = [one.figures[name] for one in results if math.isfinite(one.figures.get(name, math.nan))]
        if values and best is not None:
            reduced[name] = middle(values) if middle else max(values, key=lambda value: abs(value - best))
    return reduced


def _line(name: str, figures: dict[str, float], shown: Sequence[str], width: int) -> str:
    return f"{name:<{width}}" + "".join(f"{_number(figures, column):>10}" for column in shown)


def _number(figures: dict[str, float], name: str) -> str:
    value = figures.get(name, math.nan)
    return "-" if math.isnan(value) else f"{value:.{COLUMNS[name].decimals}f}"


def format_markdown(results: Sequence[ShotResult]) -> str:
    """Formats a Markdown table: a line for each shot, the true swap's figures in brackets."""
    shown = [name for name in IN_DOCUMENTS if any(name in one.figures for one in results)]
    headings = " | ".join(COLUMNS[name].heading for name in shown)
    lines = [f"| shot | {headings} |", "|---|" + "---:|" * len(shown)]
    for result in results:
        cells = []
        for name in shown:
            true = "-" if name in OWN else _number(result.true, name)
            cells.append(_number(result.figures, name) + (f" ({true})" if true != "-" else ""))
        lines.append(f"| {result.name} | " + " | ".join(cells) + " |")
    return "\n".join([*lines, ""])


def write_page(out: Path, results: Sequence[ShotResult], before: Sequence[ShotResult] = ()) -> Path:
    """Writes ``index.html`` with the table and the pictures of every shot and ``matrix.md`` (OutputError)."""
    parts = [
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Picture matrix</title>',
        f"<style>{STYLE}body{{max-width:none}}</style><h1>Picture matrix</h1>",
        f"<p>{html.escape(LEGEND)}</p>",
        f'<div class="scroll"><pre>{html.escape(chr(10).join(format_table(results, before)))}</pre></div>',
    ]
    shots = {one.row if one.condition == PLAIN else one.name: out / "shots" / one.name for one in results}
    if draw_overview(out / OVERVIEW, shots):
        parts.append(f'<img src="{OVERVIEW}" alt="the middle frame of every shot">')
    for result in results:
        parts.append(f"<h2>{html.escape(result.name)}</h2>")
        if result.note:
            parts.append(f"<p>{html.escape(result.note)}</p>")
        else:
            for picture, title in ((SHEET, "through the shot"), (STRIP, "consecutive frames")):
                path = html.escape(f"shots/{result.name}/{picture}")
                text = html.escape(f"{result.name}, {title}")
                parts.append(f'<img src="{path}" alt="{text}" loading="lazy">')
    write_bytes(out / "matrix.md", format_markdown(results).encode())
    page = out / "index.html"
    write_bytes(page, "\n".join([*parts, "</html>\n"]).encode())
    return page
