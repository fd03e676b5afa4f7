"""``recaster sign``: say in an edit's export that swaps are in it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from recaster.cli.display import say

if TYPE_CHECKING:
    import argparse

DESCRIPTION = """Editing programs drop the manifests of the swaps that go into an edit. Sign the export: it
gets a manifest of its own that names those swaps and keeps what theirs say. The swaps have to
be made here, or by an authority that the policy trusts, and their faces must be such as may be put on now.
Whether they are to be seen in the edit isn't looked at: that is your word. Do it last: whatever changes the
file afterwards breaks it."""


def add(commands: Any, common: argparse.ArgumentParser) -> None:
    """Adds this command's parser."""
    parser = commands.add_parser(
        "sign", parents=[common], help="sign an edit that swaps went into", description=DESCRIPTION
    )
    parser.set_defaults(run=run)
    parser.add_argument("file", type=Path, metavar="FILE", help="what your editing program exported")
    parser.add_argument(
        "--swap",
        type=Path,
        action="append",
        required=True,
        metavar="FILE",
        help="a swap that is in it, as recaster made it; may be given again",
    )
    parser.add_argument("-o", "--out", type=Path, help="the file to write (default: FILE itself)")


def run(options: argparse.Namespace) -> None:
    """Signs an edit, and says what was done."""
    from recaster.operations import sign

    out = options.out or options.file
    say(f"{out}: {sign.run(sign.Request(options.file, out, tuple(options.swap)))}")
