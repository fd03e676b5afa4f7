"""Clips with everything that stands around a picture, made by ffmpeg, and what ffprobe sees of them."""

from __future__ import annotations

import json
import shutil
import subprocess
from fractions import Fraction

import pytest

from recaster.media.encoders import choose_segment_suffix
from recaster.media.join import join_segments
from recaster.media.metadata import TECHNICAL_TAGS
from recaster.media.probe import probe
from recaster.media.reader import read_frames
from recaster.media.writer import ClipWriter
from recaster.settings.encoding import WriterOptions

needs_ffmpeg = pytest.mark.skipif(
    not (shutil.which("ffmpeg") and shutil.which("ffprobe")), reason="ffmpeg and ffprobe are not installed"
)
needs_mkvmerge = pytest.mark.skipif(not shutil.which("mkvmerge"), reason="mkvmerge is not installed")
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
    subprocess.run(
        ["ffmpeg", "-v", "error", "-y", *(a if isinstance(a, bytes) else str(a) for a in arguments)],
        check=True,
        timeout=60,
    )


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
