"""The list of revoked faces: a file beside the store, only ever added to, that a restored store leaves alone.

One JSON record a line: a face was revoked (by the identity's id, with the traces by which its content is
known), or a right was stated anew for that identity, which takes it off again. The list isn't signed: whoever
can write the folder can change it, as they can the store.
"""

from __future__ import annotations

import json
import os
import stat
from typing import TYPE_CHECKING, Any, Final

from recaster.errors import ConsentError, InputError
from recaster.files import parse_json, write_error
from recaster.locks import lock
from recaster.provenance.face_traces import FaceTraces
from recaster.store import learned_faces

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

REVOCATIONS_FILE: Final = "revocations.jsonl"
REVOKED: Final = "revoked"
LIFTED: Final = "lifted"
_READ: Final[dict[Path, tuple[tuple[int, int, int], dict[str, FaceTraces | None]]]] = {}
"""Lists as they were read last, with the state of their files then."""


class Revocations:
    """One list that is added to, and others that are heeded as well."""

    def __init__(self, path: Path, others: Iterable[Path] = ()) -> None:
        self.path = path
        self._others = [other for other in others if other.absolute() != path.absolute()]

    def revoke(self, identity_id: str, traces: FaceTraces) -> None:
        """Puts a person on the list, or adds traces to hers (OutputError, ConsentError).

        What was learned of any faces on this machine goes: whose they are isn't known there.
        """
        known = _read_entries(self.path).get(identity_id)
        if known is None or not (traces.digests <= known.digests and set(traces.faces) <= set(known.faces)):
            self._add({"event": REVOKED, "identity": identity_id, **traces.to_json()})
            learned_faces.clear()

    def lift(self, identity_id: str) -> None:
        """Takes a person off the list: her right was stated anew (OutputError, ConsentError)."""
        if _read_entries(self.path).get(identity_id) is not None:
            self._add({"event": LIFTED, "identity": identity_id})

    def known(self) -> dict[str, FaceTraces | None]:
        """Reads the traces of everybody on this list itself, None of those whose right was stated anew."""
        return dict(_read_entries(self.path))

    def is_revoked(self, identity_id: str) -> bool:
        """Tells whether a person's right was revoked by any list (ConsentError where one can't be read)."""
        return any(_read_entries(path).get(identity_id) is not None for path in (self.path, *self._others))

    def refuse(self, traces: FaceTraces, but: str = "") -> None:
        """Refuses what holds the face of somebody on a list, ``but`` one (ConsentError)."""
        for path in (self.path, *self._others):
            for identity_id, revoked in _read_entries(path).items():
                if revoked is not None and identity_id != but and traces.match(revoked):
                    raise ConsentError(
                        f"these faces are known: the right to use them was revoked (identity {identity_id}); "
                        f"if there is one again, state it with: recaster identity attest {identity_id}",
                        "CONSENT_REVOKED",
                    )

    def lines(self) -> bytes:
        """Reads the list as it is kept, to be carried elsewhere."""
        return self.path.read_bytes() if self.path.is_file() else b""

    def take(self, source: Path) -> int:
        """Takes over another list's entries; returns of how many people (InputError, OutputError)."""
        try:
            entries = _parse_entries(source, source.read_bytes())
        except OSError as error:
            raise InputError(f"{source}: cannot be read ({error.strerror})") from None
        except ConsentError as error:
            raise InputError(str(error)) from None
        for identity_id, traces in entries.items():
            if traces is not None:
                self.revoke(identity_id, traces)
            else:
                self.lift(identity_id)
        return len(entries)

    def _add(self, record: dict[str, Any]) -> None:
        with lock(self.path.with_suffix(".lock")):
            try:
                handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
                with os.fdopen(handle, "r+b") as file:
                    whole = file.read()
                    file.truncate(whole.rfind(b"\n") + 1)  # half a line was never said to be there
                    file.seek(0, os.SEEK_END)
                    file.write(json.dumps(record, separators=(",", ":")).encode() + b"\n")
                    file.flush()
                    os.fsync(file.fileno())
            except OSError as error:
                raise write_error(self.path, error) from error


def _read_entries(path: Path) -> dict[str, FaceTraces | None]:
    """Reads a list's newest entries by identity; again only when it has changed."""
    try:
        status = path.stat()
        state = (status.st_ino, status.st_size, status.st_mtime_ns)
        if not stat.S_ISREG(status.st_mode):
            raise ConsentError(f"{path}: is no file; put the list of revoked faces back from a backup")
        if path not in _READ or _READ[path][0] != state:
            entries = _parse_entries(path, path.read_bytes())
            if path in _READ and not _READ[path][1].keys() <= entries.keys():  # it is only ever added to
                raise _lost_error(path)
            _READ[path] = (state, entries)
    except FileNotFoundError:
        if path in _READ:
            raise _lost_error(path) from None
        return {}
    except OSError as error:
        raise ConsentError(f"{path}: cannot be read ({error.strerror}); see to its permissions") from None
    return _READ[path][1]


def _lost_error(path: Path) -> ConsentError:
    return ConsentError(
        f"{path}: the list of revoked faces is gone, or holds less than it did; put it back from a backup, "
        "or start again without what it held"
    )


def _parse_entries(path: Path, data: bytes) -> dict[str, FaceTraces | None]:
    """Parses a list: by identity, the newest entry (ConsentError for a line that is no record)."""
    entries: dict[str, FaceTraces | None] = {}
    for line in data[: data.rfind(b"\n") + 1].splitlines():
        try:
            record = parse_json(line)
            name = str(record["identity"])
            if record["event"] == REVOKED:
                entries[name] = (entries.get(name) or FaceTraces()) | FaceTraces.from_json(record)
            else:
                entries[name] = {LIFTED: None}[record["event"]]
        except (ValueError, KeyError, TypeError):
            raise ConsentError(
                f"{path}: holds a line that is no record; restore it, or take the list from a copy of it"
            ) from None
    return entries
