"""Means of what was measured; NaN stands for what wasn't."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from recaster.faces.types import Floats


def mean(values: Floats) -> float:
    """The mean of what is known; NaN where nothing is."""
    return float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")


def ratio(first: Floats, second: Floats) -> float:
    """Of two means; NaN where the second is nothing."""
    return mean(first) / (mean(second) or float("nan"))


def relative(values: Floats, reference: Floats) -> Floats:
    """Values in means of a reference; NaN where that is nothing."""
    return values / (mean(reference) or float("nan"))
