"""Parts of movies show and play what the original does."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest
from tests.isobmff.clips import (
    COUNT,
    NTSC,
    SMALL,
    X264,
    X265,
    all_right,
    check,
    decoded,
    heard,
    make,
    picture,
)

from recaster.errors import ClipError
from recaster.isobmff import trim_movie
from recaster.media.probe import probe
from recaster.media.reader import read_frames

FORMATS = {
    "x264.mp4": {},
    "front.mp4": {"muxer": {"movflags": "faststart"}},
    "film.mov": {"rate": Fraction(24)},
    "negative.mp4": {"muxer": {"movflags": "negative_cts_offsets"}},
    "noedits.mp4": {"muxer": {"use_editlist": "0"}, "sounds": ()},
    "open.mp4": {"options": {"x264-params": X264 + ":open-gop=1"}},
    "openneg.mp4": {
        "options": {"x264-params": X264 + ":open-gop=1"},
        "muxer": {"movflags": "negative_cts_offsets"},
    },
    "pyramid.mp4": {
        "options": {"x264-params": X264.replace("bframes=3", "bframes=7:b-pyramid=strict:ref=4")}
    },
    "plain.mp4": {"options": {"x264-params": X264.replace("bframes=3", "bframes=0")}},
    "fast.mp4": {"rate": Fraction(25), "muxer": {"movie_timescale": "600", "video_track_timescale": "90000"}},
    "late.mp4": {"late": 13},
    "latesound.mp4": {"sound_late": 24011},
    "hevc.mp4": {"codec": "libx265", "options": {"x265-params": X265}},
    "hevcopen.mov": {"codec": "libx265", "options": {"x265-params": X265 + ":open-gop=1"}},
    "prores.mov": {"codec": "prores_ks", "options": {}, "pixels": "yuv422p10le", "sounds": ("pcm_s16le",)},
    "pcm.mov": {"sounds": ("pcm_s24le", "aac")},
    "mpeg4.mp4": {"codec": "mpeg4", "options": {"bf": "2", "b": "900k"}, "sounds": ("mp3",)},
    "vp9.mp4": {
        "codec": "libvpx-vp9",
        "options": {"deadline": "realtime", "cpu-used": "8"},
        "sounds": ("flac",),
    },
    "mjpeg.mov": {"codec": "mjpeg", "options": {}, "pixels": "yuvj420p", "sounds": ("alac",)},
}


@pytest.mark.parametrize("name", FORMATS)
def test_a_part_has_the_frames_and_the_sound_of_the_original(name, tmp_path):
    path = make(tmp_path / name, **FORMATS[name])
    assert all_right(path, tmp_path) == 5


def wave(path):
    """The sound as it is heard: values of the left channel, and the number of the first."""
    with av.open(str(path)) as container:
        frames = list(container.decode(audio=0))
    return frames[0].pts, np.concatenate([frame.to_ndarray()[0] for frame in frames])


@pytest.mark.parametrize("sound", ["aac", "mp3", "ac3"])
def test_the_sound_is_heard_as_before(sound, tmp_path):
    """Decoders of sound need what was before, too."""
    path = make(tmp_path / "clip.mp4", sounds=(sound,))
    done = trim_movie(path, range(20, 35), tmp_path / "part.mp4")
    assert done is not None
    (was, old) = wave(path)
    (now, new) = wave(done.out)
    begin = round(19 / NTSC * 48000)  # the part shows one frame more
    heard_from = max(now, 0)
    part = new[heard_from - now :][:20_000]
    assert len(part) == 20_000
    # Decoders of AAC and AC-3 add noise of their own.
    assert np.abs(part - old[begin + heard_from - was :][:20_000]).max() < 1e-4


def test_an_open_gop_is_not_taken_for_a_closed_one(tmp_path):
    """Frames before a key frame in time but after it in the file need the group before."""
    path = make(tmp_path / "open.mp4", options={"crf": "20", "x264-params": X264 + ":open-gop=1"}, sounds=())
    original = decoded(path)
    assert all(check(path, original, [], range(i, i + 2), tmp_path / "o.mp4") for i in range(9, 38))


def test_every_frame_of_a_closed_gop(tmp_path):
    path = make(tmp_path / "closed.mp4")
    original = decoded(path)
    sounds = heard(path)
    assert all(check(path, original, sounds, range(i, i + 1), tmp_path / "o.mp4") for i in range(9, 38))


def test_a_refresh_without_key_frames_is_no_place_to_start(tmp_path):
    """Its recovery points are marked as sync samples, but frames from there on are not yet whole."""
    options = {"crf": "20", "x264-params": "intra-refresh=1:keyint=12:bframes=0:threads=1"}
    path = make(tmp_path / "refresh.mp4", options=options)
    original = decoded(path)
    sounds = heard(path)
    done = [check(path, original, sounds, range(i, i + 3), tmp_path / "o.mp4") for i in (0, 13, 25)]
    assert all(done)
    assert done[0].size < done[1].size < done[2].size


@pytest.mark.parametrize("name", ["x264.mp4", "open.mp4", "latesound.mp4", "pcm.mov"])
def test_a_part_of_a_part(name, tmp_path):
    path = make(tmp_path / name, **FORMATS[name])
    part = tmp_path / f"part{path.suffix}"
    first = trim_movie(path, range(17, 44), part)
    assert first is not None
    original = decoded(part)
    sounds = heard(part)
    assert [pixels for _, pixels in original] == [pixels for _, pixels in decoded(path)][16:45]
    assert all(
        check(part, original, sounds, range(i, i + 2), tmp_path / f"o{path.suffix}") for i in range(1, 9)
    )


def test_rotation_and_shape_stay(tmp_path):
    path = tmp_path / "phone.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"x264-params": X264})
        stream.width = 96
        stream.height = 64
        stream.pix_fmt = "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(4, 3)
        stream.codec_context.color_primaries = stream.codec_context.colorspace = 9
        stream.set_display_rotation(90)
        for index in range(COUNT):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture(index), format="rgb24")))
        container.mux(stream.encode(None))
    out = tmp_path / "part.mp4"
    done = trim_movie(path, range(30, 34), out)
    assert done is not None
    was = probe(path)
    now = probe(out)
    assert (now.shape, now.colour, now.rate) == (was.shape, was.colour, was.rate)
    assert was.shape.rotation == 270
    new = list(read_frames(out, done.frames.start, done.frames.stop))
    for one, other in zip(read_frames(path, 30, 34), new, strict=True):
        assert np.array_equal(one.image, other.image)


@pytest.mark.parametrize(("codec", "pictures"), [("libx264", True), ("libx264", False), ("mpeg4", True)])
def test_pictures_without_times(codec, pictures, tmp_path):
    """Without composition offsets, B pictures can't be counted; a clip that has none can."""
    options = {"x264-params": X264 if pictures else X264.replace("bframes=3", "bframes=0")}
    path = make(
        tmp_path / "clip.mp4",
        codec,
        options if codec == "libx264" else {"bf": "2"},
        muxer={"movflags": "faststart", "use_editlist": "0"},
    )
    path.write_bytes(path.read_bytes().replace(b"ctts", b"free"))
    assert (trim_movie(path, range(20, 24), tmp_path / "part.mp4") is None) == pictures


def test_interlaced_neighbours_come_along(tmp_path):
    options = {"flags": "+ildct+ilme"}
    path = make(tmp_path / "fields.mov", "prores_ks", options, pixels="yuv422p10le", sounds=())
    done = trim_movie(path, range(20, 24), tmp_path / "part.mov")
    assert done is not None
    part = list(read_frames(done.out, done.frames.start, done.frames.stop))
    for one, other in zip(read_frames(path, 20, 24), part, strict=True):
        assert np.array_equal(one.image, other.image)


def test_actors(actors, tmp_path):
    assert all_right(actors / "performer.mp4", tmp_path) == 5


def test_real_footage(footage, tmp_path):
    """Every clip that is decoded in a second or two."""
    cuts = 0
    for path in sorted(footage.rglob("*.m[po][4v]")):
        if path.stat().st_size > SMALL:
            continue
        try:
            next(read_frames(path))
        except ClipError:
            assert trim_movie(path, range(1), tmp_path / "o.mp4") is None
            continue
        cuts += all_right(path, tmp_path, 2)
    assert cuts > 30
