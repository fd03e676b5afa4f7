"""Options of a look: how a face is put on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from recaster.settings.options import Bounds, Choice, check_options, listed, option

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

PARTS: Final = {
    "mouth": Choice("Mouth", "Lips, and what is between them", 1),
    "inner-mouth": Choice("Inside of Mouth", "Teeth and tongue where they are; the lips around them fit", 2),
    "eyes": Choice("Eyes", "Both eyes with their lids", 4),
    "brows": Choice("Brows", "Both brows", 8),
    "nose": Choice("Nose", "The nose from its bridge to its nostrils", 16),
    "lower": Choice("Lower Face", "All below the nose", 32),
    "upper": Choice("Upper Face", "All from the lower lids up", 64),
    "beard": Choice("Beard", "All below the nose but the lips", 128),
}
"""Parts of a face; numbers are the bits of a set in .blend files."""


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
    keep: tuple[str, ...] = option(
        (),
        f"parts of the performer's own face that stay: {listed(PARTS)}; or none",
        choices=PARTS,
        unknown="there is no part {value!r} to keep; choose from {choices}",
        metavar="PART,PART...",
    )
    keep_feather: float = option(
        0.05, "width of the soft border of the parts kept", bounds=Bounds(0, 0.3), metavar="X"
    )
    strength: float = option(
        1.0,
        "likeness, from 0 (the performer) to 1 (the source): between, the shape and the texture of a person "
        "in between",
        bounds=Bounds(0, 1),
        metavar="X",
    )
    expression: float = option(
        1.0,
        "how strong the performer's expressions come out, from 0 (none) over 1 (as they are) to 1.5",
        bounds=Bounds(0, 1.5),
        metavar="X",
    )
    gaze: float = option(
        1.0,
        "how far the eyes look aside, from 0 (they rest) over 1 (as the performer's) to 1.5",
        bounds=Bounds(0, 1.5),
        metavar="X",
    )

    def __post_init__(self) -> None:
        check_options(self)

    @property
    def reshapes(self) -> bool:
        """True if the painted face has another shape, or moves otherwise, than a whole likeness does."""
        return (self.strength, self.expression, self.gaze) != (1, 1, 1)
