"""Manifests: small JSON objects that say of which chunks a file is, and of which files a folder."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from recaster.errors import StorageError
from recaster.files import VersionError, parse_json, require_number, upgrade_document

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from recaster.files import Upgrades

CHUNK_BYTES: Final = 8 << 20
"""Bytes of a chunk; the last one of a file may have fewer."""
FORMAT: Final = 1
"""Version of manifests."""
MAX_MANIFEST_BYTES: Final = 256 << 20
"""Of a file of 30 TB, or of a folder of a million files."""
MAX_NAME_LETTERS: Final = 1000
_UPGRADES: Final[Upgrades] = {}
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_WINDOWS_SIGNS: Final = re.compile(r'[\\:*?"<>|]')


def is_digest(text: object) -> bool:
    """Tells if a value is a text of 64 lower-case hex digits."""
    return isinstance(text, str) and _DIGEST.fullmatch(text) is not None


@dataclass(frozen=True)
class FileManifest:
    """A file: its bytes, and the digests of its chunks in order; all but the last have ``chunk_bytes``."""

    size: int
    chunk_bytes: int
    chunks: tuple[str, ...]

    def encode(self) -> bytes:
        """Writes it; the same file has the same bytes."""
        return _encode(
            "file", {"size": self.size, "chunk_bytes": self.chunk_bytes, "chunks": list(self.chunks)}
        )

    def chunk_size(self, index: int) -> int:
        """Bytes of a chunk."""
        return min(self.chunk_bytes, self.size - index * self.chunk_bytes)


@dataclass(frozen=True)
class StoredEntry:
    """A file of a folder: the reference of its manifest, and its bytes."""

    reference: str
    size: int


@dataclass(frozen=True)
class TreeManifest:
    """A folder: its files by their names in it, with slashes between folders."""

    files: Mapping[str, StoredEntry]

    def encode(self) -> bytes:
        """Writes it; the same files have the same bytes."""
        files = {name: [entry.reference, entry.size] for name, entry in self.files.items()}
        return _encode("tree", {"files": files})


def _encode(kind: str, content: dict[str, Any]) -> bytes:
    document = {"kind": kind, "format": FORMAT, **content}
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def decode_manifest(data: bytes, place: str) -> FileManifest | TreeManifest:
    """Reads a manifest, which anybody may have written.

    Args:
        place: what it is called in messages.

    Raises:
        StorageError: it is none, of a newer release, or names files outside its folder.
    """
    try:
        document = upgrade_document(parse_json(data), FORMAT, _UPGRADES)
        return _READERS[document["kind"]](document)
    except VersionError as error:
        raise StorageError(
            f"{place}: was stored by a newer release of Recaster ({error}); use that one"
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise StorageError(
            f"{place}: isn't a list of what was stored, as it should be ({error}); store it again"
        ) from error


def _read_file(document: dict[str, Any]) -> FileManifest:
    size = require_number(document["size"], int)
    chunk_bytes = require_number(document["chunk_bytes"], int)
    chunks = tuple(document["chunks"])
    if size < 0 or not 0 < chunk_bytes <= MAX_MANIFEST_BYTES or len(chunks) != -(-size // chunk_bytes):
        raise ValueError("its sizes contradict each other")
    if not all(map(is_digest, chunks)):
        raise ValueError("a digest is none")
    return FileManifest(size, chunk_bytes, chunks)


def _read_tree(document: dict[str, Any]) -> TreeManifest:
    files = {}
    for name, (reference, size) in document["files"].items():
        check_name(name)
        if not is_digest(reference) or require_number(size, int) < 0:
            raise ValueError("a digest or size is none")
        files[name] = StoredEntry(reference, size)
    return TreeManifest(files)


_READERS: Final[dict[str, Callable[[dict[str, Any]], FileManifest | TreeManifest]]] = {
    "file": _read_file,
    "tree": _read_tree,
}


def check_name(name: str) -> None:
    """Refuses the name of a file that isn't below its folder on every system (ValueError)."""
    parts = name.split("/")
    is_plain = all(part not in ("", ".", "..") and not part.endswith((".", " ")) for part in parts)
    if not is_plain or _WINDOWS_SIGNS.search(name) or not name.isprintable() or len(name) > MAX_NAME_LETTERS:
        raise ValueError(f"{name[:100]!r} is no name of a file in a folder")
    if PurePosixPath(name).is_absolute():
        raise ValueError(f"{name[:100]!r} is the name of a place")
