# SPDX-License-Identifier: GPL-3.0-or-later
"""Face Swap and what helps to choose for it."""

from typing import Any, NamedTuple

import bpy
from bpy.props import EnumProperty, StringProperty

from .. import compat, images, selection
from ..engine import access, catalog, session
from ..rights import consent
from ..translations import translate, translate_count
from . import cast, face_pictures, previews, strip_choices, workflow
from .result_parts import FRAME, part_of
from .source_range import StripError

FACES_SHOWN = 40


class _StripOperator(bpy.types.Operator):
    """Something that is done to the strip whose settings are shown."""

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Tells if there is such a strip, and an engine."""
        return selection.poll_has_strip(cls, context) and access.poll_can_edit(cls)

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
        strip = selection.chosen_strip(context)
        if cast.is_nobody(strip):
            cls.poll_message_set(translate(strip_choices.NOBODY))
            return False
        reasons = (consent.blocking_reason(found, face) for face in cast.faces_of(strip))
        blocking_reason = next(filter(None, reasons), "")
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
            elif one != strip and "" in cast.faces_of(one):
                strip_choices.copy_choices(strip, [one])
            try:
                workflow.begin(scene, one, adds_person=target.adds_layer)
                begun += 1
            except StripError as error:  # the others are swapped all the same
                self.report({"ERROR"}, str(error))
        if begun:
            text = translate_count(
                "Swapping {count} strip; see Recaster > Jobs",
                "Swapping {count} strips; see Recaster > Jobs",
                begun,
            )
            self.report({"INFO"}, text)
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
        text = translate_count(
            "Swapping {count} strip; ranges of files: {ranges}; see Recaster > Jobs",
            "Swapping {count} strips; ranges of files: {ranges}; see Recaster > Jobs",
            len(begun),
            ranges=len({task.shared for task in begun}),
        )
        self.report({"INFO"}, text)
        return {"FINISHED"}


def selects_several(context: Any) -> bool:
    """Tells if all selected strips are meant by all, instead of all that the edit shows."""
    return len(selection.swappable(context)) > 1


def strips_for_all(context: Any) -> list[Any]:
    """The strips that are meant by all."""
    return selection.swappable(context) if selects_several(context) else selection.clips_of_edit(context)


class Target(NamedTuple):
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
        count = len([one for one in others if one != strip])
        self.report({"INFO"}, translate_count("Copied to {count} strip", "Copied to {count} strips", count))
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

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Tells if something is being found out about the strip."""
        strip = selection.chosen_strip(context)
        if strip is None or previews.view_of(strip).work is None:
            cls.poll_message_set(translate("Nothing is being looked for in this strip"))
            return False
        return True

    def execute(self, context: Any) -> set[str]:
        """Stops it; what the engine finds all the same is dropped."""
        previews.stop(previews.view_of(selection.chosen_strip(context)))
        return {"FINISHED"}


class RECASTER_OT_show_preview(bpy.types.Operator):
    """Show the previewed frame in a window of its own, at its full size"""

    bl_idname = "sequencer.recaster_show_preview"
    bl_label = "Full Size"

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Tells if there is one."""
        strip = selection.chosen_strip(context)
        if strip is None or previews.view_of(strip).preview is None:
            cls.poll_message_set(translate("Preview a frame of the strip first"))
            return False
        return True

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
    """Swap this person and nobody else"""

    bl_idname = "sequencer.recaster_choose_person"
    bl_label = "Choose Person"
    bl_options = {"REGISTER", "UNDO"}

    person: StringProperty()

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Tells if a strip's settings are shown."""
        return selection.poll_has_strip(cls, context)

    @classmethod
    def description(cls, _context: Any, properties: Any) -> str:
        """Says it of the main person, too."""
        return translate(cls.__doc__ if properties.person else "Clear the list: the main person is swapped")

    def execute(self, context: Any) -> set[str]:
        """Notes it on the strip."""
        cast.choose_person(selection.chosen_strip(context), self.person)
        return {"FINISHED"}


class RECASTER_OT_choose_face(bpy.types.Operator):
    """Put this face on"""

    bl_idname = "sequencer.recaster_choose_face"
    bl_label = "Choose Face"
    bl_options = {"REGISTER", "UNDO"}

    face: StringProperty()

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Tells if a strip's settings are shown."""
        return selection.poll_has_strip(cls, context)

    @classmethod
    def description(cls, _context: Any, properties: Any) -> str:
        """Says what kind of face it is."""
        at_once = properties.face.startswith("faceset:")
        return translate("Put this face on without training" if at_once else "Put the face of this model on")

    def execute(self, context: Any) -> set[str]:
        """Notes it on the strip."""
        strip = selection.chosen_strip(context)
        strip.recaster.face = self.face
        strip.recaster.face_name = catalog.face_label(self.face)
        return {"FINISHED"}


SAME = "same"
NOBODY = "nobody"
_cast_items: list[tuple[str, str, str, int, int]] = []


def _list_cast_items(_operator: Any, _context: Any) -> list[tuple[str, str, str, int, int]]:
    """The faces that can be put on somebody, and none; Blender wants texts that stay alive."""
    found = session.engine_state()
    models = [f"model:{one.model_id}" for one in found.models if one.usable]
    sets = [f"faceset:{one.faceset_id}" for one in found.facesets]
    _cast_items[:] = [
        (SAME, "Strip's Face", "Put the face on this person that is chosen for the strip", 0, 0),
        (NOBODY, "Not Swapped", "Leave this person as they are", 0, 1),
    ]
    for face in [*models[:FACES_SHOWN], *sets[:FACES_SHOWN]]:
        holder = catalog.holder_of(found, face)
        title = f"{catalog.display_name(holder)} ({catalog.effort_label(holder)})"
        icon = face_pictures.icon_of(found, face)
        _cast_items.append((face, title, "Put this face on this person", icon, len(_cast_items)))
    return _cast_items


class RECASTER_OT_cast_face(bpy.types.Operator):
    """Put a face on this person; others can have others, in one swap"""

    bl_idname = "sequencer.recaster_cast_face"
    bl_label = "Face of This Person"
    bl_options = {"REGISTER", "UNDO"}

    person: StringProperty()
    face: EnumProperty(name="Face", items=_list_cast_items)

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Tells if a strip's settings are shown."""
        return selection.poll_has_strip(cls, context)

    def execute(self, context: Any) -> set[str]:
        """Notes it on the strip."""
        strip = selection.chosen_strip(context)
        face = "" if self.face in (SAME, NOBODY) else self.face
        cast.cast_face(strip, self.person, face, swapped=self.face != NOBODY)
        return {"FINISHED"}


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
)
