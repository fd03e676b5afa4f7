"""Picture sequences become movies that hold the picture files."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import PIL.Image
import pytest

from recaster.errors import InputError
from recaster.isobmff import movie_from_pictures, trim_movie
from recaster.media.probe import probe
from recaster.media.reader import read_frames

NTSC = Fraction(30000, 1001)


def picture(index):
    noise = np.random.default_rng(index).integers(0, 256, (64, 96, 3))
    return noise.astype(np.uint8)


def shapes():
    """Pictures by name, and how to save them."""
    y, x = np.mgrid[:62, :94]
    colours = PIL.Image.fromarray(np.stack([x * 2, y * 4, (x + y)], -1).astype(np.uint8))
    alpha = colours.copy()
    alpha.putalpha(PIL.Image.fromarray((x * 2).astype(np.uint8)))
    wide = PIL.Image.fromarray(np.asarray(colours.convert("L")).astype(np.uint16) * 257)
    return {
        "rgb.png": (colours, {}),
        "alpha.png": (alpha, {}),
        "grey.png": (colours.convert("L"), {}),
        "greyalpha.png": (colours.convert("LA"), {}),
        "palette.png": (colours.quantize(64), {}),
        "wide.png": (wide, {}),
        "444.jpg": (colours, {"quality": 95, "subsampling": 0}),
        "420.jpg": (colours, {"quality": 95}),
        "progressive.jpg": (colours, {"quality": 95, "progressive": True}),
        "grey.jpg": (colours.convert("L"), {"quality": 95}),
        "rgb.jpg": (colours, {"quality": 95, "keep_rgb": True}),
    }


@pytest.mark.parametrize("name", list(shapes()))
def test_pictures_become_a_clip(name, tmp_path):
    image, options = shapes()[name]
    paths = []
    for number in range(3):
        paths.append(tmp_path / f"{number}_{name}")
        image.rotate(180 * number).save(paths[-1], **options)
    out = tmp_path / "clip.mov"
    movie_from_pictures(paths, NTSC, out)
    info = probe(out)
    assert info.rate == NTSC
    frames = list(read_frames(out))
    assert len(frames) == 3
    assert [frame.time for frame in frames] == [index / NTSC for index in range(3)]
    data = out.read_bytes()
    for path, frame in zip(paths, frames, strict=True):
        assert path.read_bytes() in data
        with PIL.Image.open(path) as saved:
            wanted = np.asarray(saved) // 257 if name == "wide.png" else np.asarray(saved.convert("RGB"))
        wanted = np.repeat(wanted[..., None], 3, -1) if wanted.ndim == 2 else wanted
        # Two decoders of JPEG round differently; so does the way from 16 bits to 8.
        apart = np.abs(frame.image.astype(int) - wanted)
        assert apart.max() <= (4 if "jpg" in name else 1 if name == "wide.png" else 0)


def test_a_clip_of_pictures_can_be_cut(tmp_path):
    paths = []
    for number in range(12):
        paths.append(tmp_path / f"{number}.png")
        PIL.Image.fromarray(picture(number)).save(paths[-1])
    clip = tmp_path / "clip.mov"
    out = tmp_path / "part.mov"
    movie_from_pictures(paths, Fraction(24), clip)
    done = trim_movie(clip, range(5, 8), out)
    assert done is not None
    for index, frame in zip(range(5, 8), read_frames(out, done.frames.start, done.frames.stop), strict=True):
        assert np.array_equal(frame.image, picture(index))


def test_a_picture_that_comes_again_is_stored_once(tmp_path):
    paths = []
    for number in range(3):
        paths.append(tmp_path / f"{number}.png")
        PIL.Image.fromarray(picture(number)).save(paths[-1])
    out = tmp_path / "clip.mov"
    order = [0, 1, 1, 0, 2, 0]
    movie_from_pictures([paths[at] for at in order], Fraction(24), out)
    assert out.read_bytes().count(paths[0].read_bytes()) == 1
    for at, frame in zip(order, read_frames(out), strict=True):
        assert np.array_equal(frame.image, picture(at))


def test_pictures_that_do_not_fit(tmp_path):
    out = tmp_path / "clip.mov"
    image = PIL.Image.fromarray(picture(0))
    exif = PIL.Image.Exif()
    exif[0x112] = 6
    image.save(tmp_path / "a.png")
    image.save(tmp_path / "b.jpg")
    image.resize((94, 64)).save(tmp_path / "c.png")
    image.convert("RGBA").save(tmp_path / "d.png")
    image.convert("CMYK").save(tmp_path / "e.jpg")
    image.save(tmp_path / "f.tif")
    image.save(tmp_path / "g.jpg", exif=exif)
    image.save(tmp_path / "h.png", exif=exif)
    (tmp_path / "i.png").write_bytes((tmp_path / "a.png").read_bytes()[:-20])
    (tmp_path / "j.jpg").write_bytes((tmp_path / "b.jpg").read_bytes()[:100])
    for name, why in [
        ("b.jpg", "JPEG of 96 x 64"), ("c.png", "94 x 64"), ("d.png", "alpha"), ("e.jpg", "CMYK"),
        ("f.tif", "PNG and JPEG"), ("g.jpg", "EXIF"), ("h.png", "EXIF"), ("i.png", "broken"),
        ("j.jpg", "broken"), ("none.png", "cannot be read"),
    ]:  # fmt: skip
        with pytest.raises(InputError, match=rf"{name}.*{why}"):
            movie_from_pictures([tmp_path / "a.png", tmp_path / name], Fraction(25), out)
    for rate in (Fraction(0), Fraction(-25), Fraction(1 << 40, 3)):
        with pytest.raises(InputError, match="rate"):
            movie_from_pictures([tmp_path / "a.png"], rate, out)
    with pytest.raises(InputError, match="pictures"):
        movie_from_pictures([], Fraction(25), out)
    assert not out.exists()
