"""What is said about a swap, and who signs it: what a process that makes results needs to be told."""

from __future__ import annotations

import dataclasses
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from recaster.provenance.legal_basis import basis_name
from recaster.provenance.signer import Signer, resolve_signer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from recaster.api.v1 import identity_pb2
    from recaster.provenance.register import Register


@dataclass(frozen=True)
class Statement:
    """What a manifest says of the right to a face: no name, and nothing that a stranger could guess.

    Attributes:
        basis: one of ``policy.BASES``.
        nonce: random for every statement, so that no two of one person can be told to be so.
        identity: hash of nonce and the person's id, salted with the register's secret.
        document: the same of the document that says so; empty for none.
    """

    basis: str
    nonce: str
    identity: str
    document: str = ""

    @classmethod
    def of(cls, register: Register, identity: identity_pb2.Identity) -> Statement:
        """The statement of a person's right."""
        said = identity.attestation
        document, nonce = said.document_digest, secrets.token_hex(16)
        return cls(
            basis=basis_name(said.basis),
            nonce=nonce,
            identity=register.salted_hash("identity", nonce, identity.identity_id),
            document=register.salted_hash("document", nonce, document) if document else "",
        )


@dataclass(frozen=True)
class ProvenanceMark:
    """How results are marked.

    Attributes:
        statement: the right to the face.
        signer: who signs.
        audit: hash of the audit log's newest record: whoever cuts the log's end off, can be found out.
    """

    statement: Statement
    signer: Signer
    audit: str

    def unstamped(self) -> ProvenanceMark:
        """The same, without asking a timestamp authority."""
        return dataclasses.replace(self, signer=dataclasses.replace(self.signer, timestamp=""))

    def to_json(self) -> dict[str, Any]:
        """As plain values, to be told to another process."""
        return {
            "statement": dataclasses.asdict(self.statement),
            "signer": self.signer.to_json(),
            "audit": self.audit,
        }

    @classmethod
    def of(cls, register: Register, identity: identity_pb2.Identity, audit: str) -> ProvenanceMark:
        """How a swap of a person's face is marked (UsageError, OutputError where nobody can sign)."""
        signer = resolve_signer(register.policy, register.folder.path)
        return cls(Statement.of(register, identity), signer, audit)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> ProvenanceMark:
        """What ``to_json`` gave."""
        return cls(Statement(**value["statement"]), Signer.from_json(value["signer"]), value["audit"])
