"""The tracker in a world of scripted faces: frame number -> where who is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction

import numpy as np
import pytest
from tests.faces.segmenting import assert_alike, segmented

from recaster.faces import segments, tracklets
from recaster.faces import tracker as tracker_module
from recaster.faces.analysis import analyse
from recaster.faces.linking import make_track
from recaster.faces.tracker import CROWD_FRAMES, Tracker
from recaster.faces.tracklets import Tracklet, outline
from recaster.faces.types import Analysis, Detection, Landmarks
from recaster.media.types import Frame, Image
from recaster.settings.detection import AnalysisSettings

Points = Callable[[float, float, float], np.ndarray]
Script = Callable[[int], dict[str, float]]
SIDE = 60.0
SHADES = {"ann": 60, "bob": 200}
UPRIGHT = 77
"""Marks the corner by which a picture is known, and known not to be turned."""


class World:
    """Faces in a row; ``script`` gives their x by frame. The landmarker follows whoever is nearest."""

    name = "fake"
    points = 478
    knows_presence = True
    notice = ""

    def __init__(
        self,
        script: Script,
        points_at: Points,
        *,
        blind: Callable[[int], bool] = lambda _: False,
        rate: int = 25,
    ) -> None:
        self.rate = rate
        self.script = script
        self.points_at = points_at
        self.blind = blind
        self.looks: list[int] = []

    def frames(self, count: int, start: int = 0) -> Iterator[Frame]:
        for index in range(start, start + count):
            image = np.zeros((120, 400, 3), np.uint8)
            image[:, ::2] = 90
            for who, x in self.script(index).items():
                image[20:80, max(0, int(x)) : int(x + SIDE)] = SHADES[who]
            image[0, 0] = (*divmod(index, 256), UPRIGHT)
            yield Frame(index, index, Fraction(index, self.rate), image)

    def detect(self, image: Image) -> list[Detection]:
        if image[0, 0, 2] != UPRIGHT:
            return []
        index = self.index(image)
        self.looks.append(index)
        if self.blind(index):
            return []
        return [Detection(outline(self.face(x)), 0.9) for x in self.script(index).values()]

    def locate(self, image: Image, box: object, side: int = 0) -> Landmarks:  # noqa: ARG002
        return self.follow(image, self.face(box.centre[0] - SIDE / 2))  # type: ignore[attr-defined]

    def follow(self, image: Image, previous: np.ndarray) -> Landmarks:
        here = previous[33, 0] - self.face(0.0)[33, 0]
        near = sorted((abs(x - here), x) for x in self.script(self.index(image)).values())
        if not near or near[0][0] > SIDE / 2:
            return Landmarks(previous, 0.1)
        return Landmarks(self.face(near[0][1]), 0.95)

    def face(self, x: float) -> np.ndarray:
        return self.points_at(x, 20.0, SIDE)

    @staticmethod
    def index(image: Image) -> int:
        return int(image[0, 0, 0]) * 256 + int(image[0, 0, 1])


@pytest.fixture
def look(points_at: Points, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Analysis, World]]:
    """Analyse a scripted clip; who it is can be read from the middle of a portrait.

    Each is analysed once more, in short segments: that finds the same.
    """

    def run(
        script: Script,
        count: int,
        *,
        start: int = 0,
        blind: Callable[[int], bool] = lambda _: False,
        **settings: object,
    ) -> tuple[Analysis, World]:
        world = World(script, points_at, blind=blind)
        monkeypatch.setattr(segments, "make_detector", lambda *_, **__: world)
        monkeypatch.setattr(segments, "make_landmarker", lambda *_, **__: world)
        monkeypatch.setattr(tracklets, "embed", lambda image, _: np.full(128, image[128, 128, 0] / 128))
        wanted = AnalysisSettings(**{"detect_every": 10, "identify": False} | settings)  # type: ignore[arg-type]
        found = analyse(world.frames(count, start), wanted)
        looks = list(world.looks)
        read = lambda begin, end: world.frames(end - begin, begin)  # noqa: E731
        monkeypatch.setattr(segments, "MIN_SEGMENT_FRAMES", 17)
        assert_alike(segmented(read, range(start, start + count), wanted), found)
        world.looks = looks
        return found, world

    return run


Look = Callable[..., tuple[Analysis, World]]


def test_one_face_is_one_track(look: Look) -> None:
    found, world = look(lambda i: {"ann": 50.0 + i}, 40, start=100)
    [track] = found.tracks
    assert (found.first_frame, found.frame_count, found.cuts) == (100, 40, ())
    np.testing.assert_array_equal(track.frames, np.arange(100, 140))
    np.testing.assert_allclose(track.times, np.arange(100, 140) / 25)
    np.testing.assert_allclose(track.landmarks[:, 33, 0] - track.landmarks[0, 33, 0], np.arange(40))
    np.testing.assert_allclose(track.boxes[:, 0], track.landmarks[:, :468, 0].min(axis=1))
    assert not track.filled.any()
    assert world.looks == [100, 110, 120, 130]


def test_no_frames_and_no_faces(look: Look) -> None:
    assert look(lambda _: {}, 0)[0].tracks == ()
    assert look(lambda _: {}, 25)[0].tracks == ()


def test_a_face_is_followed_back_to_where_it_appeared(look: Look) -> None:
    found, _ = look(lambda i: {"ann": 50.0} if i >= 14 else {}, 40)
    assert [list(track.frames[[0, -1]]) for track in found.tracks] == [[14, 39]]


def test_a_face_ends_where_it_leaves(look: Look) -> None:
    found, _ = look(lambda i: {"ann": 50.0} if i < 17 else {}, 40)
    assert [list(track.frames[[0, -1]]) for track in found.tracks] == [[0, 16]]


def test_a_short_gap_is_filled_in_straight_lines(look: Look) -> None:
    found, _ = look(lambda i: {} if 20 <= i < 26 else {"ann": 50.0 + i}, 50)
    [track] = found.tracks
    np.testing.assert_array_equal(np.flatnonzero(track.filled), np.arange(20, 26))
    np.testing.assert_allclose(np.diff(track.landmarks[:, 33, 0]), 1.0)
    np.testing.assert_array_equal(track.scores[20:26], 0.0)


def test_a_long_gap_is_not(look: Look) -> None:
    found, _ = look(lambda i: {} if 20 <= i < 36 else {"ann": 50.0}, 60)
    assert [list(track.frames[[0, -1]]) for track in found.tracks] == [[0, 19], [36, 59]]


def test_a_gap_to_another_place_is_not_filled(look: Look) -> None:
    found, _ = look(lambda i: {} if 20 <= i < 24 else {"ann": 20.0 if i < 20 else 300.0}, 50)
    assert len(found.tracks) == 2


def test_a_gap_to_another_person_is_not_filled(look: Look) -> None:
    def script(i: int) -> dict[str, float]:
        return {} if 20 <= i < 24 else {"ann" if i < 20 else "bob": 100.0}

    assert len(look(script, 50)[0].tracks) == 1
    assert len(look(script, 50, identify=True)[0].tracks) == 2


def test_two_people_are_two_tracks_the_order_is_by_first_frame(look: Look) -> None:
    found, _ = look(lambda i: {"ann": 20.0, "bob": 250.0} if i >= 10 else {"bob": 250.0}, 40)
    assert [int(track.frames[0]) for track in found.tracks] == [0, 10]
    assert found.tracks[0].boxes[0, 0] > 200
    assert [track.track for track in found.tracks] == [0, 1]


def test_a_track_that_slides_onto_another_face_ends(look: Look) -> None:
    """Ann walks behind Bob and comes out at the other side."""

    def script(i: int) -> dict[str, float]:
        ann = 20.0 + 4 * i
        return {"bob": 170.0} if abs(ann - 170) < 28 else {"bob": 170.0, "ann": ann}

    found, _ = look(script, 90, identify=True, detect_every=6)
    bob = [track for track in found.tracks if track.embedding[0] > 1]
    ann = [track for track in found.tracks if track.embedding[0] < 1]
    assert [len(track) for track in bob] == [90]
    np.testing.assert_allclose(bob[0].boxes[:, 0], bob[0].boxes[0, 0])
    assert [track.frames[-1] < 40 or track.frames[0] > 40 for track in ann] == [True] * len(ann)
    assert {int(track.frames[0]) < 40 for track in ann} == {True, False}


@pytest.mark.parametrize("identify", [True, False])
def test_a_track_that_slides_onto_another_face_ends_where_it_was_still_right(
    look: Look, identify: bool
) -> None:
    """Ann has been behind Bob for too short a time to be missed by the detector."""

    def script(i: int) -> dict[str, float]:
        return {"bob": 170.0} if i > 30 else {"bob": 170.0, "ann": 20.0 + 4 * i}

    found, _ = look(script, 40, identify=identify)
    assert sorted((len(track), bool(track.boxes[0, 0] < 100)) for track in found.tracks) == [
        (31, True),
        (40, False),
    ]


def test_a_face_the_detector_does_not_confirm_is_given_up(look: Look) -> None:
    found, _ = look(lambda _: {"ann": 100.0}, 80, blind=lambda i: i > 25)
    assert [list(track.frames[[0, -1]]) for track in found.tracks] == [[0, 20]]


def test_a_flicker_of_the_detector_is_no_face(look: Look) -> None:
    assert look(lambda i: {"ann": 100.0} if 20 <= i < 22 else {}, 40)[0].tracks == ()
    assert len(look(lambda _: {"ann": 100.0}, 2)[0].tracks) == 1


RULES = AnalysisSettings(detect_every=10, presence=0.5, gap=0.5, identify=False)


def test_who_is_in_front_is_not_looked_for_in_every_frame(
    points_at: Points, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bob comes to stand beside Ann, and the detector sees him no more, until it does again."""

    class HalfBlind(World):
        def detect(self, image: Image) -> list[Detection]:
            return super().detect(image)[: 1 if 0 < self.index(image) < 30 else 2]

    monkeypatch.setattr(tracker_module, "MAX_UNSEEN_S", 4.0)
    world = HalfBlind(lambda i: {"ann": 100.0, "bob": max(150.0, 190.0 - 9 * i)}, points_at)
    tracker = Tracker(world, world, RULES)
    for frame in world.frames(60):
        tracker.step(frame)
    assert [len(one.frames) for one in tracker.tracklets] == [60, 60]
    assert world.looks == [0, *range(5, 33, CROWD_FRAMES), 42, 52]  # they touch from the fifth frame on


@pytest.mark.parametrize(("presence", "moved"), [(0.6, 0.0), (0.99, 20.0)])
def test_points_give_way_only_to_what_is_as_surely_a_face(
    points_at: Points, presence: float, moved: float
) -> None:
    class Other(World):
        def locate(self, image: Image, box: object, side: int = 0) -> Landmarks:
            found = super().locate(image, box, side)
            if len(self.looks) == 1:  # tracks begin
                return found
            return Landmarks(found.points + np.array([20.0, 0, 0]), presence)

    world = Other(lambda _: {"ann": 100.0, "bob": 150.0}, points_at)
    tracker = Tracker(world, world, RULES)
    for frame in world.frames(11):
        tracker.step(frame)
    for one in tracker.tracklets:
        assert one.points[-1][33, 0] - one.points[0][33, 0] == moved


def test_what_ended_long_ago_is_not_looked_at_again(
    points_at: Points, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(lambda i: {"bob": 250.0} | ({"ann": 100.0} if i % 40 < 8 else {}), points_at)
    tracker = Tracker(world, world, RULES)
    late = list[int]()
    points_of = Tracklet.points_at

    def points_seen(one: Tracklet, index: int) -> np.ndarray | None:
        late.append(index - one.frames[-1])
        return points_of(one, index)

    monkeypatch.setattr(Tracklet, "points_at", points_seen)
    for frame in world.frames(200):
        tracker.step(frame)
    assert len(tracker.tracklets) == 6
    assert max(late) <= RULES.detect_every


def test_in_a_gap_it_is_not_known_who_is_in_front(points_at: Points) -> None:
    pieces = []
    for begin in (0, 6):
        one = Tracklet(0, 0.0)
        for index in range(begin, begin + 4):
            one.append(index, index / 25, Landmarks(points_at(50.0, 20.0, SIDE), 0.9))
        one.behind = [0.2] * 4
        pieces.append(one)
    track = make_track(0, pieces, identify=False)
    assert track.behind.tolist() == [0.2] * 4 + [0.0] * 2 + [0.2] * 4
