# SPDX-License-Identifier: GPL-3.0-or-later
"""Which engine does the work, and where things are kept on this machine."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy
from bpy.props import BoolProperty, EnumProperty, IntProperty, StringProperty

from . import compat
from .local_engine import Installation

if TYPE_CHECKING:
    from recaster.client import Address

LOOPBACK = ("127.0.0.1", "localhost", "[::1]", "::1")
DEFAULT_PORT = 50551


class ConnectError(Exception):
    """The preferences don't let the add-on talk to an engine; the message says what to do."""


def _changed(_preferences: Any, _context: Any) -> None:
    from . import session

    session.reconnect()


class Preferences(bpy.types.AddonPreferences):
    """See the module."""

    bl_idname = __package__

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
    stop_with_blender: BoolProperty(
        name="Stop with Blender",
        description="Stop the engine that was started here when Blender closes; jobs go on at its next start",
        default=True,
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
            *((f"COLOR_{at:02}", f"Color {at}", "", f"STRIP_COLOR_{at:02}", at) for at in range(1, 10)),
        ),
        default="COLOR_05",
    )
    cache: StringProperty(
        name="Cache",
        description="Where pictures and results of unsaved files are kept; empty for a folder of its own",
        subtype="DIR_PATH",
        **compat.PATHS,
    )

    def draw(self, context: Any) -> None:
        """Show them."""
        from .panels import draw_connection, draw_test

        layout = self.layout
        layout.use_property_split = True
        layout.row().prop(self, "where", expand=True)
        column = layout.column()
        if self.where == "local":
            from recaster.places import HAS_SOCKETS

            for name in ("command", "data", *(() if HAS_SOCKETS else ("port",)), "stop_with_blender"):
                column.prop(self, name)
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


def preferences() -> Preferences:
    """The add-on's preferences."""
    return bpy.context.preferences.addons[__package__].preferences


def cache_folder() -> Path:
    """Where pictures and results of unsaved files are kept."""
    given = preferences().cache
    if given:
        return Path(bpy.path.abspath(given))
    return Path(bpy.utils.extension_path_user(__package__, create=True))


def results_folder() -> tuple[Path, bool]:
    """Where swapped clips are put, and whether that is beside the saved file."""
    given = preferences().results
    beside = given.startswith("//")
    if beside and not bpy.data.filepath:
        return cache_folder() / "results", False
    return Path(bpy.path.abspath(given)), beside


def installation() -> Installation:
    """The engine of this machine."""
    chosen = preferences()
    data = Path(bpy.path.abspath(chosen.data)) if chosen.data else None
    command = bpy.path.abspath(chosen.command) if chosen.command else ""
    return Installation(command, data, chosen.port, cache_folder() / "engine.log")


def address() -> "Address":
    """Where the engine is that does the work.

    Raises:
        ConnectError: something is missing, or Blender may not go online.
        UsageError: the token can't be one.
    """
    from recaster.client import Address

    chosen = preferences()
    if chosen.where == "local":
        here = installation()
        return Address(here.target, here.token() or "none-yet")
    if not chosen.host or not chosen.token:
        raise ConnectError("Fill in the address and the token of the engine in the add-on's preferences")
    if not loopback(chosen.host) and not bpy.app.online_access:
        raise ConnectError(
            "Blender may not go online: allow it in Preferences > System > Network, or use an engine on this "
            "machine"
        )
    if not loopback(chosen.host) and not chosen.authority:
        raise ConnectError(
            "Name the engine's CA certificate in the preferences, or the token would travel in the clear"
        )
    files = [
        Path(bpy.path.abspath(path)) if path else None
        for path in (chosen.authority, chosen.certificate, chosen.key)
    ]
    return Address(chosen.host, chosen.token, *files)


def loopback(host: str) -> bool:
    """Whether an address is on this very machine."""
    return host.startswith("unix:") or host.rpartition(":")[0] in LOOPBACK
