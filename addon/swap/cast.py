# SPDX-License-Identifier: GPL-3.0-or-later
"""People of strips: rows that say who is swapped and whose face they get, in one swap for all of them."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from recaster import settings
from recaster.errors import RecasterError

from .. import images, messages
from ..engine import catalog
from ..translations import translate
from .portraits import encode_portrait, portrait_file
from .source_range import StripError

if TYPE_CHECKING:
    from recaster.api.v1 import job_pb2
    from recaster.client import Client
    from recaster.settings.look_file import WrittenLook

Look = tuple[tuple[str, Any], ...]
MAX_NAME_LETTERS = 30
"""Of a face's name in that of a member, which ends with the member's number."""


class CastChoice(NamedTuple):
    """A member of a cast, as plain data for threads.

    Attributes:
        name: of the face.
        person: the person's picture.
        look: what of their own look isn't the strip's, by the names of options.
        matte: whether a matte of this person alone is wanted.
    """

    name: str
    face: str
    person: str
    look: Look = ()
    matte: bool = False

    @property
    def is_special(self) -> bool:
        """Tells if anything but the face is the person's own."""
        return bool(self.look) or self.matte


def people_of(strip: Any) -> list[Any]:
    """The people who are known of a strip: rows of its list; of files of earlier versions the one chosen."""
    own = strip.recaster
    return list(own.cast) or ([own] if own.person else [])


def swapped_people(strip: Any) -> list[Any]:
    """Those of them who are swapped; nobody where that is the main person, or everyone."""
    return [] if is_everyone(strip) else [one for one in people_of(strip) if getattr(one, "swapped", True)]


def is_everyone(strip: Any) -> bool:
    """Tells if every face of a strip is swapped."""
    return strip.recaster.everyone and not any(one.face for one in strip.recaster.cast)


def is_main_alone(strip: Any) -> bool:
    """Tells if the main person alone is swapped, by the strip's face."""
    rows = strip.recaster.cast
    return bool(rows) and all(one.swapped == one.is_main and not one.face for one in rows)


def is_as_found(strip: Any) -> bool:
    """Tells if nothing was chosen in a strip's list of people, so that it says no more than none would."""
    return is_main_alone(strip) and not any(one.look or one.matte for one in strip.recaster.cast)


def is_nobody(strip: Any) -> bool:
    """Tells if the people of a strip are known, and none of them is to be swapped."""
    return bool(people_of(strip)) and not is_everyone(strip) and not swapped_people(strip)


def face_on(strip: Any, entry: Any) -> str:
    """The face that is put on a person: their own, or the strip's."""
    return str(entry.face or strip.recaster.face)


def faces_of(strip: Any) -> list[str]:
    """The faces that a strip's swap puts on, each once; "" where one is still to be chosen."""
    faces = [face_on(strip, one) for one in swapped_people(strip)]
    return list(dict.fromkeys(faces or [strip.recaster.face]))


def face_names_of(strip: Any) -> list[str]:
    """The names of those faces, as they were when they were chosen."""
    names = [one.face_name or strip.recaster.face_name for one in swapped_people(strip)]
    return list(dict.fromkeys(names or [strip.recaster.face_name]))


def read_cast(strip: Any) -> tuple[CastChoice, ...]:
    """Reads whom a strip's swap puts which face on (StripError: a person's picture or look is lost).

    Empty for the main person, and for everyone.
    """
    return tuple(
        CastChoice(
            one.face_name or strip.recaster.face_name,
            face_on(strip, one),
            str(portrait_file(one)),
            read_own_look(one),
            getattr(one, "matte", False),
        )
        for one in swapped_people(strip)
    )


def read_own_look(entry: Any) -> Look:
    """Reads the look that a person has of their own; empty for the strip's (StripError: it can't be read).

    Its changes have frames of a clip, and this is another one.
    """
    return tuple(sorted(_read_look(entry).values.items())) if _name_look(entry) else ()


def count_changes(entry: Any) -> int:
    """Counts the changes along a clip of a person's own look, which isn't used (StripError)."""
    return len(_read_look(entry).changes) if _name_look(entry) else 0


def _name_look(entry: Any) -> str:
    """The name of a person's own look; a strip of an earlier version stands for its one person."""
    return str(getattr(entry, "look", ""))


def _read_look(entry: Any) -> WrittenLook:
    try:
        return settings.look_file.read_look(settings.look_file.place_look(entry.look))
    except RecasterError as error:
        why = translate(
            "Choose another look for that person, {look} can't be read: {why}",
            look=entry.look,
            why=messages.of_error(error),
        )
        raise StripError(why) from None


def entry_of(strip: Any, person: str) -> Any | None:
    """The row of a person, by their picture."""
    return next((one for one in strip.recaster.cast if one.person == person), None)


def add_person(strip: Any, person: str, *, swapped: bool = True) -> Any:
    """Adds a row for a person, by their picture, which the .blend keeps; returns the row."""
    entry = strip.recaster.cast.add()
    entry.person = person
    entry.portrait = encode_portrait(Path(person))
    entry.swapped = swapped
    return entry


def cast_face(strip: Any, person: str, face: str, *, swapped: bool = True) -> None:
    """Puts a face of their own on a person, or the strip's (""); or leaves the person as they are."""
    entry = entry_of(strip, person) or add_person(strip, person)
    entry.face = face
    entry.face_name = catalog.face_label(face) if face else ""
    entry.swapped = swapped
    show_cast(strip)


def choose_person(strip: Any, person: str) -> None:
    """Lets one person be swapped and nobody else, by their picture; "" for the main one, whoever it is."""
    own = strip.recaster
    own.everyone = False
    own.person = own.portrait = ""
    if not person:
        own.cast.clear()
        return
    if entry_of(strip, person) is None:
        add_person(strip, person)
    for one in own.cast:
        one.swapped = one.person == person
    show_cast(strip)


def take_people(strip: Any, people: list[str]) -> None:
    """Makes rows of the people who were found, the main one first; rows that say something stay."""
    own = strip.recaster
    if own.person and not own.cast:  # of an earlier version
        add_person(strip, own.person).portrait = own.portrait
    elif is_as_found(strip):
        own.cast.clear()
    own.person = own.portrait = ""
    for at in reversed(range(len(own.cast))):
        one = own.cast[at]
        if one.person not in people and not (one.face or one.swapped or one.look or one.matte):
            own.cast.remove(at)
    is_first = not own.cast
    for at, person in enumerate(people):
        entry = entry_of(strip, person) or add_person(strip, person, swapped=is_first and not at)
        entry.is_main = at == 0
    show_cast(strip)


def copy_cast(active: Any, strip: Any) -> None:
    """Lets a strip have another one's people."""
    strip.recaster.cast.clear()
    for one in active.recaster.cast:
        entry = strip.recaster.cast.add()
        for name in ("person", "portrait", "face", "face_name", "swapped", "is_main", "look", "matte"):
            setattr(entry, name, getattr(one, name))
    for name in ("person", "portrait", "everyone"):
        setattr(strip.recaster, name, getattr(active.recaster, name))


def show_cast(strip: Any) -> None:
    """Loads the pictures of a strip's cast, so that panels can show them."""
    for one in strip.recaster.cast:
        with contextlib.suppress(StripError, OSError):
            if not images.has(cast_icon(one)):
                images.draw(cast_icon(one), portrait_file(one))


def cast_icon(entry: Any) -> str:
    """The name of a person's picture among the pictures."""
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
        # An empty list would say nothing, and the strip's would hold.
        values = {name: (settings.options.NOTHING,) if value == () else value for name, value in one.look}
        look = job_pb2.SwapOptions(**values) if values else None
        members.append(
            job_pb2.CastMember(
                name=f"{title or 'face'}-{number}", person=person, look=look, matte=one.matte, **source
            )
        )
    return members
