"""Objects, files and folders in a storage: what comes back is what was put, or an error that says why not."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from recaster.errors import InputError, NotStoredError, OutputError, StorageError, UsageError
from recaster.storage.manifests import CHUNK_BYTES, FileManifest, decode_manifest
from recaster.storage.storage import OBJECTS, RENEWED_S, Storage, open_storage

if TYPE_CHECKING:
    from pathlib import Path


def make_file(path: Path, size: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(os.urandom(size))
    return path


def names_of(storage: Storage) -> set[str]:
    return {each.name for each in storage.list_objects()}


@pytest.mark.parametrize("size", [0, 1, 1 << 18, (1 << 18) + 1])
def test_bytes_come_back(storage: Storage, size: int) -> None:
    data = os.urandom(size)
    digest = storage.put_bytes(data)
    assert storage.get_bytes(digest) == data
    assert storage.put_bytes(data) == digest
    assert [each.size for each in storage.list_objects()] == [size]


@pytest.mark.parametrize("size", [0, 5, CHUNK_BYTES, 2 * CHUNK_BYTES + 17])
def test_files_come_back(storage: Storage, tmp_path: Path, size: int) -> None:
    path = make_file(tmp_path / "clip.mov", size)
    ticks: list[int] = []
    reference = storage.put_file(path, lambda: ticks.append(1))
    assert len(ticks) == -(-size // CHUNK_BYTES)
    again = pickle.loads(pickle.dumps(storage))  # noqa: S301
    again.fetch_file(reference, tmp_path / "copy.mov")
    assert (tmp_path / "copy.mov").read_bytes() == path.read_bytes()
    assert again.put_file(tmp_path / "copy.mov") == reference


def test_folders_come_back(storage: Storage, tmp_path: Path) -> None:
    files = {"model.json": 300, "checkpoints/10/weights.safetensors": CHUNK_BYTES + 1, "logs/ä b.txt": 0}
    for name, size in files.items():
        make_file(tmp_path / "model" / name, size)
    reference = storage.put_tree(tmp_path / "model")
    storage.fetch_tree(reference, tmp_path / "node" / "model")
    made = {
        path.relative_to(tmp_path / "node" / "model").as_posix(): path.read_bytes()
        for path in (tmp_path / "node" / "model").rglob("*")
        if path.is_file()
    }
    assert made == {name: (tmp_path / "model" / name).read_bytes() for name in files}
    assert storage.put_tree(tmp_path / "node" / "model") == reference
    assert set(storage.read_tree(storage.put_tree(tmp_path / "model", ["model.json"])).files) == {
        "model.json"
    }
    assert set(storage.read_tree(storage.put_tree(tmp_path / "model" / "model.json")).files) == {"model.json"}


def test_what_is_there_is_not_sent_again(storage: Storage, tmp_path: Path) -> None:
    path = make_file(tmp_path / "a", 2 * CHUNK_BYTES)
    storage.put_file(path)
    before = {each.name: each.modified for each in storage.list_objects() if each.size == CHUNK_BYTES}
    assert len(before) == 2
    written: list[str] = []
    write = storage.backend.write
    storage.backend.write = lambda name, data: (written.append(name), write(name, data))[1]  # type: ignore[method-assign]
    with path.open("ab") as file:
        file.write(b"more")
    storage.put_file(path)
    assert not before.keys() & set(written)
    assert len(written) == 2  # the new chunk and the manifest


def test_half_an_object_is_sent_again(storage: Storage) -> None:
    data = os.urandom(1 << 20)
    digest = storage.put_bytes(data)
    storage.backend.write(f"{OBJECTS}/{digest[:2]}/{digest}", data[:1000])
    storage.put_bytes(data)
    assert storage.get_bytes(digest) == data


def test_files_are_read_in_ranges(cached: Storage, tmp_path: Path) -> None:
    path = make_file(tmp_path / "clip", 5 * CHUNK_BYTES + 100)
    data = path.read_bytes()
    reference = cached.put_file(path)
    with cached.open_file(reference) as file:
        begin = cached.fetched_bytes
        assert file.size == len(data)
        file.seek(3 * CHUNK_BYTES - 10)
        assert file.read(20) == data[3 * CHUNK_BYTES - 10 : 3 * CHUNK_BYTES + 10]
        assert cached.fetched_bytes - begin == 2 * CHUNK_BYTES
        assert file.seek(-100, os.SEEK_END) == 5 * CHUNK_BYTES
        assert file.read() == data[-100:]
        assert cached.fetched_bytes - begin == 2 * CHUNK_BYTES + 100
        assert file.read(10) == b""
        file.seek(10, os.SEEK_CUR)
        assert file.read(10) == b""
        with pytest.raises(ValueError, match="before"):
            file.seek(-1)
    begin = cached.fetched_bytes
    with cached.open_file(reference) as file:
        file.seek(3 * CHUNK_BYTES)
        file.read(5)
    assert cached.fetched_bytes == begin  # the node has it


def test_a_missing_object_is_named(storage: Storage, tmp_path: Path) -> None:
    for read in (storage.get_bytes, storage.open_file, storage.read_tree):
        with pytest.raises(NotStoredError, match=f"{'0' * 64}: isn't in the storage"):
            read("0" * 64)
    reference = storage.put_file(make_file(tmp_path / "a", CHUNK_BYTES + 1))
    chunk = storage.read_file_manifest(reference).chunks[1]
    storage.remove(chunk)
    with pytest.raises(NotStoredError, match=chunk):
        storage.fetch_file(reference, tmp_path / "b")
    assert not (tmp_path / "b").exists()
    for wrong in ("", "../../etc/passwd", "A" * 64, "0" * 63):
        with pytest.raises(StorageError, match="no reference"):
            storage.get_bytes(wrong)


def test_a_damaged_object_is_an_error_that_names_it(cached: Storage, tmp_path: Path) -> None:
    reference = cached.put_file(make_file(tmp_path / "a", CHUNK_BYTES + 5))
    chunk = cached.read_file_manifest(reference).chunks[1]
    cached.backend.write(f"{OBJECTS}/{chunk[:2]}/{chunk}", b"12345")
    with pytest.raises(StorageError, match=f"{chunk}: is damaged"):
        cached.fetch_file(reference, tmp_path / "b")
    assert not (tmp_path / "b").exists()
    with cached.open_file(reference) as file, pytest.raises(StorageError, match=f"{chunk}: is damaged"):
        file.read()
    cached.remove(chunk)
    assert cached.put_file(tmp_path / "a") == reference
    cached.fetch_file(reference, tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == (tmp_path / "a").read_bytes()


def test_files_and_folders_are_told_apart(storage: Storage, tmp_path: Path) -> None:
    path = make_file(tmp_path / "a", 10)
    with pytest.raises(StorageError, match="is a file, where a folder"):
        storage.fetch_tree(storage.put_file(path), tmp_path / "b")
    with pytest.raises(StorageError, match="is a folder, where a file"):
        storage.fetch_file(storage.put_tree(path), tmp_path / "b")


@pytest.mark.parametrize(
    "name",
    ["../a", "/etc/passwd", "a/../../b", "a//b", "./a", "C:/a", "a\\..\\b", "", "a/", "a\nb", "a\0b", "b." ],
)  # fmt: skip
def test_names_outside_their_folder_are_refused(tmp_path: Path, name: str) -> None:
    storage = open_storage(str(tmp_path))
    document = {"kind": "tree", "format": 1, "files": {name: ["0" * 64, 1]}}
    digest = storage._put("manifests", json.dumps(document).encode())
    with pytest.raises(StorageError, match="is no name of a file"):
        storage.fetch_tree(digest, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "document",
    [
        {"kind": "file", "format": 1, "size": 10, "chunk_bytes": 4, "chunks": ["0" * 64]},
        {"kind": "file", "format": 1, "size": -1, "chunk_bytes": 4, "chunks": []},
        {"kind": "file", "format": 1, "size": 1, "chunk_bytes": 0, "chunks": ["0" * 64]},
        {"kind": "file", "format": 1, "size": 1, "chunk_bytes": 4, "chunks": ["../x"]},
        {"kind": "folder", "format": 1},
        {"format": 1},
        [1],
        "x",
    ],
)
def test_manifests_that_are_none_are_refused(document: object) -> None:
    with pytest.raises(StorageError, match="here: isn't a list of what was stored"):
        decode_manifest(json.dumps(document).encode(), "here")


def test_manifests_of_later_releases_are_refused() -> None:
    with pytest.raises(StorageError, match="newer release"):
        decode_manifest(b'{"kind": "file", "format": 2}', "here")


def test_a_manifest_is_the_same_bytes_for_the_same_file() -> None:
    manifest = FileManifest(9, 8, ("0" * 64, "1" * 64))
    assert decode_manifest(manifest.encode(), "") == manifest
    assert manifest.encode() == (
        b'{"chunk_bytes":8,"chunks":["'
        + b"0" * 64
        + b'","'
        + b"1" * 64
        + b'"],"format":1,"kind":"file","size":9}'
    )


def test_what_cannot_be_stored_is_refused(storage: Storage, tmp_path: Path) -> None:
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "link").symlink_to(tmp_path)
    with pytest.raises(InputError, match="link: is a link to a folder"):
        storage.put_tree(tmp_path / "t")
    (tmp_path / "t" / "link").unlink()
    os.mkfifo(tmp_path / "t" / "pipe")
    with pytest.raises(InputError, match="pipe: is no file"):
        storage.put_tree(tmp_path / "t")
    with pytest.raises(InputError, match="nothing: no such file"):
        storage.put_tree(tmp_path / "t", ["nothing"])
    with pytest.raises(InputError, match="is no name of a file"):
        storage.put_tree(tmp_path / "t", ["../a"])
    with pytest.raises(InputError, match="cannot be read"):
        storage.put_file(tmp_path / "none")
    (tmp_path / "full").mkdir()
    reference = storage.put_tree(make_file(tmp_path / "full" / "a", 3))
    with pytest.raises(OutputError, match="full"):
        storage.fetch_tree(reference, tmp_path / "full")
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["a"]


def test_a_file_that_changes_meanwhile_is_refused(storage: Storage, tmp_path: Path) -> None:
    path = make_file(tmp_path / "a", 6 * CHUNK_BYTES)
    with pytest.raises(InputError, match="was changed"):
        storage.put_file(path, lambda: os.utime(path, ns=(1, time.time_ns())))


def test_sweeping_keeps_what_references_lead_to(storage: Storage, tmp_path: Path) -> None:
    make_file(tmp_path / "t" / "a", CHUNK_BYTES + 1)
    tree = storage.put_tree(tmp_path / "t")
    blob = storage.put_bytes(b"result")
    kept = names_of(storage)
    storage.put_file(make_file(tmp_path / "b", 1000))
    assert storage.sweep([tree, blob]) == 0  # all is young
    lost = storage.put_bytes(b"other")
    with pytest.raises(StorageError, match="nothing was removed"):
        storage.sweep([tree, "0" * 64], 0)
    assert storage.sweep([tree, blob], 0) > 1000
    assert names_of(storage) == kept
    with pytest.raises(NotStoredError, match=lost):
        storage.get_bytes(lost)
    storage.fetch_tree(tree, tmp_path / "out")
    storage.sweep((), 0)
    assert names_of(storage) == set()


def test_old_objects_that_are_put_again_are_spared(tmp_path: Path) -> None:
    storage = open_storage(str(tmp_path))
    data = os.urandom(1 << 20)
    digest = storage.put_bytes(data)
    old = time.time() - 30 * RENEWED_S
    os.utime(tmp_path / "objects" / digest[:2] / digest, (old, old))
    assert storage.put_bytes(data) == digest
    assert storage.sweep() == 0
    os.utime(tmp_path / "objects" / digest[:2] / digest, (old, old))
    assert storage.sweep() == len(data)


def test_a_storage_within_another_is_swept_by_itself(storage: Storage) -> None:
    digest = storage.put_bytes(b"clip")
    run = storage.within("run-7")
    result = run.put_bytes(b"result")
    assert storage.put_bytes(b"clip") == digest
    run.sweep((), 0)
    assert storage.get_bytes(digest) == b"clip"
    with pytest.raises(NotStoredError, match=result):
        run.get_bytes(result)


def test_a_check_leaves_nothing(storage: Storage) -> None:
    figures = storage.check()
    assert min(figures.write_mb_s, figures.read_mb_s, figures.latency_ms) > 0
    assert storage.backend.list_objects("checks") == []


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("s3://key:secret@bucket/x", "no password"),
        ("s3://key:12/secret@bucket/x", "no password"),
        ("s3://key:se@secret@bucket/x", "no password"),
        ("sftp://me:secret@host/x", "no password"),
        ("https://host/x?token=secret", "no query"),
        ("simplecache::s3://bucket", "one protocol"),
        ("nonsense://host/x", "no storage that is known"),
        ("gs://bucket", "isn't installed"),
        ("file://host/x", "another machine"),
        ("", "needs a URL"),
    ],
)
def test_urls_that_cannot_be_are_refused(url: str, words: str) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        open_storage(url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("module", "words"),
    [("s3fs", "a library for s3:// isn't installed"), ("fsspec", "a storage at s3:// needs fsspec")],
)
def test_a_missing_library_is_named(module: str, words: str) -> None:
    script = (
        f"import sys; sys.modules[{module!r}] = None\n"
        "from recaster.storage.storage import open_storage\n"
        "open_storage('s3://bucket')"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert "UsageError" in ran.stderr.splitlines()[-1]
    assert words in ran.stderr
    assert "recaster[ray]" in ran.stderr


def test_a_folder_has_to_be_there(tmp_path: Path) -> None:
    storage = open_storage(f"file://{tmp_path}/mount")
    for call in (lambda: storage.put_bytes(b"x"), lambda: storage.get_bytes("0" * 64), storage.check):
        with pytest.raises(StorageError, match=r"mount: .*mount it on this machine"):
            call()
    assert not (tmp_path / "mount").exists()


def test_a_folders_objects_are_for_their_owner(tmp_path: Path) -> None:
    storage = open_storage(str(tmp_path))
    digest = storage.put_bytes(b"face")
    assert (tmp_path / "objects").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "objects" / digest[:2] / digest).stat().st_mode & 0o777 == 0o600


def test_storages_load_no_library_before_they_are_opened() -> None:
    script = (
        "import sys, recaster.storage.storage; sys.exit('fsspec' in sys.modules or 'numpy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


@pytest.mark.parametrize("storage", ["folder", "s3"], indirect=True)
def test_an_upload_that_was_killed_goes_on(storage: Storage, tmp_path: Path) -> None:
    path = make_file(tmp_path / "large", 6 * CHUNK_BYTES)
    script = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from recaster.storage.storage import open_storage\n"
        "ticks = []\n"
        "def tick():\n"
        "    ticks.append(1)\n"
        "    if len(ticks) == 3: os.kill(os.getpid(), signal.SIGKILL)\n"
        "open_storage(sys.argv[1]).put_file(Path(sys.argv[2]), tick)\n"
    )
    killed = subprocess.run([sys.executable, "-c", script, storage.url, str(path)], check=False)
    assert killed.returncode == -9
    there = {each.name for each in storage.list_objects() if each.size == CHUNK_BYTES}
    assert 3 <= len(there) < 7
    written: list[str] = []
    write = storage.backend.write
    storage.backend.write = lambda name, data: (written.append(name), write(name, data))[1]  # type: ignore[method-assign]
    reference = storage.put_file(path)
    assert not there & set(written)
    storage.fetch_file(reference, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == path.read_bytes()
