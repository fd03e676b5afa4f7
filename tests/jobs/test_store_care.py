"""An engine's data backed up while it works, checked, read again, and made again where the store was lost."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from serving import Served

from recaster.api.v1 import faceset_pb2, identity_pb2, job_pb2, model_pb2
from recaster.errors import OutputError, UsageError
from recaster.jobs.integrity_check import check, scrub
from recaster.jobs.store_rebuild import rebuild
from recaster.provenance.register import open_audit_log
from recaster.provenance.register import open_register as opened_register
from recaster.store import backup as module
from recaster.store.backup import MANIFEST, back_up
from recaster.store.folder import DataFolder
from recaster.store.inventory import Inventory
from recaster.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.jobs.conftest import Material

OLD = Path(__file__).parents[1] / "data" / "engine-3df4141.zip"
PERSON = "89f4a270953b"
FACESET = "e63ebee28ff7"
MODEL = "8e9628d54fce"
DAMAGED = 3


@pytest.fixture
def folder(tmp_path: Path, actors: Path) -> DataFolder:
    """Data of an engine that is stopped, with all that its store names."""
    with zipfile.ZipFile(OLD) as packed:
        packed.extractall(tmp_path / "data")
    data = DataFolder(tmp_path / "data")
    store = Store.open(data)
    for name in ("likeness.mp4", "performer.mp4"):
        copy = tmp_path / name
        shutil.copyfile(actors / name, copy)
        store.blobs.put(copy)
    preview = next(digest for digest in Inventory.by(data.database).blobs if not store.blobs.has(digest))
    with store.database.transaction() as opened:
        opened.execute("delete from blob_use where digest = ?", (preview,))  # it was left out of the zip
    store.close()
    return data


@pytest.fixture
def material(serve: Callable[..., Served], prepare: Callable[[Served], Material]) -> Iterator[Material]:
    """An engine at work that is the test's own."""
    made = prepare(serve())
    yield made
    made.client.close()
    made.served.kill()


def recaster(*arguments: str | Path, data: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "recaster.cli.main", "store", *arguments, "--data", data]
    return subprocess.run(command, check=False, capture_output=True, text=True)


def problems(folder: DataFolder, *, deep: bool = False) -> list[str]:
    return check(folder, deep=deep).problems


def blob(folder: DataFolder) -> Path:
    """The largest."""
    return max(folder.blobs.glob("??/*"), key=lambda path: path.stat().st_size)


def overwrite(path: Path) -> None:
    """Change a byte; size and time stay."""
    before = path.stat()
    path.chmod(0o600)
    with path.open("r+b") as file:
        file.seek(before.st_size // 2)
        byte = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte[0] ^ 255]))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_a_backup_of_an_engine_at_work_is_whole_and_serves(material: Material, tmp_path: Path) -> None:
    jobs = material.client.jobs
    data = material.served.data
    training = jobs.create(material.training(1000))
    material.until(training.job_id, job_pb2.JOB_STATE_RUNNING, done=1)
    stop = threading.Event()

    def work() -> None:
        """Make jobs, and delete them."""
        while not stop.is_set():
            job = jobs.wait(jobs.create(material.swapping("0-1")).job_id)
            jobs.delete(job.job_id)

    working = threading.Thread(target=work)
    working.start()
    try:
        made = [recaster("backup", tmp_path / f"copy{number}", data=data) for number in range(3)]
    finally:
        stop.set()
        working.join()
    assert [(one.returncode, one.stderr.count("missing")) for one in made] == [(0, 0)] * 3
    for number in range(3):
        found = recaster("check", "--deep", data=tmp_path / f"copy{number}")
        assert (found.returncode, found.stdout.splitlines()[-1][:6]) == (0, "whole:"), found
    assert (data / "audit.jsonl").read_text().count('"store.backup"') == 3
    assert (tmp_path / "copy0").stat().st_mode & 0o077 == 0
    restored = Served(tmp_path / "copy2")
    with restored.client(patience_s=60) as client:
        assert client.clip(material.clip).clip_id == material.clip
        assert client.faceset(material.faceset).faces
        job = client.jobs.get(training.job_id)
        assert job.state != job_pb2.JOB_STATE_FAILED
        client.jobs.cancel(training.job_id)
    restored.kill()
    assert not (tmp_path / "copy2" / MANIFEST).exists()


def test_blobs_are_linked_where_they_can_be(folder: DataFolder, tmp_path: Path) -> None:
    linked = back_up(folder, tmp_path / "linked")
    assert linked.linked == len(list(folder.blobs.glob("??/*"))) > 0
    assert back_up(folder, tmp_path / "copied", link=False).linked == 0
    for name in ("linked", "copied"):
        assert problems(DataFolder(tmp_path / name), deep=True) == []
    copied = tmp_path / "copied" / "models" / MODEL / "weights.safetensors"
    assert copied.stat().st_nlink == 1  # what is written anew is no link


def test_a_backup_goes_on_after_a_break(
    folder: DataFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied: list[str] = []
    copy = shutil.copy2

    def breaking(here: Path, there: Path) -> None:
        if len(copied) == 4:
            raise OSError(28, "No space left on device")
        copied.append(here.name)
        copy(here, there)

    monkeypatch.setattr(module.shutil, "copy2", breaking)
    with pytest.raises(OutputError, match="the disk is full"):
        back_up(folder, tmp_path / "copy", link=False)
    assert not (tmp_path / "copy").exists()
    first = list(copied)
    monkeypatch.setattr(
        module.shutil, "copy2", lambda here, there: (copied.append(here.name), copy(here, there))
    )
    back_up(folder, tmp_path / "copy", link=False)
    assert len(first) == 4
    assert not set(first) & set(copied[4:])
    assert problems(DataFolder(tmp_path / "copy"), deep=True) == []
    assert list(tmp_path.glob(".copy*")) == []


def meanwhile(do: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Do something once, right after a backup has copied the store."""
    copy = module.copy_store
    left = [do]

    def copied(here: Path, there: Path) -> None:
        copy(here, there)
        if here.name == "store.sqlite" and left:
            left.pop()()

    monkeypatch.setattr(module, "copy_store", copied)


def test_what_is_deleted_meanwhile_is_not_in_a_backup(
    folder: DataFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store.open(folder)
    gone = blob(folder)

    def delete() -> None:
        with store.database.transaction() as opened:
            opened.execute("delete from blob_use where digest = ?", (gone.name,))
        gone.unlink()

    meanwhile(delete, monkeypatch)
    made = back_up(folder, tmp_path / "copy")
    store.close()
    assert made.missing == []
    assert gone.name not in Inventory.by(tmp_path / "copy" / "store.sqlite").blobs
    assert problems(DataFolder(tmp_path / "copy"), deep=True) == []


def test_store_and_audit_log_of_a_backup_are_of_one_moment(
    folder: DataFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def work() -> None:
        with opened_register(folder) as register:
            register.add("Nora", identity_pb2.Attestation(basis=identity_pb2.BASIS_SELF))

    work()
    meanwhile(work, monkeypatch)
    back_up(folder, tmp_path / "copy")
    assert len((folder.path / "audit.jsonl").read_text().splitlines()) == 6
    with open_audit_log(DataFolder(tmp_path / "copy")) as log:
        newest = log.verify()
    assert newest is not None
    assert newest.number == 5


def test_a_backup_overwrites_nothing(folder: DataFolder, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    for target in (tmp_path / "there", folder.path, folder.path / "copy"):
        with pytest.raises(UsageError, match="isn't there yet, outside the data folder"):
            back_up(folder, target)


def test_what_is_lost_already_is_said(folder: DataFolder, tmp_path: Path) -> None:
    blob(folder).unlink()
    made = recaster("backup", tmp_path / "copy", data=folder.path)
    assert (made.returncode, made.stderr.count("missing: blobs/")) == (DAMAGED, 1)
    assert (tmp_path / "copy" / "store.sqlite").is_file()


def test_whole_data(folder: DataFolder) -> None:
    found = recaster("check", "--deep", data=folder.path)
    assert (found.returncode, found.stdout.count("nothing names: blobs/")) == (0, 0)
    assert found.stdout.endswith("blobs, documents, facesets and models\n")


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize(
    ("harm", "said", "shallow"),
    [
        (lambda data: blob(data).unlink(), "is missing", True),
        (lambda data: os.truncate(_open(blob(data)), 100), "has 100 bytes, not", True),
        (lambda data: overwrite(blob(data)), "is damaged", False),
        (lambda data: shutil.rmtree(data.faceset(FACESET)), "there is no such faceset", True),
        (lambda data: overwrite(next(data.faceset(FACESET).glob("faces/*.jpg"))), "is damaged", False),
        (lambda data: shutil.rmtree(data.model(MODEL)), "is missing", True),
        (lambda data: (data.model(MODEL) / "weights.safetensors").unlink(), "weights are missing", True),
        (lambda data: os.truncate(data.model(MODEL) / "weights.safetensors", 999), "safetensors", False),
        (lambda data: os.truncate(data.path / "audit.jsonl", 0), "audit.jsonl", True),
        (lambda data: overwrite(data.path / "audit.jsonl"), "audit.jsonl", True),
    ],
)
def test_harm_is_found(
    folder: DataFolder, harm: Callable[[DataFolder], object], said: str, shallow: bool, deep: bool
) -> None:
    store = Store.open(folder)  # an engine has noted sizes and the log's end
    store.close()
    with contextlib.closing(sqlite3.connect(folder.database)) as opened:
        last = json.loads((folder.path / "audit.jsonl").read_text().splitlines()[-1])
        opened.execute("insert or replace into audit_head values (1, ?, ?)", (last["number"], last["hash"]))
        opened.commit()
    harm(folder)
    found = problems(folder, deep=deep)
    if deep or shallow:
        assert len(found) == 1
        assert said in found[0]
    else:
        assert found == []


def _open(path: Path) -> Path:
    path.chmod(0o600)
    return path


def test_what_nothing_names_is_told_of(folder: DataFolder) -> None:
    (folder.path / "facesets" / "0123456789ab").mkdir()
    (folder.path / "blobs" / "ab").mkdir(exist_ok=True)
    (folder.path / "blobs" / "ab" / ("ab" * 32)).write_bytes(b"x")
    found = check(folder)
    assert found.problems == []
    assert found.unnamed == [f"blobs/ab/{'ab' * 32}", "facesets/0123456789ab"]


def test_a_damaged_store_is_found(folder: DataFolder) -> None:
    with folder.database.open("r+b") as file:
        file.seek(3 * 4096)
        file.write(os.urandom(4096))
    assert recaster("check", data=folder.path).returncode == DAMAGED


def test_a_backup_that_changed_is_found(folder: DataFolder, tmp_path: Path) -> None:
    back_up(folder, tmp_path / "copy", link=False)
    (tmp_path / "copy" / "jobs" / MODEL / "log.jsonl").unlink()
    assert problems(DataFolder(tmp_path / "copy")) == [f"jobs/{MODEL}/log.jsonl: is missing"]


def test_scrubbing_sets_damaged_blobs_aside_while_the_engine_runs(material: Material, actors: Path) -> None:
    data = DataFolder(material.served.data)
    clip = material.client.clip(material.clip)
    place = data.blobs / clip.digest[:2] / clip.digest
    assert recaster("scrub", data=data.path).returncode == 0
    overwrite(place)
    found = recaster("scrub", data=data.path)
    assert found.returncode == DAMAGED
    assert f"{clip.digest}: is damaged, and was set aside; needed by clip {clip.clip_id}" in found.stdout
    assert (place.exists(), (data.damaged / clip.digest).exists()) == (False, True)
    assert material.client.take_clip(actors / "performer.mp4") == clip.clip_id  # sent again, it heals
    assert place.exists()
    assert problems(data, deep=True) == []


def test_scrubbing_tells_how_far_it_is(folder: DataFolder) -> None:
    store = Store.open(folder)
    told = []
    assert scrub(store, told.append) == []
    assert told[-1].done == told[-1].total > 0
    store.close()


def test_a_lost_store_is_made_again(folder: DataFolder) -> None:
    folder.database.unlink()
    made = recaster("rebuild", data=folder.path)
    assert made.returncode == 0, made.stderr
    assert made.stdout.startswith("1 people, 1 facesets, 1 models, ")
    assert "lost with the old store" in made.stdout
    assert problems(folder, deep=True) == []
    served = Served(folder.path)
    with served.client(patience_s=5) as client:
        call = client.connection.call
        [person] = call(client.identities.ListIdentities, identity_pb2.ListIdentitiesRequest()).identities
        assert (person.identity_id, person.attestation.basis) == (PERSON, identity_pb2.BASIS_SYNTHETIC)
        [faceset] = call(client.facesets.ListFacesets, faceset_pb2.ListFacesetsRequest()).facesets
        assert (faceset.faceset_id, faceset.faces, faceset.identity_id) == (FACESET, 10, PERSON)
        assert faceset.display_name == "faces of likeness.mp4"
        [model] = call(client.models.ListModels, model_pb2.ListModelsRequest()).models
        assert (model.model_id, model.usable, model.identity_id) == (MODEL, True, PERSON)
    served.kill()
    kept = Inventory.by(folder.database).blobs
    assert set(kept) == {path.name for path in folder.blobs.glob("??/*")}
    assert recaster("rebuild", "--let-go", data=folder.path).returncode == 0
    assert not Inventory.by(folder.database).blobs


def test_a_revoked_right_stays_revoked(folder: DataFolder) -> None:
    with opened_register(folder) as register:
        register.revoke(PERSON, "she asked")
    folder.database.unlink()
    rebuild(folder)
    [person] = Inventory.by(folder.database).catalog["identity"]
    assert person.revocation.reason == "she asked"


def test_a_store_that_is_there_is_not_made_again(folder: DataFolder) -> None:
    before = folder.database.read_bytes()
    with pytest.raises(UsageError, match="move it away first"):
        rebuild(folder)
    assert folder.database.read_bytes() == before


def test_what_can_not_be_read_is_said(folder: DataFolder) -> None:
    folder.database.unlink()
    (folder.faceset(FACESET) / "faceset.sqlite").write_bytes(b"nonsense" * 1000)
    made = recaster("rebuild", data=folder.path)
    assert made.returncode == DAMAGED
    assert "0 facesets" in made.stdout
    assert FACESET in made.stderr
