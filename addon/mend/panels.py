# SPDX-License-Identifier: GPL-3.0-or-later
"""Panel of what was found in a strip: faces at the playhead, and trouble."""

from __future__ import annotations

from typing import Any

import bpy

from .. import compat, selection
from ..drawing import SequencerPanel, button_row, draw_line, words
from ..engine import jobs
from ..translations import CONTEXT, translate, translate_count
from . import operators, overlay, tracks, trouble_markers
from .dragging import RECASTER_OT_drag_faces

MAX_SHOWN_TROUBLE = 12


class RECASTER_PT_mend(SequencerPanel, bpy.types.Panel):
    """Look what was found in the strip, and put it right."""

    bl_idname = "RECASTER_PT_mend"
    bl_label = "Mend"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: Any) -> None:
        """Draws the faces at the playhead and trouble."""
        layout = self.layout
        strip = selection.chosen_strip(context)
        if strip is None or strip.type != "MOVIE":
            layout.label(text="Select a movie strip", text_ctxt=CONTEXT, icon="INFO")
            return
        scene = compat.scene_of(context)
        view = tracks.view_of(strip)
        grid = button_row(layout)
        grid.row(align=True).operator(operators.RECASTER_OT_find_tracks.bl_idname, icon="VIEWZOOM")
        grid.row(align=True).operator(operators.RECASTER_OT_find_trouble.bl_idname, icon="ERROR")
        grid = button_row(layout)
        grid.row(align=True).prop(strip.recaster, "show_faces", toggle=True)
        grid.row(align=True).prop(strip.recaster, "show_points", toggle=True)
        if view.work is not None:
            draw_line(layout.column(align=True), jobs.work_line(view.work))
        if view.trouble:
            words(layout, view.trouble, icon="ERROR")
        if view.found is None:
            return
        _draw_faces(layout, strip, scene)
        layout.operator(RECASTER_OT_drag_faces.bl_idname, icon="MOD_MESHDEFORM")
        layout.operator(operators.RECASTER_OT_undo_correction.bl_idname, icon="LOOP_BACK")
        for warning in view.found.warnings:
            words(layout, warning, icon="INFO")
        if view.sought:
            _draw_trouble(layout, strip, scene)


def _draw_faces(layout: Any, strip: Any, scene: Any) -> None:
    """Draws the faces at the playhead, each with what can be done to it."""
    frame = overlay.drawn_frame(strip, scene)
    faces = [] if frame is None else tracks.faces_at(strip, frame)
    if not faces:
        layout.label(text="No face at the playhead", text_ctxt=CONTEXT, icon="INFO")
    for track, _ in faces:
        is_swapped = tracks.is_swapped(strip, track)
        icon = {True: "CHECKMARK", False: "REMOVE", None: "QUESTION"}[is_swapped]
        box = layout.box()
        row = box.row(align=True)
        row.label(text=track.label, icon=icon, translate=False)
        row.operator(operators.RECASTER_OT_this_is.bl_idname).track = track.track
        grid = button_row(box)
        grid.row(align=True).operator(operators.RECASTER_OT_split_track.bl_idname).track = track.track
        grid.row(align=True).operator(operators.RECASTER_OT_drop_track.bl_idname).track = track.track
        entry = grid.row(align=True).operator(operators.RECASTER_OT_drop_track.bl_idname, text="Here Only")
        entry.track = track.track
        entry.here = True


def _draw_trouble(layout: Any, strip: Any, scene: Any) -> None:
    """Draws the list of trouble, to step through."""
    view = tracks.view_of(strip)
    trouble = view.found.trouble if view.found else ()
    if not trouble:
        layout.label(text="No trouble was found", text_ctxt=CONTEXT, icon="CHECKMARK")
        return
    row = layout.row(align=True)
    text = translate_count("{count} place to look at", "{count} places to look at", len(trouble))
    row.label(text=text, translate=False)
    for step, icon in ((-1, "TRIA_LEFT"), (1, "TRIA_RIGHT")):
        row.operator(operators.RECASTER_OT_show_trouble.bl_idname, text="", icon=icon).step = step
    first = max(0, min(view.chosen - MAX_SHOWN_TROUBLE // 2, len(trouble) - MAX_SHOWN_TROUBLE))
    column = layout.column(align=True)
    for at, one in list(enumerate(trouble))[first : first + MAX_SHOWN_TROUBLE]:
        frames = trouble_markers.frames_of(strip, scene, one)
        about = {"trouble": trouble_markers.title_of(one), "track": one.track}
        if frames is None:
            text = translate("{trouble}, track {track}: outside the strip", **about)
        else:
            text = translate(
                "{trouble}, track {track}: {first} to {last}", **about, first=frames[0], last=frames[1]
            )
        column.operator(
            operators.RECASTER_OT_show_trouble.bl_idname,
            text=text,
            translate=False,
            depress=at == view.chosen,
        ).at = at


CLASSES = (RECASTER_PT_mend,)
