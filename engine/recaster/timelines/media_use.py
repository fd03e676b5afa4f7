"""Use of media in an edit: the clips that show any, and the range of its own time that each shows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

from recaster.errors import ClipError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recaster.media.types import ClipInfo

NTSC_TOLERANCE: Final = 0.01
"""Frames per second by which programs round NTSC rates (23.98 for 24000/1001)."""
FRAME_TOLERANCE: Final = Fraction(1, 1000)
"""Frames by which times in seconds miss the frame that they mean."""
MAX_OVERSHOOT: Final = 1
"""Frames that an edit may reach past its media's end, where rates differ."""


@dataclass(frozen=True, eq=False)
class MediaUse:
    """One clip of an edit; times are its own, those of its ``source_range``.

    Attributes:
        clip: OpenTimelineIO's.
        cut: range between its cuts, in media that plays at its own speed.
        shown: range of all that is seen of it, with transitions and changes of speed; None for all of it.
    """

    clip: Any
    cut: Any
    shown: Any | None

    @property
    def reference(self) -> Any:
        """The reference to its media."""
        return self.clip.media_reference


def list_uses(edit: Any) -> list[MediaUse]:
    """Lists the clips of an edit's picture tracks that are switched on and seen, in its order."""
    uses = []
    for clip in edit.find_clips():
        if _is_picture(clip):
            use = _find_use(clip)
            if use is not None:
                uses.append(use)
    return uses


def find_media_range(use: MediaUse, info: ClipInfo) -> tuple[range, Fraction]:
    """Finds the frames of its media that a clip shows, within those that there are.

    The time of the media's first frame is the start of the reference's ``available_range``, else the number
    of a sequence's first picture, else the media's timecode, else zero: formats and programs differ, so the
    first of them by which the clip lies inside its media counts.

    Returns:
        The frames, and the clip's own time of the media's frame 0, in frames.

    Raises:
        ClipError: it lies inside by none of them.
    """
    if use.shown is None or info.variable:  # frames of a variable rate lie unevenly under the edit's
        return range(info.frame_count), next(_possible_starts(use, info))
    begin, end = _frames_of(use.cut, info.rate)
    if any(speed < 1 for speed in _speeds(use.clip)):
        end = begin + 1  # less is seen than the range says
    for first in _possible_starts(use, info):
        last = first + info.frame_count
        if first - FRAME_TOLERANCE <= begin < last and end <= last + MAX_OVERSHOOT:
            return _find_frames(use.shown, first, info), first
    raise ClipError(
        f"{info.path}: clip {use.clip.name!r} shows frames {math.floor(begin)}-{math.ceil(end) - 1} of it, "
        f"and it has {info.frame_count} from timecode {info.metadata.timecode or 'zero'} on; the edit was "
        "made of other media"
    )


def _find_frames(shown: Any, first: Fraction, info: ClipInfo) -> range:
    begin, end = _frames_of(shown, info.rate)
    start = max(0, math.floor(begin - first + FRAME_TOLERANCE))
    stop = min(info.frame_count, math.ceil(end - first - FRAME_TOLERANCE))
    return range(start, max(stop, start + 1))


def shares_nominal_rate(rate: float, other: Fraction) -> bool:
    """Tells whether two rates count timecode alike, as 24 and 24000/1001 frames a second do."""
    return round(rate) == round(other)


def restore_rate(rate: float) -> Fraction:
    """Restores a rate that was rounded: whole or of the NTSC family."""
    nominal = Fraction(round(rate)) if round(rate) else Fraction(1)
    ntsc = nominal * Fraction(1000, 1001)
    nearest = min((nominal, ntsc), key=lambda exact: abs(float(exact) - rate))
    return nearest if abs(float(nearest) - rate) < NTSC_TOLERANCE else Fraction(rate).limit_denominator(10**6)


def _frames_of(shown: Any, rate: Fraction) -> tuple[Fraction, Fraction]:
    """Converts both ends of a range to frames of media."""
    return count_frames(shown.start_time, rate), count_frames(shown.end_time_exclusive(), rate)


def count_frames(time: Any, rate: Fraction) -> Fraction:
    """Converts a time of an edit to frames of media; rates that count timecode alike have the same frames."""
    value = Fraction(time.value)
    if shares_nominal_rate(time.rate, rate):
        return value
    return value / restore_rate(time.rate) * rate


def _possible_starts(use: MediaUse, info: ClipInfo) -> Iterator[Fraction]:
    """Lists what may be the clip's own time of the media's first frame, in frames, the likeliest first."""
    available = use.reference.available_range
    if available is not None:
        yield count_frames(available.start_time, info.rate)
    if info.first_number is not None:
        yield Fraction(info.first_number)
    timecode = _count_timecode(info)
    if timecode is not None:
        yield Fraction(timecode)
    yield Fraction(0)


def _count_timecode(info: ClipInfo) -> int | None:
    """Counts the frames from midnight to the media's timecode; None where it has none that can be counted."""
    import opentimelineio as otio

    if info.metadata.timecode is None:
        return None
    text = info.metadata.timecode.replace(".", ";").replace(",", ";")
    try:
        return int(otio.opentime.from_timecode(text, float(info.rate)).value)
    except ValueError:
        return None


def _is_picture(clip: Any) -> bool:
    """Tells whether a clip is switched on, with all that it is in, and lies in no sound track."""
    import opentimelineio as otio

    for item in (clip, *_ancestors(clip)):
        if not item.enabled:
            return False
        if isinstance(item, otio.schema.Track) and item.kind != otio.schema.TrackKind.Video:
            return False
    return True


def _ancestors(item: Any) -> list[Any]:
    """Lists the compositions around an item, the nearest first."""
    parents = []
    while (item := item.parent()) is not None:
        parents.append(item)
    return parents


def _find_use(clip: Any) -> MediaUse | None:
    """Finds what is seen of a clip; None where the compositions around it show nothing of it."""
    import opentimelineio as otio

    if clip.source_range is None and clip.media_reference.available_range is None:
        return MediaUse(clip, otio.opentime.TimeRange(), None)
    cut = clip.trimmed_range()
    effects = [effect for item in (clip, *_ancestors(clip)) for effect in item.effects]
    timed = [effect for effect in effects if _changes_speed(effect)]
    if not all(isinstance(effect, otio.schema.LinearTimeWarp) for effect in timed):
        return MediaUse(clip, cut, None)  # a curve of speeds
    seen = clip.visible_range() if clip.parent() is not None else cut
    is_plain = not any(_speeds(item) for item in _ancestors(clip))
    for ancestor in _ancestors(clip) if is_plain else ():
        # The adapter of EDLs keeps a track's record timecode as a negative start, which cuts nothing off.
        if ancestor.source_range is None or ancestor.source_range.start_time.value < 0:
            continue
        bounds = ancestor.visible_range() if ancestor.parent() is not None else ancestor.trimmed_range()
        seen = _intersect(clip.transformed_time_range(seen, ancestor), bounds)
        if seen is None:
            return None
        seen = ancestor.transformed_time_range(seen, clip)
    return MediaUse(clip, cut, _change_speed(seen, cut, _speeds(clip)))


def _changes_speed(effect: Any) -> bool:
    """Tells whether an effect changes the speed; Final Cut Pro 7's time remapping is read as any filter."""
    import opentimelineio as otio

    remaps = effect.metadata.get("fcp_xml", {}).get("effectid") == "timeremap"
    return remaps or isinstance(effect, otio.schema.TimeEffect)


def _intersect(first: Any, second: Any) -> Any | None:
    """The common part of two ranges, None where there is none."""
    import opentimelineio as otio

    start = max(first.start_time, second.start_time)
    end = min(first.end_time_exclusive(), second.end_time_exclusive())
    return otio.opentime.range_from_start_end_time(start, end) if start < end else None


def _speeds(item: Any) -> list[float]:
    """Lists the speeds of an item's linear time warps; 0 for a freeze frame."""
    import opentimelineio as otio

    warps = [effect for effect in item.effects if isinstance(effect, otio.schema.LinearTimeWarp)]
    return [0.0 if isinstance(warp, otio.schema.FreezeFrame) else warp.time_scalar for warp in warps]


def _change_speed(seen: Any, cut: Any, speeds: list[float]) -> Any:
    """The media that is seen in a range at speeds that hold from the cut's start on.

    Backwards, formats don't agree on which end of the media the range starts from: both are taken.
    """
    import opentimelineio as otio

    if not speeds:
        return seen
    speed = math.prod(speeds)
    origin = cut.start_time
    ends = [seen.start_time - origin, seen.end_time_exclusive() - origin]
    moved = [otio.opentime.RationalTime(time.value * speed, time.rate) for time in ends]
    if speed < 0:
        moved += [otio.opentime.RationalTime(-time.value, time.rate) for time in moved]
    frame = otio.opentime.RationalTime(1, origin.rate)
    start = origin + min(moved)
    return otio.opentime.range_from_start_end_time(start, max(origin + max(moved), start + frame))
