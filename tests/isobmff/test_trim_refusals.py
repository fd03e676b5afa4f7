"""Movies that are broken, or not plain enough to be trimmed, are left alone."""

from __future__ import annotations

import random
import struct

import av
import pytest
from tests.isobmff.clips import COUNT, X264, check, decoded, heard, make, picture, tone

from recaster.errors import InputError
from recaster.isobmff import TrimmedMovie, sample_table, trim_movie
from recaster.isobmff.boxes import Box, child_boxes, required_box


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
            stream.width = 96
            stream.height = 64
            stream.pix_fmt = "yuv420p"
        for index in range(COUNT):
            for stream in streams:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture(index), format="rgb24")))
        for stream in streams:
            container.mux(stream.encode(None))
    sound = tmp_path / "sound.mp4"
    with av.open(str(sound), "w") as container:
        tone(container, container.add_stream("aac", rate=48000, layout="stereo"), 0)
    for path in (fragmented, matroska_by_name, interlaced, two, sound):
        assert trim_movie(path, range(4), out) is None
    assert not out.exists()


def test_nearly_all_is_not_worth_a_cut(tmp_path):
    path = make(tmp_path / "clip.mp4")
    assert trim_movie(path, range(COUNT - 2), tmp_path / "part.mp4") is None


@pytest.mark.parametrize("frames", [range(0), range(-1, 2), range(58, 61), range(0, 9, 2), range(5, 2)])
def test_frames_that_are_not_there(frames, tmp_path):
    assert trim_movie(make(tmp_path / "clip.mp4"), frames, tmp_path / "part.mp4") is None


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        trim_movie(tmp_path / "none.mp4", range(1), tmp_path / "part.mp4")
    with pytest.raises(InputError, match="cannot be read"):
        trim_movie(tmp_path, range(1), tmp_path / "part.mp4")
    path = make(tmp_path / "clip.mp4")
    with pytest.raises(InputError, match="is the movie itself"):
        trim_movie(path, range(1), path)


def test_a_file_that_was_cut_off(tmp_path):
    path = make(tmp_path / "clip.mp4", muxer={"movflags": "faststart"})
    data = path.read_bytes()
    for length in (0, 4, 20, 700, len(data) // 2, len(data) - 1):
        path.write_bytes(data[:length])
        assert trim_movie(path, range(2), tmp_path / "part.mp4") is None


def test_flipped_bytes(tmp_path):
    data = make(tmp_path / "clip.mp4", muxer={"movflags": "faststart"}).read_bytes()
    moov = required_box(child_boxes(data), b"moov")
    start = data.index(moov)
    dice = random.Random(5)  # noqa: S311
    broken = tmp_path / "broken.mp4"
    out = tmp_path / "part.mp4"
    results = []
    for _ in range(300):
        wrong = bytearray(data)
        for _ in range(dice.randint(1, 3)):
            wrong[dice.randrange(start, start + len(moov))] = dice.choice(
                (0, 1, 0x7F, 0x80, 0xFF, dice.randrange(256))
            )
        broken.write_bytes(wrong)
        try:
            results.append(trim_movie(broken, range(20, 22), out))
        except InputError:
            results.append(None)
    assert {type(result) for result in results} == {TrimmedMovie, type(None)}


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
    assert trim_movie(path, range(2), tmp_path / "part.mp4") is None


@pytest.mark.parametrize("size", [1, 0xFFFFFFFF])
@pytest.mark.parametrize("count", [60, 0xFFFFFFFF])
def test_sizes_that_lie(size, count, tmp_path):
    path = make(tmp_path / "clip.mp4", muxer={"movflags": "faststart"})
    path.write_bytes(
        replaced(path.read_bytes(), b"stsz", lambda _: struct.pack(">I4sIII", 20, b"stsz", 0, size, count))
    )
    assert trim_movie(path, range(2), tmp_path / "part.mp4") is None


def test_compact_sizes(tmp_path):
    path = make(tmp_path / "clip.mp4", muxer={"movflags": "faststart"})
    original = decoded(path)
    sounds = heard(path)

    def compact(old):
        sizes = struct.unpack(f">{(len(old) - 12) // 4}I", old[12:])
        return struct.pack(f">I4sIII{len(sizes)}H", 20 + 2 * len(sizes), b"stz2", 0, 16, len(sizes), *sizes)

    path.write_bytes(replaced(path.read_bytes(), b"stsz", compact))
    assert check(path, original, sounds, range(30, 33), tmp_path / "part.mp4")


@pytest.mark.parametrize(("field", "data"), [(4, b"\x12\x30"), (8, b"\1\2\3"), (16, b"\0\1\0\2\0\3")])
def test_compact_fields(field, data):
    sizes = sample_table._sizes([Box(b"stz2", struct.pack(">III", 0, field, 3) + data)])
    assert [sizes.total(0, sample) for sample in range(4)] == [0, 1, 3, 6]


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
    assert trim_movie(path, range(2), tmp_path / "part.mp4") is None


def test_data_in_another_file(tmp_path):
    path = make(tmp_path / "clip.mp4")
    path.write_bytes(path.read_bytes().replace(b"url \0\0\0\1", b"url \0\0\0\0"))
    assert trim_movie(path, range(2), tmp_path / "part.mp4") is None
