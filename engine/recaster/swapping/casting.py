"""Whose face is swapped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recaster.errors import FaceNotFoundError
from recaster.faces.track_choice import choose_tracks
from recaster.facesets.still_faces import person_in

if TYPE_CHECKING:
    from collections.abc import Iterable

    from recaster.faces.types import Analysis, FaceTrack
    from recaster.media.types import ClipInfo
    from recaster.settings.swap import SwapSettings


def chosen(analysis: Analysis, settings: SwapSettings, info: ClipInfo) -> tuple[FaceTrack, ...]:
    """The tracks that the settings ask for, at least one.

    Raises:
        FaceNotFoundError: there are none, the person is not among them, or the person's picture
            doesn't show one clearly; what is odd about the clip is said, too: it may be why.
        ImageError: it cannot be read.
    """
    finding = settings.analysis
    person = None
    if settings.person is not None:
        person = person_in(settings.person, finding.detector, finding.min_face)
    try:
        return choose_tracks(
            analysis,
            person=person,
            track=settings.track,
            everyone=settings.everyone,
            min_face=finding.min_face,
        )
    except FaceNotFoundError as error:
        raise FaceNotFoundError("; ".join([str(error), *info.warnings])) from None


def frames_of(tracks: Iterable[FaceTrack]) -> set[int]:
    """Indices of the frames that show any of these faces."""
    return {frame for track in tracks for frame in track.frames.tolist()}
