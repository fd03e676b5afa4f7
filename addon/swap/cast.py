# SPDX-License-Identifier: GPL-3.0-or-later
"""Casts of strips: several people, each with a face of their own, in one swap."""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import images, messages
from ..engine import catalog
from .portraits import encode_portrait, portrait_file
from .source_range import StripError

if TYPE_CHECKING:
    from recaster.api.v1 import job_pb2
    from recaster.client import Client

MAX_NAME_LETTERS = 30
"""Of a face's name in that of a member, which ends with the member's number."""


@dataclass(frozen=True)
class CastChoice:
    """A member of a cast, as plain data for threads: the name of the face, the face, the person's picture."""

    name: str
    face: str
    person: str


def read_cast(strip: Any) -> tuple[CastChoice, ...]:
    """Reads a strip's cast; empty without one (StripError: a person's picture is lost)."""
    return tuple(CastChoice(one.face_name, one.face, str(portrait_file(one))) for one in strip.recaster.cast)


def entry_of(strip: Any, person: str) -> Any | None:
    """The entry of a person, by their picture; None where no face is put on them."""
    return next((one for one in strip.recaster.cast if one.person == person), None)


def cast_face(strip: Any, person: str, face: str) -> None:
    """Puts a face on a person, beside those of others; "" leaves the person as they are."""
    cast = strip.recaster.cast
    found = next((at for at, one in enumerate(cast) if one.person == person), None)
    if not face:
        if found is not None:
            cast.remove(found)
        return
    entry = cast.add() if found is None else cast[found]
    entry.person = person
    entry.portrait = encode_portrait(Path(person)) or entry.portrait
    entry.face = face
    entry.face_name = catalog.face_label(face)
    show_cast(strip)


def copy_cast(active: Any, strip: Any) -> None:
    """Lets a strip have another one's cast."""
    strip.recaster.cast.clear()
    for one in active.recaster.cast:
        entry = strip.recaster.cast.add()
        for name in ("person", "portrait", "face", "face_name"):
            setattr(entry, name, getattr(one, name))


def show_cast(strip: Any) -> None:
    """Loads the pictures of a strip's cast, so that panels can show them."""
    for one in strip.recaster.cast:
        with contextlib.suppress(StripError, OSError):
            images.draw(cast_icon(one), portrait_file(one))


def cast_icon(entry: Any) -> str:
    """The name of a member's picture among the pictures."""
    return f"person {entry.person}"


def to_members(client: Client, cast: tuple[CastChoice, ...]) -> list[job_pb2.CastMember]:
    """A cast as the engine has it; brings the people's pictures there."""
    from recaster.api.v1 import job_pb2

    members = []
    for number, one in enumerate(cast, 1):
        kind, _, name = one.face.partition(":")
        title = re.sub(r"[^\w-]+", "-", messages.text(one.name))[:MAX_NAME_LETTERS].strip("-")
        person = client.transfer.upload(Path(one.person))
        source = {f"{kind}_id": name}
        members.append(job_pb2.CastMember(name=f"{title or 'face'}-{number}", person=person, **source))
    return members
