"""Line charts as inline SVG: small, sharp in print, and without a script."""

from __future__ import annotations

import html
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from recaster.faces.types import Floats

WIDTH = 560
HEIGHT = 210
LEFT = 52
RIGHT = 12
TOP = 14
BOTTOM = 34
COLOURS: Final = ("#2a78c8", "#d8702a", "#3a9d5d", "#a04fc0", "#b8a020", "#c84060", "#4fb0b0", "#808080")
COLUMNS: Final = 3
"""Columns of the legend."""
POINTS: Final = 300
"""Points of a line: more can't be seen, and make the page large."""


@dataclass(frozen=True, eq=False)
class Line:
    """A line of a chart: x and y (n,), NaN where there is nothing."""

    name: str
    x: Floats
    y: Floats
    dots: bool = False


def chart(
    title: str, lines: Sequence[Line], across: str = "frame", levels: Mapping[str, float] | None = None
) -> str:
    """Draws one line or more as an ``<svg>``; ``across`` says what x counts, ``levels`` are dashed lines."""
    shown = [_thinned(line) for line in lines]
    levels = {name: value for name, value in (levels or {}).items() if math.isfinite(value)}
    xs = np.concatenate([line.x for line in shown])
    ys = np.concatenate([*(line.y for line in shown), np.array(list(levels.values()))])
    ys = ys[np.isfinite(ys)]
    if not len(xs) or not len(ys):
        return f"<p>{html.escape(title)}: nothing was measured.</p>"
    x_range = _range(xs)
    y_range = _range(ys)

    def to_x(value: float) -> float:
        return LEFT + (value - x_range[0]) / (x_range[1] - x_range[0]) * (WIDTH - LEFT - RIGHT)

    def to_y(value: float) -> float:
        return TOP + (y_range[1] - value) / (y_range[1] - y_range[0]) * (HEIGHT - TOP - BOTTOM)

    size = f"0 0 {WIDTH} {HEIGHT + 18 * _rows(shown, levels)}"
    parts = [f'<svg viewBox="{size}" role="img" aria-label="{html.escape(title)}">']
    for value in _ticks(*y_range):
        parts.append(f'<path class="grid" d="M{LEFT} {to_y(value):.1f}H{WIDTH - RIGHT}"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{to_y(value) + 4:.1f}" text-anchor="end">{value:.3g}</text>')
    middle = 'text-anchor="middle"'
    below = HEIGHT - BOTTOM + 16
    parts += [f'<text x="{to_x(x):.1f}" y="{below}" {middle}>{x:.4g}</text>' for x in _ticks(*x_range)]
    parts.append(f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 4}" text-anchor="end">{html.escape(across)}</text>')
    parts += [f'<path class="level" d="M{LEFT} {to_y(y):.1f}H{WIDTH - RIGHT}"/>' for y in levels.values()]
    for line, colour in zip(shown, _colours(), strict=False):
        parts.append(
            f'<path d="{_path(line, to_x, to_y)}" fill="none" stroke="{colour}" stroke-width="1.6"/>'
        )
        if line.dots or np.isfinite(line.y).sum() == 1:
            parts += [
                f'<circle cx="{to_x(x):.1f}" cy="{to_y(y):.1f}" r="3" fill="{colour}"/>'
                for x, y in zip(line.x, line.y, strict=True)
                if math.isfinite(y)
            ]
    parts += _legend(shown, levels)
    return "".join([f"<figure><figcaption>{html.escape(title)}</figcaption>", *parts, "</svg></figure>"])


def _colours() -> list[str]:
    return [*COLOURS, *COLOURS, *COLOURS]


def _thinned(line: Line) -> Line:
    """Thins a line to at most ``POINTS`` points, each the mean of those that it stands for."""
    if len(line.x) <= POINTS:
        return line
    parts = np.array_split(np.arange(len(line.x)), POINTS)
    x = np.array([line.x[part].mean() for part in parts])
    y = np.array(
        [
            line.y[part][np.isfinite(line.y[part])].mean() if np.isfinite(line.y[part]).any() else np.nan
            for part in parts
        ]
    )
    return Line(line.name, x, y, line.dots)


def _range(values: Floats) -> tuple[float, float]:
    low = float(values.min())
    high = float(values.max())
    edge = 0.05 * (high - low) or abs(high) * 0.05 or 1.0
    return low - edge, high + edge


def _ticks(low: float, high: float) -> list[float]:
    """Chooses about five round numbers for an axis."""
    step = 10 ** math.floor(math.log10((high - low) / 4))
    step *= next(factor for factor in (1, 2, 5, 10) if (high - low) / (step * factor) <= 6)
    return [step * n for n in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _path(line: Line, to_x: Callable[[float], float], to_y: Callable[[float], float]) -> str:
    """Formats the line's drawing commands; a gap where nothing was measured is left out."""
    commands = []
    pen = "M"
    for x, y in zip(line.x, line.y, strict=True):
        if math.isfinite(y):
            commands.append(f"{pen}{to_x(x):.1f} {to_y(y):.1f}")
            pen = "L"
    return "".join(commands)


def _rows(lines: Sequence[Line], levels: Mapping[str, float]) -> int:
    return -(-(len(lines) + len(levels)) // COLUMNS)


def _legend(lines: Sequence[Line], levels: Mapping[str, float]) -> list[str]:
    names = [(line.name, f'stroke="{colour}"') for line, colour in zip(lines, _colours(), strict=False)]
    names += [(f"{name} {value:.3g}", 'class="level"') for name, value in levels.items()]
    parts = []
    for at, (name, style) in enumerate(names):
        x = LEFT + (at % COLUMNS) * (WIDTH - LEFT) / COLUMNS
        y = HEIGHT + 4 + 18 * (at // COLUMNS)
        parts.append(f'<path d="M{x:.0f} {y}h16" stroke-width="2.5" {style}/>')
        parts.append(f'<text x="{x + 21:.0f}" y="{y + 4}">{html.escape(name[:24])}</text>')
    return parts
