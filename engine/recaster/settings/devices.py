"""Options of what computes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from recaster.settings.choices import Bounds
from recaster.settings.options import option

DEVICES: Final = ("auto", "cpu", "gpu")


@dataclass(frozen=True)
class DeviceSettings:
    """Choices of what computes; threads are at most the machine's cores besides."""

    device: str = option("auto", "what computes", choices=DEVICES)
    threads: int | None = option(None, "CPU threads (default: all cores)", bounds=Bounds(1, 4096))
