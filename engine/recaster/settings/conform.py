"""Options of conforming an edit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path  # noqa: TC003 - types of options are looked at
from typing import Final

from recaster.errors import UsageError
from recaster.settings.choices import Bounds
from recaster.settings.formats import CLIP_SUFFIXES, PICTURE_CODECS, SUFFIXES
from recaster.settings.options import check_options, option

MAX_HANDLES: Final = 100_000
CONTAINERS: Final = tuple(suffix.removeprefix(".") for suffix in CLIP_SUFFIXES)


@dataclass(frozen=True)
class ConformSettings:
    """Choices of conforming an edit beside those of a swap.

    Attributes:
        rate: None for the rate of the media that an EDL names first.
        container: None for MOV, as far as it takes the codec: it keeps reel and timecode.
    """

    handles: int = option(
        12,
        "frames before and after what the edit shows, as far as the media go",
        bounds=Bounds(0, MAX_HANDLES),
        metavar="N",
    )
    media: Path | None = option(
        None,
        "where media are that aren't in the place that the edit states, by their names",
        metavar="FOLDER",
    )
    rate: float | None = option(
        None,
        "frames per second of an EDL, which doesn't state them (default: those of its media)",
        bounds=Bounds(1, 1000),
        metavar="X",
    )
    container: str | None = option(
        None,
        "of the results (default: mov)",
        choices=CONTAINERS,
        unknown="results can't be {value}; choose among {choices}",
    )

    def __post_init__(self) -> None:
        check_options(self)

    def suffix(self, codec: str) -> str:
        """The suffix of results in a codec (UsageError for pictures, which edits aren't relinked to)."""
        if codec in PICTURE_CODECS:
            raise UsageError(
                f"results of an edit are movies, and {codec} makes pictures; choose another codec"
            )
        if self.container is not None:
            return f".{self.container}"
        suffixes = SUFFIXES[codec]
        return ".mov" if ".mov" in suffixes else suffixes[0]
