"""Everything that one engine keeps, opened together."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from recaster.errors import OutputError
from recaster.files import remove_folder
from recaster.store import learned_faces
from recaster.store.blobs import Blobs, Quota
from recaster.store.catalog import Catalog
from recaster.store.database import Database
from recaster.store.job_store import ENDED, JobStore
from recaster.store.tokens import Tokens
from recaster.store.usage import ClientUsage

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from recaster.store.folder import DataFolder

MAX_HOLD_S: Final = 0.25
"""Seconds that whoever writes to the store waits for the audit log's lock before letting others write."""


@dataclass(frozen=True)
class Store:
    """Data of one engine."""

    folder: DataFolder
    database: Database
    blobs: Blobs
    jobs: JobStore
    catalog: Catalog
    tokens: Tokens
    client_usage: ClientUsage

    @classmethod
    def open(cls, folder: DataFolder, quota: Quota | None = None) -> Store:
        """Open what is there, or begin (OutputError where that is impossible)."""
        folder.make()
        database = Database(folder.database, MAX_HOLD_S)
        database.keep_reserve()
        store = cls(
            folder,
            database,
            Blobs(folder, database, quota),
            JobStore(database),
            Catalog(database),
            Tokens(database),
            ClientUsage(folder, database),
        )
        if database.row("select 1 from blob_size limit 1") is None:  # it was made before sizes were noted
            store.blobs.note_sizes(store.recorded_sizes())
        return store

    def recorded_sizes(self) -> dict[str, int]:
        """Bytes of blobs, by digest, as clips and results of jobs say them."""
        sizes = {clip.digest: clip.size for clip in self.catalog.clips.list_all()}
        for job in self.jobs.in_states(tuple(ENDED)):
            sizes.update({artifact.digest: artifact.size for artifact in job.result.artifacts})
        return sizes

    def hide(self, folder: Path) -> Callable[[], None]:
        """Take a faceset's, model's or job's folder out of sight, to be removed; a crash only delays that.

        Returns what brings it back (OutputError where it can't be hidden).
        """
        hidden = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}")
        try:
            folder.replace(hidden)
        except FileNotFoundError:
            return lambda: None
        except OSError as error:
            raise OutputError(f"{folder.name}: can't be removed ({error.strerror})") from error

        def bring_back() -> None:
            hidden.replace(folder)

        return bring_back

    def remove(self, folder: Path) -> None:
        """Remove the folder of a faceset, model or job, or what was hidden of it (OutputError)."""
        self.hide(folder)
        for hidden in folder.parent.glob(f".{folder.name}.*"):
            try:
                remove_folder(hidden)
            except OSError as error:
                raise OutputError(
                    f"{folder.name}: not all of it could be removed ({error.strerror}); the engine tries "
                    "again when it starts next"
                ) from error
        self.blobs.usage.count(folder)
        learned_faces.purge(folder)

    def close(self) -> None:
        """Close the database."""
        self.blobs.usage.remember()
        self.database.close()
