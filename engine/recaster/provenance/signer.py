"""Signers of manifests: an organisation's certificate, or one made here that nobody else trusts."""

from __future__ import annotations

import datetime as dt
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from recaster.errors import UsageError
from recaster.files import write_bytes, write_error, write_secret
from recaster.locks import lock

if TYPE_CHECKING:
    from pathlib import Path

    from cryptography import x509

    from recaster.provenance.policy import Policy

LOCAL_SIGNER_NAME: Final = "A signer made on one machine"
"""Who signs, where a certificate is made here."""
LOCAL_AUTHORITY_DAYS: Final = 7300
LOCAL_SIGNER_DAYS: Final = 3650
RENEWAL_MARGIN: Final = dt.timedelta(days=30)
"""How long before it ends a certificate made here is made anew."""


@dataclass(frozen=True)
class Signer:
    """A certificate and its key.

    Attributes:
        certificate: the signer's certificate and those that vouch for it (PEM), in that order.
        key: its private key (PEM, PKCS #8).
        local: whether both were made on this machine.
        timestamp: address of a timestamp authority; empty for none.
    """

    certificate: Path
    key: Path
    local: bool
    timestamp: str = ""


def resolve_signer(policy: Policy, data: Path) -> Signer:
    """Returns a policy's signer; makes a certificate in ``data``/signing where it names none.

    Raises:
        UsageError: the named files can't be used.
        CertificateError: the certificate isn't valid now.
        OutputError: a certificate can't be made.
    """
    if policy.certificate is not None and policy.key is not None:
        for path in (policy.certificate, policy.key):
            if not path.is_file() or not os.access(path, os.R_OK):
                raise UsageError(f"{path.name}: the policy signs with this file, but it can't be read")
        certificates_of(policy.certificate)
        return Signer(policy.certificate, policy.key, local=False, timestamp=policy.timestamp)
    folder = data / "signing"
    signer = Signer(folder / "signer.pem", folder / "signer.key", local=True, timestamp=policy.timestamp)
    if not _is_lasting(signer.certificate) or not signer.key.is_file():
        _make_local_signer(folder)
    certificates_of(signer.certificate)  # the clock may have gone back since they were made
    return signer


def certificates_of(path: Path) -> list[x509.Certificate]:
    """Reads a signer's certificate and its authorities', all valid now (UsageError, CertificateError)."""
    from cryptography import x509

    from recaster.provenance.certificates import check_validity

    try:
        chain = x509.load_pem_x509_certificates(path.read_bytes())
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"{path.name}: no certificate to sign with ({reason})") from None
    check_validity(chain, path.name)
    return chain


def algorithm_of(certificate: Path) -> bytes:
    """Names, as C2PA does, the algorithm of a certificate's key (errors as ``certificates_of``)."""
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    key = certificates_of(certificate)[0].public_key()
    algorithm = None
    if isinstance(key, ec.EllipticCurvePublicKey):
        algorithm = {256: b"es256", 384: b"es384", 521: b"es512"}.get(key.curve.key_size)
    elif isinstance(key, rsa.RSAPublicKey):
        algorithm = b"ps256"
    elif isinstance(key, ed25519.Ed25519PublicKey):
        algorithm = b"ed25519"
    if algorithm is None:
        raise UsageError(f"{certificate.name}: its key is of a kind that C2PA doesn't sign with; use P-256")
    return algorithm


def local_authority(data: Path) -> Path:
    """Names the certificate of the authority made on this machine; there once something was signed."""
    return data / "signing" / "authority.pem"


def _is_lasting(path: Path) -> bool:
    from cryptography import x509

    try:
        [first, *_] = x509.load_pem_x509_certificates(path.read_bytes())
    except (OSError, ValueError):
        return False
    return first.not_valid_after_utc - RENEWAL_MARGIN > dt.datetime.now(dt.UTC)


def _make_local_signer(folder: Path) -> None:
    """Makes an authority and a signer, unless another process just has.

    The authority's key isn't kept: it can sign nothing else. Authorities of before stay known.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with lock(folder / "lock"):
            if _is_lasting(folder / "signer.pem") and (folder / "signer.key").is_file():
                return
            chain, key, authority = _make_chain()
            known = folder / "authority.pem"
            before = known.read_bytes() if known.is_file() else b""
            write_bytes(known, before + authority)
            for stale in ("signer.pem", "signer.key"):
                (folder / stale).unlink(missing_ok=True)
            write_secret(folder / "signer.key", key)
            write_bytes(folder / "signer.pem", chain)
    except OSError as error:
        raise write_error(folder, error) from error


def _make_chain() -> tuple[bytes, str, bytes]:
    """Makes (chain, key, authority), PEM, as the C2PA specification asks of a signer's certificate."""
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    from recaster.provenance.certificates import issue, private_key_pem

    def named(common: str) -> x509.Name:
        organisation = x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Recaster, not verified by anybody")
        return x509.Name([organisation, x509.NameAttribute(NameOID.COMMON_NAME, common)])

    key = ec.generate_private_key(ec.SECP256R1())
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    authority_name = named("An authority made on one machine")
    authority = issue(authority_name, LOCAL_AUTHORITY_DAYS, extensions=[identifier], key=key)
    purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
    issuer = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)
    signer = issue(named(LOCAL_SIGNER_NAME), LOCAL_SIGNER_DAYS, authority, [purpose, issuer])
    return signer.pem() + authority.pem(), private_key_pem(signer.key), authority.pem()
