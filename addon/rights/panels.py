# SPDX-License-Identifier: GPL-3.0-or-later
"""Panels of rights to faces, of files' manifests and of signed renders."""

from __future__ import annotations

from typing import Any

import bpy

from .. import compat, messages, selection
from ..drawing import SequencerPanel, draw_line, words
from ..engine import access, catalog, jobs, session
from ..state import ManifestReport, addon_state
from . import consent, operators, signing


def draw_basis(layout: Any, face: str) -> None:
    """By what right a face ("model:ID", "faceset:ID") is used, or a way to say so; nothing for no face."""
    found = session.engine_state()
    holder = catalog.holder_of(found, face)
    if holder is None:
        return
    row = layout.row(align=True)
    person = catalog.person_of(found, holder)
    why = access.lacking_for_basis(found, person)
    row.enabled = found.online and not why
    row.label(text="Basis")
    usable = False
    if person is not None:
        said, usable = consent.describe_right(person)
        row.label(text=messages.sentence(said), icon="CHECKMARK" if usable else "CANCEL")
    if usable:
        row.operator(operators.RECASTER_OT_revoke_basis.bl_idname, text="", icon="X").face = face
    else:
        text = "State Once..." if person is None else "State Again..."
        told = row.operator_menu_enum(operators.RECASTER_OT_state_basis.bl_idname, "basis", text=text)
        told.face = face
    if why and not usable:
        words(layout, why, icon="INFO")
    if addon_state.stating.trouble and addon_state.stating.line == face:
        words(layout, addon_state.stating.trouble, icon="ERROR")


class RECASTER_PT_provenance(SequencerPanel, bpy.types.Panel):
    """The manifest of the strip's file, and renders that are signed."""

    bl_idname = "RECASTER_PT_provenance"
    bl_label = "Provenance"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: Any) -> None:
        """The active strip's word, then the last render's."""
        layout = self.layout
        path = signing.movie_path(selection.shown_clip(context))
        layout.operator(operators.RECASTER_OT_verify_strip.bl_idname, icon="VIEWZOOM")
        if path is not None:
            _draw_known(layout, signing.report_of(path))
        render = addon_state.unsigned_renders.get(compat.scene_of(context).name)
        if render is not None:
            words(
                layout, f"The render {render.name} has swaps in it, but says nothing of them yet", icon="INFO"
            )
        sign = layout.operator(operators.RECASTER_OT_sign_render.bl_idname, icon="GREASEPENCIL")
        sign.filepath = "" if render is None else str(render)
        _draw_known(layout, addon_state.signing)


def _draw_known(layout: Any, about: ManifestReport) -> None:
    if about.work is not None:
        draw_line(layout, jobs.work_line(about.work))
    elif about.trouble:
        words(layout, about.trouble, icon="ERROR")
    elif about.line:
        words(layout, about.line, icon="CHECKMARK" if about.is_valid else "INFO")


CLASSES = (RECASTER_PT_provenance,)
