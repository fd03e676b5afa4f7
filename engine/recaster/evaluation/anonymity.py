"""Promise of an anonymised clip: sightings of the judges, troubles that must be covered, and the report."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from recaster import __version__
from recaster.evaluation.anonymity_judge import (
    DLIB_KNOWN,
    DLIB_MARGIN,
    SAME_PLACE,
    SFACE_KNOWN,
    SFACE_MARGIN,
    SURE_SCORE,
    Likeness,
    five_points,
)
from recaster.faces.track_choice import UNSURE_PERSON
from recaster.faces.types import Box
from recaster.files import parse_json, write_json
from recaster.media.reader import read_frames
from recaster.swapping.cover_plan import LooseCover, Why
from recaster.swapping.head_cover import cover_box

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from recaster.evaluation.anonymity_judge import AnonymityJudge, Gallery
    from recaster.faces.types import FaceTrack, Floats
    from recaster.media.clip import Clip
    from recaster.swapping.cover_plan import CoverBook, CoverPlan
    from recaster.swapping.coverage import Faces
    from recaster.swapping.head_cover import HeadCover

REPORT_FORMAT: Final = 1
FACE_OF_HEAD: Final = 0.6
"""Size of a face in sizes of its head's cover."""
UNSURE_COSINE: Final = 0.2
"""SFace's cosine from which on a face that nobody followed may be the person's."""
JUDGES: Final = (
    {"name": "SFace", "measure": "cosine", "known_from": SFACE_KNOWN, "margin": SFACE_MARGIN},
    {"name": "dlib ResNet", "measure": "distance", "known_below": DLIB_KNOWN, "margin": DLIB_MARGIN},
)


@dataclass(frozen=True)
class Sighting:
    """A face, or the place of one, as the judges saw it in a frame of the result.

    Attributes:
        box: left, top, right and bottom, pixels.
        score: the detector's, 0 to 1; 0 where the performer's place was looked at with the analysis' points.
    """

    box: tuple[float, float, float, float]
    score: float
    likeness: Likeness

    @property
    def place(self) -> tuple[float, float]:
        """Its middle."""
        return Box(*self.box).centre


Sightings = tuple[Sighting, ...]


@dataclass(frozen=True, eq=False)
class Watch:
    """All that a judge needs to know of a clip to look at its result.

    Attributes:
        tracks: of the people who must not be known.
        others: heads of people who may be.
        everyone: whether nobody may be known, so that any face that nobody followed has to be covered.
    """

    judge: AnonymityJudge
    gallery: Gallery
    tracks: tuple[FaceTrack, ...]
    others: CoverPlan
    everyone: bool

    def look(
        self, path: Path, segment: range, covers: Mapping[int, Sequence[HeadCover]], tick: Callable[[], None]
    ) -> list[Sightings]:
        """Looks at all frames of an encoded segment (ClipError).

        Detectors' faces are looked at with their own points, and every followed face that isn't covered with
        those of the analysis, too: detectors take a face that isn't upright for one that is.
        """
        seen = []
        for at, frame in zip(segment, read_frames(path), strict=True):
            found = [(face.box, face.score, face.five) for face in self.judge.find_faces(frame.image)]
            for box, five in self._list_followed(at):
                if not any(cover.contains(box.centre) for cover in covers.get(at, ())):
                    found.append((box, 0.0, five))
            looked = [
                Sighting(
                    (round(box.left, 1), round(box.top, 1), round(box.right, 1), round(box.bottom, 1)),
                    round(score, 2),
                    self.gallery.compare(*self.judge.embed(frame.image, five)),
                )
                for box, score, five in found
            ]
            seen.append(tuple(looked))
            tick()
        return seen

    def _list_followed(self, frame: int) -> list[tuple[Box, Floats]]:
        """Lists box and five points of each track's face in a frame."""
        rows = [(track, frame - int(track.frames[0])) for track in self.tracks]
        return [
            (Box(*track.boxes[row]), five_points(track.landmarks[row]))
            for track, row in rows
            if 0 <= row < len(track)
        ]

    def find_untold(self, clip: Clip, book: CoverBook, frames: range, tick: Callable[[], None]) -> CoverBook:
        """Marks the faces of which judges can't tell in the original who they are (ClipError).

        That they know nobody in the result says nothing there.
        """
        clear = self.gallery.only_clear()
        for at, frame in zip(frames, clip.read(frames.start, frames.stop), strict=True):
            for track in self.tracks:
                row = at - int(track.frames[0])
                if 0 <= row < len(track) and at not in book.marks.get(track.track, {}):
                    five = five_points(track.landmarks[row])
                    if not clear.compare(*self.judge.embed(frame.image, five)).is_sure:
                        book = book.marked(track.track, {at: Why.UNTOLD})
            tick()
        return book


def write_sightings(path: Path, frames: Sequence[Sightings], digest: str) -> None:
    """Writes what was seen in a segment, and the digest of what it was seen of."""
    value = [[[*each.box, each.score, *vars(each.likeness).values()] for each in seen] for seen in frames]
    write_json(path, {"of": digest, "frames": value})


def read_sightings(path: Path, digest: str) -> list[Sightings] | None:
    """Reads what ``write_sightings`` kept of that; None where it is damaged, of other pictures, or gone."""
    try:
        value = parse_json(path.read_bytes())
        frames = [
            tuple(
                Sighting((a, b, c, d), score, Likeness(sface, dlib))
                for a, b, c, d, score, sface, dlib in seen
            )
            for seen in value["frames"]
        ]
        return frames if value["of"] == digest else None
    except (OSError, ValueError, TypeError, KeyError):
        return None


def find_trouble(
    sighting: Sighting, at: int, watch: Watch, plan: CoverPlan, covers: Sequence[HeadCover]
) -> Why | None:
    """Finds why a face must not be seen as it is; None where it may."""
    if sighting.likeness.is_known:
        return Why.KNOWN
    if sighting.score < SURE_SCORE:
        return None
    heads = [course.covers.get(at) for course in (*plan.courses, *watch.others.courses)]
    followed = [each for each in (*heads, *covers) if each is not None]
    if any(each.contains(sighting.place) for each in followed):
        return None
    may_be = sighting.likeness.dlib < UNSURE_PERSON or sighting.likeness.sface >= UNSURE_COSINE
    return Why.UNCERTAIN if watch.everyone or may_be else None


def mark_troubles(
    book: CoverBook,
    frames: range,
    seen: Sequence[Sightings],
    watch: Watch,
    plan: CoverPlan,
    covers: Mapping[int, Sequence[HeadCover]],
    kind: str,
) -> CoverBook:
    """Marks all that judges saw and that must not be seen."""
    for at, sightings in zip(frames, seen, strict=True):
        marked: list[Box] = []
        for each in sightings:
            why = find_trouble(each, at, watch, plan, covers.get(at, ()))
            # A face may have been looked at more than once.
            if why is not None and not any(Box(*each.box).iou(box) > SAME_PLACE for box in marked):
                marked.append(Box(*each.box))
                loose = LooseCover(at, cover_box(Box(*each.box), kind), why)
                book = plan.mark_place(book, at, each.place, loose)
    return book


@dataclass(frozen=True)
class FrameRecord:
    """Record of one frame: its covers and swaps, and the nearest that judges then saw.

    Attributes:
        frame: its index in the clip.
        time: seconds after the first frame of the result.
        done: "swapped", "covered" (a head at least) or "nobody".
        coverage: least share of a face that was swapped and isn't covered, 0 to 1; None for no such face.
        reasons: of the covers.
        likeness: of the nearest face in it to the original person; None where no face was seen.
        holds: whether nobody knows the person in it.
        bystanders: tracks of people who may be seen, and whose faces a cover reaches all the same.
    """

    frame: int
    time: float
    done: str
    coverage: float | None
    reasons: tuple[Why, ...]
    likeness: Likeness | None
    holds: bool
    bystanders: tuple[int, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Turns it into plain values for a report."""
        likeness = {"sface": None, "dlib": None} if self.likeness is None else vars(self.likeness)
        return {
            "frame": self.frame,
            "time": self.time,
            "done": self.done,
            "coverage": self.coverage,
            "reasons": [str(why) for why in self.reasons],
            **likeness,
            "holds": self.holds,
            "bystanders": list(self.bystanders),
        }


def record_frames(
    plan: CoverPlan,
    book: CoverBook,
    faces: Sequence[Faces],
    seen: Sequence[Sightings],
    times: Sequence[float],
    troubled: frozenset[int],
    others: CoverPlan,
) -> tuple[FrameRecord, ...]:
    """Records what was done in every frame.

    Args:
        faces: what was swapped in each.
        seen: what judges saw in each, at last.
        times: of each, in seconds.
        troubled: frames in which something must still be covered.
        others: heads of people who may be seen.
    """
    expanded = plan.expand_marks(book)
    loose_covers = plan.expand_loose(book)
    drawn = plan.list_covers(book)
    records = []
    for at, own, sightings, time in zip(plan.frames, faces, seen, times, strict=True):
        shares = [face.covered for face in own if at not in expanded.get(face.track, {})]
        loose = [each.why for each in loose_covers.get(at, ())]
        reasons = [*(marks[at] for marks in expanded.values() if at in marks), *loose]
        nearest: Likeness | None = None
        for each in sightings:
            nearest = each.likeness.nearer(nearest)
        done = "covered" if at in drawn else "swapped" if shares else "nobody"
        least = min(shares, default=None)
        known = tuple(dict.fromkeys(reasons))
        reached = find_reached(others, at, drawn.get(at, ()))
        holds = at not in troubled
        records.append(FrameRecord(at, round(time, 4), done, least, known, nearest, holds, reached))
    return tuple(records)


def find_reached(others: CoverPlan, frame: int, covers: Sequence[HeadCover]) -> tuple[int, ...]:
    """Finds the tracks whose faces covers reach in a frame."""
    heads = {course.track: course.covers[frame] for course in others.courses if frame in course.covers}
    faces = {track: head.scaled(FACE_OF_HEAD) for track, head in heads.items()}
    return tuple(track for track, face in faces.items() if any(each.touches(face) for each in covers))


@dataclass(frozen=True)
class Anonymity:
    """Promise, as it was kept.

    Attributes:
        terms: what was promised, as plain values.
        passes: how often the clip was judged.
    """

    frames: tuple[FrameRecord, ...]
    terms: Mapping[str, Any]
    passes: int

    @property
    def failed(self) -> tuple[int, ...]:
        """Frames in which it doesn't hold."""
        return tuple(each.frame for each in self.frames if not each.holds)

    @property
    def nearest(self) -> Likeness | None:
        """The nearest that either judge saw a face come to the original person."""
        nearest: Likeness | None = None
        for each in self.frames:
            nearest = nearest if each.likeness is None else each.likeness.nearer(nearest)
        return nearest

    @property
    def bystanders(self) -> dict[int, list[int]]:
        """Frames in which covers reach the faces of people who may be seen, by their tracks."""
        found: dict[int, list[int]] = defaultdict(list)
        for each in self.frames:
            for track in each.bystanders:
                found[track].append(each.frame)
        return dict(found)

    def counts(self) -> dict[str, int]:
        """Counts frames by what was done in them."""
        counted = Counter(each.done for each in self.frames)
        return {name: counted[name] for name in ("swapped", "covered", "nobody")}

    def summary(self) -> dict[str, Any]:
        """Sums it up as plain values, for a manifest and the head of the report."""
        nearest = self.nearest
        return {
            "holds": not self.failed,
            "frames": len(self.frames),
            **self.counts(),
            **self.terms,
            "passes": self.passes,
            "judges": list(JUDGES),
            "nearest": None if nearest is None else dict(vars(nearest)),
        }

    def report(self) -> bytes:
        """Writes the report as JSON; it names neither clip nor anybody."""
        value = {
            "format": REPORT_FORMAT,
            "recaster": __version__,
            **self.summary(),
            "failed": list(self.failed),
            "bystanders": [{"track": track, "frames": frames} for track, frames in self.bystanders.items()],
            "each": [each.to_json() for each in self.frames],
        }
        return json.dumps(value, indent=1).encode()

    def assertion(self) -> dict[str, Any]:
        """Makes the words of a manifest: the summary, and the SHA-256 of the report."""
        return self.summary() | {"report": hashlib.sha256(self.report()).hexdigest()}
