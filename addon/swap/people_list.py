# SPDX-License-Identifier: GPL-3.0-or-later
"""People of a strip as a list: a portrait, the face that they get, an eye for whether they are swapped."""

from __future__ import annotations

from typing import Any

import bpy

from .. import images, messages
from ..drawing import icon_number
from ..engine import catalog, session
from ..translations import CONTEXT, translate
from . import cast, cast_looks, operators

PORTRAIT_SCALE = 2.0
MAX_ROWS = 4
LABEL_SHARE = 0.4
LONE_SCALE = 3.0


class RECASTER_UL_people(bpy.types.UIList):
    """People of a strip."""

    bl_idname = "RECASTER_UL_people"

    def draw_item(
        self, _context: Any, layout: Any, data: Any, item: Any, _icon: int, _active: Any, _name: str
    ) -> None:
        """A row: who, whose face they get, whether they are swapped."""
        row = layout.row(align=True)
        portrait = images.icon(cast.cast_icon(item)) or icon_number("USER")
        row.template_icon(portrait, scale=PORTRAIT_SCALE)
        face = row.row(align=True)
        face.active = item.swapped
        menu = face.operator_menu_enum(
            operators.RECASTER_OT_cast_face.bl_idname, "face", text=_face_label(data, item), translate=False
        )
        menu.person = item.person
        cast_looks.draw_details(row, data, item)
        row.prop(item, "swapped", text="", icon="HIDE_OFF" if item.swapped else "HIDE_ON", emboss=False)


def _face_label(own: Any, item: Any) -> str:
    """The name of the face that a person gets."""
    if not item.swapped:
        return translate("Not Swapped")
    found = session.engine_state()
    holder = catalog.holder_of(found, item.face or own.face)
    if holder is not None:
        return catalog.display_name(holder)
    return messages.text(item.face_name or own.face_name) or translate("Choose a Face Above")


def draw_people(layout: Any, strip: Any) -> None:
    """Draws the people of a strip, to choose who is swapped and whose face they get."""
    own = strip.recaster
    everyone = cast.is_everyone(strip)
    row = layout.row(align=True)
    if not own.cast:
        row = layout.split(factor=LABEL_SHARE)
        row.label(
            text="Everyone" if everyone else "This person" if own.person else "Main person", text_ctxt=CONTEXT
        )
        row = row.row(align=True)
    row.operator(operators.RECASTER_OT_find_people.bl_idname)
    if not any(one.face for one in own.cast):
        row.prop(own, "everyone", text="", toggle=True, icon="COMMUNITY")
    if cast.people_of(strip):
        row.operator(operators.RECASTER_OT_choose_person.bl_idname, text="", icon="X").person = ""
    if own.cast:
        people = layout.column()
        people.enabled = not everyone
        people.template_list(
            RECASTER_UL_people.bl_idname, "", own, "cast", own, "cast_index",
            rows=min(MAX_ROWS, len(own.cast)), maxrows=MAX_ROWS,
        )  # fmt: skip
    elif own.person and not everyone:  # of an earlier version
        layout.template_icon(images.icon(cast.cast_icon(own)) or icon_number("USER"), scale=LONE_SCALE)


CLASSES = (RECASTER_UL_people,)
