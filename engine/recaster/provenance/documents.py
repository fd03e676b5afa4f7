"""Consents and licences by SHA-256: copies for their owner's eyes alone.

Those that a policy holds for some years after their person was deleted, or another took their place, lie
apart, in ``held/``: one folder each, named by the day until which it is held, with what was stated.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import re
import secrets
import shutil
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from google.protobuf import json_format

from recaster.errors import InputError
from recaster.files import atomic_directory, atomic_file, remove_folder, sha256, write_error, write_secret

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.api.v1 import identity_pb2

DOCUMENTS: Final = "documents"
"""Name of their folder in a data folder."""
MAX_DOCUMENT_BYTES: Final = 100 << 20
HELD: Final = "held"
RECORD: Final = "record.json"
LETTER: Final = "letter"
DAY_S: Final = 24 * 3600.0
_HELD: Final = re.compile(r"(\d{4}-\d\d-\d\d)-.+")


@dataclass(frozen=True)
class Documents:
    """The documents of one register."""

    folder: Path

    def path(self, digest: str) -> Path:
        """Names a document's file."""
        return self.folder / digest

    def keep(self, path: Path) -> str:
        """Keeps a copy of a document; returns its SHA-256.

        Raises:
            InputError: there is no such file, it is empty or too large.
            OutputError: it can't be kept.
        """
        try:
            size = path.stat().st_size
        except OSError as error:
            raise InputError(f"{path}: the document cannot be read ({error.strerror})") from None
        if not 0 < size <= MAX_DOCUMENT_BYTES:
            raise InputError(f"{path}: a document has 1 to {MAX_DOCUMENT_BYTES} bytes, not {size}")
        digest = sha256(path)
        kept = self.path(digest)
        try:
            kept.parent.mkdir(mode=0o700, exist_ok=True)
            if not kept.is_file():
                with atomic_file(kept, 0o600) as temporary:
                    shutil.copyfile(path, temporary)
        except OSError as error:
            raise write_error(kept, error) from error
        return digest

    def hold(self, identity: identity_pb2.Identity, until: dt.date) -> None:
        """Keeps what was stated of a person, and the document that says so, until a day (OutputError)."""
        name = f"{until}-{identity.identity_id}-{secrets.token_hex(4)}"
        with atomic_directory(self.folder / HELD / name) as aside:
            aside.mkdir(mode=0o700)
            write_secret(aside / RECORD, json_format.MessageToJson(identity) + "\n")
            document = self.path(identity.attestation.document_digest)
            if identity.attestation.document_digest and document.is_file():
                with atomic_file(aside / LETTER, 0o600) as temporary:
                    shutil.copyfile(document, temporary)

    def end_holds(self, today: dt.date | None = None) -> None:
        """Removes what was held until a day that is over (OutputError)."""
        today = today or dt.datetime.now(dt.UTC).date()
        for path in (self.folder / HELD).glob("*"):
            until = _HELD.fullmatch(path.name)
            # Names in ISO's way are in the order of their days. Others were never held: a crash left them.
            over = until[1] < str(today) if until else _age_s(path) > DAY_S
            if over:
                try:
                    remove_folder(path)
                except OSError as error:
                    raise write_error(path, error) from error


def _age_s(path: Path) -> float:
    with contextlib.suppress(FileNotFoundError):
        return time.time() - path.stat().st_mtime
    return 0.0
