"""Faces as they are learned are for their owner's eyes, go with faceset and right, and stay few."""

from __future__ import annotations

import os
import stat
import sys
import time
from typing import TYPE_CHECKING

import pytest

from recaster.provenance.face_traces import FaceTraces
from recaster.provenance.register import open_register
from recaster.provenance.revocations import Revocations
from recaster.store import learned_faces
from recaster.store.folder import DataFolder
from recaster.store.store import Store

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RECASTER_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("RECASTER_DATA", str(tmp_path / "own"))
    return tmp_path / "cache"


def learn(faceset: Path) -> list[Path]:
    """Keeps something of each kind for a faceset, which is made; returns the files."""
    faceset.mkdir(parents=True, exist_ok=True)
    files = [learned_faces.make_folder(kind, faceset) / "learned" for kind in learned_faces.KINDS]
    for file in files:
        file.write_text("a face")
    return files


def are_there(files: list[Path]) -> set[bool]:
    return {file.exists() for file in files}


def age(folder: Path, days: float) -> None:
    then = time.time() - days * 24 * 3600
    for path in (folder, *folder.iterdir()):
        os.utime(path, (then, then))


@pytest.mark.skipif(sys.platform == "win32", reason="modes of files are POSIX's")
def test_nobody_else_sees_it(tmp_path: Path, cache: Path) -> None:
    before = os.umask(0)
    try:
        learn(tmp_path / "anna")
    finally:
        os.umask(before)
    folders = [*cache.iterdir(), *cache.glob("*/*")]
    assert len(folders) == 4
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in folders} == {0o700}


def test_it_goes_with_its_faceset_at_an_engine(tmp_path: Path) -> None:
    store = Store.open(DataFolder(tmp_path / "data"))
    try:
        gone = learn(store.folder.faceset("anna"))
        stays = learn(store.folder.faceset("bert"))
        store.remove(store.folder.faceset("anna"))
    finally:
        store.close()
    assert are_there(gone) == {False}
    assert are_there(stays) == {True}


def test_it_goes_when_a_right_is_taken_back_or_a_person_deleted(tmp_path: Path) -> None:
    with open_register() as register:
        anna, bert = (register.add_stated(name, "consent").identity_id for name in ("Anna", "Bert"))
        files = learn(tmp_path / "anna")
        register.revoke(anna)
        assert are_there(files) == {False}
        files = learn(tmp_path / "anna")
        register.delete(bert)
        assert are_there(files) == {False}


def test_it_goes_when_revocations_come_from_elsewhere(tmp_path: Path) -> None:
    listed = Revocations(tmp_path / "theirs.jsonl")
    listed.revoke("anna", FaceTraces(frozenset({"a" * 64})))
    files = learn(tmp_path / "anna")
    Revocations(tmp_path / "own.jsonl").take(listed.path)
    assert are_there(files) == {False}


def test_what_nobody_uses_and_what_is_of_no_faceset_goes(tmp_path: Path) -> None:
    used, unused, orphaned = (learn(tmp_path / name) for name in ("used", "unused", "orphaned"))
    for file in (*used, *unused):
        age(file.parent, learned_faces.MAX_UNUSED_DAYS + 1)
    for file in used:
        learned_faces.touch(file)
    (tmp_path / "orphaned").rmdir()
    learned_faces.tidy()
    assert [are_there(files) for files in (used, unused, orphaned)] == [{True}, {False}, {False}]


def test_only_so_much_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learned_faces, "MAX_FACESETS", 2)
    kept = [learn(tmp_path / str(days)) for days in range(3)]
    for days, files in enumerate(kept):
        for file in files:
            age(file.parent, days)
    learned_faces.tidy()
    assert [are_there(files) for files in kept] == [{True}, {True}, {False}]
