"""The judges of people made unknown know whoever isn't."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from recaster.evaluation.anonymity import Sighting, Watch, find_reached, find_trouble, mark_troubles
from recaster.evaluation.anonymity_judge import AnonymityJudge, Gallery, Likeness, SeenFace, five_points
from recaster.faces.alignment import TEMPLATE, similarity, transform
from recaster.faces.track_choice import choose_tracks_at_risk
from recaster.faces.types import FaceTrack
from recaster.media.reader import read_frames
from recaster.swapping.cover_plan import CoverBook, CoverPlan, HeadCourse, Why
from recaster.swapping.head_cover import HeadCover

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.media.types import Image

FACE = (120.0, 110.0, 200.0, 215.0)
KNOWN = Likeness(0.5, 0.4)
UNKNOWN = Likeness(0.0, 0.9)
HALF_KNOWN = Likeness(0.0, 0.75)


@pytest.fixture(scope="module")
def judge() -> AnonymityJudge:
    return AnonymityJudge(16)


@pytest.fixture(scope="module")
def shots(actors: Path) -> tuple[Image, Image]:
    """Two frames of the performer, some time apart."""
    first, *_, last = (frame.image for frame in read_frames(actors / "performer.mp4", 0, 31))
    return first, last


def make_gallery(judge: AnonymityJudge, image: Image, face: SeenFace) -> Gallery:
    return Gallery(*(each[None] for each in judge.embed(image, face.five)))


@pytest.fixture(scope="module")
def gallery(judge: AnonymityJudge, shots: tuple[Image, Image]) -> Gallery:
    return make_gallery(judge, shots[0], judge.find_faces(shots[0])[0])


def roll(image: Image, degrees: float) -> Image:
    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1)
    return cv2.warpAffine(image, matrix, (width, height), borderValue=(120, 120, 120))


@pytest.mark.parametrize("how", ["upright", "45", "90", "180", "230", "small", "dark"])
def test_somebody_who_was_not_swapped_is_known(
    judge: AnonymityJudge, gallery: Gallery, shots: tuple[Image, Image], how: str
) -> None:
    image = shots[1]
    if how.isdigit():
        image = roll(image, float(how))
    elif how == "small":
        image = cv2.resize(image, None, fx=0.3, fy=0.3, interpolation=cv2.INTER_AREA)
    elif how == "dark":
        image = (image * 0.15).astype(np.uint8)
    nearest = None
    for face in judge.find_faces(image):
        nearest = gallery.compare(*judge.embed(image, face.five)).nearer(nearest)
    assert nearest is not None
    assert nearest.is_known
    assert nearest.is_sure


def test_somebody_else_is_not_known(judge: AnonymityJudge, gallery: Gallery, actors: Path) -> None:
    image = next(iter(read_frames(actors / "likeness.mp4"))).image
    seen = judge.find_faces(image)
    assert seen
    assert not any(gallery.compare(*judge.embed(image, face.five)).is_sure for face in seen)


def make_track(number: int, embedding: float, width: float = 80, box: Any = FACE) -> FaceTrack:
    frames = np.arange(8)
    boxes = np.tile([box[0], box[1], box[0] + width, box[3]], (8, 1))
    points = np.zeros((8, 68, 3))
    vector = np.zeros(128)
    vector[number] = embedding
    ones = np.ones(8)
    return FaceTrack(number, frames, frames / 25, boxes, points, ones, ones < 0, embedding=vector)


def make_watch(*, everyone: bool, other: HeadCover | None = None) -> Watch:
    courses = () if other is None else (HeadCourse(9, {0: other}, {}),)
    nothing: Any = SimpleNamespace()
    return Watch(nothing, nothing, (), CoverPlan(courses, range(1), 25), everyone=everyone)


def see(likeness: Likeness, score: float = 0.9) -> Sighting:
    return Sighting(FACE, score, likeness)


def test_faces_that_nobody_followed_are_covered_unless_they_are_clearly_of_others() -> None:
    here = HeadCover(160, 160, 120, 150, 0)
    followed = CoverPlan((HeadCourse(0, {0: here}, {}),), range(1), 25)
    nobody = CoverPlan((), range(1), 25)

    def why(sighting: Sighting, plan: CoverPlan = nobody, **who: Any) -> Why | None:
        return find_trouble(sighting, 0, make_watch(**who), plan, ())

    assert why(see(KNOWN, 0), followed, everyone=True) is Why.KNOWN
    assert why(see(UNKNOWN), followed, everyone=True) is None
    assert why(see(UNKNOWN), everyone=True) is Why.UNCERTAIN
    assert why(see(UNKNOWN, 0.4), everyone=True) is None
    assert why(see(UNKNOWN), everyone=False) is None
    assert why(see(HALF_KNOWN), everyone=False) is Why.UNCERTAIN
    assert why(see(HALF_KNOWN), everyone=False, other=here) is None
    assert why(see(KNOWN), everyone=False, other=here) is Why.KNOWN


def test_what_is_known_is_marked_once_for_all_looks_at_it() -> None:
    plan = CoverPlan((), range(1), 25)
    looks = [(see(KNOWN), see(UNKNOWN, 0), see(KNOWN, 0.4))]
    book = mark_troubles(CoverBook(), range(1), looks, make_watch(everyone=False), plan, {}, "cover")
    (loose,) = book.loose
    assert loose.why is Why.KNOWN
    assert loose.cover.contains((160, 160))
    calm = [(see(UNKNOWN),)]
    assert not mark_troubles(
        CoverBook(), range(1), calm, make_watch(everyone=False), plan, {}, "cover"
    ).count()


def test_tracks_that_may_be_hers_are_hers() -> None:
    herself, reflection, stranger = make_track(0, 0), make_track(1, 0.5), make_track(2, 0.75)
    small, far = make_track(3, 0.75, width=20), make_track(4, 0.95, width=20)
    tracks = (herself, reflection, stranger, small, far)
    analysis: Any = SimpleNamespace(tracks=tracks, track=lambda n: tracks[n], frame_count=8)
    chosen = choose_tracks_at_risk(analysis, person=np.zeros(128))
    assert {0, 1, 3} <= {each.track for each in chosen}
    assert 4 not in {each.track for each in chosen}
    assert 2 not in {each.track for each in chosen}
    assert len(choose_tracks_at_risk(analysis)) == len(tracks)


def test_where_judges_cannot_tell_the_original_a_head_is_covered(
    judge: AnonymityJudge, gallery: Gallery, shots: tuple[Image, Image]
) -> None:
    hidden = shots[1].copy()
    face = judge.find_faces(hidden)[0]
    x = round(face.box.centre[0])
    hidden[:, x - 20 : x + 60] = 112
    points = np.zeros((68, 3))
    mean = np.zeros((68, 3))
    mean[17:, :2] = TEMPLATE
    points[:, :2] = transform(mean[:, :2], similarity(five_points(mean)[:, :2], face.five))
    frames = np.arange(2)
    ones = np.ones(2)
    boxes = np.tile(face.box.sides, (2, 1))
    track = FaceTrack(0, frames, frames / 25, boxes, np.stack([points, points]), ones, ones < 0)
    clip: Any = SimpleNamespace(
        read=lambda *_: [SimpleNamespace(image=shots[1]), SimpleNamespace(image=hidden)]
    )
    watch = Watch(judge, gallery, (track,), CoverPlan((), range(2), 25), everyone=True)
    book = watch.find_untold(clip, CoverBook(), range(2), lambda: None)
    assert book.marks == {0: {1: Why.UNTOLD}}


def test_a_picture_of_a_person_is_among_the_references(
    judge: AnonymityJudge, shots: tuple[Image, Image]
) -> None:
    points = np.zeros((68, 3))
    five = judge.find_faces(shots[0])[0].five
    mean = np.zeros((68, 3))
    mean[17:, :2] = TEMPLATE
    points[:, :2] = transform(mean[:, :2], similarity(five_points(mean)[:, :2], five))
    nobody: Any = SimpleNamespace()
    gallery = judge.make_gallery(nobody, (), [(shots[0], points)])
    seen = judge.find_faces(shots[1])[0]
    assert gallery.compare(*judge.embed(shots[1], seen.five)).is_sure


def test_faces_of_others_that_a_cover_reaches_are_told() -> None:
    other = HeadCourse(4, {0: HeadCover(100, 100, 100, 130, 0)}, {})
    far = HeadCourse(5, {0: HeadCover(900, 100, 100, 130, 0)}, {})
    others = CoverPlan((other, far), range(2), 25)
    assert find_reached(others, 0, [HeadCover(170, 100, 120, 150, 0)]) == (4,)
    assert find_reached(others, 0, [HeadCover(400, 100, 120, 150, 0)]) == ()
    assert find_reached(others, 1, [HeadCover(100, 100, 120, 150, 0)]) == ()
