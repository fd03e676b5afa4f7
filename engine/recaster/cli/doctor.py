"""``recaster doctor``: what is wrong with this installation, and how to mend it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recaster.cli.display import say, say_json

if TYPE_CHECKING:
    import argparse

DESCRIPTION = """Look at everything that Recaster needs: packages, weights, codecs, what computes, the
engine's data, disk and port. Ends with 1 where something is wrong."""


def add(commands: Any, common: argparse.ArgumentParser) -> None:
    """Adds this command's parser."""
    parser = commands.add_parser(
        "doctor",
        parents=[common],
        help="say what is wrong with this installation and how to mend it",
        description=DESCRIPTION,
    )
    parser.set_defaults(run=run)
    parser.add_argument(
        "--data", type=Path, metavar="FOLDER", help="an engine's data (default: RECASTER_DATA)"
    )
    parser.add_argument(
        "--listen",
        default="",
        metavar="ADDRESS",
        help="where an engine is to listen (default: as recaster serve)",
    )
    parser.add_argument("--engine", metavar="ADDRESS", help="an engine to ask (default: RECASTER_ENGINE)")
    parser.add_argument(
        "--licences",
        action="store_true",
        help="list every package and trained network with its licence instead; with --json as CycloneDX",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(options: argparse.Namespace) -> None:
    """Checks this installation, and prints the findings."""
    import dataclasses

    from recaster.cli.licences import bill, lines

    if options.licences:
        if options.json:
            say_json(bill())
        else:
            say(*lines())
        return
    from recaster.cli.checkup import checkup
    from recaster.store.folder import DataFolder

    data = DataFolder.default() if options.data is None else DataFolder(options.data)
    findings = checkup(data, options.listen, options.engine)
    if options.json:
        say_json([dataclasses.asdict(finding) for finding in findings])
    else:
        for finding in findings:
            say(f"{'ok  ' if finding.ok else 'BAD '} {finding.what:<12} {finding.says}")
            if not finding.ok:
                say(f"     {'':<12} -> {finding.mend}")
    if not all(finding.ok for finding in findings):
        sys.exit(1)
