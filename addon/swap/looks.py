# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks that have names, which the command line has, too: their menu, loading and saving."""

from typing import Any

import bpy
from bpy.props import StringProperty

from recaster import settings
from recaster.errors import RecasterError

from .. import messages, selection
from ..properties import KEYED
from ..translations import translate

LEFT_OUT = "Not set, as Blender has no such setting or keys have frames of a clip: {names}"


class _LookOperator(bpy.types.Operator):
    """Something about a look of a name."""

    bl_options = {"REGISTER", "UNDO"}

    name: StringProperty(name="Name", description="What the look is called")

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Tells if a strip's settings are shown."""
        return selection.poll_has_strip(cls, context)

    def execute(self, context: Any) -> set[str]:
        """Does it; what is wrong with the look's name or file is said."""
        try:
            self.do(selection.chosen_strip(context))
        except (RecasterError, OSError) as error:
            self.report({"ERROR"}, messages.plain(str(error)))
            return {"CANCELLED"}
        return {"FINISHED"}

    def do(self, strip: Any) -> None:
        """Does it (RecasterError, OSError)."""
        raise AssertionError


class RECASTER_OT_load_look(_LookOperator):
    """Give the strip this look. Settings that the look doesn't name stay"""

    bl_idname = "sequencer.recaster_load_look"
    bl_label = "Load Look"

    def do(self, strip: Any) -> None:
        """Sets what the look names, one after the other."""
        look = settings.look_file.read_look(settings.look_file.place_look(self.name))
        left = [name for name in look.values if name not in KEYED]
        for name, value in look.values.items():
            if name in KEYED:
                setattr(strip.recaster, name, set(value) if isinstance(value, tuple) else value)
        left += [translate("frames {range}", range=change.frames) for change in look.changes]
        if left:
            self.report({"WARNING"}, translate(LEFT_OUT, names=", ".join(left)))


class RECASTER_OT_save_look(_LookOperator):
    """Keep the strip's look under a name, for other strips and other projects"""

    bl_idname = "sequencer.recaster_save_look"
    bl_label = "Save Look"

    def invoke(self, context: Any, _event: Any) -> Any:
        """Asks for the name."""
        return context.window_manager.invoke_props_dialog(self)

    def do(self, strip: Any) -> None:
        """Writes its file, instead of an earlier one of the name."""
        values = {name: getattr(strip.recaster, name) for name in KEYED}
        plain = {name: _to_plain(value) for name, value in values.items()}
        look = settings.look_file.WrittenLook(plain)
        settings.look_file.write_look(settings.look_file.place_look(self.name), look)


class RECASTER_OT_delete_look(_LookOperator):
    """Delete this look. Strips keep what they have of it"""

    bl_idname = "sequencer.recaster_delete_look"
    bl_label = "Delete Look"

    def do(self, _strip: Any) -> None:
        """Deletes its file."""
        settings.look_file.place_look(self.name).unlink()


def _to_plain(value: Any) -> Any:
    """A setting's value as files of looks have it."""
    if isinstance(value, float):
        return round(value, 4)
    return tuple(sorted(value)) if isinstance(value, set) else value


class RECASTER_MT_looks(bpy.types.Menu):
    """Looks that have names"""

    bl_idname = "RECASTER_MT_looks"
    bl_label = "Looks"

    def draw(self, _context: Any) -> None:
        """Draws a line for each, and how to keep another."""
        for name in settings.look_file.list_looks():
            self.layout.operator(RECASTER_OT_load_look.bl_idname, text=name, translate=False).name = name
        self.layout.separator()
        self.layout.operator_context = "INVOKE_DEFAULT"
        self.layout.operator(RECASTER_OT_save_look.bl_idname, text="Save Look...", icon="ADD")
        if settings.look_file.list_looks():
            self.layout.menu(RECASTER_MT_delete_look.bl_idname, icon="REMOVE")


class RECASTER_MT_delete_look(bpy.types.Menu):
    """Looks that can be deleted"""

    bl_idname = "RECASTER_MT_delete_look"
    bl_label = "Delete Look"

    def draw(self, _context: Any) -> None:
        """Draws a line for each."""
        for name in settings.look_file.list_looks():
            self.layout.operator(RECASTER_OT_delete_look.bl_idname, text=name, translate=False).name = name


def draw_menu(layout: Any) -> None:
    """Draws the menu of looks."""
    layout.menu(RECASTER_MT_looks.bl_idname, text="Looks", icon="PRESET")


CLASSES = (
    RECASTER_OT_load_look,
    RECASTER_OT_save_look,
    RECASTER_OT_delete_look,
    RECASTER_MT_looks,
    RECASTER_MT_delete_look,
)
