# SPDX-License-Identifier: GPL-3.0-or-later
"""The basis of a new face, stated in the file browser where its pictures are chosen."""

from typing import Any

from bpy.props import EnumProperty

from recaster.settings.rights import LEGAL_BASES

from ..drawing import words
from ..engine import access, session
from ..option_properties import enum_items
from ..translations import CONTEXT, translate
from . import consent


class NewBasis:
    """Mixed into operators that make a face of files."""

    basis: EnumProperty(
        name="Basis",
        description="By what right this face is used; the engine keeps it with your name",
        items=(
            (consent.LATER, "State Later", "Before the face is used", 100),
            *enum_items(LEGAL_BASES),
        ),
        default=consent.LATER,
    )

    def draw(self, _context: Any) -> None:
        """Draws it beside the files; a performer's faces are put on nobody."""
        if getattr(self, "role", "source") != "source":
            return
        layout = self.layout
        layout.label(text="By what right is this face used?", text_ctxt=CONTEXT)
        column = layout.column()
        why = access.lacking_for_basis(session.engine_state(), None)
        column.enabled = not why
        column.prop(self, "basis", expand=True)
        words(layout, why or translate("The engine keeps this with your name"), icon="INFO")

    def basis_fault(self) -> str:
        """Says why the chosen basis can't be stated by this client; "" where it may be."""
        found = session.engine_state()
        return "" if self.basis == consent.LATER else access.lacking_for_basis(found, None)
