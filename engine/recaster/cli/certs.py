"""``recaster certs``: certificates, so that an engine may listen to other machines."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from recaster.cli.display import say

if TYPE_CHECKING:
    import argparse

DESCRIPTION = """Make certificates for an engine that other machines may use, signed by an authority made for
just this. Give ca.pem to the clients (RECASTER_TLS_CA=ca.pem)."""


def add(commands: Any, common: argparse.ArgumentParser) -> None:
    """Adds this command's parser."""
    parser = commands.add_parser(
        "certs", parents=[common], help="make TLS certificates for an engine", description=DESCRIPTION
    )
    parser.set_defaults(run=run)
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="where to write them")
    parser.add_argument(
        "--host",
        action="append",
        required=True,
        metavar="NAME",
        help="a name or address that clients know the engine by; may be given again",
    )
    parser.add_argument(
        "--client",
        action="append",
        default=[],
        metavar="NAME",
        help="also a certificate for this client, for an engine that asks for one (serve --client-ca)",
    )


def run(options: argparse.Namespace) -> None:
    """Makes certificates, and says how they are used."""
    from recaster.provenance.certificates import make_certificates

    for path in make_certificates(options.folder, options.host, options.client):
        say(path)
    if not options.quiet:
        folder = options.folder
        only = f" --client-ca {folder}/ca.pem" if options.client else ""
        say(f"engine:  recaster serve --tls-cert {folder}/engine.pem --tls-key {folder}/engine.key{only}")
        say(f"clients: export RECASTER_TLS_CA={folder}/ca.pem")
        for name in options.client:
            say(f"{name}: export RECASTER_TLS_CERT={folder}/{name}.pem RECASTER_TLS_KEY={folder}/{name}.key")
