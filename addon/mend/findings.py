# SPDX-License-Identifier: GPL-3.0-or-later
"""Findings about strips: tracks, trouble and points, and faces that are being dragged; without Blender."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ..translations import translate
from .geometry import FaceBox, Point

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..engine.connection import BackgroundWork

BOX_VALUES = 5
Dragged = tuple[int | None, int, FaceBox, dict[int, Point]]
"""A face that somebody drags: its track (None for a new face), frame, box and points."""


class TrackView(NamedTuple):
    """One face through one shot; frames are those of the strip's file."""

    track: int
    person: int
    name: str
    first: int
    last: int
    boxes: tuple[float, ...]

    def box_at(self, frame: int) -> FaceBox | None:
        """The face's box in a frame; None where the track doesn't reach it."""
        start = (frame - self.first) * BOX_VALUES
        values = self.boxes[start : start + BOX_VALUES] if self.first <= frame <= self.last else ()
        return FaceBox(*values) if len(values) == BOX_VALUES else None

    @property
    def label(self) -> str:
        """The track and whom it shows, in words."""
        name = self.name or translate("Person {number}", number=self.person)
        return translate("Track {number}: {name}", number=self.track, name=name)


class TroubleView(NamedTuple):
    """Something that had better be looked at; frames are those of the strip's file."""

    reason: str
    track: int
    first: int
    last: int


class FoundTracks(NamedTuple):
    """All that was found in a strip's file."""

    size: tuple[int, int]
    tracks: tuple[TrackView, ...]
    trouble: tuple[TroubleView, ...]
    points: dict[tuple[int, int], list[Point]]
    """By track and frame."""
    warnings: tuple[str, ...] = ()
    basis: tuple[Any, ...] = ()
    """The range of the file, the colour space and the state of the corrections that it was found by."""


class WantedCorrection(NamedTuple):
    """A correction that somebody wants.

    Attributes:
        scene: name of the strip's.
        said: it in words.
        action: fields of CorrectTracksRequest; takes how many frames of the file are before those sent.
        points_from: the frame of the file from which on points are wanted, too, if the strip shows them.
        dragged: the face that was let go of; None where it isn't about one.
    """

    scene: str
    said: str
    action: Callable[[int], dict[str, Any]]
    points_from: int
    dragged: Dragged | None

    def gives_way_to(self, later: WantedCorrection) -> bool:
        """Tells if it says nothing more beside a later one: the same box was dragged again."""
        if self.dragged is None or later.dragged is None:
            return False
        is_same_face = self.dragged[0] is not None and self.dragged[:2] == later.dragged[:2]
        return is_same_face and not self.dragged[3] and not later.dragged[3]


class MendView:
    """Findings about a strip, and what is being done to them.

    Attributes:
        found: None before anybody looked.
        dragged: a face that is being dragged.
        chosen: which trouble was looked at last.
        sought: whether trouble was asked for.
        trouble: what went wrong, and what to do.
        work: what is being done now.
        sent: corrections that the engine applies now.
        queue: corrections that wait until it has.
    """

    def __init__(self) -> None:
        self.found: FoundTracks | None = None
        self.dragged: Dragged | None = None
        self.chosen: int = -1
        self.sought: bool = False
        self.trouble: str = ""
        self.work: BackgroundWork | None = None
        self.sent: list[WantedCorrection] = []
        self.queue: list[WantedCorrection] = []

    @property
    def placed(self) -> list[Dragged]:
        """Faces that were let go of, while the engine hasn't applied that."""
        return [one.dragged for one in (*self.sent, *self.queue) if one.dragged is not None]

    def drop_waiting(self) -> None:
        """Forgets corrections that wait for one before them: it failed, or all is looked at anew."""
        self.queue.clear()
        self.sent.clear()
