"""Plots of benchmarks: the stages of a swap, and the figures of trainings over their minutes."""

from __future__ import annotations

import contextlib
import math
from typing import TYPE_CHECKING, Any, Final

from recaster.benchmarks.training_results import Row, label
from recaster.files import atomic_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path


LANES: Final = (
    ("first pass", ("analyse", "plan", "look")),
    ("reading", ("decode", "crop")),
    ("swapping", ("swap",)),
    ("looking", ("occluders", "mask")),
    ("compositing", ("composite",)),
    ("writing", ("encode",)),
    ("at the end", ("join", "sign")),
)
"""Threads of a swap, and the stages that each goes through; those of a second pass run side by side."""
COLOUR_STEP: Final = 2
"""Every second colour of tab20 is strong; the others are its pale shades."""
BAR_HEIGHT: Final = 0.62
MIN_LABEL_WIDTH: Final = 0.025
"""Share of the picture's width below which a stage is not named inside its bar."""

SHOWN: Final = (
    "cosine_source", "identity_margin", "retrieval", "motion_deviation", "mouth_correlation",
    "eye_correlation", "gaze_correlation", "jitter", "flicker", "sharpness", "psnr_inside",
    "perceptual_inside",
)  # fmt: skip
"""Figures of trainings that are drawn, where they were measured; without any of them, the first twelve."""
COLUMNS: Final = 3
PANEL: Final = (4.2, 2.7)
"""Inches."""


@contextlib.contextmanager
def _png(path: Path, width: float, height: float) -> Iterator[Any]:
    """Yields a figure of so many inches, which is written when the block ends."""
    # Not pyplot: its figures are global, and it looks for a screen.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    yield figure
    with atomic_file(path) as temporary:
        figure.savefig(temporary)


def draw_stages(path: Path, result: Mapping[str, Any]) -> None:
    """Draws a ``measure_speed``: a bar for each of the engine's threads, cut into stages (OutputError)."""
    from matplotlib import colormaps

    stages = result["engine"]["stages"]
    floor = result["floor"]["stages"]
    rows = [(f"floor: {name}", [(name, spent)]) for name, spent in floor.items()]
    for lane, names in LANES:
        if row := [(name, stages[name]) for name in names if name in stages]:
            rows.append((lane, row))
    widest = max(sum(spent for _, spent in row) for _, row in rows)
    with _png(path, 9.6, 0.5 * len(rows) + 1.2) as figure:
        panel = figure.subplots()
        for at, (_, row) in enumerate(rows):
            left = 0.0
            for number, (name, spent) in enumerate(row):
                colour = "0.75" if at < len(floor) else colormaps["tab20"](number * COLOUR_STEP % 20)
                panel.barh(at, spent, BAR_HEIGHT, left, color=colour, edgecolor="white")
                if spent > MIN_LABEL_WIDTH * widest * max(len(name), 4) / 4:
                    text = f"{name}\n{spent:.1f}"
                    panel.text(left + spent / 2, at, text, ha="center", va="center", fontsize=7)
                left += spent
        panel.set_yticks(range(len(rows)), [lane for lane, _ in rows])
        panel.invert_yaxis()
        panel.set_xlabel("wall time a frame, ms")
        clip = result["clip"]
        engine = result["engine"]
        panel.set_title(
            f"{clip['width']} x {clip['height']}: {engine['cpu_ms_per_frame']:.0f} CPU ms a frame, "
            f"{engine['frames_per_second']:.1f} frames/s",
            fontsize=10,
        )
        panel.spines[["top", "right"]].set_visible(False)


def draw_bench(path: Path, rows: Sequence[Row]) -> None:
    """Draws the figures of one or more rows over the minutes of training, a line a variant (OutputError).

    The swap without training is a dashed line through every panel; references (the unswapped clip,
    a frozen face, the judge's noise) are grey dotted ones where they are in sight.
    """
    measured = list(dict.fromkeys(name for row in rows for name in row.figures))
    names = [name for name in SHOWN if name in measured] or measured[: len(SHOWN)]
    columns = min(COLUMNS, max(1, len(names)))
    height = math.ceil(max(1, len(names)) / columns)
    with _png(path, PANEL[0] * columns, PANEL[1] * height + 0.6) as figure:
        panels = figure.subplots(height, columns, squeeze=False).ravel()
        for panel, name in zip(panels, names, strict=False):
            _draw_panel(panel, name, rows)
        for panel in panels[len(names) :]:
            panel.set_axis_off()
        handles, labels = panels[0].get_legend_handles_labels()
        variants = len({row.variant for row in rows})
        figure.legend(handles, labels, loc="outside upper center", ncols=min(variants, 6), frameon=False)


def _draw_panel(panel: Any, name: str, rows: Sequence[Row]) -> None:
    for number, variant in enumerate(dict.fromkeys(row.variant for row in rows)):
        own = [row for row in rows if row.variant == variant]
        values = [math.nan if row.figures.get(name) is None else row.figures[name] for row in own]
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
    _draw_references(panel, name, rows)


def _draw_references(panel: Any, name: str, rows: Sequence[Row]) -> None:
    """Draws dotted lines at what a figure is read against, unless they would squeeze the others together."""
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
