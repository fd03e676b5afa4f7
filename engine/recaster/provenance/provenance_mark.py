"""Provenance marks: a swap's statements of the right to each face, and its signer."""

from __future__ import annotations

import dataclasses
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from recaster.provenance.legal_basis import basis_name
from recaster.provenance.signer import Signer, resolve_signer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from recaster.api.v1 import identity_pb2
    from recaster.provenance.register import Register


@dataclass(frozen=True)
class Statement:
    """Statement of the right to a face in a manifest: no name, and nothing that a stranger could guess.

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
        """Makes the statement of a person's right."""
        attestation = identity.attestation
        document = attestation.document_digest
        nonce = secrets.token_hex(16)
        return cls(
            basis=basis_name(attestation.basis),
            nonce=nonce,
            identity=register.salted_hash("identity", nonce, identity.identity_id),
            document=register.salted_hash("document", nonce, document) if document else "",
        )


@dataclass(frozen=True)
class ProvenanceMark:
    """Mark of one result.

    Attributes:
        statements: of each face that is put on, in the order of the cast.
        audit: hash of the audit log's newest record: a cut-off end shows.
    """

    statements: tuple[Statement, ...]
    signer: Signer
    audit: str

    def unstamped(self) -> ProvenanceMark:
        """Returns the same mark without a timestamp authority."""
        return dataclasses.replace(self, signer=dataclasses.replace(self.signer, timestamp=""))

    @classmethod
    def of(
        cls, register: Register, identities: Iterable[identity_pb2.Identity], audit: str
    ) -> ProvenanceMark:
        """Makes the mark of a swap of people's faces (UsageError, OutputError where nobody can sign)."""
        signer = resolve_signer(register.policy, register.folder.path)
        return cls(tuple(Statement.of(register, each) for each in identities), signer, audit)
