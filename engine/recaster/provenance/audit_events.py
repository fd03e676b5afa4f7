"""Catalog of the audit log's events and the fields that their records have.

docs/responsible-use.md says what each means. Each record also has ``by`` (who asked) and, where the clock
went back, ``clock``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_BEGUN: Final = ("job", "attempt", "identity", "faces", "clips")
_MADE: Final = ("job", "made", "identities", "faces")
_TERMS: Final = ("identity", "basis", "document", "valid_from", "valid_until", "attested_by")

EVENTS: Final[Mapping[str, tuple[str, ...]]] = {
    "engine.start": ("version", "policy", "rules"),
    "policy.change": ("before", "after"),
    "server.drain": (),
    "server.undrain": (),
    "store.backup": (),
    "store.rebuild": ("people", "facesets", "models", "blobs"),
    "token.add": ("token", "client", "role"),
    "token.revoke": ("token", "client"),
    "token.refuse": ("peer", "reason", "calls"),
    "call.refuse": ("method", "reason", "calls", "named"),
    "identity.add": _TERMS,
    "identity.attest": _TERMS,
    "identity.revoke": ("identity", "reason"),
    "identity.assign": ("identity", "faceset", "model"),
    "identity.delete": ("identity", "jobs", "clips", "facesets", "models", "held"),
    "identity.clear": ("identity", "jobs", "clips", "facesets", "models"),
    "revocations.import": ("people",),
    "job.create": ("job", "kind", "clips", "facesets", "models", "identities", "blobs"),
    "job.pause": ("job",),
    "job.resume": ("job",),
    "job.cancel": ("job",),
    "job.delete": ("job", "kind", "made"),
    "job.refuse": ("job", "kind", "reason"),
    "ingest.start": (*_BEGUN, "blobs"),
    "ingest.deliver": (*_MADE, "clip", "faceset", "model"),
    "extract.start": (*_BEGUN, "pictures"),
    "extract.deliver": (*_MADE, "faceset"),
    "train.start": _BEGUN,
    "train.deliver": (*_MADE, "model"),
    "swap.start": (*_BEGUN, "identities"),
    "swap.deliver": (*_MADE, "manifest", "request"),
    "swap.part": ("identity", "faces", "clips", "identities", "part"),
    "swap.preview": ("identity", "faces", "clip", "identities"),
    "preview.deliver": ("made", "identities", "clip"),
    "anonymise.start": _BEGUN,
    "anonymise.deliver": _MADE,
    "evaluate.start": _BEGUN,
    "evaluate.deliver": _MADE,
    "export.start": _BEGUN,
    "export.deliver": _MADE,
    "sign.start": ("job", "attempt", "swaps"),
    "sign.deliver": (*_MADE, "swaps"),
    "blob.read": ("digest", "of"),
    "blob.sweep": ("digests",),
    "clip.show": ("clip", "shown"),
    "clip.delete": ("clip", "digest"),
    "faceset.show": ("faceset",),
    "faceset.change": ("faceset", "faces", "restored"),
    "faceset.delete": ("faceset", "digest", "identity"),
    "model.show": ("model",),
    "model.delete": ("model", "identity"),
    "audit.half_record": ("bytes", "sha256"),
    "audit.store_behind": ("known", "newest"),
    "audit.accept": ("reason", "trouble", "known_number", "known_hash", "kept", "sha256"),
}
"""What a record may say, by event, in the order of the documents; empty fields are left out."""


def name_identities(people: Iterable[str]) -> dict[str, Any]:
    """Names the people whose faces work begins to put on, by id: one, or several of a cast."""
    known = list(dict.fromkeys(filter(None, people)))
    return {"identities": known} if len(known) > 1 else {"identity": known[0]} if known else {}


def check_event(event: str, details: Mapping[str, object]) -> None:
    """Checks that there is such an event, with such fields (ValueError)."""
    if event not in EVENTS:
        raise ValueError(f"the audit log has no event {event}: list it in provenance/audit_events.py")
    strange = set(details) - {*EVENTS[event], "by", "clock"}
    if strange:
        raise ValueError(f"{event} has no {', '.join(sorted(strange))}; see provenance/audit_events.py")
