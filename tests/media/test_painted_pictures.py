"""Of a sequence's pictures only painted pixels change: all else of their files stays, bit for bit."""

from __future__ import annotations

import subprocess
import tracemalloc

import numpy as np
import PIL.Image
import pytest
from PIL import ExifTags
from rich_clips import needs_ffmpeg

from recaster.errors import ClipError
from recaster.media.clip import Clip
from recaster.media.join import check_output
from recaster.media.picture_file import PicturePart, read_picture, write_picture
from recaster.media.picture_join import list_numbers
from recaster.media.picture_writer import PictureWriter
from recaster.media.reader import read_frames
from recaster.media.types import Patch, Rect
from recaster.media.writer import ClipWriter
from recaster.settings.encoding import WriterOptions
from recaster.settings.formats import SUFFIXES

SIZE = (64, 48)
PLACE = Rect(8, 4, 40, 28)
RNG = np.random.default_rng(0)


def random_bits(dtype, channels):
    """Every value that the type has may be there: no numbers, infinities, negative ones, too."""
    width = np.dtype(dtype).itemsize
    bits = RNG.integers(0, 256, (*SIZE[::-1], channels * width), np.uint8)
    return bits.view(dtype)


def bits_of(pixels):
    return pixels.view(f"u{pixels.dtype.itemsize}")


def paint(folder, out, *, value=None, **options):
    """Pictures of a clip with a patch of one colour; those before and after, and where it is painted."""
    clip = Clip(folder)
    codec = next(name for name, suffixes in SUFFIXES.items() if clip.first_file.suffix in suffixes)
    info = clip.info
    painted = np.zeros((PLACE.height, PLACE.width), bool)
    painted[3:-2, 2:-5] = value is not None
    before = []
    with PictureWriter(out, info, WriterOptions(codec, **options)) as writer:
        for frame in clip.read(0, info.frame_count):
            before.append(frame.read_parts())
            image = frame.plate_part(PLACE).copy()
            image[painted] = 0 if value is None else value
            patches = [Patch(PLACE, image, painted, painted.astype(np.uint8))]
            writer.write_painted(frame, patches)
    after = [read_picture(path) for path in sorted(out.iterdir())]
    inside = np.zeros(SIZE[::-1], bool)
    PLACE.crop(inside)[...] = painted
    return before, after, inside


def test_all_of_openexr_stays_but_painted_colours(tmp_path):
    (tmp_path / "in").mkdir()
    attributes = (
        ("framesPerSecond", "rational", (24000, 1001)),
        ("worldToCamera", "matrix", tuple(float(number) for number in range(16))),
        ("DateTime", "string", "2020:01:02 03:04:05"),
        ("vendor", "string", "ünïcode"),
    )
    window = Rect(-6, 2, 58, 50)
    for number in (7, 8):
        depth = np.concatenate([random_bits("f2", 4).astype(np.float32), random_bits("f4", 2)], axis=-1)
        beauty = PicturePart(
            ("R", "G", "B", "A", "Z", "id"),
            depth,
            "beauty",
            window,
            SIZE,
            ("half",) * 4 + ("float",) * 2,
            attributes,
            (100, -20),
        )
        other = PicturePart(
            ("N.X", "N.Y", "N.Z"),
            random_bits("f2", 3),
            "normals",
            attributes=attributes[:1],
            origin=(100, -20),
        )
        write_picture(tmp_path / "in" / f"a.{number:04}.exr", [beauty, other])
    before, after, inside = paint(tmp_path / "in", tmp_path / "b.exr", value=(51, 102, 510))
    assert [part.origin for part in before[0]] == [(100, -20)] * 2
    # From the data window to the picture as shown.
    shown = np.zeros((48, 64), bool)
    shown[:, :] = np.pad(inside, ((0, 2), (6, 0)))[2:, :64]
    for old_parts, new_parts in zip(before, after, strict=True):
        for old, new in zip(old_parts, new_parts, strict=True):
            for kept in ("channels", "name", "place", "size", "origin", "types"):
                assert getattr(new, kept) == getattr(old, kept)
            assert new.attributes == old.attributes
        np.testing.assert_array_equal(bits_of(new_parts[1].pixels), bits_of(old_parts[1].pixels))
        old, new = old_parts[0].pixels, new_parts[0].pixels
        np.testing.assert_array_equal(bits_of(new[~shown]), bits_of(old[~shown]))
        np.testing.assert_array_equal(bits_of(new[..., 3:]), bits_of(old[..., 3:]))
        np.testing.assert_allclose(new[shown][:, :3], [[0.2, 0.4, 2]] * int(shown.sum()), rtol=1e-3)
    assert check_output(tmp_path / "%04d.exr", Clip(tmp_path / "in").info, WriterOptions("exr")) == ()


def test_numbers_of_objects_keep_32_bits_in_a_part_of_their_own(tmp_path):
    (tmp_path / "in").mkdir()
    colours = PicturePart(("R", "G", "B"), random_bits("f2", 3), "beauty")
    ids = random_bits("u4", 2)
    write_picture(tmp_path / "in" / "a.1.exr", [colours, PicturePart(("id0", "id1"), ids, "ids")])
    _, [[_, new]], _ = paint(tmp_path / "in", tmp_path / "b.exr", value=(51, 102, 51))
    np.testing.assert_array_equal(new.pixels, ids)
    (tmp_path / "mixed").mkdir()
    types = ("half", "half", "half", "uint")
    mixed = PicturePart(("R", "G", "B", "id"), random_bits("f4", 4), types=types)
    write_picture(tmp_path / "mixed" / "a.1.exr", [mixed])
    [sentence] = check_output(tmp_path / "%04d.exr", Clip(tmp_path / "mixed").info, WriterOptions("exr"))
    assert sentence.endswith("channels id beyond 24 bits")


@pytest.mark.parametrize(
    ("own", "profile", "expected"),
    [
        ("piz", None, "piz"),
        ("zips", None, "zips"),
        ("dwaa", None, "zip"),
        ("b44", None, "zip"),
        ("zip", "dwaa", "dwaa"),
    ],
)
def test_compression_is_the_clips_if_it_loses_nothing(tmp_path, own, profile, expected):
    (tmp_path / "in").mkdir()
    ramp = np.linspace(0, 1, SIZE[0] * SIZE[1] * 3).reshape(*SIZE[::-1], 3).astype(np.float16)
    part = PicturePart(("R", "G", "B"), ramp, attributes=(("compression", "string", own),))
    write_picture(tmp_path / "in" / "a.1.exr", [part])
    before, after, _ = paint(tmp_path / "in", tmp_path / "b.exr", profile=profile)
    said = {name: value for name, _, value in after[0][0].attributes}
    assert said["compression"].split(":")[0] == expected
    if profile is None:
        np.testing.assert_array_equal(after[0][0].pixels, before[0][0].pixels)


@pytest.mark.parametrize(
    ("suffix", "dtype", "channels", "bits"),
    [
        (".png", "u2", 4, 16), (".png", "u1", 4, 8), (".png", "u2", 1, 16),
        (".tif", "u2", 4, 16), (".tif", "u1", 3, 8),
        (".tif", "f4", 3, 32), (".dpx", "u2", 3, 10), (".dpx", "u2", 3, 16), (".dpx", "u2", 4, 16),
    ],
)  # fmt: skip
def test_other_pictures_stay_but_for_painted_colours(tmp_path, suffix, dtype, channels, bits):
    (tmp_path / "in").mkdir()
    names = ("R", "G", "B", "A")[:channels] if channels > 1 else ("Y",)
    pixels = random_bits(dtype, channels)
    attributes = [("ImageDescription", "string", "a take")]
    if bits == 10:
        pixels = (pixels >> 6) << 6 | pixels >> 10
        attributes.append(("oiio:BitsPerSample", "int", 10))
    if channels == 4:
        attributes.append(("oiio:UnassociatedAlpha", "int", 1))
    write_picture(
        tmp_path / "in" / f"a.1{suffix}", [PicturePart(names, pixels, attributes=tuple(attributes))]
    )
    before, after, inside = paint(tmp_path / "in", tmp_path / f"b{suffix}", value=(51, 51, 51))
    [[old]], [[new]] = before, after
    assert {name for name, _, _ in new.attributes} - {"DateTime"} == {
        name for name, _, _ in old.attributes
    } - {"DateTime"}
    np.testing.assert_array_equal(bits_of(old.pixels), bits_of(pixels))
    np.testing.assert_array_equal(bits_of(new.pixels[~inside]), bits_of(old.pixels[~inside]))
    if channels == 4:
        np.testing.assert_array_equal(new.pixels[..., 3], old.pixels[..., 3])
    highest = np.iinfo(dtype).max if dtype != "f4" else 1
    np.testing.assert_allclose(new.pixels[inside][:, :3] / highest, 0.2, atol=1 / (1 << min(bits, 20)))
    again = paint(tmp_path / "in", tmp_path / f"c{suffix}", value=(51, 51, 51))[1]
    np.testing.assert_array_equal(bits_of(again[0][0].pixels), bits_of(new.pixels))
    assert (tmp_path / f"b{suffix}" / f"00000000{suffix}").read_bytes() == (
        tmp_path / f"c{suffix}" / f"00000000{suffix}"
    ).read_bytes()


@needs_ffmpeg
@pytest.mark.parametrize("pixel_format", ["gbrp10be", "rgb48be", "rgb48le", "rgb24"])
def test_a_dpx_file_that_nobody_painted_on_is_the_same_file(tmp_path, pixel_format):
    (tmp_path / "in").mkdir()
    source = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=64x48"]
    command = [*source, "-frames:v", "2", "-pix_fmt", pixel_format]
    subprocess.run([*command, str(tmp_path / "in" / "a.%04d.dpx")], check=True)
    paint(tmp_path / "in", tmp_path / "b.dpx")
    for old, new in zip(
        sorted((tmp_path / "in").iterdir()), sorted((tmp_path / "b.dpx").iterdir()), strict=True
    ):
        assert new.read_bytes() == old.read_bytes()


def test_paint_shows_on_black_and_white(tmp_path):
    (tmp_path / "in").mkdir()
    for number, photometric in enumerate((1, 0)):
        picture = PIL.Image.new("1", SIZE, 1)
        picture.save(tmp_path / "in" / f"a.{number}.tif", tiffinfo={262: photometric}, compression="group4")
    before, after, inside = paint(tmp_path / "in", tmp_path / "b.tif", value=(51, 51, 51))
    for [old], [new] in zip(before, after, strict=True):
        np.testing.assert_array_equal(new.pixels[~inside], old.pixels[~inside])
        assert (new.pixels[inside] == 51).all()


@pytest.mark.parametrize(("own", "expected"), [("lzw", "lzw"), ("packbits", "packbits"), ("jpeg", "zip")])
def test_compression_of_tiff_is_its_own_if_it_loses_nothing(tmp_path, own, expected):
    (tmp_path / "in").mkdir()
    pixels = random_bits("u1", 3)
    part = PicturePart(("R", "G", "B"), pixels, attributes=(("compression", "string", own),))
    write_picture(tmp_path / "in" / "a.1.tif", [part])
    before, after, _ = paint(tmp_path / "in", tmp_path / "b.tif")
    assert ("compression", "string", expected) in after[0][0].attributes
    np.testing.assert_array_equal(after[0][0].pixels, before[0][0].pixels)


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_of_several_pages_the_first_is_used_and_the_others_are_named(tmp_path, mode):
    (tmp_path / "in").mkdir()
    pages = [PIL.Image.new(mode, SIZE, grey) for grey in ("gray", "white", "black")]
    pages[0].save(tmp_path / "in" / "a.1.tif", save_all=True, append_images=pages[1:])
    before, after, _ = paint(tmp_path / "in", tmp_path / "b.tif")
    assert len(before[0]) == len(after[0]) == 1
    np.testing.assert_array_equal(after[0][0].pixels[..., 0], np.asarray(pages[0].convert("L")))
    info = Clip(tmp_path / "in").info
    for name, codec in (("%04d.tif", "tiff"), ("%04d.png", "png"), ("a.mov", "prores")):
        [sentence] = check_output(tmp_path / name, info, WriterOptions(codec))
        assert "2 more pages of each picture" in sentence


def test_jpeg_is_encoded_anew(tmp_path):
    (tmp_path / "in").mkdir()
    ramp = np.linspace(0, 255, SIZE[0] * SIZE[1]).reshape(*SIZE[::-1], 1).astype(np.uint8).repeat(3, -1)
    write_picture(tmp_path / "in" / "a.1.jpg", [PicturePart(("R", "G", "B"), ramp)])
    before, after, _ = paint(tmp_path / "in", tmp_path / "b.jpg", quality=0)
    assert np.abs(after[0][0].pixels.astype(int) - before[0][0].pixels).max() <= 3


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif"])
def test_a_picture_that_lies_on_its_side_is_turned_as_before(tmp_path, suffix):
    (tmp_path / "in").mkdir()
    turned = PIL.Image.Exif()
    turned[ExifTags.Base.Orientation] = 6
    PIL.Image.new("RGB", SIZE).save(tmp_path / "in" / f"a.1{suffix}", exif=turned)
    paint(tmp_path / "in", tmp_path / f"b{suffix}")
    assert Clip(tmp_path / f"b{suffix}").info.shape == Clip(tmp_path / "in").info.shape
    with PIL.Image.open(tmp_path / f"b{suffix}" / f"00000000{suffix}") as picture:
        assert picture.getexif()[ExifTags.Base.Orientation] == 6


def write_sequence(folder, suffix, pixels, numbers=(1, 2), channels=("R", "G", "B"), attributes=()):
    folder.mkdir()
    for number in numbers:
        part = PicturePart(channels, pixels, attributes=attributes)
        write_picture(folder / f"a.{number:04}{suffix}", [part])
    return Clip(folder)


def convert(clip, out, codec, **options):
    with PictureWriter(out, clip.info, WriterOptions(codec, **options)) as writer:
        for frame in clip.read(0, clip.info.frame_count):
            writer.write_painted(frame, [])
    return read_picture(min(out.iterdir()))[0]


def to_light(codes):
    return np.where(codes <= 0.04045, codes / 12.92, ((codes + 0.055) / 1.055) ** 2.4)


def test_light_becomes_its_view_in_other_pictures(tmp_path):
    light = np.linspace(0, 1.5, SIZE[0] * SIZE[1] * 3).reshape(*SIZE[::-1], 3).astype(np.float16)
    clip = write_sequence(tmp_path / "in", ".exr", light)
    part = convert(clip, tmp_path / "b.png", "png")
    frame = next(clip.read(0, 1))
    assert part.pixels.dtype == np.uint16
    np.testing.assert_allclose(part.pixels / 257, frame.view.decode(frame.plate), atol=0.01)
    np.testing.assert_allclose(np.rint(part.pixels / 257), frame.image, atol=1)


def test_other_pictures_become_light(tmp_path):
    codes = np.linspace(0, 65535, SIZE[0] * SIZE[1] * 3).reshape(*SIZE[::-1], 3).astype(np.uint16)
    part = convert(write_sequence(tmp_path / "in", ".png", codes), tmp_path / "b.exr", "exr")
    values = codes / 65535
    light = to_light(values)
    np.testing.assert_allclose(part.pixels, light, atol=1e-3)
    # And back: what is read of it are the same colours, but for light near white, which is bent.
    seen = next(Clip(tmp_path / "b.exr").read(0, 1))
    dim = light.max(axis=-1) < 0.6
    np.testing.assert_allclose(seen.image[dim], values[dim] * 255, atol=1)


STRAIGHT = ("oiio:UnassociatedAlpha", "int", 1)


@pytest.mark.parametrize(
    ("suffix", "dtype", "attributes"),
    [
        (".exr", "f4", ()),
        (".tif", "f4", ()),
        (".tif", "f4", (STRAIGHT,)),
        (".tif", "u2", ()),
        (".tif", "u1", ()),
        (".tif", "u2", (STRAIGHT,)),
        (".png", "u2", (STRAIGHT,)),
    ],
)
def test_colours_beside_alpha_mean_the_same_in_other_pictures(tmp_path, suffix, dtype, attributes):
    straight = np.concatenate([RNG.random((*SIZE[::-1], 3)), RNG.uniform(0.4, 1, (*SIZE[::-1], 1))], axis=-1)
    scale = 1 if dtype == "f4" else np.iinfo(dtype).max
    alpha = straight[..., 3:]
    stored = straight if attributes else np.concatenate([straight[..., :3] * alpha, alpha], axis=-1)
    pixels = (np.rint(stored * scale) if dtype != "f4" else stored).astype(dtype)
    clip = write_sequence(
        tmp_path / "in", suffix, pixels, channels=("R", "G", "B", "A"), attributes=attributes
    )
    # Light, if the pictures are floats, and the values of sRGB that stand for it, if they aren't.
    light = straight[..., :3] if dtype == "f4" else to_light(straight[..., :3])
    atol = 0.012 if dtype == "u1" else 2e-3
    sample = "half" if (suffix, dtype) == (".exr", "f4") else None
    other = convert(clip, tmp_path / "b.exr", "exr", pixel_format=sample)
    np.testing.assert_allclose(other.pixels[..., :3], light * alpha, atol=atol)
    np.testing.assert_allclose(other.pixels[..., 3:], alpha, atol=3e-3)
    view = clip.info.view
    codes = straight[..., :3] if view is None else view.decode_picture(
        (255 * straight[..., :3]).astype(np.float32)
    ) / 255  # fmt: skip
    other = convert(clip, tmp_path / "b.png", "png", pixel_format="uint16" if suffix != ".png" else "uint8")
    highest = np.iinfo(other.pixels.dtype).max
    np.testing.assert_allclose(other.pixels[..., :3] / highest, codes, atol=0.012 if dtype == "u1" else 4e-3)
    with ClipWriter(tmp_path / "b.mkv", clip.info, WriterOptions("ffv1")) as writer:
        for frame in clip.read(0, 1):
            writer.write_painted(frame, [])
    frame = next(read_frames(tmp_path / "b.mkv", lazy=True))
    np.testing.assert_allclose(frame.stored_plate / 255, codes, atol=0.012)


def test_alpha_of_another_kind_is_refused(tmp_path):
    pixels = np.zeros((*SIZE[::-1], 4), np.uint8)
    folder = tmp_path / "in"
    clip = write_sequence(folder, ".tif", pixels, (1,), channels=("R", "G", "B", "A"))
    clip.info  # noqa: B018 - alone it is read
    part = PicturePart(("R", "G", "B", "A"), pixels, attributes=(STRAIGHT,))
    write_picture(folder / "a.0002.tif", [part])
    with pytest.raises(
        ClipError, match=r"a\.0002\.tif: has other channels, .* multiplied by alpha otherwise"
    ):
        Clip(folder).info  # noqa: B018


def test_numbers_and_gaps_are_kept(tmp_path):
    pixels = np.zeros((*SIZE[::-1], 3), np.uint8)
    clip = write_sequence(tmp_path / "in", ".png", pixels, (1001, 1002, 1005))
    assert list_numbers(clip.info, range(3)) == [1001, 1002, 1005]
    assert list_numbers(clip.info, range(1, 3)) == [1002, 1005]


def test_a_gap_costs_nothing_by_its_length(tmp_path):
    pixels = np.zeros((*SIZE[::-1], 3), np.uint8)
    clip = write_sequence(tmp_path / "in", ".png", pixels, (1, 20240501, 20240502))
    tracemalloc.start()
    assert list_numbers(clip.info, range(3)) == [1, 20240501, 20240502]
    highest = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert highest < 100_000


def test_timecode_counts_missing_pictures(tmp_path):
    pixels = np.zeros((*SIZE[::-1], 3), np.float16)
    attributes = (("smpte:TimeCode", "timecode", (0x01000022, 0)), ("framesPerSecond", "rational", (24, 1)))
    clip = write_sequence(tmp_path / "in", ".exr", pixels, (1001, 1002, 1005), attributes=attributes)
    with PictureWriter(tmp_path / "b.dpx", clip.info, WriterOptions("dpx")) as writer:
        for frame in clip.read(0, 3):
            writer.write_painted(frame, [])
    headers = [read_picture(path)[0].attributes for path in sorted((tmp_path / "b.dpx").iterdir())]
    said = [value for header in headers for name, _, value in header if name == "dpx:TimeCode"]
    assert said == ["01:00:00:22", "01:00:00:23", "01:00:01:02"]


def test_channels_that_are_lost_are_named(tmp_path):
    pixels = np.zeros((*SIZE[::-1], 5), np.float16)
    clip = write_sequence(tmp_path / "in", ".exr", pixels, channels=("R", "G", "B", "Z", "N.X"))
    others = {
        "%04d.png": WriterOptions("png"),
        "a.mov": WriterOptions("prores"),
        "%04d.exr": WriterOptions("exr", pixel_format="float"),
    }
    for out, options in others.items():
        [sentence] = check_output(tmp_path / out, clip.info, options)
        assert "channels Z, N.X" in sentence
    assert check_output(tmp_path / "%04d.exr", clip.info, WriterOptions("exr")) == ()
