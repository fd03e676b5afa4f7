# SPDX-License-Identifier: GPL-3.0-or-later
"""The add-on's preferences as Blender keeps and shows them."""

from typing import Any

import bpy
from bpy.props import BoolProperty, EnumProperty, IntProperty, StringProperty

from recaster.settings.paths import DEFAULT_PORT

from . import compat, shortcuts
from .config import PACKAGE
from .engine import session
from .engine.install_panel import draw_installed
from .engine.panels import draw_connection, draw_test
from .translations import CONTEXT

COLORS = (
    "Color 1", "Color 2", "Color 3", "Color 4", "Color 5", "Color 6", "Color 7", "Color 8", "Color 9",
)  # fmt: skip
"""Color tags of strips."""


def _changed(_preferences: Any, _context: Any) -> None:
    session.reconnect()


def _noted(_preferences: Any, _context: Any) -> None:
    session.note_preferences()


class Preferences(bpy.types.AddonPreferences):
    """See the module."""

    bl_idname = PACKAGE

    where: EnumProperty(
        name="Engine",
        items=(
            ("local", "This Machine", "Started and stopped from here"),
            ("remote", "Another Machine", "One that somebody runs elsewhere"),
        ),
        update=_changed,
    )
    command: StringProperty(
        name="Program",
        description="Recaster's folder, or the program in it; empty to look where programs usually are",
        subtype="FILE_PATH",
        **compat.PATHS,
    )
    data: StringProperty(
        name="Data Folder",
        description="Where the engine keeps everything; empty for its default",
        subtype="DIR_PATH",
        **compat.PATHS,
        update=_changed,
    )
    port: IntProperty(
        name="Port",
        description="Where it listens on this machine",
        default=DEFAULT_PORT,
        min=1024,
        max=65535,
        update=_changed,
    )
    start_by_itself: BoolProperty(
        name="Start by Itself",
        description="Start the engine of this machine as soon as it is needed, unless it was stopped",
        default=True,
    )
    stop_with_blender: BoolProperty(
        name="Stop with Blender",
        description="Stop the engine that was started here when Blender closes; jobs go on at its next start",
        default=True,
        update=_noted,
    )
    host: StringProperty(
        name="Address",
        description="Name or number of the other machine, a colon, and the engine's port",
        update=_changed,
    )
    token: StringProperty(
        name="Token", description="Whoever runs the engine has it", subtype="PASSWORD", update=_changed
    )
    authority: StringProperty(
        name="CA Certificate", description="Whoever runs the engine has it", subtype="FILE_PATH",
        update=_changed, **compat.PATHS,
    )  # fmt: skip
    certificate: StringProperty(
        name="Client Certificate", description="Where the engine asks for one", subtype="FILE_PATH",
        update=_changed, **compat.PATHS,
    )  # fmt: skip
    key: StringProperty(
        name="Client Key", description="The key of the client certificate", subtype="FILE_PATH",
        update=_changed, **compat.PATHS,
    )  # fmt: skip
    results: StringProperty(
        name="Results",
        description="Where swapped clips are put; // is the folder of the saved file",
        default="//recaster/",
        subtype="DIR_PATH",
        **compat.PATHS,
    )
    color_tag: EnumProperty(
        name="Color Tag",
        description="How results are marked whose strip has no color tag",
        items=(
            ("NONE", "None", ""),
            *((f"COLOR_{at:02}", name, "", f"STRIP_COLOR_{at:02}", at) for at, name in enumerate(COLORS, 1)),
        ),
        default="COLOR_05",
    )
    update_on_change: BoolProperty(
        name="Update on Change",
        description="Preview the frame under the playhead anew whenever playhead and settings come to rest",
    )
    cache: StringProperty(
        name="Cache",
        description="Where pictures and results of unsaved files are kept; empty for a folder of its own",
        subtype="DIR_PATH",
        **compat.PATHS,
    )

    tab_was_shown: BoolProperty(options={"HIDDEN"})

    def draw(self, context: Any) -> None:
        """Shows them."""
        layout = self.layout
        layout.use_property_split = True
        layout.row().prop(self, "where", expand=True)
        column = layout.column()
        if self.where == "local":
            from recaster.settings.paths import HAS_SOCKETS

            port = () if HAS_SOCKETS else ("port",)
            for name in ("command", "data", *port, "start_by_itself", "stop_with_blender"):
                column.prop(self, name)
            draw_installed(column)
        else:
            for name in ("host", "token", "authority", "certificate", "key"):
                column.prop(self, name)
        box = layout.box()
        draw_connection(box, context)
        box.operator("recaster.test_connection", icon="URL")
        draw_test(box)
        column = layout.column()
        column.prop(self, "results")
        column.prop(self, "color_tag")
        column.prop(self, "cache")
        layout.label(text="Keys", text_ctxt=CONTEXT, icon="KEYINGSET")
        shortcuts.draw(layout.column(), context)
