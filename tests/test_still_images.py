"""Pictures of strangers: what is opened at all, and how much of it."""

from __future__ import annotations

import ast
import io
import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from recaster.errors import FacesetError, ImageError
from recaster.media.sheet import load_image
from recaster.still_images import (
    FORMATS,
    MAX_PIXELS,
    MAX_SIDE,
    decode_array,
    image_size,
    list_photograph_formats,
    open_image,
)

ENGINE = Path(__file__).resolve().parents[1] / "engine" / "recaster"
ADDON = ENGINE.parents[1] / "addon"
POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\n/x 1 def showpage\n%%EOF\n"
OPENERS = {
    "still_images.py": {"PIL.Image.open", "cv2.imdecode"},
    "media/decoder.py": {"av.open"},
}
"""Where a decoder may be started on a file, and which."""
DECODERS = ("Image.open", "cv2.imread", "cv2.imdecode", "cv2.imreadmulti", "cv2.VideoCapture", "av.open")


def png_of(width: int, height: int) -> bytes:
    """A whole header of a PNG, and next to nothing behind it."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(b"0"))
        + chunk(b"IEND", b"")
    )


def webp_of(width: int, height: int) -> bytes:
    """The header of a lossless WebP."""
    bits = (width - 1) | (height - 1) << 14
    data = b"\x2f" + struct.pack("<I", bits) + bytes(8)
    body = b"WEBPVP8L" + struct.pack("<I", len(data)) + data + b"\0"
    return b"RIFF" + struct.pack("<I", len(body)) + body


def bmp_of(width: int, height: int) -> bytes:
    return (
        b"BM"
        + struct.pack("<IHHI", 54, 0, 0, 54)
        + struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)
    )


def calls_of(path: Path) -> list[str]:
    """Decoders that a source calls on something to read, as they are written there."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module in ("PIL.Image", "av", "cv2"):
            found += [f"{node.module}.{one.name}" for one in node.names if one.name[:2] in ("op", "im", "Vi")]
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        modes = [one.value for one in node.args[1:2] if isinstance(one, ast.Constant)]
        if called.endswith(DECODERS) and modes != ["w"]:
            found.append(called)
    return found


def test_files_are_decoded_in_one_place_only() -> None:
    sources = [*ENGINE.rglob("*.py"), *ADDON.rglob("*.py")]
    found = {
        path.relative_to(ENGINE if path.is_relative_to(ENGINE) else ADDON).as_posix(): set(calls)
        for path in sources
        if (calls := calls_of(path))
    }
    assert found == OPENERS


def test_the_walk_finds_what_it_looks_for(tmp_path: Path) -> None:
    source = tmp_path / "a.py"
    source.write_text(
        "Image.open(x)\ncv2.imread(p)\nav.open(p)\nav.open(p, 'w')\nfrom PIL.Image import open as o\n"
    )
    assert sorted(calls_of(source)) == ["Image.open", "PIL.Image.open", "av.open", "cv2.imread"]


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.eps", "a.tif", "a.webp", "a.bmp"])
def test_postscript_starts_nothing(tmp_path: Path, name: str) -> None:
    """Whatever its name, a page of PostScript reaches no interpreter, should one be there."""
    stand_in = tmp_path / "bin"
    trace = tmp_path / "ran"
    stand_in.mkdir()
    (stand_in / "gs").write_text(f"#!/bin/sh\ntouch {trace}\n")
    (stand_in / "gs").chmod(0o755)
    (tmp_path / name).write_bytes(POSTSCRIPT)
    code = (
        "import sys; from pathlib import Path; from recaster.media.sheet import load_image\n"
        "from recaster.errors import ImageError\n"
        "try: load_image(Path(sys.argv[1]))\nexcept ImageError as error: print(error)"
    )
    environment = os.environ | {"PATH": f"{stand_in}:{os.environ['PATH']}"}
    ended = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / name)],
        capture_output=True, text=True, check=True, env=environment,
    )  # fmt: skip
    assert "not an image" in ended.stdout
    assert not trace.exists()


def test_other_formats_of_pillow_are_not_opened(tmp_path: Path) -> None:
    """Every format that Pillow writes and that isn't in the list, under an innocent name."""
    PIL.Image.init()
    tried = 0
    for kind in sorted(set(PIL.Image.SAVE) - set(list_photograph_formats()) - {"MPO"}):
        # Not to a file: one of the writers would claim its suffix for itself.
        path = tmp_path / f"{kind}.png"
        written = io.BytesIO()
        try:
            PIL.Image.new("RGB", (32, 32)).save(written, kind)
        except (OSError, ValueError, KeyError):
            continue
        path.write_bytes(written.getvalue())
        if path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n":  # a variant of PNG
            continue
        tried += 1
        with pytest.raises(ImageError, match="not an image"):
            load_image(path)
    assert tried > 5


@pytest.mark.parametrize("kind", FORMATS)
def test_the_usual_formats_are_opened_whatever_their_name(tmp_path: Path, kind: str) -> None:
    PIL.Image.new("RGB", (31, 17), (200, 10, 10)).save(tmp_path / "a.dat", kind)
    image = load_image(tmp_path / "a.dat")
    assert image.shape == (17, 31, 3)
    assert abs(int(image[0, 0, 0]) - 200) < 4


@pytest.mark.parametrize(
    "data",
    [
        png_of(13_000, 13_000),
        png_of(200_000, 10),
        png_of(2**31 - 1, 2**31 - 1),
        webp_of(13_000, 13_000),
        bmp_of(30_000, 30_000),
        bmp_of(-13_000, 13_000),
    ],
    ids=["png", "long", "huge", "webp", "bmp", "turned"],
)
def test_too_many_pixels_are_refused_before_decoding(
    tmp_path: Path, data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    PIL.Image.init()  # plugins decode pictures of their own as they load

    def decoded(_: object) -> None:
        raise AssertionError("was decoded")

    monkeypatch.setattr(PIL.Image.Image, "load", decoded)
    monkeypatch.setattr(PIL.Image.Image, "convert", decoded)
    path = tmp_path / "a.png"
    path.write_bytes(data)
    with pytest.raises(ImageError, match=r"too large|not an image|damaged"):
        load_image(path)
    with pytest.raises(ImageError, match=r"too large|not an image"):
        decode_array(data, "a", 1)


def test_pictures_are_measured_alike() -> None:
    with pytest.raises(FacesetError, match="too large"):
        image_size(png_of(13_000, 13_000), "a", error=FacesetError)
    assert image_size(POSTSCRIPT, "a") is None
    assert image_size(png_of(30, 20), "a") == (30, 20)


def test_the_limits_are_said(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png_of(13_000, 13_000))
    with pytest.raises(ImageError, match=f"at most {MAX_PIXELS} .*{MAX_SIDE} to a side.*13000x13000"):
        load_image(tmp_path / "a.png")


def test_of_several_pictures_the_first_is_taken(tmp_path: Path) -> None:
    pictures = [PIL.Image.new("RGB", (20, 10), (shade, 0, 0)) for shade in (250, 100, 50)]
    for kind in ("WEBP", "TIFF", "PNG"):
        how = {"lossless": True} if kind == "WEBP" else {}
        pictures[0].save(tmp_path / "a", kind, save_all=True, append_images=pictures[1:], **how)
        with open_image(tmp_path / "a") as opened:
            assert opened.n_frames == 3
        assert np.array_equal(load_image(tmp_path / "a")[0, 0], (250, 0, 0))
