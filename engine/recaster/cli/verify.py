"""``recaster verify``: what a file is, by its own signed word."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from recaster.cli.display import say, say_json

if TYPE_CHECKING:
    import argparse

DESCRIPTION = """Say in one line what a file is: whether it carries a C2PA manifest, whether that fits the
file, whether it speaks of a face swap and by what right, and who signed it. Ends with 3 where there is no
manifest or the file was changed, and with 10 where the signer is unknown: then anybody could have made the
manifest, and what it says is no more than their word. A manifest can be stripped: none proves nothing."""


def add(commands: Any, common: argparse.ArgumentParser) -> None:
    """Adds this command's parser."""
    parser = commands.add_parser(
        "verify", parents=[common], help="say what a file is, by its manifest", description=DESCRIPTION
    )
    parser.set_defaults(run=run)
    parser.add_argument("file", type=Path, metavar="FILE", help="a clip or a picture")
    parser.add_argument(
        "--trust",
        type=Path,
        metavar="FILE",
        help="certificates of authorities (PEM) that you trust (default: the policy's)",
    )
    parser.add_argument("--json", action="store_true", help="print all that its manifests say")


def run(options: argparse.Namespace) -> None:
    """Reads a manifest, and prints what it says."""
    from recaster.errors import UnknownSignerError
    from recaster.provenance.inspection import inspect_file
    from recaster.provenance.policy import Policy
    from recaster.store.folder import DataFolder

    data = DataFolder.default().path
    trust = options.trust or Policy.load(data).trust
    found = inspect_file(options.file, data, [] if trust is None else [trust])
    if options.json:
        say_json(found.manifests)
    else:
        say(f"{options.file}: {found.line}")
    if not found.trusted and not found.local:
        raise UnknownSignerError(
            f"{options.file}: anybody could have signed this; name the authorities you trust with --trust"
        )
