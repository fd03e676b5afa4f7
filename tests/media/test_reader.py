import itertools
from fractions import Fraction

import numpy as np
import pytest

from recaster.errors import ClipError, UsageError
from recaster.media import reader
from recaster.media.decoder import ClipDecoder
from recaster.media.probe import probe, scan
from recaster.media.reader import read_frames, read_indices

FULL = 2
LIMITED = 1
BT709 = 1
BT601 = 6
BT2020 = 9


def test_frames_come_in_order_with_exact_times(make_clip, tools):
    pts = [500, 1501, 4504, 5505, 9000, 9100, 12000]
    frames = list(read_frames(make_clip(pts=pts, muxer={"movie_timescale": "24000"})))
    assert [frame.index for frame in frames] == list(range(7))
    assert [frame.pts for frame in frames] == pts
    assert [frame.time for frame in frames] == [Fraction(time - 500, 24000) for time in pts]
    assert [tools.index_of(frame.image) for frame in frames] == list(range(7))


def test_images_are_contiguous_rgb_bytes(make_clip):
    image = next(read_frames(make_clip(rotation=90))).image
    assert image.shape == (96, 64, 3)
    assert image.dtype == np.uint8
    assert image.flags.c_contiguous


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.avi"])
def test_a_range_is_what_the_whole_gives_at_these_indices(make_clip, name):
    clip = make_clip(name, count=30, options={"crf": "30", "bf": "3"}, **_avi_time(name))
    whole = list(read_frames(clip))
    assert len(whole) == 30
    for start, stop in [(0, 5), (1, 2), (7, 9), (8, 17), (16, None), (29, 30), (25, 99)]:
        part = list(read_frames(clip, start, stop))
        expected = whole[start:stop]
        assert [(f.index, f.pts, f.time) for f in part] == [(f.index, f.pts, f.time) for f in expected]
        assert all(np.array_equal(a.image, b.image) for a, b in zip(part, expected, strict=True))


def _avi_time(name):
    return {"time_base": Fraction(1, 24), "pts": range(30)} if name.endswith("avi") else {}


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_some_frames_are_those_of_the_whole_and_nothing_is_decoded_twice(make_clip, name, monkeypatch):
    path = make_clip(name, count=60, options={"g": "12"})
    whole = list(read_frames(path))
    ranges = []

    def counted(path, start, stop, wanted, **options):
        ranges.append(range(start, stop))
        return frames(path, start, stop, wanted, **options)

    frames = reader._read
    monkeypatch.setattr(reader, "_read", counted)
    some = [2, 5, 30, 31, 55, 80]
    found = list(read_indices(path, some))
    assert [frame.index for frame in found] == [2, 5, 30, 31, 55]
    assert all(np.array_equal(frame.image, whole[frame.index].image) for frame in found)
    keys = scan(path).seek_points
    assert len(ranges) > 1 or not len(keys)
    for earlier, later in itertools.pairwise(ranges):
        assert keys[keys <= later.start - 1].max() >= earlier.stop
    assert list(read_indices(path, [])) == []


def test_frames_that_are_quick_to_read(make_clip, monkeypatch):
    path = make_clip(count=60, options={"g": "12"})
    decoded = []
    pictures = ClipDecoder.decode

    def counted(source):
        for picture in pictures(source):
            decoded.append(picture.pts)
            yield picture

    quick = [at for at in reader.find_cheap_indices(path).tolist() if at < 60]
    assert len(quick) >= 5
    monkeypatch.setattr(ClipDecoder, "decode", counted)
    assert [frame.index for frame in read_indices(path, quick)] == quick
    assert len(decoded) <= 3 * len(quick)


def test_a_range_outside_the_clip_is_empty(make_clip):
    clip = make_clip(count=5)
    assert list(read_frames(clip, 5)) == []
    assert list(read_frames(clip, 3, 3)) == []


@pytest.mark.parametrize(("start", "stop"), [(-1, None), (4, 3)])
def test_a_senseless_range_is_refused_at_once(make_clip, start, stop):
    with pytest.raises(UsageError, match="not a range"):
        read_frames(make_clip(count=5), start, stop)


def test_a_missing_clip_is_refused_at_once(tmp_path):
    with pytest.raises(ClipError, match="no such file"):
        read_frames(tmp_path / "none.mp4")


# PyAV takes degrees counter-clockwise; players then turn the picture that much.
@pytest.mark.parametrize(("stored", "clockwise", "turns"), [(-90, 90, -1), (180, 180, 2), (90, 270, 1)])
def test_rotation_is_applied(make_clip, tools, stored, clockwise, turns):
    clip = make_clip(count=2, rotation=stored)
    assert probe(clip).shape.rotation == clockwise
    image = next(read_frames(clip)).image
    expected = np.rot90(tools.picture(0, (96, 64)), turns)
    assert image.shape == expected.shape
    assert np.abs(image.astype(float) - expected).mean() < 4


def test_mirroring_is_applied_and_told(make_clip, tools):
    clip = make_clip(count=2, mirrored=True)
    image = next(read_frames(clip)).image
    assert np.abs(image.astype(float) - tools.picture(0, (96, 64))[:, ::-1]).mean() < 4
    assert "mirrored" in " ".join(probe(clip).warnings)


@pytest.mark.parametrize(("aspect", "size"), [("8/5", (154, 64)), ("1/2", (96, 128)), ("1", (96, 64))])
def test_pixels_become_square_without_losing_any(make_clip, aspect, size):
    clip = make_clip(count=2, aspect=Fraction(aspect))
    info = probe(clip)
    image = next(read_frames(clip)).image
    assert (info.width, info.height) == size == image.shape[1::-1]
    assert info.shape.sample_aspect == Fraction(aspect)
    assert np.abs(image[-8:, -8:].reshape(-1, 3).mean(0) - (50, 70, 190)).max() < 4


@pytest.mark.parametrize("range_", [FULL, LIMITED])
@pytest.mark.parametrize("matrix", [BT709, BT601, BT2020])
@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv420p10le"])
def test_tagged_colours_are_read_without_a_shift(make_clip, tools, pixel_format, matrix, range_):
    tags = {"colorspace": matrix, "color_range": range_}
    clip = make_clip(count=1, pixel_format=pixel_format, tags=tags, options={"qp": "0"})
    image = next(read_frames(clip)).image
    original = tools.picture(0, (96, 64))
    # swscale, which made the clip, is half a level of chroma off when it writes 8 bits in full range
    allowed = 2.1 if range_ == FULL and pixel_format == "yuv420p" else 1.2
    for corner in [
        (slice(40, 56), slice(8, 40)),
        (slice(8, 24), slice(56, 88)),
        (slice(40, 56), slice(56, 88)),
    ]:
        assert np.abs(image[corner].reshape(-1, 3).mean(0) - original[corner][0, 0]).max() <= allowed


def test_untagged_colours_go_by_size(make_clip):
    small = next(read_frames(make_clip("small.mp4", count=1))).image
    assert np.abs(small[40:56, 8:40].reshape(-1, 3).mean(0) - (40, 160, 70)).max() <= 2
    # written with bt601, but an untagged HD picture is taken for bt709: the green is another one
    large = next(read_frames(make_clip("large.mp4", count=1, size=(1280, 64)))).image
    assert np.abs(large[40:56, 8:40].reshape(-1, 3).mean(0) - (40, 160, 70)).max() > 5


def test_alpha_is_dropped_not_blended(make_clip, tools):
    clip = make_clip("a.mkv", count=2, codec="ffv1", pixel_format="bgra", options={})
    image = next(read_frames(clip)).image
    assert np.array_equal(image, tools.picture(0, (96, 64)))


def test_grey_and_palettes_can_be_read(make_clip):
    grey = next(read_frames(make_clip("g.mkv", count=1, codec="ffv1", pixel_format="gray", options={}))).image
    assert np.array_equal(grey[..., 0], grey[..., 2])
    gif = make_clip(
        "g.gif",
        count=5,
        codec="gif",
        pixel_format="rgb8",
        options={},
        time_base=Fraction(1, 100),
        pts=[0, 8, 17, 25, 33],
    )
    assert len(list(read_frames(gif))) == 5


def test_interlaced_frames_lose_their_combs_and_keep_count_and_times(tmp_path):
    clip = _interlaced(tmp_path / "i.mpg")
    info = probe(clip)
    frames = list(read_frames(clip))
    assert info.interlaced
    assert "interlaced" in " ".join(info.warnings)
    assert len(frames) == info.frame_count == 10
    assert [frame.pts for frame in frames] == scan(clip).pts.tolist()
    for frame in frames[2:-2]:  # a moving upright edge: combed rows would differ from their neighbours
        rows = frame.image[8:-8, :, 0].astype(int)
        assert np.abs(np.diff(rows, axis=0)).mean() < 2.5


def test_a_range_of_an_interlaced_clip_equals_the_whole(tmp_path):
    clip = _interlaced(tmp_path / "i.mpg")
    whole = list(read_frames(clip))
    part = list(read_frames(clip, 4, 7))
    assert [frame.index for frame in part] == [4, 5, 6]
    assert all(np.array_equal(a.image, b.image) for a, b in zip(part, whole[4:7], strict=True))


def _interlaced(path):
    """Two fields, each with the edge where it is at its own time."""
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream(
            "mpeg2video", rate=25, options={"flags": "+ildct+ilme", "b": "4M", "top": "1", "bf": "0"}
        )
        stream.width = 128
        stream.height = 96
        stream.pix_fmt = "yuv420p"
        for index in range(10):
            image = np.full((96, 128, 3), 40, np.uint8)
            image[0::2, 20 + 8 * index :] = 200
            image[1::2, 24 + 8 * index :] = 200
            container.mux(
                stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format="yuv420p"))
            )
        container.mux(stream.encode(None))
    return path


def test_memory_does_not_grow_with_the_clip(make_clip):
    import tracemalloc

    clip = make_clip(count=200, size=(320, 240), pts=[1001 * i for i in range(200)])
    tracemalloc.start()
    for _ in read_frames(clip, 1):
        pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20 * 320 * 240 * 3
