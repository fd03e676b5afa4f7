# SPDX-License-Identifier: GPL-3.0-or-later
"""The training panel: whose faces, what kind of model, how it goes."""

from __future__ import annotations

from typing import Any

import bpy

from .. import compat, images, messages
from ..drawing import SequencerPanel, button_row, draw_line, words
from ..engine import catalog, jobs, session
from ..engine.panels import draw_job_buttons
from ..rights.panels import draw_basis
from ..state import addon_state
from ..swap import picture_sources
from ..swap.picture_sources import RECASTER_OT_new_from_pictures
from ..translations import CONTEXT, translate, translate_count
from . import faces_pages, operators, training

FACE_SCALE = 2.6
COLUMNS = 6
CURVE_SCALE = 11.0
SHEET_SCALE = 14.0


class RECASTER_PT_train(SequencerPanel, bpy.types.Panel):
    """From faces to a model."""

    bl_idname = "RECASTER_PT_train"
    bl_label = "Faces & Training"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: Any) -> None:
        """Source, target, preset, time, start."""
        layout = self.layout
        scene = compat.scene_of(context)
        chosen = scene.recaster
        found = session.engine_state()
        _draw_role(layout, chosen, "source", operators.RECASTER_MT_source)
        source = catalog.find_faceset(chosen.source)
        if source is not None:
            draw_basis(layout, f"faceset:{chosen.source}")
        pairwise = training.is_pairwise(found, chosen.preset)
        if pairwise:
            _draw_role(layout, chosen, "target", operators.RECASTER_MT_target)
        column = layout.column(align=True)
        column.menu(operators.RECASTER_MT_presets.bl_idname, text=chosen.preset, translate=False)
        column.prop(chosen, "minutes")
        column.prop(chosen, "name", text="", placeholder=translate("Name of the model"))
        row = layout.row()
        row.scale_y = 1.3
        row.operator(operators.RECASTER_OT_train.bl_idname, icon="PLAY").more = ""
        if "train" in addon_state.training_troubles:
            words(layout, addon_state.training_troubles["train"], icon="ERROR")


def _draw_role(layout: Any, chosen: Any, role: str, menu: Any) -> None:
    """Draws a role's faces, their number, and ways to get more."""
    box = layout.box()
    faceset = catalog.find_faceset(getattr(chosen, role))
    row = box.row(align=True)
    row.label(text=menu.bl_label, text_ctxt=CONTEXT, icon="USER")
    name = translate("Choose...") if faceset is None else catalog.display_name(faceset)
    row.menu(menu.bl_idname, text=name, translate=False)
    extraction = addon_state.extractions[role]
    if extraction.work is None:
        grid = button_row(box)
        grid.row(align=True).operator(
            operators.RECASTER_OT_add_strips.bl_idname, text="Strips", icon="SEQUENCE"
        ).role = role
        grid.row(align=True).operator(
            operators.RECASTER_OT_add_folder.bl_idname, text="Folder", icon="FILE_FOLDER"
        ).role = role
        if role == "source":
            grid.row(align=True).operator(
                RECASTER_OT_new_from_pictures.bl_idname, text="Pictures", icon="IMAGE_DATA"
            )
    else:
        row = box.row(align=True)
        draw_line(row.column(align=True), jobs.work_line(extraction.work))
        row.operator(operators.RECASTER_OT_stop_extraction.bl_idname, text="", icon="X").role = role
    if extraction.trouble:
        words(box, extraction.trouble, icon="ERROR")
    if role == "source":
        picture_sources.draw(box, chosen.source)
    if faceset is not None:
        row = box.row(align=True)
        row.label(text=_face_count(faceset), translate=False)
        shown = chosen.shown == role and faceset.faceset_id in addon_state.faces_pages
        show = row.operator(
            operators.RECASTER_OT_show_faces.bl_idname,
            text="Hide" if shown else "Show",
            icon="IMGDISPLAY",
            depress=shown,
        )
        show.role = role
        show.page = 1
        show.hide = shown


def _face_count(faceset: Any) -> str:
    """The number of faces that are learned, and of how many where some were left out."""
    if not faceset.dropped:
        return translate_count("{count} face", "{count} faces", faceset.faces)
    every = faceset.faces + faceset.dropped
    return translate("{count} of {all} faces", count=faceset.faces, all=every)


class RECASTER_PT_faces(SequencerPanel, bpy.types.Panel):
    """The faces of a faceset, to leave wrong ones out."""

    bl_idname = "RECASTER_PT_faces"
    bl_label = "Faces"
    bl_parent_id = "RECASTER_PT_train"

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Tells if any are to be shown."""
        chosen = compat.scene_of(context).recaster
        return getattr(chosen, chosen.shown) in addon_state.faces_pages

    def draw(self, context: Any) -> None:
        """A page of faces; each has a button that leaves it out or takes it in again."""
        layout = self.layout
        chosen = compat.scene_of(context).recaster
        faceset = catalog.find_faceset(getattr(chosen, chosen.shown))
        faces_page = addon_state.faces_pages[getattr(chosen, chosen.shown)]
        if faceset is None:
            return
        pages = max(1, -(-(faceset.faces + faceset.dropped) // faces_pages.PAGE))
        row = layout.row(align=True)
        _draw_turn(row, chosen, "TRIA_LEFT", chosen.page - 1, pages)
        text = translate("Page {page} of {pages}", page=chosen.page, pages=pages)
        row.label(text=text, translate=False)
        _draw_turn(row, chosen, "TRIA_RIGHT", chosen.page + 1, pages)
        if faces_pages.is_stale(faceset, chosen.page):
            turn = row.operator(operators.RECASTER_OT_show_faces.bl_idname, text="", icon="FILE_REFRESH")
            turn.role = chosen.shown
            turn.page = chosen.page
        if faces_page.trouble:
            words(layout, faces_page.trouble, icon="ERROR")
        flow = layout.grid_flow(row_major=True, columns=COLUMNS, even_columns=True, align=True)
        for face, path in zip(faces_page.faces, faces_page.files, strict=False):
            column = flow.column(align=True)
            column.template_icon(images.icon(path), scale=FACE_SCALE)
            drop = column.operator(
                operators.RECASTER_OT_drop_face.bl_idname,
                text="",
                icon="CHECKBOX_DEHLT" if face.dropped else "CHECKBOX_HLT",
                depress=not face.dropped,
            )
            drop.faceset = faceset.faceset_id
            drop.face = face.face_id


def _draw_turn(row: Any, chosen: Any, icon: str, page: int, pages: int) -> None:
    part = row.row(align=True)
    part.enabled = 1 <= page <= pages
    turn = part.operator(operators.RECASTER_OT_show_faces.bl_idname, text="", icon=icon)
    turn.role = chosen.shown
    turn.page = max(page, 1)


class RECASTER_PT_course(SequencerPanel, bpy.types.Panel):
    """Progress of a model's training."""

    bl_idname = "RECASTER_PT_course"
    bl_label = "Model"
    bl_parent_id = "RECASTER_PT_train"

    def draw(self, context: Any) -> None:
        """Progress, losses, what the model paints."""
        layout = self.layout
        chosen = compat.scene_of(context).recaster
        found = session.engine_state()
        model = catalog.find_model(chosen.model)
        job = training.training_of(found, chosen.model)
        name = (
            catalog.model_label(model)
            if model is not None
            else translate("Choose...")
            if job is None
            else messages.text(job.labels.get("name", ""))
        )
        layout.menu(operators.RECASTER_MT_models.bl_idname, text=name, translate=False)
        if job is not None:
            row = layout.row(align=True)
            draw_line(row.column(align=True), jobs.job_line(job))
            draw_job_buttons(row.row(align=True), job)
            detail = messages.text(job.progress.detail.split("  ")[0])
            layout.label(text=messages.sentence(detail), translate=False)  # steps, and how many a second
        if model is not None and model.unusable_reason:
            words(layout, messages.plain(model.unusable_reason), icon="ERROR")
        elif model is not None and (job is None or job.HasField("end_time")):
            text = translate_count(
                "Train {count:g} More Minute", "Train {count:g} More Minutes", chosen.minutes
            )
            layout.operator(
                operators.RECASTER_OT_train.bl_idname, text=text, translate=False, icon="PLAY"
            ).more = model.model_id
        if model is not None and model.usable:
            text = translate("Checkpoint of step {step}: ready to swap", step=model.steps)
            words(layout, text, icon="CHECKMARK")
        view = addon_state.training_views.get(chosen.model)
        if view is None:
            return
        if view.loss is not None:
            layout.label(text=translate("Loss {loss:.4f} (logarithmic)", loss=view.loss), translate=False)
            layout.template_icon(images.icon(view.curve_icon), scale=CURVE_SCALE)
        if view.preview is not None:
            words(layout, translate("What it paints, after {step} steps", step=view.step))
            layout.template_icon(images.icon(view.preview_icon), scale=SHEET_SCALE)
            layout.operator(operators.RECASTER_OT_show_model_preview.bl_idname, icon="FULLSCREEN_ENTER")


CLASSES = (RECASTER_PT_train, RECASTER_PT_faces, RECASTER_PT_course)
"""In the order in which they are shown: faces open right below the button that shows them."""
