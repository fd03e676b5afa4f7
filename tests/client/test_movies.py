from __future__ import annotations

import bisect
import random
import struct
import zlib
from fractions import Fraction

import av
import numpy as np
import pytest

from recaster.client.movies import Cut, cut, tracks
from recaster.client.movies.atoms import children
from recaster.errors import ClipError, InputError
from recaster.media.decoder import ClipDecoder
from recaster.media.probe import probe
from recaster.media.reader import read_frames

COUNT = 60
SMALL = 700_000
NTSC = Fraction(30000, 1001)
X264 = "keyint=12:min-keyint=12:scenecut=0:bframes=3:b-adapt=0:threads=1"
X265 = "keyint=12:min-keyint=12:scenecut=0:bframes=3:pools=none:frame-threads=1:log-level=none"


def picture(index: int) -> np.ndarray:
    y, x = np.mgrid[:64, :96]
    noise = np.random.default_rng(index).integers(0, 40, (64, 96))
    return np.stack([(x * 2 + index * 5) % 256, (y * 3 + index) % 216 + noise, (x + y) % 256], -1).astype(
        np.uint8
    )


def make(
    path,
    codec="libx264",
    options=None,
    sounds=("aac",),
    rate=NTSC,
    muxer=None,
    pixels="yuv420p",
    late=0,
    sound_late=0,
):
    """A clip of 60 frames; the video starts ``late`` frames, the sound ``sound_late`` samples late."""
    options = {"crf": "20", "x264-params": X264} if options is None else options
    with av.open(str(path), "w", options=muxer or {}) as container:
        video = container.add_stream(codec, rate=rate, options=options)
        video.width, video.height, video.pix_fmt = 96, 64, pixels
        video.codec_context.gop_size = 12
        video.codec_context.thread_count = 1
        audio = [container.add_stream(name, rate=48000, layout="stereo") for name in sounds]
        for index in range(COUNT):
            frame = av.VideoFrame.from_ndarray(picture(index), format="rgb24").reformat(format=pixels)
            frame.pts, frame.time_base = index + late, 1 / rate
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        for stream in audio:
            tone(container, stream, sound_late)
    return path


def tone(container, stream, late):
    size, form = stream.codec_context.frame_size or 1024, stream.codec_context.format.name
    for start in range(0, 2 * 48000, size):
        time = np.arange(start, start + size) / 48000
        wave = (0.3 * np.sin(2 * np.pi * (300 + 200 * time) * time) * 32767).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(np.repeat(wave, 2)[None], format="s16", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = 48000, start + late, Fraction(1, 48000)
        for part in av.AudioResampler(format=form, layout="stereo", rate=48000).resample(frame):
            container.mux(stream.encode(part))
    container.mux(stream.encode(None))


def decoded(path):
    """(time, checksum of the pixels) of every frame, as the engine counts them."""
    with ClipDecoder(path) as source:
        return [
            (one.pts * source.time_base, zlib.crc32(one.picture.to_ndarray().tobytes()))
            for one in source.decode()
        ]


def heard(path):
    """(tick, [(start, end, bytes)]) of every sound stream: what isn't hidden; plain sound value by value."""
    found = []
    with av.open(str(path)) as container:
        for stream in container.streams.audio:
            container.seek(0)
            base, pieces = stream.time_base, []
            width = stream.codec_context.format.bytes * 2 if stream.codec_context.name == "pcm_s16le" else 0
            width = 6 if stream.codec_context.name == "pcm_s24le" else width
            for packet in container.demux(stream):
                if not packet.size or packet.is_discard:
                    continue
                data, step = bytes(packet), 1 if width else packet.duration
                for number, at in enumerate(range(0, len(data), width or len(data))):
                    start = packet.pts + number
                    pieces.append((start * base, (start + step) * base, data[at : at + (width or len(data))]))
            found.append((base, pieces))
    return found


def check(path, original, sounds, frames, out):
    """Cut and compare with the original; returns the cut, and what it shows."""
    done = cut(path, frames, out)
    if done is None:
        assert not out.exists()
        return None
    assert done.out == out
    assert done.size == out.stat().st_size <= path.stat().st_size * 4 // 5
    shown = decoded(out)
    got, expected = [shown[i] for i in done.frames], [original[i] for i in frames]
    assert [pixels for _, pixels in got] == [pixels for _, pixels in expected]
    assert [time - got[0][0] for time, _ in got] == [time - expected[0][0] for time, _ in expected]
    moved = expected[0][0] - got[0][0]
    begin, end = expected[0][0], original[frames.stop][0] if frames.stop < len(original) else expected[-1][0]
    new = heard(out)
    if len(new) != len(sounds):  # a sound that is silent in this part is left out
        sounds = [one for one in sounds if any(start < end and stop > begin for start, stop, _ in one[1])]
    for (tick, old), (_, part) in zip(sounds, new, strict=True):
        assert in_step(old, part, moved, tick, begin, end), frames
    out.unlink()
    return done


def in_step(old, part, moved, tick, begin, end):
    """Whether ``part`` is a stretch of ``old`` at the right time that misses nothing of begin to end."""
    if not part:
        return not any(start < end and stop > begin for start, stop, _ in old)
    times = [start for start, _, _ in old]
    first = bisect.bisect_left(times, part[0][0] + moved - tick / 2)
    found = old[first : first + len(part)]
    return (
        [data for _, _, data in found] == [data for _, _, data in part]
        and all(abs(was[0] - now[0] - moved) <= tick / 2 for was, now in zip(found, part, strict=True))
        and (first == 0 or old[first - 1][1] <= begin + tick)
        and (first + len(part) == len(old) or old[first + len(part)][0] >= end - tick)
    )


def all_right(path, tmp_path, step=1):
    """How many of some ranges (first, some, middle, last) are cut out, all rightly."""
    original, sounds = decoded(path), heard(path)
    out, count, third = tmp_path / f"part{path.suffix}", len(original), len(original) // 3
    wanted = [range(1), range(4), range(third, third + 1), range(third, third + 9), range(count - 1, count)]
    return sum(check(path, original, sounds, frames, out) is not None for frames in wanted[::step])


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
    done = cut(path, range(20, 35), tmp_path / "part.mp4")
    assert done is not None
    (was, old), (now, new) = wave(path), wave(done.out)
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
    original, sounds = decoded(path), heard(path)
    assert all(check(path, original, sounds, range(i, i + 1), tmp_path / "o.mp4") for i in range(9, 38))


def test_a_refresh_without_key_frames_is_no_place_to_start(tmp_path):
    """Its recovery points are marked as sync samples, but frames from there on are not yet whole."""
    options = {"crf": "20", "x264-params": "intra-refresh=1:keyint=12:bframes=0:threads=1"}
    path = make(tmp_path / "refresh.mp4", options=options)
    original, sounds = decoded(path), heard(path)
    done = [check(path, original, sounds, range(i, i + 3), tmp_path / "o.mp4") for i in (0, 13, 25)]
    assert all(done)
    assert done[0].size < done[1].size < done[2].size


@pytest.mark.parametrize("name", ["x264.mp4", "open.mp4", "latesound.mp4", "pcm.mov"])
def test_a_part_of_a_part(name, tmp_path):
    path = make(tmp_path / name, **FORMATS[name])
    part = tmp_path / f"part{path.suffix}"
    first = cut(path, range(17, 44), part)
    assert first is not None
    original, sounds = decoded(part), heard(part)
    assert [pixels for _, pixels in original] == [pixels for _, pixels in decoded(path)][16:45]
    assert all(
        check(part, original, sounds, range(i, i + 2), tmp_path / f"o{path.suffix}") for i in range(1, 9)
    )


def test_rotation_and_shape_stay(tmp_path):
    path = tmp_path / "phone.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"x264-params": X264})
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(4, 3)
        stream.codec_context.color_primaries = stream.codec_context.colorspace = 9
        stream.set_display_rotation(90)
        for index in range(COUNT):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture(index), format="rgb24")))
        container.mux(stream.encode(None))
    out = tmp_path / "part.mp4"
    done = cut(path, range(30, 34), out)
    assert done is not None
    was, now = probe(path), probe(out)
    assert (now.rotation, now.colour, now.rate) == (was.rotation, was.colour, was.rate)
    assert was.rotation == 270
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
    assert (cut(path, range(20, 24), tmp_path / "part.mp4") is None) == pictures


def test_interlaced_neighbours_come_along(tmp_path):
    options = {"flags": "+ildct+ilme"}
    path = make(tmp_path / "fields.mov", "prores_ks", options, pixels="yuv422p10le", sounds=())
    done = cut(path, range(20, 24), tmp_path / "part.mov")
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
            assert cut(path, range(1), tmp_path / "o.mp4") is None
            continue
        cuts += all_right(path, tmp_path, 2)
    assert cuts > 30


def test_what_is_not_plain_is_left_alone(tmp_path):
    out = tmp_path / "part.mp4"
    fragmented = make(tmp_path / "f.mp4", muxer={"movflags": "frag_keyframe+empty_moov"})
    matroska = make(tmp_path / "m.mkv")
    matroska_by_name = matroska.rename(tmp_path / "m.mp4")
    interlaced = make(tmp_path / "i.mp4", options={"x264-params": X264 + ":interlaced=1"})
    two = tmp_path / "two.mp4"
    with av.open(str(two), "w") as container:
        streams = [container.add_stream("mpeg4", rate=25) for _ in range(2)]
        for stream in streams:
            stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for index in range(COUNT):
            for stream in streams:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture(index), format="rgb24")))
        for stream in streams:
            container.mux(stream.encode(None))
    sound = tmp_path / "sound.mp4"
    with av.open(str(sound), "w") as container:
        tone(container, container.add_stream("aac", rate=48000, layout="stereo"), 0)
    for path in (fragmented, matroska_by_name, interlaced, two, sound):
        assert cut(path, range(4), out) is None
    assert not out.exists()


def test_nearly_all_is_not_worth_a_cut(tmp_path):
    path = make(tmp_path / "clip.mp4")
    assert cut(path, range(COUNT - 2), tmp_path / "part.mp4") is None


@pytest.mark.parametrize("frames", [range(0), range(-1, 2), range(58, 61), range(0, 9, 2), range(5, 2)])
def test_frames_that_are_not_there(frames, tmp_path):
    assert cut(make(tmp_path / "clip.mp4"), frames, tmp_path / "part.mp4") is None


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        cut(tmp_path / "none.mp4", range(1), tmp_path / "part.mp4")
    with pytest.raises(InputError, match="cannot be read"):
        cut(tmp_path, range(1), tmp_path / "part.mp4")
    path = make(tmp_path / "clip.mp4")
    with pytest.raises(InputError, match="is the movie itself"):
        cut(path, range(1), path)


def test_a_file_that_was_cut_off(tmp_path):
    path = make(tmp_path / "clip.mp4", muxer={"movflags": "faststart"})
    data = path.read_bytes()
    for length in (0, 4, 20, 700, len(data) // 2, len(data) - 1):
        path.write_bytes(data[:length])
        assert cut(path, range(2), tmp_path / "part.mp4") is None


def moov_of(data):
    return next(atom for atom in children(data) if atom.kind == b"moov")


def test_flipped_bytes(tmp_path):
    data = make(tmp_path / "clip.mp4", muxer={"movflags": "faststart"}).read_bytes()
    moov, dice = moov_of(data), random.Random(5)  # noqa: S311
    broken, out, results = tmp_path / "broken.mp4", tmp_path / "part.mp4", []
    for _ in range(300):
        wrong = bytearray(data)
        for _ in range(dice.randint(1, 3)):
            wrong[dice.randrange(moov.start, moov.stop)] = dice.choice(
                (0, 1, 0x7F, 0x80, 0xFF, dice.randrange(256))
            )
        broken.write_bytes(wrong)
        try:
            results.append(cut(broken, range(20, 22), out))
        except InputError:
            results.append(None)
    assert {type(result) for result in results} == {Cut, type(None)}


def replaced(data, kind, new):
    """The movie with the first atom of a kind (its head included) changed in its place."""
    at = data.index(kind) - 4
    (size,) = struct.unpack_from(">I", data, at)
    inside = new(data[at + 8 : at + size])
    assert len(inside) <= size
    padding = struct.pack(">I4s", size - len(inside), b"free") if len(inside) < size else b""
    return data[:at] + (inside + padding).ljust(size, b"\0") + data[at + size :]


COUNTED = [b"stts", b"ctts", b"stss", b"stsc", b"stsz", b"stco", b"elst", b"stsd", b"dref"]


@pytest.mark.parametrize("kind", COUNTED)
def test_counts_of_billions(kind, tmp_path):
    path = make(tmp_path / "clip.mp4", muxer={"movflags": "faststart"})
    at = 8 if kind == b"stsz" else 4

    def lie(old):
        return struct.pack(">I4s", len(old) + 8, kind) + old[:at] + b"\xff" * 4 + old[at + 4 :]

    path.write_bytes(replaced(path.read_bytes(), kind, lie))
    assert cut(path, range(2), tmp_path / "part.mp4") is None


@pytest.mark.parametrize("size", [1, 0xFFFFFFFF])
@pytest.mark.parametrize("count", [60, 0xFFFFFFFF])
def test_sizes_that_lie(size, count, tmp_path):
    path = make(tmp_path / "clip.mp4", muxer={"movflags": "faststart"})
    path.write_bytes(
        replaced(path.read_bytes(), b"stsz", lambda _: struct.pack(">I4sIII", 20, b"stsz", 0, size, count))
    )
    assert cut(path, range(2), tmp_path / "part.mp4") is None


def test_compact_sizes(tmp_path):
    path = make(tmp_path / "clip.mp4", muxer={"movflags": "faststart"})
    original, sounds = decoded(path), heard(path)

    def compact(old):
        sizes = struct.unpack(f">{(len(old) - 12) // 4}I", old[12:])
        return struct.pack(f">I4sIII{len(sizes)}H", 20 + 2 * len(sizes), b"stz2", 0, 16, len(sizes), *sizes)

    path.write_bytes(replaced(path.read_bytes(), b"stsz", compact))
    assert check(path, original, sounds, range(30, 33), tmp_path / "part.mp4")


@pytest.mark.parametrize(("field", "data"), [(4, b"\x12\x30"), (8, b"\1\2\3"), (16, b"\0\1\0\2\0\3")])
def test_compact_fields(field, data):
    sizes = tracks._sizes(*table_of(struct.pack(">III", 0, field, 3) + data))
    assert [sizes.before(sample) for sample in range(4)] == [0, 1, 3, 6]


def table_of(inside):
    data = struct.pack(">I4s", len(inside) + 8, b"stz2") + inside
    return data, children(data)


@pytest.mark.parametrize(
    ("old", "new"),
    [(b"\0\1\0\0", b"\0\2\0\0"), (None, b"\xff\xff\xff\xff")],
    ids=["double speed", "nothing but empty"],
)
def test_edit_lists_that_say_more(old, new, tmp_path):
    path = make(tmp_path / "clip.mp4", muxer={"movflags": "faststart"})

    def changed(inside):
        inside = inside[:-4] + new if old else inside[:-8] + new + inside[-4:]
        return struct.pack(">I4s", len(inside) + 8, b"elst") + inside

    path.write_bytes(replaced(path.read_bytes(), b"elst", changed))
    assert cut(path, range(2), tmp_path / "part.mp4") is None


def test_data_in_another_file(tmp_path):
    path = make(tmp_path / "clip.mp4")
    path.write_bytes(path.read_bytes().replace(b"url \0\0\0\1", b"url \0\0\0\0"))
    assert cut(path, range(2), tmp_path / "part.mp4") is None
