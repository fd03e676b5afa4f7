"""What every certificate that Recaster makes has in common; for servers, clients and signers."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from recaster.errors import CertificateError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cryptography.hazmat.primitives.asymmetric import ec

SLACK: Final = dt.timedelta(hours=1)
"""Clocks may differ by this much."""


def builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, days: int, *, authority: bool
) -> x509.CertificateBuilder:
    """A certificate of ``key`` that begins now: of an authority that signs others, or of who signs data."""
    now = dt.datetime.now(dt.UTC)
    begun = x509.CertificateBuilder(
        subject_name=subject,
        issuer_name=issuer,
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=now - SLACK,
        not_valid_after=now + dt.timedelta(days=days),
    )
    constraints = x509.BasicConstraints(ca=authority, path_length=0 if authority else None)
    return begun.add_extension(constraints, critical=True).add_extension(_usage(authority), critical=True)


def check_time(certificates: Iterable[x509.Certificate], name: str) -> None:
    """See to it that certificates are valid at this moment.

    Args:
        certificates: one, and those that vouch for it.
        name: of their file, for messages.

    Raises:
        CertificateError: one isn't valid yet, or not any more.
    """
    now = dt.datetime.now(dt.UTC)
    for one in certificates:
        if now < one.not_valid_before_utc:
            raise CertificateError(
                f"{name}: a certificate in it is valid from {_moment(one.not_valid_before_utc)} on only, and "
                f"by this machine's clock it is {_moment(now)}; set the clock right, or wait"
            )
        if now > one.not_valid_after_utc:
            raise CertificateError(
                f"{name}: a certificate in it was valid until {_moment(one.not_valid_after_utc)}; put a new "
                "one in its place"
            )


def _moment(time: dt.datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M} UTC"


def key_text(key: ec.EllipticCurvePrivateKey) -> str:
    """A private key as PEM (PKCS #8, not encrypted)."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def _usage(authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
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
