"""The course of a look along a clip: what is written, where it holds, and what is refused."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from recaster.errors import InputError, UsageError
from recaster.settings.look import LookSettings, MaskSettings
from recaster.settings.look_course import (
    LOOK_OPTIONS,
    LookChange,
    LookCourse,
    WrittenChange,
    parse_change,
    value_in,
)
from recaster.settings.look_file import (
    WrittenLook,
    find_look,
    format_look,
    list_looks,
    parse_look,
    place_look,
    read_look,
    write_look,
)

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.settings.options import Option


def key(frame: int, *, smooth: bool = False, **values: Any) -> LookChange:
    return LookChange(range(frame, frame + 1), tuple(values.items()), is_key=True, is_smooth=smooth)


def within(first: int, last: int, **values: Any) -> LookChange:
    return LookChange(range(first, last + 1), tuple(values.items()))


def feathers(course: LookCourse, frames: range) -> list[float]:
    return [round(course.at(frame).mask.feather, 9) for frame in frames]


def test_a_clip_without_changes_has_one_look() -> None:
    look = LookSettings(MaskSettings("hull"))
    assert LookCourse(look).at(7) is look


def test_numbers_go_evenly_from_key_to_key_and_all_else_holds() -> None:
    course = LookCourse(LookSettings(), (key(20, feather=0.4, mask="box"), key(16, feather=0.2, mask="hull")))
    assert feathers(course, range(14, 23)) == [0.2, 0.2, 0.2, 0.25, 0.3, 0.35, 0.4, 0.4, 0.4]
    assert [course.at(frame).mask.kind for frame in (0, 16, 19, 20, 30)] == ["hull"] * 3 + ["box"] * 2
    assert course.at(18).colour == LookSettings.colour
    assert {look.mask.kind for look in course.looks} == {"learned", "hull", "box"}


def test_a_smooth_key_is_left_and_the_next_one_reached_slowly() -> None:
    course = LookCourse(LookSettings(), (key(0, smooth=True, feather=0.0), key(4, feather=0.4)))
    assert feathers(course, range(5)) == [0, 0.0625, 0.2, 0.3375, 0.4]


def test_a_range_holds_against_keys_and_a_later_one_against_an_earlier() -> None:
    changes = (
        within(2, 5, feather=0.5),
        key(0, feather=0.0),
        key(8, feather=0.4),
        within(4, 6, feather=0.1, erode=0.2),
    )
    course = LookCourse(LookSettings(), changes)
    assert feathers(course, range(9)) == [0, 0.05, 0.5, 0.5, 0.1, 0.1, 0.1, 0.35, 0.4]
    assert [course.at(frame).mask.erode for frame in (3, 4, 6, 7)] == [0, 0.2, 0.2, 0]
    assert course.names == ("feather", "erode")


def test_one_key_alone_says_nothing() -> None:
    with pytest.raises(UsageError, match=r"feather has one key only, at frame 9.*9-9 for this frame alone"):
        LookCourse(LookSettings(), (key(9, feather=0.1),))


def test_a_clip_has_a_thousand_changes_at_most() -> None:
    changes = tuple(within(frame, frame, feather=0.1) for frame in range(1001))
    assert LookCourse(LookSettings(), changes[:1000]).at(999).mask.feather == 0.1
    with pytest.raises(UsageError, match=r"changes 1,001 times along the clip; it may 1,000 times"):
        LookCourse(LookSettings(), changes)


def test_nothing_is_kept_where_that_is_said() -> None:
    for text in ("5-9:keep=none", "5-9:keep="):
        change = parse_change(text)
        assert change.values == {"keep": ()}
        assert str(change) == "5-9:keep=none"
    assert parse_look('keep = "none"') == parse_look("keep = []") == WrittenLook({"keep": ()})


def test_changes_are_read_as_the_command_line_has_them() -> None:
    written = parse_change("00:01.5-2s: feather=.1, mask=box")
    assert written == WrittenChange("00:01.5-2s", {"feather": 0.1, "mask": "box"})
    assert parse_change("1:02.5~:erode=0") == WrittenChange("1:02.5", {"erode": 0.0}, is_smooth=True)
    for text in ("120-180:feather=0.1,mask=box", "100~:erode=0.2"):
        assert str(parse_change(text)) == text


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("feather=.1", "write FRAMES:NAME=VALUE"),
        ("10-20:", "write FRAMES:NAME=VALUE"),
        ("10:,feather=.1", "write FRAMES:NAME=VALUE"),
        ("10-20:feather=.9", 'at "10-20": feather must be 0 to 0.5, not 0.9'),
        ("10-20:feather=nan", "feather must be 0 to 0.5"),
        ("10-20:feather=x", "feather can't be 'x'"),
        ("10-20:mask=oval", "there is no mask 'oval'"),
        ("10:smoothing=ema", "'smoothing' can't change along a clip, as these of the look can: .*feather"),
        ("10:feather=.1,feather=.2", "feather is said twice"),
        ("10:keep-feather=.1,keep_feather=.2", "said twice, in two spellings: keep-feather, keep_feather"),
        ("5\u20139:feather=.1", 'has a long dash .*write a hyphen, "5-9"'),
        ("\uff13-\uff15:feather=.1", "neither a frame nor a time"),
        ("x-5:feather=.1", '"x" in "x-5" is neither a frame nor a time'),
        (":feather=.1", "write FRAMES:NAME=VALUE"),
        ("10-20~:feather=.1", r"smooth \(~\) is for keys"),
    ],
)
def test_what_is_wrong_about_a_change_is_said(text: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        parse_change(text)


def test_a_look_is_a_file(tmp_path: Path) -> None:
    changes = tuple(map(parse_change, ("10~:feather=0", "2s:feather=.2", "5-9:mask=hull")))
    look = WrittenLook({"feather": 0.1, "colour": "mean"}, changes)
    write_look(tmp_path / "new" / "look.toml", look)
    assert read_look(tmp_path / "new" / "look.toml") == look
    by_hand = (
        'feather = 0\n[[set]]\nframes = 12\nerode = 0.1\n[[set]]\nframes = "1s"\nsmooth = true\nerode = 0'
    )
    assert parse_look(by_hand).changes == (parse_change("12:erode=.1"), parse_change("1s~:erode=0"))
    assert parse_look(format_look(WrittenLook())) == WrittenLook()


def test_what_is_said_beside_a_look_holds_against_its_keys_too() -> None:
    look = WrittenLook({"erode": 0.1}, (parse_change("1:feather=.1,erode=0"), parse_change("9:feather=.2")))
    changed = look.changed_by({"feather": 0.3}, [parse_change("2-3:scale=2")])
    assert changed.values == {"erode": 0.1, "feather": 0.3}
    assert changed.changes == (parse_change("1:erode=0"), parse_change("2-3:scale=2"))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("feather = ", "no look"),
        ("feather = 2", "feather must be 0 to 0.5, not 2"),
        ("feather = [1]", "feather can't be"),
        ("detector = 'yunet'", "'detector' can't change along a clip"),
        ("set = 3", r"tables, \[\[set\]\]"),
        ("[[set]]\nfeather = .1", "no look"),
        ("[[set]]\nfeather = 0.1", "needs frames"),
        ("[[set]]\nframes = '3~'\nfeather = 0.1", "neither a frame nor a time"),
        ("feather = " + "[" * 20_000, "nested too deeply"),
        ("[[set]]\nframes = 1\nerode = 0.1\n" * 1001, "changes 1,001 times"),
        ("# " + "x" * (1 << 20), "too large"),
        ("[[set]]\nframes = '3-4'\nsmooth = true\nfeather = 0.1", r"smooth \(~\) is for keys"),
    ],
)
def test_what_is_wrong_about_a_file_is_said(text: str, why: str, tmp_path: Path) -> None:
    (tmp_path / "look.toml").write_text(text)
    with pytest.raises(InputError, match=f"look.toml: .*{why}"):
        read_look(tmp_path / "look.toml")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no such pipes here")
def test_a_look_is_a_regular_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "look.toml")
    with pytest.raises(InputError, match=r"look.toml: no look \(it is no file with a text\)"):
        read_look(tmp_path / "look.toml")
    with pytest.raises(InputError, match=r"cannot be read \(Is a directory\)"):
        read_look(tmp_path)


def test_looks_have_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECASTER_DATA", str(tmp_path))
    with pytest.raises(UsageError, match="there is no look 'soft'; none are saved yet"):
        find_look("soft")
    write_look(place_look("soft"), WrittenLook({"feather": 0.2}))
    assert list_looks() == ["soft"]
    assert read_look(find_look("soft")).values == {"feather": 0.2}
    with pytest.raises(UsageError, match="there is no look 'hard'; there are: soft"):
        find_look("hard")
    assert find_look("my/look.toml").name == "look.toml"
    for name in ("", "../soft", "a/b", ".soft", " soft", "soft.toml", "con", "LPT1"):
        with pytest.raises(UsageError, match="can't be called"):
            place_look(name)


@pytest.mark.parametrize("option", LOOK_OPTIONS.values(), ids=LOOK_OPTIONS)
def test_every_option_of_a_look_goes_along_a_clip_and_into_a_file(option: Option) -> None:
    if option.bounds is not None:
        first, second = map(option.hint, (option.bounds.low, option.bounds.high))
    elif option.hint == tuple[str, ...]:
        first, second = (), tuple(option.choices)
    else:
        first, second = (option.check(value) or value for value in list(option.choices)[:2])
    written = [WrittenChange(str(frame), {option.wire: value}) for frame, value in ((4, first), (8, second))]
    assert list(map(parse_change, map(str, written))) == written
    look = WrittenLook({option.wire: second}, tuple(written))
    assert parse_look(format_look(look)) == look
    course = LookCourse(LookSettings(), (key(4, **{option.wire: first}), key(8, **{option.wire: second})))
    values = [value_in(course.at(frame), option.wire) for frame in (0, 4, 6, 8, 9)]
    middle = first if option.bounds is None else (first + second) / 2
    assert values == [first, first, middle, second, second]
    with pytest.raises(UsageError, match="4-5"):
        parse_change(f"4-5:{option.wire}=of-no-kind")
