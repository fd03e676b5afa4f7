"""Certificates of any days, as an organisation would have them."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from recaster.provenance import certificates as ours

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def certificate(folder: Path, begin: float, end: float, name: str = "studio") -> tuple[Path, Path]:
    """A self-signed certificate that signs data, and its key.

    Args:
        folder: where they are written.
        begin: days from now.
        end: days from now.
        name: of both files.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Studio")])
    made = ours.certificate_builder(who, who, key, 1, authority=False)
    made = made.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())
    made = made.add_extension(issuer, critical=False)
    now = dt.datetime.now(dt.UTC).replace(tzinfo=None)
    made._not_valid_before = now + dt.timedelta(days=begin)
    made._not_valid_after = now + dt.timedelta(days=end)
    paths = folder / f"{name}.pem", folder / f"{name}.key"
    folder.mkdir(parents=True, exist_ok=True)
    paths[0].write_bytes(made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    paths[1].write_text(ours.private_key_pem(key))
    return paths


def turn_clock(monkeypatch: pytest.MonkeyPatch, days: float) -> None:
    """Let this process's clock be wrong, as far as certificates go."""

    class Turned(dt.datetime):
        @classmethod
        def now(cls, tz: dt.tzinfo | None = None) -> dt.datetime:
            return dt.datetime.now(tz) + dt.timedelta(days=days)

    class Module:
        datetime = Turned
        timedelta = dt.timedelta
        UTC = dt.UTC

    monkeypatch.setattr(ours, "dt", Module)
