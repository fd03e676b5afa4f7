# SPDX-License-Identifier: GPL-3.0-or-later
"""By what right a face is used, what a file says of itself, renders that are signed: as panels show it."""

from __future__ import annotations

from typing import Any

import bpy

from .. import compat, messages
from ..drawing import SequencerPanel, draw_line, words
from ..engine import access, jobs, session
from ..swap.operators import shown_clip
from . import consent, operators


def draw_basis(layout: Any, face: str) -> None:
    """By what right a face ("model:ID", "faceset:ID") is used, or a way to say so; nothing for no face."""
    found = session.snapshot()
    holder = consent.holder_of(found, face)
    if holder is None:
        return
    row = layout.row(align=True)
    person = consent.person_of(found, holder)
    why = access.lacking_for_basis(found, person)
    row.enabled = found.online and not why
    row.label(text="Basis")
    usable = False
    if person is not None:
        said, usable = consent.described(person)
        row.label(text=messages.sentence(said), icon="CHECKMARK" if usable else "CANCEL")
    if usable:
        row.operator(operators.RECASTER_OT_revoke_basis.bl_idname, text="", icon="X").face = face
    else:
        text = "State Once..." if person is None else "State Again..."
        told = row.operator_menu_enum(operators.RECASTER_OT_state_basis.bl_idname, "basis", text=text)
        told.face = face
    if why and not usable:
        words(layout, why, icon="INFO")
    if consent.stating.trouble and consent.stating.line == face:
        words(layout, consent.stating.trouble, icon="ERROR")


class RECASTER_PT_provenance(SequencerPanel, bpy.types.Panel):
    """What the strip's file says of itself, and renders that are signed."""

    bl_idname = "RECASTER_PT_provenance"
    bl_label = "Provenance"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: Any) -> None:
        """The active strip's word, then the last render's."""
        layout = self.layout
        path = consent.file_of(shown_clip(context))
        layout.operator(operators.RECASTER_OT_verify_strip.bl_idname, icon="VIEWZOOM")
        if path is not None:
            _draw_known(layout, consent.known(path))
        render = consent.rendered.get(compat.scene_of(context).name)
        if render is not None:
            words(
                layout,
                f"The render {render.name} has swaps in it, but says nothing of them yet",
                icon="INFO",
            )
        sign = layout.operator(operators.RECASTER_OT_sign_render.bl_idname, icon="GREASEPENCIL")
        sign.filepath = "" if render is None else str(render)
        _draw_known(layout, consent.signing)


def _draw_known(layout: Any, about: consent.Known) -> None:
    if about.work is not None:
        draw_line(layout, jobs.line_of_work(about.work))
    elif about.trouble:
        words(layout, about.trouble, icon="ERROR")
    elif about.line:
        words(layout, about.line, icon="CHECKMARK" if about.valid else "INFO")


CLASSES = (RECASTER_PT_provenance,)
