from dataclasses import replace
from fractions import Fraction

import pytest

from recaster.errors import UsageError
from recaster.media.probe import probe
from recaster.media.ranges import parse_frame, parse_range


@pytest.fixture
def info(make_clip):
    """30 frames at exactly 25 a second: 1.2 s."""
    return probe(make_clip(count=30, time_base=Fraction(1, 25), pts=range(30)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3-7", range(3, 8)),
        ("-7", range(8)),
        ("25-", range(25, 30)),
        ("-", range(30)),
        ("4", range(4, 5)),
        (" 3 - 7 ", range(3, 8)),
        ("0s-0.4s", range(10)),
        ("0.2s-", range(5, 30)),
        ("0.21s-0.4s", range(6, 10)),
        ("00:00.2-0:00:01", range(5, 25)),
        ("-1.2s", range(30)),
        ("5-0.4s", range(5, 10)),
        ("0.4s-12", range(10, 13)),
        ("29-29", range(29, 30)),
    ],
)
def test_ranges(info, text, expected):
    assert parse_range(text, info) == expected


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not a range"),
        ("abc", "not a range"),
        ("1s", "not a range"),
        ("1-2-3", "neither a frame nor a time"),
        ("x-5", "neither a frame nor a time"),
        ("-5s", "not inside"),
        ("30-", "not inside"),
        ("3-30", "not inside .* frames 0-29 .*1.200 s"),
        ("7-3", "holds no frame"),
        ("0.21s-0.22s", "holds no frame"),
    ],
)
def test_what_is_no_range_says_why(info, text, says):
    with pytest.raises(UsageError, match=says):
        parse_range(text, info)


def test_times_of_a_variable_rate_go_by_its_timestamps(make_clip):
    info = probe(make_clip(pts=[100, 1100, 9100, 10100, 24100], muxer={"movie_timescale": "24000"}))
    assert info.variable
    assert parse_range("0.04s-0.4s", info) == range(1, 3)
    assert parse_range("1s-", info) == range(4, 5)


def test_a_constant_rate_needs_no_file(info, tmp_path):
    assert parse_range("0.4s-0.8s", replace(info, path=tmp_path / "gone.mp4")) == range(10, 20)


@pytest.mark.parametrize(("text", "frame"), [("0", 0), ("0.4s", 10), ("00:01.17", 29), ("1.2s", 29)])
def test_frames(info, text, frame):
    assert parse_frame(text, info) == frame


@pytest.mark.parametrize("text", ["30", "2s", "", "x", "-1"])
def test_what_is_no_frame_says_why(info, text):
    with pytest.raises(UsageError, match=r"not inside .* frames 0-29|neither a frame nor a time"):
        parse_frame(text, info)


def test_numbers_of_pictures_are_told_from_frames(info):
    numbered = replace(info, first_number=1001)
    for parse, text, first in ((parse_range, "1005-1007", 1005), (parse_frame, "1029", 1029)):
        with pytest.raises(
            UsageError, match=rf"counted from 0: picture {first} is about frame {first - 1001}$"
        ):
            parse(text, numbered)
    with pytest.raises(UsageError, match=r"0-29 \(1\.200 s\)$"):
        parse_frame("2000", numbered)


def test_other_dashes_and_digits_are_refused(info):
    with pytest.raises(UsageError, match='write a hyphen, "5-9"'):
        parse_range("5\N{EN DASH}9", info)
    with pytest.raises(UsageError, match="neither a frame nor a time"):
        parse_range("\N{FULLWIDTH DIGIT THREE}-5", info)
