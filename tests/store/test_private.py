"""A data folder is its owner's alone, and one engine's alone, whatever it was before."""

from __future__ import annotations

import os
import stat
import sys

import pytest

from recaster.errors import OutputError, UsageError
from recaster.store.folder import DataFolder
from recaster.store.store import Store

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="modes of files are POSIX's")


def open_to_others(path):
    return stat.S_IMODE(path.stat().st_mode) & 0o077


@pytest.mark.parametrize("mode", [0o755, 0o777, 0o711])
def test_an_open_folder_is_closed(tmp_path, mode):
    folder = DataFolder(tmp_path / "data")
    Store.open(folder).close()
    folder.token()
    for name in ("", "store.sqlite", "token"):
        (folder.path / name).chmod(mode & 0o777 if not name else 0o644)
    (folder.path / "documents").mkdir(mode=0o755, exist_ok=True)
    Store.open(folder).close()
    for name in ("", "store.sqlite", "token", "documents", "blobs"):
        assert not open_to_others(folder.path / name), name


def test_the_store_is_made_for_its_owner_alone(tmp_path):
    before = os.umask(0)
    try:
        store = Store.open(DataFolder(tmp_path / "data"))
    finally:
        os.umask(before)
    try:
        DataFolder(tmp_path / "data").make()
        for path in (tmp_path / "data").glob("store.sqlite*"):
            assert not open_to_others(path), path.name
    finally:
        store.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_somebody_else_is_refused(tmp_path):
    folder = DataFolder(tmp_path / "data")
    folder.make()
    os.chown(folder.path, 12345, 12345)
    folder.path.chmod(0o777)
    tmp_path.chmod(0o777)
    pid = os.fork()
    if pid == 0:
        os.setuid(23456)
        try:
            folder.make()
        except OutputError:
            os._exit(0)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_a_lock_that_was_removed_lets_nobody_in(tmp_path):
    folder = DataFolder(tmp_path / "data")
    folder.make()
    with folder.lock():
        (folder.path / "lock").unlink()
        with pytest.raises(UsageError, match="another engine"), folder.lock():
            pass
    with folder.lock():
        pass


@pytest.mark.parametrize("token", ["a" * 20, "ab" * 20, "1234567" * 5])
def test_a_token_that_can_be_guessed_is_refused(tmp_path, token):
    folder = DataFolder(tmp_path / "data")
    folder.make()
    folder.token_file.write_text(token)
    with pytest.raises(OutputError, match="guess"):
        folder.token()
