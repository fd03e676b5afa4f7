"""Means over measured values; NaN stands for what wasn't measured."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recaster.faces.types import Floats


def mean(values: Floats | Sequence[float]) -> float:
    """Computes the mean of the values that are not NaN; NaN where none is."""
    return float(np.nanmean(values)) if np.isfinite(values).any() else math.nan


def ratio(first: Floats, second: Floats) -> float:
    """Computes the ratio of two means; NaN where the second is 0 or NaN."""
    return mean(first) / (mean(second) or math.nan)


def relative(values: Floats, reference: Floats) -> Floats:
    """Divides values by the mean of a reference; NaN where that is 0 or NaN."""
    return values / (mean(reference) or math.nan)


def columns(rows: Sequence[Sequence[float]], names: Sequence[str]) -> dict[str, Floats]:
    """Turns rows of measured values into a series (T,) for each name."""
    table = np.array(rows, np.float64).reshape(-1, len(names))
    return dict(zip(names, table.T, strict=True))


def rounded(value: float, digits: int = 6) -> float | None:
    """Rounds to significant digits (six are more than any judge can tell); None, as JSON has it, for NaN."""
    return float(f"{value:.{digits}g}") if math.isfinite(value) else None


def spread_indices(count: int, most: int) -> list[int]:
    """Chooses at most ``most`` indices below ``count``, from the first to the last evenly."""
    places = np.linspace(0, count - 1, min(most, count)).round().astype(int)
    chosen: list[int] = places.tolist()
    return chosen
