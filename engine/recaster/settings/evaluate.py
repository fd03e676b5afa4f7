"""Options of an evaluation."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path  # noqa: TC003 - types of options are looked at

from recaster.errors import UsageError
from recaster.settings.options import option, same_option
from recaster.settings.swap import SwapSettings


@dataclass(frozen=True)
class EvaluateSettings:
    """Choices of what a swap is judged against.

    Attributes:
        target: faceset of the performer; None takes the performer's face from the original clip
            itself, whose own frames then resemble it more than a faceset of other takes would.
        truth: the clip that a perfect swap would be, with its arrays beside it; None where nobody
            knows (every real clip).
        frames: None for all.
        identity_every: frames with a face between two looks at whose it is.
    """

    target: Path | None = option(
        None, "faces of the performer (default: those in ORIGINAL)", metavar="FACESET"
    )
    gallery: tuple[Path, ...] = option(
        (), "faces of other people, among whom the source must be found", metavar="FACESET"
    )
    truth: Path | None = option(None, "the true swap of a rendered actor", metavar="CLIP")
    frames: range | None = option(None, "the frames of ORIGINAL that SWAPPED holds, as in swap", wire="range")
    person: Path | None = option(None, "the performer, where there are several", metavar="IMAGE")
    track: int | None = same_option(SwapSettings, "track", help="likewise, by track")
    identity_every: int = 5

    def __post_init__(self) -> None:
        if self.identity_every < 1:
            raise UsageError("identity is judged every 1 frame or more")
