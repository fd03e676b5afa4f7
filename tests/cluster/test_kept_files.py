"""Files of long work: kept by nodes, found by others, brought home."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from recaster.cluster import kept_files
from recaster.cluster.kept_files import KeptFiles, NodeKeeper, put_begun
from recaster.cluster.node import Task
from recaster.cluster.results import Run
from recaster.errors import NotStoredError, StorageError
from recaster.storage.storage import open_storage

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.cluster.results import Result

NAME = "ab" + 62 * "0"


@pytest.fixture
def run(tmp_path: Path) -> Run:
    (tmp_path / "storage").mkdir()
    return Run(open_storage(str(tmp_path / "storage")).within("runs/one"))


def write(folder: Path, **files: str) -> None:
    """Write files, each later than the one before as far as their disk tells."""
    last = 0
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
        while (folder / name).stat().st_ctime_ns == last:
            (folder / name).write_text(text)
        last = (folder / name).stat().st_ctime_ns


def read(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()
    }


class Home:
    """The driver's folder; notes in which order files come."""

    def __init__(self, run: Run, driver: str, folder: Path, steps: int = 0, *dead: str) -> None:
        self.run = run
        self.driver = driver
        self.folder = folder
        self.came: list[str] = []
        run.add_driver(driver)
        names = sorted(read(folder)) if folder.is_dir() else []
        begun: Result = put_begun(run, driver, NAME, folder, names, steps)
        self.dead = dead
        self.kept = KeptFiles(run, begun, NAME, dead, folder, self.move)

    def move(self, made: Path, place: Path) -> None:
        place.parent.mkdir(parents=True, exist_ok=True)
        made.replace(place)
        self.came.append(place.relative_to(self.folder).as_posix())

    def fetch(self) -> dict[str, str]:
        """Bring all here."""
        self.kept.fetch(self.folder.with_name("arriving"))
        return read(self.folder)

    def begin(self, folder: Path) -> NodeKeeper:
        """Begin on a node."""
        shared = self.run.storage_of(self.driver).put_bytes(b"shared")
        task = Task(
            self.run.storage, self.run.storage, self.driver, shared, {}, b"", NAME, True, 1, self.dead
        )
        keeper = NodeKeeper(task, folder, lambda _: None, lambda _: None)
        keeper.fetch()
        return keeper


def test_what_a_node_keeps_comes_home_in_the_order_in_which_it_was_made(run: Run, tmp_path: Path) -> None:
    home = Home(run, "one", tmp_path / "home")
    node = tmp_path / "node"
    keeper = home.begin(node)
    assert read(node) == {}
    write(node, **{"points/2.bin": "two", "points/1.json": "stands for two", "card": "2"})
    keeper.keep(2)
    assert home.fetch() == {"points/2.bin": "two", "points/1.json": "stands for two", "card": "2"}
    assert home.came == ["points/2.bin", "points/1.json", "card"]
    home.came.clear()
    (node / "points" / "1.json").unlink()
    write(node, **{"points/3.bin": "three", "card": "3", ".half": "made"})
    keeper.keep(3)
    assert home.fetch() == {"points/2.bin": "two", "points/3.bin": "three", "card": "3"}
    assert home.came == ["points/3.bin", "card"]  # what is there doesn't come again


def test_another_node_goes_on_from_it(run: Run, tmp_path: Path) -> None:
    home = Home(run, "one", tmp_path / "home")
    keeper = home.begin(tmp_path / "node")
    write(tmp_path / "node", b="first", a="then")
    keeper.keep(5)
    other = home.begin(tmp_path / "other")
    assert read(tmp_path / "other") == {"a": "then", "b": "first"}
    write(tmp_path / "other", b="again")
    other.keep(7)
    assert home.fetch() == {"a": "then", "b": "again"}


@pytest.mark.parametrize(("here", "goes_on_from"), [(4, "storage"), (6, "folder"), (5, "folder")])
def test_a_new_command_goes_on_from_whatever_is_further(
    run: Run, tmp_path: Path, here: int, goes_on_from: str
) -> None:
    keeper = Home(run, "killed", tmp_path / "before").begin(tmp_path / "node")
    write(tmp_path / "node", z="storage", a="storage")
    keeper.keep(5)
    write(tmp_path / "home", z="folder", old="folder")
    home = Home(run, "again", tmp_path / "home", here, "killed")
    keeper = home.begin(tmp_path / "other")
    assert read(tmp_path / "other")["z"] == goes_on_from
    keeper.keep(max(5, here))
    own = {"z": "folder", "old": "folder"}
    assert home.fetch() == (own if goes_on_from == "folder" else {"z": "storage", "a": "storage"})
    assert home.came == ([] if goes_on_from == "folder" else ["z", "a"])
    run.remove("again", [])
    assert not [path for path in (tmp_path / "storage").rglob("*") if path.is_file()]


def test_two_commands_at_once_go_on_from_their_own(run: Run, tmp_path: Path) -> None:
    homes = [Home(run, name, tmp_path / name) for name in ("one", "two")]
    for steps, home in enumerate(homes, 1):
        keeper = home.begin(tmp_path / f"node{steps}")
        write(tmp_path / f"node{steps}", a=home.driver)
        keeper.keep(steps)
    assert [home.fetch()["a"] for home in homes] == ["one", "two"]
    homes[0].begin(tmp_path / "other")
    assert read(tmp_path / "other") == {"a": "one"}


def test_what_is_no_longer_needed_goes(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_files, "MAX_AGE_S", 0)
    home = Home(run, "one", tmp_path / "home")
    keeper = home.begin(tmp_path / "node")
    for text in ("first", "second"):
        write(tmp_path / "node", a=text, b="stays")
        keeper.keep(1)
    stored = [path.read_bytes() for path in (tmp_path / "storage").rglob("*/objects/*/*")]
    assert sorted(stored) == [b"second", b"shared", b"stays"]
    assert home.fetch() == {"a": "second", "b": "stays"}


def test_files_that_are_lost_are_an_error(run: Run, tmp_path: Path) -> None:
    home = Home(run, "one", tmp_path / "home")
    keeper = home.begin(tmp_path / "node")
    write(tmp_path / "node", a="lost")
    keeper.keep(1)
    run.storage_of("one").sweep(older_than_s=0)
    with pytest.raises(NotStoredError, match="isn't in the storage"):
        home.fetch()
    with pytest.raises(NotStoredError, match="isn't in the storage"):
        home.begin(tmp_path / "other")
    assert read(tmp_path / "home") == {}


def test_work_that_began_from_the_start_again_undoes_nothing(run: Run, tmp_path: Path) -> None:
    home = Home(run, "one", tmp_path / "home")
    keeper = home.begin(tmp_path / "node")
    write(tmp_path / "node", a="far")
    keeper.keep(8)
    assert home.fetch() == {"a": "far"}
    for path in (tmp_path / "storage").rglob("kept/*/*"):
        path.unlink()
    assert home.fetch() == {"a": "far"}
    keeper = home.begin(tmp_path / "other")
    write(tmp_path / "other", a="start")
    keeper.keep(1)
    with pytest.raises(StorageError, match="what was kept of this work is gone"):
        home.fetch()
    assert read(tmp_path / "home") == {"a": "far"}
