"""Names and kinds of the pictures of image strips, without Blender."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from recaster.media.picture_file import PicturePart, write_picture
from recaster.media.sequence_name import SequenceName
from recaster.zips import unpack_pictures

_PATH = Path(__file__).resolve().parents[2] / "addon" / "swap" / "strip_pictures.py"
_SPEC = importlib.util.spec_from_file_location("addon_strip_pictures", _PATH)
strip_pictures: Any = importlib.util.module_from_spec(_SPEC)
sys.modules[_SPEC.name] = strip_pictures  # where dataclasses look for it
_SPEC.loader.exec_module(strip_pictures)


@pytest.mark.parametrize(
    ("files", "pattern", "numbers"),
    [
        (["take.1001.exr", "take.1002.exr"], "take.%04d.exr", (1001, 1002)),
        (["take.0998.EXR", "take.1003.EXR"], "take.%04d.exr", (998, 1003)),
        (["9.tif", "10.tif"], "%01d.tif", (9, 10)),
        (["b.2.png", "b.1.png"], "b.2.%04d.png", (1, 2)),
        (["a.1.png", "a.1.png"], "a.1.%04d.png", (1, 2)),
        (["a.1.png", "b.2.png"], "a.1.%04d.png", (1, 2)),
        (["still.dpx"], "still.%04d.dpx", (1,)),
        (["..50%#1.exr"], "50__%01d.exr", (1,)),
        (["x1234567890.exr"], "x1234567890.%04d.exr", (1,)),
    ],
)
def test_names(files: list[str], pattern: str, numbers: tuple[int, ...]) -> None:
    names = strip_pictures.PictureNames.of([Path(name) for name in files])
    assert (names.pattern, names.numbers) == (pattern, numbers)
    assert SequenceName.parse(Path(pattern)) is not None


def test_kinds(tmp_path: Path) -> None:
    deep = tmp_path / "deep.png"
    write_picture(deep, [PicturePart(("R", "G", "B"), np.zeros((4, 4, 3), np.uint16))])
    flat = tmp_path / "flat.PNG"
    Image.new("RGB", (4, 4)).save(flat)
    kinds = {name: strip_pictures.stays_pictures(tmp_path / name) for name in ("a.exr", "a.TIF", "a.dpx")}
    assert set(kinds.values()) == {True}
    assert strip_pictures.stays_pictures(deep)
    others = (flat, tmp_path / "a.jpg", tmp_path / "gone.png")
    assert not any(strip_pictures.stays_pictures(path) for path in others)


def test_pictures_are_listed_by_number(tmp_path: Path) -> None:
    names = ["t.999.exr", "t.1000.exr", "t.10000.exr"]
    for name in (*names, "t.exr.sha256", "t.exr.c2pa"):
        (tmp_path / name).write_text(name)
    assert strip_pictures.list_pictures(tmp_path / names[1]) == names
    packed = tmp_path / "t.zip"
    strip_pictures.pack_strip_pictures([tmp_path / name for name in names], packed)
    entries: list[str] = []

    def place(_: int, entry: str) -> Path:
        entries.append(entry)
        return tmp_path / f"out.{entry}"

    unpack_pictures(packed, place)
    assert entries == ["999.exr", "1000.exr", "10000.exr"]
    assert (tmp_path / "out.1000.exr").read_text() == "t.1000.exr"
