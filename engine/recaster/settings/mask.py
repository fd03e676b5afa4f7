"""Options of masks that are learned of a few corrected frames."""

from __future__ import annotations

from dataclasses import dataclass

from recaster.settings.choices import Bounds
from recaster.settings.options import check_options, option
from recaster.settings.swap import FRAME_BOUNDS


@dataclass(frozen=True)
class MaskExportSettings:
    """Choices of frames to correct.

    Attributes:
        count: frames that are spread over the clip, where none are named.
    """

    count: int = option(5, "how many frames, spread over the clip", bounds=Bounds(1, 100), metavar="N")

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True)
class MaskLearnSettings:
    """Choices of learning a mask.

    Attributes:
        seed: of the variations that are learned of.
    """

    seed: int = option(
        0, "another number learns of other variations of the frames", bounds=FRAME_BOUNDS, metavar="N"
    )

    def __post_init__(self) -> None:
        check_options(self)
