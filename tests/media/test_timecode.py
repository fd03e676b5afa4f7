"""Timecode moved by frames: the numbers of SMPTE ST 12-1."""

from __future__ import annotations

from fractions import Fraction

import pytest

from recaster.media.timecode import move_timecode

NTSC = Fraction(30000, 1001)


def count_drop_frame(nominal, skipped):
    """Every timecode of a day in order, by leaving numbers out one minute at a time."""
    for hour in range(24):
        for minute in range(60):
            for second in range(60):
                first = skipped if second == 0 and minute % 10 else 0
                for frame in range(first, nominal):
                    yield f"{hour:02}:{minute:02}:{second:02};{frame:02}"


@pytest.mark.parametrize(("rate", "nominal", "skipped"), [(NTSC, 30, 2), (2 * NTSC, 60, 4)])
def test_drop_frame_leaves_out_the_numbers_that_the_standard_leaves_out(rate, nominal, skipped):
    start = "09:58:59;00"
    day = iter(count_drop_frame(nominal, skipped))
    for timecode in day:
        if timecode == start:
            break
    for frames, expected in zip(range(1, nominal * 60 * 12), day, strict=False):
        assert move_timecode(start, frames, rate) == expected
        assert move_timecode(expected, -frames, rate) == start


def test_a_day_of_drop_frame_has_2589408_frames():
    assert move_timecode("00:00:00;00", 2_589_408, NTSC) == "00:00:00;00"
    assert move_timecode("00:00:00;00", -1, NTSC) == "23:59:59;29"


@pytest.mark.parametrize(
    ("timecode", "frames", "rate", "expected"),
    [
        ("01:00:00:00", 86_399, Fraction(24000, 1001), "01:59:59:23"),
        ("01:00:00:00", 1799, NTSC, "01:00:59:29"),
        ("01:00:59:29", 1, NTSC, "01:01:00:00"),
        ("23:59:59:24", 1, Fraction(25), "00:00:00:00"),
        ("10:00:00:99", 1, Fraction(100), "10:00:01:00"),
        ("00:00:00:119", 1, Fraction(120), "00:00:01:00"),
        ("01:00:00;23", 1, Fraction(24), "01:00:01:00"),
    ],
)
def test_without_drop_frame_every_number_counts(timecode, frames, rate, expected):
    assert move_timecode(timecode, frames, rate) == expected


@pytest.mark.parametrize("timecode", ["", "1:00:00:00", "01:00:00:25", "01:60:00:00", "01:00:00", "a"])
def test_what_is_no_timecode_is_not_moved(timecode):
    assert move_timecode(timecode, 1, Fraction(25)) is None
