"""Strips of OpenEXR and of PNG of 16 bits are swapped as such, in a real Blender by a real engine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import OpenImageIO
import pytest
from PIL import Image

from recaster.cli import main as cli
from recaster.media.picture_file import PicturePart, write_picture
from recaster.media.reader import read_frames

if TYPE_CHECKING:
    from tests.addon.conftest import Blender

    from recaster.facesets.faceset import Faceset

COUNT = 8
FIRST = 1001
NEEDED = range(1002, 1008)
"""Numbers of the pictures that the strip shows, with a handle of one at either end."""
FACE = np.s_[90:250, 90:230]
ABOVE = np.s_[:40]
SPACES = {".exr": "Linear Rec.709", ".png": "sRGB"}


def read(path: Path) -> np.ndarray:
    pixels = OpenImageIO.ImageInput.open(str(path)).read_image("unknown")
    return np.asarray(pixels)


def write_shot(folder: Path, suffix: str, clip: str) -> None:
    """The performer as pictures: light in half floats, or code values of 16 bits."""
    folder.mkdir()
    for number, frame in enumerate(read_frames(Path(clip), 0, COUNT), FIRST):
        if suffix == ".exr":
            pixels = ((frame.image / 255) ** 2.2 * 1.5).astype(np.float16)
        else:
            pixels = frame.image.astype(np.uint16) * 257 + np.uint16(number % 7)
        write_picture(folder / f"take.{number:04}{suffix}", [PicturePart(("R", "G", "B"), pixels)])


@pytest.mark.parametrize("suffix", [".exr", ".png"])
def test_pictures_stay_pictures(
    blender: Blender, facts: dict[str, Any], few_faces: Faceset, tmp_path: Path, suffix: str
) -> None:
    shot = tmp_path / "shot"
    write_shot(shot, suffix, facts["clip"])
    found = blender.run(
        "kept_pictures", tmp_path, **facts, folder=shot, space=SPACES[suffix], out=tmp_path / "."
    )
    assert "Choose Whole Frame" in found["refusal"]
    assert {"The result is pictures as the strip's", f"({suffix[1:].upper()})"} <= {*found["texts"]}

    sent = tmp_path / "sent"
    sent.mkdir()
    for number in NEEDED:
        (sent / f"take.{number:04}{suffix}").hardlink_to(shot / f"take.{number:04}{suffix}")
    own = tmp_path / "own"
    names = [f"take.{number:04}{suffix}" for number in NEEDED]
    swap = ["swap", sent, "--source", few_faces.folder, "--no-manifest", "--local"]
    out = ["-o", own / f"take.%04d{suffix}", "--matte", own / "matte" / f"%04d{suffix}"]
    assert cli.main([str(one) for one in [*swap, *out]]) == 0

    result = Path(found["result"])
    assert sorted(path.name for path in result.glob(f"*{suffix}")) == names
    matte = Path(found["matte"])
    for name in names:
        assert (result / name).read_bytes() == (own / name).read_bytes()
        bare = name.removeprefix("take.")
        assert (matte / name).read_bytes() == (own / "matte" / bare).read_bytes()
        before = read(shot / name)
        after = read(result / name)
        assert after.dtype == before.dtype
        assert np.array_equal(after[ABOVE], before[ABOVE])
        assert not np.array_equal(after[FACE], before[FACE])
        unpainted = read(matte / name)[..., 0] == 0
        assert unpainted.mean() > 0.3
        assert np.array_equal(after[unpainted], before[unpainted])
    assert cli.main(["verify", str(result / f"take{suffix}.sha256")]) in (0, 10)  # signed; by whom is open

    swapped, original = (np.asarray(Image.open(path), np.float32) for path in found["stills"])
    assert np.abs(swapped[ABOVE] - original[ABOVE]).max() == 0
    assert np.abs(swapped[FACE] - original[FACE]).mean() > 1
