# SPDX-License-Identifier: GPL-3.0-or-later
"""Stating by what right a face is used, reading what a strip says of itself, signing a render."""

from pathlib import Path
from typing import Any

import bpy
from bpy.props import EnumProperty, StringProperty

from . import compat, rights
from .operators_swap import online


class StateBasis(bpy.types.Operator):
    """Say by what right this face is used: asked once, kept at the engine with whoever said so"""

    bl_idname = "sequencer.recaster_state_basis"
    bl_label = "State Basis"

    face: StringProperty()
    name: StringProperty()
    basis: EnumProperty(name="Basis", items=rights.BASES)

    @classmethod
    def poll(cls, _context: Any) -> bool:
        """Whether there is an engine to tell."""
        return online(cls)

    def execute(self, _context: Any) -> set[str]:
        """Tell it."""
        rights.state(self.face, self.basis, self.name)
        return {"FINISHED"}


class RevokeBasis(bpy.types.Operator):
    """Take back the right to this face: nothing more is trained, swapped or previewed with it"""

    bl_idname = "sequencer.recaster_revoke_basis"
    bl_label = "Revoke"

    face: StringProperty()

    @classmethod
    def poll(cls, _context: Any) -> bool:
        """Whether there is an engine to tell."""
        return online(cls)

    def invoke(self, context: Any, event: Any) -> set[str]:
        """Ask whether that is meant."""
        return context.window_manager.invoke_confirm(self, event)

    def execute(self, _context: Any) -> set[str]:
        """Tell it."""
        rights.revoke(self.face)
        return {"FINISHED"}


class Verify(bpy.types.Operator):
    """Read what the strip's file says of itself: whether it is a face swap, by whom, and unchanged"""

    bl_idname = "sequencer.recaster_verify"
    bl_label = "Verify"

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Whether there is such a strip, and an engine to look at its file."""
        if rights.file_of(compat.active_strip(context)) is None:
            cls.poll_message_set("Select a movie strip")
            return False
        return online(cls)

    def execute(self, context: Any) -> set[str]:
        """Begin to look."""
        path = rights.file_of(compat.active_strip(context))
        if path is None or not path.is_file():
            self.report({"ERROR"}, "The strip's file isn't there; relink it")
            return {"CANCELLED"}
        rights.verify(path)
        return {"FINISHED"}


class SignRender(bpy.types.Operator):
    """Sign an exported render: it says then which swaps went into it. Rendering drops what they said"""

    bl_idname = "sequencer.recaster_sign_render"
    bl_label = "Sign Render"

    filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})
    filter_glob: StringProperty(default="*.mp4;*.mov;*.mkv;*.png;*.jpg", options={"HIDDEN"})

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Whether there are swaps in the scene, and an engine that signs."""
        if not rights.swaps_in(compat.scene_of(context)):
            cls.poll_message_set("No swap is shown in this scene")
            return False
        return online(cls)

    def invoke(self, context: Any, _event: Any) -> set[str]:
        """Ask for the file, the last render first."""
        if self.filepath:
            return self.execute(context)
        self.filepath = str(rights.render_of(compat.scene_of(context)))
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: Any) -> set[str]:
        """Begin to sign."""
        render = Path(bpy.path.abspath(self.filepath))
        if not render.is_file():
            self.report({"ERROR"}, f"{render}: there is no such file; render first")
            return {"CANCELLED"}
        swaps = rights.swaps_in(compat.scene_of(context))
        gone = [path.name for path in swaps if not path.is_file()]
        if gone:
            self.report({"ERROR"}, f"{', '.join(gone)}: isn't there; relink the swap, or mute its strip")
            return {"CANCELLED"}
        if render in swaps:
            self.report({"ERROR"}, f"{render.name} is a swap, and signed already")
            return {"CANCELLED"}
        rights.sign(render, swaps)
        return {"FINISHED"}


CLASSES = (StateBasis, RevokeBasis, Verify, SignRender)
