"""Delivery: HDR metadata, transparency and timecode of results, as ffprobe sees them."""

from __future__ import annotations

import json
import subprocess
from fractions import Fraction

import av
import numpy as np
import pytest
from clips import write_clip
from rich_clips import (
    MASTERING,
    OPTIONS,
    ffmpeg,
    ffprobe,
    make_rich,
    needs_ffmpeg,
    needs_mkvmerge,
    streams_of,
    swap_nothing,
)

from recaster.media.join import check_output
from recaster.media.probe import probe
from recaster.media.reader import read_frames
from recaster.media.timecode import move_timecode
from recaster.settings.encoding import WriterOptions

pytestmark = needs_ffmpeg


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


@needs_mkvmerge
@pytest.mark.parametrize(
    "odd",
    [
        ("--max-content-light", "0:70000", "--max-frame-light", "0:400"),
        ("--max-luminance", "0:999999", "--min-luminance", "0:0.01"),
    ],
)
def test_hdr_metadata_that_makes_no_sense_is_named_and_left_out(tmp_path, odd):
    plain = make_rich(tmp_path, ".mkv")
    clip = tmp_path / "odd.mkv"
    subprocess.run(["mkvmerge", "-q", "-o", str(clip), *odd, str(plain)], check=True, timeout=60)
    info = swap_nothing(clip, tmp_path / "out.mov")
    assert info.hdr is None
    assert any("HDR10" in warning for warning in info.warnings)


@pytest.mark.parametrize("rate", ["60000/1001", "30000/1001", "60"])
@pytest.mark.parametrize("suffix", [".mov", ".mp4"])
def test_timecode_of_a_clip_in_milliseconds_counts_its_frames(tmp_path, rate, suffix):
    timecode = "01:00:00:20" if rate == "60" else "01:00:00;20"
    clip = make_rich(
        tmp_path, ".mkv", timecode=timecode, rate=rate, extra=("-metadata", f"timecode={timecode}")
    )
    out = tmp_path / f"out{suffix}"
    swap_nothing(clip, out)
    assert probe(out).metadata.timecode == timecode
    assert probe(out).metadata.timecode_rate == Fraction(rate)
    tracks = [s for s in streams_of(out, "data") if s["codec_tag_string"] == "tmcd"]
    assert [track["tags"]["timecode"] for track in tracks] == [timecode]


def test_sixty_frames_that_count_thirty_go_on_counting_thirty(tmp_path):
    clip = tmp_path / "sixty.mov"
    ffmpeg(
        "-f", "lavfi", "-i", "testsrc2=s=128x96:r=60:d=1", "-c:v", "libx264", "-timecode", "01:00:00:10", clip
    )
    data = bytearray(clip.read_bytes())
    [described] = [
        at for at in range(len(data)) if data[at : at + 4] == b"stsd" and data[at + 16 : at + 20] == b"tmcd"
    ]
    assert data[described + 44] == 60
    data[described + 43] = 2  # ticks of a 60th second a frame
    data[described + 44] = 30
    clip.write_bytes(data)
    info = swap_nothing(clip, tmp_path / "out.mov", range(20, 60))
    assert info.metadata.timecode_rate == 30
    after = probe(tmp_path / "out.mov").metadata
    assert after.timecode_rate == 30
    assert after.timecode == move_timecode(info.metadata.timecode, 10, Fraction(30))


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


def test_mpeg_2_that_knows_no_timecode_has_none(tmp_path):
    clip = tmp_path / "plain.mpg"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=128x96:r=25:d=0.4", "-c:v", "mpeg2video", clip)
    assert probe(clip).metadata.timecode is None
