# SPDX-License-Identifier: GPL-3.0-or-later
"""Stating by what right a face is used, reading what a strip says of itself, signing a render."""

from pathlib import Path
from typing import Any

import bpy
from bpy.props import BoolProperty, EnumProperty, StringProperty

from recaster.settings.rights import LEGAL_BASES

from .. import compat, messages, selection
from ..config import preferences
from ..engine import access, catalog, session
from ..engine.local import StartError
from ..option_properties import enum_items
from ..state import addon_state
from ..translations import translate, translate_count
from . import consent, render_signing, signing


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
            cls.poll_message_set(translate("Choose a face first"))
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
            self,
            event,
            title=title,
            message=message,
            confirm_text=translate(self.bl_label),
            icon="WARNING",
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
        return self.refused(
            translate("Another face is chosen now, or its person has changed: look at it again")
        )

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
        title = translate(
            "State by what right the face of {name} is used: {basis}?",
            name=catalog.person_name(person, holder),
            basis=translate(messages.american(basis.title)),
        )
        text = translate(messages.american(basis.text))
        if person is None:
            return title, translate("{basis}. The engine keeps this with your name.", basis=text)
        before = consent.describe_right(person)[0]
        return title, translate(
            "{basis}. The engine keeps this with your name, in place of: {before}.", basis=text, before=before
        )

    def tell(self) -> bool:
        """States it."""
        return consent.state_right(self.face, self.basis)


class RECASTER_OT_revoke_basis(_RightOperator):
    """Take back the right to this face: nothing more is trained, swapped or previewed with it"""

    bl_idname = "sequencer.recaster_revoke_basis"
    bl_label = "Revoke"

    def question(self, found: Any, holder: Any, person: Any | None) -> tuple[str, str]:
        """Names the person whose right is taken back, and what follows."""
        name = catalog.person_name(person, holder)
        message = translate_count(
            "Nothing more is trained, swapped or previewed with it: {count} model or set of faces at the "
            "engine. Strips that are swapped already stay as they are.",
            "Nothing more is trained, swapped or previewed with it: {count} models and sets of faces at the "
            "engine. Strips that are swapped already stay as they are.",
            0 if person is None else consent.count_shared(found, person),
        )
        return translate("Revoke the right to the face of {name}?", name=name), message

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
            cls.poll_message_set(translate("Select a movie strip"))
            return False
        return access.poll_can_edit(cls)

    def execute(self, context: Any) -> set[str]:
        """Begins to look."""
        path = signing.movie_path(selection.shown_clip(context))
        if path is None or not path.is_file():
            self.report({"ERROR"}, translate("The strip's file isn't there; relink it"))
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
            cls.poll_message_set(translate("No swap is shown in this scene"))
            return False
        if any(signing.movie_path(strip) is None for strip in shown) and preferences().where != "local":
            cls.poll_message_set(translate(render_signing.PICTURES_THERE))
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
            self.report({"ERROR"}, translate("There is no file {path}: render first", path=render))
            return {"CANCELLED"}
        swaps = render_signing.swap_files(compat.scene_of(context))
        why = render_signing.why_unfound(compat.scene_of(context))
        if why:
            self.report({"ERROR"}, why)
            return {"CANCELLED"}
        if render in swaps:
            text = translate("This is a swap, and signed already: {name}", name=render.name)
            self.report({"ERROR"}, text)
            return {"CANCELLED"}
        try:
            render_signing.sign_files([render], swaps)
        except StartError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return {"FINISHED"}


class RECASTER_OT_render_and_sign(bpy.types.Operator):
    """Render the sequencer, and sign the file when that has ended: it says then which swaps are in it"""

    bl_idname = "sequencer.recaster_render_and_sign"
    bl_label = "Render and Sign"

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Tells if there are swaps in the scene, a kind of file that can be signed, and an engine."""
        why = render_signing.why_unsignable(compat.scene_of(context))
        if why:
            cls.poll_message_set(why)
            return False
        return access.poll_can_edit(cls)

    def execute(self, context: Any) -> set[str]:
        """Begins to render."""
        scene = compat.scene_of(context)
        why = render_signing.why_unfound(scene)
        if why:
            self.report({"ERROR"}, why)
            return {"CANCELLED"}
        addon_state.render_to_sign = scene.name
        begun = {"CANCELLED"}
        try:
            with context.temp_override(scene=scene):
                how = "EXEC_DEFAULT" if bpy.app.background else "INVOKE_DEFAULT"
                begun = bpy.ops.render.render(how, animation=True)
        except RuntimeError as error:  # no camera, say, or a folder that can't be written
            self.report({"ERROR"}, str(error).removeprefix("Error: ").strip())
        if begun == {"CANCELLED"}:  # also where Blender renders something already
            addon_state.render_to_sign = ""
        return begun


def in_render_menu(self: Any, _context: Any) -> None:
    """Render and Sign, below Blender's own renders."""
    self.layout.operator(RECASTER_OT_render_and_sign.bl_idname, icon="GREASEPENCIL")


CLASSES = (
    RECASTER_OT_state_basis,
    RECASTER_OT_revoke_basis,
    RECASTER_OT_verify_strip,
    RECASTER_OT_sign_render,
    RECASTER_OT_render_and_sign,
)
