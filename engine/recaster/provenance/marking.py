"""What is said about a swap, and who signs it: what a process that makes results needs to be told."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from recaster.provenance.basis import basis_name
from recaster.provenance.signing import Signing, signing_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from recaster.api.v1 import identity_pb2
    from recaster.provenance.register import Register


@dataclass(frozen=True)
class Statement:
    """What a manifest says of the right to a face: no name, and nothing that a stranger could guess.

    Attributes:
        identity: salted hash of the person's id.
        basis: one of ``policy.BASES``.
        document: salted hash of the document that says so; empty for none.
        attested: when it was stated, ISO 8601.
        valid_until: when it ends; empty for never.
    """

    identity: str
    basis: str
    document: str = ""
    attested: str = ""
    valid_until: str = ""

    @classmethod
    def of(cls, register: Register, identity: identity_pb2.Identity) -> Statement:
        """The statement of a person's right."""
        said = identity.attestation
        document = said.document_digest
        return cls(
            identity=register.salted("identity", identity.identity_id),
            basis=basis_name(said.basis),
            document=register.salted("document", document) if document else "",
            attested=said.attest_time.ToJsonString(),
            valid_until=said.valid_until.ToJsonString() if said.HasField("valid_until") else "",
        )


@dataclass(frozen=True)
class Marking:
    """How results are marked.

    Attributes:
        statement: the right to the face.
        signing: who signs.
        audit: hash of the audit log's newest record: whoever cuts the log's end off, can be found out.
    """

    statement: Statement
    signing: Signing
    audit: str

    def to_json(self) -> dict[str, Any]:
        """As plain values, to be told to another process."""
        return {
            "statement": dataclasses.asdict(self.statement),
            "signing": self.signing.to_json(),
            "audit": self.audit,
        }

    @classmethod
    def of(cls, register: Register, identity: identity_pb2.Identity, audit: str) -> Marking:
        """How a swap of a person's face is marked (UsageError, OutputError where nobody can sign)."""
        signing = signing_of(register.policy, register.folder.path)
        return cls(Statement.of(register, identity), signing, audit)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Marking:
        """What ``to_json`` gave."""
        return cls(Statement(**value["statement"]), Signing.from_json(value["signing"]), value["audit"])
