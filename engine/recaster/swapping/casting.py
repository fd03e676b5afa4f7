"""Whose face is swapped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recaster.errors import FaceNotFoundError, UsageError
from recaster.faces.choose import choose_tracks
from recaster.faces.detectors import make_detector
from recaster.faces.identity import embed
from recaster.media.sheet import load_image

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.faces.analysis import AnalysisSettings
    from recaster.faces.types import Analysis, FaceTrack, Floats
    from recaster.swapping.settings import SwapSettings


def chosen(analysis: Analysis, settings: SwapSettings) -> tuple[FaceTrack, ...]:
    """The tracks that the settings ask for.

    Raises:
        FaceNotFoundError: there are none, or the person is not among them.
        UsageError: the person's picture shows several faces.
        ImageError: it cannot be read.
    """
    person = None if settings.person is None else identity(settings.person, settings.analysis)
    return choose_tracks(analysis, person=person, track=settings.track, everyone=settings.everyone)


def identity(picture: Path, analysis: AnalysisSettings) -> Floats:
    """The identity of the one person in a picture, (128,) float64.

    Raises:
        FaceNotFoundError: it shows no face.
        UsageError: it shows several faces.
        ImageError: it cannot be read.
    """
    image = load_image(picture)
    faces = make_detector(analysis.detector, analysis.min_face).detect(image)
    if not faces:
        raise FaceNotFoundError(f"{picture}: no face was found in it; choose a clearer picture of the person")
    if len(faces) > 1:
        raise UsageError(f"{picture}: shows {len(faces)} faces; crop it to the person that is meant")
    return embed(image, faces[0].box)
