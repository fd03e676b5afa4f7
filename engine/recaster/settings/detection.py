"""Options of finding and following faces."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from recaster.errors import UsageError
from recaster.settings.choices import DEFAULT_SMOOTHING, SMOOTHINGS, Bounds
from recaster.settings.options import check_options, option

DETECTORS: Final = ("yunet", "dlib-cnn", "dlib-hog", "dlib-cnn-original")
LANDMARKERS: Final = ("mesh", "dlib-68")
STRENGTHS: Final = {"none": 0.0, "ema": 0.65, "kalman": 3e-3, "zero-phase": 0.1}


@dataclass(frozen=True)
class Smoothing:
    """A way to smooth, by name.

    Attributes:
        name: one of ``SMOOTHINGS``. "zero-phase" looks at both sides of every frame and does not lag;
            "ema" and "kalman" know the past only, as in faceswap-GAN v1 and v2.2.
        strength: "ema": the share of the previous value that is kept (0 to 1, default .65). "kalman":
            process noise over measurement noise, smaller is smoother (default .003). "zero-phase": the
            weight of bending against deviating at 25 frames a second, larger is smoother (default .1,
            which halves what takes 3 frames). None for the method's default.
    """

    name: str = option(
        DEFAULT_SMOOTHING,
        "of the target's motion over time",
        choices=SMOOTHINGS,
        unknown="unknown smoothing {value!r}; choose one of {choices}",
        wire="smoothing",
    )
    strength: float | None = None

    def __post_init__(self) -> None:
        check_options(self)
        if self.strength is not None and not (self.strength >= 0 and math.isfinite(self.strength)):
            raise UsageError(f"smoothing strength {self.strength} must be 0 or more")
        if self.name == "ema" and self.strength is not None and self.strength >= 1:
            raise UsageError(f"ema keeps a share below 1 of the previous value, not {self.strength}")

    @property
    def value(self) -> float:
        """The strength, with the method's default filled in."""
        return STRENGTHS[self.name] if self.strength is None else self.strength


@dataclass(frozen=True)
class AnalysisSettings:
    """Choices of a clip's analysis.

    Attributes:
        detect_every: frames between two looks at the whole picture. Faces are followed in between, and
            new ones followed back to where they appeared, so that larger values miss no more than
            faces that come and go between two looks. A landmarker without a presence score (dlib-68)
            needs a look at every frame whatever this says.
        identify: compute identity embeddings (about .6 CPU seconds a track), and let them decide where
            people cross.
        presence: the landmarker's presence, 0 to 1, below which a face is lost.
        gap: seconds; shorter interruptions of a track are filled.
    """

    detector: str = option(
        "yunet",
        "what finds faces",
        choices=DETECTORS,
        unknown="unknown detector {value!r}; choose one of {choices}",
    )
    landmarker: str = option(
        "mesh",
        "what finds their points (default: {default}; dlib-68 is not for commercial use)",
        choices=LANDMARKERS,
        unknown="unknown landmarker {value!r}; choose one of {choices}",
    )
    detect_every: int = 6
    min_face: int = option(
        40, "width of the smallest face to look for", bounds=Bounds(10, 16_384), metavar="PX"
    )
    identify: bool = True
    presence: float = 0.5
    gap: float = 0.5

    def __post_init__(self) -> None:
        check_options(self)
        if self.detect_every < 1:
            raise UsageError(f"faces cannot be detected every {self.detect_every} frames; give 1 or more")
        if not 0 < self.presence < 1 or self.gap < 0:
            raise UsageError("presence lies between 0 and 1, a gap is 0 seconds or longer")


SAME_PERSON: Final = 0.6
"""Below this distance two embeddings are of one person (dlib's threshold: 99.4 % on LFW)."""
MIN_FACE_PX: Final = AnalysisSettings.min_face
"""Width of the smallest face that is looked for, where nothing else is asked for."""
