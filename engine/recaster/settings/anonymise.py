"""Options of making people in a clip unknown."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path  # noqa: TC003 - types of options are looked at
from typing import Final

from recaster.errors import UsageError
from recaster.settings.choices import COVERAGE, DEFAULT_FALLBACK, FALLBACKS, MARGIN
from recaster.settings.detection import AnalysisSettings, Smoothing
from recaster.settings.devices import DeviceSettings
from recaster.settings.encoding import WriterOptions
from recaster.settings.options import check_options, number_option, option, options_of, same_option
from recaster.settings.reading import ReadOptions
from recaster.settings.swap import LabelSettings, SwapSettings

MIN_FACE_PX: Final = 16
"""Width of the smallest face that is looked for: smaller than a swap's, since a small face may be known."""


_KINDS: Final = (AnalysisSettings, Smoothing, WriterOptions, LabelSettings, ReadOptions, DeviceSettings)
ANONYMISED_OPTIONS: Final = frozenset(
    {"range", "person", "track", "everyone", "corrections"}
    | {each.wire for kind in _KINDS for each in options_of(kind)}
)
"""Options of a swap that go with these: none of a look, which may leave of a face what tells whose it is."""


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
    coverage: float = number_option(
        COVERAGE,
        "cover the head where less than this share of the face was swapped",
        metavar="SHARE",
    )
    fallback: str = option(
        DEFAULT_FALLBACK,
        "what is laid over a head that a swap doesn't hide: a plain ellipse, or the head blurred to a dozen "
        "colours, which tells a little more",
        choices=FALLBACKS,
        unknown="a head can be hidden by {choices}, not by {value!r}",
    )
    margin: float = number_option(
        MARGIN,
        "cover the head for so long before a face is first found, and after it is lost",
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
