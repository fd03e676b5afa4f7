"""``recaster bench picture MATRIX -o OUT``: swaps of many people under many conditions, judged."""

from __future__ import annotations

from recaster.cli.display import reporter, say, say_note
from recaster.cli.parsers import Commands, Options, add_out, add_path
from recaster.errors import UsageError

DESCRIPTION = """Swap every row of MATRIX, a TOML file that says who is put on whom, under each of its
conditions (dark, blue, out of focus, rolled, ...), judge the swaps, and write index.html with a table and
pictures of every shot, matrix.md and matrix.json. scripts/actors/matrix.toml is the matrix of the rendered
actors, whose true swaps are known under every condition. Run the same command again to go on after a stop;
shots that are done stay as they are, so give another OUT after a change of the engine."""


def add(commands: Commands) -> None:
    """Adds this command's parser."""
    parser = commands.add("picture", run, "how swaps hold on many people and shots", DESCRIPTION)
    add_path(parser, "matrix", "MATRIX", "the TOML file")
    add_path(parser, "--footage", "FOLDER", "what the paths in it are relative to (default: its own folder)")
    parser.add_argument("--only", nargs="+", metavar="ROW", help="only these rows (default: all)")
    add_path(parser, "--before", "OUT", "the folder of an earlier run, to show its figures beside")
    add_out(parser, "OUT", "folder for all of it")


def run(options: Options) -> None:
    """Swaps, judges, and prints the table."""
    from recaster.benchmarks.picture_matrix.benchmark import measure_pictures, read_results
    from recaster.benchmarks.picture_matrix.results_page import format_table, write_page
    from recaster.benchmarks.picture_matrix.rows import read_rows

    rows = read_rows(options.matrix, options.footage)
    if options.only is not None:
        if unknown := set(options.only) - {row.name for row in rows}:
            raise UsageError(f"{options.matrix} has no row {min(unknown)!r}")
        rows = [row for row in rows if row.name in options.only]
    before = [] if options.before is None else read_results(options.before)
    try:
        results = measure_pictures(rows, options.out, reporter(options))
    except KeyboardInterrupt:
        say_note(options, f"{options.out}: run the same command again to go on")
        raise
    page = write_page(options.out, results, before)
    say(*format_table(results, before))
    say_note(options, f"{page}: the same with pictures of every shot")
