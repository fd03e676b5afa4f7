"""``recaster compare LEFT RIGHT -o OUT``: two clips side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse


def add(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add the command to the command line."""
    command = commands.add_parser(
        "compare",
        parents=[common],
        help="show two clips side by side",
        description="Write a clip that shows two clips side by side. The left one leads: its height, frames, "
        "length and sound; the right one is scaled to it and stays on its last frame where it is shorter.",
    )
    command.add_argument("left", type=Path, metavar="LEFT")
    command.add_argument("right", type=Path, metavar="RIGHT")
    command.add_argument("-o", "--output", type=Path, required=True, metavar="OUT", help=".mp4, .mov or .mkv")
    command.add_argument(
        "--labels", nargs=2, metavar=("L", "R"), help="texts over the clips (default: file names)"
    )
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Write the comparison."""
    from recaster.cli.display import reporter
    from recaster.media.compare import compare

    labels = tuple(options.labels) if options.labels else None
    compare(options.left, options.right, options.output, labels, reporter(options))
