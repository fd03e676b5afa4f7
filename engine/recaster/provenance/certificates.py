"""X.509 certificates: of an engine and its clients, signed by an authority of one's own, and of signers."""

from __future__ import annotations

import datetime as dt
import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from recaster.errors import CertificateError, UsageError
from recaster.files import write_bytes, write_secret

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

AUTHORITY_DAYS: Final = 3650
CERTIFICATE_DAYS: Final = 825
CLOCK_SKEW: Final = dt.timedelta(hours=1)
"""Clocks may differ by this much."""


@dataclass(frozen=True)
class Issued:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    def pem(self) -> bytes:
        """Returns the certificate as PEM."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)


def make_certificates(folder: Path, hosts: Sequence[str], clients: Sequence[str] = ()) -> list[Path]:
    """Writes an authority, and certificates of an engine and of clients that it signed; returns the files.

    Args:
        folder: gets ``ca.pem``, ``engine.pem``, ``engine.key`` and ``NAME.pem``, ``NAME.key`` of each client.
            The authority's own key isn't kept: nobody can sign anything later.
        hosts: names and addresses that clients know the engine by.
        clients: names of clients that get a certificate of their own.

    Raises:
        UsageError: no host, or a client's name that is none.
        OutputError: a key is there already, or the folder can't be written.
    """
    if not hosts:
        raise UsageError("which engine? Name the hosts that clients will know it by")
    for name in clients:
        if not name.replace("-", "").replace("_", "").isalnum() or name in ("ca", "engine"):
            raise UsageError(f"{name!r} can't be a client's name; use letters, digits, - and _")
    authority = issue(_name("Recaster authority"), AUTHORITY_DAYS)
    files = [folder / "ca.pem"]
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    serves = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    known_as = x509.SubjectAlternativeName([_host(host) for host in hosts])
    calls = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
    issued = {"engine": issue(_name("recaster engine"), CERTIFICATE_DAYS, authority, [serves, known_as])}
    for name in clients:
        issued[name] = issue(_name(name), CERTIFICATE_DAYS, authority, [calls])
    for name, each in issued.items():
        write_secret(folder / f"{name}.key", private_key_pem(each.key))
        write_bytes(folder / f"{name}.pem", each.pem())
        files += [folder / f"{name}.pem", folder / f"{name}.key"]
    write_bytes(folder / "ca.pem", authority.pem())
    return files


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def issue(
    subject: x509.Name,
    days: int,
    authority: Issued | None = None,
    extensions: Iterable[x509.ExtensionType] = (),
    key: ec.EllipticCurvePrivateKey | None = None,
) -> Issued:
    """Issues a certificate of a key, of a new one by default; without an authority, it becomes one itself."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    issuer = subject if authority is None else authority.certificate.subject
    builder = certificate_builder(subject, issuer, key, days, authority=authority is None)
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    return Issued(builder.sign(key if authority is None else authority.key, hashes.SHA256()), key)


def certificate_builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, days: int, *, authority: bool
) -> x509.CertificateBuilder:
    """Begins a certificate that is valid from now on: an authority's, or one of who signs data."""
    now = dt.datetime.now(dt.UTC)
    builder = x509.CertificateBuilder(
        subject_name=subject,
        issuer_name=issuer,
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=now - CLOCK_SKEW,
        not_valid_after=now + dt.timedelta(days=days),
    )
    constraints = x509.BasicConstraints(ca=authority, path_length=0 if authority else None)
    usage = x509.KeyUsage(
        digital_signature=not authority,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    return builder.add_extension(constraints, critical=True).add_extension(usage, critical=True)


def check_validity(certificates: Iterable[x509.Certificate], name: str) -> None:
    """Checks that certificates are valid at this moment (CertificateError); ``name`` is their file's."""
    now = dt.datetime.now(dt.UTC)
    for certificate in certificates:
        begin = certificate.not_valid_before_utc
        if now < begin:
            raise CertificateError(
                f"{name}: a certificate in it is valid from {_utc(begin)} on only, and "
                f"by this machine's clock it is {_utc(now)}; set the clock right, or wait"
            )
        if now > certificate.not_valid_after_utc:
            raise CertificateError(
                f"{name}: a certificate in it was valid until {_utc(certificate.not_valid_after_utc)}; put a "
                "new one in its place"
            )


def private_key_pem(key: ec.EllipticCurvePrivateKey) -> str:
    """Returns a private key as PEM (PKCS #8, not encrypted)."""
    pkcs8 = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, pkcs8, serialization.NoEncryption()).decode()


def _utc(time: dt.datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M} UTC"
