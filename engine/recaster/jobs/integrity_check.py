"""Check of a data folder: all that its store names is there and whole, and nothing else lies there."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from recaster.errors import AuditError, DamagedError, RecasterError
from recaster.facesets.faceset import Faceset
from recaster.files import is_intact, parse_json, sha256
from recaster.jobs.job_resources import works_on
from recaster.models.model_folder import ModelFolder
from recaster.models.tensors import load_tensors
from recaster.progress import Report, Update, silent
from recaster.provenance.audit_log import AuditLog
from recaster.provenance.documents import DOCUMENTS, HELD
from recaster.provenance.register import AUDIT_FILE
from recaster.store.backup import MANIFEST
from recaster.store.inventory import Inventory, check_integrity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from recaster.store.folder import DataFolder
    from recaster.store.store import Store


@dataclass
class IntegrityReport:
    """Findings of a check: what is missing or damaged, a line each, and the paths of what nothing names.

    ``looked_at`` counts the blobs, documents, facesets and models that the store names.
    """

    looked_at: int = 0
    problems: list[str] = field(default_factory=list)
    unnamed: list[str] = field(default_factory=list)


def check(folder: DataFolder, *, deep: bool = False, report: Report = silent) -> IntegrityReport:
    """Look at a data folder, or at a backup, whether or not its engine runs; nothing is changed.

    Args:
        deep: whether to read everything, and compare digests.

    Raises:
        InputError: there is no store, or it can't be read.
        OutputError: a newer Recaster wrote it.
    """
    named = Inventory.by(folder.database)
    findings = IntegrityReport(
        problems=[f"store.sqlite: {line}" for line in check_integrity(folder.database)]
    )
    looks = dict(_looks(folder, named, deep))
    wrong = {}
    for done, (path, look) in enumerate(looks.items(), 1):
        problem = look()
        if problem:
            wrong[path] = problem
        report(Update("checking", done, len(looks), "things"))
    if wrong:  # what was deleted meanwhile isn't missing
        still = dict(_looks(folder, Inventory.by(folder.database), deep=False))
        findings.problems += [f"{path}: {problem}" for path, problem in wrong.items() if path in still]
    findings.looked_at = len(looks)
    findings.problems += [*_log(folder, named), *_manifest(folder, deep)]
    findings.unnamed = _unnamed(folder, named)
    return findings


def scrub(store: Store, report: Report = silent) -> list[str]:
    """Read every blob again, and set aside those that are damaged: they heal when they are sent again.

    Returns their digests.
    """
    paths = sorted(store.folder.blobs.glob("??/*"))
    sizes = {path: path.stat().st_size for path in paths if path.is_file()}
    done = 0
    total = sum(sizes.values())
    damaged = []
    for path, size in sizes.items():
        if path.is_file() and not is_intact(path, path.name):  # else it was let go meanwhile
            store.blobs.set_aside(path.name)
            damaged.append(path.name)
        done += size
        report(Update("reading", done / 1e6, total / 1e6, "MB", f"{len(damaged)} damaged"))
    return damaged


def _looks(folder: DataFolder, named: Inventory, deep: bool) -> Iterator[tuple[str, Callable[[], str]]]:
    """Lists what the store names: its path, and a function that finds out what is wrong with it."""
    files = [(f"blobs/{digest[:2]}/{digest}", digest, size) for digest, size in named.blobs.items()]
    files += [(f"{DOCUMENTS}/{digest}", digest, None) for digest in named.documents()]
    for name, digest, size in files:
        yield name, functools.partial(_file, folder.path / name, digest, size, deep)
    busy = {works_on(job) for job in named.jobs.values() if job is not None}
    for faceset in named.catalog["faceset"]:
        name = faceset.faceset_id
        wanted = "" if ("faceset", name) in busy else faceset.digest
        yield f"facesets/{name}", functools.partial(_faceset, folder.faceset(name), wanted, deep)
    for model in named.catalog["model"]:
        model_folder = ModelFolder(folder.model(model.model_id))
        yield f"models/{model.model_id}", functools.partial(_model, model_folder, model, deep)


def _file(path: Path, digest: str, size: int | None, deep: bool) -> str:
    if not path.is_file():
        return "is missing"
    actual = path.stat().st_size
    if size not in (None, actual):
        return f"has {actual} bytes, not {size}"
    return "is damaged: its content is another" if deep and not is_intact(path, digest) else ""


def _faceset(path: Path, digest: str, deep: bool) -> str:
    try:
        faceset = Faceset.open(path)
        if deep:
            for record in faceset.all_records:
                if sha256(path / record.file) != faceset.crop_digest(record):
                    return f"{record.file} is damaged: its content is another"
            if digest and faceset.digest() != digest:
                return "holds other faces than the store says"
    except RecasterError as error:
        return str(error)
    return ""


def _model(folder: ModelFolder, model: Any, deep: bool) -> str:
    if not folder.exists():
        return "is missing"
    try:
        if not folder.why_outdated():
            folder.read()
        if model.usable and not folder.weights.is_file():
            return "its weights are missing"
        for path in (folder.weights, folder.likeness) if deep else ():
            if path.is_file():
                load_tensors(path)
    except RecasterError as error:
        return str(error)
    return ""


def _log(folder: DataFolder, named: Inventory) -> list[str]:
    try:
        head = None if named.audit_head is None else named.audit_head[1]
        AuditLog(folder.path / AUDIT_FILE).verify(head, strict=False)
    except AuditError as error:
        return [str(error)]
    return []


def _manifest(folder: DataFolder, deep: bool) -> list[str]:
    """Lists differences from what a backup says that it holds."""
    path = folder.path / MANIFEST
    if not path.is_file():
        return []
    try:
        files = parse_json(path.read_bytes())["files"].items()
        wrong = {name: _file(folder.path / name, one["sha256"], one["bytes"], deep) for name, one in files}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DamagedError(f"{path}: can't be read ({error}); make the backup again", ()) from None
    return [f"{name}: {problem}" for name, problem in wrong.items() if problem]


def _unnamed(folder: DataFolder, named: Inventory) -> list[str]:
    known = {
        "facesets": named.ids("faceset") | set(named.jobs),
        "models": named.ids("model") | set(named.jobs),
        "jobs": set(named.jobs),
        DOCUMENTS: named.documents() | {HELD},
    }
    blobs = [path for path in folder.blobs.glob("??/[!.]*") if path.name not in named.blobs]
    unnamed = [f"blobs/{path.parent.name}/{path.name}" for path in blobs]
    for part, names in known.items():
        there = (path.name for path in (folder.path / part).glob("[!.]*"))
        unnamed += [f"{part}/{name}" for name in there if name not in names]
    return sorted(unnamed)
