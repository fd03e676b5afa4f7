"""Certificates for an engine and its clients, signed by an authority of one's own."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from recaster.errors import UsageError
from recaster.files import write_bytes, write_secret
from recaster.x509 import builder, key_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

AUTHORITY_DAYS: Final = 3650
DAYS: Final = 825


@dataclass(frozen=True)
class Issued:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def make_certificates(folder: Path, hosts: Sequence[str], clients: Sequence[str] = ()) -> list[Path]:
    """Write an authority, and certificates of an engine and of clients that it signed.

    Args:
        folder: gets ``ca.pem``, ``engine.pem``, ``engine.key`` and ``NAME.pem``, ``NAME.key`` of each client.
            The authority's own key isn't kept: nobody can sign anything later.
        hosts: names and addresses that clients know the engine by.
        clients: names of clients that get a certificate of their own.

    Returns:
        The files.

    Raises:
        UsageError: no host, or a client's name that is none.
        OutputError: a key is there already, or the folder can't be written.
    """
    if not hosts:
        raise UsageError("which engine? Name the hosts that clients will know it by")
    for name in clients:
        if not name.replace("-", "").replace("_", "").isalnum() or name in ("ca", "engine"):
            raise UsageError(f"{name!r} can't be a client's name; use letters, digits, - and _")
    authority = _authority()
    files = [folder / "ca.pem"]
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    issued = {"engine": _signed(authority, "recaster engine", ExtendedKeyUsageOID.SERVER_AUTH, hosts)}
    for name in clients:
        issued[name] = _signed(authority, name, ExtendedKeyUsageOID.CLIENT_AUTH, ())
    for name, one in issued.items():
        write_secret(folder / f"{name}.key", key_text(one.key))
        write_bytes(folder / f"{name}.pem", one.certificate.public_bytes(serialization.Encoding.PEM))
        files += [folder / f"{name}.pem", folder / f"{name}.key"]
    write_bytes(folder / "ca.pem", authority.certificate.public_bytes(serialization.Encoding.PEM))
    return files


def _authority() -> Issued:
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("Recaster authority")
    return Issued(builder(name, name, key, AUTHORITY_DAYS, authority=True).sign(key, hashes.SHA256()), key)


def _signed(authority: Issued, name: str, purpose: Any, hosts: Sequence[str]) -> Issued:
    key = ec.generate_private_key(ec.SECP256R1())
    begun = builder(_name(name), authority.certificate.subject, key, DAYS, authority=False)
    begun = begun.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
    if hosts:
        names = x509.SubjectAlternativeName([_host(host) for host in hosts])
        begun = begun.add_extension(names, critical=False)
    return Issued(begun.sign(authority.key, hashes.SHA256()), key)


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
