# SPDX-License-Identifier: GPL-3.0-or-later
"""Stating by what right a face is used, reading what a strip says of itself, signing a render."""

from pathlib import Path
from typing import Any

import bpy
from bpy.props import BoolProperty, EnumProperty, StringProperty

from recaster.settings.rights import LEGAL_BASES

from .. import compat, selection
from ..engine import access, catalog, session
from ..properties import enum_items
from . import consent, signing


class _RightOperator(bpy.types.Operator):
    """Something that is said of the right to a face: asked first, of the face that is chosen only."""

    face: StringProperty()
    person: StringProperty(
        description="Whose right it was when it was asked for", options={"HIDDEN", "SKIP_SAVE"}
    )
    asked: BoolProperty(description="Whether somebody was asked", options={"HIDDEN", "SKIP_SAVE"})

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Tells if there is an engine to tell, and a face to tell it of."""
        if not access.poll_can_edit(cls):
            return False
        if not chosen_faces(context):
            cls.poll_message_set("Choose a face first")
            return False
        return True

    def invoke(self, context: Any, event: Any) -> set[str]:
        """Asks whether that is meant, and say whom it is about and what follows."""
        found = session.engine_state()
        holder = catalog.holder_of(found, self.face)
        if holder is None:
            return self.lost()
        person = catalog.person_of(found, holder)
        if access.lacking_for_basis(found, person):
            return self.refused(access.lacking_for_basis(found, person))
        self.person = person.identity_id if person is not None else ""
        self.asked = True
        title, message = self.question(found, holder, person)
        return context.window_manager.invoke_confirm(
            self, event, title=title, message=message, confirm_text=self.bl_label, icon="WARNING"
        )

    def execute(self, context: Any) -> set[str]:
        """Tells the engine, unless another face was chosen meanwhile, or it is somebody else's now."""
        found = session.engine_state()
        holder = catalog.holder_of(found, self.face)
        person = catalog.person_of(found, holder)
        now = person.identity_id if person is not None else ""
        if holder is None or self.face not in chosen_faces(context) or (self.asked and self.person != now):
            return self.lost()
        if access.lacking_for_basis(found, person):
            return self.refused(access.lacking_for_basis(found, person))
        return {"FINISHED"} if self.tell() else self.lost()

    def lost(self) -> set[str]:
        """Says that the face isn't the one that it was asked for."""
        return self.refused("Another face is chosen now, or its person has changed: look at it again")

    def refused(self, why: str) -> set[str]:
        """Says why nothing was done."""
        self.report({"ERROR"}, why)
        return {"CANCELLED"}

    def question(self, found: Any, holder: Any, person: Any | None) -> tuple[str, str]:
        """Returns the question: a title, and what follows."""
        raise AssertionError

    def tell(self) -> bool:
        """Tells the engine; returns whether there was such a face."""
        raise AssertionError


def chosen_faces(context: Any) -> set[str]:
    """The faces that are chosen now: the one to put on the strip, and the source of a training."""
    strip = selection.chosen_strip(context)
    scene = compat.scene_of(context)
    faces = set[str]()
    if strip is not None:
        faces = {strip.recaster.face, *(one.face for one in strip.recaster.cast)}
    if scene is not None and scene.recaster.source:
        faces.add(f"faceset:{scene.recaster.source}")
    return faces - {""}


class RECASTER_OT_state_basis(_RightOperator):
    """Say by what right this face is used: asked once, kept at the engine with whoever said so"""

    bl_idname = "sequencer.recaster_state_basis"
    bl_label = "State Basis"

    name: StringProperty()
    basis: EnumProperty(name="Basis", items=enum_items(LEGAL_BASES))

    def question(self, found: Any, holder: Any, person: Any | None) -> tuple[str, str]:
        """Names the person whose right is stated, and what it means."""
        basis = LEGAL_BASES[self.basis]
        title = (
            f"State by what right the face of {catalog.person_name(person, holder)} is used: {basis.title}?"
        )
        instead = "" if person is None else f", in place of: {consent.describe_right(person)[0]}"
        return title, f"{basis.text}. The engine keeps this with your name{instead}."

    def tell(self) -> bool:
        """States it."""
        return consent.state_right(self.face, self.basis)


class RECASTER_OT_revoke_basis(_RightOperator):
    """Take back the right to this face: nothing more is trained, swapped or previewed with it"""

    bl_idname = "sequencer.recaster_revoke_basis"
    bl_label = "Revoke"

    def question(self, found: Any, holder: Any, person: Any | None) -> tuple[str, str]:
        """Names the person whose right is taken back, and what follows."""
        count = 0 if person is None else consent.count_shared(found, person)
        held = "1 model or set of faces" if count == 1 else f"{count} models and sets of faces"
        message = (
            f"Nothing more is trained, swapped or previewed with it: {held} at the engine. Strips that are "
            "swapped already stay as they are."
        )
        return f"Revoke the right to the face of {catalog.person_name(person, holder)}?", message

    def tell(self) -> bool:
        """Revokes it."""
        return consent.revoke_right(self.face)


class RECASTER_OT_verify_strip(bpy.types.Operator):
    """Read what the strip's file says of itself: whether it is a face swap, by whom, and unchanged"""

    bl_idname = "sequencer.recaster_verify"
    bl_label = "Verify"

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Tells if there is such a strip, and an engine to look at its file."""
        if signing.movie_path(selection.shown_clip(context)) is None:
            cls.poll_message_set("Select a movie strip")
            return False
        return access.poll_can_edit(cls)

    def execute(self, context: Any) -> set[str]:
        """Begins to look."""
        path = signing.movie_path(selection.shown_clip(context))
        if path is None or not path.is_file():
            self.report({"ERROR"}, "The strip's file isn't there; relink it")
            return {"CANCELLED"}
        signing.verify(path)
        return {"FINISHED"}


class RECASTER_OT_sign_render(bpy.types.Operator):
    """Sign an exported render: it says then which swaps went into it. Rendering drops what they said"""

    bl_idname = "sequencer.recaster_sign_render"
    bl_label = "Sign Render"

    filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE", *compat.PATHS.get("options", ())})
    filter_glob: StringProperty(default="*.mp4;*.mov;*.mkv;*.png;*.jpg", options={"HIDDEN"})

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Tells if there are swaps in the scene, and an engine that signs."""
        shown = signing.shown_swaps(compat.scene_of(context))
        if not shown:
            cls.poll_message_set("No swap is shown in this scene")
            return False
        if any(signing.movie_path(strip) is None for strip in shown):
            cls.poll_message_set("Swaps that are pictures are shown: renders of those can't be signed here")
            return False
        return access.poll_can_edit(cls)

    def invoke(self, context: Any, _event: Any) -> set[str]:
        """Asks for the file, the last render first."""
        if self.filepath:
            return self.execute(context)
        self.filepath = str(signing.render_path(compat.scene_of(context)))
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: Any) -> set[str]:
        """Begins to sign."""
        render = Path(bpy.path.abspath(self.filepath))
        if not render.is_file():
            self.report({"ERROR"}, f"There is no file {render}: render first")
            return {"CANCELLED"}
        swaps = signing.shown_swap_files(compat.scene_of(context))
        gone = [path.name for path in swaps if not path.is_file()]
        if gone:
            self.report({"ERROR"}, f"Relink the swap, or mute its strip: {', '.join(gone)} isn't there")
            return {"CANCELLED"}
        if render in swaps:
            self.report({"ERROR"}, f"This is a swap, and signed already: {render.name}")
            return {"CANCELLED"}
        signing.sign(render, swaps)
        return {"FINISHED"}


CLASSES = (
    RECASTER_OT_state_basis,
    RECASTER_OT_revoke_basis,
    RECASTER_OT_verify_strip,
    RECASTER_OT_sign_render,
)
