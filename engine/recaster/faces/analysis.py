"""Analysis of a clip: everything about its faces, found before anything is painted."""

from __future__ import annotations

import bisect
import itertools
from typing import TYPE_CHECKING

from recaster.faces.detectors import make_detector
from recaster.faces.landmarkers import make_landmarker
from recaster.faces.linking import is_face, join_tracklets, make_track
from recaster.faces.tracker import Tracker
from recaster.faces.types import Analysis
from recaster.progress import Report, Update, silent
from recaster.settings.detection import AnalysisSettings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from recaster.faces.analysis_journal import Journal
    from recaster.faces.tracklets import Tracklet
    from recaster.media.types import Frame


def analyse(
    frames: Iterable[Frame],
    settings: AnalysisSettings | None = None,
    total: int | None = None,
    report: Report = silent,
    journal: Journal | None = None,
) -> Analysis:
    """Finds the faces of a clip, follows them, and tells who is who.

    Args:
        frames: consecutive; only a few are held at a time. With a journal, those from its ``begin`` on.
        settings: the defaults where None.
        total: how many frames there are, for the progress.
        journal: where to go on, and what to keep now and then; None for neither.

    Raises:
        WeightsError: a model file is missing or damaged.
    """
    settings = settings or AnalysisSettings()
    detector = make_detector(settings.detector, settings.min_face)
    tracker = Tracker(detector, make_landmarker(settings.landmarker), settings)
    coming = iter(frames)
    first = 0
    count = 0
    if journal is not None and journal.state is not None:
        tracker.restore(journal.state, itertools.islice(coming, journal.state.recent))
        first = journal.first
        count = journal.state.done - first
    for frame in coming:
        first = frame.index if count == 0 else first
        tracker.step(frame)
        count += 1
        report(Update("analysing", count, total))
        if journal is not None:
            journal.keep(tracker, frame.index + 1)
    return _join(tracker, range(first, first + count), settings)


def _join(tracker: Tracker, frames: range, settings: AnalysisSettings) -> Analysis:
    """Joins pieces into numbered tracks."""
    cuts = tuple(tracker.cuts)
    groups = join_tracklets(tracker.tracklets, settings.gap, identify=settings.identify)
    groups = [group for group in groups if is_face(group, _shot_frames(group, cuts, frames))]
    # So that numbers are the same for the same clip.
    groups.sort(key=lambda group: (group[0].frames[0], -_mean_area(group)))
    tracks = [make_track(n, group, identify=settings.identify) for n, group in enumerate(groups)]
    return Analysis(tuple(tracks), cuts, len(frames), frames.start)


def _shot_frames(group: list[Tracklet], cuts: tuple[int, ...], frames: range) -> range:
    """Frames of the shot that a group is in."""
    after = bisect.bisect_right(cuts, group[0].frames[0])
    start = cuts[after - 1] if after else frames.start
    return range(start, cuts[after] if after < len(cuts) else frames.stop)


def _mean_area(group: list[Tracklet]) -> float:
    """Mean area of a face at the middles of its pieces, square pixels."""
    areas = [box.area for piece in group if (box := piece.box_at(piece.frames[len(piece.frames) // 2]))]
    return sum(areas) / len(areas)
