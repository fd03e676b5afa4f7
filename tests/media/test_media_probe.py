from fractions import Fraction

import av
import numpy as np
import pytest
from clips import write_clip

from recaster.errors import ClipError
from recaster.media.probe import find_constant_rate, probe
from recaster.media.reader import read_frames
from recaster.settings.reading import ReadOptions

MILLISECOND = Fraction(1, 1000)


def test_a_constant_rate_is_exact(make_clip):
    info = probe(make_clip(count=20))
    assert info.rate == Fraction(24000, 1001)
    assert not info.variable
    assert info.frame_count == 20
    assert info.duration == 20 * Fraction(1001, 24000)
    assert (info.width, info.height, info.codec, info.pixel_format) == (96, 64, "h264", "yuv420p")
    assert info.warnings == ()


def test_a_variable_rate_is_the_mean(make_clip):
    info = probe(make_clip(pts=[0, 1000, 3000, 4000, 7000, 8000]))
    assert info.variable
    assert info.duration == Fraction(8000 + 1000, 24000)
    assert info.rate == 6 / info.duration


@pytest.mark.parametrize(
    "rate", ["24000/1001", "24", "25", "30000/1001", "30", "12", "60000/1001", "12.5", "12000/1001"]
)
def test_rounding_to_milliseconds_is_not_a_variable_rate(rate):
    pts = np.array([round(k / Fraction(rate) / MILLISECOND) + 21 for k in range(400)])
    assert find_constant_rate(pts, MILLISECOND) == Fraction(rate)


def test_an_unusual_rate_is_kept():
    assert find_constant_rate(np.arange(0, 40000, 400), Fraction(1, 11988)) == Fraction(2997, 100)


@pytest.mark.parametrize("pts", [[0, 1, 2, 4, 5, 6], [0, 33, 67, 133, 167, 200], [0, 2, 5, 7, 10, 12]])
def test_a_dropped_frame_is_a_variable_rate(pts):
    assert find_constant_rate(np.array(pts), MILLISECOND * 30, (Fraction(30),)) is None


def test_one_frame_has_the_stated_rate():
    assert find_constant_rate(np.array([7]), MILLISECOND, (Fraction(24),)) == 24


def test_sound_is_told_with_its_offset(make_clip):
    info = probe(make_clip(count=24, audio=[Fraction(1, 2), Fraction(0)], pts=[1000 * k for k in range(24)]))
    first, second = info.audio
    assert (first.codec, first.channels, first.sample_rate) == ("aac", 2, 48000)
    assert abs(first.offset - Fraction(1, 2)) < Fraction(1024 + 48, 48000)
    assert second.offset == 0
    assert second.duration is not None


def test_tags_are_told(make_clip):
    tags = {"colorspace": 9, "color_range": 1, "color_primaries": 9, "color_trc": 16}
    info = probe(make_clip(pixel_format="yuv420p10le", tags=tags))
    assert (info.colour.matrix, info.colour.range) == ("bt2020nc", "tv")
    assert (info.colour.primaries, info.colour.transfer) == ("bt2020", "smpte2084")
    assert info.bit_depth == 10
    assert any("HDR (PQ)" in warning for warning in info.warnings)


def test_a_cut_off_clip_gives_what_decodes_and_says_so(make_clip):
    clip = make_clip(count=40, gop=2, muxer={"movflags": "+faststart"})
    clip.write_bytes(clip.read_bytes()[: clip.stat().st_size * 6 // 10])
    info = probe(clip)
    assert 5 < info.frame_count < 38
    assert "cut off" in " ".join(info.warnings)
    assert len(list(read_frames(clip))) == info.frame_count


def test_a_changed_file_is_looked_at_again(make_clip):
    assert probe(make_clip(count=4)).frame_count == 4
    assert probe(make_clip(count=6)).frame_count == 6


def broken(folder, make_clip):
    """(file, what its error must say) for everything that is not a clip."""
    (folder / "empty.mp4").touch()
    (folder / "text.mp4").write_text("not a video at all\n" * 40)
    (folder / "notes.txt").write_text("plain text\n" * 40)
    whole = make_clip("whole.mp4", count=12).read_bytes()
    (folder / "no_moov.mp4").write_bytes(whole[: len(whole) // 2])
    return [
        (folder / "none.mp4", "no such file"),
        (folder, "folder"),
        (folder / "empty.mp4", "empty"),
        (folder / "text.mp4", "not a video"),
        (folder / "notes.txt", "not a|not a clip"),
        (folder / "no_moov.mp4", "moov"),
    ]


def test_what_is_no_clip_gets_one_clear_line(tmp_path, make_clip):
    for path, says in broken(tmp_path, make_clip):
        with pytest.raises(ClipError, match=says) as caught:
            probe(path)
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)


def test_only_sound_is_refused(tmp_path):
    import av

    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=48000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 48000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(ClipError, match="only sound"):
        probe(path)


def renamed(clip, name, other):
    """The clip with the name of a format in it made one that nobody knows; the last place where it is."""
    data = clip.read_bytes()
    place = data.rindex(name)
    clip.write_bytes(data[:place] + other + data[place + len(name) :])
    return clip


def test_an_unknown_video_format_is_refused(make_clip):
    clip = renamed(make_clip("a.mkv", audio=[Fraction(0)]), b"V_MPEG4/ISO/AVC", b"V_MPEG9/ISO/XYZ")
    with pytest.raises(ClipError, match="unknown format"):
        probe(clip)


def test_sound_of_an_unknown_format_is_left_out_and_told(make_clip, tools, tmp_path):
    clip = renamed(make_clip("a.mkv", audio=[Fraction(0), Fraction(0)]), b"A_AAC", b"A_XYZ")
    info = probe(clip)
    assert [stream.codec for stream in info.audio] == ["aac"]
    assert any("1 sound track has an unknown format" in warning for warning in info.warnings)
    write_clip(read_frames(clip), info, tmp_path / "out.mp4")
    assert len(tools.sound_packets(tmp_path / "out.mp4")) == 1


def test_pictures_that_are_too_large_wherever_a_clip_is_opened(tmp_path):
    """The second picture is larger than the first, which is all that the head of the file tells."""
    path = tmp_path / "grows.avi"
    with av.open(path, "w") as container:
        stream = container.add_stream("mjpeg", 25, width=64, height=64, pix_fmt="yuvj420p")
        for at, width in enumerate((64, 20_000)):
            encoder = av.CodecContext.create("mjpeg", "w")
            encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = (
                width, 64, "yuvj420p", Fraction(1, 25)
            )  # fmt: skip
            [packet] = encoder.encode(av.VideoFrame(width, 64, "yuvj420p"))
            packet.stream = stream
            packet.pts = at
            packet.dts = at
            container.mux(packet)
    with pytest.raises(ClipError, match="20000x64 pixels are too many"):
        probe(path)
    with pytest.raises(ClipError, match="20000x64 pixels are too many"):
        list(read_frames(path))


def test_a_still_image_is_no_clip(tmp_path):
    import PIL.Image

    PIL.Image.new("RGB", (8, 8)).save(tmp_path / "a.bmp")
    with pytest.raises(ClipError, match="still image"):
        probe(tmp_path / "a.bmp")


def test_options_of_sequences_are_named_as_ignored_for_a_movie(make_clip):
    clip = make_clip("a.mp4")
    assert not any("ignored" in each for each in probe(clip).warnings)
    warnings = probe(clip, ReadOptions(frame_rate="25", layer="beauty")).warnings
    assert [each for each in warnings if "ignored" in each] == [
        "ignored: a frame rate of 25, for a movie has its own",
        "ignored: the layer beauty, for a movie has none",
    ]
