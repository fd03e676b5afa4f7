"""Delivery: all of a clip that a result keeps, as ffprobe sees it; ffmpeg and mkvmerge make the clips."""

from __future__ import annotations

import json
import shutil
import subprocess
from fractions import Fraction

import av
import numpy as np
import pytest
from clips import write_clip

from recaster.media.encoders import choose_segment_suffix
from recaster.media.join import check_output, join_segments
from recaster.media.metadata import TECHNICAL_TAGS
from recaster.media.probe import probe
from recaster.media.reader import read_frames
from recaster.media.writer import ClipWriter
from recaster.settings.encoding import WriterOptions

needs_ffmpeg = pytest.mark.skipif(
    not (shutil.which("ffmpeg") and shutil.which("ffprobe")), reason="ffmpeg and ffprobe are not installed"
)
needs_mkvmerge = pytest.mark.skipif(not shutil.which("mkvmerge"), reason="mkvmerge is not installed")
pytestmark = needs_ffmpeg

OPTIONS = WriterOptions(quality=20, preset="ultrafast")
SUBTITLES = """1
00:00:00,200 --> 00:00:00,900
A first line

2
00:00:01,000 --> 00:00:01,600
<i>And</i> a second
of two rows
"""
CHAPTERS = """;FFMETADATA1
title=The Shot
artist=A Camera
comment=take four
[CHAPTER]
TIMEBASE=1/1000
START=0
END=800
title=Opening
[CHAPTER]
TIMEBASE=1/1000
START=800
END=2002
title=The Rest
"""
NTSC = Fraction(30000, 1001)
DATE = "2024-05-01T10:00:00.000000Z"
MASTERING = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)"


def ffmpeg(*arguments):
    subprocess.run(["ffmpeg", "-v", "error", "-y", *map(str, arguments)], check=True, timeout=60)


def ffprobe(path, *entries):
    out = subprocess.run(
        ["ffprobe", "-v", "error", "-of", "json", *entries, str(path)],
        check=True, timeout=60, capture_output=True,
    ).stdout  # fmt: skip
    return json.loads(out)


def streams_of(path, kind):
    return [s for s in ffprobe(path, "-show_streams")["streams"] if s["codec_type"] == kind]


def tags_of(path):
    """The tags of a file that aren't about how it is stored; Matroska writes them in capitals."""
    tags = ffprobe(path, "-show_format")["format"].get("tags", {})
    return {name.lower(): text for name, text in tags.items() if name.lower() not in TECHNICAL_TAGS}


def start_of(path):
    """Seconds at which the picture begins: Matroska moves everything behind the lead-in of the sound."""
    return float(streams_of(path, "video")[0]["start_time"])


def subtitles_of(path):
    """(start and end in seconds after the picture's start, text) of every subtitle."""
    subprocess.run(
        ["ffmpeg", "-v", "error", "-y", "-i", str(path), "-map", "0:s", str(path.with_suffix(".srt"))],
        check=True, timeout=60,
    )  # fmt: skip
    start = start_of(path)
    found = []
    for block in path.with_suffix(".srt").read_text().strip().split("\n\n"):
        _, times, *lines = block.split("\n")
        seconds = [
            sum(
                float(part) * unit
                for part, unit in zip(time.replace(",", ".").split(":"), (3600, 60, 1), strict=True)
            )
            for time in times.split(" --> ")
        ]
        found.append(([second - start for second in seconds], "\n".join(lines)))
    return found


def chapters_of(path):
    start = start_of(path)
    return [
        ([float(chapter[f"{end}_time"]) - start for end in ("start", "end")], chapter["tags"]["title"])
        for chapter in ffprobe(path, "-show_chapters")["chapters"]
    ]


def assert_timed_alike(found, expected):
    assert [text for _, text in found] == [text for _, text in expected]
    for (times, _), (wanted, _) in zip(found, expected, strict=True):
        assert times == pytest.approx(wanted, abs=0.003)


def make_rich(folder, suffix, *, timecode="01:00:00;00", rate="30000/1001", extra=()):
    """Two seconds with sound, subtitles, chapters, timecode, reel, dates and a camera's tags."""
    (folder / "s.srt").write_text(SUBTITLES)
    (folder / "c.txt").write_text(CHAPTERS)
    clip = folder / f"rich{suffix}"
    ffmpeg(
        "-f", "lavfi", "-i", f"testsrc2=s=128x96:r={rate}:d=2.002", "-f", "lavfi", "-i", "sine=d=2",
        "-i", folder / "s.srt", "-i", folder / "c.txt", "-map", "0", "-map", "1", "-map", "2",
        "-map_metadata", "3", "-map_chapters", "3", "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac",
        "-c:s", "mov_text" if suffix in (".mov", ".mp4") else "srt", "-metadata:s:s:0", "language=fra",
        "-disposition:s:0", "forced", "-metadata:s:v", "reel_name=A001C002",
        "-metadata", f"creation_time={DATE}", "-metadata", "com.apple.quicktime.make=ACME",
        "-metadata", "com.apple.quicktime.model=X1", "-movflags", "use_metadata_tags",
        "-timecode", timecode, *extra, clip,
    )  # fmt: skip
    return clip


def swap_nothing(clip, out, frames=None, options=OPTIONS):
    """The clip through reader, writer and muxer, as a swap that paints nothing."""
    info = probe(clip)
    frames = frames or range(info.frame_count)
    segment = out.with_name(f"{out.stem}.segment{choose_segment_suffix(options.codec)}")
    with ClipWriter(segment, info, options) as writer:
        for frame in read_frames(clip, frames.start, frames.stop, lazy=True):
            writer.write_painted(frame, [])
    join_segments([segment], info, out, frames, options)
    return info


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


@pytest.mark.parametrize(
    ("suffix", "codec"),
    [
        (".mp4", "hevc"),
        (".mov", "hevc"),
        (".mkv", "hevc"),
        (".mov", "prores"),
        (".mkv", "h264"),
        (".mp4", "av1"),
        (".mkv", "av1"),
    ],
)
def test_hdr10_stays_hdr10(tmp_path, suffix, codec):
    clip = tmp_path / "hdr.mkv"
    ffmpeg(
        "-f", "lavfi", "-i", "testsrc2=s=256x128:r=24:d=0.25", "-c:v", "libx265", "-pix_fmt", "yuv420p10le",
        "-x265-params", f"log-level=none:master-display={MASTERING}:max-cll=1000,400",
        "-color_primaries", "bt2020", "-color_trc", "smpte2084", "-colorspace", "bt2020nc", clip,
    )  # fmt: skip
    out = tmp_path / f"out{suffix}"
    options = WriterOptions(codec=codec, quality=20, preset="ultrafast")
    info = swap_nothing(clip, out, options=options)
    assert check_output(out, info, options) == ()
    assert info.hdr is not None
    assert info.hdr.light == (1000, 400)
    after = probe(out)
    assert after.hdr == info.hdr
    assert after.colour == info.colour
    said = ffprobe(out, "-show_frames", "-show_streams", "-read_intervals", "%+#1")
    kinds = json.dumps(said)
    assert "Mastering display metadata" in kinds
    assert "Content light level metadata" in kinds


def make_transparent(path, codec, pixel_format):
    """Eight frames whose opacity is a ramp from left to right, painted by numpy alone."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=24)
        stream.width, stream.height, stream.pix_fmt = 128, 96, pixel_format
        for index in range(4):
            image = np.zeros((96, 128, 4), np.uint16)
            image[..., 0] = 9000 * (index + 1)
            image[..., 1] = np.linspace(0, 65535, 96, dtype=np.uint16)[:, None]
            image[..., 3] = np.linspace(0, 65535, 128, dtype=np.uint16)
            frame = av.VideoFrame.from_ndarray(image, format="rgba64le").reformat(format=pixel_format)
            frame.pts = index
            frame.time_base = Fraction(1, 24)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def opacity_of(path):
    with av.open(str(path)) as container:
        picture = next(container.decode(video=0))
        return picture.reformat(format="rgba64le").to_ndarray()[..., 3].astype(int) / 65535


@pytest.mark.parametrize(
    ("codec", "pixel_format"), [("prores_ks", "yuva444p10le"), ("png", "rgba"), ("qtrle", "argb")]
)
def test_transparency_stays_in_prores(tmp_path, codec, pixel_format):
    clip = make_transparent(tmp_path / "clear.mov", codec, pixel_format)
    out = tmp_path / "out.mov"
    info = swap_nothing(clip, out, options=WriterOptions(codec="prores"))
    assert info.has_alpha
    assert check_output(out, info, WriterOptions(codec="prores")) == ()
    assert probe(out).has_alpha
    assert np.abs(opacity_of(out) - opacity_of(clip)).max() < 0.002
    [said] = check_output(tmp_path / "out.mp4", info)
    assert "transparency" in said


def test_a_timecode_that_the_rate_does_not_have_is_named(tmp_path):
    clip = make_rich(tmp_path, ".mkv", timecode="01:00:00:29", rate="24",
                     extra=("-metadata", "timecode=01:00:00:29"))  # fmt: skip
    [said] = check_output(tmp_path / "out.mov", probe(clip))
    assert "timecode 01:00:00:29, which 24 frames/s don't have" in said
    write_clip(read_frames(clip), probe(clip), tmp_path / "out.mov", options=OPTIONS)
    assert probe(tmp_path / "out.mov").metadata.timecode is None


def test_a_group_of_pictures_knows_its_timecode(tmp_path):
    clip = tmp_path / "gop.mpg"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=128x96:r=30000/1001:d=1", "-c:v", "mpeg2video",
           "-timecode", "10:20:30;12", clip)  # fmt: skip
    assert probe(clip).metadata.timecode == "10:20:30;12"
    swap_nothing(clip, tmp_path / "out.mov", range(18, 30))
    assert probe(tmp_path / "out.mov").metadata.timecode == "10:20:31;00"


def test_the_same_result_is_the_same_bytes(tmp_path):
    clip = make_rich(tmp_path, ".mov")
    for name in ("one.mov", "two.mov"):
        swap_nothing(clip, tmp_path / name)
    assert (tmp_path / "one.mov").read_bytes() == (tmp_path / "two.mov").read_bytes()
