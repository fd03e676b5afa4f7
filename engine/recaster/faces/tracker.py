"""Following faces through the frames of a clip, one frame after the other."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from recaster.faces.cuts import CutFinder
from recaster.faces.identity import SAME_IN_CLIP, distance
from recaster.faces.tracklets import Tracklet, mean_embedding, outline, portrait
from recaster.faces.turned import SIDES, detect_turned, side_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from recaster.faces.detectors import Detector
    from recaster.faces.landmarkers import Landmarker
    from recaster.faces.types import Detection, Floats, Landmarks
    from recaster.media.types import Frame

SAME_PLACE: Final = 0.3
"""A detection belongs to the track whose outline it overlaps by this much (intersection over union)."""
SAME_FACE: Final = 0.5
"""Two outlines that overlap by this much are of one face."""


@dataclass(frozen=True)
class Rules:
    """What the tracker goes by; see ``AnalysisSettings``.

    Attributes:
        detect_every: frames between two looks at the whole picture.
        presence: below this a face is lost.
        gap: seconds after a loss during which every frame is searched.
        patience: seconds that a face is followed without the detector seeing it.
        identify: whether identities decide when two tracks meet.
    """

    detect_every: int
    presence: float
    gap: float
    patience: float
    identify: bool


@dataclass(frozen=True)
class TrackerState:
    """Where a tracker is: with the last few frames, all it needs to go on.

    Attributes:
        done: the next frame to look at.
        recent: how many frames before it are needed once more.
        until_look: frames until the next look at the whole picture.
        lost_at: seconds, when a face was last lost.
        cuts: frames that begin a new shot.
        active: which tracklets are still being followed.
        tracklets: everything followed so far.
        last: what cuts are found by, see ``CutFinder``.
    """

    done: int
    recent: int
    until_look: int
    lost_at: float
    cuts: list[int]
    active: list[int]
    tracklets: list[Tracklet]
    last: tuple[Floats, ...] | None


class Tracker:
    """Detects now and then, follows in between; no face knows of another's state.

    Attributes:
        tracklets: everything followed so far, also what is still being followed.
        cuts: frames that begin a new shot.
    """

    def __init__(self, detector: Detector, landmarker: Landmarker, rules: Rules) -> None:
        self.tracklets: list[Tracklet] = []
        self.cuts: list[int] = []
        self._detector = detector
        self._landmarker = landmarker
        self._rules = rules
        self._finder = CutFinder()
        self._active: list[Tracklet] = []
        self._recent: deque[Frame] = deque(maxlen=rules.detect_every)
        self._until_look = 0
        self._lost_at = -math.inf

    def state(self, done: int) -> TrackerState:
        """Where it is, between two frames; ``done`` is the index of the next."""
        return TrackerState(
            done=done,
            recent=len(self._recent),
            until_look=self._until_look,
            lost_at=self._lost_at,
            cuts=self.cuts,
            active=[number for number, one in enumerate(self.tracklets) if one in self._active],
            tracklets=self.tracklets,
            last=self._finder.last,
        )

    def restore(self, state: TrackerState, recent: Iterable[Frame]) -> None:
        """Go on where another tracker was; ``recent`` are the frames before the next that it needs."""
        self.tracklets, self.cuts = state.tracklets, state.cuts
        self._active = [self.tracklets[number] for number in state.active]
        self._until_look, self._lost_at = state.until_look, state.lost_at
        self._finder.last = state.last
        self._recent.extend(recent)

    def step(self, frame: Frame) -> None:
        """Look at the next frame of the clip."""
        if self._finder.is_cut(frame.image):
            self.cuts.append(frame.index)
            self._begin_shot()
        self._follow(frame)
        self._part(frame)
        time = float(frame.time)
        if self._until_look <= 0 or time - self._lost_at <= self._rules.gap:
            self._look(frame)
            self._until_look = self._rules.detect_every
        self._until_look -= 1
        self._recent.append(frame)

    def _begin_shot(self) -> None:
        self._active = []
        self._recent.clear()
        self._until_look = 0
        self._lost_at = -math.inf

    def _follow(self, frame: Frame) -> None:
        """Every face from the frame before; those that are not there any more are lost."""
        time = float(frame.time)
        for one in list(self._active):
            face = self._landmarker.follow(frame.image, one.points[-1])
            if face.presence < self._rules.presence:
                self._lose(one, time)
            else:
                one.append(frame.index, time, face)

    def _lose(self, one: Tracklet, time: float) -> None:
        self._active.remove(one)
        self._lost_at = time

    def _part(self, frame: Frame) -> None:
        """Where two tracks have come to follow one face, end the one that strayed.

        The mesh of a face that is being covered slides over to the face in front. The straying track
        also loses the frames in which it was already on its way.
        """
        for first in list(self._active):
            for second in list(self._active):
                if first is second or first not in self._active or second not in self._active:
                    continue
                if outline(first.points[-1]).iou(outline(second.points[-1])) > SAME_FACE:
                    keep, end = self._owner(frame, first, second)
                    _untangle(end, keep)
                    self._lose(end, float(frame.time))

    def _owner(self, frame: Frame, first: Tracklet, second: Tracklet) -> tuple[Tracklet, Tracklet]:
        """Whose face it is that both follow (first), and who strayed (second)."""
        if self._rules.identify and first.portraits and second.portraits:
            now = portrait(frame.image, first.points[-1]).embedding
            apart = [distance(now, mean_embedding(one.portraits, best=3)) for one in (first, second)]
        else:
            apart = [_surprise(one) for one in (first, second)]
        return (first, second) if apart[0] <= apart[1] else (second, first)

    def _look(self, frame: Frame) -> None:
        """Search the whole picture: confirm what is followed, begin what is new."""
        time = float(frame.time)
        sides = {0} | {side_of(one.points[-1]) for one in self._active}
        if not self._active or not self._recent:  # nobody yet, or a shot begins: in any pose
            sides = set(SIDES)
        found = detect_turned(self._detector, frame.image, sides)
        for one, face in _matches(self._active, found):
            if self._rules.identify and self._became_another(one, frame):
                self._lose(one, time)  # its detection begins a track of whoever it is now
                continue
            one.seen = time
            one.sightings += 1
            found.remove(face)
            one.remember(frame.image)
        for one in list(self._active):
            if time - one.seen > self._rules.patience:
                _forget_since(one, one.seen)
                self._lose(one, time)
        for face in found:
            self._begin(frame, face)

    def _became_another(self, one: Tracklet, frame: Frame) -> bool:
        """Whether a track has come to show somebody else, as in a dissolve; if so, it ends before that.

        A face that only looked like another's for a while is joined again afterwards, by its identity.
        """
        own = mean_embedding(one.portraits, best=3)
        now = portrait(frame.image, one.points[-1]).embedding
        if not len(own) or distance(now, own) < SAME_IN_CLIP:
            return False
        one.pop()
        for earlier in reversed(self._recent):
            if len(one.frames) < 2 or one.frames[-1] != earlier.index:
                break
            then = portrait(earlier.image, one.points[-1]).embedding
            if distance(then, own) < distance(then, now):
                break
            one.pop()
        return True

    def _begin(self, frame: Frame, found: Detection) -> None:
        """Begin to follow a detected face, also backwards through the frames since the last look."""
        face = self._landmarker.locate(frame.image, found.box, found.side)
        if not self._is_new(frame.index, face):
            return
        time = float(frame.time)
        one = Tracklet(len(self.cuts), seen=time)
        one.append(frame.index, time, face)
        one.remember(frame.image)
        if self._landmarker.knows_presence:
            self._follow_back(one)
        self._active.append(one)
        self.tracklets.append(one)

    def _follow_back(self, one: Tracklet) -> None:
        for frame in reversed(self._recent):
            face = self._landmarker.follow(frame.image, one.points[0])
            if not self._is_new(frame.index, face):
                return
            one.prepend(frame.index, float(frame.time), face)

    def _is_new(self, index: int, face: Landmarks) -> bool:
        """Whether this is a face, and nobody follows it in that frame."""
        if face.presence < self._rules.presence:
            return False
        here = outline(face.points)
        others = (one.box_at(index) for one in self.tracklets)
        return all(other is None or other.iou(here) <= SAME_FACE for other in others)


def _matches(active: list[Tracklet], found: list[Detection]) -> list[tuple[Tracklet, Detection]]:
    """Tracks and the detections of their faces, the best overlaps first."""
    pairs = [(outline(one.points[-1]).iou(face.box), one, face) for one in active for face in found]
    matched: list[tuple[Tracklet, Detection]] = []
    for overlap, one, face in sorted(pairs, key=lambda pair: -pair[0]):
        taken = any(one is a or face is b for a, b in matched)
        if overlap >= SAME_PLACE and not taken:
            matched.append((one, face))
    return matched


def _surprise(one: Tracklet) -> float:
    """How far a track is from where its own motion would have brought it, in face widths."""
    if len(one.points) < 4:
        return math.inf
    before, last = (outline(one.points[i]) for i in (-4, -1))
    middle = outline(one.points[-3])
    expected = [a + 3 * (b - a) for a, b in zip(before.centre, middle.centre, strict=True)]
    return math.dist(expected, last.centre) / max(before.width, 1.0)


def _untangle(end: Tracklet, keep: Tracklet) -> None:
    """Take away the last frames in which ``end`` was on ``keep``'s face or on the way to it."""
    while end.frames:
        other = keep.box_at(end.frames[-1])
        if other is None or other.iou(outline(end.points[-1])) <= SAME_PLACE:
            return
        end.pop()


def _forget_since(one: Tracklet, time: float) -> None:
    while one.times and one.times[-1] > time:
        one.pop()
