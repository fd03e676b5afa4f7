"""Consents and licences by SHA-256: copies for their owner's eyes alone."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from recaster.errors import InputError
from recaster.files import atomic_path, sha256, unwritable

if TYPE_CHECKING:
    from pathlib import Path

DOCUMENTS: Final = "documents"
"""Name of their folder in a data folder."""
MAX_DOCUMENT_BYTES: Final = 100 << 20


@dataclass(frozen=True)
class Documents:
    """The documents of one register.

    Attributes:
        folder: where they are kept.
    """

    folder: Path

    def path(self, digest: str) -> Path:
        """Where a document is kept."""
        return self.folder / digest

    def keep(self, path: Path) -> str:
        """Keep a copy of a document; returns its SHA-256.

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
                with atomic_path(kept, 0o600) as temporary:
                    shutil.copyfile(path, temporary)
        except OSError as error:
            raise unwritable(kept, error) from error
        return digest
