"""Single pictures come back as they were written, and what isn't one is refused."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from recaster.errors import ClipError
from recaster.media.picture_file import PicturePart, read_header, read_picture, write_picture
from recaster.media.probe import probe
from recaster.media.sequence_name import SequenceName, find_sequence
from recaster.media.types import Rect

SIZE = (48, 64)


def make_pixels(dtype: str, channels: int = 3) -> np.ndarray:
    values = np.random.default_rng(0).random((*SIZE, channels))
    scale = np.iinfo(dtype).max if np.issubdtype(dtype, np.integer) else 1
    return (values * scale).astype(dtype)


@pytest.mark.parametrize(
    ("suffix", "dtype"),
    [
        (".png", "uint8"), (".png", "uint16"), (".tif", "uint8"), (".tif", "uint16"), (".tiff", "float32"),
        (".dpx", "uint16"), (".exr", "float16"), (".exr", "float32"),
    ],
)  # fmt: skip
def test_pixels_come_back(tmp_path: Path, suffix: str, dtype: str) -> None:
    pixels = make_pixels(dtype)
    write_picture(tmp_path / f"a{suffix}", [PicturePart(("R", "G", "B"), pixels)])
    [part] = read_picture(tmp_path / f"a{suffix}")
    assert part.pixels.dtype == dtype
    np.testing.assert_array_equal(part.pixels, pixels)
    assert part.channels == ("R", "G", "B")
    assert part.size == (64, 48)


def test_parts_windows_types_and_attributes_of_openexr_come_back(tmp_path: Path) -> None:
    rate = ("framesPerSecond", "rational", (24000, 1001))
    beauty = PicturePart(("R", "G", "B", "A"), make_pixels("float16", 4), "beauty", attributes=(rate,))
    # Half and float beside each other, in a data window that reaches beyond what is shown.
    values = make_pixels("float16", 2).astype(np.float32)
    window = Rect(10, -4, 74, 44)
    other = PicturePart(("Z", "st.u"), values, "other", window, (64, 48), ("half", "float"))
    write_picture(tmp_path / "a.exr", [beauty, other])
    first, second = read_picture(tmp_path / "a.exr")
    assert (first.name, second.name) == ("beauty", "other")
    assert rate in first.attributes
    assert (second.place, second.size, second.types) == (window, (64, 48), ("half", "float"))
    np.testing.assert_array_equal(second.pixels, values)
    assert [part.channels for part in read_header(tmp_path / "a.exr")] == [first.channels, second.channels]


@pytest.mark.parametrize("suffix", [".tif", ".png", ".exr"])
@pytest.mark.parametrize("channels", [("Y", "A"), ("R", "G", "B", "A")])
def test_alpha_comes_back_as_alpha(tmp_path: Path, suffix: str, channels: tuple[str, ...]) -> None:
    straight = (("oiio:UnassociatedAlpha", "int", 1),)
    pixels = make_pixels("float16" if suffix == ".exr" else "uint16", len(channels))
    write_picture(tmp_path / f"a{suffix}", [PicturePart(channels, pixels, attributes=straight)])
    [part] = read_picture(tmp_path / f"a{suffix}")
    assert part.channels == channels
    np.testing.assert_array_equal(part.pixels, pixels)


def test_a_channel_that_is_no_alpha_stays_none(tmp_path: Path) -> None:
    write_picture(tmp_path / "a.tif", [PicturePart(("R", "G", "B", "spot"), make_pixels("uint8", 4))])
    assert "A" not in read_header(tmp_path / "a.tif")[0].channels


def test_files_that_are_no_such_picture_are_refused(tmp_path: Path) -> None:
    write_picture(tmp_path / "a.png", [PicturePart(("R", "G", "B"), make_pixels("uint8"))])
    (tmp_path / "a.png").rename(tmp_path / "a.exr")
    with pytest.raises(ClipError, match="cannot be read"):
        read_picture(tmp_path / "a.exr")
    with pytest.raises(ClipError, match="no such picture"):
        read_picture(tmp_path / "b.exr")


@pytest.mark.parametrize("pattern", ["shot.%04d.exr", "shot.####.exr"])
def test_a_pattern_finds_its_pictures(tmp_path: Path, pattern: str) -> None:
    for name in ("shot.0999.exr", "shot.1001.exr", "shot.10000.exr", "shot.00012.exr", "shot.1002.png"):
        (tmp_path / name).touch()
    name = SequenceName.parse(tmp_path / pattern)
    assert name is not None
    assert name.find_numbers() == [999, 1001, 10000]
    assert name == SequenceName.of_file(tmp_path / "shot.0999.exr")
    assert name.picture_path(999).is_file()
    assert name.path.name == "shot.%04d.exr"


@pytest.mark.parametrize(
    "name",
    [
        "shot.mov", "shot.%04d.mov", "shot.exr", "%s.exr", "shot.%0999999999999d.exr", "shot.%00d.exr",
        "shot.###########.exr",
    ],
)  # fmt: skip
def test_other_names_are_no_pattern(name: str) -> None:
    assert SequenceName.parse(Path(name)) is None


def test_numbers_are_of_at_most_ten_ascii_digits(tmp_path: Path) -> None:
    names = ("shot.1.exr", "shot.1700000000.exr", f"shot.{'1' * 20}.exr", "shot.\u0663.exr")
    for name in names:
        write_picture(tmp_path / name, [PicturePart(("R", "G", "B"), make_pixels("float16"))])
    sequence = find_sequence(tmp_path / names[1])
    assert sequence is not None
    assert sequence.find_numbers() == [1, 1_700_000_000]
    for name in names[2:]:
        lone = find_sequence(tmp_path / name)
        assert lone is not None
        assert (lone.digits, lone.path) == (0, tmp_path / name)


@pytest.mark.parametrize("digits", [1, 4, 10])
def test_a_sequence_is_found_by_its_pattern(digits: int) -> None:
    name = SequenceName.of_file(Path(f"shot.{7:0{digits}}.exr"))
    assert name is not None
    assert SequenceName.parse(name.path) == name


@pytest.mark.skipif(sys.platform == "darwin", reason="its disks hold no such names")
def test_names_in_old_encodings_are_refused(tmp_path: Path) -> None:
    write_picture(tmp_path / "a.0001.png", [PicturePart(("R", "G", "B"), make_pixels("uint8"))])
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.0001.png"))
    (tmp_path / "a.0001.png").rename(path)
    with pytest.raises(ClipError, match="not in UTF-8; rename it"):
        probe(path)


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("kept", [0.5, 0.99])
def test_a_jpeg_cut_off_is_refused(tmp_path: Path, kept: float, progressive: bool) -> None:
    path = tmp_path / "a.jpg"
    PIL.Image.fromarray(make_pixels("uint8")).save(path, progressive=progressive)
    data = path.read_bytes()
    for whole in (data + b"a trailer", data[:-2] + b"padding" + data[-2:]):
        path.write_bytes(whole)
        assert read_picture(path)[0].pixels.shape == (*SIZE, 3)
    path.write_bytes(data[: int(len(data) * kept)])
    with pytest.raises(ClipError, match=r"cannot be read .*Premature end"):
        read_picture(path)


@pytest.mark.parametrize("suffix", [".exr", ".tif"])
def test_integers_of_32_bits_are_no_colours(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.1{suffix}"
    write_picture(path, [PicturePart(("R", "G", "B"), make_pixels("uint32"))])
    with pytest.raises(ClipError, match="32-bit integers cannot be used"):
        probe(path)


def test_32_bit_colours_beside_other_channels_are_refused(tmp_path: Path) -> None:
    types = ("uint", "uint", "uint", "float")
    part = PicturePart(("R", "G", "B", "Z"), make_pixels("float32", 4), types=types)
    write_picture(tmp_path / "a.1.exr", [part])
    with pytest.raises(ClipError, match="32-bit integers cannot be used"):
        probe(tmp_path / "a.1.exr")


def test_texts_in_old_encodings_are_read_and_written(tmp_path: Path) -> None:
    image = PIL.Image.new("RGB", (64, 48))
    tags = image.getexif()
    tags[0x013B] = "Andr\xe9".encode("latin-1")
    image.save(tmp_path / "a.jpg", exif=tags)
    parts = read_picture(tmp_path / "a.jpg")
    assert ("Artist", "string", "Andr\xe9") in parts[0].attributes
    write_picture(tmp_path / "b.jpg", parts)
    assert ("Artist", "string", "Andr\xe9") in read_header(tmp_path / "b.jpg")[0].attributes


@pytest.mark.parametrize("name", [b"chlist", b"channels"])
def test_a_broken_header_is_told_in_one_line(tmp_path: Path, name: bytes) -> None:
    write_picture(tmp_path / "a.exr", [PicturePart(("R", "G", "B"), make_pixels("float16"))])
    data = (tmp_path / "a.exr").read_bytes()
    (tmp_path / "a.exr").write_bytes(data.replace(name, b"\xff\xfe" + name[2:], 1))
    with pytest.raises(ClipError, match="cannot be read") as caught:
        read_header(tmp_path / "a.exr")
    assert "\n" not in str(caught.value)
