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
    """Add this command's parser."""
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
    """Sign it."""
    from recaster.files import sha256
    from recaster.provenance.manifest import sign_render
    from recaster.provenance.register import open_register
    from recaster.provenance.signer import resolve_signer
    from recaster.provenance.vetting import VettingRules, find_local_swaps

    out = options.out or options.file
    with open_register() as register:
        swaps = [sha256(path) for path in options.swap]
        here = find_local_swaps(register, swaps)
        people = list(dict.fromkeys(person for each in here.values() for person in each))
        for person in people:
            register.require(person)
        signer = resolve_signer(register.policy, register.folder.path)
        register.audit.add("sign.start", swaps=swaps)
        said = sign_render(options.file, out, options.swap, signer, VettingRules.of(register, here))
        register.audit.add("sign.deliver", made=[sha256(out)], swaps=swaps, identities=people)
    say(f"{out}: {said}")
