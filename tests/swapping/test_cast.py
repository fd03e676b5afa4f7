"""Casts: several sources, each on somebody else, in one pass."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from recaster.errors import FaceNotFoundError, UsageError
from recaster.media.clip import Clip
from recaster.media.reader import read_frames
from recaster.settings.cast import Selector
from recaster.settings.detection import AnalysisSettings
from recaster.settings.encoding import WriterOptions
from recaster.settings.look import LookSettings, MaskSettings
from recaster.settings.look_course import LookCourse
from recaster.settings.swap import SwapSettings
from recaster.swapping import pipeline
from recaster.swapping.casting import CastSwapper, Role, cast_tracks
from recaster.swapping.request import SwapRequest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

COUNT = 10
PLACES = ((20.0, 25.0), (62.0, 45.0), (100.0, 65.0))
"""Middles of three faces that don't meet."""
SOFT = LookSettings(MaskSettings("box", feather=0.02), colour="mean")
HARD = LookSettings(MaskSettings("box", feather=0, erode=0.1), colour="none")


@pytest.fixture(scope="module")
def clip(fake: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = fake.make_clip(tmp_path_factory.mktemp("cast") / "clip.mp4", COUNT)
    return path


@pytest.fixture
def people(fake: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """An analysis of three people; the last one comes with frame 6."""
    tracks = [
        fake.track(range(6 if number == 2 else 0, COUNT), number, place)
        for number, place in enumerate(PLACES)
    ]
    small = [dataclasses.replace(track, boxes=_shrink(track.boxes)) for track in tracks]
    found = fake.analysis(small, COUNT)
    monkeypatch.setattr(pipeline, "analyse_clip", lambda *_, **__: found)
    return found


def _shrink(boxes: np.ndarray) -> np.ndarray:
    """Boxes of half the size."""
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    half = (boxes[:, 2:] - boxes[:, :2]) / 4
    return np.concatenate([middle - half, middle + half], axis=1)


def swap(clip: Path, out: Path, swapper: Any, cast: Sequence[Role] = (), **settings: Any) -> Any:
    chosen = SwapSettings(
        **{"writer": WriterOptions("ffv1"), "look": SOFT, "chunk": 4, "batch": 2} | settings
    )
    request = SwapRequest(Clip(clip), out, swapper, chosen, cast=tuple(cast), keeps_segments=True)
    return pipeline.swap_clip(request)


def read_images(path: Path) -> np.ndarray:
    return np.stack([frame.image for frame in read_frames(path)]).astype(int)


def around(place: tuple[float, float]) -> tuple[slice, slice, slice]:
    x, y = map(int, place)
    return slice(None), slice(max(y - 20, 0), y + 20), slice(max(x - 20, 0), x + 24)


def role(name: str, track: int, **others: Any) -> Role:
    others.setdefault("course", LookCourse(SOFT))
    return Role(name, Selector(track=track), **others)


@pytest.mark.usefixtures("people")
def test_each_member_is_as_if_swapped_alone_and_nobody_else_is_touched(
    fake: Any, clip: Path, tmp_path: Path
) -> None:
    anna, bob = fake.FakeSwapper("a"), fake.FakeSwapper("b")
    bob.size = 32
    cast = [
        role("bob", 1, course=LookCourse(HARD), matte=tmp_path / "matte.bob.mkv"),
        role("anna", 0),
    ]
    out = tmp_path / "cast.mkv"
    result = swap(clip, out, CastSwapper((bob, anna)), cast, matte=tmp_path / "matte.mkv")
    swap(clip, tmp_path / "anna.mkv", anna, track=0)
    bobs = swap(clip, tmp_path / "bob.mkv", bob, track=1, look=HARD, matte=tmp_path / "plain.mkv")
    before, made = read_images(clip), read_images(out)
    alone = [read_images(tmp_path / f"{name}.mkv") for name in ("anna", "bob")]
    for place, plain in zip(PLACES, alone, strict=False):
        assert np.array_equal(made[around(place)], plain[around(place)])
        assert not np.array_equal(made[around(place)], before[around(place)])
    untouched = np.ones(made.shape[:3], bool)
    for place in PLACES[:2]:
        untouched[around(place)] = False
    assert np.array_equal(made[untouched], before[untouched])
    assert np.array_equal(read_images(tmp_path / "matte.bob.mkv"), read_images(tmp_path / "plain.mkv"))
    both = read_images(tmp_path / "matte.mkv")
    assert both[around(PLACES[0])].max() == 255
    assert [(one.name, one.tracks, one.frames, one.swapped) for one in result.cast] == [
        ("bob", (1,), COUNT, bobs.swapped),
        ("anna", (0,), COUNT, COUNT),
    ]
    assert "anna: swapped in 10 of 10 frames that show the face (track 0)" in result.summary("here")
    assert max(anna.batches) <= 2


@pytest.mark.usefixtures("people")
def test_a_cast_of_one_is_a_plain_swap(fake: Any, clip: Path, tmp_path: Path) -> None:
    swapper = fake.FakeSwapper("a")
    swap(clip, tmp_path / "plain.mkv", swapper, track=1)
    swap(clip, tmp_path / "cast.mkv", CastSwapper((swapper,)), [role("anna", 1)])
    assert np.array_equal(read_images(tmp_path / "plain.mkv"), read_images(tmp_path / "cast.mkv"))


@pytest.mark.usefixtures("people")
def test_a_member_who_is_recast_costs_only_the_parts_that_show_her(
    fake: Any, clip: Path, tmp_path: Path
) -> None:
    def make(out: str, last: str, look: LookSettings) -> Any:
        swappers = CastSwapper((fake.FakeSwapper("a"), fake.FakeSwapper(last)))
        course = LookCourse(look)
        cast = [
            role("anna", 0, course=LookCourse(LookSettings(colour="none"))),
            role("carl", 2, course=course),
        ]
        return swap(clip, tmp_path / out, swappers, cast)

    # Frames 0 to 3 depend on none from 6 on, where nothing is averaged over time.
    plain = LookSettings(colour="none")
    make("out.mkv", "c", plain)
    assert make("out.mkv", "c", plain).resumed == COUNT
    assert make("out.mkv", "d", plain).resumed == 4
    assert make("out.mkv", "d", LookSettings(MaskSettings("box"), colour="none")).resumed == 4


def test_a_face_that_two_members_want_names_both(people: Any) -> None:
    roles = [role("anna", 1), Role("bob", Selector(number=1))]
    with pytest.raises(UsageError, match=r"track 1 \(frames 0-9\) is wanted by anna \(track 1\) and by bob"):
        cast_tracks(roles, people, AnalysisSettings())


def test_a_member_whom_nobody_answers_to(people: Any) -> None:
    roles = [role("anna", 0), role("bob", 7), Role("carl", Selector(name="Carl"))]
    with pytest.raises(FaceNotFoundError, match=r"bob: there is no track 7.*carl: there is no person called"):
        cast_tracks(roles, people, AnalysisSettings())
    casting = cast_tracks(roles, people, AnalysisSettings(), may_lack=True)
    assert [track.track for track in casting.tracks] == [0]
    assert [text.partition(":")[0] for text in casting.warnings] == ["bob", "carl"]
    with pytest.raises(FaceNotFoundError, match="bob"):
        cast_tracks(roles[1:], people, AnalysisSettings(), may_lack=True)


def test_a_named_person_is_found_over_all_tracks(people: Any) -> None:
    tracks = [dataclasses.replace(each, person="Bob" if each.track else "") for each in people.tracks]
    named = dataclasses.replace(people, tracks=tuple(tracks))
    # Who is in a frame at the same time is never one person but where somebody says so.
    casting = cast_tracks([Role("bob", Selector(name="Bob"))], named, AnalysisSettings())
    assert [track.track for track in casting.tracks] == [1, 2]
    with pytest.raises(FaceNotFoundError, match="person 5; people 0 to 1 are found"):
        cast_tracks([Role("bob", Selector(number=5))], named, AnalysisSettings())
