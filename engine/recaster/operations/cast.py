"""A swap's cast: its roles, and the right to each face."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final

from recaster.api.v1 import job_pb2
from recaster.errors import UsageError
from recaster.operations.face_rights import FaceClaim, name_refused_face
from recaster.operations.request_options import place_change, read_changes, write_change
from recaster.settings.cast import CastMember, Selector, check_cast_names
from recaster.settings.look_course import LOOK_OPTIONS, LookCourse
from recaster.settings.look_file import WrittenLook
from recaster.settings.messages import read_names
from recaster.settings.options import NOTHING, with_values

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.api.v1 import identity_pb2
    from recaster.media.types import ClipInfo
    from recaster.operations.swap import Request
    from recaster.provenance.register import Register
    from recaster.settings.swap import SwapSettings
    from recaster.swapping.casting import Role

SCALARS: Final = (bool, int, float, str)


def check_cast(request: Request, settings: SwapSettings) -> None:
    """Refuses what doesn't go together with a cast (UsageError)."""
    check_cast_names(member.name for member in request.cast)
    if request.model is not None or request.source is not None:
        raise UsageError("a cast names the faces itself; leave the model and the faceset out")
    if Selector.of(settings) != Selector():
        raise UsageError("a cast says itself on whom each face is put; leave person, track and everyone out")
    if request.claim.identity is not None:
        raise UsageError("an identity is one person's; state it for each member in the cast's file")
    _ = request.role_mattes


def cast_roles(request: Request, settings: SwapSettings, info: ClipInfo) -> tuple[Role, ...]:
    """Roles of a request's members; none without a cast (UsageError: a look that can't be)."""
    from recaster.swapping.casting import Role

    mattes = request.role_mattes
    return tuple(
        Role(member.name, member.selector, _course(member.look, settings, info), mattes.get(member.name))
        for member in request.cast
    )


def _course(look: WrittenLook, settings: SwapSettings, info: ClipInfo) -> LookCourse:
    """The course of a member's look: that of the whole swap but for what the member has otherwise."""
    kept = []
    for change in settings.changes:
        values = tuple((name, value) for name, value in change.values if name not in look.values)
        kept += [dataclasses.replace(change, values=values)] if values else []
    own = (place_change(change, info) for change in look.changes)
    return LookCourse(with_values(settings.look, look.values), (*kept, *own))


def look_options(look: WrittenLook) -> job_pb2.SwapOptions:
    """Writes a member's look as a request has it."""
    # An empty list would say nothing, and the whole swap's would hold.
    values: dict[str, Any] = {
        name: (NOTHING,) if value == () else value for name, value in look.values.items()
    }
    return job_pb2.SwapOptions(**values, changes=map(write_change, look.changes))


def member_from_proto(
    member: job_pb2.CastMember, *, model: Path | None, faceset: Path | None, picture: Path | None
) -> CastMember:
    """Reads a member as an engine gets it; paths are where what it names lies there (UsageError)."""
    selector = Selector(
        track=member.track if member.HasField("track") else None,
        number=member.person_number if member.HasField("person_number") else None,
        name=member.person_name,
        picture=picture,
        everyone=member.everyone,
    )
    said = {field.name: value for field, value in member.look.ListFields() if field.name in LOOK_OPTIONS}
    values = {
        name: value if isinstance(value, SCALARS) else read_names(value) for name, value in said.items()
    }
    look = WrittenLook(values, tuple(read_changes(member.look)))
    return CastMember(member.name, selector, model, faceset, look, matte=member.matte)


def member_to_proto(member: CastMember, **ids: str) -> job_pb2.CastMember:
    """Writes a member as an engine gets it; ``ids`` are what its source and its picture are called there."""
    selector = member.selector
    sent = job_pb2.CastMember(name=member.name, look=look_options(member.look), matte=member.matte)
    for field, value in ids.items():
        if value:
            setattr(sent, field, value)
    if selector.track is not None:
        sent.track = selector.track
    elif selector.number is not None:
        sent.person_number = selector.number
    elif selector.name:
        sent.person_name = selector.name
    elif selector.everyone:
        sent.everyone = True
    return sent


def authorize_cast(request: Request, register: Register) -> list[identity_pb2.Identity]:
    """Returns the people whose faces a request puts on, one for each member, after their rights were checked.

    Raises:
        ConsentError, NotFoundError, UsageError, OutputError: as ``FaceClaim.authorize``.
    """
    people = []
    for (folder, name), own in zip(list_faces(request), _list_claims(request), strict=True):
        with name_refused_face(folder, name):
            people.append(own.authorize(register, folder))
    return people


def list_faces(request: Request) -> list[tuple[Path, str]]:
    """Lists the folders of the faces that are put on, each with the name of its member of a cast, or ""."""
    faces = [(member.source, member.name) for member in request.cast]
    alone = request.model or request.source
    return faces or [(alone, "")] if alone is not None else faces


def _list_claims(request: Request) -> list[FaceClaim]:
    claims = [FaceClaim(member.identity, member.basis) or request.claim for member in request.cast]
    return claims or [request.claim]
