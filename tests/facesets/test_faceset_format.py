"""Faceset folders on disk: what is written is read, damage is told."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from recaster.errors import FacesetError
from recaster.facesets import faceset_index
from recaster.facesets.face_records import FaceRecord, FacesetSettings, SourceRecord
from recaster.facesets.faceset import INDEX, Faceset

if TYPE_CHECKING:
    from collections.abc import Callable

SIZE = 128


def test_everything_comes_back_as_it_was_added(small_set: Faceset) -> None:
    again = Faceset.open(small_set.folder)
    assert again.settings == FacesetSettings(size=SIZE, identity="made up")
    assert again.sources == small_set.sources
    assert len(again) == 6
    for before, after in zip(small_set.records, again.records, strict=True):
        for name in ("id", "file", "source", "frame", "time", "track", "box", "score", "pose", "dropped"):
            assert getattr(before, name) == getattr(after, name)
        for name in ("landmarks", "embedding", "matrix"):
            assert getattr(after, name).dtype == np.float64
            assert np.array_equal(getattr(before, name), getattr(after, name))
    assert again.digest() == small_set.digest()


def test_crops_are_full_chroma_jpegs_close_to_what_was_given(small_set: Faceset) -> None:
    record = small_set.records[2]
    given = cv2.resize(np.random.default_rng(2).integers(40, 216, (12, 12, 3), dtype=np.uint8), (SIZE, SIZE))
    small_set.add([(replace(record, frame=77), given)])
    stored = small_set.crop(small_set.records[-1])
    assert stored.shape == (SIZE, SIZE, 3)
    assert np.abs(stored.astype(int) - given).mean() < 1.5
    assert small_set.records[-1].file == "faces/000007.jpg"
    assert b"\x11\x00" in small_set.crop_bytes(record)  # every component sampled 1x1


def test_numpy_numbers_are_stored_as_plain_ones(
    small_set: Faceset, make_face: Callable[..., FaceRecord]
) -> None:
    small_set.add([(make_face(np.int64(40), track=np.int64(3), score=np.float32(0.5)), b"a jpeg")])
    again = Faceset.open(small_set.folder)
    assert (again.records[-1].frame, again.records[-1].track, again.records[-1].score) == (40, 3, 0.5)
    assert again.digest() == small_set.digest()


def test_digest_follows_the_kept_faces_and_not_the_place(small_set: Faceset, tmp_path: Path) -> None:
    whole = small_set.digest()
    small_set.mark({3: "blurred"})
    assert len(small_set) == 5
    assert len(small_set.all_records) == 6
    assert small_set.digest() != whole
    moved = shutil.move(small_set.folder, tmp_path / "elsewhere")
    again = Faceset.open(Path(moved))
    assert again.all_records[2].dropped == "blurred"
    assert again.digest() == small_set.digest()
    again.mark({3: None})
    assert again.digest() == whole


def test_add_is_all_or_nothing(small_set: Faceset, make_face: Callable[..., FaceRecord]) -> None:
    good = np.zeros((SIZE, SIZE, 3), np.uint8)
    wrong = np.zeros((SIZE, SIZE + 1, 3), np.uint8)
    with pytest.raises(FacesetError, match=r"128x128 pixels, not 129x128"):
        small_set.add([(make_face(90), good), (make_face(91), wrong)])
    assert len(small_set) == 6
    assert len(Faceset.open(small_set.folder)) == 6
    small_set.add([(make_face(92), good)])
    assert Faceset.open(small_set.folder).records[-1].file == "faces/000007.jpg"


def test_adding_costs_what_is_added(
    small_set: Faceset, make_face: Callable[..., FaceRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Faces that are there aren't gone through again with each batch that comes."""
    looks = 0

    class Watched(FaceRecord):
        def __getattribute__(self, name: str) -> object:
            nonlocal looks
            looks += name == "dropped"
            return super().__getattribute__(name)

    read = faceset_index.face_of_values

    def read_watched(*values: object, **others: object) -> FaceRecord:
        return Watched(**vars(read(*values, **others)))

    monkeypatch.setattr(faceset_index, "face_of_values", read_watched)
    before = len(small_set)
    crop = np.zeros((small_set.settings.size, small_set.settings.size, 3), np.uint8)
    for number in range(1, 31):
        small_set.add([(make_face(), crop)])
        assert len(small_set) == before + number
    assert looks <= 30 * 3
    assert len(small_set.records) == len(small_set.all_records) == before + 30
    small_set.mark({small_set.records[0].id: "test"})
    small_set.add([(replace(make_face(), dropped="test"), crop)])
    assert (len(small_set), len(small_set.all_records)) == (before + 29, before + 31)
    assert Faceset.open(small_set.folder).all_records[-1].id == small_set.all_records[-1].id
    assert len(Faceset.open(small_set.folder)) == len(small_set.records) == before + 29


def test_a_known_source_is_not_added_twice(small_set: Faceset) -> None:
    known = small_set.sources[0]
    assert small_set.add_source(replace(known, id=0, name="renamed.mp4")) == known
    other = small_set.add_source(SourceRecord(0, "b.png", "cd" * 32, "image"))
    small_set.update_source(replace(other, finished=("once",), counts={"no face": 1}))
    again = Faceset.open(small_set.folder)
    assert [source.name for source in again.sources] == ["clip.mp4", "b.png"]
    assert again.sources[1].finished == ("once",)
    assert again.sources[1].counts == {"no face": 1}


def test_at_rest_the_index_is_one_file(small_set: Faceset) -> None:
    assert sorted(path.name for path in small_set.folder.iterdir()) == ["faces", INDEX]


KILLED = """
import os, signal, sys
from dataclasses import replace
from pathlib import Path
from recaster.facesets import faceset
opened = faceset.Faceset.open(Path(sys.argv[1]))
whole, count = faceset.sync, 0
def sync(path):
    global count
    count += 1
    if count == 4:
        os.kill(os.getpid(), signal.SIGKILL)
    whole(path)
faceset.sync = sync
face, crop = opened.records[0], opened.crop(opened.records[0])
opened.add([(replace(face, frame=100), crop)])
opened.add([(replace(face, frame=frame), crop) for frame in range(101, 106)])
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs POSIX signals")
def test_a_killed_writer_leaves_whole_batches(small_set: Faceset) -> None:
    killed = subprocess.run([sys.executable, "-c", KILLED, str(small_set.folder)], check=False)
    assert killed.returncode == -signal.SIGKILL
    left = Faceset.open(small_set.folder)
    assert [record.frame for record in left.records] == [0, 1, 2, 3, 4, 5, 100]
    assert len(list((left.folder / "faces").iterdir())) == 9  # two crops have no row
    left.sweep()
    assert {f"faces/{path.name}" for path in (left.folder / "faces").iterdir()} == {
        record.file for record in left.records
    }


def test_sweeping_spares_what_another_process_has_added(
    small_set: Faceset, make_face: Callable[..., FaceRecord]
) -> None:
    other = Faceset.open(small_set.folder)
    (added,) = small_set.add([(make_face(50), np.zeros((SIZE, SIZE, 3), np.uint8))])
    other.sweep()
    assert Faceset.open(small_set.folder).crop(added).shape == (SIZE, SIZE, 3)


def test_crops_without_a_row_are_overwritten(
    small_set: Faceset, make_face: Callable[..., FaceRecord]
) -> None:
    (small_set.folder / "faces" / "000007.jpg").write_bytes(b"left behind")
    (added,) = small_set.add([(make_face(50), np.full((SIZE, SIZE, 3), 90, np.uint8))])
    assert small_set.crop(added).mean() == pytest.approx(90, abs=1)


def test_create_takes_an_empty_folder_and_refuses_a_full_one(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert len(Faceset.create(tmp_path / "empty")) == 0
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("mine")
    with pytest.raises(FacesetError, match="not empty"):
        Faceset.create(tmp_path / "full")
    with pytest.raises(FacesetError, match="not empty"):
        Faceset.create(tmp_path / "empty")


def test_a_killed_create_can_be_repeated(tmp_path: Path) -> None:
    (tmp_path / "set" / "faces").mkdir(parents=True)
    (tmp_path / "set" / ".faceset.x1y2.sqlite").write_bytes(b"half")
    assert len(Faceset.create(tmp_path / "set")) == 0


def test_open_says_what_is_wrong(small_set: Faceset, tmp_path: Path) -> None:
    with pytest.raises(FacesetError, match="no such faceset"):
        Faceset.open(tmp_path / "nowhere")
    (tmp_path / "plain").mkdir()
    with pytest.raises(FacesetError, match="not a faceset"):
        Faceset.open(tmp_path / "plain")
    (tmp_path / "plain" / INDEX).write_bytes(os.urandom(4096))
    with pytest.raises(FacesetError, match="damaged"):
        Faceset.open(tmp_path / "plain")
    (small_set.folder / "faces" / "000004.jpg").unlink()
    with pytest.raises(FacesetError, match=r"000004\.jpg: this crop of the faceset is missing"):
        Faceset.open(small_set.folder)


def test_open_refuses_foreign_and_newer_indexes(small_set: Faceset, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    foreign = sqlite3.connect(tmp_path / "other" / INDEX)
    foreign.execute("CREATE TABLE songs (name TEXT)")
    foreign.close()
    with pytest.raises(FacesetError, match="not a faceset's index"):
        Faceset.open(tmp_path / "other")
    newer = sqlite3.connect(small_set.folder / INDEX)
    newer.execute("UPDATE settings SET value = '2' WHERE name = 'version'")
    newer.commit()
    newer.close()
    with pytest.raises(FacesetError, match="newer Recaster"):
        Faceset.open(small_set.folder)


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE faces SET landmarks = x'00'",
        "UPDATE sources SET counts = 'kept'",
        "UPDATE settings SET value = '[]' WHERE name = 'faceset'",
        "DELETE FROM settings WHERE name = 'version'",
    ],
)
def test_damaged_values_are_told(small_set: Faceset, damage: str) -> None:
    opened = sqlite3.connect(small_set.folder / INDEX)
    opened.execute(damage)
    opened.commit()
    opened.close()
    with pytest.raises(FacesetError, match="damaged values"):
        Faceset.open(small_set.folder)


def test_damaged_crops_are_named(small_set: Faceset) -> None:
    first, second, third = small_set.records[:3]
    (small_set.folder / first.file).write_bytes(b"not a jpeg")
    with pytest.raises(FacesetError, match=r"000001\.jpg: this crop is damaged"):
        small_set.crop(first)
    cv2.imwrite(str(small_set.folder / second.file), np.zeros((8, 9, 3), np.uint8))
    with pytest.raises(FacesetError, match=r"000002\.jpg: this crop is 9x8 pixels, not 128x128"):
        small_set.crop(second)
    (small_set.folder / third.file).write_bytes(b"")
    with pytest.raises(FacesetError, match=r"000003\.jpg: this crop is empty"):
        small_set.crop(third)


def test_crop_digest_is_that_of_the_file(small_set: Faceset) -> None:
    record = small_set.records[0]
    assert (
        small_set.crop_digest(record)
        == hashlib.sha256((small_set.folder / record.file).read_bytes()).hexdigest()
    )
