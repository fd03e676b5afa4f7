"""Plan of covers: the frames in which a head is covered, each for a reason.

Each track has a course of its head through all frames in which it may be seen: those of the track, a margin
to either side, and the gap up to the same person's next track in the shot. Marks name those of them in which
the head must be covered; what is drawn reaches a little farther than marks do, and closes short gaps between.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from recaster.faces.topology import MESH_POINTS
from recaster.swapping.head_cover import HeadCover, fit_head

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from recaster.faces.types import FaceTrack
    from recaster.swapping.coverage import Faces
    from recaster.swapping.swap_plan import SwapPlan

GUARD_S: Final = 0.1
"""Time to either side of a mark that is covered, too: judges and coverage waver from frame to frame."""
MIN_SHOWN_S: Final = 0.4
"""Time for which a swapped face has to show between two covers; else it is covered through."""
TREND_FRAMES: Final = 6
"""Frames at a track's end by which its head is thought to move on."""
DAMPING: Final = 0.8
"""Share of a head's motion that is left a frame later, where it isn't seen."""
SPREAD: Final = 0.06
"""Growth of a cover with each frame in which its head isn't seen, up to ``MAX_SPREAD``."""
MAX_SPREAD: Final = 1.6
MAX_BRIDGE_HEADS: Final = 4.0
"""Distance between two tracks of a person, in heads, over which the head is thought to have gone unseen."""
MAX_BEYOND: Final = 0.1
"""Share of a face's points beyond the picture's border from which on it is covered: judges take the rest now
for one person and now for another."""
GROWTH: Final = 1.3
"""Growth of a cover on which a judge still knew somebody."""


class Why(StrEnum):
    """Reasons for which a head is covered; the names are written into reports."""

    TURNED = "turned"
    COVERAGE = "coverage"
    BORDER = "border"
    MARGIN = "margin"
    GAP = "gap"
    KNOWN = "known"
    UNCERTAIN = "uncertain"
    UNTOLD = "untold"


@dataclass(frozen=True, eq=False)
class HeadCourse:
    """Course of one head through the frames in which it may be seen.

    Attributes:
        covers: by frame.
        hidden: frames that are covered whatever comes of the swap, each for a reason.
        others: more covers by frame, of where the head may be as well while it isn't seen.
    """

    track: int
    covers: Mapping[int, HeadCover]
    hidden: Mapping[int, Why]
    others: Mapping[int, tuple[HeadCover, ...]] = field(default_factory=dict)

    def all_covers(self, frame: int) -> tuple[HeadCover, ...]:
        """All that is drawn in a frame in which the head is covered."""
        return (self.covers[frame], *self.others.get(frame, ()))


@dataclass(frozen=True)
class LooseCover:
    """A cover that belongs to no track, in one frame."""

    frame: int
    cover: HeadCover
    why: Why


@dataclass(frozen=True)
class CoverBook:
    """All marks: by track and frame, and covers of no track."""

    marks: Mapping[int, Mapping[int, Why]] = field(default_factory=dict)
    loose: tuple[LooseCover, ...] = ()

    def marked(self, track: int, frames: Mapping[int, Why]) -> CoverBook:
        """The same with more frames of a track marked; earlier reasons stay."""
        return replace(self, marks={**self.marks, track: {**frames, **self.marks.get(track, {})}})

    def count(self) -> int:
        """Number of marks."""
        return len(self.loose) + sum(map(len, self.marks.values()))

    def changed_frames(self, earlier: CoverBook) -> frozenset[int]:
        """Frames that have marks which an earlier book hasn't."""
        marked = {
            at
            for track, each in self.marks.items()
            for at in each.keys() - earlier.marks.get(track, {}).keys()
        }
        return frozenset(marked | {each.frame for each in self.loose[len(earlier.loose) :]})

    def to_json(self) -> dict[str, Any]:
        """Turns it into plain values."""
        marks = {
            str(track): {str(at): str(why) for at, why in each.items()} for track, each in self.marks.items()
        }
        loose = [[each.frame, str(each.why), *vars(each.cover).values()] for each in self.loose]
        return {"marks": marks, "loose": loose}

    @classmethod
    def from_json(cls, value: Any) -> CoverBook:
        """Reads what ``to_json`` made (ValueError, TypeError, KeyError or AttributeError where it didn't)."""
        marks = {
            int(track): {int(at): Why(why) for at, why in each.items()}
            for track, each in value["marks"].items()
        }
        loose = [
            LooseCover(int(frame), HeadCover(x, y, width, height, angle, str(kind)), Why(why))
            for frame, why, x, y, width, height, angle, kind in value["loose"]
        ]
        return cls(marks, tuple(loose))


def make_courses(
    people: Iterable[Sequence[FaceTrack]],
    cuts: Sequence[int],
    frames: range,
    margin: int,
    kind: str,
    size: tuple[int, int],
) -> tuple[HeadCourse, ...]:
    """Makes the courses of the heads of some people, each with all of their tracks.

    Args:
        frames: those of the clip that the result holds.
        margin: frames.
        kind: of covers.
        size: width and height of the picture.
    """
    courses = []
    for tracks in people:
        heads = [
            {
                at: fit_head(points, kind)
                for at, points in zip(track.frames.tolist(), track.landmarks, strict=True)
            }
            for track in tracks
        ]
        for track, own in zip(tracks, heads, strict=True):
            shot = _find_shot(min(own), cuts, frames)
            places, hidden = _go_on(own, [each for each in heads if each is not own], shot, margin)
            cut_off = dict.fromkeys(_find_cut_off(track, size), Why.BORDER)
            covers = own | {at: each[0] for at, each in places.items()}
            others = {at: tuple(each[1:]) for at, each in places.items()}
            courses.append(HeadCourse(track.track, covers, cut_off | hidden, others))
    return tuple(courses)


def _go_on(
    own: Mapping[int, HeadCover], others: Sequence[Mapping[int, HeadCover]], shot: range, margin: int
) -> tuple[dict[int, list[HeadCover]], dict[int, Why]]:
    """Covers of a head before and after its track, by frame, and the reason for each.

    A head that was lost may have stayed, moved on as it did, or gone to any of the person's next tracks, of
    which some may be reflections: all of these places are covered.
    """
    begin, end = min(own), max(own)
    places: dict[int, list[HeadCover]] = defaultdict(list)
    why: dict[int, Why] = {}
    for at in (*range(begin - margin, begin), *range(end + 1, end + 1 + margin)):
        still = _stay(own, at)
        is_found = any(at in other and still.contains((other[at].x, other[at].y)) for other in others)
        if at in shot and not is_found:
            places[at] += [_carry_on(own, at), still]
            why[at] = Why.MARGIN
    for following in _find_following(own, others, shot):
        for at in range(end + 1, min(following)):
            places[at] += [_bridge(own, following, at), _stay(own, at), _stay(following, at)]
            why[at] = Why.GAP
    return {at: list(dict.fromkeys(each)) for at, each in places.items()}, why


def _find_cut_off(track: FaceTrack, size: tuple[int, int]) -> list[int]:
    """Frames in which the picture's border cuts a face off."""
    places = track.landmarks[:, :MESH_POINTS, :2]
    beyond = ((places < 0) | (places >= size)).any(axis=-1).mean(axis=-1)
    found: list[int] = track.frames[beyond > MAX_BEYOND].tolist()
    return found


def _find_shot(frame: int, cuts: Sequence[int], frames: range) -> range:
    """Frames of the shot that a frame is in."""
    start = max((cut for cut in cuts if cut <= frame), default=frames.start)
    return range(start, min((cut for cut in cuts if cut > frame), default=frames.stop))


def _carry_on(heads: Mapping[int, HeadCover], frame: int) -> HeadCover:
    """A head's cover in a frame before its first or after its last, as it was moving there."""
    end = min(heads) if frame < min(heads) else max(heads)
    way = 1 if frame > end else -1
    apart = abs(frame - end)
    inner = end - way * min(TREND_FRAMES, max(heads) - min(heads))
    steps = max(1, abs(end - inner))
    far = sum(DAMPING**k for k in range(1, apart + 1))
    last, before = heads[end], heads[inner]
    moved = replace(
        last, x=last.x + far * (last.x - before.x) / steps, y=last.y + far * (last.y - before.y) / steps
    )
    return moved.scaled(min(MAX_SPREAD, 1 + SPREAD * apart))


def _stay(heads: Mapping[int, HeadCover], frame: int) -> HeadCover:
    """A head's cover in a frame before its first or after its last, if it doesn't move."""
    end = min(heads) if frame < min(heads) else max(heads)
    return heads[end].scaled(min(MAX_SPREAD, 1 + SPREAD * abs(frame - end)))


def _find_following(
    own: Mapping[int, HeadCover], others: Iterable[Mapping[int, HeadCover]], shot: range
) -> list[Mapping[int, HeadCover]]:
    """The person's next tracks in the shot to which the head may have gone, up to one in its own place."""
    last = own[max(own)]
    found = []
    for other in sorted((each for each in others if max(own) < min(each) < shot.stop), key=min):
        first = other[min(other)]
        if np.hypot(first.x - last.x, first.y - last.y) < MAX_BRIDGE_HEADS * max(last.height, first.height):
            found.append(other)
        if last.contains((first.x, first.y)):
            break
    return found


def _bridge(own: Mapping[int, HeadCover], following: Mapping[int, HeadCover], frame: int) -> HeadCover:
    """A head's cover between its last frame and its first one of the next track."""
    begin, end = max(own), min(following)
    share = (frame - begin) / (end - begin)
    a, b = own[begin], following[end]

    def mix(x: float, y: float) -> float:
        return x + share * (y - x)

    turn = (b.angle - a.angle + 180) % 360 - 180
    cover = HeadCover(
        mix(a.x, b.x),
        mix(a.y, b.y),
        mix(a.width, b.width),
        mix(a.height, b.height),
        a.angle + share * turn,
        a.kind,
    )
    return cover.scaled(min(MAX_SPREAD, 1 + SPREAD * min(frame - begin, end - frame)))


@dataclass(frozen=True, eq=False)
class CoverPlan:
    """Courses of all heads that may have to be covered.

    Attributes:
        frames: those of the clip that the result holds.
        rate: frames a second.
        cuts: first frames of shots.
        margin: frames for which a head that no track follows is covered before and after it is seen.
    """

    courses: tuple[HeadCourse, ...]
    frames: range
    rate: float
    cuts: tuple[int, ...] = ()
    margin: int = 0

    def open_book(self, plan: SwapPlan) -> CoverBook:
        """Marks all that is known before anything is rendered: margins, gaps, faces turned too far away."""
        book = CoverBook()
        for course in self.courses:
            shown: set[int] = set()
            for number, track_plan in enumerate(plan.track_plans):
                if plan.tracks[number] == course.track:
                    rows = enumerate(track_plan.frames.tolist())
                    shown |= {at for row, at in rows if track_plan.opacity_at(row) >= 1}
            turned = dict.fromkeys(course.covers.keys() - shown, Why.TURNED)
            marks = {at: why for at, why in (turned | dict(course.hidden)).items() if at in self.frames}
            book = book.marked(course.track, marks)
        return book

    def mark_uncovered(self, book: CoverBook, faces: Sequence[Faces], least: float) -> CoverBook:
        """Marks the faces of which less than a share was swapped, as far as they aren't covered.

        Args:
            faces: what was swapped in each frame.
        """
        covered = self.expand_marks(book)
        for course in self.courses:
            marks = {}
            for at, seen in zip(self.frames, faces, strict=True):
                share = next((face.covered for face in seen if face.track == course.track), 0.0)
                if at in course.covers and at not in covered[course.track] and share < least:
                    marks[at] = Why.COVERAGE
            if marks:
                book = book.marked(course.track, marks)
        return book

    def mark_place(
        self, book: CoverBook, frame: int, place: tuple[float, float], loose: LooseCover
    ) -> CoverBook:
        """Marks a face that must not show at a place: of the track whose head is there, else by itself.

        Args:
            loose: what covers it where no track does, or doesn't hide it.
        """
        for course in self.courses:
            head = course.covers.get(frame)
            marks = book.marks.get(course.track, {})
            if head is not None and head.contains(place) and frame not in marks:
                return book.marked(course.track, {frame: loose.why})
        times = sum(each.frame == frame and each.cover.contains(place) for each in book.loose)
        grown = replace(loose, cover=loose.cover.scaled(GROWTH**times))
        return replace(book, loose=(*book.loose, grown))

    def expand_marks(self, book: CoverBook) -> dict[int, dict[int, Why]]:
        """Lists the frames in which each track's head is covered, by track."""
        guard = round(GUARD_S * self.rate)
        shortest = round(MIN_SHOWN_S * self.rate)
        expanded = {}
        for course in self.courses:
            covered: dict[int, Why] = {}
            last: int | None = None
            for at, why in sorted(book.marks.get(course.track, {}).items()):
                begin = at - guard if last is None or at - last - 2 * guard > shortest else last
                near = range(begin, at + guard + 1)
                covered |= {each: why for each in near if each in course.covers and each not in covered}
                covered[at] = why
                last = at
            expanded[course.track] = covered
        return expanded

    def list_covers(self, book: CoverBook) -> dict[int, tuple[HeadCover, ...]]:
        """Lists what is drawn in each frame that has any cover."""
        covers: dict[int, list[HeadCover]] = defaultdict(list)
        expanded = self.expand_marks(book)
        for course in self.courses:
            for at in expanded[course.track]:
                covers[at] += course.all_covers(at)
        for at, loose in self.expand_loose(book).items():
            covers[at] += [each.cover for each in loose]
        return {at: tuple(covers[at]) for at in sorted(covers) if at in self.frames}

    def expand_loose(self, book: CoverBook) -> dict[int, list[LooseCover]]:
        """Lists the covers of no track in each frame that has any: they outlast their marks, up to cuts.

        That is for the margin, up to the next mark that reaches them; briefly where a track's head is.
        """
        guard = round(GUARD_S * self.rate)
        marked: dict[int, list[HeadCover]] = defaultdict(list)
        for loose in book.loose:
            marked[loose.frame].append(loose.cover)
        expanded: dict[int, list[LooseCover]] = defaultdict(list)
        for loose in book.loose:
            shot = _find_shot(loose.frame, self.cuts, self.frames)
            expanded[loose.frame].append(loose)
            margin = guard if self._is_followed(loose) else max(guard, self.margin)
            for way in (-1, 1):
                is_seen = False
                for apart in range(1, margin + 1):
                    at = loose.frame + way * apart
                    is_seen |= any(cover.touches(loose.cover) for cover in marked.get(at, ()))
                    if at not in shot or (apart > guard and is_seen):
                        break
                    spread = 1.0 if apart <= guard else min(MAX_SPREAD, 1 + SPREAD * apart)
                    expanded[at].append(replace(loose, cover=loose.cover.scaled(spread)))
        return expanded

    def _is_followed(self, loose: LooseCover) -> bool:
        """True if a head that a track follows there, and doesn't only suppose, is where such a cover lies."""
        supposed = (Why.MARGIN, Why.GAP)
        heads = (
            course.covers[loose.frame]
            for course in self.courses
            if loose.frame in course.covers and course.hidden.get(loose.frame) not in supposed
        )
        return any(head.touches(loose.cover) for head in heads)
