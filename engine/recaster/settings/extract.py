"""Options of taking faces into facesets, and of cleaning them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path  # noqa: TC003 - types of options are looked at
from typing import Any, Final

from recaster.errors import UsageError
from recaster.settings.choices import Bounds
from recaster.settings.detection import SAME_PERSON, AnalysisSettings
from recaster.settings.options import check_options, option, same_option
from recaster.settings.reading import ReadOptions

CROP_SIZE_PX: Final = 512
"""Of a new faceset."""


@dataclass(frozen=True)
class ExtractSettings:
    """Choices of faces to take.

    Attributes:
        person: None takes the main person of each clip and the largest face of each image.
        frames: as for ``media.ranges.parse_range``; None for all.
        size: None keeps a faceset's own, and makes new ones of ``CROP_SIZE_PX``.
    """

    person: Path | None = option(
        None, "picture of the person (default: each input's main person)", metavar="IMAGE"
    )
    everyone: bool = option(False, "take everybody", flag="all")
    every: int = option(1, "take every N-th frame", bounds=Bounds(1, 1_000_000), metavar="N")
    frames: str | None = option(
        None,
        "part of each clip: frames (100-200) or times (3s-5.5s), ends may be open (default: all)",
        metavar="RANGE",
        wire="range",
    )
    detector: str = same_option(
        AnalysisSettings,
        "detector",
        help="face detector (default: {default}; dlib-cnn is faceswap-GAN's, far slower)",
    )
    min_face: int = same_option(AnalysisSettings, "min_face")
    min_area: float = option(
        0.0,
        "leave out faces whose box is a smaller share of the frame; 0.02 is one fiftieth",
        bounds=Bounds(0, 0.99),
        metavar="SHARE",
    )
    size: int | None = option(
        None,
        f"side of the crops (default: the faceset's own, {CROP_SIZE_PX} for a new one)",
        bounds=Bounds(64, 2048),
        metavar="PX",
    )
    reading: ReadOptions = field(default_factory=ReadOptions)
    identity: str = option("", "whose faces these are, kept with a new faceset (default: none)", wire="note")

    def check(self) -> None:
        """Refuses values that make no sense (UsageError)."""
        if self.person is not None and self.everyone:
            raise UsageError("one person and everyone cannot be asked for together")
        check_options(self)


@dataclass(frozen=True, eq=False)
class CleanSettings:
    """Choices of what is left out of a faceset.

    Attributes:
        blur: how many robust standard deviations below the set's median sharpness (in its logarithm) a
            face may lie; such a face is dropped if it is also less than half as sharp as the median.
            0 keeps all.
        duplicates: faces whose landmarks differ by less than this, in % of the eye distance, and whose
            pixels look the same are doubles; the sharpest stays. 0 keeps all.
        person: (128,) the wanted person's embedding, or None for the set's own centre.
    """

    blur: float = option(
        3.0,
        "leave out faces more than X robust standard deviations less sharp than the median (default: "
        "{default}; 0: none)",
        bounds=Bounds(0, 1000),
        metavar="X",
    )
    duplicates: float = option(
        2.0,
        "leave out faces of a track that look the same and whose features lie within this percentage of the "
        "eye distance; the sharpest stays (default: {default}; 0: none)",
        bounds=Bounds(0, 100),
        metavar="PERCENT",
    )
    person: Any = None
    distance: float = option(
        SAME_PERSON,
        "identity distance above which a face is someone else's (default: {default}; 0: none)",
        bounds=Bounds(0, 2),
        metavar="D",
    )
    force: bool = option(False, "go on even if most faces are left out")
