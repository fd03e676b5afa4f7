"""Picture sequences are clips: found by folder, pattern or picture, numbered, and read as they are stored."""

from __future__ import annotations

import re
import shutil
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import OpenImageIO
import PIL.Image
import pytest

from recaster.errors import ClipError, UsageError
from recaster.media.clip import Clip, digest_media
from recaster.media.colour_view import ColourView
from recaster.media.compare import compare
from recaster.media.picture_file import PicturePart, write_picture
from recaster.media.picture_header import LINEAR_PRIMARIES
from recaster.media.probe import probe
from recaster.media.reader import read_frames
from recaster.media.sequence_name import resolve_clip, would_replace
from recaster.media.types import Rect
from recaster.settings.reading import ReadOptions

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

HEIGHT, WIDTH = 48, 64
RGB = ("R", "G", "B")
AP1 = LINEAR_PRIMARIES["lin_ap1_scene"]


def make_pixels(index: int, dtype: str, channels: int = 3) -> np.ndarray:
    values = np.random.default_rng(index).random((HEIGHT, WIDTH, channels))
    if not np.issubdtype(dtype, np.integer):
        return (2 * values - 0.25).astype(dtype)
    return np.rint(values * np.iinfo(dtype).max).astype(dtype)


def write_sequence(
    folder: Path,
    name: str = "shot.{:04d}.exr",
    numbers: Sequence[int] = range(1001, 1006),
    dtype: str = "float16",
    **about: Any,
) -> Path:
    """Writes a sequence of noise, and returns its folder."""
    for number in numbers:
        pixels = make_pixels(number, dtype, len(about.get("channels", RGB)))
        part = PicturePart(**{"channels": RGB, "pixels": pixels, **about})
        write_picture(folder / name.format(number), [part])
    return folder


def test_folder_pattern_and_picture_stand_for_a_sequence(tmp_path: Path) -> None:
    folder = write_sequence(tmp_path / "shot", numbers=range(998, 1003))
    (folder / "notes.txt").write_text("notes")
    write_picture(folder / "poster.png", [PicturePart(RGB, make_pixels(0, "uint8"))])
    pattern = folder / "shot.%04d.exr"
    given = ["", "shot.%04d.exr", "shot.####.exr", "shot.%d.exr", "shot.0998.exr", "shot.1001.exr"]
    for name in given:
        path = resolve_clip(folder / name)
        assert probe(path).frame_count == (3 if name == "shot.%d.exr" else 5), name
        assert path == (folder / name if "%d" in name else pattern), name
    assert probe(folder / "poster.png").frame_count == 1


def test_a_folder_of_several_sequences_names_them(tmp_path: Path) -> None:
    write_sequence(tmp_path, "a.{:03d}.png", range(3), "uint8")
    write_sequence(tmp_path, "b_{}.png", range(9, 12), "uint8")
    with pytest.raises(
        ClipError, match=r"several sequences of pictures are in this folder: a\.%03d\.png, b_%d\.png"
    ):
        probe(tmp_path)
    assert probe(tmp_path / "b_10.png").frame_count == 3
    with pytest.raises(ClipError, match="no such picture"):
        probe(tmp_path / "c.%04d.png")


def test_results_that_would_replace_a_picture_are_known(tmp_path: Path) -> None:
    clip = tmp_path / "shot.%04d.exr"
    replacing = ("shot.####.exr", "shot.%d.exr", "shot.0003.exr", "../" + tmp_path.name + "/shot.12345.exr")
    assert all(would_replace(tmp_path / name, clip) for name in replacing)
    others = ("shot.%04d.png", "shot_v2.%04d.exr", "shot.exr", "more/shot.0003.exr")
    assert not any(would_replace(tmp_path / name, clip) for name in others)
    assert not would_replace(tmp_path / "a1.png", tmp_path / "a2.png")


def test_a_comparison_of_sequences_has_no_sound(tmp_path: Path) -> None:
    folder = write_sequence(tmp_path / "a", "a.{:04d}.png", range(3), "uint8")
    compare([folder, folder / "a.0001.png"], tmp_path / "out.mp4")
    assert (probe(tmp_path / "out.mp4").frame_count, probe(tmp_path / "out.mp4").audio) == (3, ())
    compare([folder, tmp_path / "out.mp4"], tmp_path / "sheet.png")
    with pytest.raises(UsageError, match="would replace one of the clips"):
        compare([folder, tmp_path / "out.mp4"], folder / "a.0002.png")
    with pytest.raises(UsageError, match="name it without a place for a number"):
        compare([folder, tmp_path / "out.mp4"], tmp_path / "s.%04d.png")


def test_versions_are_no_frames(tmp_path: Path) -> None:
    write_sequence(tmp_path, "plate_v{:03d}.png", range(1, 4), "uint8")
    info = probe(tmp_path / "plate_v002.png")
    assert (info.frame_count, info.path) == (1, tmp_path / "plate_v002.png")


def test_numbers_are_kept_and_gaps_are_named(tmp_path: Path) -> None:
    folder = write_sequence(tmp_path, numbers=[1001, 1002, 1006, 1007, 1009])
    info = probe(folder)
    assert (info.first_number, info.frame_count, info.gaps) == (1001, 5, ((1003, 1005), (1008, 1008)))
    assert "frames 1003-1005, 1008 are missing" in info.warnings[0]
    frames = list(Clip(folder).read(1, 4))
    assert [frame.number for frame in frames] == [1002, 1006, 1007]
    assert [frame.pts for frame in frames] == [1, 5, 6]
    assert frames[1].time == Fraction(5, 24)
    assert info.duration == Fraction(9, 24)
    [single] = Clip(folder).read_indices([4])
    assert single.number == 1009
    assert Clip(folder).find_cheap_indices().tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("suffix", "dtype"), [("png", "uint8"), ("png", "uint16"), ("tif", "uint16"), ("dpx", "uint16")]
)
def test_integers_are_viewed_as_they_are(tmp_path: Path, suffix: str, dtype: str) -> None:
    folder = write_sequence(tmp_path, f"a.{{:04d}}.{suffix}", range(2), dtype)
    info = probe(folder)
    white = np.iinfo(dtype).max
    assert info.bit_depth == np.iinfo(dtype).bits
    for index, frame in enumerate(Clip(folder).read(0, 2)):
        values = make_pixels(index, dtype) / white * 255
        assert frame.view is None
        assert frame.plate.dtype == ("uint8" if dtype == "uint8" else "float32")
        np.testing.assert_allclose(frame.plate, values, atol=1e-4)
        np.testing.assert_array_equal(frame.image, np.rint(values))
        place = Rect(8, 4, 40, 30)
        np.testing.assert_array_equal(frame.plate_part(place), place.crop(frame.plate))
        np.testing.assert_array_equal(frame.part(place), place.crop(frame.image))


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_openexr_is_light(tmp_path: Path, dtype: str) -> None:
    folder = write_sequence(tmp_path, dtype=dtype)
    [frame] = Clip(folder).read(1, 2)
    pixels = make_pixels(1002, dtype).astype(np.float32)
    assert frame.view == ColourView.of_light()
    assert (pixels.min() < 0, pixels.max() > 1) == (True, True)
    np.testing.assert_array_equal(frame.plate, pixels * np.float32(255))
    expected = frame.view.decode(frame.plate)
    assert np.abs(frame.image - expected).max() <= 0.6
    assert np.abs(frame.view.decode_picture(frame.plate) - expected).max() < 0.2
    [fast] = Clip(folder).read_fast(1, 2)
    np.testing.assert_array_equal(fast.image, frame.image)


@pytest.mark.parametrize(
    "attribute", [("chromaticities", "float[8]", AP1), ("colorInteropID", "string", "lin_ap1_scene")]
)
def test_primaries_of_light_are_read(tmp_path: Path, attribute: tuple[str, str, Any]) -> None:
    folder = write_sequence(tmp_path, attributes=(attribute,))
    frame = next(Clip(folder).read(0, 1))
    assert frame.view == ColourView.of_light(AP1)
    space = ColourView.of_space("ACEScg")
    assert np.abs(space.decode(frame.plate) - frame.view.decode(frame.plate)).max() < 0.1
    named = next(Clip(folder, ReadOptions("lin_rec709_scene")).read(0, 1))
    assert named.view == ColourView.of_space("lin_rec709_scene")


@pytest.mark.parametrize("primaries", [None, AP1])
def test_paint_of_light_comes_back(primaries: Any) -> None:
    view = ColourView.of_light(primaries) if primaries else ColourView.of_light()
    shown = np.random.default_rng(0).random((400, 3)).astype(np.float32) * 254
    assert np.abs(view.decode(view.encode(shown)) - shown).max() < 0.01
    # A channel that is full in the view must not become a coloured lamp.
    assert 2 * 255 < view.encode(np.full((1, 3), 255, np.float32)).max() < 3 * 255


def test_header_gives_rate_timecode_and_tags(tmp_path: Path) -> None:
    attributes = (
        ("framesPerSecond", "rational", (24000, 1001)),
        ("smpte:TimeCode", "timecode", (0x01020304, 0)),
        ("reelName", "string", "A001"),
        ("comments", "string", "a plate"),
        ("PixelAspectRatio", "float", 2.0),
    )
    folder = write_sequence(tmp_path, attributes=attributes)
    info = probe(folder)
    assert (info.rate, info.time_base) == (Fraction(24000, 1001), Fraction(1001, 24000))
    metadata = info.metadata
    assert (metadata.timecode, metadata.reel, metadata.tags["comment"]) == ("01:02:03:04", "A001", "a plate")
    assert (info.shape.stored, info.width, info.height) == ((WIDTH, HEIGHT), 2 * WIDTH, HEIGHT)
    other = probe(folder, ReadOptions(frame_rate="29.97"))
    assert other.rate == Fraction(30000, 1001)
    assert "its header says 23.976 frames/s" in other.warnings[0]
    with pytest.raises(UsageError, match="frame rate can't be 'fast'"):
        ReadOptions(frame_rate="fast")


@pytest.mark.parametrize(
    ("number", "turns", "flip"), [(6, 3, False), (3, 2, False), (5, 1, True), (2, 0, True)]
)
def test_orientation_is_followed(tmp_path: Path, number: int, turns: int, flip: bool) -> None:
    folder = write_sequence(
        tmp_path, "a.{:04d}.tif", range(1), "uint8", attributes=(("Orientation", "int", number),)
    )
    pixels = make_pixels(0, "uint8")
    upright = np.rot90(pixels[:, ::-1] if flip else pixels, turns)
    frame = next(Clip(folder).read(0, 1))
    np.testing.assert_array_equal(frame.image, upright)
    np.testing.assert_array_equal(frame.stored_plate, pixels)


def test_data_windows_are_placed_in_the_picture(tmp_path: Path) -> None:
    inside, beyond = Rect(10, 8, 10 + WIDTH, 8 + HEIGHT), Rect(-4, -6, WIDTH - 4, HEIGHT - 6)
    for number, place in enumerate((inside, beyond)):
        part = PicturePart(RGB, make_pixels(number, "float16"), place=place, size=(40, 32))
        write_picture(tmp_path / f"a.{number}.exr", [part])
    frames = list(Clip(tmp_path).read(0, 2))
    assert frames[0].plate.shape == (32, 40, 3)
    assert not frames[0].plate[:8].any()
    np.testing.assert_array_equal(frames[0].pixels[8:, 10:], make_pixels(0, "float16")[:24, :30])
    np.testing.assert_array_equal(frames[1].pixels, make_pixels(1, "float16")[6:38, 4:44])
    assert frames[0].read_parts()[0].pixels.shape == (HEIGHT, WIDTH, 3)


def test_layers_are_chosen(tmp_path: Path) -> None:
    names = ("R", "G", "B", "A", "diffuse.R", "diffuse.G", "diffuse.B", "depth.Z")
    folder = write_sequence(tmp_path / "a", channels=names)
    pixels = make_pixels(1001, "float16", 8)
    frame = next(Clip(folder).read(0, 1))
    np.testing.assert_array_equal(frame.pixels, pixels[..., :3])
    expected = np.rint(np.clip(pixels[..., 3].astype(np.float32), 0, 1) * 65535)
    assert np.abs(frame.stored_alpha - expected).max() <= 1
    diffuse = next(Clip(folder, ReadOptions(layer="diffuse")).read(0, 1))
    np.testing.assert_array_equal(diffuse.pixels, pixels[..., 4:7])
    with pytest.raises(UsageError, match=r"no layer 'depth'; its layers are \(none\), diffuse"):
        probe(folder, ReadOptions(layer="depth"))
    two = write_sequence(tmp_path / "b", channels=(*names[4:7], "key.R", "key.G", "key.B"))
    with pytest.raises(
        UsageError, match="several layers may be meant, diffuse, key; choose one with --input-layer"
    ):
        probe(two)
    lone = write_sequence(tmp_path / "c", channels=("id.Z", *names[4:7]))
    assert probe(lone).layer == "diffuse"
    assert next(read_frames(lone)).plate.any()
    ids = write_sequence(tmp_path / "d", channels=("id.Z",))
    with pytest.raises(ClipError, match=r"no colours, only the channels id\.Z"):
        probe(ids)


def test_grey_is_shown_as_grey(tmp_path: Path) -> None:
    folder = write_sequence(tmp_path, "a.{}.png", range(1), "uint8", channels=("Y",))
    frame = next(Clip(folder).read(0, 1))
    np.testing.assert_array_equal(frame.image, np.repeat(make_pixels(0, "uint8", 1), 3, axis=2))


def test_parts_other_than_the_first_are_layers(tmp_path: Path) -> None:
    parts = [PicturePart(RGB, make_pixels(0, "float16"), name) for name in ("beauty", "key")]
    parts[1] = PicturePart(RGB, make_pixels(1, "float32"), "key")
    write_picture(tmp_path / "a.1.exr", parts)
    assert probe(tmp_path).layer == ""
    assert probe(tmp_path, ReadOptions(layer="beauty")).pixel_format == "rgbf16le"
    key = Clip(tmp_path, ReadOptions(layer="key"))
    assert key.info.pixel_format == "rgbf32le"
    np.testing.assert_array_equal(next(key.read(0, 1)).pixels, make_pixels(1, "float32"))


def test_colours_stay_as_stored_beside_alpha(tmp_path: Path) -> None:
    pixels = make_pixels(0, "uint8", 4)
    unmultiplied = (("oiio:UnassociatedAlpha", "int", 1),)
    write_picture(tmp_path / "a.1.png", [PicturePart((*RGB, "A"), pixels, attributes=unmultiplied)])
    frame = next(Clip(tmp_path).read(0, 1))
    np.testing.assert_array_equal(frame.plate, pixels[..., :3])
    np.testing.assert_array_equal(frame.stored_alpha, pixels[..., 3].astype(int) * 257)
    assert probe(tmp_path).has_alpha


def test_odd_pictures_are_refused_by_name(tmp_path: Path) -> None:
    def refuse(words: str) -> None:
        with pytest.raises(ClipError, match=words):
            probe(tmp_path)

    write_sequence(tmp_path, numbers=range(1, 4))
    file = tmp_path / "shot.0002.exr"
    write_picture(file, [PicturePart(RGB, make_pixels(0, "float16")[:-2])])
    refuse(r"shot\.0002\.exr: is 64x46, and the sequence begins with 64x48")
    write_picture(file, [PicturePart(RGB, make_pixels(0, "float32"))])
    refuse(r"shot\.0002\.exr: has other channels")
    file.write_bytes(b"\x76\x2f\x31\x01 no picture")
    refuse(r"shot\.0002\.exr: this picture cannot be read")
    file.write_bytes(b"")
    refuse(r"shot\.0002\.exr: the file is empty")


@pytest.mark.parametrize(
    ("name", "mode", "words"),
    [
        ("a.1.tif", "CMYK", "CMYK"),
        ("a.1.jpg", "CMYK", "CMYK"),
        ("a.1.tif", "LAB", "CIELAB"),
    ],
)
def test_colours_other_than_rgb_are_refused(tmp_path: Path, name: str, mode: str, words: str) -> None:
    channels = len(PIL.Image.new(mode, (1, 1)).getbands())
    PIL.Image.frombytes(mode, (WIDTH, HEIGHT), bytes(WIDTH * HEIGHT * channels)).save(tmp_path / name)
    with pytest.raises(ClipError, match=rf"{re.escape(name)}: its colours are {words}; convert it to RGB"):
        probe(tmp_path)


@pytest.mark.parametrize("kind", ["int16", "double"])
def test_values_that_would_be_taken_for_light_are_refused(tmp_path: Path, kind: str) -> None:
    writer = OpenImageIO.ImageOutput.create("tiff")
    writer.open(str(tmp_path / "a.1.tif"), OpenImageIO.ImageSpec(WIDTH, HEIGHT, 3, kind))
    writer.write_image(make_pixels(0, "float32"))
    writer.close()
    with pytest.raises(ClipError, match=rf"a\.1\.tif: values of the type {kind} cannot be used"):
        probe(tmp_path)


def test_a_picture_that_is_cut_off_is_named_when_it_is_read(tmp_path: Path) -> None:
    write_sequence(tmp_path, numbers=range(1, 4), dtype="float32")
    file = tmp_path / "shot.0002.exr"
    file.write_bytes(file.read_bytes()[:-4000])
    frames = Clip(tmp_path).read(0, 3)
    assert next(frames).number == 1
    with pytest.raises(ClipError, match=r"shot\.0002\.exr: this picture cannot be read"):
        next(frames)


def test_a_picture_that_asks_for_too_much_is_refused(tmp_path: Path) -> None:
    part = PicturePart(RGB, make_pixels(0, "float16"), place=Rect(0, 0, WIDTH, HEIGHT), size=(20_000, 64))
    write_picture(tmp_path / "a.1.exr", [part])
    with pytest.raises(ClipError, match="20000x64 pixels are too many"):
        probe(tmp_path)


def test_the_same_pictures_have_one_digest(tmp_path: Path) -> None:
    first = write_sequence(tmp_path / "a")
    second = tmp_path / "elsewhere"
    shutil.copytree(first, second)
    for path in second.iterdir():
        path.rename(path.with_name(path.name.replace("shot", "plate")))
    assert digest_media(first) == Clip(second / "plate.1003.exr").digest
    (second / "plate.1005.exr").rename(second / "plate.1006.exr")
    assert digest_media(first) != digest_media(second)


def test_luminance_with_chroma_is_refused(tmp_path: Path) -> None:
    """Chroma beside luminance would be lost where that is shown as grey."""
    folder = write_sequence(tmp_path, channels=("Y", "RY", "BY"))
    with pytest.raises(ClipError, match="no colours, only the channels Y, BY, RY"):
        probe(folder)


def test_a_changed_sequence_is_looked_at_again(tmp_path: Path) -> None:
    write_sequence(tmp_path, numbers=range(1, 4))
    assert probe(tmp_path).frame_count == 3
    (tmp_path / "shot.0003.exr").unlink()
    assert probe(tmp_path).frame_count == 2
    clip = Clip(tmp_path)
    assert clip.exists()
    shutil.rmtree(tmp_path)
    assert not clip.exists()
