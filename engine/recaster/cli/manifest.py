"""``recaster verify`` and ``recaster sign``: a file's signed word of what it is, read and given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recaster.cli.display import say, say_json
from recaster.cli.parsers import Commands, Options, add_out, add_path, add_switch
from recaster.errors import UnknownSignerError

if TYPE_CHECKING:
    from pathlib import Path

VERIFY = """Say in one line what a file is: whether it carries a C2PA manifest, whether that fits the
file, whether it speaks of a face swap and by what right, and who signed it. Ends with 3 where there is no
manifest or the file was changed, and with 10 where the signer is unknown: then anybody could have made the
manifest, and what it says is no more than their word. A manifest can be stripped: none proves nothing.

The manifest of a sequence (shot.%04d.exr) is that of the list of its pictures, shot.exr.sha256: every picture
is checked against it, or the one that is named. Ends with 3, too, where a picture of the sequence isn't in
its list; other pictures in a folder, or beside a list, are named."""
SIGN = """Editing programs drop the manifests of the swaps that go into an edit. Sign the export: it
gets a manifest of its own that names those swaps and keeps what theirs say. The swaps have to
be made here, or by an authority that the policy trusts, and their faces must be such as may be put on now.
Whether they are to be seen in the edit isn't looked at: that is your word. Do it last: whatever changes the
file afterwards breaks it."""


def add_verify(commands: Commands) -> None:
    """Adds this command's parser."""
    parser = commands.add("verify", _verify, "say what a file is, by its manifest", VERIFY)
    add_path(parser, "file", "FILE", "a clip or a picture; of a sequence its pattern, its list or a picture")
    text = "certificates of authorities (PEM) that you trust (default: the policy's)"
    add_path(parser, "--trust", "FILE", text)
    add_switch(parser, "--json", "print all that its manifests say")


def add_sign(commands: Commands) -> None:
    """Adds this command's parser."""
    parser = commands.add("sign", _sign, "sign an edit that swaps went into", SIGN)
    add_path(parser, "file", "FILE", "what your editing program exported")
    text = "a swap that is in it, as recaster made it; may be given again"
    add_path(parser, "--swap", "FILE", text, action="append", required=True)
    add_out(parser, None, "the file to write (default: FILE itself)", required=False)


def _verify(options: Options) -> None:
    from recaster.provenance.inspection import inspect_file
    from recaster.provenance.policy import Policy
    from recaster.store.folder import DataFolder

    data = DataFolder.default().path
    trust = options.trust or Policy.load(data).trust
    path, only = _find_signed(options.file)
    inspection = inspect_file(path, data, [] if trust is None else [trust], only)
    if options.json:
        say_json(inspection.manifests)
    else:
        say(f"{options.file}: {inspection.line}{_describe_beside(options.file, path)}")
    if not inspection.trusted and not inspection.local:
        raise UnknownSignerError(
            f"{options.file}: anybody could have signed this; name the authorities you trust with --trust"
        )


def _find_signed(path: Path) -> tuple[Path, tuple[str, ...]]:
    """Finds the file that a manifest would be bound to, and names of the pictures that are asked for.

    Raises:
        ManifestError: the list of a sequence doesn't name all its pictures, or names others.
        ClipError: a folder holds several sequences.
    """
    from recaster.media.sequence_name import SequenceName, find_sequence
    from recaster.provenance.manifest import sidecar_of
    from recaster.swapping.sequence_list import check_names, find_list

    sequence = find_sequence(path) if path.is_dir() else SequenceName.parse(path)
    if sequence is not None:
        check_names(sequence)
        return sequence.list_path, ()
    listed = None if sidecar_of(path).is_file() else find_list(path)
    return (path, ()) if listed is None else (listed, (path.name,))


def _describe_beside(asked: Path, path: Path) -> str:
    """Describes the pictures that a folder, or that of a list, holds beside those that were checked."""
    from recaster.settings.formats import LIST_SUFFIX
    from recaster.swapping.sequence_list import describe_unlisted

    is_whole = path.suffix == LIST_SUFFIX and (asked == path or asked.is_dir())
    words = describe_unlisted(path) if is_whole else ""
    return f"; {words}" if words else ""


def _sign(options: Options) -> None:
    from recaster.operations import sign

    out = options.out or options.file
    swaps = tuple(_find_signed(path)[0] for path in options.swap)
    say(f"{out}: {sign.run(sign.Request(options.file, out, swaps))}")
