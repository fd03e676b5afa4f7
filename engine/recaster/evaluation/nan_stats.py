"""Means over measured values; NaN stands for what wasn't measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from recaster.faces.types import Floats


def mean(values: Floats) -> float:
    """Computes the mean of the values that are not NaN; NaN where none is."""
    return float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")


def ratio(first: Floats, second: Floats) -> float:
    """Computes the ratio of two means; NaN where the second is 0 or NaN."""
    return mean(first) / (mean(second) or float("nan"))


def relative(values: Floats, reference: Floats) -> Floats:
    """Divides values by the mean of a reference; NaN where that is 0 or NaN."""
    return values / (mean(reference) or float("nan"))
