"""A lost store made again, from what lies beside it.

Facesets and models say what they are; the audit log says who was registered, by what right, whose faces they
are, and what was revoked. Nothing else is known any more: names of people, jobs, clips, tokens.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from google.protobuf.timestamp_pb2 import Timestamp

from recaster.api.v1 import faceset_pb2, identity_pb2, model_pb2
from recaster.errors import RecasterError, UsageError
from recaster.facesets.faceset import Faceset
from recaster.jobs.job_resources import ResourceKey
from recaster.jobs.proto_records import faceset_to_proto, model_to_proto
from recaster.models.model_folder import ModelFolder
from recaster.provenance.audit_log import AuditLog
from recaster.provenance.legal_basis import parse_basis
from recaster.provenance.register import AUDIT_FILE
from recaster.store.blobs import is_digest
from recaster.store.catalog import Catalog
from recaster.store.database import AuditHead, Database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from recaster.provenance.audit_log import Record
    from recaster.store.folder import DataFolder

MAX_NAME: Final = 80
OWNER: Final = "rebuild"
"""Who needs the blobs of a rebuilt store, until somebody lets them go."""


@dataclass
class Rebuilt:
    """Counts of what was rebuilt, of people under their ids for names, and of blobs that nobody knows.

    ``unreadable`` says what couldn't be read, a line each.
    """

    people: int = 0
    facesets: int = 0
    models: int = 0
    blobs: int = 0
    unreadable: list[str] = field(default_factory=list)


@dataclass
class _LoggedFaces:
    """Contents of the audit log: the people by id, and whose face is in which faceset or model."""

    people: dict[str, identity_pb2.Identity] = field(default_factory=dict)
    owners: dict[ResourceKey, str] = field(default_factory=dict)


def rebuild(folder: DataFolder) -> Rebuilt:
    """Make ``store.sqlite`` again, which must not be there.

    Raises:
        UsageError: it is, or an engine serves the folder.
        AuditError: the audit log was broken.
        OutputError: it can't be written.
    """
    with folder.lock():
        if folder.database.exists():
            raise UsageError(
                f"{folder.database}: is there; if that isn't the store that was lost, move it away first, "
                "with the files store.sqlite-wal and store.sqlite-shm"
            )
        folder.make()
        made = folder.database.with_name("store.sqlite.rebuilding")
        for suffix in ("", "-wal", "-shm"):
            made.with_name(made.name + suffix).unlink(missing_ok=True)
        database = Database(made)
        try:
            rebuilt = _fill(folder, database)
        finally:
            database.close()
        made.replace(folder.database)
        return rebuilt


def let_go(folder: DataFolder) -> None:
    """Note that nobody needs the blobs any more that ``rebuild`` kept; an engine removes them in a day."""
    database = Database(folder.database)
    with database.transaction() as opened:
        opened.execute("delete from blob_use where owner = ?", (OWNER,))
    database.close()


def _fill(folder: DataFolder, database: Database) -> Rebuilt:
    catalog = Catalog(database)
    rebuilt = Rebuilt()
    last = AuditLog(folder.path / AUDIT_FILE).verify(strict=False)
    logged = _read_log(AuditLog(folder.path / AUDIT_FILE).records())
    models: list[model_pb2.Model] = _read_all(folder, "model", _read_model, logged, rebuilt)
    facesets: list[faceset_pb2.Faceset] = _read_all(folder, "faceset", _read_faceset, logged, rebuilt)
    trained_on = {model.source_digest: model.identity_id for model in models if model.identity_id}
    with database.transaction() as opened:
        for person in logged.people.values():
            _add(catalog, "identity", person, person.create_time)
        for model in models:
            _add(catalog, "model", model, _time(folder.model(model.model_id)))
        for faceset in facesets:
            faceset.identity_id = faceset.identity_id or trained_on.get(faceset.digest, "")
            _add(catalog, "faceset", faceset, _time(folder.faceset(faceset.faceset_id)))
        blobs = [path for path in folder.blobs.glob("??/*") if is_digest(path.name)]
        opened.executemany("insert into blob_use values (?, ?)", [(path.name, OWNER) for path in blobs])
        sizes = [(path.name, path.stat().st_size) for path in blobs]
        opened.executemany("insert into blob_size values (?, ?)", sizes)
    rebuilt.people = len(logged.people)
    rebuilt.facesets = len(facesets)
    rebuilt.models = len(models)
    rebuilt.blobs = len(blobs)
    head = AuditHead(database)
    if last is not None:
        head.put(last.number, last.hash)
    counts = {name: getattr(rebuilt, name) for name in ("people", "facesets", "models", "blobs")}
    AuditLog(folder.path / AUDIT_FILE, head).add("store.rebuild", **counts)
    return rebuilt


def _add(catalog: Catalog, kind: str, body: Any, time: Timestamp) -> None:
    kept = Timestamp()
    kept.CopyFrom(time)
    catalog.of(kind).add(body)
    body.create_time.CopyFrom(kept)
    catalog.of(kind).put(body)


def _time(path: Path) -> Timestamp:
    stamp = Timestamp()
    stamp.FromMilliseconds(int(path.stat().st_mtime * 1000))
    return stamp


def _read_log(records: Iterator[Record]) -> _LoggedFaces:
    logged = _LoggedFaces()
    for record in records:
        who = _whose(record)
        person = logged.people.get(who)
        if record.event == "identity.add":
            logged.people[who] = _person(who, record)
        elif person is not None and record.event == "identity.attest":
            person.attestation.CopyFrom(_person(who, record).attestation)
            person.ClearField("revocation")
        elif person is not None and record.event == "identity.revoke":
            person.revocation.reason = str(record.details.get("reason", ""))
            person.revocation.time.FromJsonString(record.time)
        elif record.event == "identity.delete":
            logged.people.pop(who, None)
        for kind in ("faceset", "model"):
            if who and isinstance(record.details.get(kind), str):
                logged.owners[ResourceKey(kind, record.details[kind])] = who
        if who and record.event == "train.start":
            logged.owners[ResourceKey("model", str(record.details.get("job")))] = who
    return logged


def _whose(record: Record) -> str:
    """The id of the person whom a record is about; empty for nobody, or for several."""
    people = record.details.get("identities")
    if isinstance(people, list) and len(people) == 1:
        return str(people[0])
    return str(record.details.get("identity") or "")


def _person(identity_id: str, record: Record) -> identity_pb2.Identity:
    person = identity_pb2.Identity(identity_id=identity_id, display_name=identity_id)
    person.create_time.FromJsonString(record.time)
    details = record.details
    if details.get("basis"):
        attestation = person.attestation
        attestation.basis = parse_basis(str(details["basis"]))
        attestation.document_digest = str(details.get("document", ""))
        attestation.attested_by = str(details.get("attested_by", ""))
        for name in ("valid_from", "valid_until"):
            if name in details:
                getattr(attestation, name).FromJsonString(str(details[name]))
    return person


def _read_all(
    folder: DataFolder,
    kind: str,
    read: Callable[[Path, str], Any],
    logged: _LoggedFaces,
    rebuilt: Rebuilt,
) -> list[Any]:
    """Reads all facesets or models as records; notes those that can't be read."""
    records = []
    for path in sorted((folder.path / f"{kind}s").glob("[!.]*")):
        try:
            records.append(read(path, logged.owners.get(ResourceKey(kind, path.name), "")))
        except RecasterError as error:
            rebuilt.unreadable.append(str(error))
    return records


def _read_faceset(path: Path, owner: str) -> faceset_pb2.Faceset:
    faceset = Faceset.open(path)
    names = ", ".join(source.name for source in faceset.sources)
    name = faceset.settings.identity or f"faces of {names}"[:MAX_NAME]
    return faceset_to_proto(faceset, path.name, name, owner)


def _read_model(path: Path, owner: str) -> model_pb2.Model:
    model = ModelFolder(path)
    if why := model.why_outdated():
        name = path.name
        return model_pb2.Model(model_id=name, display_name=name, unusable_reason=why, identity_id=owner)
    return model_to_proto(model, path.name, path.name, owner)
