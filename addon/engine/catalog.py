# SPDX-License-Identifier: GPL-3.0-or-later
"""Models, facesets and people of an engine: looked up, and named for panels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import messages
from ..translations import translate, translate_count
from . import jobs, session

if TYPE_CHECKING:
    from .connection import EngineState

MAX_NAME_LETTERS = 60
FACE_KINDS = ("model", "faceset")
"""Kinds of what holds a face."""


def holder_of(found: EngineState, face: str) -> Any | None:
    """The model or faceset behind "model:ID" or "faceset:ID"; None for no face, or one that isn't known."""
    kind, _, name = face.partition(":")
    if kind not in FACE_KINDS or not name:
        return None
    holders = found.models if kind == "model" else found.facesets
    return next((one for one in holders if getattr(one, f"{kind}_id") == name), None)


def display_name(holder: Any) -> str:
    """Returns the name of a model or faceset; one that was sent as a zip is called as the zip."""
    own = getattr(holder, "model_id", "") or getattr(holder, "faceset_id", "")
    return messages.text(holder.display_name.removesuffix(".zip") or own, MAX_NAME_LETTERS)


def person_name(person: Any | None, holder: Any) -> str:
    """Returns the name of the person whose face it is."""
    return (
        messages.text(person.display_name, MAX_NAME_LETTERS)
        if person is not None and person.display_name
        else display_name(holder)
    )


def person_of(found: EngineState, holder: Any | None) -> Any | None:
    """The person whose face a model or faceset holds; None where nobody said."""
    whose = holder.identity_id if holder is not None else ""
    return next((one for one in found.identities if one.identity_id == whose), None) if whose else None


def face_label(face: str) -> str:
    """Returns the name of a model or faceset, for where the engine can't be asked."""
    holder = holder_of(session.engine_state(), face)
    return face.partition(":")[2] if holder is None else display_name(holder)


def effort_label(holder: Any) -> str:
    """Says of a model how long it was trained, of a faceset how many faces there are to swap at once."""
    if hasattr(holder, "faceset_id"):
        return translate_count("At once, {count} face", "At once, {count} faces", holder.faces)
    return translate("Trained {time}", time=jobs.format_duration(holder.seconds))


def short_effort_label(holder: Any) -> str:
    """The same without words, for columns as wide as a portrait."""
    if hasattr(holder, "faceset_id"):
        return translate_count("{count} face", "{count} faces", holder.faces)
    return jobs.format_duration(holder.seconds)


def faceset_label(faceset: Any) -> str:
    """A faceset's name and how it is swapped."""
    return f"{display_name(faceset)} ({effort_label(faceset)})"


def model_label(model: Any) -> str:
    """A model's name and how long it was trained."""
    return f"{display_name(model)} ({messages.text(model.preset)}, {jobs.format_duration(model.seconds)})"


def lacks_option(found: EngineState, name: str) -> bool:
    """Tells if an engine would ignore an option of a swap: it is an earlier one."""
    return found.info is not None and name not in found.info.swap_options


def find_faceset(name: str) -> Any | None:
    """One of the engine's facesets."""
    return next((one for one in session.engine_state().facesets if name and one.faceset_id == name), None)


def find_model(name: str) -> Any | None:
    """One of the engine's models."""
    return next((one for one in session.engine_state().models if name and one.model_id == name), None)
