"""Files that an engine takes from the disk because a client shows them, and those it doesn't."""

from __future__ import annotations

import hashlib
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from recaster.errors import DigestError, NotOfferedError
from recaster.files import HANDOFF_NAME
from recaster.store.folder import DataFolder
from recaster.store.store import Store
from recaster.store.uploads import open_offered

if TYPE_CHECKING:
    from collections.abc import Iterator

DATA = b"a clip"
DIGEST = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(DataFolder(tmp_path / "data"))
    yield opened
    opened.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Folder that a client shows."""
    made = tmp_path / "shown"
    made.mkdir(mode=0o700)
    (made / HANDOFF_NAME.format(digest=DIGEST)).write_bytes(DATA)
    return made


def test_what_is_shown_is_copied(store: Store, folder: Path) -> None:
    store.blobs.take_offered(folder, DIGEST, len(DATA))
    shown = folder / HANDOFF_NAME.format(digest=DIGEST)
    shown.write_bytes(b"other")  # whoever shows it may go on writing to it
    assert store.blobs.path(DIGEST).read_bytes() == DATA
    assert list(store.folder.drops.iterdir()) == []
    assert shown.is_file()


def test_it_must_be_what_was_promised(store: Store, folder: Path) -> None:
    (folder / HANDOFF_NAME.format(digest=DIGEST)).write_bytes(DATA[::-1])
    with pytest.raises(DigestError, match="has digest"):
        store.blobs.take_offered(folder, DIGEST, len(DATA))
    assert not store.blobs.has(DIGEST)
    assert list(store.folder.drops.iterdir()) == []


REFUSED = "no such file is shown to this engine; upload it"


def spoil(folder: Path, tmp_path: Path, how: str) -> Path:
    """Make what is shown wrong in one way; returns the folder to name."""
    shown = folder / HANDOFF_NAME.format(digest=DIGEST)
    (tmp_path / "secret").write_bytes(DATA)
    (tmp_path / "link").symlink_to(folder)
    named = {
        "link to the folder": tmp_path / "link", "the file itself": shown, "NUL": Path(f"{folder}\0"),
        "relative": Path(os.path.relpath(folder)),
    }  # fmt: skip
    if how in named:
        return named[how]
    if how.startswith("mode"):
        folder.chmod(int(how.removeprefix("mode "), 8))
        return folder
    shown.unlink()
    instead = {
        "absent": lambda: None, "another name": lambda: (folder / "file").write_bytes(DATA),
        "larger": lambda: shown.write_bytes(DATA * 2), "link": lambda: shown.symlink_to(tmp_path / "secret"),
        "folder": shown.mkdir, "pipe": lambda: os.mkfifo(shown),
    }  # fmt: skip
    instead[how]()
    return folder


@pytest.mark.parametrize(
    "how",
    ["mode 755", "mode 750", "mode 701", "mode 777", "absent", "another name", "larger", "link", "folder",
     "pipe", "link to the folder", "the file itself", "relative", "NUL"],
)  # fmt: skip
def test_all_else_is_refused_alike(store: Store, folder: Path, tmp_path: Path, how: str) -> None:
    with pytest.raises(NotOfferedError, match=f"^{REFUSED}$"):
        store.blobs.take_offered(spoil(folder, tmp_path, how), DIGEST, len(DATA))
    assert not store.blobs.has(DIGEST)


def test_a_client_can_not_name_a_file_of_the_machine(store: Store, tmp_path: Path) -> None:
    for place in ("/etc", "/etc/passwd", "/proc/self", "/dev/zero", str(store.folder.path), str(tmp_path)):
        data = Path(place).read_bytes() if place == "/etc/passwd" else DATA
        with pytest.raises(NotOfferedError, match=REFUSED):
            store.blobs.take_offered(Path(place), hashlib.sha256(data).hexdigest(), len(data))


def test_a_folder_of_another_user_is_not_believed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.close(open_offered(folder, DIGEST, len(DATA)))
    monkeypatch.setattr(os, "getuid", lambda: 54321)
    with pytest.raises(NotOfferedError, match=REFUSED):
        open_offered(folder, DIGEST, len(DATA))


def test_no_descriptor_is_left_open(folder: Path, tmp_path: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    spoil(folder, tmp_path, "larger")
    for mode in (0o700, 0o755):
        folder.chmod(mode)
        with pytest.raises(NotOfferedError, match=REFUSED):
            open_offered(folder, DIGEST, len(DATA))
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(tmp_path / "s"))
        with pytest.raises(NotOfferedError, match=REFUSED):
            open_offered(tmp_path / "s", DIGEST, len(DATA))
    assert len(list(Path("/proc/self/fd").iterdir())) == before
