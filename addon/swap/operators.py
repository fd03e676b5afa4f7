# SPDX-License-Identifier: GPL-3.0-or-later
"""Face Swap and what helps to choose for it."""

from dataclasses import dataclass
from typing import Any

import bpy
from bpy.props import EnumProperty, StringProperty

from .. import compat, images, messages, selection
from ..engine import access, catalog, session
from ..rights import consent
from . import cast, previews, strip_choices, workflow
from .result_parts import FRAME, part_of
from .source_range import StripError

MODELS_SHOWN = 40


class _StripOperator(bpy.types.Operator):
    """Something that is done to the strip whose settings are shown."""

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Tells if there is such a strip, and an engine."""
        if selection.chosen_strip(context) is None:
            cls.poll_message_set("Select a movie or image strip in the sequencer")
            return False
        return access.poll_can_edit(cls)

    def execute(self, context: Any) -> set[str]:
        """Does it; what is wrong with the strip is said."""
        try:
            return self.do(context, compat.scene_of(context), selection.chosen_strip(context))
        except StripError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}

    def do(self, context: Any, scene: Any, strip: Any) -> set[str]:
        """Does it (StripError)."""
        raise AssertionError


class _FaceOperator(_StripOperator):
    """Something that puts a face on."""

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Tells if there is a strip, an engine, and a face that may be put on."""
        if not super().poll(context):
            return False
        found = session.engine_state()
        own = selection.chosen_strip(context).recaster
        faces = [one.face for one in own.cast] or [own.face]
        blocking_reason = next(filter(None, (consent.blocking_reason(found, face) for face in faces)), "")
        if blocking_reason:
            cls.poll_message_set(blocking_reason)
        return not blocking_reason


class RECASTER_OT_swap_strip(_FaceOperator):
    """Swap the face in the selected strips. A strip for which no face is chosen takes this one's"""

    bl_idname = "sequencer.recaster_swap"
    bl_label = "Face Swap"
    bl_options = {"REGISTER"}  # the result is the step to undo

    def do(self, context: Any, scene: Any, strip: Any) -> set[str]:
        """Begins the swaps."""
        begun = 0
        for target in targets(context):
            one = target.strip
            if target.adopted is not None:
                strip_choices.adopt_choices(target.adopted, one)
            elif one != strip and not one.recaster.face and not one.recaster.cast:
                strip_choices.copy_choices(strip, [one])
            try:
                workflow.begin(scene, one, adds_person=target.adds_layer)
                begun += 1
            except StripError as error:  # the others are swapped all the same
                self.report({"ERROR"}, str(error))
        if begun:
            self.report({"INFO"}, f"Swapping {messages.count_of(begun, 'strip')}; see Recaster > Jobs")
        return {"FINISHED"} if begun else {"CANCELLED"}


class RECASTER_OT_swap_all(_FaceOperator):
    """Swap the face in many strips as in this one, frames that several of them show only once"""

    bl_idname = "sequencer.recaster_swap_all"
    bl_label = "Swap All Shown"
    bl_description = (
        "Swap the face in all selected strips, or, where no more than one is selected, in all that the edit "
        "shows. All take this strip's face and look, and the person to swap where one is chosen here. "
        "Frames of a file that several strips show are swapped once"
    )
    bl_options = {"REGISTER", "UNDO"}

    def do(self, context: Any, scene: Any, strip: Any) -> set[str]:
        """Begins the swaps."""
        chosen = strips_for_all(context)
        originals = selection.originals_of(scene, chosen)
        strip_choices.copy_choices(strip, originals)
        strip_choices.copy_person(strip, originals)
        wanted = [Target(one) for one in originals]
        if selects_several(context):
            wanted = _targets_of(scene, chosen)
        for target in wanted:
            if target.adopted is not None:
                strip_choices.adopt_choices(target.adopted, target.strip)
        begun, troubles = workflow.begin_all(scene, [(one.strip, one.adds_layer) for one in wanted])
        if troubles:
            self.report({"WARNING" if begun else "ERROR"}, "; ".join(troubles))
        if not begun:
            return {"CANCELLED"}
        ranges = messages.count_of(len({task.shared for task in begun}), "range")
        strips = messages.count_of(len(begun), "strip")
        self.report({"INFO"}, f"Swapping {strips}, {ranges} of files; see Recaster > Jobs")
        return {"FINISHED"}


def selects_several(context: Any) -> bool:
    """Tells if all selected strips are meant by all, instead of all that the edit shows."""
    return len(selection.swappable(context)) > 1


def strips_for_all(context: Any) -> list[Any]:
    """The strips that are meant by all."""
    return selection.swappable(context) if selects_several(context) else selection.clips_of_edit(context)


@dataclass(frozen=True)
class Target:
    """A strip that Face Swap swaps.

    Attributes:
        strip: what is swapped.
        adopted: where a result is itself swapped for another person, the strip on which that was chosen.
        adds_layer: whether another person gets a layer beside those of earlier results.
    """

    strip: Any
    adopted: Any | None = None
    adds_layer: bool = False


def targets(context: Any) -> list[Target]:
    """The strips that Face Swap swaps: what is selected, or what selected results were made from.

    A result of one person is itself swapped where another one is chosen: then it shows both. Layers can't be:
    the next person gets one of their own, made from the same original.
    """
    scene = compat.scene_of(context)
    shown = selection.shown_clip(context)
    chosen = selection.swappable(context)
    if shown is not None and shown not in chosen:
        chosen = [shown]
    return _targets_of(scene, chosen)


def _targets_of(scene: Any, chosen: list[Any]) -> list[Target]:
    """The same of strips that are known."""
    found: list[Target] = []
    for one in chosen:
        original = selection.original_of(scene, one)
        if original is None or not strip_choices.adds_person(original, one):
            wanted = Target(original or one)
        elif part_of(one) == FRAME and original.recaster.result == FRAME:
            wanted = Target(one, adopted=original)
        else:
            wanted = Target(original, adds_layer=True)
        if wanted not in found:
            found.append(wanted)
    return found


class RECASTER_OT_copy_settings(_StripOperator):
    """Let all selected strips be swapped as this one; whose face is swapped in them stays as it is"""

    bl_idname = "sequencer.recaster_copy_settings"
    bl_label = "Copy Settings to Selected"
    bl_options = {"REGISTER", "UNDO"}

    def do(self, context: Any, scene: Any, strip: Any) -> set[str]:
        """Copies them."""
        others = [selection.original_of(scene, one) or one for one in selection.swappable(context)]
        strip_choices.copy_choices(strip, others)
        return {"FINISHED"}


class RECASTER_OT_use_strip_space(_StripOperator):
    """Swap this strip in the log space that Blender takes its file for"""

    bl_idname = "sequencer.recaster_use_strip_space"
    bl_label = "Use Strip's Color Space"
    bl_options = {"REGISTER", "UNDO"}

    def do(self, _context: Any, _scene: Any, strip: Any) -> set[str]:
        """Takes it over."""
        strip.recaster.input_colour_space = strip_choices.camera_space(strip)
        return {"FINISHED"}


class RECASTER_OT_preview_frame(_FaceOperator):
    """Swap only the frame under the playhead, and show it"""

    bl_idname = "sequencer.recaster_preview"
    bl_label = "Preview Frame"

    def do(self, _context: Any, scene: Any, strip: Any) -> set[str]:
        """Begins it."""
        previews.preview_frame(strip, scene, scene.frame_current)
        return {"FINISHED"}


class RECASTER_OT_stop_search(bpy.types.Operator):
    """Stop looking for people, or swapping a frame"""

    bl_idname = "sequencer.recaster_stop_looking"
    bl_label = "Cancel"

    def execute(self, context: Any) -> set[str]:
        """Stops it; what the engine finds all the same is dropped."""
        strip = selection.chosen_strip(context)
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
        """Tells if there is one."""
        strip = selection.chosen_strip(context)
        return strip is not None and previews.view_of(strip).preview is not None

    def execute(self, context: Any) -> set[str]:
        """Opens the window."""
        images.show(previews.view_of(selection.chosen_strip(context)).preview)
        return {"FINISHED"}


class RECASTER_OT_find_people(_StripOperator):
    """Look who is in the strip, to choose whose face is swapped"""

    bl_idname = "sequencer.recaster_find_people"
    bl_label = "Find People"

    def do(self, _context: Any, scene: Any, strip: Any) -> set[str]:
        """Begins to look."""
        previews.find_people(strip, scene)
        return {"FINISHED"}


class RECASTER_OT_choose_person(bpy.types.Operator):
    """Swap this person's face"""

    bl_idname = "sequencer.recaster_choose_person"
    bl_label = "Choose Person"
    bl_options = {"REGISTER", "UNDO"}

    person: StringProperty()

    def execute(self, context: Any) -> set[str]:
        """Notes it on the strip."""
        strip = selection.chosen_strip(context)
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
        """Says what kind of face it is."""
        at_once = properties.face.startswith("faceset:")
        return "Put this face on without training" if at_once else "Put the face of this model on"

    def execute(self, context: Any) -> set[str]:
        """Notes it on the strip."""
        strip = selection.chosen_strip(context)
        if strip is None:
            return {"CANCELLED"}
        strip.recaster.face = self.face
        strip.recaster.face_name = catalog.face_label(self.face)
        return {"FINISHED"}


NOBODY = "nobody"
_cast_items: list[tuple[str, str, str]] = []


def _list_cast_items(_operator: Any, _context: Any) -> list[tuple[str, str, str]]:
    """The faces that can be put on somebody, and none; Blender wants texts that stay alive."""
    found = session.engine_state()
    models = [(f"model:{one.model_id}", catalog.model_label(one)) for one in found.models if one.usable]
    sets = [(f"faceset:{one.faceset_id}", f"{catalog.display_name(one)} (at once)") for one in found.facesets]
    faces = [*models[:MODELS_SHOWN], *sets[:MODELS_SHOWN]]
    _cast_items[:] = [
        (NOBODY, "Not Swapped", "Leave this person as they are"),
        *((face, title, "Put this face on this person") for face, title in faces),
    ]
    return _cast_items


class RECASTER_OT_cast_face(bpy.types.Operator):
    """Put a face on this person, and others on others, in one swap"""

    bl_idname = "sequencer.recaster_cast_face"
    bl_label = "Cast"
    bl_options = {"REGISTER", "UNDO"}

    person: StringProperty()
    face: EnumProperty(name="Face", items=_list_cast_items)

    def execute(self, context: Any) -> set[str]:
        """Notes it on the strip."""
        strip = selection.chosen_strip(context)
        if strip is None:
            return {"CANCELLED"}
        cast.cast_face(strip, self.person, "" if self.face == NOBODY else self.face)
        return {"FINISHED"}


class RECASTER_MT_faces(bpy.types.Menu):
    """The faces that can be put on"""

    bl_idname = "RECASTER_MT_faces"
    bl_label = "Face"

    def draw(self, _context: Any) -> None:
        """Models first, then faces without training."""
        found = session.engine_state()
        layout = self.layout
        usable = [one for one in found.models if one.usable][:MODELS_SHOWN]
        for one in usable:
            layout.operator(
                RECASTER_OT_choose_face.bl_idname, text=catalog.model_label(one), icon="USER"
            ).face = f"model:{one.model_id}"
        for one in [one for one in found.models if one.unusable_reason][:MODELS_SHOWN]:
            row = layout.row()
            row.enabled = False
            text = f"{catalog.display_name(one)}: {messages.plain(one.unusable_reason)}"
            row.label(text=text, icon="ERROR")
        if usable and found.facesets:
            layout.separator()
        for one in found.facesets[:MODELS_SHOWN]:
            text = f"{catalog.display_name(one)} (at once, {one.faces} faces)"
            layout.operator(
                RECASTER_OT_choose_face.bl_idname, text=text, icon="OUTLINER_OB_POINTCLOUD"
            ).face = f"faceset:{one.faceset_id}"
        if not usable and not found.facesets:
            layout.label(text="No faces yet: Recaster > Train makes some from strips")


CLASSES = (
    RECASTER_OT_swap_strip,
    RECASTER_OT_swap_all,
    RECASTER_OT_copy_settings,
    RECASTER_OT_use_strip_space,
    RECASTER_OT_preview_frame,
    RECASTER_OT_stop_search,
    RECASTER_OT_show_preview,
    RECASTER_OT_find_people,
    RECASTER_OT_choose_person,
    RECASTER_OT_choose_face,
    RECASTER_OT_cast_face,
    RECASTER_MT_faces,
)
