"""Vetting of the swaps in an edit before it is signed: origin, right and policy of each.

A signature says no more than was looked at: who made each swap, that it is as it was made, that the faces in
it may be put on at that moment, and that it is what the policy takes. Whether the edit shows it isn't.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from recaster.errors import ConsentError, ManifestError
from recaster.files import sha256
from recaster.provenance.manifest import (
    EMBEDDED_TYPES,
    SWAP_ASSERTION,
    all_assertions,
    holds_swap,
    manifest_of,
    statements_of,
)
from recaster.provenance.picture_list import check_pictures
from recaster.provenance.signer import local_authority
from recaster.settings.formats import LIST_SUFFIX

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from recaster.api.v1 import identity_pb2
    from recaster.provenance.audit_log import AuditLog
    from recaster.provenance.register import Register

DELIVERIES: Final = ("swap.deliver", "anonymise.deliver", "preview.deliver", "sign.deliver")
"""Events whose ``made`` is what this engine or command line has made and signed."""


@dataclass(frozen=True)
class VettingRules:
    """Rules that swaps must meet to be vouched for.

    Attributes:
        made_here: digests of those that were made here, by the audit log.
        own: certificates of authorities (PEM) of those that sign here.
        trust: the same of those that the policy trusts.
        document: whether consent and licences need their document.
        label: whether they must be labelled in the picture.
    """

    made_here: tuple[str, ...]
    own: tuple[Path, ...]
    trust: Path | None
    bases: tuple[str, ...]
    document: bool
    label: bool

    @classmethod
    def of(cls, register: Register, made_here: Iterable[str]) -> VettingRules:
        """Reads them from the policy of a register as it is now (UsageError)."""
        policy = register.policy
        authority = local_authority(register.folder.path)
        return cls(
            tuple(made_here),
            tuple(path for path in (policy.certificate, authority) if path is not None and path.is_file()),
            policy.trust,
            policy.bases,
            policy.document,
            policy.label_required,
        )

    def check_swap(self, path: Path) -> None:
        """Checks that a swap may be vouched for.

        Raises:
            ManifestError: it has no manifest, was changed, or is no swap by its own word.
            ConsentError: a stranger made it, or the policy doesn't take it.
        """
        here = sha256(path) in self.made_here
        trusted = self.own if here else [] if self.trust is None else [self.trust]
        document, state = manifest_of(path, trusted)
        if state == "Invalid":
            raise ManifestError(
                f"{path}: was changed after it was signed; it can't be vouched for in an edit"
            )
        if not holds_swap(document):
            raise ManifestError(f"{path}: is no swap by its own word")
        if path.suffix == LIST_SUFFIX:
            check_pictures(path)
        # A digest covers a manifest that is in the file; one that lies beside it may be anybody's.
        if state != "Trusted" and not (here and path.suffix.lower() in EMBEDDED_TYPES):
            raise _stranger(str(path))
        swaps = [assertions for assertions in all_assertions(document) if SWAP_ASSERTION in assertions]
        if not swaps:
            raise ConsentError(f"{path}: doesn't say how its swaps were made; name those", "CONSENT_REFUSED")
        for assertions in swaps:
            _check_policy(path, assertions, self)


def find_local_swaps(register: Register, digests: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Finds the files that were made here, and the ids of the people whose faces were put on in each.

    Raises:
        ConsentError: one was made elsewhere, and the policy trusts nobody; or nobody knows whose face it is.
        AuditError: the audit log is damaged.
    """
    swaps = {}
    for digest in digests:
        people = _people_in(register.audit, digest)
        if people is not None:
            swaps[digest] = people
        elif register.policy.trust is None:
            raise _stranger(f"swap {digest[:12]}")
    return swaps


def authorize_edit(
    register: Register, local_swaps: Mapping[str, tuple[str, ...]]
) -> list[identity_pb2.Identity]:
    """Returns everybody whose face is in an edit's local swaps; each may be put on now (ConsentError)."""
    people = [register.require(person) for person in dict.fromkeys(itertools.chain(*local_swaps.values()))]
    for person in people:
        traces = register.traces("identity", person.identity_id)
        register.revocations.refuse(traces, but=person.identity_id)
    return people


def _check_policy(path: Path, assertions: Mapping[str, Mapping[str, Any]], vetting: VettingRules) -> None:
    rights = statements_of(assertions) or [{}]
    for right in rights:
        basis = right.get("basis")
        if basis not in vetting.bases:
            takes = ", ".join(vetting.bases)
            raise ConsentError(
                f"{path}: the policy doesn't take the basis of this swap, but {takes}", "CONSENT_REFUSED"
            )
        if vetting.document and basis in ("consent", "licensed") and not right.get("document"):
            raise ConsentError(f"{path}: the policy wants a document with {basis}", "CONSENT_REFUSED")
    if vetting.label and assertions[SWAP_ASSERTION].get("label") in (None, "", "none"):
        raise ConsentError(
            f"{path}: the policy asks for a label in every swap, and this one has none", "CONSENT_REFUSED"
        )


def _people_in(log: AuditLog, digest: str) -> tuple[str, ...] | None:
    """Finds the ids of the people whose faces were put on in a file; None for one that wasn't made here."""
    for record in log.mentioning(digest):
        if record.event in DELIVERIES and digest in record.details.get("made", ()):
            people = record.details.get("identities")
            if not people:  # an earlier release noted them where the job began
                people = _people_of_job(log, record.details.get("job", ""))
            if not people:
                raise ConsentError(
                    f"swap {digest[:12]}: nobody knows any more whose face is in it; swap anew"
                )
            return tuple(people)
    return None


def _people_of_job(log: AuditLog, job: str) -> list[str]:
    begun = [
        record.details["identity"]
        for record in (log.mentioning(job) if job else ())
        if record.event == "swap.start" and record.details.get("job") == job and "identity" in record.details
    ]
    return begun[-1:]


def _stranger(what: str) -> ConsentError:
    return ConsentError(
        f"{what}: was made neither here nor by an authority that the policy trusts (trust in [manifest]); "
        "an edit with it isn't signed",
        "CONSENT_REFUSED",
    )
