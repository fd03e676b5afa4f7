# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks of the people of a cast: each may have a saved one of their own, in place of the strip's."""

from typing import Any

import bpy
from bpy.props import EnumProperty, StringProperty

from recaster import settings
from recaster.errors import UsageError

from .. import messages, selection
from ..translations import translate_count
from . import cast
from .result_parts import OWN_MATTES
from .source_range import StripError

NONE = "none"
"""Of the menu, the strip's look; no saved one can have this as its identifier."""
_look_items: list[tuple[str, str, str]] = []


def _list_look_items(_operator: Any, _context: Any) -> list[tuple[str, str, str]]:
    """The strip's look and all that are saved; Blender wants texts that stay alive."""
    _look_items[:] = [
        (NONE, "As the Strip", "This person has the strip's look, with its animation"),
        *(
            (f"={name}", name, "Give this person this look; what it doesn't name stays the strip's")
            for name in settings.look_file.list_looks()
        ),
    ]
    return _look_items


class RECASTER_OT_person_look(bpy.types.Operator):
    """Use a saved look for this person alone"""

    bl_idname = "sequencer.recaster_person_look"
    bl_label = "Use Own Look"
    bl_options = {"REGISTER", "UNDO"}

    person: StringProperty()
    look: EnumProperty(name="Look", items=_list_look_items)

    def execute(self, context: Any) -> set[str]:
        """Notes it with the person; what of the look doesn't go with one of several people is said."""
        strip = selection.chosen_strip(context)
        entry = None if strip is None else cast.entry_of(strip, self.person)
        if entry is None:
            return {"CANCELLED"}
        entry.look = "" if self.look == NONE else self.look[1:]
        try:
            changes = cast.count_changes(entry)
        except StripError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        if changes:
            text = translate_count(
                "Not used, as it has frames of another clip: {count} change along the clip",
                "Not used, as they have frames of another clip: {count} changes along the clip",
                changes,
            )
            self.report({"WARNING"}, text)
        return {"FINISHED"}


def draw_details(row: Any, own: Any, item: Any) -> None:
    """Draws what a person of a strip's settings has of their own, beside their face: a look, a matte."""
    people = [one for one in own.cast if one.swapped]
    part = row.row(align=True)
    part.enabled = item.swapped
    menu = part.operator_menu_enum(
        RECASTER_OT_person_look.bl_idname,
        "look",
        text=messages.text(item.look),
        translate=False,
        icon="PRESET" if _is_there(item.look) else "ERROR",
    )
    menu.person = item.person
    if item in people[: len(OWN_MATTES)]:
        part.prop(item, "matte", text="", icon="MOD_MASK", toggle=True)


def _is_there(name: str) -> bool:
    """Tells if a look is saved on this machine; the strip's ("") always is."""
    try:
        return not name or settings.look_file.place_look(name).is_file()
    except UsageError:  # somebody's own .blend
        return False


CLASSES = (RECASTER_OT_person_look,)
