"""What numbers may be, wherever somebody chooses one: in a request, on the command line, in a script."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from recaster.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Bounds:
    """The least and the greatest value, both allowed."""

    low: float
    high: float

    def fault(self, value: float) -> str:
        """In words what it must be; empty where it is."""
        if math.isfinite(value) and self.low <= value <= self.high:
            return ""
        return f"must be {_shown(self.low)} to {_shown(self.high)}"


BOUNDS: Final = {
    "baseline_frames": Bounds(0, 100_000),
    "blur": Bounds(0, 1000),
    "columns": Bounds(1, 100),
    "count": Bounds(1, 10_000),
    "distance": Bounds(0, 2),
    "duplicates": Bounds(0, 100),
    "erode": Bounds(0, 0.5),
    "every": Bounds(1, 1_000_000),
    "feather": Bounds(0, 0.5),
    "frame": Bounds(0, 2**31 - 1),
    "gib": Bounds(0.001, 2**23),
    "jobs": Bounds(1, 1000),
    "label_size": Bounds(0.01, 0.2),
    "mib": Bounds(0, 2**33),
    "min_area": Bounds(0, 0.99),
    "min_face": Bounds(10, 16_384),
    "minutes": Bounds(0.001, 5_256_000),
    "port": Bounds(0, 65_535),
    "quality": Bounds(0, 51),
    "scale": Bounds(0.5, 2),
    "seed": Bounds(0, 2**31 - 1),
    "shown": Bounds(1, 1_000_000),
    "size": Bounds(64, 2048),
    "steps": Bounds(1, 1_000_000_000),
    "threads": Bounds(1, 4096),
    "track": Bounds(0, 2**31 - 1),
}
"""By the name of the option, which is the same in requests and on the command line.

Threads are at most the machine's cores besides (``sharing``)."""


def check_number(name: str, value: float) -> None:
    """Refuse a number that is out of its bounds (UsageError)."""
    why = BOUNDS[name].fault(value)
    if why:
        raise UsageError(f"{name.replace('_', ' ')} {why}, not {value:g}")


def number(name: str, kind: Callable[[str], float] = int) -> Callable[[str], float]:
    """Reads an option's value for argparse, which names the option where it is refused."""
    import argparse

    def read(text: str) -> float:
        try:
            value = kind(text)
            why = BOUNDS[name].fault(value)
        except (ValueError, OverflowError):
            raise argparse.ArgumentTypeError(f"{text[:40]!r} is no number that fits") from None
        if why:
            raise argparse.ArgumentTypeError(f"{why}, not {text[:40]}")
        return value

    return read


def _shown(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:g}"
