from fractions import Fraction

import numpy as np
import pytest

from recaster.errors import UsageError
from recaster.media.compare import SHEET_COLUMNS, SHEET_HEIGHT, compare
from recaster.media.probe import probe, scan
from recaster.media.reader import read_frames
from recaster.media.sheet import load_image


def test_two_clips_side_by_side(make_clip, tools, tmp_path):
    left = make_clip("l.mp4", count=12, audio=[Fraction(0)])
    right = make_clip("r.mp4", count=12, size=(48, 32), rotation=180)
    out = tmp_path / "out.mp4"
    updates = []
    compare([left, right], out, ("before", "after"), updates.append)
    info = probe(out)
    assert (info.width, info.height) == (192, 64 + 16)
    assert scan(out).pts.tolist() == scan(left).pts.tolist()
    frame = list(read_frames(out))[5].image
    assert (frame[:16] > 150).all(-1).any()
    assert tools.index_of(frame[16:, :96]) == 5
    assert np.abs(frame[16:, 96:][8:24, 8:40].reshape(-1, 3).mean(0) - (50, 70, 190)).max() < 6
    sounds = [[packet.data for packet in tools.sound_packets(path)[0]] for path in (left, out)]
    assert sounds[0] == sounds[1]
    assert [update.done for update in updates] == list(range(1, 13))


def test_the_right_clip_follows_the_clock_of_the_left(make_clip, tools, tmp_path):
    left = make_clip("l.mp4", pts=[0, 2002, 3003, 8008, 9009, 20020])
    right = make_clip(
        "r.mp4",
        count=12,
        pts=[1001 * k + 500 for k in range(12)],
        audio=[Fraction(0)],
        muxer={"movie_timescale": "24000"},
    )
    compare([left, right], tmp_path / "out.mp4")
    frames = [frame.image[16:] for frame in read_frames(tmp_path / "out.mp4")]
    assert [tools.index_of(image[:, :96]) for image in frames] == list(range(6))
    assert [tools.index_of(image[:, 96:]) for image in frames] == [0, 2, 3, 8, 9, 11]
    before, after = (tools.sound_packets(path)[0] for path in (right, tmp_path / "out.mp4"))
    assert [p.data for p in before] == [p.data for p in after]
    assert abs(after[0].time - (before[0].time - Fraction(500, 24000))) <= Fraction(1, 48000)


def test_three_clips_and_the_sound_of_the_first_that_has_one(make_clip, tmp_path):
    clips = [
        make_clip("a.mp4", count=4),
        make_clip("b.mp4", count=4),
        make_clip("c.mp4", audio=[Fraction(0)]),
    ]
    compare(clips, tmp_path / "out.mp4")
    info = probe(tmp_path / "out.mp4")
    assert (info.width, info.frame_count, len(info.audio)) == (3 * 96, 4, 1)


def test_a_sheet_of_stills(make_clip, tmp_path):
    clips = [make_clip("a.mp4", count=24), make_clip("b.mp4", count=24)]
    compare(clips, tmp_path / "sheet.png", ["first", "second"])
    image = load_image(tmp_path / "sheet.png")
    assert image.shape[0] > 2 * SHEET_HEIGHT
    assert image.shape[1] > SHEET_COLUMNS * SHEET_HEIGHT


def test_no_clip_is_replaced(make_clip, tmp_path):
    clips = [make_clip("a.mp4", count=2), make_clip("b.mp4", count=2)]
    before = clips[1].read_bytes()
    with pytest.raises(UsageError, match="would replace"):
        compare(clips, tmp_path / "." / "b.mp4")
    assert clips[1].read_bytes() == before


def test_one_clip_or_too_many_labels_are_refused(make_clip, tmp_path):
    clip = make_clip("a.mp4", count=2)
    with pytest.raises(UsageError, match="two clips"):
        compare([clip], tmp_path / "out.mp4")
    with pytest.raises(UsageError, match="3 labels for 2 clips"):
        compare([clip, clip], tmp_path / "out.mp4", ["a", "b", "c"])
