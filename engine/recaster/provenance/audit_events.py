"""Catalog of the audit log's events: each name, its meaning, and the fields that a record has.

docs/responsible-use.md has the same table; each record also has ``by`` (who asked) and, where the clock went
back, ``clock``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

COMMON_FIELDS: Final = frozenset({"by", "clock"})
"""Fields that every record may have."""


@dataclass(frozen=True)
class Event:
    """One kind of record.

    Attributes:
        meaning: as the documents have it.
        fields: what a record may say, in the order of the documents; empty ones are left out.
    """

    meaning: str
    fields: tuple[str, ...]


_BEGUN: Final = ("job", "attempt", "identity", "faces", "clips")
_MADE: Final = ("job", "made", "identities", "faces")
_TERMS: Final = ("identity", "basis", "document", "valid_from", "valid_until", "attested_by")

EVENTS: Final[Mapping[str, Event]] = {
    "engine.start": Event("an engine starts, with these rules of its policy", ("version", "policy", "rules")),
    "policy.change": Event("the rules aren't those of the start before", ("before", "after")),
    "server.drain": Event("the engine is to take and start no jobs", ()),
    "server.undrain": Event("it is to take and start jobs again", ()),
    "store.backup": Event("a copy of all data is begun", ()),
    "store.rebuild": Event(
        "a store that was lost is made again, with these", ("people", "facesets", "models", "blobs")
    ),
    "token.add": Event("a client gets a token", ("token", "client", "role")),
    "token.revoke": Event("a token is revoked", ("token", "client")),
    "token.refuse": Event("calls with a token that is missing, wrong or over", ("peer", "reason", "calls")),
    "call.refuse": Event(
        "calls that a client may not make, or whose face may not be used",
        ("method", "reason", "calls", "named"),
    ),
    "identity.add": Event("a person is registered", _TERMS),
    "identity.attest": Event("a right is stated anew", _TERMS),
    "identity.revoke": Event("a right is taken back", ("identity", "reason")),
    "identity.assign": Event("whose face a faceset or model holds", ("identity", "faceset", "model")),
    "identity.delete": Event(
        "a person is deleted, with these; what was stated of them is held until then",
        ("identity", "jobs", "clips", "facesets", "models", "held"),
    ),
    "identity.clear": Event(
        "all that shows a person is deleted, but for what is needed now",
        ("identity", "jobs", "clips", "facesets", "models"),
    ),
    "revocations.import": Event("revocations are taken over from elsewhere", ("people",)),
    "job.create": Event(
        "a job is asked for, of these things",
        ("job", "kind", "clips", "facesets", "models", "identities", "blobs"),
    ),
    "job.pause": Event("a job is to pause", ("job",)),
    "job.resume": Event("a job is to go on", ("job",)),
    "job.cancel": Event("a job is to end", ("job",)),
    "job.delete": Event("a job is forgotten, with what it made", ("job", "kind", "made")),
    "job.refuse": Event("a job may not use a face, and waits or fails", ("job", "kind", "reason")),
    "ingest.start": Event("a clip, faceset or model is looked at", (*_BEGUN, "blobs")),
    "ingest.deliver": Event("it is taken in", (*_MADE, "clip", "faceset", "model")),
    "extract.start": Event("faces are taken from clips and pictures", (*_BEGUN, "pictures")),
    "extract.deliver": Event("they are kept", (*_MADE, "faceset")),
    "train.start": Event("a training begins or goes on", _BEGUN),
    "train.deliver": Event("its model is done", (*_MADE, "model")),
    "swap.start": Event("a swap begins or goes on", _BEGUN),
    "swap.deliver": Event("a swap is handed out", (*_MADE, "manifest")),
    "swap.preview": Event("a frame is swapped", ("identity", "faces", "clip")),
    "preview.deliver": Event("it is handed out", ("made", "identities", "clip")),
    "evaluate.start": Event("a swap is judged", _BEGUN),
    "evaluate.deliver": Event("figures and pictures of that are handed out", _MADE),
    "export.start": Event("a faceset or model is packed", _BEGUN),
    "export.deliver": Event("the zip is handed out", _MADE),
    "sign.start": Event("an edit is signed", ("job", "attempt", "swaps")),
    "sign.deliver": Event("it is handed out", (*_MADE, "swaps")),
    "blob.read": Event("content goes to a client; of what it is", ("digest", "of")),
    "blob.sweep": Event("content that nobody needed is removed", ("digests",)),
    "clip.show": Event("pictures of a clip go to a client", ("clip",)),
    "clip.delete": Event("a clip is deleted", ("clip", "digest")),
    "faceset.show": Event("pictures of faces go to a client", ("faceset",)),
    "faceset.change": Event("faces are left out, or taken in again", ("faceset", "faces", "restored")),
    "faceset.delete": Event("a faceset is deleted", ("faceset", "digest", "identity")),
    "model.show": Event("a picture of what a model has learnt goes to a client", ("model",)),
    "model.delete": Event("a model is deleted", ("model", "identity")),
    "audit.half_record": Event("a crash had cut a record short; it is removed", ("bytes", "sha256")),
    "audit.store_behind": Event("the store knew fewer records than the log has", ("known", "newest")),
    "audit.accept": Event(
        "another log begins after a broken one",
        ("reason", "trouble", "known_number", "known_hash", "kept", "sha256"),
    ),
}


def check(event: str, details: Mapping[str, object]) -> None:
    """Checks that there is such an event, with such fields (ValueError)."""
    if event not in EVENTS:
        raise ValueError(
            f"the audit log has no event {event}: say in provenance/audit_events.py what it means"
        )
    strange = set(details) - set(EVENTS[event].fields) - COMMON_FIELDS
    if strange:
        raise ValueError(f"{event} has no {', '.join(sorted(strange))}; see provenance/audit_events.py")
