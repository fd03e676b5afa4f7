"""Options of whose face is put on whom: a model, a faceset, or a cast of several."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recaster.cli.parsers import add_path
from recaster.cli.rights_options import record_identity_remotely
from recaster.errors import UsageError
from recaster.settings.cast import check_cast_names, place_member_matte

if TYPE_CHECKING:
    from recaster.api.v1 import job_pb2
    from recaster.cli.parsers import Options
    from recaster.cli.remote import Remote
    from recaster.settings.cast import CastMember

PUT_METAVAR = "NAME=FACE@WHOM"
NUMBERED = "numbers are those of one clip; for several, a picture or a name (person) finds somebody"


def add_faces(parser: argparse.ArgumentParser, text: str, **others: Any) -> None:
    """Adds the options; ``read_cast_options`` reads a cast.

    Args:
        text: what is said of a faceset.
        others: further arguments for argparse of the option that names it.
    """
    group = parser.add_argument_group(
        "whose face is put on",
        "a model, a faceset, or a cast: several faces, each put on somebody else in one pass",
    )
    source = group.add_mutually_exclusive_group(required=True)
    source.add_argument("-m", "--model", type=Path, help="a trained model")
    add_path(source, "--source", "FACESET", text, **others)
    add_path(source, "--cast", "FILE", "the members of a cast, as TOML (docs/control.md)")
    source.add_argument(
        "--put",
        action="append",
        default=[],
        metavar=PUT_METAVAR,
        help="a member of a cast, repeatable: a model or a faceset, and @track:NUMBER, @person:PICTURE, "
        "@person:NUMBER or @person:NAME (as recaster tracks lists people), or @all",
    )
    parser.set_defaults(members=(), pictures=())


def read_cast_options(options: Options) -> None:
    """Reads the cast as ``options.members``, () for none (UsageError)."""
    if options.cast is not None or options.put:
        from recaster.operations.cast_reading import parse_put, read_cast

        members = tuple(map(parse_put, options.put)) if options.cast is None else read_cast(options.cast)
        check_cast_names(member.name for member in members)
        options.members = members
    if options.members and (options.person or options.track is not None or options.all):
        raise UsageError("a cast says itself on whom each face is put; leave --person, --track and --all out")
    if options.members and options.identity is not None:
        raise UsageError("--identity is one person; in the file of a cast each member can have its own")


def list_member_mattes(task: Options) -> dict[str, Path]:
    """Lists the clips for the masks of members alone, by the members' names."""
    if task.matte is None:
        return {}
    return {each.name: place_member_matte(task.matte, each.name) for each in task.members if each.matte}


def bring_faces(options: Options, remote: Remote, *, several: bool) -> dict[str, Any]:
    """Brings model, faceset or cast to an engine, and says there whose faces they are.

    Args:
        several: whether several clips are swapped, of which each need not show everybody.

    Returns:
        The fields of a request that name them.
    """
    if options.members:
        cast = [_bring_member(member, options, remote) for member in options.members]
        return {"cast": cast, **({"cast_may_lack": True} if several else {})}
    model = remote.model(options.model)
    faceset = remote.faceset(options.source)
    face = options.model or options.source
    record_identity_remotely(options, remote.client, face, faceset=faceset, model=model)
    return {"model_id": model} if model else {"faceset_id": faceset}


def _bring_member(member: CastMember, options: Options, remote: Remote) -> job_pb2.CastMember:
    from recaster.operations.cast import member_to_proto

    model = remote.model(member.model)
    faceset = remote.faceset(member.faceset)
    basis = None if member.identity is not None else member.basis or options.basis
    claim = argparse.Namespace(identity=member.identity, basis=basis)
    record_identity_remotely(claim, remote.client, member.source, faceset=faceset, model=model)
    person = remote.picture(member.selector.picture)
    return member_to_proto(member, model_id=model, faceset_id=faceset, person=person)
