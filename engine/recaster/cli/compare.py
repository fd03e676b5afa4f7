"""``recaster compare CLIP CLIP... -o OUT``: clips side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse


def add(commands: Any, common: argparse.ArgumentParser) -> None:
    """Adds the command to the command line."""
    command = commands.add_parser(
        "compare",
        parents=[common],
        help="show clips side by side",
        description="Write a clip that shows clips side by side, or a sheet of stills. The first one "
        "leads: its height, frames, length and sound; the others are scaled to it and stay on their last "
        "frame where they are shorter.",
    )
    command.add_argument("clips", type=Path, nargs="+", metavar="CLIP", help="two clips or more")
    command.add_argument(
        "-o",
        "--out",
        type=Path,
        required=True,
        metavar="OUT",
        help=".mp4, .mov, .mkv; .png or .jpg for stills",
    )
    command.add_argument(
        "--labels", nargs="+", metavar="LABEL", help="a text for each clip (default: the file names)"
    )
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Writes the comparison."""
    from recaster.cli.display import reporter
    from recaster.media.compare import compare

    compare(options.clips, options.out, options.labels, reporter(options))
