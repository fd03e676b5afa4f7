"""Clips of more than 8 bits are painted on in their own depth."""

from __future__ import annotations

import av
import numpy as np
import pytest

from recaster.media.encoders import SEGMENT_SUFFIX
from recaster.media.lazy_frame import sample_planes
from recaster.media.patches import paste_patches
from recaster.media.probe import probe
from recaster.media.reader import read_frames
from recaster.media.types import Patch, Rect
from recaster.media.writer import ClipWriter
from recaster.settings.encoding import WriterOptions

SIZE = (256, 128)
MATRIX = 6
"""SMPTE 170M; FFmpeg converts pictures that state none even to their own format."""
PLACE = Rect(32, 16, 224, 112)
LOSSLESS = WriterOptions(quality=0, preset="ultrafast")


def make_ramp(path, pixel_format="yuv420p10le", color_range=1, rotation=0):
    """Two frames of a ramp with every level of its depth, by ffmpeg's lossless codec."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=24, options={"qp": "0", "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = *SIZE, pixel_format
        stream.codec_context.color_range = color_range
        stream.codec_context.colorspace = MATRIX
        if rotation:
            stream.set_display_rotation(rotation)
        for index in range(2):
            frame = av.VideoFrame(*SIZE, pixel_format)
            bits = frame.format.components[0].bits
            low, high = (0, 2**bits - 1) if color_range == 2 else (16 << bits - 8, 235 << bits - 8)
            for plane in frame.planes:
                kind = np.uint16 if bits > 8 else np.uint8
                samples = np.frombuffer(plane, kind).reshape(plane.height, -1)[:, : plane.width]
                samples[:] = 1 << bits - 1
            luma = np.frombuffer(frame.planes[0], kind).reshape(SIZE[1], -1)[:, : SIZE[0]]
            luma[:] = np.linspace(low, high, SIZE[0] * SIZE[1]).reshape(SIZE[1], SIZE[0]).astype(kind)
            frame.pts = index
            frame.color_range = color_range
            frame.colorspace = MATRIX
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def luma_of(path):
    with av.open(str(path)) as container:
        picture = next(container.decode(video=0))
        plane = picture.planes[0]
        kind = np.uint16 if picture.format.components[0].bits > 8 else np.uint8
        return np.frombuffer(plane, kind).reshape(plane.height, -1)[:, : plane.width].astype(int)


def paint(clip, out, painter, options=LOSSLESS):
    """The clip with what ``painter`` makes of the plate at ``PLACE``; everything there counts as painted."""
    with ClipWriter(out, probe(clip), options) as writer:
        for frame in read_frames(clip, lazy=True):
            plate = painter(frame.plate_part(PLACE).copy())
            whole = np.ones(plate.shape[:2], bool)
            writer.write_painted(frame, [Patch(PLACE, plate, whole, whole.astype(np.uint8))])


@pytest.mark.parametrize("color_range", [1, 2])
@pytest.mark.parametrize("pixel_format", ["yuv420p10le", "yuv422p10le", "yuv444p10le"])
def test_a_plate_that_is_painted_over_with_itself_comes_back(tmp_path, pixel_format, color_range):
    clip = make_ramp(tmp_path / "a.mp4", pixel_format, color_range)
    out = tmp_path / f"out{SEGMENT_SUFFIX}"
    paint(
        clip,
        out,
        lambda plate: plate,
        WriterOptions(quality=0, preset="ultrafast", pixel_format=pixel_format),
    )
    off = luma_of(out) - luma_of(clip)
    assert np.abs(off).max() <= 1
    assert abs(off.mean()) < 0.2


@pytest.mark.parametrize("pixel_format", ["yuv420p10le", "yuv444p10le"])
def test_painting_leaves_the_decoded_picture_as_it_is(tmp_path, pixel_format):
    clip = make_ramp(tmp_path / "a.mp4", pixel_format)
    frame = next(read_frames(clip, lazy=True))
    before = [plane.copy() for plane in sample_planes(frame.picture)]
    options = WriterOptions(quality=0, preset="ultrafast", pixel_format=pixel_format)
    with ClipWriter(tmp_path / f"out{SEGMENT_SUFFIX}", probe(clip), options) as writer:
        plate = 255 - frame.plate_part(PLACE)
        whole = np.ones(plate.shape[:2], bool)
        writer.write_painted(frame, [Patch(PLACE, plate, whole, whole.astype(np.uint8))])
    for old, new in zip(before, sample_planes(frame.picture), strict=True):
        assert np.array_equal(old, new)


def test_a_gradient_in_a_face_has_more_levels_than_8_bits(tmp_path):
    clip = make_ramp(tmp_path / "a.mp4")
    out = tmp_path / f"out{SEGMENT_SUFFIX}"
    shade = np.linspace(0, 255, PLACE.width * PLACE.height, dtype=np.float32)
    paint(clip, out, lambda plate: np.repeat(shade.reshape(*plate.shape[:2], 1), 3, axis=2))
    assert len(np.unique(PLACE.crop(luma_of(out)))) > 600


def test_plates_of_8_bits_are_their_images(tmp_path):
    clip = make_ramp(tmp_path / "a.mp4", "yuv420p")
    for frame in read_frames(clip, lazy=True):
        plate = frame.plate_part(PLACE)
        assert plate.dtype == np.uint8
        assert np.array_equal(plate, PLACE.crop(frame.image))


@pytest.mark.parametrize("rotation", [0, 90])
def test_parts_of_plates_are_parts_of_the_whole(tmp_path, rotation):
    clip = make_ramp(tmp_path / "a.mp4", rotation=rotation)
    place = Rect(24, 40, 88, 104)
    for frame, whole in zip(read_frames(clip, lazy=True), read_frames(clip, lazy=True), strict=True):
        assert frame.plate_part(place).dtype == np.float32
        assert np.array_equal(frame.plate_part(place), place.crop(whole.plate))
        assert np.abs(whole.plate - whole.image).max() <= 2


def test_what_is_shown_of_a_deep_frame_is_rounded(tmp_path):
    clip = make_ramp(tmp_path / "a.mp4", rotation=90)
    out = tmp_path / "square.mp4"
    options = WriterOptions(quality=0, preset="ultrafast", square_pixels=True)
    with ClipWriter(out, probe(clip), options) as writer:
        for frame in read_frames(clip, lazy=True):
            writer.write_painted(frame, [])
    assert np.abs(np.rot90(luma_of(out), -1) - luma_of(clip)).max() <= 1


def test_light_beyond_white_does_not_wrap_around_in_pictures():
    plate = np.full((8, 8, 3), (262.3, -4, 300), np.float32)
    whole = np.ones((8, 8), bool)
    patch = Patch(Rect(0, 0, 8, 8), plate, whole, whole.astype(np.uint8))
    assert paste_patches(np.zeros((8, 8, 3), np.uint8), [patch])[0, 0].tolist() == [255, 0, 255]
