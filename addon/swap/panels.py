# SPDX-License-Identifier: GPL-3.0-or-later
"""Panels of swaps and of all jobs in the sequencer's sidebar."""

from __future__ import annotations

from typing import Any

import bpy

from .. import compat, images, messages, selection
from ..drawing import SequencerPanel, draw_line, words
from ..engine import jobs
from ..properties import KEYED, LOOK, MASKS, PROFILES, RESULT, keyed_name
from ..rights import panels as rights_panels
from ..state import addon_state
from . import cast, coverage_notes, looks, operators, placement, previews, strip_choices
from .result_parts import FRAME
from .source_range import kept_pictures
from .task_panels import draw_task
from .tasks import SwapStage

NAMES = 0.3
"""Share of a row that its name takes."""
FACE_SCALE = 4.0
FACES_IN_ROW = 3
PREVIEW_SCALE = 11.0
PERSON_ADDED = "The result keeps its person, and the one chosen now is swapped in it, too"
LAYER_ADDED = "The layer keeps its person, and the one chosen now gets one, too"


class RECASTER_PT_swap(SequencerPanel, bpy.types.Panel):
    """Select a strip, choose a face, swap."""

    bl_idname = "RECASTER_PT_swap"
    bl_label = "Face Swap"

    def draw(self, context: Any) -> None:
        """Draws the choices of the active strip."""
        layout = self.layout
        strip = selection.chosen_strip(context)
        if strip is None:
            layout.label(text="Select a movie or image strip", icon="INFO")
            return
        chosen = strip.recaster
        wanted = operators.targets(context)
        if len(wanted) > 1:
            row = layout.row(align=True)
            row.label(text=f"{len(wanted)} strips, each with its own settings", icon="INFO")
            row.operator(operators.RECASTER_OT_copy_settings.bl_idname, text="", icon="COPYDOWN")
        split = layout.split(factor=NAMES)
        split.label(text="Face")
        if chosen.cast:
            split.label(text="Each person their own, below")
        else:
            text = messages.text(chosen.face_name) or "Choose..."
            split.menu(operators.RECASTER_MT_faces.bl_idname, text=text)
        for face in dict.fromkeys(one.face for one in chosen.cast) or [chosen.face]:
            rights_panels.draw_basis(layout, face)
        _draw_people(layout, strip)
        adding = any(target.adopted is not None for target in wanted)
        if adding:
            words(layout, PERSON_ADDED, icon="INFO")
        elif any(target.adds_layer for target in wanted):
            words(layout, LAYER_ADDED, icon="INFO")
        row = layout.row(align=True)
        row.scale_y = 1.3
        row.operator(operators.RECASTER_OT_preview_frame.bl_idname, icon="RESTRICT_RENDER_OFF")
        text = "Swap Result Too" if adding else operators.RECASTER_OT_swap_strip.bl_label
        row.operator(operators.RECASTER_OT_swap_strip.bl_idname, text=text, icon="MOD_PHYSICS")
        count = len(selection.originals_of(compat.scene_of(context), operators.strips_for_all(context)))
        if count > 1:
            kind = "Selected" if operators.selects_several(context) else "Shown"
            text = f"Swap All {kind} ({count})"
            layout.operator(operators.RECASTER_OT_swap_all.bl_idname, text=text, icon="SEQUENCE")
        _draw_preview(layout, strip, compat.scene_of(context))
        _draw_told(layout, context, strip)
        for task in addon_state.tasks.values():
            if chosen.uid and task.uid == chosen.uid and task.stage != SwapStage.PLACED:
                draw_task(layout, task)


def _draw_people(layout: Any, strip: Any) -> None:
    """Draws the people in the strip, to choose whose face is swapped."""
    chosen = strip.recaster
    about = previews.view_of(strip)
    split = layout.split(factor=NAMES)
    split.label(text="Person")
    split.operator(operators.RECASTER_OT_find_people.bl_idname, icon="VIEWZOOM")
    portrait = images.icon(previews.portrait_icon(strip)) if chosen.person and not chosen.everyone else 0
    if portrait and chosen.person not in map(str, about.people):
        split = layout.split(factor=NAMES)
        split.template_icon(portrait, scale=FACE_SCALE)
        split.label(text="This person")
    elif chosen.person and not chosen.everyone and not portrait:
        words(layout, "Choose the person again: their picture isn't on this machine", icon="ERROR")
    _draw_found(layout, strip)
    for entry in chosen.cast:
        if entry.person not in map(str, about.people):
            split = layout.split(factor=NAMES)
            split.template_icon(images.icon(cast.cast_icon(entry)), scale=FACE_SCALE)
            _draw_cast_menu(split.column(), strip, entry.person)
    if chosen.cast:
        return
    row = layout.row(align=True)
    if chosen.person and not chosen.everyone:
        row.operator(
            operators.RECASTER_OT_choose_person.bl_idname, text="Main Person", icon="LOOP_BACK"
        ).person = ""
    else:
        row.label(text="" if chosen.everyone else "Main person")
    row.prop(chosen, "everyone", toggle=True)


def _draw_found(layout: Any, strip: Any) -> None:
    """Draws everybody who was found in the strip, with a menu of faces below each."""
    chosen = strip.recaster
    about = previews.view_of(strip)
    for first in range(0, len(about.people), FACES_IN_ROW):
        row = layout.row(align=True)
        for at in range(first, first + FACES_IN_ROW):
            column = row.column(align=True)
            if at >= len(about.people):
                column.label(text="")
                continue
            path = about.people[at]
            picked = chosen.person == str(path) and not chosen.everyone
            column.template_icon(images.icon(path), scale=FACE_SCALE)
            if not chosen.cast:
                column.operator(
                    operators.RECASTER_OT_choose_person.bl_idname,
                    text="This One" if picked else "Choose",
                    depress=picked,
                ).person = str(path)
            _draw_cast_menu(column, strip, str(path))


def _draw_cast_menu(layout: Any, strip: Any, person: str) -> None:
    """Draws the menu of faces beside a person: each has their own, in one swap."""
    entry = cast.entry_of(strip, person)
    text = "Cast..." if entry is None else messages.text(entry.face_name)
    menu = layout.operator_menu_enum(operators.RECASTER_OT_cast_face.bl_idname, "face", text=text)
    menu.person = person


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
        words(layout, f"Frame {about.frame}{': ' if old else ''}{old}", icon="ERROR" if old else "CHECKMARK")
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
            column.label(text=about.line, icon="CHECKMARK" if about.is_whole else "INFO")
            for line in lines:
                words(column, line)


class RECASTER_PT_look(SequencerPanel, bpy.types.Panel):
    """Settings of how the face is laid over the picture."""

    bl_idname = "RECASTER_PT_look"
    bl_label = "Look"
    bl_parent_id = "RECASTER_PT_swap"
    bl_options = {"DEFAULT_CLOSED"}

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Tells if there is a strip to choose for."""
        return selection.chosen_strip(context) is not None

    def draw(self, context: Any) -> None:
        """Mask, colour, smoothing, the clip's colour space."""
        strip = selection.chosen_strip(context)
        looks.draw_menu(self.layout)
        _draw_choices(self.layout, strip, (*LOOK, *MASKS))
        space = strip_choices.camera_space(strip)
        if space and strip.recaster.input_colour_space != space:
            words(self.layout, f"The strip's color space is {space}", icon="INFO")
            self.layout.operator(operators.RECASTER_OT_use_strip_space.bl_idname)


class RECASTER_PT_result(SequencerPanel, bpy.types.Panel):
    """Settings of the result."""

    bl_idname = "RECASTER_PT_result"
    bl_label = "Result"
    bl_parent_id = "RECASTER_PT_swap"
    bl_options = {"DEFAULT_CLOSED"}

    poll = RECASTER_PT_look.poll

    def draw(self, context: Any) -> None:
        """Strips, handles, codec and its profile, label, what becomes of the original."""
        strip = selection.chosen_strip(context)
        chosen = strip.recaster
        others = {name for codec, name in PROFILES.items() if codec != chosen.codec}
        kept = kept_pictures(strip)
        if kept:
            others = {"codec", *PROFILES.values()}
        _draw_choices(self.layout, strip, tuple(name for name in RESULT if name not in others))
        if kept:
            words(self.layout, f"The result is pictures as the strip's ({kept})", icon="INFO")


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
        }.get(name, True)
        if name in KEYED:  # with a button for its keys; several choices below each other
            row.column(align=True).prop(strip, keyed_name(name))
        else:
            row.prop(chosen, name)


def _in_menus(self: Any, _context: Any) -> None:
    self.layout.separator()
    self.layout.operator(operators.RECASTER_OT_swap_strip.bl_idname)
    self.layout.operator(operators.RECASTER_OT_swap_all.bl_idname, text="Face Swap All Shown")
    self.layout.operator(operators.RECASTER_OT_preview_frame.bl_idname, text="Preview Face Swap")


MENUS = ("SEQUENCER_MT_strip", "SEQUENCER_MT_context_menu")


def register_menus() -> None:
    """Face Swap in the Strip menu and under the right mouse button."""
    for name in MENUS:
        getattr(bpy.types, name).append(_in_menus)


def unregister_menus() -> None:
    """Takes it out again."""
    for name in MENUS:
        getattr(bpy.types, name).remove(_in_menus)


CLASSES = (RECASTER_PT_swap, RECASTER_PT_look, RECASTER_PT_result)
