"""Clips whose clock jumps, wraps, runs backwards or is missing come out with every frame, at an even pace."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import av
import numpy as np
import pytest
from clips import write_clip

from recaster.media.probe import probe
from recaster.media.reader import read_frames
from recaster.settings.encoding import WriterOptions

COUNT = 12
TICKS = 3750
"""Of 1/90000 s: a frame at 24 frames/s."""
WRAP = 1 << 33
"""Ticks after which a transport stream's clock begins anew."""
TRANSPORT = {
    "count": COUNT,
    "time_base": Fraction(1, 90000),
    "options": {"crf": "12", "preset": "veryfast", "bf": "2"},
    "audio": [Fraction(0)],
}


@pytest.fixture
def make_stream(make_clip):
    """``make_stream("a.ts", 5.0)`` writes a transport stream that begins at a second of its clock."""

    def make(name, begin_s, **values):
        begin = round(begin_s * 90000)
        recipe = TRANSPORT | {"pts": [begin + TICKS * index for index in range(COUNT)]} | values
        recipe["audio"] = [Fraction(begin_s)]
        recipe["muxer"] = {"mpegts_copyts": "1", "avoid_negative_ts": "disabled"}
        return make_clip(name, **recipe)

    return make


def spliced(folder, *streams):
    """Transport streams one after the other, as a recorder leaves them."""
    path = folder / "spliced.ts"
    path.write_bytes(b"".join(stream.read_bytes() for stream in streams))
    return path


def steps(clip):
    times = [frame.time for frame in read_frames(clip)]
    return [later - earlier for earlier, later in pairwise(times)]


def result_start(path):
    frame = next(read_frames(path))
    return frame.pts * probe(path).time_base


def find_sound_span(path):
    with av.open(str(path)) as container:
        [stream] = container.streams.audio
        times = [packet.pts * packet.time_base for packet in container.demux(stream) if packet.size]
    assert all(later > earlier for earlier, later in pairwise(times))
    return times[0], times[-1]


@pytest.mark.parametrize(
    "begins",
    [(5.0, 5.0), (500.0, 5.0), (5.0, 500.0), (5.0, 50_000.0), (80_000.0, 5.0), (5.0, 2.0, 300.0)],
    ids=["again", "back", "ahead", "far ahead", "far back", "twice"],
)
@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_jumps_of_the_clock_are_closed(make_stream, tmp_path, begins, suffix):
    clip = spliced(tmp_path, *(make_stream(f"{n}.ts", begin) for n, begin in enumerate(begins)))
    info = probe(clip)
    count = COUNT * len(begins)
    assert info.frame_count == count
    assert any("clock jumps" in warning for warning in info.warnings)
    assert not any("cut off" in warning for warning in info.warnings)
    out = tmp_path / f"out{suffix}"
    write_clip(read_frames(clip), info, out)
    result = probe(out)
    assert result.frame_count == count
    assert result.warnings == ()
    tolerance = Fraction(1, 500)
    assert all(abs(step - Fraction(1, 24)) < tolerance for step in steps(out))
    first, last = find_sound_span(out)
    start = result_start(out)
    assert abs(first - start) < Fraction(1, 10)
    assert abs(last - start - Fraction(count, 24)) < Fraction(1, 8)


def test_a_clock_that_wraps_goes_on(make_stream, tmp_path):
    clip = make_stream("wrap.ts", (WRAP - 6 * TICKS) / 90000)
    info = probe(clip)
    assert (info.frame_count, info.rate, info.warnings) == (COUNT, 24, ())
    out = tmp_path / "out.mp4"
    write_clip(read_frames(clip), info, out)
    result = probe(out)
    assert (result.frame_count, result.duration, result.warnings) == (COUNT, Fraction(1, 2), ())
    assert abs(result.audio[0].offset) < Fraction(1, 20)


def test_an_even_stream_is_left_alone(make_stream):
    clip = make_stream("a.ts", 7.0)
    assert probe(clip).warnings == ()
    assert next(read_frames(clip)).pts == 7 * 90000


def test_a_real_gap_stays(make_clip):
    pts = [TICKS * index + (5 * 90000 if index >= COUNT // 2 else 0) for index in range(COUNT)]
    clip = make_clip("gap.ts", **TRANSPORT | {"pts": pts})
    assert max(steps(clip)) == 5 + Fraction(1, 24)


def raw(path, clip):
    """The bare H.264 stream of a clip."""
    with av.open(str(clip)) as container:
        stream = container.streams.video[0]
        filtered = av.BitStreamFilterContext("h264_mp4toannexb", stream)
        packets = [data for packet in container.demux(stream) for data in filtered.filter(packet)]
    path.write_bytes(b"".join(bytes(packet) for packet in packets))
    return path


def test_a_stream_without_times_has_its_own_rate(make_clip, tmp_path):
    clip = raw(tmp_path / "raw.h264", make_clip("a.mp4", count=COUNT))
    info = probe(clip)
    assert info.frame_count == COUNT
    assert all(abs(step - 1 / info.rate) < Fraction(1, 10_000) for step in steps(clip))
    assert any(f"{float(info.rate):g} frames/s" in warning for warning in info.warnings)
    write_clip(read_frames(clip), info, tmp_path / "out.mp4")
    assert float(probe(tmp_path / "out.mp4").duration) == pytest.approx(float(COUNT / info.rate))


def test_frames_before_zero_are_kept(make_clip, tmp_path):
    """Matroska's demuxer gives no time for those."""
    pts = [1000 * (index - COUNT // 2) for index in range(COUNT)]
    clip = make_clip(
        "early.mkv",
        count=COUNT,
        pts=pts,
        time_base=Fraction(1, 24000),
        muxer={"avoid_negative_ts": "disabled"},
        audio=[Fraction(-1, 4)],
    )
    info = probe(clip)
    assert info.frame_count == COUNT
    assert float(info.rate) == pytest.approx(24, rel=0.02)
    for suffix in (".mp4", ".mkv"):
        out = tmp_path / f"out{suffix}"
        write_clip(read_frames(clip), info, out)
        result = probe(out)
        assert result.frame_count == COUNT
        assert float(result.duration) == pytest.approx(0.5, abs=0.01)
        assert abs(result.audio[0].offset - info.audio[0].offset) < Fraction(
            1, 40
        )  # the encoder's lead-in is hidden


@pytest.mark.parametrize("codec", ["libx264", "mpeg4"])
def test_pictures_in_decoding_order_keep_their_pace(make_clip, tmp_path, codec):
    clip = make_clip(
        "a.avi",
        count=COUNT,
        time_base=Fraction(1, 24),
        pts=range(COUNT),
        codec=codec,
        options={"bf": "2"},
        audio=[Fraction(0)],
        audio_codec="pcm_s16le",
    )
    info = probe(clip)
    assert (info.frame_count, info.rate, info.warnings) == (COUNT, 24, ())
    assert [frame.time for frame in read_frames(clip)] == [Fraction(n, 24) for n in range(COUNT)]
    frames = [frame.image for frame in read_frames(clip)]
    assert np.array_equal(next(read_frames(clip, 7, 8)).image, frames[7])
    write_clip(read_frames(clip), info, tmp_path / "out.mp4")
    assert probe(tmp_path / "out.mp4").duration == Fraction(COUNT, 24)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_size_that_changes_on_the_way_is_brought_to_one(make_stream, tmp_path, suffix):
    clip = spliced(tmp_path, make_stream("a.ts", 1.0), make_stream("b.ts", 1.5, size=(64, 96)))
    info = probe(clip)
    assert (info.width, info.height, info.frame_count) == (96, 64, 2 * COUNT)
    assert any("picture size changes" in warning for warning in info.warnings)
    out = tmp_path / f"out{suffix}"
    write_clip(read_frames(clip), info, out, options=WriterOptions())
    assert probe(out).frame_count == 2 * COUNT


def test_a_range_that_changes_on_the_way_keeps_its_colours(make_stream, tmp_path):
    narrow = make_stream("a.ts", 1.0, tags={"color_range": 1, "colorspace": 1})
    wide = make_stream("b.ts", 1.5, tags={"color_range": 2, "colorspace": 1})
    clip = spliced(tmp_path, narrow, wide)
    out = tmp_path / "out.mp4"
    write_clip(read_frames(clip), probe(clip), out)
    for path in (clip, out):
        frames = [frame.image[40:60, 60:90].mean((0, 1)) for frame in read_frames(path)]
        assert np.abs(frames[2] - frames[COUNT + 2]).max() < 3
