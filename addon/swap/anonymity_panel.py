# SPDX-License-Identifier: GPL-3.0-or-later
"""Anonymize: people of a strip are made unknown, with a promise that the engine checks."""

from typing import Any

import bpy
from bpy.props import StringProperty

from .. import compat, images, messages, selection
from ..drawing import SequencerPanel, words
from ..engine import access, catalog, session
from ..rights import consent
from ..rights import panels as rights_panels
from ..state import addon_state
from ..translations import CONTEXT, translate, translate_count
from . import cast, coverage_notes, placement, workflow
from .anonymity import ANONYMISE, CHOOSE_ONE
from .result_parts import UNKNOWN, part_of
from .source_range import StripError
from .task_panels import draw_task
from .tasks import SwapStage

KEPT = "The promise is kept"
OF_RESULT = "In {name}"
OF_EARLIER_RESULT = "In the earlier result, {name}"
NAMES = 0.3
FACE_SCALE = 3.0
MAX_FACES = 40
OWN_FACE = "One That Comes with Recaster"
PROMISE = (
    "In no frame can people be known by their faces, or there is no result. Voices, clothes and places stay"
)


class RECASTER_OT_anonymise(bpy.types.Operator):
    """Make people in the selected strips unknown."""

    bl_idname = "sequencer.recaster_anonymise"
    bl_label = "Anonymize"
    bl_description = (
        "Make people in the selected strips unknown. The engine checks every frame, and makes nothing where "
        "somebody can still be known. The original is muted"
    )
    bl_options = {"REGISTER"}  # the result is the step to undo

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Tells if there is a strip, an engine, and a face that may be put on."""
        strip = selection.chosen_strip(context)
        if strip is None:
            cls.poll_message_set(translate("Select a movie or image strip in the sequencer"))
            return False
        if not access.poll_can_edit(cls):
            return False
        face = strip.recaster.unknown.face
        why = consent.blocking_reason(session.engine_state(), face) if face else ""
        if why:
            cls.poll_message_set(why)
        return not why

    def execute(self, context: Any) -> set[str]:
        """Begins it for every selected strip, each with its own settings."""
        scene = compat.scene_of(context)
        chosen = selection.swappable(context) or [selection.shown_clip(context)]
        begun = 0
        for strip in selection.originals_of(scene, chosen):
            try:
                workflow.begin(scene, strip, errand=ANONYMISE)
                begun += 1
            except StripError as error:  # the others are done all the same
                self.report({"ERROR"}, str(error))
        if begun:
            text = translate_count(
                "Anonymizing {count} strip; see Recaster > Jobs",
                "Anonymizing {count} strips; see Recaster > Jobs",
                begun,
            )
            self.report({"INFO"}, text)
        return {"FINISHED"} if begun else {"CANCELLED"}


class RECASTER_OT_unknown_face(bpy.types.Operator):
    """Put this face on people who must not be known"""

    bl_idname = "sequencer.recaster_unknown_face"
    bl_label = "Choose Face"
    bl_options = {"REGISTER", "UNDO"}

    face: StringProperty()

    def execute(self, context: Any) -> set[str]:
        """Notes it on the strip."""
        strip = selection.chosen_strip(context)
        if strip is None:
            return {"CANCELLED"}
        strip.recaster.unknown.face = self.face
        strip.recaster.unknown.face_name = catalog.face_label(self.face) if self.face else ""
        return {"FINISHED"}


class RECASTER_MT_unknown_faces(bpy.types.Menu):
    """Faces that can be put on people who must not be known"""

    bl_idname = "RECASTER_MT_unknown_faces"
    bl_label = "Face"

    def draw(self, _context: Any) -> None:
        """That which comes with Recaster, models, faces without training."""
        found = session.engine_state()
        choose = RECASTER_OT_unknown_face.bl_idname
        rows = [
            ("", translate(OWN_FACE), "COMMUNITY"),
            *(
                (f"model:{one.model_id}", catalog.model_label(one), "USER")
                for one in [one for one in found.models if one.usable][:MAX_FACES]
            ),
            *(
                (f"faceset:{one.faceset_id}", catalog.faceset_label(one), "OUTLINER_OB_POINTCLOUD")
                for one in found.facesets[:MAX_FACES]
            ),
        ]
        for face, text, icon in rows:
            self.layout.operator(choose, text=text, translate=False, icon=icon).face = face


class RECASTER_PT_anonymise(SequencerPanel, bpy.types.Panel):
    """Make people of the strip unknown."""

    bl_idname = "RECASTER_PT_anonymise"
    bl_label = "Anonymize"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: Any) -> None:
        """Draws whom it is about, what is promised, and how it went."""
        layout = self.layout
        strip = selection.chosen_strip(context)
        if strip is None:
            layout.label(text="Select a movie or image strip", text_ctxt=CONTEXT, icon="INFO")
            return
        words(layout, translate(PROMISE), icon="HIDE_ON")
        own = strip.recaster.unknown
        layout.row().prop(own, "who", expand=True)
        if own.who == "person":
            _draw_person(layout, strip)
        split = layout.split(factor=NAMES)
        split.label(text="Face", text_ctxt=CONTEXT)
        name = messages.text(own.face_name) or translate(OWN_FACE)
        split.menu(RECASTER_MT_unknown_faces.bl_idname, text=name, translate=False)
        if own.face:
            rights_panels.draw_basis(layout, own.face)
        column = layout.column()
        column.use_property_split = True
        column.use_property_decorate = False
        for name in ("coverage", "fallback", "margin"):
            column.prop(own, name)
        row = layout.row()
        row.scale_y = 1.3
        row.operator(RECASTER_OT_anonymise.bl_idname, icon="HIDE_ON")
        _draw_outcome(layout, strip, compat.scene_of(context))


def _draw_person(layout: Any, strip: Any) -> None:
    """Draws whom it is about, or where to choose them."""
    people = cast.swapped_people(strip)
    if len(people) != 1:
        words(layout, translate(CHOOSE_ONE), icon="INFO")
        return
    split = layout.split(factor=NAMES)
    split.template_icon(images.icon(cast.cast_icon(people[0])), scale=FACE_SCALE)
    split.label(text="Only this person", text_ctxt=CONTEXT)


def _draw_outcome(layout: Any, strip: Any, scene: Any) -> None:
    """Draws how it goes, and of the result what was done in which frames; in red what doesn't hold."""
    uid = strip.recaster.uid
    about = OF_RESULT
    for task in addon_state.tasks.values():
        if uid and task.uid == uid and task.errand == ANONYMISE and task.stage != SwapStage.PLACED:
            box = layout.box()
            box.alert = task.stage == SwapStage.FAILED
            draw_task(box, task)
            about = OF_EARLIER_RESULT
    for result in placement.results_of(placement.container_of(scene, strip), strip):
        found = coverage_notes.lines_of(result) if part_of(result) == UNKNOWN else None
        if found is not None:
            told, lines = found
            column = layout.column(align=True)
            column.label(text=KEPT, text_ctxt=CONTEXT, icon_value=images.icon(images.dot("green")))
            words(column, translate(about, name=result.name))
            words(column, told.line)
            for line in lines:
                words(column, line)


CLASSES = (
    RECASTER_OT_anonymise,
    RECASTER_OT_unknown_face,
    RECASTER_MT_unknown_faces,
    RECASTER_PT_anonymise,
)
