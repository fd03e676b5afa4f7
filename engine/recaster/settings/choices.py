"""Values that options can have, with their defaults and ranges: what a user interface shows of them.

Without the options themselves, whose dataclasses take a while to make: Blender's main thread waits for what
the add-on imports.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, NamedTuple


class Choice(NamedTuple):
    """One of an option's values, as the add-on shows it: its name and its tooltip there.

    ``number`` is its place there, which .blend files keep; never change it.
    """

    title: str
    text: str
    number: int


@dataclass(frozen=True)
class Bounds:
    """The least and the greatest value of a number, both allowed."""

    low: float
    high: float

    def fault(self, value: float) -> str:
        """Says what the value must be; empty where it is."""
        if math.isfinite(value) and self.low <= value <= self.high:
            return ""
        return f"must be {_format_bound(self.low)} to {_format_bound(self.high)}"


def _format_bound(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:g}"


class Number(NamedTuple):
    """A number that can be chosen: its default and its range."""

    default: float
    bounds: Bounds


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
    "glasses": Choice("Glasses", "Rims, bridge, temples, and lenses that can't be seen through", 256),
}
"""Parts of a face; numbers are the bits of a set in .blend files."""
SMOOTHINGS: Final = {
    "none": Choice("None", "Landmarks as they were found", 3),
    "ema": Choice("Moving Average", "The simplest; lags a little behind fast motion", 2),
    "kalman": Choice("Kalman", "Follows motion, looking back only", 1),
    "zero-phase": Choice("Both Ways", "Looks forward and back in time: smooth, without lag", 0),
}
LOG_SPACES: Final = (
    "ARRI LogC3 (EI800)", "ARRI LogC4", "Apple Log", "Apple Log 2", "BMDFilm WideGamut Gen5",
    "CanonLog2 CinemaGamut D55", "CanonLog3 CinemaGamut D55", "D-Log D-Gamut",
    "DaVinci Intermediate WideGamut", "Log3G10 REDWideGamutRGB", "S-Log3 S-Gamut3", "S-Log3 S-Gamut3.Cine",
    "S-Log3 Venice S-Gamut3", "S-Log3 Venice S-Gamut3.Cine", "V-Log V-Gamut",
)  # fmt: skip
"""Cameras' log spaces by their names in OpenColorIO's studio configuration, for menus."""
LABELS: Final = {
    "none": Choice("None", "Nothing is written into the picture", 0),
    "text": Choice("Text", "A sentence in the corner says that the face was replaced", 1),
    "icon": Choice("Icon", "A badge in the corner", 2),
}
LANGUAGES: Final = {
    "de": Choice("German", "", 1),
    "en": Choice("English", "", 0),
    "es": Choice("Spanish", "", 2),
    "fr": Choice("French", "", 3),
    "it": Choice("Italian", "", 4),
    "nl": Choice("Dutch", "", 5),
    "pt": Choice("Portuguese", "", 6),
}
RESULTS: Final = {
    "frame": Choice("Whole Frame", "The whole picture with the swapped face, above the original", 0),
    "face": Choice("Face Layer", "The face alone, transparent around it, above the untouched original", 1),
    "both": Choice("Both", "The face layer, and below it the whole frame, muted", 2),
}
"""Strips that the add-on makes of a swap."""
FALLBACKS: Final = {
    "cover": Choice("Cover", "A plain grey ellipse, which holds nothing of the picture", 0),
    "blur": Choice("Blur", "A dozen coarse colours of the head, which tell a little of hair and skin", 1),
}
DEFAULT_PRESET: Final = "guided-128"
DEFAULT_MINUTES: Final = 10.0
FEATHER: Final = Number(0.06, Bounds(0, 0.5))
ERODE: Final = Number(0.0, Bounds(0, 0.5))
KEEP_FEATHER: Final = Number(0.05, Bounds(0, 0.3))
STRENGTH: Final = Number(1.0, Bounds(0, 1))
EXPRESSION: Final = Number(1.0, Bounds(0, 1.5))
GAZE: Final = Number(1.0, Bounds(0, 1.5))
COVERAGE: Final = Number(0.75, Bounds(0.1, 1))
MARGIN: Final = Number(0.5, Bounds(0, 30))
DEFAULT_MASK: Final = "learned"
DEFAULT_COLOUR: Final = "light"
DEFAULT_SMOOTHING: Final = "zero-phase"
DEFAULT_LABEL: Final = "none"
DEFAULT_LANGUAGE: Final = "en"
DEFAULT_FALLBACK: Final = "cover"
