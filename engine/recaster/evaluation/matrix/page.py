"""Results of the picture matrix: as a table, against an earlier run, and as a page with every sheet."""

from __future__ import annotations

import html
import math
from typing import TYPE_CHECKING, Final

from recaster.evaluation.report.page import STYLE
from recaster.files import write_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from recaster.evaluation.matrix.bench import Result

COLUMNS: Final = {
    "found": ("found %", 0),
    "coverage": ("cover", 2),
    "tint": ("tint", 1),
    "tint_95": ("tint 95", 1),
    "light": ("light", 1),
    "light_95": ("light 95", 1),
    "colour": ("colour", 1),
    "detail_fine": ("fine", 2),
    "detail_middle": ("middle", 2),
    "detail_coarse": ("coarse", 2),
    "detail_colour": ("c. grain", 2),
    "roll_95": ("roll 95", 1),
    "bleed": ("bleed %", 2),
    "harm": ("harm %", 2),
    "psnr_inside": ("PSNR", 1),
    "identity_margin": ("identity", 2),
    "mouth_correlation": ("mouth", 2),
    "gaze_correlation": ("gaze", 2),
}
"""Figure to its heading and its decimals, in the order in which they are shown."""
OWN: Final = frozenset({"psnr_inside", "coverage", "found", "roll_95"})
"""Of a true swap these say nothing."""
LEGEND: Final = (
    "found: frames in which at least half of the face was swapped. cover: of the face, in those. tint, "
    "light: distance from the target's, CIE Lab, median and 95th percentile. colour: strongest in the face. "
    "fine, middle, coarse: detail over the target's, 1 is best; c. grain: that of colours. roll: degrees. "
    "bleed: pixels changed beside the face; harm: of somebody else. PSNR: to the true swap inside the face."
)


def table(results: Sequence[Result], before: Sequence[Result] = ()) -> list[str]:
    """A line for each shot, the true swap's below it where that is known, or what an earlier run found."""
    earlier = {one.name: one for one in before}
    shown = [name for name in COLUMNS if any(name in one.figures for one in results)]
    width = max([len(one.name) for one in results] + [8]) + 2
    lines = [" " * width + "".join(f"{COLUMNS[name][0]:>10}" for name in shown)]
    for result in results:
        lines.append(
            _line(result.name, result.figures, shown, width) + (f"  {result.note}" * bool(result.note))
        )
        if result.true:
            known = {name: value for name, value in result.true.items() if name not in OWN}
            lines.append(_line("  true", known, shown, width))
        if result.name in earlier:
            lines.append(_line("  before", earlier[result.name].figures, shown, width))
    return lines


def _line(name: str, figures: dict[str, float], shown: Sequence[str], width: int) -> str:
    return f"{name:<{width}}" + "".join(f"{_number(figures, column):>10}" for column in shown)


def _number(figures: dict[str, float], name: str) -> str:
    value = figures.get(name, math.nan)
    return "-" if math.isnan(value) else f"{value:.{COLUMNS[name][1]}f}"


def write_page(out: Path, results: Sequence[Result], before: Sequence[Result] = ()) -> Path:
    """Write ``index.html`` with the table and the sheet of every shot.

    Raises:
        OutputError: it can't be written.
    """
    parts = [
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Picture matrix</title>',
        f"<style>{STYLE}body{{max-width:none}}</style><h1>Picture matrix</h1>",
        f"<p>{html.escape(LEGEND)}</p>",
        f'<div class="scroll"><pre>{html.escape(chr(10).join(table(results, before)))}</pre></div>',
    ]
    for result in results:
        parts.append(f"<h2>{html.escape(result.name)}</h2>")
        if result.note:
            parts.append(f"<p>{html.escape(result.note)}</p>")
        else:
            sheet = f"shots/{result.name}/sheet.jpg"
            parts.append(f'<img src="{html.escape(sheet)}" alt="{html.escape(result.name)}" loading="lazy">')
    page = out / "index.html"
    write_bytes(page, "\n".join([*parts, "</html>\n"]).encode())
    return page
