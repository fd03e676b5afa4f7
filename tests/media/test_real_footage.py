"""Real and odd clips through reading, writing and joining. Short ranges, to stay quick."""

from fractions import Fraction

import numpy as np
import pytest
from clips import write_clip

from recaster.errors import ClipError
from recaster.media.probe import probe, scan
from recaster.media.reader import read_frames
from recaster.media.sheet import load_image
from recaster.settings.encoding import WriterOptions

pytestmark = pytest.mark.footage

NEAR = WriterOptions(quality=6, preset="ultrafast")
NTSC = Fraction(24000, 1001)

ROUND_TRIPS = [
    "variants/base4s.mp4",
    "variants/audio_offset_500ms.mp4",
    "variants/vfr.mp4",
    "variants/rotmeta_shows_upright.mp4",
    "variants/rotmeta_shows_upsidedown.mp4",
    "variants/hdr10_pq.mp4",
    "variants/prores422_10bit.mov",
    "variants/odd_431x243_vp9.webm",
    "variants/odd_427x241_444.mp4",
    "variants/interlaced_sar.mpg",
    "variants/gray8.mp4",
    "variants/two_audio.mkv",
    "variants/bitflips.mp4",
    "variants/truncated_faststart.mp4",
    "clips/intel_book.mkv",
    "clips/intel_head-pose-face-detection-female.gif",
    "clips/pyfeat_no_face.mp4",
    "clips/pyfeat_single_face.mp4",
    "clips/retalking_1.mp4",
]


@pytest.mark.parametrize("name", ROUND_TRIPS)
def test_a_round_trip_changes_nothing_but_the_codec(footage, tools, tmp_path, name):
    clip = footage / name
    out = tmp_path / "out.mp4"
    before = probe(clip)
    write_clip(read_frames(clip, lazy=True), before, out, options=NEAR)
    after = probe(out)
    assert after.shape == before.shape
    assert (after.frame_count, after.time_base) == (before.frame_count, before.time_base)
    assert scan(out).pts.tolist() == scan(clip).pts.tolist()
    assert after.variable == before.variable
    assert after.bit_depth == before.bit_depth
    if before.codec != "gif":
        assert after.colour == before.colour
    for one, other in zip(read_frames(clip), read_frames(out), strict=True):
        if one.index % 5 == 0:
            assert np.abs(one.image.mean((0, 1)) - other.image.mean((0, 1))).max() <= 1
            assert np.abs(one.image.astype(int) - other.image).mean() <= 1.5
    _same_sound(tools, clip, out)


def _same_sound(tools, clip, out):
    before = tools.sound_packets(clip)
    after = tools.sound_packets(out)
    assert len(before) == len(after)
    for old, new in zip(before, after, strict=True):
        assert [packet.data for packet in old] == [packet.data for packet in new]
        assert max(abs(a.time - b.time) for a, b in zip(old, new, strict=True)) <= Fraction(1, 48000)


@pytest.mark.parametrize(
    ("name", "frames", "options"),
    [
        ("clips/latentsync_demo1_video.mp4", range(30, 36), WriterOptions(quality=6, preset="ultrafast")),
        ("clips/pyfeat_face_noface.mov", range(90, 104), WriterOptions(codec="prores")),
        (
            "clips/face_recognition_short_hamilton_clip.mp4",
            range(100, 120),
            WriterOptions(codec="hevc", quality=8),
        ),
        ("clips/grid_lipnet_bbaf2n.mpg", range(50, 75), WriterOptions(quality=6)),
    ],
)
def test_a_range_of_a_real_clip(footage, tools, tmp_path, name, frames, options):
    clip = footage / name
    out = tmp_path / "out.mov"
    info = probe(clip)
    originals = list(read_frames(clip, frames.start, frames.stop))
    write_clip(originals, info, out, frames, options)
    written = list(read_frames(out))
    origin = originals[0].time
    assert [frame.time for frame in written] == [frame.time - origin for frame in originals]
    for one, other in zip(originals, written, strict=True):
        assert np.abs(one.image.mean((0, 1)) - other.image.mean((0, 1))).max() <= 1
    seen = scan(clip)
    first = originals[0].pts * info.time_base
    end = seen.pts[frames.stop] * info.time_base if frames.stop < info.frame_count else None
    for before, after in zip(tools.sound_packets(clip), tools.sound_packets(out), strict=True):
        wanted = [p for p in before if p.time + p.duration > first and (end is None or p.time < end)]
        assert [p.data for p in after] == [p.data for p in wanted]
        assert max(abs(b.time - (a.time - first)) for a, b in zip(wanted, after, strict=True)) <= Fraction(
            1, 10000
        )


def test_what_is_told_of_odd_clips(footage):
    facts = {name: probe(footage / name) for name in ROUND_TRIPS if "gif" not in name}
    assert {facts[f"variants/{name}.mp4"].rate for name in ("base4s", "audio_offset_500ms", "gray8")} == {
        NTSC
    }
    assert facts["variants/odd_431x243_vp9.webm"].rate == facts["variants/two_audio.mkv"].rate == NTSC
    assert [info.language for info in facts["variants/two_audio.mkv"].audio] == [None, "deu"]
    assert facts["variants/audio_offset_500ms.mp4"].audio[0].offset == Fraction(22944, 48000)
    vfr = facts["variants/vfr.mp4"]
    turned = facts["variants/rotmeta_shows_upright.mp4"]
    assert (vfr.variable, vfr.frame_count, vfr.duration) == (True, 66, 96 / NTSC)
    assert (turned.width, turned.height, turned.shape.rotation) == (360, 640, 90)
    interlaced = facts["variants/interlaced_sar.mpg"]
    assert (interlaced.width, interlaced.height, interlaced.shape.sample_aspect) == (768, 576, Fraction(8, 5))
    assert interlaced.interlaced
    assert facts["clips/pyfeat_no_face.mp4"].frame_count == 95  # of 98 packets
    assert facts["clips/pyfeat_no_face.mp4"].warnings == ()
    assert facts["clips/pyfeat_no_face.mp4"].metadata.tags["creation_time"] == "2023-02-03T21:18:59.000000Z"
    cut = facts["variants/truncated_faststart.mp4"]
    assert cut.frame_count == 57
    assert "cut off" in cut.warnings[0]
    assert "broken from frame" in facts["variants/bitflips.mp4"].warnings[0]
    assert probe(footage / "clips/intel_head-pose-face-detection-female.gif").rate == 12


@pytest.mark.parametrize("name", ["zero_bytes", "not_a_video", "truncated_no_moov", "audio_only"])
def test_broken_clips_get_one_error_and_leave_nothing(footage, tmp_path, name):
    clip = footage / f"variants/{name}.mp4"
    with pytest.raises(ClipError, match=f"{name}.mp4") as caught:
        write_clip(read_frames(clip), probe(clip), tmp_path / "out.mp4")
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["bitflips.mp4", "interlaced_sar.mpg", "odd_431x243_vp9.webm", "vfr.mp4"])
def test_a_range_is_the_same_pictures_as_the_whole(footage, name):
    clip = footage / "variants" / name
    whole = {frame.index: frame for frame in read_frames(clip)}
    for start, stop in [(3, 6), (31, 34)]:
        for frame in read_frames(clip, start, stop):
            assert frame.pts == whole[frame.index].pts
            assert np.array_equal(frame.image, whole[frame.index].image)


def test_upright_means_upright(footage):
    """The turned variants show the same picture, one upright, one upside down."""
    upright = next(read_frames(footage / "variants/rotmeta_shows_upright.mp4", 20, 21)).image
    reverse = next(read_frames(footage / "variants/rotmeta_shows_upsidedown.mp4", 20, 21)).image
    assert np.abs(upright.astype(int) - reverse[::-1, ::-1]).mean() < 1


def test_real_stills(footage):
    alpha = load_image(footage / "stills/pyfeat_Image_with_alpha.png")
    grey = load_image(footage / "stills/pyfeat_BWPictureHuman.jpg")
    assert alpha.shape[2] == grey.shape[2] == 3
    assert alpha.dtype == grey.dtype == np.uint8
