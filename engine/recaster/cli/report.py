"""``recaster report FOLDER -o report.html``: everything that was measured, on one page."""

from __future__ import annotations

from recaster.cli.display import say
from recaster.cli.parsers import Commands, Options, add_out, add_path
from recaster.errors import UsageError

DESCRIPTION = """Write one HTML page, which needs no other file, with all evaluations, training and speed
benchmarks and models below FOLDER: tables, contact sheets, the worst frames, curves."""


def add(commands: Commands) -> None:
    """Adds this command's parser."""
    parser = commands.add("report", run, "show what was measured on one page", DESCRIPTION)
    add_path(parser, "folder", "MODEL_OR_DIR", "what to show")
    add_out(parser, "FILE", "the page (.html)")


def run(options: Options) -> None:
    """Writes the page."""
    from recaster.report.page import write_report

    if options.out.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"{options.out}: a report is named .html")
    write_report(options.folder, options.out)
    say(f"{options.out}: {options.out.stat().st_size / 1e6:.1f} MB")
