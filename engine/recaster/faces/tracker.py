"""Tracker of faces through the frames of a clip, one frame after the other."""

from __future__ import annotations

import itertools
import math
from collections import deque
from typing import TYPE_CHECKING, Final

from recaster.faces import neighbours
from recaster.faces.cuts import CutFinder
from recaster.faces.embedding import SAME_IN_CLIP, distance
from recaster.faces.neighbours import Neighbour, are_touching, paint_over_boxes, paint_over_neighbours
from recaster.faces.roll import SIDES, detect_rolled, quarter_turn_of
from recaster.faces.tracklets import Portrait, Tracklet, cut_portrait, mean_embedding, outline
from recaster.settings.detection import SAME_PERSON

if TYPE_CHECKING:
    from recaster.faces.detectors import Detector
    from recaster.faces.landmarkers import Landmarker
    from recaster.faces.types import Box, Detection, Landmarks
    from recaster.media.types import Frame, Image
    from recaster.settings.detection import AnalysisSettings

MATCH_OVERLAP: Final = 0.3
"""Overlap (intersection over union) of a detection with the outline of the track that it belongs to."""
SAME_OVERLAP: Final = 0.5  # overlap of two outlines of one face
STEADY_OVERLAP: Final = 0.8  # overlap of outlines from two looks at one face whose points have not strayed
CROWD_FRAMES: Final = 3
"""Frames between two looks at faces that touch while it isn't known who is in front: one that the detector
misses in a frame is hardly ever found in the next, and a look costs as much as following half a dozen."""
MAX_UNSEEN_S: Final = 1.0
_MAX_UNCONFIRMED_S: Final = 0.2
"""Time that a face is followed without the detector seeing it; the latter where nothing else confirms it."""


class Tracker:
    """Detects now and then, follows in between; no face knows of another's state.

    Attributes:
        tracklets: everything followed so far, also what is still being followed.
        cuts: frames that begin a new shot.
        cut_finder: as it is after the last frame.
    """

    def __init__(self, detector: Detector, landmarker: Landmarker, settings: AnalysisSettings) -> None:
        self.tracklets: list[Tracklet] = []
        self.cuts: list[int] = []
        self.cut_finder = CutFinder()
        self._detector = detector
        self._landmarker = landmarker
        self._settings = settings
        self._detect_every = settings.detect_every if landmarker.knows_presence else 1
        self._active: list[Tracklet] = []
        self._late: list[Tracklet] = []  # those that reach into the recent frames, followed or not
        self._recent: deque[Frame] = deque(maxlen=self._detect_every)
        self._until_look = 0
        self._lost_at = -math.inf

    def step(self, frame: Frame) -> None:
        """Looks at the next frame of the clip."""
        if self.cut_finder.is_cut(frame.index, frame.image):
            self.cuts.append(frame.index)
            self._begin_shot()
        self._follow_faces(frame)
        self._part_tracks(frame)
        time = float(frame.time)
        # A look settles who is in front of faces that touch, and may find a lost one again.
        unsettled = self._detect_every - self._until_look >= CROWD_FRAMES and self._is_crowded()
        if self._until_look <= 0 or unsettled or time - self._lost_at <= self._settings.gap:
            self._search_frame(frame)
            self._until_look = self._detect_every
        self._until_look -= 1
        self._recent.append(frame)
        first = self._recent[0].index
        self._late = [tracklet for tracklet in self._late if tracklet.frames and tracklet.frames[-1] >= first]

    def _begin_shot(self) -> None:
        self._active = []
        self._recent.clear()
        self._until_look = 0
        self._lost_at = -math.inf

    def _follow_faces(self, frame: Frame) -> None:
        """Follows every face from the frame before; those that are not there any more are lost."""
        time = float(frame.time)
        # By the frame before: all are painted over where they were, whoever is followed first.
        around = {id(tracklet): self._find_neighbours(tracklet, frame.index - 1) for tracklet in self._active}
        for tracklet in list(self._active):
            image = paint_over_neighbours(frame.image, tracklet.points[-1], around[id(tracklet)])
            face = self._landmarker.follow(image, tracklet.points[-1])
            if face.presence < self._settings.presence:
                self._lose(tracklet, time)
            else:
                tracklet.append(frame.index, time, face)

    def _lose(self, tracklet: Tracklet, time: float) -> None:
        self._active.remove(tracklet)
        self._lost_at = time

    def _part_tracks(self, frame: Frame) -> None:
        """Parts two tracks that have come to follow one face: the one that strayed ends.

        The mesh of a face that is being covered slides over to the face in front. The straying track
        also loses the frames in which it was already on its way.
        """
        for first, second in itertools.combinations(list(self._active), 2):
            if first not in self._active or second not in self._active:
                continue
            if outline(first.points[-1]).iou(outline(second.points[-1])) > SAME_OVERLAP:
                keep, end = self._decide_owner(frame, first, second)
                _untangle(end, keep)
                self._lose(end, float(frame.time))

    def _decide_owner(self, frame: Frame, first: Tracklet, second: Tracklet) -> tuple[Tracklet, Tracklet]:
        """Decides whose face it is that both follow (first), and who strayed (second)."""
        if self._settings.identify and first.portraits and second.portraits:
            now = cut_portrait(frame.image, first.points[-1]).embedding
            apart = [distance(now, mean_embedding(each.portraits, best=3)) for each in (first, second)]
        else:
            apart = [_surprise(tracklet) for tracklet in (first, second)]
        return (first, second) if apart[0] <= apart[1] else (second, first)

    def _search_frame(self, frame: Frame) -> None:
        """Searches the whole picture: confirms what is followed, begins what is new."""
        time = float(frame.time)
        sides = {0} | {quarter_turn_of(tracklet.points[-1]) for tracklet in self._active}
        if not self._active or not self._recent:  # nobody yet, or a shot begins: in any pose
            sides = set(SIDES)
        found = detect_rolled(self._detector, frame.image, sides)
        matched = _match(self._active, found)
        new = [face for face in found if not any(face is other for _, other in matched)]
        strayed = self._correct(frame, matched, new)
        for tracklet, face in matched:
            around = self._find_neighbours(tracklet, frame.index)
            portrait = cut_portrait(frame.image, tracklet.points[-1], around)
            if self._settings.identify and self._became_another(
                tracklet, portrait, is_touched=bool(around), strayed=tracklet in strayed
            ):
                self._lose(tracklet, time)  # its detection begins a track of whoever it is now
                new.append(face)
                continue
            tracklet.seen = time
            tracklet.remember(portrait)
        limit = MAX_UNSEEN_S if self._landmarker.knows_presence else _MAX_UNCONFIRMED_S
        for tracklet in list(self._active):
            if time - tracklet.seen > limit:
                while tracklet.times and tracklet.times[-1] > tracklet.seen:
                    tracklet.pop()
                self._lose(tracklet, time)
        begun = [(began, face) for face in new if (began := self._begin_track(frame, face, new))]
        if self._landmarker.knows_presence:
            still_there = [tracklet for tracklet in strayed if tracklet in self._active]
            self._follow_back([tracklet for tracklet, _ in begun], still_there)
        self._order_by_depth(frame, [pair for pair in matched + begun if pair[0] in self._active])

    def _correct(
        self, frame: Frame, matched: list[tuple[Tracklet, Detection]], new: list[Detection]
    ) -> list[Tracklet]:
        """Looks again at those whom another face touches; returns those whose points it had drawn away."""
        strayed = []
        for tracklet, face in matched:
            others = [other.box for other in (*(match for _, match in matched), *new) if other is not face]
            image = paint_over_boxes(frame.image, face.box, others)
            if image is frame.image:
                continue
            seen = self._landmarker.locate(image, face.box, face.side)
            same = outline(seen.points).iou(outline(tracklet.points[-1])) >= STEADY_OVERLAP
            if not same and seen.presence >= max(self._settings.presence, tracklet.scores[-1]):
                tracklet.points[-1] = seen.points
                tracklet.scores[-1] = seen.presence
                strayed.append(tracklet)
        return strayed

    def _is_crowded(self) -> bool:
        """True if faces touch of which it isn't known who is in front."""
        return any(
            not (first.behind[-1] and second.behind[-1])
            and are_touching(outline(first.points[-1]), outline(second.points[-1]))
            for first, second in itertools.combinations(self._active, 2)
        )

    def _find_neighbours(self, tracklet: Tracklet, index: int) -> list[Neighbour]:
        """Finds the faces that touch a track's in a frame that it reaches."""
        box = tracklet.box_at(index)
        found = []
        for other in self._late:
            points = None if other is tracklet else other.points_at(index)
            if points is not None and box is not None and are_touching(box, outline(points)):
                mine, theirs = (each.behind[index - each.frames[0]] for each in (tracklet, other))
                found.append(Neighbour(points, neighbours.is_behind(theirs, mine)))
        return found

    def _order_by_depth(self, frame: Frame, matched: list[tuple[Tracklet, Detection]]) -> None:
        """Measures which of the faces that touch are in front."""
        for tracklet, face in matched:
            if around := self._find_neighbours(tracklet, frame.index):
                points = tracklet.points[-1]
                signs = neighbours.measure_behind(self._landmarker, frame.image, points, face.score, around)
                tracklet.behind[-1] = (tracklet.behind[-1] + signs) / 2 if tracklet.behind[-1] else signs
            else:
                tracklet.behind[-1] = 0.0

    def _became_another(
        self, tracklet: Tracklet, portrait: Portrait, *, is_touched: bool, strayed: bool
    ) -> bool:
        """True if a track has come to show somebody else, as in a dissolve; it ends before that.

        Where it had strayed, it ends before the last look: since then its points may have been on both.
        A face that only looked like another's for a while is joined again afterwards, by its identity.
        ``portrait`` shows it in the last frame, where another face may touch it.
        """
        own = mean_embedding(tracklet.portraits, best=3)
        now = portrait.embedding
        # Half-covered faces are farther from their own mean, so there the looser threshold holds.
        if not len(own) or distance(now, own) < (SAME_PERSON if is_touched else SAME_IN_CLIP):
            return False
        tracklet.pop()
        for earlier in reversed(self._recent):
            if tracklet.frames[-1:] != [earlier.index] or (len(tracklet.frames) < 2 and not strayed):
                break
            if not strayed:
                then = cut_portrait(earlier.image, tracklet.points[-1]).embedding
                if distance(then, own) < distance(then, now):
                    break
            tracklet.pop()
        return True

    def _begin_track(self, frame: Frame, found: Detection, new: list[Detection]) -> Tracklet | None:
        """Begins to follow one of the newly detected faces, if it is one that nobody follows."""
        others = [other.box for other in new if other is not found]
        image = paint_over_boxes(frame.image, found.box, others)
        image = self._paint_over_followed(image, found.box, frame.index)
        face = self._landmarker.locate(image, found.box, found.side)
        if not self._is_new(frame.index, face):
            return None
        time = float(frame.time)
        tracklet = Tracklet(len(self.cuts), seen=time)
        tracklet.append(frame.index, time, face)
        around = self._find_neighbours(tracklet, frame.index)
        tracklet.remember(cut_portrait(frame.image, tracklet.points[-1], around))
        self._active.append(tracklet)
        self._late.append(tracklet)
        self.tracklets.append(tracklet)
        return tracklet

    def _follow_back(self, begun: list[Tracklet], strayed: list[Tracklet]) -> None:
        """Follows new faces back through the frames since the last look, and anew those that strayed."""
        for frame in reversed(self._recent):
            around = [(t, self._find_neighbours(t, frame.index + 1)) for t in (*strayed, *begun)]
            for tracklet, others in around:
                begin = frame.index + 1 - tracklet.frames[0]
                points = tracklet.points[begin]
                face = self._landmarker.follow(paint_over_neighbours(frame.image, points, others), points)
                if begin == 0 and tracklet in begun and self._is_new(frame.index, face):
                    tracklet.prepend(frame.index, float(frame.time), face)
                elif begin > 0 and face.presence >= self._settings.presence:
                    tracklet.points[begin - 1] = face.points
                    tracklet.scores[begin - 1] = face.presence
                else:
                    begun = [other for other in begun if other is not tracklet]
                    strayed = [other for other in strayed if other is not tracklet]

    def _paint_over_followed(self, image: Image, box: Box, index: int) -> Image:
        """Paints over those who are followed in a frame, near the box of a new face."""
        known = [points for tracklet in self._late if (points := tracklet.points_at(index)) is not None]
        near = [Neighbour(points, behind=False) for points in known if are_touching(box, outline(points))]
        return paint_over_neighbours(image, None, near)

    def _is_new(self, index: int, face: Landmarks) -> bool:
        """True if this is a face, and nobody follows it in that frame."""
        if face.presence < self._settings.presence:
            return False
        here = outline(face.points)
        others = (tracklet.box_at(index) for tracklet in self._late)
        return all(other is None or other.iou(here) <= SAME_OVERLAP for other in others)


def _match(active: list[Tracklet], found: list[Detection]) -> list[tuple[Tracklet, Detection]]:
    """Matches tracks with the detections of their faces, the best overlaps first."""
    pairs = [(outline(each.points[-1]).iou(face.box), each, face) for each in active for face in found]
    matched: list[tuple[Tracklet, Detection]] = []
    for overlap, tracklet, face in sorted(pairs, key=lambda pair: -pair[0]):
        matched_already = any(tracklet is a or face is b for a, b in matched)
        if overlap >= MATCH_OVERLAP and not matched_already:
            matched.append((tracklet, face))
    return matched


def _surprise(tracklet: Tracklet) -> float:
    """Distance of a track from where its own motion would have brought it, in face widths."""
    if len(tracklet.points) < 4:
        return math.inf
    before, last = (outline(tracklet.points[i]) for i in (-4, -1))
    # The motion of three frames ago, carried on.
    middle = outline(tracklet.points[-3])
    expected = [a + 3 * (b - a) for a, b in zip(before.centre, middle.centre, strict=True)]
    return math.dist(expected, last.centre) / max(before.width, 1.0)


def _untangle(end: Tracklet, keep: Tracklet) -> None:
    """Takes away the last frames in which ``end`` was on ``keep``'s face or on the way to it."""
    while end.frames:
        other = keep.box_at(end.frames[-1])
        if other is None or other.iou(outline(end.points[-1])) <= MATCH_OVERLAP:
            return
        end.pop()
