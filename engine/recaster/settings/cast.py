"""A cast: several sources, each put on somebody else of a clip, as plain values."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import TYPE_CHECKING, Final

from recaster.errors import UsageError
from recaster.settings.formats import IMAGE_SUFFIXES, PICTURE_SUFFIXES, UNREADABLE_STILLS
from recaster.settings.look_file import WrittenLook

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from recaster.settings.swap import SwapSettings

MAX_MEMBERS: Final = 100
MEMBER_NAME: Final = re.compile(r"[\w-]{1,40}")
"""Names of members are parts of names of files."""
SELECTORS: Final = "a track, a person (by a picture, a number or a name), or all"


@dataclass(frozen=True)
class Selector:
    """People of a clip who are meant: all tracks of one, or everybody; the main one where nothing is said.

    Attributes:
        track: number of a track of that person.
        number: number of the person, as ``recaster tracks`` lists people.
        name: the person's name, which a correction gave.
        picture: a picture of the person.
    """

    track: int | None = None
    number: int | None = None
    name: str = ""
    picture: Path | None = None
    everyone: bool = False

    @classmethod
    def of(cls, settings: SwapSettings) -> Selector:
        """The people that a swap without a cast means."""
        return cls(track=settings.track, picture=settings.person, everyone=settings.everyone)

    @property
    def is_of_one_clip(self) -> bool:
        """Tells whether it is a number, which means somebody else in another clip."""
        return self.track is not None or self.number is not None

    def __str__(self) -> str:
        if self.track is not None:
            return f"track {self.track}"
        if self.number is not None:
            return f"person {self.number}"
        if self.picture is not None:
            return f"the person of {self.picture.name}"
        return self.name or ("all" if self.everyone else "the main person")


@dataclass(frozen=True)
class CastMember:
    """One source, and whom it is put on.

    Attributes:
        name: what it is called in messages, reports and names of files.
        model: a trained model, or
        faceset: a faceset to swap with untrained.
        look: what of its look differs from that of the whole swap.
        look_file: the file that holds that look, where it is one of its own.
        identity: id or name of the registered person whose face it is.
        basis: the legal basis alone.
        matte: whether the swap's matte is written for this member alone, too.
    """

    name: str
    selector: Selector
    model: Path | None = None
    faceset: Path | None = None
    look: WrittenLook = field(default_factory=WrittenLook)
    identity: str | None = None
    basis: str | None = None
    matte: bool = False
    look_file: Path | None = None

    def __post_init__(self) -> None:
        check_member_name(self.name)
        if (self.model is None) == (self.faceset is None):
            raise UsageError(f"{self.name}: name either a model or a faceset")
        if self.selector == Selector():
            raise UsageError(f"{self.name}: say whom it is put on: {SELECTORS}")
        if self.identity is not None and self.basis is not None:
            raise UsageError(f"{self.name}: the identity has its own basis; leave one of both out")

    @property
    def source(self) -> Path:
        """The folder of its model or faceset."""
        source = self.model or self.faceset
        assert source is not None  # noqa: S101 - checked when it was made
        return source


def names_picture(person: str) -> bool:
    """Tells by its folder or ending whether a text names a picture of a person, and not the person."""
    endings = {*IMAGE_SUFFIXES, *PICTURE_SUFFIXES, *UNREADABLE_STILLS}
    return "/" in person or "\\" in person or PurePath(person).suffix.lower() in endings


def check_member_name(name: str) -> None:
    """Refuses what no member of a cast can be called (UsageError)."""
    if not MEMBER_NAME.fullmatch(name):
        raise UsageError(
            f"a member of a cast can't be called {name[:60]!r}: it takes up to 40 letters, digits, - and _"
        )


def check_cast_names(names: Iterable[str]) -> None:
    """Refuses members that are called alike, whatever the case, no member, and too many (UsageError)."""
    known: dict[str, str] = {}
    for name in names:
        check_member_name(name)
        if name.casefold() in known:
            raise UsageError(f"two members of the cast are called {name}")
        known[name.casefold()] = name
    if not 1 <= len(known) <= MAX_MEMBERS:
        raise UsageError(f"a cast has 1 to {MAX_MEMBERS} members, not {len(known)}")


def place_member_matte(matte: Path, name: str) -> Path:
    """Names the file, or the pictures, of one member's matte, beside that of all."""
    # A pattern's place for numbers stays after the name: matte.%04d.png, matte.anna.%04d.png.
    title, *rest = matte.name.split(".")
    return matte.with_name(".".join([title, name, *rest]))
