"""What is said about a swap, and who signs it: what a process that makes results needs to be told."""

from __future__ import annotations

import dataclasses
import secrets
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
            identity=register.salted("identity", nonce, identity.identity_id),
            document=register.salted("document", nonce, document) if document else "",
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

    def unstamped(self) -> Marking:
        """The same, without asking a timestamp authority."""
        return dataclasses.replace(self, signing=dataclasses.replace(self.signing, timestamp=""))

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
