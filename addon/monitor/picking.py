# SPDX-License-Identifier: GPL-3.0-or-later
"""Choosing whose face is swapped by a click on them in the monitor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..mend import overlay, tracks
from ..mend.geometry import find_part
from ..swap import previews

if TYPE_CHECKING:
    from ..mend.geometry import Point


def look(strip: Any, scene: Any) -> None:
    """Looks for the faces of a strip, and for the people that they are of (StripError)."""
    strip.recaster.show_faces = True
    view = tracks.view_of(strip)
    if view.found is None and view.work is None:
        tracks.find_tracks(strip, scene, points_from=overlay.shown_frame(strip, scene) or 0)
    about = previews.view_of(strip)
    if not about.tracks and about.work is None:
        previews.find_people(strip, scene)


def is_looking(strip: Any) -> bool:
    """Tells if that isn't known yet."""
    return tracks.view_of(strip).work is not None or previews.view_of(strip).work is not None


def person_at(strip: Any, scene: Any, point: Point) -> str | None:
    """The picture of the person whose face is at a point of the clip; None where no known face is."""
    frame = overlay.shown_frame(strip, scene)
    for track, box in tracks.faces_at(strip, frame) if frame is not None else ():
        if find_part(box, point, 0.0) == "move":
            return next(
                (one for one, numbers in previews.view_of(strip).tracks.items() if track.track in numbers),
                None,
            )
    return None
