# SPDX-License-Identifier: GPL-3.0-or-later
"""Choices for a strip's swap, as plain data and as the engine's options."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recaster.settings.choices import LOG_SPACES

from .. import compat
from ..engine import catalog, session
from ..properties import AUTOMATIC, CHOICES, MASKS, PROFILES
from ..translations import translate
from .anonymity import ANONYMISE, Promise, check_promise, with_promise
from .cast import (
    CastChoice,
    copy_cast,
    is_as_found,
    is_everyone,
    is_main_alone,
    is_nobody,
    people_of,
    read_cast,
    swapped_people,
    to_members,
)
from .drawn_masks import MaskChoice
from .look_keys import Keys, read_keys
from .result_parts import FACE, OVERLAY, chosen_parts
from .source_range import StripError
from .strip_copy import copy_look_animation

if TYPE_CHECKING:
    from recaster.api.v1 import job_pb2
    from recaster.client import Client

    from .source_range import SourceRange


MAIN = "main"
EVERYONE = "everyone"
CAST = "cast"
"""Whose face is swapped where nobody is chosen, all are, or several have a face of their own."""
NO_FACE = "Choose a face first: Sidebar > Recaster > Face"
NOBODY = "Nobody is to be swapped: switch on the eye of a person in the list"


@dataclass(frozen=True)
class StripChoices:
    """The choices for a strip's swap, as plain data for threads; see ``StripSettings``."""

    face: str
    person: str
    everyone: bool
    mask: str
    feather: float
    erode: float
    colour: str
    smoothing: str
    input_colour_space: str
    codec: str
    profile: str
    label: str
    label_language: str
    keep: str
    """Names of parts with commas between them."""
    keep_feather: float
    strength: float
    expression: float
    gaze: float
    keep_out: MaskChoice | None
    keep_in: MaskChoice | None
    keys: Keys = ()
    """Animation of the look; a preview has the settings as they are at its frame."""
    parts: tuple[str, ...] = field(default=(), compare=False)
    """Parts of the result (``result_parts.PARTS``); a preview is the same for all."""
    draft: bool = field(default=False, compare=False)
    cast: tuple[CastChoice, ...] = ()
    """Several people, each with a face of their own, in place of ``face`` and ``person``."""
    promise: Promise | None = None
    """Of a result in which people are unknown, which is no swap by these choices then."""

    @classmethod
    def of(cls, strip: Any) -> StripChoices:
        """Reads the choices on a strip (StripError: the person's picture is lost)."""
        if is_nobody(strip):
            raise StripError(NOBODY)
        return cls._for_cast(strip, read_cast(strip))

    @classmethod
    def _for_cast(cls, strip: Any, cast: tuple[CastChoice, ...]) -> StripChoices:
        """Reads all choices but those of people."""
        chosen = strip.recaster
        is_one = len(cast) == 1 and not cast[0].is_special
        face, person = (cast[0].face, cast[0].person) if is_one else (chosen.face, "")
        profile = getattr(chosen, PROFILES[chosen.codec]) if chosen.codec in PROFILES else AUTOMATIC
        return cls(
            face, person, is_everyone(strip), chosen.mask, chosen.feather, chosen.erode, chosen.colour,
            chosen.smoothing, chosen.input_colour_space.strip(), chosen.codec, profile, chosen.label,
            chosen.label_language, ",".join(sorted(chosen.keep)), chosen.keep_feather, chosen.strength,
            chosen.expression, chosen.gaze,
            *(MaskChoice.of(strip, name) for name in MASKS),
            parts=chosen_parts(
                chosen.result,
                matte=chosen.matte,
                overlay=chosen.overlay,
                own_mattes=[one.matte for one in cast],
            ),
            draft=chosen.draft,
            cast=() if is_one else cast,
        )  # fmt: skip

    @classmethod
    def along(cls, strip: Any, scene: Any) -> StripChoices:
        """Reads them with the animation of the look (StripError: also where it can't be read)."""
        if strip.recaster.errand == ANONYMISE:
            return with_promise(strip, cls._for_cast(strip, ()))
        keys = read_keys(strip, scene, strip.recaster.handles)
        # Not that of the frame that is shown now: strips that are alike share a result.
        first = {name: each[0][1] for name, each in keys}
        moving = tuple((name, each) for name, each in keys if len(each) > 1)
        return replace(cls.of(strip), **first, keys=moving)

    def write_delivery(self, options: job_pb2.SwapOptions) -> None:
        """Writes how the clip is read and how the result is encoded into a request's options."""
        options.codec = self.codec
        if self.input_colour_space:
            options.input_colour_space = self.input_colour_space
        if self.profile != AUTOMATIC:
            options.profile = self.profile
        if self.label != "none":
            options.label = self.label
            options.label_language = self.label_language


def copy_choices(active: Any, strips: list[Any]) -> None:
    """Lets the choices made on one strip hold for others; the person to swap stays each one's own."""
    for strip in strips:
        if strip != active:
            for name in CHOICES:
                setattr(strip.recaster, name, getattr(active.recaster, name))
            copy_look_animation(active, strip)


def copy_person(active: Any, strips: list[Any]) -> None:
    """Lets whoever is chosen on one strip be swapped in others; where nobody is, each keeps its own."""
    is_chosen = active.recaster.everyone or (people_of(active) and not is_as_found(active))
    for strip in strips if is_chosen else ():
        if strip != active:
            copy_cast(active, strip)


def adds_person(original: Any, result: Any) -> bool:
    """Tells if another person was chosen since a result was made: then that one is swapped."""
    wanted = swapped_person(original)
    same = {"", EVERYONE, CAST, wanted, *map(_picture_name, swapped_people(original))}
    return wanted not in (EVERYONE, CAST) and result.recaster.made_for not in same


def adopt_choices(original: Any, result: Any) -> None:
    """Lets a result be swapped as its strip would be now."""
    copy_choices(original, [result])
    copy_cast(original, result)


def swapped_person(strip: Any) -> str:
    """Returns whose face in the picture is swapped: everyone's, the main person's, or a portrait's."""
    people = swapped_people(strip)
    if len(people) > 1:
        return CAST
    if is_everyone(strip):
        return EVERYONE
    return MAIN if not people or is_main_alone(strip) else _picture_name(people[0])


def _picture_name(entry: Any) -> str:
    return str(entry.person).replace("\\", "/").rpartition("/")[2]


def camera_space(strip: Any) -> str:
    """Names the camera's log space that Blender takes a strip's file for; "" where it is none."""
    spoken = _letters_of(strip.colorspace_settings.name)
    # Configurations of ACES 1 begin their names with "Input" and the maker.
    return next((name for name in LOG_SPACES if spoken.endswith(_letters_of(name))), "")


def _letters_of(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())


def to_swap_options(client: Client, choice: StripChoices, frames: str) -> job_pb2.SwapOptions:
    """A choice as the engine's options; brings the performer's picture there."""
    from recaster.api.v1 import job_pb2

    options = job_pb2.SwapOptions(
        range=frames,
        mask=choice.mask,
        feather=round(choice.feather, 4),
        erode=round(choice.erode, 4),
        colour=choice.colour,
        keep=filter(None, choice.keep.split(",")),
        keep_feather=round(choice.keep_feather, 4),
        strength=round(choice.strength, 4),
        expression=round(choice.expression, 4),
        gaze=round(choice.gaze, 4),
        smoothing=choice.smoothing,
    )
    choice.write_delivery(options)
    if FACE in choice.parts:
        options.layers_alpha = compat.MOVIE_ALPHA
    if choice.everyone:
        options.everyone = True
    elif choice.person:
        options.person = client.transfer.upload(Path(choice.person))
    return options


def check_choices(choices: StripChoices, source: SourceRange) -> None:
    """Checks that a source range can be swapped as chosen (StripError)."""
    if choices.promise is not None:
        check_promise(source)
        return
    if not choices.cast:
        face_field(choices)
    elif not all(one.face for one in choices.cast):
        raise StripError(translate(NO_FACE))
    if choices.draft and catalog.lacks_option(session.last_engine_state(), "draft"):
        raise StripError(
            translate("Turn Draft off, or update the engine: it is an earlier one, which makes no drafts")
        )
    if choices.draft and source.stays_pictures:
        raise StripError(
            translate("Turn Draft off: strips of such pictures are swapped whole ({name})", name=source.name)
        )
    if choices.draft and OVERLAY in choices.parts:
        raise StripError(translate("Turn Draft or Overlay off: a draft has no overlay"))
    if FACE in choices.parts and source.stays_pictures:
        text = "Choose Whole Frame: strips of such pictures have no face layer ({name})"
        raise StripError(translate(text, name=source.name))


def bring_faces(client: Client, choice: StripChoices) -> dict[str, Any]:
    """The fields of a spec that say whose faces are put on whom; brings the pictures of a cast there."""
    return {"cast": to_members(client, choice.cast)} if choice.cast else face_field(choice)


def face_field(choice: StripChoices) -> dict[str, str]:
    """The field of a spec that says whose face is put on (StripError: none is chosen)."""
    kind, _, name = choice.face.partition(":")
    if kind not in ("model", "faceset") or not name:
        raise StripError(translate(NO_FACE))
    return {f"{kind}_id": name}
