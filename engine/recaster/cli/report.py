"""``recaster report FOLDER -o report.html``: everything that was measured, on one page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from recaster.cli.display import say

if TYPE_CHECKING:
    import argparse

DESCRIPTION = """Write one HTML page, which needs no other file, with all evaluations, training and speed
benchmarks and models below FOLDER: tables, contact sheets, the worst frames, curves."""


def add(commands: Any, common: argparse.ArgumentParser) -> None:
    """Adds this command's parser."""
    parser = commands.add_parser(
        "report", parents=[common], help="show what was measured on one page", description=DESCRIPTION
    )
    parser.set_defaults(run=run)
    parser.add_argument("folder", type=Path, metavar="MODEL_OR_DIR", help="what to show")
    parser.add_argument("-o", "--out", type=Path, required=True, metavar="FILE", help="the page (.html)")


def run(options: argparse.Namespace) -> None:
    """Writes the page."""
    from recaster.errors import UsageError
    from recaster.report.page import write_report

    if options.out.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"{options.out}: a report is named .html")
    write_report(options.folder, options.out)
    say(f"{options.out}: {options.out.stat().st_size / 1e6:.1f} MB")
