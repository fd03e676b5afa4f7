"""Segments of an analysis: the faces that are followed in each, and their joining at the segments' borders.

A segment depends on nothing but the clip and the settings, so that it doesn't matter which process looks at
which one, or when. A tracker begins some frames before its segment, so that it follows whoever is there, and
ends after one more look behind it, so that this look corrects the last frames.
"""

from __future__ import annotations

import bisect
import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from recaster.faces.analysis_file import read_arrays, write_arrays
from recaster.faces.cuts import is_another_shot
from recaster.faces.detectors import make_detector
from recaster.faces.landmarkers import make_landmarker
from recaster.faces.tracker import MAX_UNSEEN_S, SAME_OVERLAP, Tracker
from recaster.faces.tracklets import MAX_PORTRAITS, Portrait, Tracklet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from recaster.faces.cuts import Layout
    from recaster.media.types import Frame
    from recaster.settings.detection import AnalysisSettings

MIN_SEGMENT_FRAMES: Final = 250
"""A segment has up to twice as many. They are what an interruption costs; frames that are looked at beside a
segment cost a tenth of it."""
FORMAT: Final = 2
_UNKNOWN: Final = np.full(128, np.nan)  # embedding that wasn't computed
_COURSES: Final = {"frames": np.int64, **dict.fromkeys(("times", "points", "scores", "behind"), np.float64)}
"""Lists of a tracklet that have an entry for each frame."""


@dataclass(frozen=True, eq=False)
class Findings:
    """Findings of one segment.

    Attributes:
        segment: its frames, fewer where the clip ended.
        tracklets: faces, also from frames before the segment on, but from none behind it.
        going_on: numbers of those that go on behind it.
        cuts: frames that begin a new shot.
        first: index and layout of the first frame with a picture in it, which may be before the segment; None
            where there is none.
        last: layout of the segment's last frame with a picture in it.
    """

    segment: range
    tracklets: Sequence[Tracklet]
    going_on: Sequence[int]
    cuts: Sequence[int]
    first: tuple[int, Layout] | None
    last: Layout | None


def split_frames(frames: range) -> list[range]:
    """Splits frames into segments."""
    count = max(1, len(frames) // MIN_SEGMENT_FRAMES)
    borders = [frames.start + number * len(frames) // count for number in range(count + 1)]
    return [range(*pair) for pair in itertools.pairwise(borders) if pair[0] < pair[1]]


def widen_segment(segment: range, frames: range, rate: float, settings: AnalysisSettings) -> range:
    """Adds the frames that are looked at beside a segment.

    Args:
        frames: all that there are.
        rate: frames a second.
    """
    # A face is followed for so long without being seen: whoever wasn't seen in that time is known to nobody.
    lead = math.ceil(MAX_UNSEEN_S * rate) + settings.detect_every
    return range(
        max(frames.start, segment.start - lead), min(frames.stop, segment.stop + settings.detect_every)
    )


def follow_faces(
    frames: Iterable[Frame], settings: AnalysisSettings, segment: range, tick: Callable[[], None]
) -> Findings:
    """Follows faces through a segment.

    Args:
        frames: consecutive, as of ``widen_segment``; only a few are held at a time.
        tick: called after each frame of the segment.

    Raises:
        WeightsError: a model file is missing or damaged.
    """
    detector = make_detector(settings.detector, settings.min_face)
    tracker = Tracker(detector, make_landmarker(settings.landmarker), settings)
    end = segment.start
    last = None
    for frame in frames:
        tracker.step(frame)
        if frame.index in segment:
            end = frame.index + 1
            last = tracker.cut_finder.last
            tick()
    found = [each for each in tracker.tracklets if each.frames and each.frames[0] < segment.stop]
    going_on = [number for number, tracklet in enumerate(found) if tracklet.frames[-1] >= segment.stop]
    for tracklet in found:
        while tracklet.frames and tracklet.frames[-1] >= segment.stop:
            tracklet.pop()
        tracklet.portraits = [each for each in tracklet.portraits if each.index < segment.stop]
    if settings.identify:
        # Of a face that is there before and behind it few portraits will be left, by whoever joins segments.
        passing = [found[number] for number in going_on if found[number].frames[0] <= segment.start]
        _embed_portraits([each for each in found if each not in passing], segment)
    cuts = [cut for cut in tracker.cuts if cut in segment]
    return Findings(range(segment.start, end), found, going_on, cuts, tracker.cut_finder.first, last)


def _embed_portraits(tracklets: Iterable[Tracklet], segment: range) -> None:
    """Computes who the faces of a segment are, as whoever joins segments is one for the whole clip."""
    for portrait in (each for tracklet in tracklets for each in tracklet.portraits):
        if portrait.index in segment:
            _ = portrait.embedding


def join_findings(pieces: Iterable[Findings]) -> Findings:
    """Joins what was found in neighbouring segments."""
    tracklets: list[Tracklet] = []
    going_on: list[Tracklet] = []
    cuts: list[int] = []
    last: Layout | None = None
    frames = range(0)
    for piece in pieces:
        if piece.segment or not frames:  # else the clip had ended
            frames = range(frames.start if frames else piece.segment.start, piece.segment.stop)
        # Before a segment that begins black there is nothing to compare its first picture with.
        if piece.first is not None and piece.first[0] in piece.segment and last is not None:
            index, layout = piece.first
            if is_another_shot(last, layout):
                cuts.append(index)
        cuts += piece.cuts
        last = last if piece.last is None else piece.last
        continued = _continue_tracks(tracklets, piece)
        for tracklet in going_on:
            if tracklet not in continued.values():  # nobody sees it any more
                while tracklet.frames and tracklet.times[-1] > tracklet.seen:
                    tracklet.pop()
        tracklets += [each for each in piece.tracklets if each not in continued]
        numbered = [piece.tracklets[number] for number in piece.going_on]
        going_on = [continued.get(tracklet, tracklet) for tracklet in numbered]
    tracklets = [tracklet for tracklet in tracklets if tracklet.frames]
    for tracklet in tracklets:
        tracklet.shot = bisect.bisect_right(cuts, tracklet.frames[0])
    return Findings(frames, tracklets, (), cuts, None, last)


def _continue_tracks(before: Sequence[Tracklet], piece: Findings) -> dict[Tracklet, Tracklet]:
    """Continues tracklets that reach a segment with those that go on in it; returns the former by the latter.

    Of the others, frames before the segment are dropped that tell nothing new.
    """
    border = piece.segment.start
    reaching = [tracklet for tracklet in before if tracklet.frames[-1:] == [border - 1]]
    pairs = [
        (overlap, old, new)
        for old in reaching
        for new in piece.tracklets
        if new.frames[-1] >= border and (overlap := _overlap(old, new, border - 1)) > SAME_OVERLAP
    ]
    continued: dict[Tracklet, Tracklet] = {}
    for _, old, new in sorted(pairs, key=lambda pair: -pair[0]):
        if new not in continued and old not in continued.values():
            continued[new] = old
    for new in piece.tracklets:
        if new not in continued:
            _drop_known(new, before, border)
    for new, old in continued.items():
        _extend(old, new, border)
    return continued


def _overlap(one: Tracklet, other: Tracklet, index: int) -> float:
    """Overlap (intersection over union) of two faces in a frame; 0 where one isn't in it."""
    here = one.box_at(index)
    there = other.box_at(index)
    return 0.0 if here is None or there is None else here.iou(there)


def _extend(old: Tracklet, new: Tracklet, border: int) -> None:
    """Adds what another tracklet has from a frame on."""
    begin = border - new.frames[0]
    for name in _COURSES:
        getattr(old, name).extend(getattr(new, name)[begin:])
    old.seen = new.seen
    own = [portrait for portrait in new.portraits if portrait.index >= border]  # old has those before
    old.portraits = sorted([*old.portraits, *own], key=lambda each: -each.quality)[:MAX_PORTRAITS]


def _drop_known(tracklet: Tracklet, before: Sequence[Tracklet], border: int) -> None:
    """Drops frames before a segment: those in which this face is followed already, and those before them."""
    begin = border
    if tracklet.frames[-1] >= border:  # else the segment before knows better
        while begin > tracklet.frames[0] and all(
            _overlap(other, tracklet, begin - 1) <= SAME_OVERLAP for other in before
        ):
            begin -= 1
    count = max(0, begin - tracklet.frames[0])
    for name in _COURSES:
        del getattr(tracklet, name)[:count]


def save_findings(path: Path, findings: Findings) -> None:
    """Writes findings atomically: one .npz of plain arrays (OutputError)."""
    arrays: dict[str, Any] = {
        "head": np.array([FORMAT, findings.segment.start, findings.segment.stop], np.int64),
        "cuts": np.array(findings.cuts, np.int64),
        "going_on": np.array(findings.going_on, np.int64),
    }
    layouts = {"last": findings.last}
    if findings.first is not None:
        arrays["first"] = np.int64(findings.first[0])
        layouts["opening"] = findings.first[1]
    for name, layout in layouts.items():
        arrays |= {f"{name}.{number}": part for number, part in enumerate(layout or ())}
    for number, tracklet in enumerate(findings.tracklets):
        arrays |= {
            f"{number}.seen": np.float64(tracklet.seen),
            **{
                f"{number}.{name}": np.array(getattr(tracklet, name), kind) for name, kind in _COURSES.items()
            },
            f"{number}.portraits": np.array([each.image for each in tracklet.portraits], np.uint8),
            f"{number}.indices": np.array([each.index for each in tracklet.portraits], np.int64),
            f"{number}.qualities": np.array([each.quality for each in tracklet.portraits], np.float64),
            f"{number}.embeddings": np.array(
                [_UNKNOWN if each.known is None else each.known for each in tracklet.portraits], np.float64
            ),
        }
    write_arrays(path, arrays)


def load_findings(path: Path, segment: range) -> Findings:
    """Reads what ``save_findings`` wrote; one of ``DAMAGE`` where that is damaged, or of another segment."""
    arrays = read_arrays(path)
    form, start, stop = arrays["head"].tolist()
    if (form, start) != (FORMAT, segment.start) or stop > segment.stop:
        raise ValueError("another format, or another segment")

    def read_layout(name: str) -> Layout | None:
        parts = tuple(arrays[key] for number in range(3) if (key := f"{name}.{number}") in arrays)
        return (parts[0], parts[1], parts[2]) if parts else None

    opening = read_layout("opening")
    count = sum(name.endswith(".seen") for name in arrays)
    return Findings(
        range(start, stop),
        [_read_tracklet(arrays, number) for number in range(count)],
        arrays["going_on"].tolist(),
        arrays["cuts"].tolist(),
        None if opening is None else (int(arrays["first"]), opening),
        read_layout("last"),
    )


def _read_tracklet(arrays: dict[str, Any], number: int) -> Tracklet:
    tracklet = Tracklet(0, float(arrays[f"{number}.seen"]))
    for name in _COURSES:
        values = arrays[f"{number}.{name}"]
        setattr(tracklet, name, list(values) if name == "points" else values.tolist())
    parts = (arrays[f"{number}.{name}"] for name in ("portraits", "qualities", "indices", "embeddings"))
    tracklet.portraits = [
        Portrait(image, float(quality), int(index), None if np.isnan(known).any() else known)
        for image, quality, index, known in zip(*parts, strict=True)
    ]
    return tracklet
