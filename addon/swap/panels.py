# SPDX-License-Identifier: GPL-3.0-or-later
"""Panels of swaps and of all jobs in the sequencer's sidebar."""

from __future__ import annotations

from typing import Any

import bpy

from .. import compat, images, selection
from ..drawing import SequencerPanel, StripTabPanel, button_row, draw_line, words
from ..engine import catalog, jobs, session
from ..properties import KEYED, LOOK, PROFILES, RESULT, keyed_name
from ..state import addon_state
from ..translations import CONTEXT, translate
from . import (
    coverage_notes,
    face_grid,
    looks,
    mask_panel,
    operators,
    people_list,
    placement,
    presets,
    previews,
    strip_choices,
    version_operators,
)
from .result_parts import FRAME
from .source_range import kept_pictures
from .task_panels import draw_task
from .tasks import SwapStage

PREVIEW_SCALE = 11.0
PERSON_ADDED = "The result keeps its person, and the one chosen now is swapped in it, too"
LAYER_ADDED = "The layer keeps its person, and the one chosen now gets one, too"


class _SwapPanel:
    """Select a strip, choose a face, swap."""

    bl_label = "Face Swap"

    def draw_header_preset(self, context: Any) -> None:
        """Draws the button of presets where there is a strip for them."""
        if selection.chosen_strip(context) is not None:
            presets.RECASTER_PT_strip_presets.draw_panel_header(self.layout)

    def draw(self, context: Any) -> None:
        """Draws the choices of the active strip."""
        layout = self.layout
        strip = selection.chosen_strip(context)
        if strip is None:
            layout.label(text="Select a movie or image strip", text_ctxt=CONTEXT, icon="INFO")
            return
        chosen = strip.recaster
        wanted = operators.targets(context)
        if len(wanted) > 1:
            row = layout.row(align=True)
            text = translate("{count} strips, each with its own settings", count=len(wanted))
            row.label(text=text, icon="INFO", translate=False)
            row.operator(operators.RECASTER_OT_copy_settings.bl_idname, text="", icon="COPYDOWN")
        face_grid.draw_face(layout, strip)
        people_list.draw_people(layout, strip)
        adding = any(target.adopted is not None for target in wanted)
        if adding:
            words(layout, translate(PERSON_ADDED), icon="INFO")
        elif any(target.adds_layer for target in wanted):
            words(layout, translate(LAYER_ADDED), icon="INFO")
        grid = button_row(layout)
        grid.scale_y = 1.3
        grid.row(align=True).operator(
            operators.RECASTER_OT_preview_frame.bl_idname, text="Preview", icon="RESTRICT_RENDER_OFF"
        )
        grid.row(align=True).operator(
            operators.RECASTER_OT_swap_strip.bl_idname,
            text="Swap Result Too" if adding else "Face Swap",
            icon="MOD_PHYSICS",
        )
        count = len(selection.originals_of(compat.scene_of(context), operators.strips_for_all(context)))
        if count > 1:
            is_selected = operators.selects_several(context)
            text = "Swap All Selected ({count})" if is_selected else "Swap All Shown ({count})"
            layout.operator(
                operators.RECASTER_OT_swap_all.bl_idname,
                text=translate(text, count=count),
                translate=False,
                icon="SEQUENCE",
            )
        _draw_preview(layout, strip, compat.scene_of(context))
        _draw_told(layout, context, strip)
        for task in addon_state.tasks.values():
            is_here = chosen.uid and task.uid == chosen.uid and not task.errand
            if is_here and task.stage != SwapStage.PLACED:
                draw_task(layout, task)


def _draw_preview(layout: Any, strip: Any, scene: Any) -> None:
    """Draws what is being found out, what went wrong, and the previewed frame."""
    about = previews.view_of(strip)
    if about.work is not None:
        row = layout.row(align=True)
        draw_line(row.column(align=True), jobs.work_line(about.work))
        row.operator(operators.RECASTER_OT_stop_search.bl_idname, text="", icon="X")
    if about.trouble:
        words(layout, about.trouble, icon="ERROR")
    if about.preview is not None and images.icon(about.icon):
        old = previews.why_stale(strip, scene)
        text = translate("Frame {frame}: {why}" if old else "Frame {frame}", frame=about.frame, why=old)
        words(layout, text, icon="ERROR" if old else "CHECKMARK")
        layout.template_icon(images.icon(about.icon), scale=PREVIEW_SCALE)
        layout.operator(operators.RECASTER_OT_show_preview.bl_idname, icon="FULLSCREEN_ENTER")
        for warning in about.warnings:
            words(layout, warning, icon="INFO")


def _draw_told(layout: Any, context: Any, strip: Any) -> None:
    """Draws the frames of the strip's result that weren't swapped, and why."""
    shown = selection.shown_clip(context)
    scene = compat.scene_of(context)
    results = placement.results_of(placement.container_of(scene, strip), strip)
    for result in [shown] if shown in results or shown != strip else results[:1]:
        found = coverage_notes.lines_of(result)
        if found is not None:
            about, lines = found
            column = layout.column(align=True)
            words(column, about.line, icon="CHECKMARK" if about.is_whole else "INFO")
            for line in lines:
                words(column, line)


class _LookPanel:
    """Settings of how the face is laid over the picture."""

    bl_label = "Look"
    bl_options = {"DEFAULT_CLOSED"}

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Tells if there is a strip to choose for."""
        return selection.chosen_strip(context) is not None

    def draw(self, context: Any) -> None:
        """Mask, colour, smoothing, the clip's colour space."""
        strip = selection.chosen_strip(context)
        looks.draw_menu(self.layout)
        _draw_choices(self.layout, strip, LOOK)
        mask_panel.draw_masks(self.layout, strip)
        space = strip_choices.camera_space(strip)
        if space and strip.recaster.input_colour_space != space:
            words(self.layout, translate("The strip's color space is {space}", space=space), icon="INFO")
            self.layout.operator(operators.RECASTER_OT_use_strip_space.bl_idname)


class _ResultPanel:
    """Settings of the result."""

    bl_label = "Result"
    bl_options = {"DEFAULT_CLOSED"}

    poll = _LookPanel.poll

    def draw(self, context: Any) -> None:
        """Strips, handles, codec and its profile, label, what becomes of the original."""
        strip = selection.chosen_strip(context)
        chosen = strip.recaster
        others = {name for codec, name in PROFILES.items() if codec != chosen.codec}
        kept = kept_pictures(strip)
        if kept:
            others = {"codec", *PROFILES.values()}
        version_operators.draw_versions(self.layout, context, strip)
        _draw_choices(self.layout, strip, tuple(name for name in RESULT if name not in others))
        if kept:
            text = translate("The result is pictures as the strip's ({kind})", kind=kept)
            words(self.layout, text, icon="INFO")


class RECASTER_PT_swap(SequencerPanel, _SwapPanel, bpy.types.Panel):
    """The first panel of the tab."""

    bl_idname = "RECASTER_PT_swap"


class RECASTER_PT_look(SequencerPanel, _LookPanel, bpy.types.Panel):
    """A part of it."""

    bl_idname = "RECASTER_PT_look"
    bl_parent_id = "RECASTER_PT_swap"


class RECASTER_PT_result(SequencerPanel, _ResultPanel, bpy.types.Panel):
    """A part of it."""

    bl_idname = "RECASTER_PT_result"
    bl_parent_id = "RECASTER_PT_swap"


class RECASTER_PT_strip_swap(StripTabPanel, _SwapPanel, bpy.types.Panel):
    """The same among the strip's properties."""

    bl_idname = "RECASTER_PT_strip_swap"
    bl_options = {"DEFAULT_CLOSED"}

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Tells if there is a strip to choose for; others are no business of this panel."""
        return selection.chosen_strip(context) is not None


class RECASTER_PT_strip_look(StripTabPanel, _LookPanel, bpy.types.Panel):
    """A part of it."""

    bl_idname = "RECASTER_PT_strip_look"
    bl_parent_id = "RECASTER_PT_strip_swap"


class RECASTER_PT_strip_result(StripTabPanel, _ResultPanel, bpy.types.Panel):
    """A part of it."""

    bl_idname = "RECASTER_PT_strip_result"
    bl_parent_id = "RECASTER_PT_strip_swap"


def _draw_choices(layout: Any, strip: Any, names: tuple[str, ...]) -> None:
    chosen = strip.recaster
    layout.use_property_split = True
    column = layout.column()
    for name in names:
        row = column.row()
        row.use_property_decorate = name in KEYED
        row.enabled = {
            "label_language": chosen.label != "none",
            "keep_feather": bool(chosen.keep),
            "mute": chosen.result == FRAME,
            "draft": chosen.draft or not catalog.lacks_option(session.last_engine_state(), "draft"),
        }.get(name, True)
        if name in KEYED:  # with a button for its keys; several choices below each other
            row.column(align=True).prop(strip, keyed_name(name))
        else:
            row.prop(chosen, name)


def _in_menus(self: Any, _context: Any) -> None:
    layout = self.layout
    layout.separator()
    layout.operator(operators.RECASTER_OT_swap_strip.bl_idname, icon="MOD_PHYSICS")
    layout.operator(operators.RECASTER_OT_swap_all.bl_idname, text="Face Swap All Shown", icon="SEQUENCE")
    layout.operator(
        operators.RECASTER_OT_preview_frame.bl_idname, text="Preview Face Swap", icon="RESTRICT_RENDER_OFF"
    )


MENUS = ("SEQUENCER_MT_strip", "SEQUENCER_MT_context_menu")


def register_menus() -> None:
    """Face Swap in the Strip menu and under the right mouse button."""
    for name in MENUS:
        getattr(bpy.types, name).append(_in_menus)


def unregister_menus() -> None:
    """Takes it out again."""
    for name in MENUS:
        getattr(bpy.types, name).remove(_in_menus)


CLASSES = (
    RECASTER_PT_swap,
    RECASTER_PT_look,
    RECASTER_PT_result,
    RECASTER_PT_strip_swap,
    RECASTER_PT_strip_look,
    RECASTER_PT_strip_result,
)
