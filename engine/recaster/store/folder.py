"""The folder that holds everything an engine keeps."""

from __future__ import annotations

import contextlib
import secrets
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from recaster.errors import OutputError, UsageError
from recaster.files import keep_private, write_error, write_secret
from recaster.locks import try_lock, try_lock_folder
from recaster.settings.paths import data_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MIN_TOKEN_LETTERS: Final = 20
MIN_DIFFERENT_LETTERS: Final = 8
"""Different characters of a token: a random one of the shortest length has more."""
_PRIVATE: Final = (
    "store.sqlite",
    "store.sqlite-wal",
    "store.sqlite-shm",
    "token",
    "secret",
    "audit.jsonl",
    "revocations.jsonl",
    "documents",
    "signing",
    "signing/signer.key",
)
"""What others must not read even where they may enter the folder."""
_PARTS: Final = ("blobs", "uploads", "drops", "damaged", "facesets", "models", "jobs")


class _Part:
    """Path of a part of the folder, as an attribute."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, folder: DataFolder, _: object) -> Path:
        return folder.path / self._name


@dataclass(frozen=True)
class DataFolder:
    """The paths of one engine's data; nothing is read or written before it is asked for.

    Beside these: ``lock``, held by the engine that serves it, and ``run``, with the socket where it answers.
    """

    path: Path
    database = _Part("store.sqlite")  # jobs, events, and what there is
    token_file = _Part("token")  # what a client must show, readable by its owner only
    blobs = _Part("blobs")  # content by SHA-256, as ab/ab...
    uploads = _Part("uploads")  # blobs on their way
    drops = _Part("drops")  # where clients of this machine put files
    damaged = _Part("damaged")  # blobs that aren't what they were any more

    @classmethod
    def default(cls) -> DataFolder:
        """The folder in RECASTER_DATA, else the platform's for a user's application data."""
        return cls(data_folder())

    def faceset(self, faceset_id: str) -> Path:
        """Folder of a faceset, as ``recaster extract`` writes it."""
        return self.path / "facesets" / faceset_id

    def model(self, model_id: str) -> Path:
        """Folder of a model, as ``recaster train`` writes it."""
        return self.path / "models" / model_id

    def job(self, job_id: str) -> Path:
        """Folder of what a job is working on, and its log."""
        return self.path / "jobs" / job_id

    def make(self) -> None:
        """Make what isn't there, for its owner's eyes only, and close what others may see (OutputError)."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            for name in _PARTS:
                (self.path / name).mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise write_error(self.path, error) from error
        for path in (self.path, *(self.path / name for name in _PRIVATE)):
            keep_private(path)

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Keep other engines away as long as the block lasts (UsageError where one is at work here)."""
        # The folder, too: a lock file that was removed would let a second engine in.
        with try_lock(self.path / "lock") as alone, try_lock_folder(self.path) as alone_here:
            if not (alone and alone_here):
                raise UsageError(
                    f"{self.path}: another engine serves this folder; stop it, or choose another with --data"
                )
            yield

    def token(self) -> tuple[str, bool]:
        """The token, made at the first time; and whether it was made now (OutputError)."""
        try:
            kept = self.token_file.read_text(encoding="ascii").strip() if self.token_file.is_file() else None
        except (OSError, UnicodeDecodeError) as error:
            raise OutputError(
                f"{self.token_file}: cannot be read ({error}); delete it to get another"
            ) from None
        if kept is not None:
            if len(kept) < MIN_TOKEN_LETTERS:
                raise OutputError(
                    f"{self.token_file}: holds fewer than {MIN_TOKEN_LETTERS} characters, which anybody "
                    "could guess; delete it to get another"
                )
            if len(set(kept)) < MIN_DIFFERENT_LETTERS:
                raise OutputError(
                    f"{self.token_file}: repeats a few characters, which anybody could guess; "
                    "delete it to get another"
                )
            return kept, False
        made = secrets.token_urlsafe(32)
        write_secret(self.token_file, made + "\n")
        return made, True

    def free_bytes(self) -> int:
        """Bytes that may still be written to its disk."""
        return shutil.disk_usage(self.path).free
