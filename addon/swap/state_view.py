# SPDX-License-Identifier: GPL-3.0-or-later
"""A list of all strips of the scene with the state of each one's swap."""

from typing import Any, NamedTuple

import bpy
from bpy.props import StringProperty

from .. import compat, messages, selection
from ..drawing import SequencerPanel
from ..engine import jobs, session
from ..state import addon_state
from ..translations import CONTEXT, translate
from . import versions
from .cast import face_names_of
from .tasks import SwapStage, SwapTask

ROWS = 6
NAME_SHARE = 0.4
FACE_SHARE = 0.45
"""Share of a row that its strip's name takes, and of the rest that the face's name does."""
MIN_WIDTH_OF_FACES = 280
"""Pixels of an ordinary screen that a sidebar is wide where names of faces have room beside the state."""


class StripState(NamedTuple):
    """State of a strip's swap.

    Attributes:
        text: a word or two.
        icon: Blender's name of an icon.
        share: how much is done, 0 to 1, while it is being swapped; None otherwise.
    """

    text: str
    icon: str = "NONE"
    share: float | None = None


def state_of(scene: Any, strip: Any) -> StripState:
    """Returns the state of a strip's swap: what goes on, or failed, else what its result is like."""
    task = newest_task(strip)
    if task is not None and not task.has_ended:
        return _state_of_work(task)
    if task is not None and task.stage == SwapStage.FAILED:
        return StripState(translate("No face" if task.is_faceless else "Failed"), "ERROR")
    results = versions.results_shown(scene, strip)
    if not results:
        return StripState("", "BLANK1")
    shown = versions.shown_version(strip, results)
    if shown is not None and versions.differs(strip, scene, shown):
        return StripState(translate("Differs"), "FILE_REFRESH")
    is_draft = shown is not None and versions.is_draft(shown)
    return StripState(translate("Draft" if is_draft else "Done"), "CHECKMARK")


def newest_task(strip: Any) -> SwapTask | None:
    """The swap of a strip that was asked for last."""
    uid = strip.recaster.uid
    return next((one for one in reversed(addon_state.tasks.values()) if uid and one.uid == uid), None)


def _state_of_work(task: SwapTask) -> StripState:
    """The state of a swap that is on its way."""
    from recaster.api.v1 import job_pb2

    job = session.engine_state().job(task.job) if task.stage == SwapStage.WORKING else None
    if job is not None and job.state == job_pb2.JOB_STATE_RUNNING:
        line = jobs.job_line(job)
        return StripState(f"{line.share or 0:.0%}", share=line.share or 0.0)
    if task.stage == SwapStage.FETCHING:
        return StripState(translate("Fetching"), "SORTTIME")
    paused = job is not None and job.state in (job_pb2.JOB_STATE_PAUSED, job_pb2.JOB_STATE_PAUSING)
    return StripState(translate("Paused" if paused else "Asked"), "PAUSE" if paused else "SORTTIME")


class RECASTER_OT_go_to_strip(bpy.types.Operator):
    """Select this strip, and bring it into view"""

    bl_idname = "sequencer.recaster_go_to_strip"
    bl_label = "Go to Strip"
    bl_options = {"REGISTER", "UNDO"}

    strip: StringProperty()

    def execute(self, context: Any) -> set[str]:
        """Selects it alone."""
        scene = compat.scene_of(context)
        strips = compat.all_strips(scene)
        wanted = next((one for one in strips if one.name == self.strip), None)
        if wanted is None:
            return {"CANCELLED"}
        for one in strips:
            one.select = one == wanted
        scene.sequence_editor.active_strip = wanted
        context.window_manager.recaster_strip = strips.index(wanted)
        around = wanted.parent_meta()
        if around is not None and around not in scene.sequence_editor.meta_stack:
            text = translate("It is in the meta strip {name}: open that to see it", name=around.name)
            self.report({"INFO"}, text)
        elif not bpy.app.background:
            compat.frame_selected()
        return {"FINISHED"}


class RECASTER_UL_strips(bpy.types.UIList):
    """Movie and image strips of the scene, in their order on the timeline."""

    bl_idname = "RECASTER_UL_strips"

    def filter_items(self, _context: Any, data: Any, name: str) -> tuple[list[int], list[int]]:
        """Leaves out results, and what can't be swapped."""
        strips = list(getattr(data, name))
        wanted = [is_listed(one, self.filter_name) for one in strips]
        order = sorted(range(len(strips)), key=lambda at: _place_of(strips[at]))
        places = {at: place for place, at in enumerate(order)}
        return [self.bitflag_filter_item * each for each in wanted], [places[at] for at in range(len(strips))]

    def draw_item(
        self, context: Any, layout: Any, _data: Any, strip: Any, _icon: int, _active: Any, _name: str
    ) -> None:
        """Name, face and state of a strip; a click on the name goes there."""
        row = layout.split(factor=NAME_SHARE)
        icon = "FILE_MOVIE" if strip.type == "MOVIE" else "IMAGE_DATA"
        go = row.row()
        go.alignment = "LEFT"
        go.operator(
            RECASTER_OT_go_to_strip.bl_idname, text=strip.name, translate=False, icon=icon, emboss=False
        ).strip = strip.name
        rest = row
        if has_room_for_faces(context):
            rest = row.split(factor=FACE_SHARE)
            rest.label(text=messages.text(", ".join(face_names_of(strip))), translate=False)
        state = state_of(compat.scene_of(context), strip)
        if state.share is not None:
            rest.progress(factor=state.share, text=state.text, translate=False)
        else:
            rest.label(text=state.text, icon=state.icon, translate=False)


def has_room_for_faces(context: Any) -> bool:
    """Tells if the sidebar is as wide as names of faces need; there is none without a window."""
    region = context.region
    return region is None or region.width / context.preferences.system.ui_scale >= MIN_WIDTH_OF_FACES


def is_listed(strip: Any, wanted: str) -> bool:
    """Tells if the list has a strip: one that can be swapped, and whose name holds what was typed."""
    own = strip.recaster
    return strip.type in selection.CLIP_TYPES and not own.result_of and wanted.lower() in strip.name.lower()


def _place_of(strip: Any) -> tuple[int, int]:
    return compat.left_handle(strip), strip.channel


class RECASTER_PT_strips(SequencerPanel, bpy.types.Panel):
    """All strips of the scene and the states of their swaps."""

    bl_idname = "RECASTER_PT_strips"
    bl_label = "Strips"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: Any) -> None:
        """Draws the list."""
        editor = compat.scene_of(context).sequence_editor
        if editor is None:
            self.layout.label(text="No strips yet", text_ctxt=CONTEXT)
            return
        name = "strips_all" if hasattr(editor, "strips_all") else "sequences_all"
        self.layout.template_list(
            RECASTER_UL_strips.bl_idname,
            "",
            editor,
            name,
            context.window_manager,
            "recaster_strip",
            rows=ROWS,
        )


CLASSES = (RECASTER_OT_go_to_strip, RECASTER_UL_strips, RECASTER_PT_strips)
