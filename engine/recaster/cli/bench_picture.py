"""``recaster bench picture MATRIX -o OUT``: swaps of many people under many conditions, judged."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from recaster.cli.display import reporter, say, say_error

if TYPE_CHECKING:
    import argparse

DESCRIPTION = """Swap every row of MATRIX, a TOML file that says who is put on whom, under each of its
conditions (dark, blue, out of focus, rolled, ...), judge the swaps, and write index.html with a table and
pictures of every shot, matrix.md and matrix.json. scripts/actors/matrix.toml is the matrix of the rendered
actors, whose true swaps are known under every condition. Run the same command again to go on after a stop;
shots that are done stay as they are, so give another OUT after a change of the engine."""


def add(commands: Any, common: argparse.ArgumentParser) -> None:
    """Adds this command's parser."""
    parser = commands.add_parser(
        "picture", parents=[common], help="how swaps hold on many people and shots", description=DESCRIPTION
    )
    parser.set_defaults(run=run)
    parser.add_argument("matrix", type=Path, metavar="MATRIX", help="the TOML file")
    parser.add_argument(
        "--footage",
        type=Path,
        metavar="FOLDER",
        help="what the paths in it are relative to (default: its own folder)",
    )
    parser.add_argument("--only", nargs="+", metavar="ROW", help="only these rows (default: all)")
    parser.add_argument(
        "--before", type=Path, metavar="OUT", help="the folder of an earlier run, to show its figures beside"
    )
    parser.add_argument("-o", "--out", type=Path, required=True, metavar="OUT", help="folder for all of it")


def run(options: argparse.Namespace) -> None:
    """Swaps, judges, and prints the table."""
    from recaster.benchmarks.picture_matrix.benchmark import measure_pictures, read_results
    from recaster.benchmarks.picture_matrix.results_page import format_table, write_page
    from recaster.benchmarks.picture_matrix.rows import read_rows
    from recaster.errors import UsageError

    rows = read_rows(options.matrix, options.footage)
    if options.only is not None:
        if unknown := set(options.only) - {row.name for row in rows}:
            raise UsageError(f"{options.matrix} has no row {min(unknown)!r}")
        rows = [row for row in rows if row.name in options.only]
    before = [] if options.before is None else read_results(options.before)
    try:
        results = measure_pictures(rows, options.out, reporter(options))
    except KeyboardInterrupt:
        if not options.quiet:
            say_error(f"{options.out}: run the same command again to go on")
        raise
    page = write_page(options.out, results, before)
    say(*format_table(results, before))
    if not options.quiet:
        say_error(f"{page}: the same with pictures of every shot")
