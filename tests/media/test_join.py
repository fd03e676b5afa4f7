import itertools
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from clips import write_clip

from recaster.errors import OutputError, UsageError
from recaster.media.encoders import SEGMENT_SUFFIX
from recaster.media.join import check_output, compute_decoding_times, join_segments
from recaster.media.probe import probe, scan
from recaster.media.reader import read_frames
from recaster.media.writer import ClipWriter
from recaster.settings.encoding import WriterOptions

OPTIONS = WriterOptions(quality=14, preset="veryfast")
COUNT = 30
UNEVEN = np.cumsum(np.random.default_rng(5).integers(1, 5, COUNT) * 1001).tolist()


def render(clip, folder, frames, options=OPTIONS, lengths=(7, 1, 2, 11, 40)):
    """Segments of ``frames``, as a render in chunks leaves them."""
    info = probe(clip)
    segments = []
    images = list(read_frames(clip, frames.start, frames.stop))
    for number, length in enumerate(lengths):
        part = images[:length]
        images = images[length:]
        if part:
            segments.append(folder / f"segment{number}{SEGMENT_SUFFIX}")
            with ClipWriter(segments[-1], info, options) as writer:
                for frame in part:
                    writer.write(frame.image, frame.pts)
    return info, segments


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
@pytest.mark.parametrize("pts", [None, UNEVEN], ids=["constant", "variable"])
def test_the_whole_clip_in_chunks(make_clip, tools, tmp_path, suffix, pts):
    clip = make_clip(
        count=COUNT, pts=pts, audio=[Fraction(0), Fraction(1, 4)], muxer={"movie_timescale": "24000"}
    )
    info, segments = render(clip, tmp_path, range(COUNT))
    out = tmp_path / f"out{suffix}"
    join_segments(segments, info, out, range(COUNT), OPTIONS)
    rendered = [frame.image for segment in segments for frame in read_frames(segment)]
    joined = list(read_frames(out))
    assert all(np.array_equal(a.image, b) for a, b in zip(joined, rendered, strict=True))
    _check_times(info, out, range(COUNT), exact=suffix != ".mkv")
    _check_sound(tools, clip, out, range(COUNT), Fraction(2 if suffix == ".mkv" else 0, 1000))
    assert probe(out).variable == (pts is not None)
    assert probe(out).warnings == ()


@pytest.mark.parametrize("frames", [range(11), range(13, 24), range(9, COUNT), range(4, 5)])
@pytest.mark.parametrize("pts", [None, UNEVEN], ids=["constant", "variable"])
def test_a_range_begins_at_zero_with_its_sound(make_clip, tools, tmp_path, frames, pts):
    clip = make_clip(count=COUNT, pts=pts, audio=[Fraction(1, 3)], muxer={"movie_timescale": "24000"})
    info, segments = render(clip, tmp_path, frames)
    out = tmp_path / "out.mp4"
    join_segments(segments, info, out, frames, OPTIONS)
    assert [tools.index_of(frame.image) for frame in read_frames(out)] == list(frames)
    _check_times(info, out, frames, exact=True)
    _check_sound(tools, clip, out, frames, Fraction(1, 24000))


def _check_times(info, out, frames, *, exact):
    source = scan(info.path)
    result = scan(out)
    origin = source.pts[frames.start] * source.info.time_base if frames.start else Fraction(0)
    expected = [int(pts) * source.info.time_base - origin for pts in source.pts[frames.start : frames.stop]]
    found = [int(pts) * result.info.time_base for pts in result.pts]
    if exact:
        assert found == expected
        return
    late = found[0] - expected[0]  # Matroska moves everything behind zero
    assert 0 <= late < Fraction(1, 20)
    assert max(abs(a - b - late) for a, b in zip(found, expected, strict=True)) <= Fraction(1, 1000)


def _check_sound(tools, clip, out, frames, tolerance):
    """Every packet that touches the range is there, unchanged, at the same time after the first frame."""
    source = scan(clip)
    result = scan(out)
    whole_start = frames.start == 0
    whole_end = frames.stop == len(source.pts)
    first = source.pts[frames.start] * source.info.time_base
    end = None if whole_end else source.pts[frames.stop] * source.info.time_base
    streams = tools.sound_packets(clip)
    results = tools.sound_packets(out) or [[]]  # mp4 forgets a stream without packets
    assert len(streams) == len(results)
    for before, after in zip(streams, results, strict=True):
        wanted = [
            packet
            for packet in before
            if (whole_start or packet.time + packet.duration > first)
            and (end is None or packet.time < end)
            and not (packet.hidden and packet.time >= 0)
        ]
        assert [packet.data for packet in after] == [packet.data for packet in wanted]
        shown = int(result.pts[0]) * result.info.time_base
        for old, new in zip(wanted, after, strict=True):
            assert abs((new.time - shown) - (old.time - first)) <= tolerance


def test_there_are_b_frames_to_reorder(make_clip, tmp_path):
    import av

    info, segments = render(make_clip(count=COUNT), tmp_path, range(COUNT))
    join_segments(segments, info, tmp_path / "out.mp4", range(COUNT), OPTIONS)
    with av.open(str(tmp_path / "out.mp4")) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
    pts = [p.pts for p in packets]
    dts = [p.dts for p in packets]
    assert pts != sorted(pts)
    assert all(later > sooner for sooner, later in itertools.pairwise(dts))
    assert all(d <= p for d, p in zip(dts, pts, strict=True))


def test_decoding_times_are_the_smallest_delay():
    pts = np.array([10, 20, 50, 60, 90])
    assert compute_decoding_times(pts, np.arange(5)).tolist() == pts.tolist()
    assert compute_decoding_times(pts, np.array([0, 3, 1, 2, 4])).tolist() == [0, 10, 20, 50, 60]
    assert compute_decoding_times(pts[:1], np.array([0])).tolist() == [10]


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_the_same_segments_give_the_same_bytes(make_clip, tmp_path, suffix):
    info, segments = render(make_clip(count=12, audio=[Fraction(0)]), tmp_path, range(12))
    outs = [tmp_path / f"{name}{suffix}" for name in "ab"]
    for out in outs:
        join_segments(segments, info, out, range(12), OPTIONS)
    assert outs[0].read_bytes() == outs[1].read_bytes()


def test_an_odd_size_and_prores_can_be_joined(make_clip, tools, tmp_path):
    clip = make_clip("odd.mkv", count=12, size=(97, 65), codec="ffv1", pixel_format="yuv444p", options={})
    for codec in ("h264", "prores"):
        options = WriterOptions(codec=codec, quality=8)
        info, segments = render(clip, tmp_path, range(12), options)
        join_segments(segments, info, tmp_path / "out.mov", range(12), options)
        frames = list(read_frames(tmp_path / "out.mov"))
        assert [tools.index_of(frame.image) for frame in frames] == list(range(12))
        assert frames[0].image.shape == (65, 97, 3)


def test_languages_are_kept(make_clip, tmp_path):
    import av

    silent = make_clip("b.mkv", count=6, audio=[Fraction(0)])
    clip = tmp_path / "c.mkv"
    with av.open(str(silent)) as source, av.open(str(clip), "w") as container:
        copies = {s.index: container.add_stream_from_template(s, opaque=True) for s in source.streams}
        copies[1].metadata["language"] = "deu"
        for packet in source.demux():
            if packet.size:
                packet.stream = copies[packet.stream.index]
                container.mux(packet)
    info = probe(clip)
    assert info.audio[0].language == "deu"
    write_clip(read_frames(clip), info, tmp_path / "out.mp4", options=OPTIONS)
    assert probe(tmp_path / "out.mp4").audio[0].language == "deu"


def test_segments_that_are_missing_a_frame_are_refused(make_clip, tmp_path):
    info, segments = render(make_clip(count=12), tmp_path, range(12))
    out = tmp_path / "results" / "out.mp4"
    with pytest.raises(OutputError, match="hold 5 frames, but 12"):
        join_segments(segments[1:], info, out, range(12), OPTIONS)
    with pytest.raises(OutputError, match="frames 0-11, not 0-12"):
        join_segments(segments, info, out, range(13), OPTIONS)
    assert not out.exists()


def test_segments_of_another_encoding_are_refused(make_clip, tmp_path):
    clip = make_clip(count=12)
    info, segments = render(clip, tmp_path, range(12), lengths=(6, 6))
    deep = WriterOptions(pixel_format="yuv444p", preset="veryfast")
    render(clip, tmp_path, range(6), deep, lengths=(6,))
    with pytest.raises(OutputError, match="different options"):
        join_segments(segments, info, tmp_path / "out.mp4", range(12), OPTIONS)


def test_a_broken_segment_is_named(make_clip, tmp_path):
    info, segments = render(make_clip(count=12), tmp_path, range(12))
    segments[1].write_bytes(b"")
    with pytest.raises(OutputError, match=r"segment1\.mov"):
        join_segments(segments, info, tmp_path / "out.mp4", range(12), OPTIONS)


def test_a_sound_that_does_not_fit_is_refused_where_it_is_to_be_copied(make_clip, tmp_path):
    clip = make_clip("a.mkv", count=6, audio=[Fraction(0)], audio_codec="libopus")
    copied = replace(OPTIONS, sound="copy")
    with pytest.raises(UsageError, match=r"\.mov cannot hold its opus sound as it is; .*\.mp4 or \.mkv"):
        check_output(tmp_path / "out.mov", probe(clip), copied)
    assert check_output(tmp_path / "out.mp4", probe(clip), copied) == ()


def test_an_interrupted_single_pass_leaves_nothing(make_clip, tmp_path):
    clip = make_clip(count=12)
    folder = tmp_path / "results"

    def frames():
        yield from read_frames(clip, 0, 5)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_clip(frames(), probe(clip), folder / "out.mp4", options=OPTIONS)
    assert list(folder.iterdir()) == []


def test_a_place_that_cannot_be_written_is_an_output_error(make_clip, tmp_path):
    clip = make_clip(count=4)
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be written"):
        write_clip(read_frames(clip), probe(clip), tmp_path / "file" / "out.mp4")


@pytest.mark.parametrize(
    ("codec", "suffix", "tag"),
    [
        ("hevc", ".mp4", "hvc1"),
        ("hevc", ".mov", "hvc1"),
        ("prores", ".mov", "apch"),
        ("prores", ".mkv", "apch"),
    ],
)
def test_the_name_that_players_look_for_is_kept(make_clip, tmp_path, codec, suffix, tag):
    import av

    clip = make_clip(count=4)
    out = tmp_path / f"out{suffix}"
    write_clip(read_frames(clip), probe(clip), out, options=WriterOptions(codec=codec, preset="ultrafast"))
    with av.open(str(out)) as container:
        assert container.streams.video[0].codec_context.codec_tag == tag
    assert probe(out).frame_count == 4
