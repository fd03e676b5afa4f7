"""Values on their way to other machines, and results in a storage."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from recaster.cluster.packing import pack_value, unpack_value
from recaster.cluster.results import Result, Run
from recaster.cluster.storage_upkeep import find_damaged, list_contents
from recaster.errors import NotStoredError, OutputError, StorageError
from recaster.processes.own_folder import own_folder
from recaster.storage.storage import open_storage

RESULT = Result("one", "", [], 3, {"swap": 0.5})


@dataclass(frozen=True)
class Asked:
    folder: Path
    model: Path
    weights: Path
    elsewhere: Path


def test_paths_are_those_of_the_other_machine(tmp_path: Path) -> None:
    asked = Asked(tmp_path, tmp_path / "anna", tmp_path / "anna" / "weights", Path("/mnt/clips/a.mov"))
    packed = pack_value(asked, {"output": tmp_path, "model": tmp_path / "anna"})
    there = {"output": Path("/node/made"), "model": Path("/node/faces")}
    assert unpack_value(packed, there) == Asked(
        Path("/node/made"), Path("/node/faces"), Path("/node/faces/weights"), Path("/mnt/clips/a.mov")
    )
    assert str(tmp_path).encode() not in packed


def test_a_place_that_a_machine_does_not_have_is_named(tmp_path: Path) -> None:
    packed = pack_value(tmp_path / "anna", {"model": tmp_path})
    with pytest.raises(OutputError, match="no place for model"):
        unpack_value(packed, {})


@pytest.fixture
def run(tmp_path: Path) -> Run:
    (tmp_path / "storage").mkdir(mode=0o700)
    return Run(open_storage(str(tmp_path / "storage")).within("runs/one"))


NAME = "ab" * 32


def test_what_a_driver_has_finished_is_anothers_until_it_goes(run: Run) -> None:
    with pytest.raises(NotStoredError, match="isn't in the storage"):
        run.get_result(NAME, "one")
    own = run.add_driver("one")
    other = run.add_driver("two")
    run.put_result(NAME, RESULT)
    mine = own.put_bytes(b"picture")
    theirs = other.put_bytes(b"picture")
    assert run.find_results() == {NAME: "one"}
    assert run.get_result(NAME, "one") == RESULT
    run.remove("one", {"one", "two"})
    assert run.find_results() == {}
    with pytest.raises(NotStoredError, match="isn't in the storage"):
        own.get_bytes(mine)
    assert other.get_bytes(theirs) == b"picture"


def test_what_a_killed_driver_left_goes_with_the_next(run: Run, tmp_path: Path) -> None:
    run.add_driver("killed").put_bytes(b"picture")
    run.put_result(NAME, RESULT._replace(driver="killed"))
    script = (
        "import os, pathlib, signal\n"
        "from recaster.cluster.results import Result, Run\n"
        "from recaster.storage.storage import open_storage\n"
        f"run = Run(open_storage({str(tmp_path / 'storage')!r}).within('runs/one'))\n"
        "pathlib.Path.write_bytes = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "run.put_result('cd' * 32, Result('killed', '', [], 3, None))\n"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == -signal.SIGKILL
    assert len(list(tmp_path.rglob(".cd*"))) == 1  # which it was writing
    contents = list_contents(open_storage(str(tmp_path / "storage")))
    assert find_damaged(open_storage(str(tmp_path / "storage")), contents) == []
    run.add_driver("next")
    run.remove("next", {"next"})
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def values(**changes: object) -> dict[str, object]:
    return RESULT._asdict() | changes


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"{}",
        b"[1]",
        b"\xff",
        *(
            json.dumps(values(**changes)).encode()
            for changes in (
                {"names": ["/etc"]},
                {"names": ["../faces"]},
                {"names": ["a/b"]},
                {"tree": "x"},
                {"driver": "../two"},
                {"steps": "3"},
                {"more": 1},
            )
        ),
    ],
)
def test_a_damaged_result_is_an_error(run: Run, damaged: bytes) -> None:
    run.put_result(NAME, RESULT)
    run.storage.backend.write(f"results/ab/{NAME}-one", damaged)
    with pytest.raises(StorageError, match="damaged result"):
        run.get_result(NAME, "one")


def test_folders_of_killed_processes_go(tmp_path: Path) -> None:
    hold = (
        "import sys, time; from pathlib import Path; from recaster.processes.own_folder import own_folder\n"
    )
    hold += "with own_folder(Path(sys.argv[1]), 'work-') as made:\n"
    hold += "    print(made, flush=True)\n    time.sleep(600)"
    command = [sys.executable, "-c", hold, tmp_path]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        theirs = Path(process.stdout.readline().strip())
        (theirs / "face.jpg").write_bytes(b"face")
        with own_folder(tmp_path, "work-"):
            assert (theirs / "face.jpg").is_file()  # it lives
        process.kill()
    with own_folder(tmp_path, "work-") as own:
        assert [path for path in tmp_path.iterdir() if path.is_dir()] == [own]
    assert list(tmp_path.iterdir()) == []
