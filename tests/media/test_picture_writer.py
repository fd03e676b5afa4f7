"""Frames of clips as the pictures of a sequence: values, headers, shape, and the same bytes each time."""

from __future__ import annotations

import dataclasses
import errno
from fractions import Fraction

import av
import numpy as np
import pytest

from recaster.errors import UsageError
from recaster.files import remove_folder
from recaster.media.clip import Clip
from recaster.media.colour_view import ColourView
from recaster.media.encoders import check_encoding, choose_matte_options
from recaster.media.join import check_output
from recaster.media.metadata import Metadata
from recaster.media.picture_file import PicturePart, read_picture, write_picture
from recaster.media.picture_join import gather_pictures, list_places, place_pictures
from recaster.media.picture_writer import PictureWriter
from recaster.media.probe import probe
from recaster.media.reader import read_frames
from recaster.media.types import Patch, Rect
from recaster.settings.encoding import WriterOptions
from recaster.settings.formats import SUFFIXES

SIZE = (64, 48)
WAYS = [
    ("exr", None, None), ("exr", "float", "piz"), ("exr", "half", "none"), ("dpx", None, None),
    ("dpx", "uint16", None),
    ("tiff", None, None), ("tiff", "uint16", None), ("png", None, None), ("png", "uint16", None),
    ("jpeg", None, None),
]  # fmt: skip


def make_noise(path, pixel_format, count=2, **stated):
    """A clip of noise in every sample, written by ffmpeg's FFV1."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=Fraction(24000, 1001), options={"level": "3"})
        stream.width, stream.height, stream.pix_fmt = *SIZE, pixel_format
        for name, value in stated.items():
            setattr(stream.codec_context, name, value)
        for index in range(count):
            frame = av.VideoFrame(*SIZE, pixel_format)
            bits = max(component.bits for component in frame.format.components)
            noise = np.random.default_rng(index)
            for plane in frame.planes:
                samples = np.frombuffer(plane, np.uint16 if bits > 8 else np.uint8)
                samples[:] = noise.integers(0, 1 << bits, samples.size)
            frame.pts = index
            for name, value in stated.items():
                setattr(frame, name, value)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def write(clip, folder, options, info=None):
    """The parts of each picture of a clip that nobody painted on, and the bytes of all."""
    with PictureWriter(folder, info or probe(clip), options) as writer:
        for frame in read_frames(clip, lazy=True):
            writer.write_painted(frame, [])
    files = sorted(folder.iterdir())
    return [read_picture(path)[0] for path in files], [path.read_bytes() for path in files]


def to_light(codes):
    return np.where(codes <= 0.04045, codes / 12.92, ((codes + 0.055) / 1.055) ** 2.4)


@pytest.mark.parametrize(("codec", "sample_type", "profile"), WAYS)
@pytest.mark.parametrize("pixel_format", ["bgr0", "gbrp16le"])
def test_values_are_the_clips_or_their_light(tmp_path, codec, sample_type, profile, pixel_format):
    clip = make_noise(tmp_path / "a.mkv", pixel_format)
    options = WriterOptions(codec, profile=profile, pixel_format=sample_type, quality=0)
    suffix = SUFFIXES[codec][0]
    parts, first = write(clip, tmp_path / f"a{suffix}", options)
    _, second = write(clip, tmp_path / f"b{suffix}", options)
    assert first == second
    if codec == "jpeg":
        tolerance = 40 / 255  # of noise little is left
    else:
        tolerance = {"exr": 1e-3, "dpx": 1 / 1023 if sample_type is None else 1e-4}.get(codec, 1e-4)
        if pixel_format == "gbrp16le" and sample_type in (None, "uint8") and codec in ("tiff", "png"):
            assert {part.pixels.dtype.name for part in parts} == {"uint16"}
    for part, frame in zip(parts, read_frames(clip, lazy=True), strict=True):
        codes = np.asarray(frame.plate, np.float64) / 255
        assert part.channels == ("R", "G", "B")
        values = part.pixels.astype(np.float64)
        if codec == "exr":
            assert part.pixels.dtype == (np.float32 if sample_type == "float" else np.float16)
            codes = to_light(codes)
        else:
            values /= np.iinfo(part.pixels.dtype).max
        off = np.abs(values - codes)
        assert (off.mean() if codec == "jpeg" else off.max()) < tolerance


def test_bits_follow_the_clip(tmp_path):
    for pixel_format, name in (("yuv420p", "uint8"), ("yuv420p10le", "uint16")):
        clip = make_noise(tmp_path / f"{name}.mkv", pixel_format)
        for codec in ("png", "tiff"):
            parts, _ = write(clip, tmp_path / f"{name}{SUFFIXES[codec][0]}", WriterOptions(codec))
            assert parts[0].pixels.dtype.name == name
        [part, _], _ = write(clip, tmp_path / f"{name}.dpx", WriterOptions("dpx"))
        assert ("oiio:BitsPerSample", "int", 10) in part.attributes


@pytest.mark.parametrize("codec", ["exr", "png", "tiff", "dpx"])
def test_transparency_is_kept(tmp_path, codec):
    clip = make_noise(tmp_path / "a.mkv", "gbrap16le")
    suffix = SUFFIXES[codec][0]
    parts, _ = write(clip, tmp_path / f"a{suffix}", WriterOptions(codec))
    for part, frame in zip(parts, read_frames(clip, lazy=True), strict=True):
        alpha = frame.stored_alpha
        assert part.channels == ("R", "G", "B", "A")
        if codec == "exr":
            np.testing.assert_allclose(part.pixels[..., 3], alpha / 65535, atol=5e-4)
            light = to_light(frame.plate / 255) * alpha[..., None] / 65535
            np.testing.assert_allclose(part.pixels[..., :3], light, atol=1e-3)
        else:
            np.testing.assert_array_equal(part.pixels[..., 3], alpha)


@pytest.mark.parametrize("transfer", [16, 18])
def test_light_of_hdr_is_relative_to_its_diffuse_white(tmp_path, transfer):
    clip = make_noise(tmp_path / "a.mkv", "yuv444p10le", color_trc=transfer, color_primaries=9, colorspace=9)
    [part, _], _ = write(clip, tmp_path / "a.exr", WriterOptions("exr"))
    frame = next(read_frames(clip, lazy=True))
    assert frame.view is not None
    light = frame.view.to_light(frame.plate / 255)
    np.testing.assert_allclose(part.pixels, light, rtol=1e-3, atol=1e-3)
    # Looked at again as the clip is, it is the same picture.
    white = ColourView(frame.view.transfer, is_wide=True).to_light(
        np.full((1, 3), 0.58 if transfer == 16 else 0.75)
    )
    np.testing.assert_allclose(white, 1, atol=0.02)


def test_colours_of_png_are_tagged(tmp_path):
    clip = make_noise(tmp_path / "a.mkv", "gbrp16le", color_trc=16, color_primaries=9)
    [part, _], _ = write(clip, tmp_path / "a.png", WriterOptions("png"))
    assert ("CICP", "int[4]", (9, 16, 0, 1)) in part.attributes
    clip = make_noise(tmp_path / "b.mkv", "yuv420p")
    [part, _], _ = write(clip, tmp_path / "b.png", WriterOptions("png"))
    assert "CICP" not in {name for name, _, _ in part.attributes}


def test_colour_tags_that_are_lost_are_named(tmp_path):
    for transfer, name in ((16, "PQ"), (18, "HLG")):
        clip = make_noise(tmp_path / f"{name}.mkv", "gbrp16le", color_trc=transfer, color_primaries=9)
        for codec in ("dpx", "tiff", "jpeg", "png", "exr"):
            out = tmp_path / f"%04d{SUFFIXES[codec][0]}"
            said = " ".join(check_output(out, probe(clip), WriterOptions(codec)))
            assert (f"colour tags ({name}, bt2020)" in said) == (codec in ("dpx", "tiff", "jpeg"))
    plain = probe(make_noise(tmp_path / "b.mkv", "yuv420p", color_trc=1, color_primaries=1))
    assert "colour tags" not in str(check_output(tmp_path / "%04d.tif", plain, WriterOptions("tiff")))


def test_rate_timecode_and_reel_are_in_the_headers(tmp_path):
    clip = make_noise(tmp_path / "a.mkv", "yuv420p", count=3)
    tags = {"creation_time": "2024-05-01T10:00:00.000000Z", "title": "The Shot"}
    info = dataclasses.replace(
        probe(clip),
        metadata=Metadata(tags=tags, timecode="01:59:59:22", timecode_rate=Fraction(24), reel="A007"),
    )
    parts, _ = write(clip, tmp_path / "a.exr", WriterOptions("exr"), info)
    said = {name: value for name, _, value in parts[2].attributes}
    assert said["framesPerSecond"] == (24000, 1001)
    assert (said["reelName"], said["DateTime"]) == ("A007", "2024:05:01 10:00:00")
    assert said["smpte:TimeCode"] == (0x02000000, 0)
    parts, _ = write(clip, tmp_path / "a.dpx", WriterOptions("dpx"), info)
    said = {name: value for name, _, value in parts[1].attributes}
    assert said["dpx:TimeCode"] == "01:59:59:23"
    assert said["dpx:FrameRate"] == pytest.approx(24000 / 1001)
    assert said["DateTime"] == "2024:05:01 10:00:00"
    [sentence] = check_output(tmp_path / "%04d.exr", info, WriterOptions("exr"))
    assert sentence == "%04d.exr cannot hold of the clip: tags (title)"
    [sentence] = check_output(tmp_path / "%04d.png", info, WriterOptions("png"))
    assert sentence.endswith("tags (creation_time, title); the rate of 23.976 frames/s; timecode; reel")


def test_pictures_are_upright_with_the_pixels_of_the_clip(make_clip, tmp_path):
    clip = make_clip(count=2, size=SIZE, aspect=Fraction(4, 3), rotation=90)
    parts, _ = write(clip, tmp_path / "a.exr", WriterOptions("exr", pixel_format="float"))
    frame = next(read_frames(clip, lazy=True))
    assert parts[0].pixels.shape == (*SIZE, 3)
    assert ("PixelAspectRatio", "float", 0.75) in parts[0].attributes
    upright = np.rot90(frame.stored_plate, -frame._converter.shape.rotation // 90)
    np.testing.assert_allclose(parts[0].pixels, to_light(upright / 255), atol=1e-6)
    square = WriterOptions("exr", square_pixels=True)
    parts, _ = write(clip, tmp_path / "b.exr", square)
    assert parts[0].pixels.shape[:2] == (frame.size[1], frame.size[0])


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv420p10le"])
def test_only_what_was_painted_changes(tmp_path, pixel_format):
    clip = make_noise(tmp_path / "a.mkv", pixel_format, count=1)
    [before], _ = write(clip, tmp_path / "a.png", WriterOptions("png"))
    place = Rect(8, 8, 40, 32)
    with PictureWriter(tmp_path / "b.png", probe(clip), WriterOptions("png")) as writer:
        [frame] = read_frames(clip, lazy=True)
        image = frame.plate_part(place).copy()
        image[:] = 51
        painted = np.zeros(image.shape[:2], bool)
        painted[2:-2, 2:-2] = True
        writer.write_painted(frame, [Patch(place, image, painted, painted.astype(np.uint8))])
    [after] = read_picture(tmp_path / "b.png" / "00000000.png")
    inside = np.zeros(SIZE[::-1], bool)
    place.crop(inside)[...] = painted
    np.testing.assert_array_equal(after.pixels[~inside], before.pixels[~inside])
    assert (after.pixels[inside] == 51 * (257 if after.pixels.dtype == np.uint16 else 1)).all()


@pytest.mark.parametrize("suffix", [".exr", ".png", ".dpx"])
def test_a_matte_is_one_grey_channel(tmp_path, suffix):
    clip = make_noise(tmp_path / "a.mkv", "yuv420p", count=1)
    matte = np.arange(SIZE[0] * SIZE[1], dtype=np.uint32).reshape(SIZE[::-1]).astype(np.uint8)
    options = choose_matte_options(tmp_path / f"%04d{suffix}", WriterOptions("prores", profile="4444"))
    with PictureWriter(tmp_path / f"m{suffix}", probe(clip), options) as writer:
        writer.write_matte(next(read_frames(clip)), matte)
    [part] = read_picture(tmp_path / f"m{suffix}" / f"00000000{suffix}")
    assert part.channels == ("Y",)
    highest = 1 if suffix == ".exr" else np.iinfo(part.pixels.dtype).max
    np.testing.assert_allclose(part.pixels[..., 0] / highest, matte / 255, atol=1e-3)


def test_light_without_alpha_stays(tmp_path):
    (tmp_path / "in").mkdir()
    flame = np.zeros((*SIZE[::-1], 4), np.float16)
    flame[..., 0] = 3
    write_picture(tmp_path / "in" / "a.1.exr", [PicturePart(("R", "G", "B", "A"), flame)])
    clip = Clip(tmp_path / "in")
    with PictureWriter(tmp_path / "b.exr", clip.info, WriterOptions("exr", pixel_format="float")) as writer:
        writer.write_painted(next(clip.read(0, 1)), [])
    [part] = read_picture(tmp_path / "b.exr" / "00000000.exr")
    assert part.pixels.dtype == np.float32
    np.testing.assert_allclose(part.pixels, flame, atol=1e-5)


def test_transparency_that_is_lost_is_named(tmp_path):
    info = probe(make_noise(tmp_path / "a.mkv", "gbrap16le"))
    for options in (WriterOptions("jpeg"), WriterOptions("dpx", pixel_format="uint10")):
        [sentence] = check_output(tmp_path / f"%04d{SUFFIXES[options.codec][0]}", info, options)
        assert "transparency" in sentence
    assert "transparency" not in str(check_output(tmp_path / "%04d.tif", info, WriterOptions("tiff")))


def test_what_cannot_be_written_is_refused(make_clip, tmp_path):
    info = probe(make_clip(count=2))
    for path, options, message in [
        ("a.exr", WriterOptions("exr"), r"need a place for their number in their name, such as a\.%04d\.exr"),
        ("%04d.exr", WriterOptions(), "h264 goes into .mp4 or .mov or .mkv, not into .exr"),
        (
            "%04d.png",
            WriterOptions("png", pixel_format="half"),
            "png cannot be written as half; it takes uint8",
        ),
        ("%04d.png", WriterOptions("png", profile="zip"), "png has no profile zip; it has none"),
        ("%04d.exr", WriterOptions("exr", profile="hq"), "exr has no profile hq; choose from dwaa, piz"),
        ("%04d.exr", WriterOptions("exr", encoder="h264_nvenc"), "h264_nvenc writes h264, not exr"),
    ]:
        with pytest.raises(UsageError, match=message):
            check_encoding(tmp_path / path, info, options)


def test_pictures_get_to_their_places_again_and_again(tmp_path, make_clip):
    info = probe(make_clip(count=4))
    folder = tmp_path / "parts"
    for start in (0, 2):
        (folder / f"{start}").mkdir(parents=True)
        for index in (start, start + 1):
            (folder / f"{start}" / f"{index:08}.png").write_text(str(index))
    out = tmp_path / "out"
    out.mkdir()
    for name in ("a.0002.png", "a.0005.png", "b.0001.png", ".a.0003.placed.png"):
        (out / name).write_text("old")
    places = list_places(out / "a.%04d.png", info, range(4))
    for _ in range(2):
        pictures = gather_pictures([folder / "0", folder / "2"], 4)
        place_pictures(pictures, places)
        told = {path.name: path.read_text() for path in out.iterdir()}
        assert told == {
            **{f"a.{number:04}.png": str(number - 1) for number in (1, 2, 3, 4)},
            "a.0005.png": "old",
            "b.0001.png": "old",
        }


def test_a_stopped_segment_leaves_nothing(make_clip, tmp_path):
    clip = make_clip(count=2)

    def stop() -> None:
        with PictureWriter(tmp_path / "a.png", probe(clip), WriterOptions("png")) as writer:
            writer.write_painted(next(read_frames(clip)), [])
            assert len(list(tmp_path.glob(".a.*.png/00000000.png"))) == 1
            raise UsageError("stopped")

    with pytest.raises(UsageError, match="stopped"):
        stop()
    assert not [path for path in tmp_path.iterdir() if path.suffix == ".png"]


def test_disks_without_links_get_copies(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr("pathlib.Path.hardlink_to", refuse)
    (tmp_path / "a.png").write_text("new")
    place = tmp_path / "out" / "b.0001.png"
    place_pictures([tmp_path / "a.png"], [place])
    assert place.read_text() == "new"
    assert [path.name for path in place.parent.iterdir()] == ["b.0001.png"]
    assert not place.samefile(tmp_path / "a.png")


def test_names_in_old_encodings_are_refused(tmp_path):
    info = probe(make_noise(tmp_path / "a.mkv", "yuv420p"))
    with pytest.raises(UsageError, match="has to be in UTF-8"):
        check_encoding(tmp_path / "caf\udce9.%04d.png", info, WriterOptions("png"))


def test_two_that_write_one_folder_at_once_both_end_well(tmp_path, monkeypatch):
    clip = make_noise(tmp_path / "clip.mkv", "yuv444p")
    folder = tmp_path / "00000000.clip.png"
    frames = list(read_frames(clip))
    first = PictureWriter(folder, probe(clip), WriterOptions("png"))
    second = PictureWriter(folder, probe(clip), WriterOptions("png"))
    pending = [first]

    def remove(path, **how):
        """The other one puts its pictures there just after this one has made room."""
        remove_folder(path, **how)
        if path == folder and pending:
            pending.pop().__exit__(None, None, None)

    for writer in (first, second):
        writer.__enter__()
        for frame in frames:
            writer.write_painted(frame, ())
    monkeypatch.setattr("recaster.media.picture_writer.remove_folder", remove)
    second.__exit__(None, None, None)
    assert not pending
    assert len(list(folder.iterdir())) == len(frames)
    assert sorted(path.name for path in tmp_path.iterdir()) == [folder.name, "clip.mkv"]
