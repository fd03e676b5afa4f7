"""The engine's own certificate and key for TLS, looked at before it listens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import grpc
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from recaster.errors import InputError
from recaster.provenance.certificates import check_validity

if TYPE_CHECKING:
    from pathlib import Path

AGAIN: Final = "make them anew with: recaster certs"


@dataclass(frozen=True)
class Tls:
    """Files in PEM form: the engine's certificate, with those that signed it, and its private key.

    Attributes:
        client_authority: whose signature a client's certificate must have; None asks for none.
    """

    certificate: Path
    key: Path
    client_authority: Path | None = None

    def credentials(self) -> grpc.ServerCredentials:
        """Credentials for gRPC.

        Raises:
            InputError: a file can't be read or is none of its kind, or key and certificate don't fit.
            CertificateError: a certificate isn't valid now.
        """
        key = _read_file(self.key)
        certificate = _read_file(self.certificate)
        self._check_pair(key, certificate)
        authority = None if self.client_authority is None else _read_file(self.client_authority)
        if self.client_authority is not None and authority is not None:
            check_validity(_load_certificates(authority, self.client_authority), str(self.client_authority))
        return grpc.ssl_server_credentials(
            [(key, certificate)], root_certificates=authority, require_client_auth=authority is not None
        )

    def _check_pair(self, key: bytes, certificate: bytes) -> None:
        if _holds_key(certificate) and not _holds_key(key):
            raise InputError(
                f"{self.certificate} is a private key, and {self.key} is none: the two files are swapped"
            )
        chain = _load_certificates(certificate, self.certificate)
        try:
            public = load_pem_private_key(key, None).public_key()
        except TypeError:
            raise InputError(
                f"{self.key}: is locked with a passphrase, which an engine can't type; give it unlocked"
            ) from None
        except (ValueError, UnsupportedAlgorithm):
            raise InputError(f"{self.key}: is no private key in PEM form; {AGAIN}") from None
        form = Encoding.DER, PublicFormat.SubjectPublicKeyInfo
        if public.public_bytes(*form) != chain[0].public_key().public_bytes(*form):
            raise InputError(
                f"{self.key} isn't the key of the certificate in {self.certificate}; give the two that were "
                f"made together, or {AGAIN}"
            )
        check_validity(chain, str(self.certificate))


def _holds_key(data: bytes) -> bool:
    return b"PRIVATE KEY-----" in data and b"-----BEGIN CERTIFICATE" not in data


def _load_certificates(data: bytes, path: Path) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(data)
    except ValueError:
        raise InputError(f"{path}: holds no certificate in PEM form; {AGAIN}") from None


def _read_file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
