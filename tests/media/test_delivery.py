"""Delivery: all of a clip that a result keeps, as ffprobe sees it; ffmpeg and mkvmerge make the clips."""

from __future__ import annotations

import subprocess
from fractions import Fraction

import av
import pytest
from rich_clips import (
    NTSC,
    OPTIONS,
    assert_timed_alike,
    chapters_of,
    ffmpeg,
    make_rich,
    needs_ffmpeg,
    needs_mkvmerge,
    start_of,
    streams_of,
    subtitles_of,
    swap_nothing,
    tags_of,
)

from recaster.media.encoders import SEGMENT_SUFFIX
from recaster.media.join import check_output, join_segments
from recaster.media.probe import probe
from recaster.media.reader import read_frames
from recaster.media.writer import ClipWriter

pytestmark = needs_ffmpeg


@pytest.mark.parametrize("suffix", [".mov", ".mp4", ".mkv"])
@pytest.mark.parametrize("origin", [".mov", ".mkv"])
def test_everything_around_the_picture_is_kept(tmp_path, origin, suffix):
    clip = make_rich(tmp_path, origin)
    out = tmp_path / f"out{suffix}"
    info = swap_nothing(clip, out)
    after = probe(out)
    assert check_output(out, info) == ()
    assert after.metadata.timecode == info.metadata.timecode == "01:00:00;00"
    assert after.metadata.reel == info.metadata.reel == "A001C002"
    wanted = {"title": "The Shot", "artist": "A Camera", "comment": "take four",
              "com.apple.quicktime.make": "ACME", "com.apple.quicktime.model": "X1"}  # fmt: skip
    assert wanted.items() <= tags_of(out).items()
    assert tags_of(out)["creation_time"] == tags_of(clip)["creation_time"]
    assert_timed_alike(subtitles_of(out), subtitles_of(clip))
    [subtitle] = streams_of(out, "subtitle")
    assert subtitle["tags"]["language"] == "fra"
    if origin == suffix == ".mkv":  # MOV has no such mark
        assert subtitle["disposition"]["forced"] == 1
    assert_timed_alike(chapters_of(out), chapters_of(clip))


@pytest.mark.parametrize("suffix", [".mov", ".mp4", ".mkv"])
def test_a_range_takes_its_part_along(tmp_path, suffix):
    clip = make_rich(tmp_path, ".mov", timecode="01:00:59;10")
    out = tmp_path / f"out{suffix}"
    swap_nothing(clip, out, range(25, 50))
    late = probe(out).audio[0].offset
    assert probe(out).metadata.timecode == "01:01:00;07"  # ;00 and ;01 of that minute are left out
    begin = float(25 / NTSC)
    end = float(50 / NTSC)
    # A chapter and a line that begin before the range begin with it.
    assert_timed_alike(chapters_of(out), [([0, end - begin], "The Rest")])
    first, second = subtitles_of(clip)
    assert_timed_alike(
        subtitles_of(out), [([0, first[0][1] - begin], first[1]), ([t - begin for t in second[0]], second[1])]
    )
    assert abs(late) < Fraction(1, 10)


@needs_mkvmerge
def test_attachments_and_covers_stay_where_they_can(tmp_path):
    plain = make_rich(tmp_path, ".mkv")
    (tmp_path / "font.ttf").write_bytes(b"not really a font")
    clip = tmp_path / "attached.mkv"
    subprocess.run(
        ["mkvmerge", "-q", "-o", str(clip), "--attachment-mime-type", "font/ttf", "--attach-file",
         str(tmp_path / "font.ttf"), str(plain)],
        check=True, timeout=60,
    )  # fmt: skip
    info = swap_nothing(clip, tmp_path / "out.mkv")
    [side] = [side for side in probe(tmp_path / "out.mkv").side_streams if side.kind == "attachment"]
    assert side.title == "font.ttf"
    with av.open(str(tmp_path / "out.mkv")) as container:
        assert container.streams.attachments[0].data == b"not really a font"
    [said] = check_output(tmp_path / "out.mp4", info)
    assert "attachment stream" in said
    assert "font.ttf" in said


def test_a_cover_is_not_the_picture_and_stays(tmp_path):
    plain = make_rich(tmp_path, ".mp4")
    cover = tmp_path / "cover.png"
    ffmpeg("-f", "lavfi", "-i", "color=red:s=32x32", "-frames:v", "1", cover)
    clip = tmp_path / "covered.mp4"
    ffmpeg("-i", plain, "-i", cover, "-map", "0:v", "-map", "0:a", "-map", "1", "-c", "copy",
           "-disposition:v:1", "attached_pic", clip)  # fmt: skip
    swap_nothing(clip, tmp_path / "out.mp4")
    pictures = streams_of(tmp_path / "out.mp4", "video")
    assert [s["disposition"]["attached_pic"] for s in pictures] == [0, 1]
    assert probe(tmp_path / "out.mp4").frame_count == probe(clip).frame_count


def add_subtitles(clip, text, out, encoding="utf-8"):
    (out.parent / "more.srt").write_bytes(text.encode(encoding))
    ffmpeg(
        "-i",
        clip,
        "-i",
        out.parent / "more.srt",
        "-map",
        "0:v",
        "-map",
        "0:a",
        "-map",
        "1",
        "-c",
        "copy",
        out,
    )
    return out


def test_subtitles_that_cannot_be_converted_are_counted(tmp_path):
    plain = make_rich(tmp_path, ".mkv")
    text = "1\n00:00:00,100 --> 00:00:00,500\nCafé\n\n2\n00:00:00,600 --> 00:00:00,900\nplain\n"
    clip = add_subtitles(plain, text, tmp_path / "latin.mkv", "latin-1")
    out = tmp_path / "out.mp4"
    info = probe(clip)
    segment = tmp_path / f"s{SEGMENT_SUFFIX}"
    with ClipWriter(segment, info, OPTIONS) as writer:
        for frame in read_frames(clip, lazy=True):
            writer.write_painted(frame, [])
    [said] = join_segments([segment], info, out, range(info.frame_count), OPTIONS)
    assert "1 subtitles" in said
    assert [text for _, text in subtitles_of(out)] == ["plain"]


def test_subtitles_that_overlap_are_shown_together_in_mov_text(tmp_path):
    text = (
        "1\n00:00:00,100 --> 00:00:01,000\none\n\n2\n00:00:00,100 --> 00:00:00,600\ntwo\n\n"
        "3\n00:00:00,800 --> 00:05:00,000\nthree\n"
    )
    clip = add_subtitles(make_rich(tmp_path, ".mkv"), text, tmp_path / "both.mkv")
    out = tmp_path / "out.mp4"
    info = swap_nothing(clip, out)
    start = start_of(clip)
    expected = [([0.1, 0.6], "one\ntwo"), ([0.6, 0.8], "one"), ([0.8, 1.0], "one\nthree")]
    *found, last = subtitles_of(out)
    assert_timed_alike(found, [([time - start for time in times], text) for times, text in expected])
    assert last[1] == "three"
    assert last[0][1] == pytest.approx(float(info.duration), abs=0.003)  # no longer than the picture


def test_data_that_the_container_does_not_know_is_named(tmp_path):
    (tmp_path / "telemetry.bin").write_bytes(bytes(range(256)) * 4)
    plain = make_rich(tmp_path, ".mp4")
    clip = tmp_path / "klv.ts"
    ffmpeg(
        "-i",
        plain,
        "-f",
        "data",
        "-i",
        tmp_path / "telemetry.bin",
        "-map",
        "0:v",
        "-map",
        "1",
        "-c",
        "copy",
        clip,
    )
    for suffix in (".mov", ".mp4", ".mkv"):
        [said] = check_output(tmp_path / f"out{suffix}", probe(clip))
        assert "data stream 1" in said
    swap_nothing(clip, tmp_path / "out.mov")
    assert streams_of(tmp_path / "out.mov", "data") == []


def make_covered(folder, *extra):
    cover = folder / "cover.jpg"
    ffmpeg("-f", "lavfi", "-i", "color=red:s=32x32", "-frames:v", "1", cover)
    clip = folder / "covered.mp4"
    plain = make_rich(folder, ".mp4")
    ffmpeg("-i", plain, "-i", cover, "-map", "0:v", "-map", "0:a", "-map", "1", "-c", "copy",
           "-map_metadata", "-1", "-disposition:v:1", "attached_pic", *extra, clip)  # fmt: skip
    return clip


def test_a_cover_is_an_attachment_in_matroska_and_named_where_it_is_lost(tmp_path):
    clip = make_covered(tmp_path)
    info = swap_nothing(clip, tmp_path / "out.mkv")
    after = probe(tmp_path / "out.mkv")
    assert [side.kind for side in after.side_streams] == ["cover"]
    assert not any("picture stream" in warning for warning in after.warnings)
    [said] = check_output(tmp_path / "out.mov", info)
    assert "cover stream" in said
    again = swap_nothing(tmp_path / "out.mkv", tmp_path / "back.mp4")
    assert check_output(tmp_path / "back.mp4", again) == ()
    assert [side.kind for side in probe(tmp_path / "back.mp4").side_streams] == ["cover"]


@pytest.mark.parametrize("suffix", [".mov", ".mp4", ".mkv"])
def test_tags_in_another_encoding_are_read(tmp_path, suffix):
    clip = make_rich(tmp_path, suffix)
    ffmpeg("-i", clip, "-map", "0:v", "-c", "copy", "-metadata", b"title=Caf\xe9", tmp_path / f"t{suffix}")
    info = swap_nothing(tmp_path / f"t{suffix}", tmp_path / f"out{suffix}")
    assert info.metadata.tags["title"].startswith("Caf")


@pytest.mark.parametrize("suffix", [".mov", ".mp4", ".mkv"])
def test_chapters_with_gaps_keep_their_times_and_end_with_the_picture(tmp_path, suffix):
    marks = [(500, 800, "first"), (1000, 1000, "marker"), (1500, 36_000_000, "long")]
    text = "".join(f"[CHAPTER]\nTIMEBASE=1/1000\nSTART={a}\nEND={b}\ntitle={name}\n" for a, b, name in marks)
    (tmp_path / "gaps.txt").write_text(";FFMETADATA1\n" + text)
    clip = tmp_path / "gaps.mkv"
    ffmpeg("-i", make_rich(tmp_path, ".mp4"), "-i", tmp_path / "gaps.txt", "-map", "0:v", "-c", "copy",
           "-map_chapters", "1", clip)  # fmt: skip
    swap_nothing(clip, tmp_path / f"out{suffix}")
    titled = [(times, name) for times, name in chapters_of(tmp_path / f"out{suffix}") if name]
    assert_timed_alike(titled, [([0.5, 0.8], "first"), ([1.0, 1.5], "marker"), ([1.5, 2.002], "long")])


def test_the_same_result_is_the_same_bytes(tmp_path):
    clip = make_rich(tmp_path, ".mov")
    for name in ("one.mov", "two.mov"):
        swap_nothing(clip, tmp_path / name)
    assert (tmp_path / "one.mov").read_bytes() == (tmp_path / "two.mov").read_bytes()


def test_tags_of_the_picture_that_the_container_has_no_place_for_are_named(tmp_path):
    clip = make_rich(tmp_path, ".mkv", extra=("-metadata:s:v", "LENS=35mm", "-metadata:s:v", "title=A Roll"))
    info = probe(clip)
    for suffix in (".mov", ".mp4"):
        [said] = check_output(tmp_path / f"out{suffix}", info)
        assert "tags of the picture's stream (LENS)" in said
    assert check_output(tmp_path / "out.mkv", info) == ()
    swap_nothing(clip, tmp_path / "out.mkv")
    [picture] = streams_of(tmp_path / "out.mkv", "video")
    assert picture["tags"]["LENS"] == "35mm"
