"""``recaster compare CLIP CLIP... -o OUT``: clips side by side."""

from __future__ import annotations

from recaster.cli.display import reporter
from recaster.cli.parsers import Commands, Options, add_out, add_path

DESCRIPTION = """Write a clip that shows clips side by side, or a sheet of stills. The first one leads: its
height, frames, length and sound; the others are scaled to it and stay on their last frame where they are
shorter."""


def add(commands: Commands) -> None:
    """Adds this command's parser."""
    parser = commands.add("compare", run, "show clips side by side", DESCRIPTION)
    add_path(parser, "clips", "CLIP", "two clips or more", nargs="+")
    add_out(parser, "OUT", ".mp4, .mov, .mkv; .png or .jpg for stills")
    text = "a text for each clip (default: the file names)"
    parser.add_argument("--labels", nargs="+", metavar="LABEL", help=text)


def run(options: Options) -> None:
    """Writes the comparison."""
    from recaster.media.compare import compare

    compare(options.clips, options.out, options.labels, reporter(options))
