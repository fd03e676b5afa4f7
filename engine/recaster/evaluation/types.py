"""Observations of the judges, and the figures that follow from them, as plain values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Mapping

    from recaster.faces.types import Floats

Mask = NDArray[np.bool_]
Plane = NDArray[np.float32]
"""A mask (H, W); a picture of one or more channels, float32."""


@dataclass(frozen=True, eq=False)
class FaceObservations:
    """Observations of one face through T frames of one clip; NaN where nothing was seen.

    Attributes:
        points: (T, 68, 2) float64, dlib's points in iBUG's order, frame pixels.
        pupils: (T, 2, 2) float64, each eye's pupil (picture's left eye first) in the eye's own
            coordinates: x along the line of its corners, y across it, both in widths of that eye.
        embeddings: (T, 128) float64 of unit length, SFace's identity; NaN in frames it did not look at.
    """

    points: Floats
    pupils: Floats
    embeddings: Floats

    @classmethod
    def unseen(cls, count: int) -> Self:
        """Makes the observations of ``count`` frames in which nothing was seen yet, to be filled."""
        return cls(*(np.full((count, *shape), np.nan) for shape in ((68, 2), (2, 2), (128,))))

    def fill(self, at: int, points: Floats, pupils: Floats) -> None:
        """Fills in the points and the pupils of frame ``at``."""
        self.points[at] = points
        self.pupils[at] = pupils


@dataclass(frozen=True)
class Figure:
    """One measured value beside what it must be read against.

    Attributes:
        name: a key of ``measures.MEASURES``, which defines it.
        value: the measurement; NaN where it could not be made.
        references: values of the same measure under another condition, by that condition's name:
            "original" (the unswapped clip), "noise" (the judge against itself on the unswapped clip),
            "frozen" (a face without any expression), "truth" (the rendered true swap), "no swap".
    """

    name: str
    value: float
    references: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Scores:
    """Figures over a whole clip, and the values of single frames that they were made of.

    Attributes:
        figures: in the order in which they are shown.
        frames: name of a per-frame value to (T,) float64, NaN where there is none.
    """

    figures: tuple[Figure, ...]
    frames: Mapping[str, Floats] = field(default_factory=dict)

    def __add__(self, other: Scores) -> Scores:
        """Merges the scores of two judges, which must not share a name."""
        return Scores(self.figures + other.figures, {**self.frames, **other.frames})
