"""Parts of movies say and hold around the picture what the engine keeps of a range of the original."""

from __future__ import annotations

import random
import struct
from fractions import Fraction

import pytest
from rich_clips import (
    MASTERING,
    assert_timed_alike,
    chapters_of,
    ffmpeg,
    ffprobe,
    make_rich,
    needs_ffmpeg,
    streams_of,
    subtitles_of,
    swap_nothing,
    tags_of,
)

from recaster.isobmff import TrimmedMovie, trim_movie
from recaster.isobmff.boxes import child_boxes, required_box
from recaster.media.probe import probe
from recaster.settings.encoding import WriterOptions

pytestmark = needs_ffmpeg


def cut(clip, frames):
    part = trim_movie(clip, frames, clip.with_name(f"part{clip.suffix}"))
    assert isinstance(part, TrimmedMovie)
    return part


def streams_without_times(path):
    """Properties of each stream that shows something, as ffprobe sees them, but for its encoding."""
    kept = ("codec_type", "codec_name", "sample_aspect_ratio", "color_space", "color_transfer", "tags",
            "disposition", "nb_frames", "duration", "start_time", "side_data_list")  # fmt: skip
    streams = [each for each in ffprobe(path, "-show_streams")["streams"] if float(each["duration"])]
    return [
        {key: stream.get(key) for key in kept if stream["codec_type"] != "audio" or key != "nb_frames"}
        for stream in streams
    ]


@pytest.mark.parametrize("frames", [range(12), range(25, 50), range(59, 60)])
@pytest.mark.parametrize("suffix", [".mov", ".mp4"])
def test_a_result_of_a_part_says_what_a_result_of_the_range_says(tmp_path, suffix, frames):
    extra = ("-g", "6", "-metadata:s:v", "title=A Roll", "-metadata:s:a", "language=fra",
             "-vf", "setsar=16/15", "-metadata:s:a", "title=Boom", "-colorspace", "bt709",
             "-color_trc", "bt709")  # fmt: skip
    clip = make_rich(tmp_path, suffix, timecode="01:00:59;10", extra=extra)
    part = cut(clip, frames)
    swap_nothing(clip, tmp_path / f"whole{suffix}", frames)
    swap_nothing(part.out, tmp_path / f"part-out{suffix}", part.frames)
    expected = probe(tmp_path / f"whole{suffix}").metadata
    assert expected.timecode is not None
    assert probe(tmp_path / f"part-out{suffix}").metadata == expected
    expected, found = (tmp_path / f"whole{suffix}", tmp_path / f"part-out{suffix}")
    assert tags_of(found) == tags_of(expected)
    assert streams_without_times(found) == streams_without_times(expected)
    assert_timed_alike(chapters_of(found), chapters_of(expected))
    if frames.stop < 60:  # the last line ends before
        assert_timed_alike(subtitles_of(found), subtitles_of(expected))


def find_timecode_entry(data):
    """Returns the offset of the sample entry of a movie's timecode."""
    [at] = [
        at for at in range(len(data)) if data[at : at + 4] == b"tmcd" and data[at - 16 : at - 12] == b"stsd"
    ]
    return at + 4


def count_every_other(clip):
    """Lets the timecode of a clip of 60 frames count 30."""
    data = bytearray(clip.read_bytes())
    entry = find_timecode_entry(data)
    (ticks,) = struct.unpack_from(">I", data, entry + 20)
    struct.pack_into(">IB", data, entry + 20, 2 * ticks, 30)
    clip.write_bytes(data)


@pytest.mark.parametrize(
    ("timecode", "rate", "base"),
    [
        ("01:00:59;10", "30000/1001", 30),
        ("00:09:59;40", "60000/1001", 60),
        ("23:59:59;10", "30000/1001", 30),
        ("23:59:59:20", "24000/1001", 24),
        ("10:00:00:00", "25", 25),
        ("01:00:00:10", "60", 30),
        ("00:00:30;10", "60000/1001", 30),
    ],
)
def test_every_range_keeps_its_timecode(tmp_path, timecode, rate, base):
    clip = make_rich(tmp_path, ".mov", timecode=timecode, rate=rate, extra=("-g", "6"))
    if base != round(Fraction(rate)):
        count_every_other(clip)
    rate = Fraction(rate)
    whole = probe(clip).metadata
    found = []
    for first in range(30, 45):
        part = cut(clip, range(first, first + 1))
        offset = part.frames.start / rate
        expected = whole.cut(None, first / rate + 1, first / rate).timecode
        assert probe(part.out).metadata.cut(None, offset + 1, offset).timecode == expected
        found.append(expected)
    assert len(set(found)) == (15 if base == round(rate) else 8)


def test_mastering_light_colours_and_pixel_shape_are_in_the_part(tmp_path):
    plain = tmp_path / "hdr.mkv"
    ffmpeg(
        "-f", "lavfi", "-i", "testsrc2=s=256x128:r=24:d=2", "-c:v", "libx265", "-pix_fmt", "yuv420p10le",
        "-x265-params", f"log-level=none:master-display={MASTERING}:max-cll=1000,400",
        "-vf", "setsar=4/3", "-color_primaries", "bt2020", "-color_trc", "smpte2084", "-colorspace",
        "bt2020nc", plain,
    )  # fmt: skip
    for suffix, codec in ((".mp4", "hevc"), (".mov", "prores")):
        clip = tmp_path / f"hdr{suffix}"
        info = swap_nothing(plain, clip, options=WriterOptions(codec=codec, preset="ultrafast"))
        assert info.hdr is not None
        part = probe(cut(clip, range(3)).out)
        assert (part.hdr, part.colour, part.shape) == (info.hdr, info.colour, info.shape)


def test_chapters_of_a_list_are_cut(tmp_path):
    """MP4 has chapters twice, in a track and in a list; some programs write only the list."""
    clip = make_rich(tmp_path, ".mp4")
    assert clip.read_bytes().count(b"chpl") == 1
    clip.write_bytes(clip.read_bytes().replace(b"chap", b"free"))
    part = cut(clip, range(21, 26))
    begin = 20 * 1001 / 30000
    assert_timed_alike(
        chapters_of(part.out),
        [([0, 0.8 - begin], "Opening"), ([0.8 - begin, 27 * 1001 / 30000 - begin], "The Rest")],
    )
    late = cut(clip, range(40, 45))
    assert [title for _, title in chapters_of(late.out)] == ["The Rest"]


def test_a_cover_and_what_cannot_be_shown_stay(tmp_path):
    plain = make_rich(tmp_path, ".mp4")
    cover = tmp_path / "cover.png"
    ffmpeg("-f", "lavfi", "-i", "color=red:s=32x32", "-frames:v", "1", cover)
    clip = tmp_path / "covered.mp4"
    ffmpeg("-i", plain, "-i", cover, "-map", "0:v", "-map", "0:a", "-map", "1", "-c", "copy",
           "-disposition:v:1", "attached_pic", clip)  # fmt: skip
    part = cut(clip, range(25, 30))
    assert [side.kind for side in probe(part.out).side_streams] == ["cover"]


def test_text_that_begins_later_than_the_part_keeps_its_time(tmp_path):
    plain = make_rich(tmp_path, ".mp4", extra=("-g", "6"))
    clip = tmp_path / "late.mp4"
    ffmpeg("-i", plain, "-itsoffset", "0.7", "-i", tmp_path / "s.srt", "-map", "0:v", "-map", "1", "-c:v",
           "copy", "-c:s", "mov_text", clip)  # fmt: skip
    begin = 19 * 1001 / 30000
    end = 56 * 1001 / 30000
    moved = [([min(time, end) - begin for time in times], text) for times, text in subtitles_of(clip)]
    assert_timed_alike(subtitles_of(cut(clip, range(20, 55)).out), moved)


@pytest.mark.parametrize("wrong", ["counter", "no base", "long"])
def test_a_timecode_that_cannot_be_moved_leaves_the_file_whole(tmp_path, wrong):
    clip = make_rich(tmp_path, ".mov")
    assert cut(clip, range(3))
    data = bytearray(clip.read_bytes())
    entry = find_timecode_entry(data)
    if wrong == "counter":
        data[entry + 15] |= 8
    elif wrong == "no base":
        data[entry + 24] = 0
    else:
        data[entry - 4 : entry] = b"tc64"
    clip.write_bytes(data)
    assert trim_movie(clip, range(3), tmp_path / "none.mov") is None
    assert not (tmp_path / "none.mov").exists()


def test_tracks_that_hold_nothing_are_left_out(tmp_path):
    plain = make_rich(tmp_path, ".mp4")
    (tmp_path / "empty.srt").write_text("")
    clip = tmp_path / "empty.mp4"
    ffmpeg("-i", plain, "-f", "srt", "-i", tmp_path / "empty.srt", "-map", "0:v", "-map", "1", "-c:v", "copy",
           "-c:s", "mov_text", clip)  # fmt: skip
    assert len(streams_of(clip, "subtitle")) == 1
    part = cut(clip, range(3))
    assert streams_of(part.out, "subtitle") == []
    assert [title for _, title in chapters_of(part.out)] == ["Opening"]  # the empty track referred to them


def test_flipped_bytes_in_what_describes_tracks(tmp_path):
    clip = make_rich(tmp_path, ".mp4", extra=("-g", "6", "-movflags", "use_metadata_tags+faststart"))
    data = clip.read_bytes()
    moov = required_box(child_boxes(data), b"moov")
    start = data.index(moov)
    dice = random.Random(5)  # noqa: S311
    kinds = set()
    for _ in range(400):
        wrong = bytearray(data)
        for _ in range(dice.randint(1, 3)):
            at = dice.randrange(start, start + len(moov))
            wrong[at] = dice.choice((0, 1, 0x7F, 0x80, 0xFF, dice.randrange(256)))
        clip.write_bytes(wrong)
        kinds.add(type(trim_movie(clip, range(20, 22), tmp_path / "part.mp4")))
    assert kinds == {TrimmedMovie, type(None)}
