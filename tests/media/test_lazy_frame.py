"""Frames of which only parts are converted, and painting that leaves all else as it is stored."""

import gc
import weakref
from fractions import Fraction

import av
import numpy as np
import pytest

from recaster.media.lazy_frame import LazyFrame, sample_planes
from recaster.media.patches import paste_patches
from recaster.media.probe import probe
from recaster.media.reader import read_frames, read_indices
from recaster.media.types import Patch, Rect
from recaster.media.writer import ClipWriter
from recaster.settings.encoding import WriterOptions

SIZE = (256, 192)
LOSSLESS = WriterOptions(quality=0, preset="ultrafast")


def decoded(path):
    with av.open(str(path)) as container:
        return [picture for packet in container.demux(video=0) for picture in packet.decode()]


def disc(frame, place, colour=(250, 20, 40)):
    """A patch with a disc of one colour, whose edge is soft."""
    rows, columns = np.mgrid[: place.height, : place.width]
    away = np.hypot(rows - place.height / 2, columns - place.width / 2)
    weight = np.clip(place.height / 3 - away, 0, 1)[..., None]
    image = np.rint(frame.part(place) * (1 - weight) + np.array(colour) * weight).astype(np.uint8)
    painted = weight[..., 0] > 0
    return Patch(place, image, painted, (255 * weight[..., 0]).astype(np.uint8))


@pytest.mark.parametrize(
    ("codec", "pixel_format"),
    [
        ("libx264", "yuv420p"),
        ("libx264", "yuvj420p"),
        ("libx264", "yuv422p"),
        ("libx264", "yuv444p"),
        ("libx264", "yuv420p10le"),
        ("libx264rgb", "rgb24"),
        ("ffv1", "yuv411p"),
        ("ffv1", "yuva420p"),
        ("rawvideo", "nv12"),
        ("mpeg2video", "yuv420p"),
    ],
)
def test_parts_are_those_of_the_whole_to_the_bit(make_clip, codec, pixel_format):
    clip = make_clip("a.mkv", codec=codec, pixel_format=pixel_format, size=SIZE, count=6, options={},
                     time_base=Fraction(1, 24), pts=range(6))  # fmt: skip
    places = np.random.default_rng(1).integers(0, (200, 150), (6, 2))
    for frame, whole, (left, top) in zip(
        read_frames(clip, lazy=True), read_frames(clip), places.tolist(), strict=True
    ):
        assert isinstance(frame, LazyFrame)
        assert frame.size == whole.size == SIZE
        place = Rect(left, top, left + 41, top + 37)
        assert np.array_equal(frame.part(place), place.crop(whole.image))
        assert np.array_equal(frame.part(Rect(0, 0, 9, 9)), whole.image[:9, :9])
        assert np.array_equal(frame.image, whole.image)
        assert np.array_equal(frame.part(place), place.crop(whole.image))


@pytest.mark.parametrize("shape", [{"rotation": 90}, {"mirrored": True}, {"aspect": Fraction(4, 3)}])
def test_frames_that_are_shown_otherwise_than_stored_are_made_at_once(make_clip, shape):
    clip = make_clip(**shape)
    for frame, whole in zip(read_frames(clip, lazy=True), read_frames(clip), strict=True):
        place = Rect(8, 8, 40, 48)
        assert np.array_equal(frame.part(place), place.crop(whole.image))
        assert "image" in vars(frame)
        assert np.array_equal(frame.image, whole.image)


@pytest.mark.parametrize(
    ("codec", "pixel_format", "size"),
    [
        ("ffv1", "yuv420p", (131, 97)),
        ("ffv1", "yuv422p10le", (131, 96)),
        ("ffv1", "yuv411p", (130, 96)),
        ("ffv1", "yuv444p", (131, 97)),
    ],
)
def test_odd_sizes_are_what_they_were(make_clip, codec, pixel_format, size):
    clip = make_clip("a.mkv", codec=codec, pixel_format=pixel_format, size=size, count=2, options={},
                     time_base=Fraction(1, 24), pts=range(2))  # fmt: skip
    place = Rect(70, 40, 120, 90)
    for frame, whole in zip(read_frames(clip, lazy=True), read_frames(clip), strict=True):
        assert np.array_equal(frame.part(place), place.crop(whole.image))
        is_made_whole = "image" in vars(frame)
        assert is_made_whole == (pixel_format != "yuv444p")


def test_interlaced_frames_have_parts_too(make_clip):
    clip = make_clip(interlaced=True, size=SIZE, count=8, options={})
    place = Rect(90, 60, 170, 130)
    every = list(read_frames(clip))
    for frame, whole in zip(read_indices(clip, [2, 5]), [every[2], every[5]], strict=True):
        assert isinstance(frame, LazyFrame)
        assert np.array_equal(frame.part(place), place.crop(whole.image))


def test_what_nobody_painted_over_goes_through_untouched(make_clip, tmp_path):
    clip = make_clip(size=SIZE, count=6)
    out = tmp_path / "out.mp4"
    places = [Rect(32, 40, 104, 112), Rect(144, 80, 216, 152)]
    with ClipWriter(out, probe(clip), LOSSLESS) as writer:
        frames = list(read_frames(clip, lazy=True))
        patches = [[disc(frame, place) for place in places[: frame.index % 3]] for frame in frames]
        for frame, painted in zip(frames, patches, strict=True):
            writer.write_painted(frame, painted)
    for before, after, frame, painted in zip(
        decoded(clip), decoded(out), read_frames(out), patches, strict=True
    ):
        whole = np.zeros(SIZE[::-1], bool)
        for patch in painted:
            patch.place.crop(whole)[...] = patch.painted
            middle = patch.place.crop(frame.image)[30:42, 30:42]
            assert np.abs(middle.astype(int) - (250, 20, 40)).max() <= 4
        for old, new in zip(sample_planes(before), sample_planes(after), strict=True):
            step = len(whole) // len(old)
            touched = whole.reshape(len(old), step, -1, step).any((1, 3))
            assert np.array_equal(old[~touched], new[~touched])
            assert touched.any() == bool(painted)


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv422p10le", "yuvj420p"])
def test_a_picture_painted_over_with_itself_is_the_same_but_for_rounding(make_clip, tmp_path, pixel_format):
    clip = make_clip("a.mov", pixel_format=pixel_format, size=SIZE, count=1)
    place = Rect(64, 48, 192, 144)  # the corner where four colours meet is in its middle
    frame = next(read_frames(clip, lazy=True))
    all_of_it = np.ones((place.height, place.width), bool)
    options = WriterOptions(pixel_format=pixel_format.replace("yuvj", "yuv"))
    with ClipWriter(tmp_path / "out.mov", probe(clip), options) as writer:
        assert writer._compositor.accepts(frame.picture)
        patch = Patch(place, frame.part(place), all_of_it, all_of_it)
        after = writer._compositor(frame.picture, [patch], writer._to_stored_form)
        writer.write_painted(frame, [])
    for old, new in zip(sample_planes(frame.picture), sample_planes(after), strict=True):
        off = np.abs(new.astype(int) - old) / (4 if old.dtype == np.uint16 else 1)
        assert off.mean() < 0.25
        assert off.max() < 26, "at the sharpest edges of colour"


@pytest.mark.parametrize(
    ("codec", "pixel_format", "location", "same"),
    [
        ("libx264", "yuv420p", "left", True),
        ("libx264", "yuv420p10le", "left", True),
        ("libx264", "yuv422p", "left", True),
        ("libx264", "yuv444p", "left", True),
        ("libx264", "yuv420p", "center", False),
        ("libx264", "yuv420p", "topleft", False),
        ("libx265", "yuv420p", "left", True),
        ("ffv1", "yuv420p", "left", False),
        ("libx264", "nv12", "left", True),  # its decoder gives planes
        ("rawvideo", "nv12", "left", False),
        ("ffv1", "yuva420p", "left", False),
    ],
)
def test_samples_are_kept_where_they_will_be_read_as_they_lie(
    make_clip, tmp_path, codec, pixel_format, location, same
):
    options = {"chroma_sample_location": location} if codec == "libx264" else {}
    clip = make_clip("a.mkv", codec=codec, pixel_format=pixel_format, size=SIZE, count=2, options=options,
                     time_base=Fraction(1, 24), pts=range(2))  # fmt: skip
    info = probe(clip)
    frame = next(read_frames(clip, lazy=True))
    kept = WriterOptions(quality=0, preset="ultrafast", pixel_format=frame.picture.format.name)
    if codec in ("ffv1", "rawvideo"):
        kept = WriterOptions(quality=0, preset="ultrafast", pixel_format="yuv420p")
    with ClipWriter(tmp_path / "out.mp4", info, kept) as writer:
        assert writer._stores_alike(frame.picture) == same
        writer.write_painted(frame, [disc(frame, Rect(40, 40, 112, 112))])
    [after] = read_frames(tmp_path / "out.mp4")
    rest = np.ones(SIZE[::-1], bool)
    rest[32:120, 32:120] = False
    assert np.abs(after.image.astype(int) - frame.image)[rest].mean() < 1.5
    # Beside the edge between two colours, where a shift of half a sample shows most.
    assert np.abs(after.image.astype(int) - frame.image)[140:180, 124:132].mean() < 8


def test_a_limited_clip_written_as_full_is_converted(make_clip, tmp_path):
    clip = make_clip(size=SIZE, count=1)
    options = WriterOptions(quality=0, preset="ultrafast", pixel_format="yuvj420p")
    frame = next(read_frames(clip, lazy=True))
    with ClipWriter(tmp_path / "out.mp4", probe(clip), options) as writer:
        assert not writer._stores_alike(frame.picture)
        writer.write_painted(frame, [])


@pytest.mark.parametrize("matrix", [1, 4, 5, 6, 7, 9, 10])
def test_faces_are_painted_in_any_matrix_that_is_read(make_clip, tmp_path, matrix):
    clip = make_clip(size=SIZE, count=1, tags={"colorspace": matrix})
    with ClipWriter(tmp_path / "out.mp4", probe(clip), LOSSLESS) as writer:
        for frame in read_frames(clip, lazy=True):
            assert writer._stores_alike(frame.picture)
            writer.write_painted(frame, [disc(frame, Rect(40, 40, 112, 112))])
    [after] = read_frames(tmp_path / "out.mp4")
    assert np.abs(after.image[70:80, 70:80].astype(int) - (250, 20, 40)).max() <= 4


def test_where_the_result_is_stored_otherwise_the_whole_image_is_written(make_clip, tmp_path):
    clip = make_clip(size=SIZE, count=2)
    options = WriterOptions(quality=0, preset="ultrafast", pixel_format="yuv444p")
    for name in ("painted", "whole"):
        with ClipWriter(tmp_path / f"{name}.mp4", probe(clip), options) as writer:
            for frame in read_frames(clip, lazy=True):
                patches = [disc(frame, Rect(40, 40, 112, 112))]
                if name == "painted":
                    writer.write_painted(frame, patches)
                else:
                    writer.write(paste_patches(frame.image, patches), frame.pts)
    first, second = (list(read_frames(tmp_path / f"{name}.mp4")) for name in ("painted", "whole"))
    assert all(np.array_equal(a.image, b.image) for a, b in zip(first, second, strict=True))


def test_places() -> None:
    place = Rect(10, 20, 30, 50)
    assert (place.width, place.height) == (20, 30)
    assert place.relative_to(Rect(8, 8, 60, 60)) == Rect(2, 12, 22, 42)
    assert place.contains(Rect(10, 20, 11, 21))
    assert not place.contains(Rect(9, 20, 11, 21))
    assert place.intersects(Rect(29, 49, 99, 99))
    assert not place.intersects(Rect(30, 20, 40, 50))
    assert place.union(Rect(0, 45, 12, 60)) == Rect(0, 20, 30, 60)
    assert place.expand(3, 8, (32, 200)) == Rect(0, 16, 32, 56)


def test_a_writer_is_gone_when_nobody_has_it_any_more(make_clip, tmp_path):
    clip = make_clip(size=SIZE, count=1)
    gc.disable()  # encoders in a circle would be kept until it runs: a megabyte for every part of a clip
    try:
        with ClipWriter(tmp_path / "out.mp4", probe(clip), LOSSLESS) as writer:
            writer.write_painted(next(read_frames(clip, lazy=True)), [])
        gone = weakref.ref(writer)
        del writer
        assert gone() is None
    finally:
        gc.enable()
