"""Options of a look: how a face is put on."""

from __future__ import annotations

from dataclasses import dataclass, field

from recaster.settings.choices import (
    COLOURS,
    DEFAULT_COLOUR,
    DEFAULT_MASK,
    ERODE,
    EXPRESSION,
    FEATHER,
    GAZE,
    KEEP_FEATHER,
    MASKS,
    PARTS,
    STRENGTH,
    Bounds,
)
from recaster.settings.options import check_options, listed, number_option, option


@dataclass(frozen=True)
class MaskSettings:
    """Choices of the mask.

    Attributes:
        feather: width of the soft edge, which lies inside the outline; share of the face's size.
        erode: how far the edge is moved inwards before that; share of the face's size.
    """

    kind: str = option(
        DEFAULT_MASK,
        "the model's own, behind hands and whatever else is in front of the face; the face's outline; or the "
        "crop",
        choices=MASKS,
        unknown="there is no mask {value!r}; choose one of {choices}",
        wire="mask",
    )
    feather: float = number_option(FEATHER, "width of the soft edge", metavar="X")
    erode: float = number_option(ERODE, "move the edge inwards", metavar="X")
    scale: float = option(1.0, "enlarge the mask about the face's middle", bounds=Bounds(0.5, 2), metavar="X")

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True)
class LookSettings:
    """Choices of how a face is put on."""

    mask: MaskSettings = field(default_factory=MaskSettings)
    colour: str = option(
        DEFAULT_COLOUR,
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
    keep_feather: float = number_option(
        KEEP_FEATHER, "width of the soft border of the parts kept", metavar="X"
    )
    strength: float = number_option(
        STRENGTH,
        "likeness, from 0 (the performer) to 1 (the source): between, the shape and the texture of a person "
        "in between",
        metavar="X",
    )
    expression: float = number_option(
        EXPRESSION,
        "how strong the performer's expressions come out, from 0 (none) over 1 (as they are) to 1.5",
        metavar="X",
    )
    gaze: float = number_option(
        GAZE,
        "how far the eyes look aside, from 0 (they rest) over 1 (as the performer's) to 1.5",
        metavar="X",
    )

    def __post_init__(self) -> None:
        check_options(self)

    @property
    def reshapes(self) -> bool:
        """True if the painted face has another shape, or moves otherwise, than a whole likeness does."""
        return (self.strength, self.expression, self.gaze) != (1, 1, 1)
