"""A training bench as a picture: a panel for each figure, a line for each variant."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from recaster.benchmarks.training_table import label
from recaster.files import atomic_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from recaster.benchmarks.training_point import Row

SHOWN: Final = (
    "cosine_source", "identity_margin", "retrieval", "motion_deviation", "mouth_correlation",
    "eye_correlation", "gaze_correlation", "jitter", "flicker", "sharpness", "psnr_inside",
    "perceptual_inside",
)  # fmt: skip
"""Figures that are drawn, where they were measured; without any of them, the first twelve."""

COLUMNS: Final = 3
PANEL: Final = (4.2, 2.7)
"""Inches."""


def draw_bench(path: Path, rows: Sequence[Row]) -> None:
    """Draw the figures over the minutes of training.

    The swap without training is a dashed line through every panel; references (the unswapped clip,
    a frozen face, the judge's noise) are grey dotted ones where they are in sight.

    Args:
        path: the PNG file to write.
        rows: at least one.

    Raises:
        OutputError: it cannot be written.
    """
    # Not pyplot: its figures are global, and it looks for a screen.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    measured = list(dict.fromkeys(name for row in rows for name in row.figures))
    names = [name for name in SHOWN if name in measured] or measured[: len(SHOWN)]
    columns = min(COLUMNS, max(1, len(names)))
    height = math.ceil(max(1, len(names)) / columns)
    figure = Figure(figsize=(PANEL[0] * columns, PANEL[1] * height + 0.6), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(height, columns, squeeze=False).ravel()
    for panel, name in zip(panels, names, strict=False):
        _panel(panel, name, rows)
    for panel in panels[len(names) :]:
        panel.set_axis_off()
    variants = list(dict.fromkeys(row.variant for row in rows))
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=min(len(variants), 6), frameon=False)
    with atomic_file(path) as temporary:
        figure.savefig(temporary)


def _panel(panel: Any, name: str, rows: Sequence[Row]) -> None:
    for number, variant in enumerate(dict.fromkeys(row.variant for row in rows)):
        own = [row for row in rows if row.variant == variant]
        values = [_value(row, name) for row in own]
        colour = f"C{number % 10}"
        if not own[0].preset:
            panel.axhline(values[0], color=colour, linestyle="--", linewidth=1.4, label=variant)
        else:
            minutes = [row.minutes for row in own]
            panel.plot(minutes, values, "o-", color=colour, markersize=4, linewidth=1.6, label=variant)
    panel.set_title(label(name), fontsize=10)
    panel.set_xlabel("minutes of training", fontsize=8)
    panel.set_xlim(left=0)
    panel.tick_params(labelsize=8)
    panel.grid(alpha=0.25)
    panel.spines[["top", "right"]].set_visible(False)
    _references(panel, name, rows)


def _references(panel: Any, name: str, rows: Sequence[Row]) -> None:
    """Dotted lines at what a figure is read against, unless they would squeeze the lines together."""
    low, high = panel.get_ylim()
    room = high - low
    for condition, value in rows[0].references.get(name, {}).items():
        if value is None or not low - room <= value <= high + room:
            continue
        panel.axhline(value, color="0.55", linestyle=":", linewidth=1)
        panel.annotate(
            condition, (1, value), xycoords=("axes fraction", "data"), fontsize=7, color="0.4", ha="right",
            va="bottom",
        )  # fmt: skip


def _value(row: Row, name: str) -> float:
    value = row.figures.get(name)
    return math.nan if value is None else value
