"""Plans of covers over heads."""

from __future__ import annotations

import json

import numpy as np
import pytest

from recaster.faces.alignment import TEMPLATE
from recaster.faces.types import FaceTrack
from recaster.swapping.cover_plan import CoverBook, CoverPlan, LooseCover, Why, make_courses
from recaster.swapping.coverage import FaceCoverage
from recaster.swapping.head_cover import HeadCover
from recaster.swapping.swap_plan import SwapPlan
from recaster.swapping.swapper import TrackPlan

SIZE = (5000, 200)
FACE = np.zeros((68, 3))
FACE[17:, :2] = (TEMPLATE - 0.5) * 60
FACE[:17, :2] = np.column_stack([np.linspace(-25, 25, 17), 28 - np.linspace(-5, 5, 17) ** 2])


def make_track(number: int, first: int, last: int, x: float = 100, speed: float = 0) -> FaceTrack:
    frames = np.arange(first, last + 1)
    landmarks = FACE + np.stack([(x + speed * (at - first), 100, 0) for at in frames])[:, None]
    boxes = np.concatenate([landmarks[..., :2].min(1), landmarks[..., :2].max(1)], axis=1)
    ones = np.ones(len(frames))
    return FaceTrack(number, frames, frames / 25, boxes, landmarks, ones, ones < 0)


def make_plan(
    *people: list[FaceTrack], cuts: tuple[int, ...] = (), count: int = 100, margin: int = 5
) -> CoverPlan:
    courses = make_courses(people, cuts, range(count), margin, "cover", SIZE)
    return CoverPlan(courses, range(count), 25)


def swap_plan(*tracks: FaceTrack, opacity: float = 1) -> SwapPlan:
    plans = tuple(
        TrackPlan(t.frames, np.zeros((len(t), 2, 3)), t.landmarks, opacities=np.full(len(t), opacity))
        for t in tracks
    )
    return SwapPlan(64, plans, {}, tuple(t.track for t in tracks), (0,) * len(tracks))


def test_heads_are_covered_before_and_after_they_are_seen() -> None:
    track = make_track(3, 20, 40, speed=2)
    plan = make_plan([track])
    book = plan.open_book(swap_plan(track))
    assert book.marks[3] == dict.fromkeys([*range(15, 20), *range(41, 46)], Why.MARGIN)
    covers = plan.list_covers(book)
    # A little of the track itself, too; the head goes on as it moved, and its cover grows.
    assert min(covers) == 15
    assert max(covers) == 45
    assert set(covers) >= {20, 40}
    assert 30 not in covers
    last, still = covers[45]
    assert last.x > covers[41][0].x > still.x == 140
    assert last.width == still.width > covers[41][0].width


def test_a_cut_ends_margins() -> None:
    track = make_track(0, 20, 40)
    book = make_plan([track], cuts=(18, 42)).open_book(swap_plan(track))
    assert set(book.marks[0]) == {18, 19, 41}


def test_gaps_between_tracks_of_one_person_are_bridged() -> None:
    first, second = make_track(0, 10, 20), make_track(1, 60, 80, x=140)
    plan = make_plan([first, second])
    book = plan.open_book(swap_plan(first, second))
    assert [at for at, why in book.marks[0].items() if why is Why.GAP] == list(range(21, 60))
    places = sorted(round(each.x) for each in plan.list_covers(book)[40])
    assert places[0] == 100 < places[1] < places[-1] == 140
    apart = make_plan([first], [second]).open_book(swap_plan(first, second))
    assert 40 not in apart.marks[0]
    far = make_track(1, 60, 80, x=4000)
    assert 40 not in make_plan([first, far]).open_book(swap_plan(first, far)).marks[0]
    cut = make_plan([first, second], cuts=(50,)).open_book(swap_plan(first, second))
    assert 40 not in cut.marks[0]


def hides(plan: CoverPlan, *tracks: FaceTrack, at: int, x: float) -> bool:
    """True if a cover lies over a head at x in a frame."""
    covers = plan.list_covers(plan.open_book(swap_plan(*tracks))).get(at, ())
    return any(abs(each.x - x) < 5 for each in covers)


def test_a_reflection_takes_no_cover_off_a_head_that_was_lost() -> None:
    herself, mirror, again = make_track(0, 0, 20), make_track(1, 24, 90, x=250), make_track(2, 60, 90)
    plan = make_plan([herself, mirror, again], margin=12)
    assert all(hides(plan, herself, mirror, again, at=at, x=100) for at in range(21, 60))
    lone = make_plan([herself, mirror], margin=12)
    assert all(hides(lone, herself, mirror, at=at, x=100) for at in range(21, 33))
    assert not hides(lone, herself, mirror, at=40, x=100)


def test_a_head_that_is_lost_is_hidden_where_it_stays_and_where_it_goes() -> None:
    moving = make_track(0, 0, 20, speed=8)
    plan = make_plan([moving], margin=12)
    assert all(hides(plan, moving, at=at, x=260) for at in range(21, 33))
    first, far = make_track(0, 0, 20), make_track(1, 24, 60, x=100 + 3.5 * 78)
    plan = make_plan([first, far], margin=12)
    for x in (100, far.landmarks[0, :, 0].mean()):
        assert all(hides(plan, first, far, at=at, x=x) for at in range(21, 24))
    # Found again in the same place it isn't lost any more.
    near = make_track(1, 24, 60, x=104)
    plan = make_plan([first, near], margin=12)
    assert not hides(plan, first, near, at=30, x=100)


def test_faces_that_no_swap_shows_whole_are_covered() -> None:
    track = make_track(0, 20, 40)
    plan = make_plan([track])
    assert plan.open_book(swap_plan(track, opacity=0.9)).marks[0][30] is Why.TURNED
    assert plan.open_book(swap_plan()).marks[0][30] is Why.TURNED


def test_faces_that_the_border_cuts_off_are_covered() -> None:
    track = make_track(0, 20, 60, x=60, speed=-2)  # leaves to the left
    marks = make_plan([track]).open_book(swap_plan(track)).marks[0]
    assert marks[60] is Why.BORDER
    assert 30 not in marks
    assert {marks[at] for at in range(min(set(range(40, 61)) & marks.keys()), 61)} == {Why.BORDER}


def test_too_little_coverage_is_marked_once() -> None:
    track = make_track(0, 0, 99)
    plan = make_plan([track])
    book = plan.open_book(swap_plan(track))
    faces = [(FaceCoverage(0, 100, 0.5 if at == 50 else 0.9, {}),) if at != 70 else () for at in range(100)]
    marked = plan.mark_uncovered(book, faces, 0.75)
    assert marked.marks[0] == {50: Why.COVERAGE, 70: Why.COVERAGE}
    assert plan.mark_uncovered(marked, faces, 0.75).count() == marked.count()
    assert marked.changed_frames(book) == {50, 70}


def test_short_gaps_between_covers_are_closed() -> None:
    track = make_track(0, 0, 99)
    plan = make_plan([track])
    near = CoverBook().marked(0, {30: Why.KNOWN, 40: Why.KNOWN})
    assert set(plan.list_covers(near)) == set(range(28, 43))
    apart = CoverBook().marked(0, {30: Why.KNOWN, 60: Why.KNOWN})
    assert set(plan.list_covers(apart)) == {*range(28, 33), *range(58, 63)}


def test_a_place_that_is_known_again_gets_more_cover() -> None:
    track = make_track(0, 0, 99)
    plan = make_plan([track])
    loose = LooseCover(50, HeadCover(100, 100, 60, 80, 0), Why.KNOWN)
    book = plan.mark_place(CoverBook(), 50, (100, 100), loose)
    assert book.marks[0] == {50: Why.KNOWN}
    assert not book.loose
    for _ in range(2):
        book = plan.mark_place(book, 50, (100, 100), loose)
    assert [each.cover.width for each in book.loose] == pytest.approx([60, 78])
    elsewhere = plan.mark_place(CoverBook(), 50, (300, 300), loose)
    assert elsewhere.loose == (loose,)
    kept = CoverBook.from_json(json.loads(json.dumps(book.to_json())))
    assert kept == book


def test_a_cover_of_no_track_ends_at_cuts() -> None:
    plan = CoverPlan((), range(100), 25, cuts=(50, 52))
    loose = LooseCover(51, HeadCover(100, 100, 60, 80, 0), Why.UNCERTAIN)
    book = CoverBook(loose=(loose,))
    assert list(plan.list_covers(book)) == [50, 51]
    assert list(CoverPlan((), range(100), 25).list_covers(book)) == [49, 50, 51, 52, 53]


def test_a_head_that_no_track_follows_is_covered_before_and_after_it_is_seen() -> None:
    seen = [LooseCover(at, HeadCover(100 + 45 * at, 100, 100, 130, 0), Why.KNOWN) for at in (40, 41, 42)]
    book = CoverBook(loose=tuple(seen))
    covers = CoverPlan((), range(100), 25, cuts=(50,), margin=12).list_covers(book)
    assert list(covers) == [*range(28, 50)]
    assert {each.x for each in covers[30]} == {seen[0].cover.x}
    assert {each.x for each in covers[49]} == {seen[-1].cover.x}
    assert covers[49][0].width > seen[-1].cover.width
    # Where a track's head is, the track has a margin of its own.
    track = make_track(0, 0, 99, x=seen[1].cover.x)
    followed = CoverPlan(make_plan([track]).courses, range(100), 25, margin=12)
    assert list(followed.list_covers(CoverBook(loose=(seen[1],)))) == [39, 40, 41, 42, 43]
    lost = make_track(0, 42, 43, x=seen[1].cover.x)
    supposed = CoverPlan(make_plan([lost]).courses, range(100), 25, margin=12)
    assert min(supposed.list_covers(CoverBook(loose=(seen[1],)))) == 29
