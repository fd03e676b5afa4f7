"""Stills: a picture of its own, of which only painted pixels change."""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING, Any

import numpy as np
import PIL.ExifTags
import PIL.Image
import PIL.ImageCms
import PIL.PngImagePlugin
import pytest

from recaster.errors import ClipError, UsageError
from recaster.files import sha256
from recaster.media.clip import Clip
from recaster.media.encoders import check_encoding
from recaster.media.join import check_output
from recaster.media.picture_writer import PictureWriter
from recaster.media.still_file import _list_segments
from recaster.media.types import Patch, Rect
from recaster.settings.encoding import WriterOptions
from recaster.settings.formats import SUFFIXES
from recaster.settings.reading import ReadOptions

if TYPE_CHECKING:
    from pathlib import Path

STILL = ReadOptions(stills=True)
PLACE = Rect(16, 16, 48, 40)
PROFILE = PIL.ImageCms.ImageCmsProfile(PIL.ImageCms.createProfile("sRGB")).tobytes()
THUMBNAIL = b"\xff\xd8a thumbnail\xff\xd9"


def scene(channels: int = 3) -> np.ndarray:
    """A smooth picture, (96, 64, channels) uint8."""
    down, across = np.mgrid[0:96, 0:64]
    return np.stack([across * 3, down * 2, 255 - across - down, 40 + down], -1)[..., :channels].astype(
        np.uint8
    )


def exif() -> bytes:
    """EXIF of a camera on its side, with a place and a thumbnail."""
    made = PIL.Image.Exif()
    made[PIL.ExifTags.Base.Orientation] = 6
    made[PIL.ExifTags.Base.Make] = "Cam"
    made.get_ifd(PIL.ExifTags.IFD.GPSInfo)[1] = "N"
    data = bytearray(made.tobytes()[6:])
    order = "<" if data[:2] == b"II" else ">"
    (count,) = struct.unpack_from(f"{order}H", data, 8)
    place = len(data)
    struct.pack_into(f"{order}I", data, 10 + 12 * count, place)
    entries = [(0x201, 4, 1, place + 30), (0x202, 4, 1, len(THUMBNAIL))]
    data += struct.pack(f"{order}H", 2) + b"".join(struct.pack(f"{order}HHII", *each) for each in entries)
    data += bytes(4) + THUMBNAIL
    return b"Exif\0\0" + bytes(data)


def paint(path: Path, out: Path) -> Path:
    """Paints a rectangle of a still grey, and writes it as another picture."""
    clip = Clip(path, STILL)
    codec = next(name for name, suffixes in SUFFIXES.items() if out.suffix in suffixes)
    painted = np.ones((PLACE.height, PLACE.width), bool)
    with PictureWriter(out.with_name(f"segment{out.suffix}"), clip.info, WriterOptions(codec)) as writer:
        (frame,) = clip.read(0, 1)
        image = np.full_like(frame.plate_part(PLACE), 99)
        writer.write_painted(frame, [Patch(PLACE, image, painted, painted.astype(np.uint8))])
    (made,) = writer.folder.iterdir()
    return made.rename(out)


def stored(path: Path) -> np.ndarray:
    with PIL.Image.open(path) as picture:
        return np.asarray(picture).astype(int)


def changed(path: Path, out: Path, *, is_turned: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Differences of the stored pixels in and outside of what was painted on the picture as it is shown."""
    off = np.abs(stored(path) - stored(out))
    shown = np.zeros((64, 96) if is_turned else (96, 64), bool)
    PLACE.crop(shown)[...] = True
    inside = np.rot90(shown) if is_turned else shown
    return off[inside], off[~inside]


def test_a_jpeg_keeps_all_but_its_thumbnail(tmp_path: Path) -> None:
    path = tmp_path / "IMG_0042.jpg"
    options: Any = {
        "quality": 70,
        "subsampling": 2,
        "exif": exif(),
        "icc_profile": PROFILE,
        "comment": b"hello",
    }
    PIL.Image.fromarray(scene()).save(path, **options)
    (tmp_path / "IMG_0041.jpg").write_bytes(path.read_bytes())
    out = paint(path, tmp_path / "out.jpg")
    within, beyond = changed(path, out)
    assert within.mean() > 30
    assert np.percentile(beyond, 90) <= 1
    with PIL.Image.open(path) as before, PIL.Image.open(out) as after:
        assert before.quantization == after.quantization
        assert before.size == after.size
        assert (after.info["icc_profile"], after.info["comment"]) == (PROFILE, b"hello")
        assert after.getexif()[PIL.ExifTags.Base.Orientation] == 6
        assert after.getexif().get_ifd(PIL.ExifTags.IFD.GPSInfo)[1] == "N"
    assert THUMBNAIL in path.read_bytes()
    assert b"a thumbnail" not in out.read_bytes()


def test_a_manifest_or_another_picture_in_a_jpeg_does_not_go_along(tmp_path: Path) -> None:
    made = io.BytesIO()
    PIL.Image.fromarray(scene()).save(made, "JPEG")
    kept = (0xE5, b"a maker's"), (0xFE, b"a comment")
    gone = (0xEB, b"JP a manifest"), (0xE2, b"MPF\0others"), (0xEE, b"Adobe")
    segments = [
        bytes((0xFF, kind)) + struct.pack(">H", len(data) + 2) + data for kind, data in (*kept, *gone)
    ]
    path = tmp_path / "photo.jpg"
    path.write_bytes(made.getvalue()[:2] + b"".join(segments) + made.getvalue()[2:])
    assert [text for text in Clip(path, STILL).info.warnings if "further pictures behind its first" in text]
    out = paint(path, tmp_path / "out.jpg").read_bytes()
    assert not Clip(tmp_path / "out.jpg", STILL).info.warnings
    assert [data[4:] for kind, data in _list_segments(out) if kind in (0xE5, 0xFE)] == [
        b"a maker's",
        b"a comment",
    ]
    assert not {0xEB, 0xE2, 0xEE} & {kind for kind, _ in _list_segments(out)}


@pytest.mark.parametrize("suffix", [".png", ".tif", ".webp"])
def test_without_loss_only_painted_pixels_change(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"photo{suffix}"
    texts = PIL.PngImagePlugin.PngInfo()
    texts.add_text("Title", "a title")
    options: dict[str, Any] = {".png": {"pnginfo": texts}, ".webp": {"lossless": True, "exact": True}}
    carried: Any = {"exif": exif(), "icc_profile": PROFILE, **options.get(suffix, {})}
    is_turned = suffix != ".tif"  # Pillow turns TIFF's itself
    if not is_turned:
        del carried["exif"]
    PIL.Image.fromarray(scene(4)).save(path, **carried)
    out = paint(path, tmp_path / f"out{suffix}")
    within, beyond = changed(path, out, is_turned=is_turned)
    assert within[:, :3].mean() > 30
    assert within[:, 3].max() == 0
    assert beyond.max() == 0
    with PIL.Image.open(out) as after:
        assert after.info["icc_profile"] == PROFILE
        assert not is_turned or after.getexif()[PIL.ExifTags.Base.Orientation] == 6
        assert suffix != ".png" or after.info["Title"] == "a title"


def test_sixteen_bits_stay(tmp_path: Path) -> None:
    import cv2

    path = tmp_path / "deep.tif"
    deep = scene().astype(np.uint16) * 257 + 13
    cv2.imwrite(str(path), deep)
    out = paint(path, tmp_path / "out.tif")
    after = cv2.imread(str(out), cv2.IMREAD_UNCHANGED)
    assert after.dtype == np.uint16
    inside = np.zeros((96, 64), bool)
    PLACE.crop(inside)[...] = True
    assert np.array_equal(after[~inside], deep[~inside])


def test_in_another_kind_of_file_profile_and_camera_go_along(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    PIL.Image.fromarray(scene()).save(path, exif=exif(), icc_profile=PROFILE)
    out = paint(path, tmp_path / "out.png")
    with PIL.Image.open(out) as after:
        assert after.size == (96, 64)  # upright, so that no orientation has to be said
        assert after.info["icc_profile"] == PROFILE
        assert PIL.ExifTags.Base.Orientation not in after.getexif()
        assert after.getexif()[PIL.ExifTags.Base.Make] == "Cam"
    assert check_output(tmp_path / "out.png", Clip(path, STILL).info, WriterOptions("png")) == ()


def test_a_numbered_picture_is_one_of_a_sequence_or_a_still(tmp_path: Path) -> None:
    for number in range(3):
        PIL.Image.fromarray(scene()).save(tmp_path / f"IMG_{number}.png")
    path = tmp_path / "IMG_1.png"
    assert Clip(path).info.frame_count == 3
    still = Clip(path, STILL)
    assert (still.path, still.info.path, still.info.frame_count) == (path, path, 1)
    assert still.digest == sha256(path)
    assert still.first_file == path


def test_results_of_stills_are_pictures(tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    PIL.Image.fromarray(scene()).save(path)
    info = Clip(path, STILL).info
    with pytest.raises(UsageError, match=r"out\.mp4: a still's result is a picture, too"):
        check_encoding(tmp_path / "out.mp4", info, WriterOptions())
    with pytest.raises(UsageError, match="need a place for their number"):
        check_encoding(tmp_path / "out.png", Clip(path).info, WriterOptions("png"))


def test_what_no_library_reads_is_said(tmp_path: Path) -> None:
    path = tmp_path / "photo.heic"
    path.write_bytes(b"\0\0\0\x18ftypheic")
    with pytest.raises(ClipError, match="HEIC cannot be read here; export it as PNG, TIFF or JPEG"):
        _ = Clip(path, STILL).info
