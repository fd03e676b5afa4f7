"""Ranges of numbers, wherever somebody chooses one: in a request, on the command line, in a script."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Bounds:
    """The least and the greatest value, both allowed."""

    low: float
    high: float

    def fault(self, value: float) -> str:
        """Says what the value must be; empty where it is."""
        if math.isfinite(value) and self.low <= value <= self.high:
            return ""
        return f"must be {_grouped(self.low)} to {_grouped(self.high)}"


def _grouped(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:g}"
