"""Analysis of a clip: everything about its faces, found before anything is painted."""

from __future__ import annotations

import bisect
import itertools
import sys
from typing import TYPE_CHECKING

from recaster.faces.linking import is_face, join_tracklets, make_track
from recaster.faces.segments import Findings, follow_faces, join_findings
from recaster.faces.types import Analysis
from recaster.settings.detection import AnalysisSettings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from recaster.faces.tracklets import Tracklet
    from recaster.media.types import Frame


def analyse(frames: Iterable[Frame], settings: AnalysisSettings | None = None) -> Analysis:
    """Finds the faces in frames, follows them, and tells who is who: as one segment, however many they are.

    Args:
        frames: consecutive; only a few are held at a time.
        settings: the defaults where None.

    Raises:
        WeightsError: a model file is missing or damaged.
    """
    settings = settings or AnalysisSettings()
    coming = iter(frames)
    opening = list(itertools.islice(coming, 1))
    everything = range(opening[0].index if opening else 0, sys.maxsize)
    found = follow_faces(itertools.chain(opening, coming), settings, everything, lambda: None)
    return join_segments([found], settings)


def join_segments(pieces: Iterable[Findings], settings: AnalysisSettings) -> Analysis:
    """Joins what was found in neighbouring segments to numbered tracks of the whole."""
    found = join_findings(pieces)
    groups = join_tracklets(found.tracklets, settings.gap, identify=settings.identify)
    groups = [group for group in groups if is_face(group, _shot_frames(group, found))]
    # So that numbers are the same for the same clip.
    groups.sort(key=lambda group: (group[0].frames[0], -_mean_area(group)))
    tracks = [make_track(n, group, identify=settings.identify) for n, group in enumerate(groups)]
    return Analysis(tuple(tracks), tuple(found.cuts), len(found.segment), found.segment.start)


def _shot_frames(group: list[Tracklet], found: Findings) -> range:
    """Frames of the shot that a group is in."""
    after = bisect.bisect_right(found.cuts, group[0].frames[0])
    start = found.cuts[after - 1] if after else found.segment.start
    return range(start, found.cuts[after] if after < len(found.cuts) else found.segment.stop)


def _mean_area(group: list[Tracklet]) -> float:
    """Mean area of a face at the middles of its pieces, square pixels."""
    areas = [box.area for piece in group if (box := piece.box_at(piece.frames[len(piece.frames) // 2]))]
    return sum(areas) / len(areas)
