import sys

import numpy as np
import PIL.Image
import PIL.ImageCms
import pytest

from recaster.errors import ImageError, OutputError, UsageError
from recaster.media.sheet import contact_sheet, fit_image, load_image, save_image

RED = (220, 30, 30)
BLUE = (20, 40, 200)


def plain(colour, size=(40, 30)):
    return np.full((size[1], size[0], 3), colour, np.uint8)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".JPEG"])
def test_an_image_comes_back(tmp_path, suffix):
    image = plain(RED)
    save_image(tmp_path / f"a{suffix}", image)
    assert np.abs(load_image(tmp_path / f"a{suffix}").astype(int) - image).max() <= (
        0 if suffix == ".png" else 3
    )


def test_exif_rotation_is_applied(tmp_path):
    exif = PIL.Image.Exif()
    exif[0x0112] = 6  # turn 90 degrees clockwise to show
    stored = np.concatenate([plain(RED), plain(BLUE)], axis=1)
    PIL.Image.fromarray(stored).save(tmp_path / "a.png", exif=exif)
    image = load_image(tmp_path / "a.png")
    assert image.shape == (80, 30, 3)
    assert np.array_equal(image, np.rot90(stored, -1))


def test_alpha_is_dropped_not_blended(tmp_path):
    pixels = np.dstack([plain(RED), np.zeros((30, 40), np.uint8)])
    PIL.Image.fromarray(pixels).save(tmp_path / "a.png")
    assert np.array_equal(load_image(tmp_path / "a.png"), plain(RED))


def test_colours_of_another_profile_become_srgb_s(tmp_path):
    srgb = PIL.ImageCms.ImageCmsProfile(PIL.ImageCms.createProfile("sRGB")).tobytes()
    exchanged = srgb.replace(b"rXYZ", b"....").replace(b"bXYZ", b"rXYZ").replace(b"....", b"bXYZ")
    renamed = exchanged.replace("sRGB".encode("utf-16-be"), "BGRs".encode("utf-16-be"))
    damaged = renamed[:16] + b"\xff" + renamed[17:]  # in the name of its colours
    kinds = ((srgb, RED), (exchanged, RED), (renamed, RED[::-1]), (damaged, RED), (b"none", RED))
    for profile, shown in kinds:
        PIL.Image.fromarray(plain(RED)).save(tmp_path / "a.png", icc_profile=profile)
        assert np.abs(load_image(tmp_path / "a.png").astype(int) - shown).max() <= 1


def test_heic_is_read_where_its_package_is_installed(tmp_path):
    writer = pytest.importorskip("pillow_heif")
    shown = np.concatenate([plain(RED, (64, 96)), plain(BLUE, (64, 96))])
    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    writer.from_pillow(PIL.Image.fromarray(shown)).save(tmp_path / "a.heic", quality=95, exif=exif.tobytes())
    image = load_image(tmp_path / "a.heic")
    assert image.shape == (64, 192, 3)
    assert np.abs(image[20:-20, [40, -40]].astype(int) - [BLUE, RED]).max() < 12


def test_heic_without_its_package_is_refused(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    (tmp_path / "a.HEIC").write_bytes(b"\0\0\0\x18ftypheic")
    with pytest.raises(ImageError, match=r"a\.HEIC: HEIC is read by a package .* 'recaster\[heic\]'"):
        load_image(tmp_path / "a.HEIC")


@pytest.mark.parametrize(("dtype", "value", "expected"), [(np.uint8, 100, 100), (np.uint16, 100 * 257, 100)])
def test_grey_becomes_rgb(tmp_path, dtype, value, expected):
    PIL.Image.fromarray(np.full((8, 9), value, dtype)).save(tmp_path / "a.png")
    image = load_image(tmp_path / "a.png")
    assert image.shape == (8, 9, 3)
    assert image.dtype == np.uint8
    assert (image == expected).all()


def test_grey_with_alpha_palettes_and_cmyk_can_be_read(tmp_path):
    PIL.Image.new("LA", (9, 8), (90, 0)).save(tmp_path / "la.png")
    assert (load_image(tmp_path / "la.png") == 90).all()
    PIL.Image.fromarray(plain(RED)).convert("P").save(tmp_path / "p.png", transparency=0)
    assert load_image(tmp_path / "p.png").shape == (30, 40, 3)
    PIL.Image.fromarray(plain(RED)).convert("CMYK").save(tmp_path / "c.jpg")
    assert np.abs(load_image(tmp_path / "c.jpg").astype(int) - RED).max() < 12


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("none.png", None, "no such file"),
        ("text.png", b"hello", "not an image"),
        ("empty.png", b"", "not an image"),
        ("cut.png", "cut", "damaged"),
    ],
)
def test_what_is_no_image_gets_one_clear_line(tmp_path, name, content, says):
    path = tmp_path / name
    if content == "cut":
        noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
        save_image(path, noise)
        path.write_bytes(path.read_bytes()[:3000])
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises(ImageError, match=says) as caught:
        load_image(path)
    assert str(path) in str(caught.value)
    with pytest.raises(ImageError, match="folder"):
        load_image(tmp_path)


def test_other_suffixes_and_folders_are_refused(tmp_path):
    with pytest.raises(UsageError, match=r"\.png, \.jpg"):
        save_image(tmp_path / "a.gif", plain(RED))
    (tmp_path / "a.png").mkdir()
    with pytest.raises(OutputError, match="folder"):
        save_image(tmp_path / "a.png", plain(RED))


def test_a_sheet_shows_every_image_and_its_caption():
    sheet = contact_sheet(
        [plain(RED), plain(BLUE, (20, 60)), plain(RED)], 2, (80, 60), ["one", "two", "x" * 200]
    )
    bare = contact_sheet([plain(RED)], 1, (80, 60))
    assert sheet.dtype == np.uint8
    assert sheet.shape[1] > 160
    assert (sheet == RED).all(-1).sum() >= 2 * 70 * 50
    assert (sheet == BLUE).all(-1).sum() >= 18 * 56
    lines = sheet[66:80]
    assert (lines > 150).all(-1).any()
    assert not (bare > 150).all(-1).any()


@pytest.mark.parametrize("size", [(10, 200), (200, 10), (40, 30), (1, 1)])
def test_fitting_keeps_proportions(size):
    image = fit_image(plain(RED, size), 80, 60)
    assert image.shape == (60, 80, 3)
    rows, columns = np.nonzero((image == RED).all(-1))
    height = np.ptp(rows) + 1
    width = np.ptp(columns) + 1
    scale = min(80 / size[0], 60 / size[1])
    assert abs(width - size[0] * scale) <= 1
    assert abs(height - size[1] * scale) <= 1
