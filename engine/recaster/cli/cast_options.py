"""Options of whose face is put on whom: a model, a faceset, or a cast of several."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recaster.cli.display import reporter, say_error
from recaster.cli.parsers import add_path
from recaster.cli.rights_options import claim_of, record_identity_remotely
from recaster.errors import UsageError
from recaster.settings.cast import check_cast_names, place_member_matte
from recaster.settings.detection import AnalysisSettings

if TYPE_CHECKING:
    from collections.abc import Callable

    from recaster.api.v1 import job_pb2
    from recaster.cli.parsers import Options
    from recaster.cli.remote import Remote
    from recaster.operations.face_rights import FaceClaim
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
    add_path(source, "--source", "FACES", text, **others)
    add_path(source, "--cast", "FILE", "the members of a cast, as TOML (docs/control.md)")
    source.add_argument(
        "--put",
        action="append",
        default=[],
        metavar=PUT_METAVAR,
        help="a member of a cast, repeatable: a model, a faceset, or a picture of the source or a folder of "
        "them, and @track:NUMBER, @person:PICTURE, "
        "@person:NUMBER or @person:NAME (as recaster tracks lists people), or @all",
    )
    parser.set_defaults(members=(), pictures=())


def with_faces(run: Callable[..., None]) -> Callable[..., None]:
    """Makes what swaps from facesets swap from pictures of people, too, also those of a cast, which it reads.

    ``run`` gets ``pictures``, all of them, and facesets that are there while it runs.
    """

    def run_with_faces(options: Options, *others: Any) -> None:
        from recaster.operations.source_pictures import list_source_pictures, open_source
        from recaster.still_images import holds_several_pictures

        read_cast_options(options)
        sources = [options.source] if isinstance(options.source, Path) else options.source
        detector = options.detector or AnalysisSettings.detector
        pictures = list_source_pictures(sources)
        with contextlib.ExitStack() as stack:

            def open_faces(sources: list[Path] | None, claim: FaceClaim) -> tuple[Path | None, FaceClaim]:
                return stack.enter_context(open_source(sources, claim, detector, reporter(options)))

            source, claim = open_faces(sources, claim_of(options))
            members = []
            for member in options.members:
                shown = [] if member.faceset is None else list_source_pictures([member.faceset])
                pictures += shown
                members.append(_open_member(member, claim_of(options), open_faces) if shown else member)
            for picture in filter(holds_several_pictures, pictures):
                text = "holds several pictures; the first is used"
                say_error(f"recaster {options.command}: warning: {picture}: {text}")
            own: dict[str, Any] = {"source": source, "identity": claim.identity, "basis": claim.basis}
            own |= {"members": tuple(members), "pictures": pictures}
            run(argparse.Namespace(**{**vars(options), **own}), *others)

    return run_with_faces


def _open_member(
    member: CastMember,
    usual: FaceClaim,
    open_faces: Callable[[list[Path], FaceClaim], tuple[Path | None, FaceClaim]],
) -> CastMember:
    """Makes a faceset of a member's pictures; ``usual`` is the claim of members without one."""
    from recaster.operations.face_rights import FaceClaim

    own = FaceClaim(member.identity, member.basis)
    folder, claim = open_faces([member.source], own or usual)
    basis = member.basis if claim.identity is None else None
    return dataclasses.replace(member, faceset=folder, identity=claim.identity, basis=basis)


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
    from recaster.operations.face_rights import name_refused_face

    model = remote.model(member.model)
    faceset = remote.faceset(member.faceset)
    basis = None if member.identity is not None else member.basis or options.basis
    claim = argparse.Namespace(identity=member.identity, basis=basis)
    with name_refused_face(member.source, member.name):
        record_identity_remotely(claim, remote.client, member.source, faceset=faceset, model=model)
    person = remote.picture(member.selector.picture)
    return member_to_proto(member, model_id=model, faceset_id=faceset, person=person)
