"""Options of a served engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from recaster.settings.choices import Bounds
from recaster.settings.options import option

GIB_BOUNDS: Final = Bounds(0.001, 2**23)
JOBS_BOUNDS: Final = Bounds(1, 1000)


@dataclass(frozen=True)
class ServeLimits:
    """Limits of what an engine keeps and does."""

    quota_gib: float = option(1024, "all data", bounds=GIB_BOUNDS, metavar="N")
    largest_gib: float = option(256, "one upload", bounds=GIB_BOUNDS, metavar="N")
    spare_mib: float = option(
        512,
        "disk that is left free: below, uploads are refused and jobs wait",
        bounds=Bounds(0, 2**33),
        metavar="N",
    )
    jobs: int = option(1, "jobs at a time on one device", bounds=JOBS_BOUNDS, metavar="N")
