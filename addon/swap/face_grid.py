# SPDX-License-Identifier: GPL-3.0-or-later
"""The choice of a face: a large portrait, and a grid of all faces and models, with ways to get new ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bpy

from .. import messages, selection
from ..drawing import draw_line, icon_number, words
from ..engine import catalog, jobs, session
from ..rights import consent
from ..rights import panels as rights_panels
from ..state import addon_state
from ..translations import translate
from . import cast, face_pictures, operators, picture_sources

if TYPE_CHECKING:
    from ..engine.connection import EngineState

PORTRAIT_SCALE = 3.4
PORTRAIT_SHARE = 0.3
CELL_SCALE = 4.0
COLUMNS = 3
GRID_UNITS = 15
MAX_SHOWN = 30
"""Faces and models in the grid, the newest of each; a search finds the others."""


class RECASTER_PT_face_grid(bpy.types.Panel):
    """Faces and models of the engine."""

    bl_idname = "RECASTER_PT_face_grid"
    bl_label = "Choose a Face"
    bl_description = "Choose whose face is put on, or take a new one from strips, clips or pictures"
    bl_space_type = "SEQUENCE_EDITOR"
    bl_region_type = "HEADER"
    bl_options = {"INSTANCED"}
    bl_ui_units_x = GRID_UNITS

    def draw(self, context: Any) -> None:
        """New ones first, models, then sets of faces."""
        found = session.engine_state()
        layout = self.layout
        draw_sources(layout)
        strip = selection.chosen_strip(context)
        chosen = "" if strip is None else strip.recaster.face
        manager = context.window_manager
        search = translate("Search")  # Blender's own word there has no German
        layout.prop(manager, "recaster_face_search", text="", icon="VIEWZOOM", placeholder=search)
        faces = list_faces(found, chosen, manager.recaster_face_search)
        flow = layout.grid_flow(row_major=True, columns=COLUMNS, even_columns=True, even_rows=True)
        for face in faces:
            _draw_cell(flow.column(align=True), found, face, is_chosen=face == chosen)
        if not faces and manager.recaster_face_search:
            words(layout, translate("No face has this in its name"), icon="INFO")
        elif not faces:
            text = translate("No faces yet: take some from strips, clips or pictures")
            words(layout, text, icon="INFO")
        for one in [one for one in found.models if one.unusable_reason][:MAX_SHOWN]:
            reason = messages.plain(one.unusable_reason)
            words(layout, f"{catalog.display_name(one)}: {reason}", icon="ERROR")


def list_faces(found: EngineState, chosen: str, search: str) -> list[str]:
    """Lists the newest models and sets of faces, and the chosen one; or those whose names hold a search."""
    names = {f"model:{one.model_id}": catalog.display_name(one) for one in found.models if one.usable}
    names |= {f"faceset:{one.faceset_id}": catalog.display_name(one) for one in found.facesets}
    wanted = search.strip().casefold()
    matching = [face for face, name in names.items() if wanted in name.casefold()]
    models = [face for face in matching if face.startswith("model:")]
    sets = [face for face in matching if face.startswith("faceset:")]
    faces = [*models[:MAX_SHOWN], *sets[:MAX_SHOWN]]
    return faces if wanted or chosen not in names or chosen in faces else [chosen, *faces]


def draw_sources(layout: Any) -> None:
    """Draws the buttons that make new faces."""
    column = layout.column(align=True)
    column.operator("recaster.add_strips", text="New from Selected Strips", icon="SEQUENCE").role = "source"
    column.operator("recaster.add_folder", text="New from Folder...", icon="FILE_FOLDER").role = "source"
    column.operator_context = "INVOKE_DEFAULT"
    new = picture_sources.RECASTER_OT_new_from_pictures
    column.operator(new.bl_idname, text="New from Pictures...", icon="IMAGE_DATA")


def _draw_cell(cell: Any, found: Any, face: str, *, is_chosen: bool) -> None:
    """Draws a face: its portrait, its name, how it is swapped, and whether it may be."""
    holder = catalog.holder_of(found, face)
    icon = face_pictures.icon_of(found, face) or icon_number("USER")
    cell.template_icon(icon, scale=CELL_SCALE)
    button = cell.operator(
        operators.RECASTER_OT_choose_face.bl_idname,
        text=catalog.display_name(holder),
        translate=False,
        depress=is_chosen,
    )
    button.face = face
    cell.label(text=catalog.short_effort_label(holder), icon=_badge(found, face), translate=False)


def _badge(found: Any, face: str) -> str:
    """The icon of a right: stated, still to be stated, or taken back."""
    person = catalog.person_of(found, catalog.holder_of(found, face))
    if consent.blocking_reason(found, face):
        return "QUESTION" if person is None else "CANCEL"
    return "BLANK1" if person is None else "CHECKMARK"


def draw_face(layout: Any, strip: Any) -> None:
    """Draws the face that is chosen for a strip, the way to the grid, and the right to it."""
    found = session.engine_state()
    own = strip.recaster
    holder = catalog.holder_of(found, own.face)
    split = layout.split(factor=PORTRAIT_SHARE)
    split.template_icon(face_pictures.icon_of(found, own.face) or icon_number("USER"), scale=PORTRAIT_SCALE)
    column = split.column(align=True)
    name = messages.text(own.face_name) if holder is None else catalog.display_name(holder)
    if own.face or found.models or found.facesets or not found.online:
        name = name or translate("Choose a Face")
        column.popover(RECASTER_PT_face_grid.bl_idname, text=name, translate=False)
    else:
        draw_sources(column)
    if holder is not None:
        column.label(text=catalog.effort_label(holder), translate=False)
        rights_panels.draw_basis(column, own.face, share=1 - PORTRAIT_SHARE)
    elif own.face and found.online:
        text = translate("The engine doesn't have it any more")
        words(column, text, icon="ERROR", share=1 - PORTRAIT_SHARE)
    extraction = addon_state.extractions["source"]
    if extraction.work is not None:
        row = layout.row(align=True)
        draw_line(row.column(align=True), jobs.work_line(extraction.work))
        row.operator("recaster.stop_gathering", text="", icon="X").role = "source"
    elif extraction.trouble:
        words(layout, extraction.trouble, icon="ERROR")
    picture_sources.draw(layout, own.face.removeprefix("faceset:"))
    for face in cast.faces_of(strip):
        if face != own.face:
            rights_panels.draw_basis(layout, face, is_named=True)


CLASSES = (RECASTER_PT_face_grid,)
