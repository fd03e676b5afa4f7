"""Pixel formats with known colours, odd names, odd matrices."""

from __future__ import annotations

import struct
from fractions import Fraction

import av
import numpy as np
import pytest
from clips import write_clip

from recaster.media.probe import probe
from recaster.media.reader import read_frames
from recaster.media.writer import ClipWriter
from recaster.settings.encoding import WriterOptions

SIDE = 96
PATCH = 16
COLOURS = np.random.default_rng(7).integers(24, 232, (SIDE // PATCH, SIDE // PATCH, 3)).astype(np.uint8)
FORMATS = [
    ("libx264rgb", "rgb24", ".mkv"),
    ("ffv1", "bgr0", ".mkv"),
    ("ffv1", "gbrp10le", ".mkv"),
    ("ffv1", "gbrp16le", ".mkv"),
    ("ffv1", "yuv420p", ".mkv"),
    ("ffv1", "yuva420p", ".mkv"),
    ("ffv1", "yuv444p16le", ".mkv"),
    ("qtrle", "rgb24", ".mov"),
    ("qtrle", "argb", ".mov"),
    ("png", "rgba", ".mov"),
    ("png", "rgb48be", ".mov"),
    ("rawvideo", "bgr24", ".avi"),
    ("v210", "yuv422p10le", ".mov"),
    ("prores_ks", "yuva444p10le", ".mov"),
    ("mjpeg", "yuvj420p", ".avi"),
]


def patches():
    """(96, 96, 3) uint8: 36 patches of known colour."""
    return COLOURS.repeat(PATCH, 0).repeat(PATCH, 1)


def make(path, codec, pixel_format):
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.width = SIDE
        stream.height = SIDE
        stream.pix_fmt = pixel_format
        if codec == "libx264rgb":
            stream.options = {"crf": "0"}
        if codec == "mjpeg":
            stream.options = {"qmin": "1", "qmax": "1"}
        for index in range(2):
            frame = av.VideoFrame.from_ndarray(patches(), format="rgb24")
            frame.pts = index
            frame.time_base = Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def middles(image):
    """(36, 3): the mean colour of each patch's middle, where no neighbour bleeds in."""
    blocks = image.astype(float).reshape(SIDE // PATCH, PATCH, SIDE // PATCH, PATCH, 3)
    return blocks[:, 4:-4, :, 4:-4].mean((1, 3)).reshape(-1, 3)


def by_formula(path):
    """The patches' colours by ITU-R BT.709 or BT.601 from the stored samples, without swscale."""
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
        context = container.streams.video[0].codec_context
        bits = max(component.bits for component in frame.format.components)
        kind = np.uint16 if bits > 8 else np.uint8
        planes = []
        for plane in frame.planes[:3]:
            wide = np.frombuffer(plane, kind).reshape(plane.height, -1)[:, : plane.width].astype(float)
            planes.append(wide.repeat(SIDE // plane.height, 0).repeat(SIDE // plane.width, 1))
        full = int(frame.color_range) == 2 or frame.format.name.startswith("yuvj")
        matrix = int(context.colorspace)
    unit = 2.0 ** (bits - 8)
    low, luma, chroma = (0.0, 255.0, 255.0) if full else (16.0, 219.0, 224.0)
    y = (planes[0] / unit - low) / luma
    u = (planes[1] / unit - 128) / chroma
    v = (planes[2] / unit - 128) / chroma
    red, blue = (0.2126, 0.0722) if matrix == 1 else (0.299, 0.114)
    green = 1 - red - blue
    r = y + 2 * (1 - red) * v
    b = y + 2 * (1 - blue) * u
    g = (y - red * r - blue * b) / green
    return middles(255 * np.stack([r, g, b], -1))


@pytest.mark.parametrize("codec", ["h264", "prores"])
@pytest.mark.parametrize(("source", "pixel_format", "suffix"), FORMATS)
def test_colours_outside_the_face_stay(tmp_path, source, pixel_format, suffix, codec):
    clip = make(tmp_path / f"clip{suffix}", source, pixel_format)
    out = tmp_path / "out.mov"
    info = probe(clip)
    with ClipWriter(out, info, WriterOptions(codec=codec, quality=0)) as writer:
        for frame in read_frames(clip, lazy=True):
            writer.write_painted(frame, [])
    shown = middles(next(read_frames(clip, lazy=True)).plate)
    if not pixel_format.startswith("yuv"):
        assert np.abs(shown - COLOURS.reshape(-1, 3)).max() < 1
    off = by_formula(out) - shown
    assert np.abs(off.mean(0)).max() < 0.35
    assert np.abs(off).max() < 2


@pytest.mark.parametrize(("codec", "allowed"), [("ffv1", 0.001), ("av1", 4)])
@pytest.mark.parametrize(("source", "pixel_format", "suffix"), FORMATS)
def test_colours_of_every_kind_of_clip_come_back(tmp_path, source, pixel_format, suffix, codec, allowed):
    clip = make(tmp_path / f"clip{suffix}", source, pixel_format)
    out = tmp_path / "out.mkv"
    info = probe(clip)
    with ClipWriter(out, info, WriterOptions(codec=codec, quality=0)) as writer:
        for frame in read_frames(clip, lazy=True):
            writer.write_painted(frame, [])
    before, after = (middles(next(read_frames(path, lazy=True)).plate) for path in (clip, out))
    assert np.abs(after - before).max() < allowed
    assert np.abs((after - before).mean(0)).max() < 0.5
    if codec == "ffv1":
        assert probe(out).bit_depth == info.bit_depth
        assert probe(out).has_alpha == info.has_alpha


@pytest.mark.parametrize(
    "name", ["take:1.mp4", "2026-01-01T12:30:00.mkv", "file:x.mov", "100%d.mp4", "a?b#c.mp4"]
)
def test_a_file_name_is_a_file_name(make_clip, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    plain = make_clip("plain.mp4", count=4, audio=[Fraction(0)])
    write_clip(read_frames(plain), probe(plain), type(plain)(name))
    assert (tmp_path / name).is_file()
    clip = type(plain)(name)
    write_clip(read_frames(clip), probe(clip), type(plain)(f"again {name}"))
    assert probe(type(plain)(f"again {name}")).frame_count == 4


def with_matrix(clip, numbers):
    """Replace the display matrix of an mp4 by other numbers, 16.16 fixed point."""
    data = bytearray(clip.read_bytes())
    straight = struct.pack(">9i", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
    track = data.index(straight, data.index(b"tkhd"))
    a, b, c, d = (round(number * (1 << 16)) for number in numbers)
    data[track : track + len(straight)] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    clip.write_bytes(data)
    return clip


@pytest.mark.parametrize(
    "numbers", [(0.7071, 0.7071, -0.7071, 0.7071), (0.94, 0.34, -0.34, 0.94), (-0.8660, 0.5, -0.5, -0.8660)]
)
def test_a_matrix_that_no_player_follows_is_ignored_and_said(make_clip, numbers):
    clip = make_clip("a.mp4", count=3)
    before = next(read_frames(clip)).image
    clip = with_matrix(clip, numbers)
    info = probe(clip)
    assert any("no quarter turn" in warning for warning in info.warnings)
    assert np.array_equal(next(read_frames(clip)).image, before)


def test_a_quarter_turn_that_is_a_little_off_is_one(make_clip):
    info = probe(with_matrix(make_clip("a.mp4", count=3), (0.001, 1, -1, 0.001)))
    assert (info.width, info.height, info.shape.rotation, info.warnings) == (64, 96, 90, ())


@pytest.mark.parametrize("aspect", [Fraction(1, 10), Fraction(30)])
def test_an_absurd_pixel_shape_is_ignored_and_said(make_clip, aspect):
    info = probe(make_clip("a.mkv", count=3, aspect=aspect))
    assert (info.width, info.height) == (96, 64)
    assert any("pixel shape" in warning for warning in info.warnings)


def test_other_pictures_of_a_file_are_named(tmp_path):
    path = tmp_path / "two.mkv"
    with av.open(str(path), "w") as container:
        streams = [container.add_stream("mpeg4", rate=25) for _ in range(2)]
        for stream, size in zip(streams, (64, SIDE), strict=True):
            stream.width = size
            stream.height = size
            stream.pix_fmt = "yuv420p"
        for stream, size in zip(streams, (64, SIDE), strict=True):
            frame = av.VideoFrame.from_ndarray(patches()[:size, :size], format="rgb24")
            frame.pts = 0
            frame.time_base = Fraction(1, 25)
            container.mux([*stream.encode(frame.reformat(format="yuv420p")), *stream.encode(None)])
    assert probe(path).warnings == ("picture stream 0 is used; others are left out: stream 1 (96x96 mpeg4)",)
