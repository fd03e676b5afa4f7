"""Options of making people in a clip unknown."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path  # noqa: TC003 - types of options are looked at
from typing import Final

from recaster.errors import UsageError
from recaster.settings.detection import AnalysisSettings
from recaster.settings.options import Bounds, Choice, check_options, option, same_option
from recaster.settings.swap import SwapSettings

FALLBACKS: Final = {
    "cover": Choice("Cover", "A plain grey ellipse, which holds nothing of the picture", 0),
    "blur": Choice("Blur", "A dozen coarse colours of the head, which tell a little of hair and skin", 1),
}
MIN_FACE_PX: Final = 16
"""Width of the smallest face that is looked for: smaller than a swap's, since a small face may be known."""


@dataclass(frozen=True)
class AnonymiseSettings:
    """Choices of what is promised, and of what is done where a swap doesn't keep it.

    Attributes:
        person, track: None for everybody.
        margin: seconds.
    """

    person: Path | None = same_option(
        SwapSettings, "person", help="only the person in this picture (default: everybody)"
    )
    track: int | None = same_option(SwapSettings, "track", help="only the person in this track")
    min_face: int = same_option(
        AnalysisSettings, "min_face", default=MIN_FACE_PX, help="width of the smallest face to look for"
    )
    coverage: float = option(
        0.75,
        "cover the head where less than this share of the face was swapped",
        bounds=Bounds(0.1, 1),
        metavar="SHARE",
    )
    fallback: str = option(
        "cover",
        "what is laid over a head that a swap doesn't hide: a plain ellipse, or the head blurred to a dozen "
        "colours, which tells a little more",
        choices=FALLBACKS,
        unknown="a head can be hidden by {choices}, not by {value!r}",
    )
    margin: float = option(
        0.5,
        "cover the head for so long before a face is first found, and after it is lost",
        bounds=Bounds(0, 30),
        metavar="SECONDS",
    )

    def __post_init__(self) -> None:
        check_options(self)
        if self.person is not None and self.track is not None:
            raise UsageError("choose who is to be unknown only once: by a picture or by a track")


@dataclass(frozen=True)
class AnonymiseFiles:
    """Files of the work beside its result."""

    report: Path | None = option(
        None,
        "also write what was done in each frame, as JSON: its SHA-256 is in the manifest",
        metavar="FILE",
    )
    keep_failed: bool = option(
        False,
        "where the promise does not hold, write the clip all the same, beside OUT with .failed in its name, "
        "to be looked at by you and nobody else",
    )
