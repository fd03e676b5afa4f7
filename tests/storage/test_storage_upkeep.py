"""Looking after a storage: what is listed, found damaged, and swept, and what never is."""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING

import pytest
from storage.conftest import BUCKET

from recaster.cli.main import main
from recaster.cluster.results import Result, Run
from recaster.cluster.storage_upkeep import find_damaged, find_unneeded, list_contents, remove_objects
from recaster.errors import StorageError
from recaster.settings.storage import StorageSettings
from recaster.storage.manifests import CHUNK_BYTES
from recaster.storage.storage import Storage, open_storage

if TYPE_CHECKING:
    from pathlib import Path

NAME = "ab" * 32
DAY_S = 86_400


def put_run(storage: Storage, name: str, driver: str) -> Run:
    """Keep something as made by a node for a driver."""
    run = Run(storage.within(f"runs/{name}"))
    own = run.add_driver(driver)
    own.put_bytes(f"work of {driver}".encode())
    run.put_result(NAME, Result(driver, "", [], 1, None))
    return run


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "clip.mov"
    path.write_bytes(os.urandom(CHUNK_BYTES + 1000))
    return path


def test_everything_is_listed(storage: Storage, clip: Path) -> None:
    storage.put_file(clip)
    put_run(storage, "cd" * 32, "one")
    storage.backend.write("checks/00/left", b"by a check that was killed")
    contents = list_contents(storage)
    assert sorted(each.name.partition("/")[0] for each in contents.inputs) == [
        "manifests",
        "objects",
        "objects",
    ]
    [run] = contents.runs
    assert (run.name, run.drivers) == (f"runs/{'cd' * 32}", ("one",))
    assert sorted(each.name.removeprefix(f"{run.name}/").partition("/")[0] for each in run.objects) == [
        "drivers", "one", "results",
    ]  # fmt: skip
    for each in (*contents.inputs, *run.objects, *contents.checks):
        assert len(storage.backend.read(each.name)) == each.size


def test_damage_is_found_and_sent_again(storage: Storage, clip: Path) -> None:
    reference = storage.put_file(clip)
    run = put_run(storage, "cd" * 32, "one")
    assert find_damaged(storage, list_contents(storage)) == []
    chunk = storage.read_file_manifest(reference).chunks[0]
    places = [f"objects/{chunk[:2]}/{chunk}", f"runs/{'cd' * 32}/results/ab/{NAME}-one"]
    storage.backend.write(places[0], bytes(CHUNK_BYTES))
    storage.backend.write(places[1], b"{}")
    work = run.storage_of("one").list_objects()[0].name
    places.append(f"runs/{'cd' * 32}/one/{work}")
    storage.backend.write(places[2], b"another")
    damaged = find_damaged(storage, list_contents(storage))
    assert sorted(each.name for each in damaged) == sorted(places)
    remove_objects(storage, damaged, is_spared=False)
    assert storage.put_file(clip) == reference
    assert find_damaged(storage, list_contents(storage)) == []
    storage.fetch_file(reference, clip.with_name("again"))
    assert clip.with_name("again").read_bytes() == clip.read_bytes()


@pytest.fixture
def folder(tmp_path: Path) -> Storage:
    """A storage whose objects can be made old."""
    (tmp_path / "shared").mkdir(mode=0o700)
    return open_storage(str(tmp_path / "shared"), StorageSettings())


def make_old(path: Path, days: float) -> None:
    for each in path.rglob("*") if path.is_dir() else [path]:
        if each.is_file():
            os.utime(each, (time.time() - days * DAY_S,) * 2)


def list_unneeded(storage: Storage, days: float = 30) -> set[str]:
    return {each.name for each in find_unneeded(storage, list_contents(storage), days * DAY_S)}


def test_what_a_driver_uses_that_works_is_never_swept(folder: Storage, clip: Path, tmp_path: Path) -> None:
    used = folder.put_tree(clip)
    old = folder.put_bytes(b"of a face that is done with")
    young = folder.put_bytes(b"of yesterday")
    living = put_run(folder, "cd" * 32, "one")
    put_run(folder, "ef" * 32, "two")
    shared = tmp_path / "shared"
    make_old(shared, 40)
    make_old(shared / "objects" / young[:2] / young, 1)
    with living.keep_driver("one", [used]):
        unneeded = list_unneeded(folder)
        killed = {each.name for each in list_contents(folder).runs[1].objects}
        assert unneeded == {f"objects/{old[:2]}/{old}", *killed}
        assert list_unneeded(folder, 50) == set()
    make_old(shared / "runs", 40)  # it was killed, so it says nothing any more
    assert len(list_unneeded(folder)) == len([path for path in shared.rglob("*") if path.is_file()]) - 1


def test_a_driver_says_again_and_again_that_it_works(
    folder: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Run, "RENEWAL_S", 0.01)
    run = put_run(folder, "cd" * 32, "one")
    note = tmp_path / "shared" / "runs" / ("cd" * 32) / "drivers" / "on" / "one"
    with run.keep_driver("one", [NAME]):
        note.unlink()
        end = time.monotonic() + 60
        while not note.exists():
            assert time.monotonic() < end, "it is silent"
    assert json.loads(note.read_bytes()) == {"inputs": [NAME]}


def test_an_input_that_is_needed_and_gone_ends_a_sweep(folder: Storage, clip: Path) -> None:
    folder.put_file(clip)
    run = put_run(folder, "cd" * 32, "one")
    with run.keep_driver("one", [NAME]), pytest.raises(StorageError, match="nothing was removed"):
        list_unneeded(folder)


def test_a_run_that_is_begun_meanwhile_stays(folder: Storage, tmp_path: Path) -> None:
    put_run(folder, "cd" * 32, "one")
    make_old(tmp_path / "shared", 40)
    unneeded = find_unneeded(folder, list_contents(folder), 30 * DAY_S)
    put_run(folder, "cd" * 32, "two")
    assert len(unneeded) == 3
    assert remove_objects(folder, unneeded) == 0


@pytest.mark.usefixtures("s3")
def test_the_command(
    tmp_path: Path, clip: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECASTER_CACHE", str(tmp_path / "cache"))
    url = f"s3://{BUCKET}/unit"
    storage = open_storage(url, StorageSettings(storage_cache_gib=0))
    reference = storage.put_file(clip)
    chunk = storage.read_file_manifest(reference).chunks[1]

    def run(action: str, *rest: str) -> tuple[int, str, str]:
        code = main(["storage", action, url, *rest, "--quiet"])
        said = capsys.readouterr()
        return code, said.out, said.err

    assert run("list") == (0, "inputs: 3 objects, 8.4 MB\n", "")
    assert run("check") == (0, "everything is as it was stored\n", "")
    storage.backend.write(f"objects/{chunk[:2]}/{chunk}", b"damage")
    code, out, err = run("check")
    assert (code, out) == (StorageError.exit_code, f"damaged: objects/{chunk[:2]}/{chunk}\n")
    assert "remove them with --remove" in err
    assert run("check", "--remove")[0] == 0
    assert storage.backend.find(f"objects/{chunk[:2]}/{chunk}") is None
    assert run("sweep", "--days", "2") == (0, "0 objects, 0.0 MB can go; remove them with --remove\n", "")
    with pytest.raises(SystemExit, match="2"):
        main(["storage", "sweep", url, "--days", "1"])
