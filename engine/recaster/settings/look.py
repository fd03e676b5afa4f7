"""Options of a look: how a face is put on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from recaster.settings.options import Bounds, Choice, check_options, option

MASKS: Final = {
    "learned": Choice("Face Only", "The face, behind hands and whatever else is in front of it", 0),
    "hull": Choice("Outline", "The whole outline of the face", 1),
    "box": Choice("Box", "The rectangle that the model paints", 2),
}
COLOURS: Final = {
    "light": Choice("Light", "Take on the light that falls on the target, and its grain", 3),
    "mean": Choice("Match", "Take on the mean and spread of the target's colors", 0),
    "hist": Choice("Histogram", "Take on the target's distribution of colors", 1),
    "none": Choice("Keep", "Keep the colors that the model paints", 2),
}


@dataclass(frozen=True)
class MaskSettings:
    """Choices of the mask.

    Attributes:
        feather: width of the soft edge, which lies inside the outline; share of the face's size.
        erode: how far the edge is moved inwards before that; share of the face's size.
    """

    kind: str = option(
        "learned",
        "the model's own, behind hands and whatever else is in front of the face; the face's outline; or the "
        "crop",
        choices=MASKS,
        unknown="there is no mask {value!r}; choose one of {choices}",
        wire="mask",
    )
    feather: float = option(0.06, "width of the soft edge", bounds=Bounds(0, 0.5), metavar="X")
    erode: float = option(0.0, "move the edge inwards", bounds=Bounds(0, 0.5), metavar="X")
    scale: float = option(1.0, "enlarge the mask about the face's middle", bounds=Bounds(0.5, 2), metavar="X")

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True)
class LookSettings:
    """Choices of how a face is put on."""

    mask: MaskSettings = field(default_factory=MaskSettings)
    colour: str = option(
        "light",
        "how the target's colours are taken on: its light and grain, its mean and spread, its histogram, or "
        "not at all",
        choices=COLOURS,
        unknown="there is no colour correction {value!r}; choose one of {choices}",
    )

    def __post_init__(self) -> None:
        check_options(self)
