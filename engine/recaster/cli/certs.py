"""``recaster certs``: certificates, so that an engine may listen to other machines."""

from __future__ import annotations

from recaster.cli.display import say
from recaster.cli.parsers import Commands, Options, add_path

DESCRIPTION = """Make certificates for an engine that other machines may use, signed by an authority made for
just this. Give ca.pem to the clients (RECASTER_TLS_CA=ca.pem)."""


def add(commands: Commands) -> None:
    """Adds this command's parser."""
    parser = commands.add("certs", run, "make TLS certificates for an engine", DESCRIPTION)
    add_path(parser, "folder", "FOLDER", "where to write them")
    text = "a name or address that clients know the engine by; may be given again"
    parser.add_argument("--host", action="append", required=True, metavar="NAME", help=text)
    text = "also a certificate for this client, for an engine that asks for one (serve --client-ca)"
    parser.add_argument("--client", action="append", default=[], metavar="NAME", help=text)


def run(options: Options) -> None:
    """Makes certificates, and says how they are used."""
    from recaster.provenance.certificates import make_certificates

    folder = options.folder
    say(*make_certificates(folder, options.host, options.client))
    if not options.quiet:
        only = f" --client-ca {folder}/ca.pem" if options.client else ""
        say(f"engine:  recaster serve --tls-cert {folder}/engine.pem --tls-key {folder}/engine.key{only}")
        say(f"clients: export RECASTER_TLS_CA={folder}/ca.pem")
        for name in options.client:
            say(f"{name}: export RECASTER_TLS_CERT={folder}/{name}.pem RECASTER_TLS_KEY={folder}/{name}.key")
