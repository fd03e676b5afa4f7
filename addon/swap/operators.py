# SPDX-License-Identifier: GPL-3.0-or-later
"""Face Swap and what helps to choose for it."""

from typing import Any

import bpy
from bpy.props import StringProperty

from .. import compat, images, messages
from ..engine import access, jobs, session
from ..rights import consent
from . import previews, strip_choices, tasks, workflow
from .source_range import CLIP_TYPES, ShotError

MODELS_SHOWN = 40


def swappable(context: Any) -> list[Any]:
    """The selected strips that show a movie or pictures."""
    return [strip for strip in compat.selected_strips(context) if strip.type in CLIP_TYPES]


def shown_clip(context: Any) -> Any | None:
    """The movie or image strip that is meant: the active one, else one that is selected with it.

    A clip that is dropped into the sequencer leaves its sound active; the movie that is connected to that
    sound, or selected beside it, is what its editor means.
    """
    strip = compat.active_strip(context)
    if strip is not None and strip.type in CLIP_TYPES:
        return strip
    connected = [one for one in compat.connected(strip) if one.type in CLIP_TYPES]
    return next(iter([*swappable(context), *connected]), None)


def chosen_strip(context: Any) -> Any | None:
    """The strip whose settings are shown: the one that is meant, or the one it is a swap of."""
    strip = shown_clip(context)
    return None if strip is None else workflow.original_of(compat.scene_of(context), strip) or strip


class _StripOperator(bpy.types.Operator):
    """Something that is done to the strip whose settings are shown."""

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Whether there is such a strip, and an engine."""
        if chosen_strip(context) is None:
            cls.poll_message_set("Select a movie or image strip in the sequencer")
            return False
        return online(cls)

    def execute(self, context: Any) -> set[str]:
        """Do it; what is wrong with the strip is said."""
        try:
            return self.do(context, compat.scene_of(context), chosen_strip(context))
        except ShotError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}

    def do(self, context: Any, scene: Any, strip: Any) -> set[str]:
        """Do it (ShotError)."""
        raise AssertionError


def online(operator: Any) -> bool:
    """Whether the engine answers, and this client may edit there; says so where it doesn't."""
    found = session.snapshot()
    why = access.lacking(found, access.EDITOR) if found.online else found.trouble
    if why or not found.online:
        operator.poll_message_set(why)
    return found.online and not why


class _FaceOperator(_StripOperator):
    """Something that puts a face on."""

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Whether there is a strip, an engine, and a face that may be put on."""
        if not super().poll(context):
            return False
        hindrance = consent.hindrance(session.snapshot(), chosen_strip(context).recaster.face)
        if hindrance:
            cls.poll_message_set(hindrance)
        return not hindrance


class RECASTER_OT_swap_strip(_FaceOperator):
    """Swap the face in the selected strips. A strip for which no face is chosen takes this one's"""

    bl_idname = "sequencer.recaster_swap"
    bl_label = "Face Swap"
    bl_options = {"REGISTER"}  # the result is the step to undo

    def do(self, context: Any, scene: Any, strip: Any) -> set[str]:
        """Begin the swaps."""
        begun = 0
        for one, original in targets(context):
            if original is not None:
                strip_choices.hand_on(original, one)
            elif one != strip and not one.recaster.face:
                strip_choices.choices_from(strip, [one])
            try:
                workflow.begin(scene, one)
                begun += 1
            except ShotError as error:  # the others are swapped all the same
                self.report({"ERROR"}, str(error))
        if begun:
            self.report({"INFO"}, f"Swapping {begun} strip{'s' if begun > 1 else ''}; see Recaster > Jobs")
        return {"FINISHED"} if begun else {"CANCELLED"}


def targets(context: Any) -> list[tuple[Any, Any | None]]:
    """The strips that Face Swap swaps: what is selected, or what selected results were made from.

    A result of one person is itself swapped where another one is chosen: then it shows both. Such a result
    comes with the strip that the choice was made on.
    """
    scene, shown = compat.scene_of(context), shown_clip(context)
    chosen = swappable(context)
    if shown is not None and shown not in chosen:
        chosen = [shown]
    found: list[tuple[Any, Any | None]] = []
    for one in chosen:
        original = workflow.original_of(scene, one)
        if original is not None and strip_choices.adds_person(original, one):
            wanted = one, original
        else:
            wanted = original or one, None
        if wanted not in found:
            found.append(wanted)
    return found


class RECASTER_OT_copy_settings(_StripOperator):
    """Let all selected strips be swapped as this one; whose face is swapped in them stays as it is"""

    bl_idname = "sequencer.recaster_copy_settings"
    bl_label = "Copy Settings to Selected"
    bl_options = {"REGISTER", "UNDO"}

    def do(self, context: Any, scene: Any, strip: Any) -> set[str]:
        """Copy them."""
        others = [workflow.original_of(scene, one) or one for one in swappable(context)]
        strip_choices.choices_from(strip, others)
        return {"FINISHED"}


class RECASTER_OT_preview_frame(_FaceOperator):
    """Swap only the frame under the playhead, and show it"""

    bl_idname = "sequencer.recaster_preview"
    bl_label = "Preview Frame"

    def do(self, _context: Any, scene: Any, strip: Any) -> set[str]:
        """Begin it."""
        previews.preview(strip, scene, scene.frame_current)
        return {"FINISHED"}


class RECASTER_OT_stop_search(bpy.types.Operator):
    """Stop looking for people, or swapping a frame"""

    bl_idname = "sequencer.recaster_stop_looking"
    bl_label = "Cancel"

    def execute(self, context: Any) -> set[str]:
        """Stop it; what the engine finds all the same is dropped."""
        strip = chosen_strip(context)
        if strip is None:
            return {"CANCELLED"}
        previews.stop(strip)
        return {"FINISHED"}


class RECASTER_OT_show_preview(bpy.types.Operator):
    """Show the previewed frame in a window of its own, at its full size"""

    bl_idname = "sequencer.recaster_show_preview"
    bl_label = "Full Size"

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Whether there is one."""
        strip = chosen_strip(context)
        return strip is not None and previews.seen(strip).preview is not None

    def execute(self, context: Any) -> set[str]:
        """Open the window."""
        images.show(previews.seen(chosen_strip(context)).preview)
        return {"FINISHED"}


class RECASTER_OT_find_people(_StripOperator):
    """Look who is in the strip, to choose whose face is swapped"""

    bl_idname = "sequencer.recaster_find_people"
    bl_label = "Find People"

    def do(self, _context: Any, scene: Any, strip: Any) -> set[str]:
        """Begin to look."""
        previews.find_people(strip, scene)
        return {"FINISHED"}


class RECASTER_OT_choose_person(bpy.types.Operator):
    """Swap this person's face"""

    bl_idname = "sequencer.recaster_choose_person"
    bl_label = "Choose Person"
    bl_options = {"REGISTER", "UNDO"}

    person: StringProperty()

    def execute(self, context: Any) -> set[str]:
        """Note it on the strip."""
        strip = chosen_strip(context)
        if strip is None:
            return {"CANCELLED"}
        previews.choose_person(strip, self.person)
        return {"FINISHED"}


class RECASTER_OT_choose_face(bpy.types.Operator):
    """Put this face on"""

    bl_idname = "sequencer.recaster_choose_face"
    bl_label = "Choose Face"
    bl_options = {"REGISTER", "UNDO"}

    face: StringProperty()

    @classmethod
    def description(cls, _context: Any, properties: Any) -> str:
        """What it is."""
        at_once = properties.face.startswith("faceset:")
        return "Put this face on without training" if at_once else "Put the face of this model on"

    def execute(self, context: Any) -> set[str]:
        """Note it on the strip."""
        strip = chosen_strip(context)
        if strip is None:
            return {"CANCELLED"}
        strip.recaster.face, strip.recaster.face_name = self.face, name_of_face(self.face)
        return {"FINISHED"}


def name_of_face(face: str) -> str:
    """What a model or faceset is called."""
    kind, _, name = face.partition(":")
    holder = consent.holder_of(session.snapshot(), face)
    if holder is None:
        return name
    return label_of_model(holder) if kind == "model" else f"{consent.called(holder)}, at once"


def label_of_model(model: Any) -> str:
    """A model's name and how long it was trained."""
    return f"{consent.called(model)} ({messages.text(model.preset)}, {jobs.clock(model.seconds)})"


class RECASTER_MT_faces(bpy.types.Menu):
    """The faces that can be put on"""

    bl_idname = "RECASTER_MT_faces"
    bl_label = "Face"

    def draw(self, _context: Any) -> None:
        """Models first, then faces without training."""
        found, layout = session.snapshot(), self.layout
        usable = [one for one in found.models if one.usable][:MODELS_SHOWN]
        for one in usable:
            layout.operator(
                RECASTER_OT_choose_face.bl_idname, text=label_of_model(one), icon="USER"
            ).face = f"model:{one.model_id}"
        for one in [one for one in found.models if one.unusable_reason][:MODELS_SHOWN]:
            row = layout.row()
            row.enabled = False
            text = f"{consent.called(one)}: {messages.plain(one.unusable_reason)}"
            row.label(text=text, icon="ERROR")
        if usable and found.facesets:
            layout.separator()
        for one in found.facesets[:MODELS_SHOWN]:
            text = f"{consent.called(one)} (at once, {one.faces} faces)"
            layout.operator(
                RECASTER_OT_choose_face.bl_idname, text=text, icon="OUTLINER_OB_POINTCLOUD"
            ).face = f"faceset:{one.faceset_id}"
        if not usable and not found.facesets:
            layout.label(text="No faces yet: Recaster > Train makes some from strips")


class RECASTER_OT_cancel_swap(bpy.types.Operator):
    """End this swap"""

    bl_idname = "sequencer.recaster_cancel_swap"
    bl_label = "Cancel"

    request: StringProperty()

    def execute(self, _context: Any) -> set[str]:
        """Cancel it here and at the engine."""
        errand = tasks.errands.get(self.request)
        if errand is None:
            return {"CANCELLED"}
        workflow.cancel(errand)
        return {"FINISHED"}


class RECASTER_OT_place_result(bpy.types.Operator):
    """Put the finished result on the timeline, now that there is room"""

    bl_idname = "sequencer.recaster_place"
    bl_label = "Place Result"
    bl_options = {"REGISTER"}

    request: StringProperty()

    def execute(self, _context: Any) -> set[str]:
        """Try once more."""
        errand = tasks.errands.get(self.request)
        if errand is None or errand.result is None:
            return {"CANCELLED"}
        workflow.put(errand)
        if errand.stage != "placed":
            self.report({"ERROR"}, errand.trouble)
            return {"CANCELLED"}
        return {"FINISHED"}


class RECASTER_OT_retry_swap(bpy.types.Operator):
    """Try a swap that failed once more"""

    bl_idname = "sequencer.recaster_again"
    bl_label = "Try Again"
    bl_options = {"REGISTER"}

    request: StringProperty()

    def execute(self, _context: Any) -> set[str]:
        """Begin it anew, or go on where it is done at the engine already."""
        errand = tasks.errands.get(self.request)
        if errand is not None and workflow.done_there(errand):
            workflow.fetch_again(errand)
            return {"FINISHED"}
        scene, strip = (None, None) if errand is None else tasks.strip_of(errand)
        if strip is None:
            self.report({"ERROR"}, "Its strip isn't here any more")
            return {"CANCELLED"}
        try:
            workflow.begin(scene, strip)
        except ShotError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        del tasks.errands[self.request]
        return {"FINISHED"}


class RECASTER_OT_clear_ended(bpy.types.Operator):
    """Remove what has ended from the list"""

    bl_idname = "sequencer.recaster_forget"
    bl_label = "Clear Ended"

    def execute(self, _context: Any) -> set[str]:
        """Forget what has ended, but no result that somebody may still want: swaps of other files, say."""
        from recaster.client.job_calls import ENDED

        for errand in [one for one in tasks.errands.values() if one.ended]:
            if not workflow.forgettable(errand):
                continue
            del tasks.errands[errand.request]
            if errand.job and errand.stage != "failed":
                jobs.tell("delete", errand.job)
        waited = {errand.job for errand in tasks.errands.values()}
        found = session.snapshot()
        for job in (found.jobs or {}).values():
            if job.state in ENDED and jobs.mine(found, job) and job.job_id not in waited:
                if job.spec.HasField("swap"):  # another file may wait for its result
                    jobs.hide(job.job_id)
                else:
                    jobs.tell("delete", job.job_id)
        session.redraw()
        return {"FINISHED"}


CLASSES = (
    RECASTER_OT_swap_strip,
    RECASTER_OT_copy_settings,
    RECASTER_OT_preview_frame,
    RECASTER_OT_stop_search,
    RECASTER_OT_show_preview,
    RECASTER_OT_find_people,
    RECASTER_OT_choose_person,
    RECASTER_OT_choose_face,
    RECASTER_MT_faces,
    RECASTER_OT_cancel_swap,
    RECASTER_OT_place_result,
    RECASTER_OT_retry_swap,
    RECASTER_OT_clear_ended,
)
