# SPDX-License-Identifier: GPL-3.0-or-later
"""Choices for a strip's swap, as plain data and as the engine's options."""

from __future__ import annotations

import base64
import math
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from recaster.settings.reading import LOG_SPACES

from .. import compat, images
from ..config import cache_folder
from ..properties import AUTOMATIC, CHOICES, PROFILES
from .look_keys import Keys, read_keys
from .result_parts import FACE, chosen_parts
from .source_range import StripError

if TYPE_CHECKING:
    from recaster.api.v1 import job_pb2
    from recaster.client import Client

    from .source_range import SourceRange


MAX_PORTRAIT_BYTES = 256 << 10
"""A picture of a person that is kept in the .blend."""
MAIN = "main"
EVERYONE = "everyone"
"""Whose face is swapped where nobody is chosen, or all are."""
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
    keys: Keys = ()
    """Animation of the look; a preview has the settings as they are at its frame."""
    parts: tuple[str, ...] = field(default=(), compare=False)
    """Parts of the result (``result_parts.PARTS``); a preview is the same for all."""

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
            parts=chosen_parts(chosen.result, matte=chosen.matte),
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
    from recaster.client.validation import MAX_PICTURE_PIXELS, picture_size

    chosen = strip.recaster
    if not chosen.person or chosen.everyone:
        return None
    path = Path(bpy.path.abspath(chosen.person))
    if path.is_file():
        return path
    try:
        picture = base64.b64decode(chosen.portrait, validate=True)
    except ValueError:
        picture = b""
    if not 0 < math.prod(picture_size(picture)) <= MAX_PICTURE_PIXELS:
        raise StripError("Choose the person again: the picture of the one chosen isn't on this machine")
    return images.keep(picture, cache_folder() / "people", ".jpg")


def encode_portrait(path: Path) -> str:
    """A person's picture as the .blend keeps it; "" where it can't be kept there."""
    try:
        picture = path.read_bytes() if path.stat().st_size <= MAX_PORTRAIT_BYTES else b""
    except OSError:
        return ""
    return base64.b64encode(picture).decode("ascii")


def copy_choices(active: Any, strips: list[Any]) -> None:
    """Lets the choices made on one strip hold for others; the person to swap stays each one's own."""
    for strip in strips:
        if strip != active:
            for name in CHOICES:
                setattr(strip.recaster, name, getattr(active.recaster, name))


def copy_person(active: Any, strips: list[Any]) -> None:
    """Lets whoever is chosen on one strip be swapped in others; where nobody is, each keeps its own."""
    for strip in strips if active.recaster.person or active.recaster.everyone else ():
        if strip != active:
            for name in ("person", "portrait", "everyone"):
                setattr(strip.recaster, name, getattr(active.recaster, name))


def adds_person(original: Any, result: Any) -> bool:
    """Tells if another person was chosen since a result was made: then that one is swapped."""
    wanted = original.recaster
    own = result.recaster
    return not wanted.everyone and own.made_for not in ("", EVERYONE, swapped_person(original))


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
    if choice.everyone:
        options.everyone = True
    elif choice.person:
        options.person = client.transfer.upload(Path(choice.person))
    return options


def check_choices(choices: StripChoices, source: SourceRange) -> None:
    """Checks that a source range can be swapped as chosen (StripError)."""
    face_field(choices)
    if FACE in choices.parts and source.stays_pictures:
        raise StripError(f"Choose Whole Frame: strips of such pictures have no face layer ({source.name})")


def face_field(choice: StripChoices) -> dict[str, str]:
    """The field of a spec that says whose face is put on (StripError: none is chosen)."""
    kind, _, name = choice.face.partition(":")
    if kind not in ("model", "faceset") or not name:
        raise StripError(NO_FACE)
    return {f"{kind}_id": name}
