# SPDX-License-Identifier: GPL-3.0-or-later
"""Panels of rights to faces, of files' manifests and of signed renders."""

from __future__ import annotations

from typing import Any

import bpy

from .. import compat, selection
from ..drawing import BUTTON, SequencerPanel, draw_line, words
from ..engine import access, catalog, jobs, session
from ..state import ManifestReport, addon_state
from ..translations import translate
from . import consent, operators, signing

STATE_LABELS = {
    (True, False): "State Basis...",
    (True, True): "State Basis of {name}...",
    (False, False): "State Basis Again...",
    (False, True): "State Basis of {name} Again...",
}
"""What the button says, by whether nothing was stated yet and whether the face is named."""


def draw_basis(layout: Any, face: str, *, is_named: bool = False, share: float = 1.0) -> None:
    """By what right a face ("model:ID", "faceset:ID") is used, or a way to say so; nothing for no face.

    ``is_named``: whether the face's name is said, too; ``share``: as in ``words``.
    """
    found = session.engine_state()
    holder = catalog.holder_of(found, face)
    if holder is None:
        return
    person = catalog.person_of(found, holder)
    why = access.lacking_for_basis(found, person)
    name = catalog.display_name(holder)
    said, usable = ("", False) if person is None else consent.describe_right(person)
    about = translate("Basis of {name}: {basis}" if is_named else "Basis: {basis}", name=name, basis=said)
    if usable:
        row = layout.row(align=True)
        words(row, about if is_named else said, icon="CHECKMARK", share=share, spare=BUTTON)
        button = row.row(align=True)
        button.enabled = found.online and not why
        button.operator(operators.RECASTER_OT_revoke_basis.bl_idname, text="", icon="X").face = face
    else:
        if said:
            words(layout, about, icon="CANCEL", share=share)
        row = layout.row(align=True)
        row.enabled = found.online and not why
        told = row.operator_menu_enum(
            operators.RECASTER_OT_state_basis.bl_idname,
            "basis",
            text=translate(STATE_LABELS[person is None, is_named], name=name),
            translate=False,
            icon="QUESTION",
        )
        told.face = face
    if why and not usable:
        words(layout, why, icon="INFO", share=share)
    if addon_state.stating.trouble and addon_state.stating.line == face:
        words(layout, addon_state.stating.trouble, icon="ERROR", share=share)


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
            text = "The render {name} has swaps in it, but says nothing of them yet"
            words(layout, translate(text, name=render.name), icon="INFO")
        sign = layout.operator(operators.RECASTER_OT_sign_render.bl_idname, icon="GREASEPENCIL")
        sign.filepath = "" if render is None else str(render)
        _draw_known(layout, addon_state.signing)
        layout.operator(operators.RECASTER_OT_render_and_sign.bl_idname, icon="RENDER_ANIMATION")
        layout.prop(compat.scene_of(context).recaster, "sign_renders")


def _draw_known(layout: Any, about: ManifestReport) -> None:
    if about.work is not None:
        draw_line(layout, jobs.work_line(about.work))
    elif about.trouble:
        words(layout, about.trouble, icon="ERROR")
    elif about.line:
        words(layout, about.line, icon="CHECKMARK" if about.is_valid else "INFO")


CLASSES = (RECASTER_PT_provenance,)
