"""Ranges of media that the clips of an edit show, whatever they count from."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import opentimelineio as otio
import pytest
from edits import NTSC, dissolve, edit_of, make_media, show, span
from opentimelineio.opentime import RationalTime

from recaster.errors import ClipError
from recaster.media.probe import probe
from recaster.timelines.media_use import find_media_range, list_uses, restore_rate

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def media(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """100 frames at 25 a second from timecode 10:00:00:00 on."""
    folder = tmp_path_factory.mktemp("media")
    return probe(make_media(folder / "A001.mov", timecode="10:00:00:00"))


HOUR_10 = 10 * 3600 * 25


def shown(edit: Any, info: Any) -> list[tuple[str, int, int]]:
    frames = [(use.clip.name, find_media_range(use, info)[0]) for use in list_uses(edit)]
    return [(name, shown.start, shown.stop) for name, shown in frames]


@pytest.mark.parametrize(
    ("cut", "available"),
    [
        (span(HOUR_10 + 10, 20), span(HOUR_10, 100)),
        (span(HOUR_10 + 10, 20), None),  # as EDLs have it: by the media's own timecode
        (span(10, 20), None),
        (span(10, 20), span(0, 100)),
        (span(510, 20), span(500, 100)),
        (span(0.4, 0.8, 1), span(0, 100)),  # in seconds
        (span(HOUR_10 + 10, 20), span(0, 100)),  # a program that knows no timecode wrote the reference
    ],
)
def test_a_range_is_found_whatever_it_counts_from(media: Any, cut: Any, available: Any) -> None:
    assert shown(edit_of(show("a", "A001.mov", cut, available)), media) == [("a", 10, 30)]


def test_other_media_than_the_edit_was_made_of_are_refused(media: Any) -> None:
    with pytest.raises(
        ClipError, match=r"'a' shows frames 400-419 of it, and it has 100 from timecode 10:00"
    ):
        shown(edit_of(show("a", "A001.mov", span(400, 20))), media)
    with pytest.raises(ClipError, match="made of other media"):
        shown(edit_of(show("a", "A001.mov", span(90, 20))), media)


def test_a_clip_without_a_range_shows_all_of_its_media(media: Any) -> None:
    assert shown(edit_of(show("a", "A001.mov", None)), media) == [("a", 0, 100)]
    assert shown(edit_of(show("a", "A001.mov", None, span(20, 30))), media) == [("a", 0, 30)]


def test_transitions_show_more_than_the_cuts_say(media: Any) -> None:
    edit = edit_of(
        show("a", "A001.mov", span(10, 20)),
        dissolve(4, 6),
        show("b", "A001.mov", span(50, 20)),
        dissolve(5, 5),
        show("c", "A001.mov", span(2, 20)),
    )
    assert shown(edit, media) == [("a", 10, 36), ("b", 46, 75), ("c", 0, 22)]


@pytest.mark.parametrize(
    ("effect", "frames"),
    [
        (otio.schema.LinearTimeWarp(time_scalar=2.0), (40, 80)),
        (otio.schema.LinearTimeWarp(time_scalar=0.5), (40, 50)),
        (otio.schema.LinearTimeWarp(time_scalar=-1.0), (20, 60)),
        (otio.schema.FreezeFrame(), (40, 41)),
        (otio.schema.TimeEffect(), (0, 100)),
        (otio.schema.Effect(metadata={"fcp_xml": {"effectid": "timeremap"}}), (0, 100)),
        (otio.schema.Effect(effect_name="blur"), (40, 60)),
    ],
)
def test_changes_of_speed_show_other_frames(media: Any, effect: Any, frames: tuple[int, int]) -> None:
    clip = show("a", "A001.mov", span(40, 20))
    clip.effects.append(effect)
    assert shown(edit_of(clip), media) == [("a", *frames)]


def test_a_frozen_last_frame_is_inside(media: Any) -> None:
    clip = show("a", "A001.mov", span(99, 50))
    clip.effects.append(otio.schema.FreezeFrame())
    assert shown(edit_of(clip), media) == [("a", 99, 100)]


def nested(inner: Any, cut: Any) -> Any:
    stack = inner.tracks.clone()
    stack.source_range = cut
    return stack


def test_nested_edits_are_seen_through_their_own_cuts(media: Any) -> None:
    inner = edit_of(
        show("a", "A001.mov", span(0, 20)),
        show("b", "A001.mov", span(30, 20)),
        show("c", "A001.mov", span(60, 20)),
    )
    assert shown(edit_of(nested(inner, span(15, 10))), media) == [("a", 15, 20), ("b", 30, 35)]
    twice = edit_of(nested(edit_of(nested(inner, span(15, 20))), span(10, 5)))
    assert shown(twice, media) == [("b", 35, 40)]


def test_a_nested_edit_of_another_speed_is_taken_whole(media: Any) -> None:
    stack = nested(edit_of(show("a", "A001.mov", span(10, 40))), span(0, 20))
    stack.effects.append(otio.schema.LinearTimeWarp(time_scalar=2.0))
    assert shown(edit_of(stack), media) == [("a", 10, 50)]


def test_sound_and_what_is_switched_off_are_not_shown(media: Any) -> None:
    off = show("off", "A001.mov", span(0, 20))
    off.enabled = False
    edit = edit_of(show("a", "A001.mov", span(0, 20)), off)
    edit.tracks.append(edit_of(show("sound", "A001.mov", span(0, 20)), kind="Audio").tracks[0].clone())
    hidden = edit_of(show("b", "A001.mov", span(0, 20))).tracks[0].clone()
    hidden.enabled = False
    edit.tracks.append(hidden)
    assert shown(edit, media) == [("a", 0, 20)]


def test_gaps_count(media: Any) -> None:
    gap = otio.schema.Gap(source_range=span(0, 30))
    inner = edit_of(gap, show("a", "A001.mov", span(10, 20)))
    assert shown(edit_of(nested(inner, span(35, 5))), media) == [("a", 15, 20)]


def test_drop_frame_timecode_and_rates_as_programs_round_them(tmp_path: Path) -> None:
    info = probe(make_media(tmp_path / "B.mov", 60, NTSC, "01:00:00;00"))
    assert info.metadata.timecode == "01:00:00;00"
    first = otio.opentime.from_timecode("01:00:00;10", 30000 / 1001)
    cut = otio.opentime.TimeRange(first, RationalTime(20, 30000 / 1001))
    assert shown(edit_of(show("a", "B.mov", cut)), info) == [("a", 10, 30)]
    rounded = edit_of(show("a", "B.mov", span(107892 + 10, 20, 29.97)))
    assert shown(rounded, info) == [("a", 10, 30)]


def test_an_edit_of_another_rate_is_converted_by_time(media: Any) -> None:
    cut = span(24, 48, 24000 / 1001)
    assert shown(edit_of(show("a", "A001.mov", cut, span(0, 100))), media) == [("a", 25, 76)]


@pytest.mark.parametrize(
    ("rate", "exact"),
    [(23.98, Fraction(24000, 1001)), (29.97, NTSC), (24, Fraction(24)), (12.5, Fraction(25, 2)), (60, 60)],
)
def test_rounded_rates_are_restored(rate: float, exact: Fraction) -> None:
    assert restore_rate(rate) == exact
