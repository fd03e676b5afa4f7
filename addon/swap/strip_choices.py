# SPDX-License-Identifier: GPL-3.0-or-later
"""Choices for a strip's swap, as plain data and as the engine's options."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recaster.settings.reading import LOG_SPACES

from .. import compat
from ..properties import AUTOMATIC, CHOICES, MASKS, PROFILES
from .cast import CastChoice, copy_cast, read_cast, to_members
from .look_keys import Keys, read_keys
from .portraits import portrait_file
from .result_parts import FACE, chosen_parts
from .source_range import StripError

if TYPE_CHECKING:
    from recaster.api.v1 import job_pb2
    from recaster.client import Client

    from .source_range import SourceRange


MAIN = "main"
EVERYONE = "everyone"
CAST = "cast"
"""Whose face is swapped where nobody is chosen, all are, or several have a face of their own."""
NO_FACE = "Choose a face first: Sidebar > Recaster > Face"


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
    keep_out: str
    """Name of a mask; "" for none."""
    keep_in: str
    keys: Keys = ()
    """Animation of the look; a preview has the settings as they are at its frame."""
    parts: tuple[str, ...] = field(default=(), compare=False)
    """Parts of the result (``result_parts.PARTS``); a preview is the same for all."""
    cast: tuple[CastChoice, ...] = ()
    """Several people, each with a face of their own, in place of ``face`` and ``person``."""

    @classmethod
    def of(cls, strip: Any) -> StripChoices:
        """Reads the choices on a strip (StripError: the person's picture is lost)."""
        chosen = strip.recaster
        person = str(person_file(strip) or "")
        profile = getattr(chosen, PROFILES[chosen.codec]) if chosen.codec in PROFILES else AUTOMATIC
        return cls(
            chosen.face, person, chosen.everyone, chosen.mask, chosen.feather, chosen.erode, chosen.colour,
            chosen.smoothing, chosen.input_colour_space.strip(), chosen.codec, profile, chosen.label,
            chosen.label_language, ",".join(sorted(chosen.keep)), chosen.keep_feather, chosen.strength,
            chosen.expression, chosen.gaze,
            *(mask.name if (mask := getattr(chosen, name)) else "" for name in MASKS),
            parts=chosen_parts(chosen.result, matte=chosen.matte), cast=read_cast(strip),
        )  # fmt: skip

    @classmethod
    def along(cls, strip: Any, scene: Any) -> StripChoices:
        """Reads them with the animation of the look (StripError: also where it can't be read)."""
        keys = read_keys(strip, scene, strip.recaster.handles)
        # Not that of the frame that is shown now: strips that are alike share a result.
        first = {name: each[0][1] for name, each in keys}
        moving = tuple((name, each) for name, each in keys if len(each) > 1)
        return replace(cls.of(strip), **first, keys=moving)


def person_file(strip: Any) -> Path | None:
    """The picture of the person to swap; made anew from the .blend where its file isn't; None for nobody.

    Raises:
        StripError: neither is there.
    """
    chosen = strip.recaster
    return portrait_file(chosen) if chosen.person and not chosen.everyone and not chosen.cast else None


def copy_choices(active: Any, strips: list[Any]) -> None:
    """Lets the choices made on one strip hold for others; the person to swap stays each one's own."""
    for strip in strips:
        if strip != active:
            for name in CHOICES:
                setattr(strip.recaster, name, getattr(active.recaster, name))


def copy_person(active: Any, strips: list[Any]) -> None:
    """Lets whoever is chosen on one strip be swapped in others; where nobody is, each keeps its own."""
    own = active.recaster
    for strip in strips if own.person or own.everyone or own.cast else ():
        if strip != active:
            copy_cast(active, strip)
            for name in ("person", "portrait", "everyone"):
                setattr(strip.recaster, name, getattr(active.recaster, name))


def adds_person(original: Any, result: Any) -> bool:
    """Tells if another person was chosen since a result was made: then that one is swapped."""
    wanted = original.recaster
    own = result.recaster
    is_one = not wanted.everyone and not wanted.cast
    return is_one and own.made_for not in ("", EVERYONE, CAST, swapped_person(original))


def adopt_choices(original: Any, result: Any) -> None:
    """Lets a result be swapped as its strip would be now."""
    copy_choices(original, [result])
    wanted = original.recaster
    own = result.recaster
    own.person = wanted.person
    own.portrait = wanted.portrait
    own.everyone = False


def swapped_person(strip: Any) -> str:
    """Returns whose face in the picture is swapped: everyone's, the main person's, or a portrait's."""
    own = strip.recaster
    if own.cast:
        return CAST
    if own.everyone:
        return EVERYONE
    return own.person.replace("\\", "/").rpartition("/")[2] or MAIN


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
        codec=choice.codec,
    )
    if choice.input_colour_space:
        options.input_colour_space = choice.input_colour_space
    if choice.profile != AUTOMATIC:
        options.profile = choice.profile
    if choice.label != "none":
        options.label = choice.label
        options.label_language = choice.label_language
    if FACE in choice.parts:
        options.layers_alpha = compat.MOVIE_ALPHA
    if choice.everyone and not choice.cast:
        options.everyone = True
    elif choice.person:
        options.person = client.transfer.upload(Path(choice.person))
    return options


def check_choices(choices: StripChoices, source: SourceRange) -> None:
    """Checks that a source range can be swapped as chosen (StripError)."""
    if not choices.cast:
        face_field(choices)
    if FACE in choices.parts and source.stays_pictures:
        raise StripError(f"Choose Whole Frame: strips of such pictures have no face layer ({source.name})")


def bring_faces(client: Client, choice: StripChoices) -> dict[str, Any]:
    """The fields of a spec that say whose faces are put on whom; brings the pictures of a cast there."""
    return {"cast": to_members(client, choice.cast)} if choice.cast else face_field(choice)


def face_field(choice: StripChoices) -> dict[str, str]:
    """The field of a spec that says whose face is put on (StripError: none is chosen)."""
    kind, _, name = choice.face.partition(":")
    if kind not in ("model", "faceset") or not name:
        raise StripError(NO_FACE)
    return {f"{kind}_id": name}
