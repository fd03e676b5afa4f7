"""Plot of a swap's time: a bar for each thread of work, cut into its stages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from recaster.files import atomic_file

if TYPE_CHECKING:
    from collections.abc import Mapping
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


def draw_stages(path: Path, found: Mapping[str, Any]) -> None:
    """Draws the engine's stages, with the codec's floor for comparison.

    Args:
        path: the PNG file to write.
        found: the result of ``measure_speed``.

    Raises:
        OutputError: it cannot be written.
    """
    # Not pyplot: its figures are global, and it looks for a screen.
    from matplotlib import colormaps
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    stages = found["engine"]["stages"]
    floor = found["floor"]["stages"]
    rows = [(f"floor: {name}", [(name, spent)]) for name, spent in floor.items()]
    rows += [
        (lane, [(name, stages[name]) for name in names if name in stages])
        for lane, names in LANES
        if any(name in stages for name in names)
    ]
    widest = max(sum(spent for _, spent in row) for _, row in rows)
    figure = Figure(figsize=(9.6, 0.5 * len(rows) + 1.2), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    panel = figure.subplots()
    for at, (_, row) in enumerate(rows):
        left = 0.0
        for number, (name, spent) in enumerate(row):
            colour = "0.75" if at < len(floor) else colormaps["tab20"](number * COLOUR_STEP % 20)
            panel.barh(at, spent, BAR_HEIGHT, left, color=colour, edgecolor="white")
            if spent > MIN_LABEL_WIDTH * widest * max(len(name), 4) / 4:
                panel.text(left + spent / 2, at, f"{name}\n{spent:.1f}", ha="center", va="center", fontsize=7)
            left += spent
    panel.set_yticks(range(len(rows)), [lane for lane, _ in rows])
    panel.invert_yaxis()
    panel.set_xlabel("wall time a frame, ms")
    clip = found["clip"]
    engine = found["engine"]
    panel.set_title(
        f"{clip['width']} x {clip['height']}: {engine['cpu_ms_per_frame']:.0f} CPU ms a frame, "
        f"{engine['frames_per_second']:.1f} frames/s",
        fontsize=10,
    )
    for side in ("top", "right"):
        panel.spines[side].set_visible(False)
    with atomic_file(path) as temporary:
        figure.savefig(temporary)
