"""Bytes of an engine's data that were brought by, or made for, each of its clients."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from recaster.store.catalog import Catalog, record_id

if TYPE_CHECKING:
    from recaster.store.database import Database
    from recaster.store.folder import DataFolder


class ClientUsage:
    """Blobs and folders of each client."""

    def __init__(self, folder: DataFolder, database: Database) -> None:
        self._folder = folder
        self._database = database

    def note(self, client: str, digest: str) -> None:
        """Note that a blob is brought by, or was made for, a client."""
        with self._database.transaction() as opened:
            opened.execute("insert or ignore into kept_by values (?, ?)", (client, digest))

    def brought_by(self, digest: str) -> set[str]:
        """The clients that brought a blob, or for whom it was made."""
        rows = self._database.rows("select client from kept_by where digest = ?", (digest,))
        return {row["client"] for row in rows}

    def used(self, client: str) -> int:
        """Bytes that a client keeps: blobs, uploads that have room promised, facesets and models."""
        rows = self._database.rows("select digest from kept_by where client = ?", (client,))
        sizes = {row["digest"]: self._blob_bytes(row["digest"]) for row in rows}
        gone = [digest for digest, size in sizes.items() if size is None]
        if gone:
            with self._database.transaction() as opened:
                opened.executemany(
                    "delete from kept_by where client = ? and digest = ?", [(client, one) for one in gone]
                )
        total = sum(size or 0 for size in sizes.values())
        catalog = Catalog(self._database)
        for kind, place in (("faceset", self._folder.faceset), ("model", self._folder.model)):
            for record in catalog.of(kind).list_all():
                if record.created_by == client:
                    total += _total_bytes(place(record_id(record)))
        return total

    def _blob_bytes(self, digest: str) -> int | None:
        """Of a blob that is here, or promised by an upload; None for neither."""
        with contextlib.suppress(FileNotFoundError):
            return (self._folder.blobs / digest[:2] / digest).stat().st_size
        for upload in self._folder.uploads.glob(f"{digest}.*"):
            with contextlib.suppress(ValueError):  # a file that isn't ours, say
                return int(upload.suffix[1:])
        return None


def _total_bytes(folder: Path) -> int:
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                total += (Path(place) / name).lstat().st_size
    return total
