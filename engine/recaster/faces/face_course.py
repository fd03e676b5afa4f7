"""Places of faces in frames, by which corrections name them: measured, and found again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from recaster.settings.corrections import FacePlace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recaster.faces.types import Analysis, Bools, FaceTrack, Floats

MAX_DISTANCE: Final = 0.5
"""Distance from a place up to which a face is meant by it, in sizes of the face: beside it is another."""
MAX_SIZE_RATIO: Final = 2.0
MAX_DEVIATION: Final = 0.1
"""Distance of a course's straight lines from the face, in sizes of the face."""


def measure_places(track: FaceTrack) -> Floats:
    """Measures centre (x, y) and mean side of a track's boxes, (T, 3) pixels."""
    low, high = track.boxes[:, :2], track.boxes[:, 2:]
    return np.column_stack([(low + high) / 2, np.sqrt(np.maximum((high - low).prod(1), 1e-6))])


def place_at(track: FaceTrack, frame: int) -> FacePlace:
    """The place of a track's face in a frame that it reaches, to a hundredth of a pixel."""
    values = measure_places(track)[frame - int(track.frames[0])]
    return FacePlace(frame, *(round(float(value), 2) for value in values))


def make_course(track: FaceTrack, frames: range) -> tuple[FacePlace, ...]:
    """Makes the course of a track's face through some frames: as few places as show where it is.

    Ramer, "An iterative procedure for the polygonal approximation of plane curves", 1972.
    """
    places = measure_places(track)
    begin = int(track.frames[0])
    rows = [row for row in range(len(track)) if begin + row in frames]
    chosen = {rows[0], rows[-1]}
    spans = [(rows[0], rows[-1])]
    while spans:
        first, last = spans.pop()
        if last - first < 2:
            continue
        share = (np.arange(first, last + 1) - first)[:, None] / (last - first)
        line = places[first] + share * (places[last] - places[first])
        apart = np.abs(places[first : last + 1] - line).max(1) / places[first : last + 1, 2]
        middle = first + int(apart.argmax())
        if apart.max() > MAX_DEVIATION:
            chosen.add(middle)
            spans += [(first, middle), (middle, last)]
    return tuple(place_at(track, begin + row) for row in sorted(chosen))


def rows_on_course(track: FaceTrack, course: Sequence[FacePlace]) -> Bools:
    """Finds the rows of a track that show the face of a course, (T,)."""
    frames = [place.frame for place in course]
    known = np.array([(place.x, place.y, place.size) for place in course])
    wanted = np.column_stack([np.interp(track.frames, frames, column) for column in known.T])
    inside = (track.frames >= frames[0]) & (track.frames <= frames[-1])
    return np.asarray(inside & (_measure_distances(measure_places(track), wanted) <= MAX_DISTANCE))


def find_track(analysis: Analysis, place: FacePlace) -> FaceTrack | None:
    """Finds the track whose face is at a place, the nearest; None where there is none."""
    wanted = np.array([[place.x, place.y, place.size]])
    apart = {
        track.track: float(_measure_distances(measure_places(track)[row : row + 1], wanted)[0])
        for track in analysis.tracks
        if 0 <= (row := place.frame - int(track.frames[0])) < len(track)
    }
    nearest = min(apart, key=lambda number: apart[number], default=None)
    return None if nearest is None or apart[nearest] > MAX_DISTANCE else analysis.track(nearest)


def _measure_distances(places: Floats, wanted: Floats) -> Floats:
    """Distances of places from others (T, 3), in the smaller size; infinite where sizes differ too much."""
    sizes = np.stack([places[:, 2], wanted[:, 2]])
    apart = np.linalg.norm(places[:, :2] - wanted[:, :2], axis=1) / sizes.min(0)
    return np.where(sizes.max(0) > MAX_SIZE_RATIO * sizes.min(0), np.inf, apart)
