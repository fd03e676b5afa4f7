"""Results are stored as their clips are: size, pixel shape and orientation."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest
from clips import write_clip

from recaster.media.encoders import SEGMENT_SUFFIX
from recaster.media.join import check_output, join_segments
from recaster.media.patches import paste_patches
from recaster.media.probe import probe
from recaster.media.reader import read_frames
from recaster.media.types import Patch, Rect, Shape
from recaster.media.writer import ClipWriter
from recaster.settings.encoding import WriterOptions

OPTIONS = WriterOptions(quality=4, preset="veryfast")
SHAPES = {
    "anamorphic": {"aspect": Fraction(16, 15)},
    "narrow": {"aspect": Fraction(8, 9), "size": (90, 60)},
    "turned": {"rotation": -90},
    "upside down": {"rotation": 180},
    "mirrored": {"mirrored": True},
    "turned and anamorphic": {"rotation": 90, "aspect": Fraction(4, 3)},
    "odd": {"size": (97, 65), "pixel_format": "yuv444p"},
}


def stored_as(path):
    """Size, pixel shape and display matrix as the file has them."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        picture = next(container.decode(stream))
        matrix = picture.side_data.get(av.sidedata.sidedata.Type.DISPLAYMATRIX)
        size = stream.codec_context.width, stream.codec_context.height
        return size, stream.sample_aspect_ratio or 1, None if matrix is None else bytes(matrix)


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_result_is_stored_as_its_clip(make_clip, tools, tmp_path, shape, suffix):
    clip = make_clip(f"clip{suffix}", count=4, **SHAPES[shape])
    out = tmp_path / f"out{suffix}"
    write_clip(read_frames(clip), probe(clip), out, options=OPTIONS)
    assert stored_as(out) == stored_as(clip)
    assert probe(out).shape == probe(clip).shape
    for one, other in zip(read_frames(clip), read_frames(out), strict=True):
        assert np.abs(one.image.astype(int) - other.image).mean() < 3
    if shape == "turned":
        assert [tools.index_of(np.rot90(frame.image)) for frame in read_frames(out)] == [0, 1, 2, 3]


@pytest.mark.parametrize("shape", ["anamorphic", "turned and anamorphic"])
def test_prores_is_stored_as_its_clip_and_says_where_it_cannot_be(make_clip, tmp_path, shape):
    clip = make_clip(count=3, **SHAPES[shape])
    options = WriterOptions(codec="prores")
    out = tmp_path / "out.mov"
    write_clip(read_frames(clip), probe(clip), out, options=options)
    assert stored_as(out) == stored_as(clip)
    assert check_output(out, probe(clip), options) == ()
    [said] = check_output(tmp_path / "out.mkv", probe(clip), options)
    assert "pixel shape" in said


@pytest.mark.parametrize("shape", SHAPES)
def test_what_was_painted_shows_and_all_else_is_untouched(make_clip, tmp_path, shape):
    clip = make_clip(count=2, options={"qp": "0"}, **SHAPES[shape])
    info = probe(clip)
    out = tmp_path / f"out{SEGMENT_SUFFIX}"
    place = Rect(16, 24, 40, 56)
    with ClipWriter(out, info, WriterOptions(quality=0)) as writer:
        for frame in read_frames(clip, lazy=True):
            image = np.full((place.height, place.width, 3), (250, 20, 30), np.uint8)
            patch = Patch(
                place, image, np.ones(image.shape[:2], bool), np.full(image.shape[:2], 255, np.uint8)
            )
            writer.write_painted(frame, [patch])
    for before, after in zip(read_frames(clip), read_frames(out), strict=True):
        expected = paste_patches(before.image, [patch]).astype(int)
        off = np.abs(expected - after.image).max(axis=2)
        far = np.ones(off.shape, bool)
        far[place.top - 8 : place.bottom + 8, place.left - 8 : place.right + 8] = False
        assert off[far].max() <= 2
        assert off[place.top + 4 : place.bottom - 4, place.left + 4 : place.right - 4].max() < 12


@pytest.mark.parametrize("shape", ["anamorphic", "turned", "mirrored"])
def test_square_pixels_on_request(make_clip, tmp_path, shape):
    clip = make_clip(count=3, **SHAPES[shape])
    info = probe(clip)
    out = tmp_path / "out.mp4"
    options = WriterOptions(quality=4, square_pixels=True)
    write_clip(read_frames(clip), info, out, options=options)
    assert probe(out).shape == Shape.plain(info.width, info.height)
    for one, other in zip(read_frames(clip), read_frames(out), strict=True):
        assert np.abs(one.image.astype(int) - other.image).mean() < 3


def test_segments_of_turned_clips_join(make_clip, tmp_path):
    clip = make_clip(count=9, rotation=90, aspect=Fraction(2))
    info = probe(clip)
    segments = []
    frames = list(read_frames(clip, lazy=True))
    for number, part in enumerate((frames[:4], frames[4:8], frames[8:])):
        segments.append(tmp_path / f"{number}{SEGMENT_SUFFIX}")
        with ClipWriter(segments[-1], info, OPTIONS) as writer:
            for frame in part:
                writer.write_painted(frame, [])
    out = tmp_path / "out.mov"
    join_segments(segments, info, out, range(9), OPTIONS)
    assert probe(out).shape == info.shape
    assert probe(out).frame_count == 9
