"""Archives of facesets come back without loss, and odd zips are refused."""

from __future__ import annotations

import base64
import json
import shutil
import struct
import zipfile
from typing import TYPE_CHECKING

import numpy as np
import pytest

from recaster.errors import FacesetError, OutputError, RecasterError, UsageError
from recaster.facesets import extraction
from recaster.facesets.faceset import Faceset
from recaster.facesets.faceset_archive import MANIFEST, export_zip, import_faces
from recaster.zips import ZipLimits

if TYPE_CHECKING:
    from pathlib import Path

NO_NUMBERS = base64.b64encode(struct.pack("<6d", *[np.nan] * 6)).decode()


@pytest.fixture
def exported(small_set: Faceset, tmp_path: Path) -> Path:
    small_set.mark({4: "blurred: sharpness 1, needs 2"})
    export_zip(small_set, tmp_path / "set.zip")
    return tmp_path / "set.zip"


def rewritten(given: Path, out: Path, change) -> Path:
    """A copy of a zip whose manifest went through ``change``."""
    with zipfile.ZipFile(given) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name == MANIFEST:
                values = json.loads(data)
                data = json.dumps(change(values) or values).encode()
            new.writestr(name, data)
    return out


def test_a_faceset_comes_back_as_it_was(small_set: Faceset, exported: Path, tmp_path: Path) -> None:
    again = import_faces(exported, tmp_path / "again")
    assert again.digest() == small_set.digest()
    assert again.settings == small_set.settings
    assert again.sources == small_set.sources
    assert [one.dropped for one in again.all_records] == [one.dropped for one in small_set.all_records]
    for before, after in zip(small_set.all_records, again.all_records, strict=True):
        assert (before.file, before.box, before.pose) == (after.file, after.box, after.pose)
        assert np.array_equal(before.landmarks, after.landmarks)
        assert np.array_equal(before.matrix, after.matrix)
        assert small_set.crop_bytes(before) == again.crop_bytes(after)
    export_zip(again, tmp_path / "again.zip")
    assert (tmp_path / "again.zip").read_bytes() == exported.read_bytes()


def test_the_zip_is_a_plain_zip_of_crops(exported: Path) -> None:
    with zipfile.ZipFile(exported) as archive:
        assert archive.namelist() == [f"faces/{number:06}.jpg" for number in range(1, 7)] + [MANIFEST]
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        values = json.loads(archive.read(MANIFEST))
    landmarks = np.frombuffer(base64.b64decode(values["faces"][0]["landmarks"]), "<f4")
    assert landmarks.shape == (478 * 3,)


def test_a_changed_crop_is_not_exported(small_set: Faceset, tmp_path: Path) -> None:
    shutil.copy(small_set.folder / "faces/000001.jpg", small_set.folder / "faces/000002.jpg")
    with pytest.raises(FacesetError, match=r"000002\.jpg: was changed"):
        export_zip(small_set, tmp_path / "set.zip")
    assert not (tmp_path / "set.zip").exists()


def test_export_into_a_file_as_folder_says_so(small_set: Faceset, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        export_zip(small_set, tmp_path / "file" / "set.zip")


def test_an_export_replaces_only_zips(small_set: Faceset, tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_text("mine")
    with pytest.raises(UsageError, match=r"named \.zip"):
        export_zip(small_set, tmp_path / "clip.mp4")
    assert (tmp_path / "clip.mp4").read_text() == "mine"


def test_an_occupied_place_is_refused(exported: Path, small_set: Faceset) -> None:
    with pytest.raises(FacesetError, match="not empty"):
        import_faces(exported, small_set.folder)
    with pytest.raises(FacesetError, match="faceset already"):
        import_faces(small_set.folder, exported.parent / "copy")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda v: v | {"version": 9}, "newer Recaster"),
        (lambda v: v | {"format": "album"}, "another program"),
        (lambda v: v | {"faces": [{}]}, "damaged"),
        (lambda v: v["faceset"].update(size=64), "not 64x64"),
        (lambda v: v["faceset"].update(coverage="wide"), "damaged"),
        (lambda v: v["faces"][1].update(crop_sha256="0" * 64), "not the crop that was exported"),
        (lambda v: v["faces"][1].update(landmarks="AAAA"), "damaged"),
        (lambda v: v["faces"][1].update(file="../../etc/passwd"), "missing from this zip"),
        (lambda v: v["faces"][1].update(source_id=7), "do not fit"),
        (lambda v: v["faces"].pop(1) and None, "without gaps"),
        (
            lambda v: v["faces"][0].update(
                matrix=base64.b64encode(struct.pack("<6d", *[np.nan] * 6)).decode()
            ),
            "not finite",
        ),
        (lambda _: [1, 2], "damaged"),
    ],
)
def test_damaged_manifests_leave_nothing_behind(exported: Path, tmp_path: Path, change, message: str) -> None:
    bad = rewritten(exported, tmp_path / "bad.zip", change)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(FacesetError, match=message):
        import_faces(bad, tmp_path / "out")
    assert sorted(tmp_path.iterdir()) == before


def entry(name: str, mode: int = 0o100644) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.create_system = 3
    info.external_attr = mode << 16
    return info


@pytest.mark.parametrize(
    ("info", "message"),
    [
        (entry("../evil.jpg"), "points outside"),
        (entry("a/../../evil.jpg"), "points outside"),
        (entry("/etc/evil.jpg"), "absolute path"),
        (entry("C:/evil.jpg"), "absolute path"),
        (entry("a\\..\\evil.jpg"), "not allowed"),
        (entry("link.jpg", 0o120777), "link or a device"),
        (entry("pipe.jpg", 0o010644), "link or a device"),
    ],
)
def test_unsafe_entries_are_refused(tmp_path: Path, info: zipfile.ZipInfo, message: str) -> None:
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
        archive.writestr(info, b"/etc/passwd")
    refuse(tmp_path, message)


def refuse(tmp_path: Path, message: str, limits: ZipLimits | None = None) -> None:
    before = sorted(tmp_path.iterdir())
    with pytest.raises(FacesetError, match=message):
        import_faces(tmp_path / "bad.zip", tmp_path / "out", limits=limits)
    assert sorted(tmp_path.iterdir()) == before
    assert not (tmp_path.parent / "evil.jpg").exists()


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_names_that_are_there_twice_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
        archive.writestr("a.jpg", b"1")
        archive.writestr("A.JPG", b"2")
    refuse(tmp_path, "there twice")


def test_encrypted_and_unusual_entries_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "plain.zip", "w") as archive:
        archive.writestr("a.jpg", b"12345")
    data = bytearray((tmp_path / "plain.zip").read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "bad.zip").write_bytes(data)
    refuse(tmp_path, "encrypted")
    with zipfile.ZipFile(tmp_path / "bad.zip", "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("a.jpg", b"12345")
    refuse(tmp_path, "unusual way")


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        (ZipLimits(entries=2), "3 entries"),
        (ZipLimits(entry_bytes=1000), "unpacks to"),
        (ZipLimits(total_bytes=5_000_000, ratio=1e9), "unpacks to 6291456 bytes"),
        (ZipLimits(ratio=100), "more than 100 times"),
    ],
)
def test_bombs_are_refused(tmp_path: Path, limits: ZipLimits, message: str) -> None:
    with zipfile.ZipFile(tmp_path / "bad.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(3):
            archive.writestr(f"{number}.bmp", bytes(2 << 20))
    refuse(tmp_path, message, limits)


def test_pictures_too_large_to_decode_are_refused(tmp_path: Path, draw) -> None:
    import cv2

    data = cv2.imencode(".png", draw.crop(0))[1].tobytes()
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
        archive.writestr("huge.png", data)
    refuse(tmp_path, "128x128 pixels", ZipLimits(pixels=10_000))


def test_overlapping_entries_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
        for number in range(9):
            archive.writestr(f"{number}.jpg", bytes(1000))
    data = bytearray((tmp_path / "bad.zip").read_bytes())
    place = data.index(b"PK\x01\x02")
    while place >= 0:
        data[place + 20 : place + 24] = struct.pack("<I", 100_000)
        place = data.find(b"PK\x01\x02", place + 4)
    (tmp_path / "bad.zip").write_bytes(data)
    refuse(tmp_path, "overlap")


def test_what_is_no_zip_or_has_no_image_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bad.zip").write_bytes(b"PK\x03\x04 and then nothing")
    refuse(tmp_path, "not a zip")
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
        archive.writestr("readme.txt", "hello")
        archive.writestr("__MACOSX/._a.jpg", "resource")
    refuse(tmp_path, "nor any image")
    with pytest.raises(FacesetError, match="no such zip or folder"):
        import_faces(tmp_path / "nowhere.zip", tmp_path / "out")


def test_damaged_entries_are_refused(exported: Path, tmp_path: Path) -> None:
    data = bytearray(exported.read_bytes())
    data[500] ^= 0xFF
    (tmp_path / "bad.zip").write_bytes(data)
    refuse(tmp_path, "000001.jpg in this zip is damaged")


def test_plain_images_are_handed_on_with_folders_flattened(tmp_path: Path, draw, monkeypatch) -> None:
    import cv2

    data = cv2.imencode(".png", draw.crop(0))[1].tobytes()
    with zipfile.ZipFile(tmp_path / "faces.zip", "w") as archive:
        archive.writestr("b/face.png", data)
        archive.writestr("a/face.png", data)
        archive.writestr("a/broken.png", b"GIF?")
        archive.writestr("a/notes.txt", b"")
    seen = {}

    def fake(inputs, out, *_, **__):
        seen.update({path.name: path.stat().st_size for path in sorted(inputs[0].iterdir())})
        return Faceset.create(out)

    monkeypatch.setattr(extraction, "extract", fake)
    assert len(import_faces(tmp_path / "faces.zip", tmp_path / "out")) == 0
    assert seen == {"000000-broken.png": 0, "000001-face.png": len(data), "000002-face.png": len(data)}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["faces.zip", "out"]


@pytest.mark.footage
def test_plain_face_crops_are_imported(footage: Path, tmp_path: Path) -> None:
    """faceswap-GAN's layout: a zip with tight crops of a detector's boxes, of any size."""
    import cv2

    picture = cv2.imread(str(footage / "stills" / "stills_astronaut.png"))
    face = picture[70:190, 160:280]
    with zipfile.ZipFile(tmp_path / "faces.zip", "w") as archive:
        for size in (90, 256):
            archive.writestr(f"{size}.png", cv2.imencode(".png", cv2.resize(face, (size, size)))[1].tobytes())
    faceset = import_faces(tmp_path / "faces.zip", tmp_path / "out")
    assert len(faceset) == 2
    assert [one.kind for one in faceset.sources] == ["image", "image"]
    eyes = [one.landmarks[[468, 473], :2] for one in faceset.records]
    assert np.abs(eyes[0] - eyes[1]).max() < 12


@pytest.mark.footage
def test_images_without_a_face_leave_nothing(footage: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "faces.zip", "w") as archive:
        archive.write(footage / "stills" / "pyfeat_free-mountain-vector-01.jpg", "a.jpg")
    with pytest.raises(RecasterError, match="no face"):
        import_faces(tmp_path / "faces.zip", tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["faces.zip"]


def test_many_small_entries_are_a_bomb_too(tmp_path: Path) -> None:
    """Each of them is too small to be looked at alone."""
    with zipfile.ZipFile(tmp_path / "bad.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(20):
            archive.writestr(f"{number}.bmp", bytes(1 << 20))
    refuse(tmp_path, "all in it together")
