# SPDX-License-Identifier: GPL-3.0-or-later
"""The session: the connection to the engine, Blender's handlers, and the timer that processes events."""

from __future__ import annotations

import atexit
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import bpy
from bpy.app.handlers import persistent

from .. import messages
from ..config import PACKAGE, ConnectError, address, installation, preferences
from ..state import addon_state
from .connection import EngineConnection, EngineState, read_engine_state

if TYPE_CHECKING:
    from collections.abc import Callable

TICK_S = 0.1
DISABLED_S = 2.0
"""Seconds after which an add-on that isn't back is taken to be disabled."""
BLENDER_JOBS = ("RENDER", "OBJECT_BAKE")
STRIP_OPERATORS = ("TRANSFORM_OT_", "SEQUENCER_OT_", "ANIM_OT_", "VIEW2D_OT_")
"""Operators that may hold on to strips while they run; some others run for ever."""


@dataclass
class ConnectionTest:
    """A call to the engine that the preferences name, to see whether it answers.

    Attributes:
        connection: the way that it takes; None once it has ended.
        message: what came of it.
        is_ok: whether the engine answered, as far as is known.
    """

    connection: EngineConnection | None = None
    message: str = "Calling..."
    is_ok: bool = True


listeners: list[Callable[[EngineState], None]] = []
"""Told of every look at the engine."""
loaders: list[Callable[[], None]] = []
"""Told that another file was opened, or that this one is looked at for the first time."""
undoers: list[Callable[[], None]] = []
"""Told that something was undone or done again."""
renderers: list[Callable[[Any], None]] = []
"""Told that a scene was rendered."""


def engine_state() -> EngineState:
    """The engine as it was last seen; the first time, it is called."""
    addon_state.is_engine_wanted = True
    return last_engine_state()


def last_engine_state() -> EngineState:
    """The same without calling it."""
    return (
        EngineState(trouble=addon_state.connection_trouble)
        if addon_state.connection is None
        else addon_state.connection.state
    )


def reconnect() -> None:
    """Hangs up and call the engine that the preferences name now."""
    from recaster.errors import RecasterError

    disconnect()
    addon_state.is_engine_wanted = True
    try:
        found = address()
    except (ConnectError, RecasterError) as error:
        addon_state.connection_trouble = messages.of_error(error)
        redraw()
        return
    if preferences().where == "local":
        addon_state.local.adopt(installation())
    addon_state.connection = EngineConnection(found)
    addon_state.connection.is_starting = addon_state.local.running and not addon_state.local.stopping
    addon_state.connection.open(_tell)


def test_connection() -> None:
    """Checks whether the engine that the preferences name answers, in a thread."""
    from recaster.errors import RecasterError

    if addon_state.connection_test is not None and addon_state.connection_test.connection is not None:
        addon_state.connection_test.connection.close()
    made = addon_state.connection_test = ConnectionTest()
    try:
        made.connection = EngineConnection(address())
    except (ConnectError, RecasterError) as error:
        made.message = messages.of_error(error)
        made.is_ok = False
        return

    def ended(message: str, *, is_ok: bool) -> None:
        made.message = message
        made.is_ok = is_ok
        if addon_state.connection_test is made:
            reconnect()
        redraw()

    def done(found: EngineState) -> None:
        version = messages.text(found.info.version)
        device = messages.text(next(iter(found.info.devices), "?"))
        ended(f"Recaster {version} answers; it computes on {device}", is_ok=True)

    made.connection.run(
        "Calling the engine",
        lambda client, _work: read_engine_state(client),
        done,
        lambda error: ended(messages.of_error(error), is_ok=False),
    )


def disconnect() -> None:
    """Hangs up."""
    if addon_state.connection is not None:
        addon_state.connection.close()
        addon_state.connection = None
    addon_state.connection_trouble = ""


def _tell(found: EngineState) -> None:
    """Something came from the engine."""
    if found.refused and preferences().where == "local" and _token_changed():
        reconnect()  # it has run for the first time, and made its token
        return
    if found.online and addon_state.connection is not None:
        addon_state.connection.is_starting = False
    for listener in listeners:
        listener(found)


def _token_changed() -> bool:
    return addon_state.connection is not None and address().token != addon_state.connection.address.token


def process_events() -> int:
    """Takes what has come from the engine; the timer's work, and that of a script without a window.

    Nothing is taken while Blender renders or saves: data must not change under its hands.
    """
    if addon_state.is_saving or any(map(bpy.app.is_job_running, BLENDER_JOBS)):
        return 0
    if addon_state.is_file_fresh:
        _loaded()
    if addon_state.connection is None and addon_state.is_engine_wanted and not addon_state.connection_trouble:
        reconnect()
    handed = 0 if addon_state.connection is None else addon_state.connection.process_events()
    _process_test_events()
    _redraw_changes()
    return handed


def _process_test_events() -> None:
    tested = addon_state.connection_test
    if tested is not None and tested.connection is not None:
        tested.connection.process_events()
        if not tested.connection.works:
            tested.connection.close()
            tested.connection = None


def _redraw_changes() -> None:
    """Redraws where something is to be seen that wasn't: an engine at rest, or away, costs nothing."""
    connection = addon_state.connection
    before = addon_state.shown
    found = last_engine_state()
    progress = (
        ()
        if connection is None
        else (connection.finished_works, *((work, work.update) for work in connection.works))
    )
    engine = (
        addon_state.local.running,
        addon_state.local.stopping,
        addon_state.connection_trouble,
        addon_state.own_error,
    )
    addon_state.shown = found, progress, engine
    if (
        not before
        or before[1:] != addon_state.shown[1:]
        or not (found is before[0] or found.shows_same_as(before[0]))
    ):
        redraw()


def is_editing() -> bool:
    """Tells if strips are in somebody's hands: being dragged, trimmed, chosen in a box."""
    windows = bpy.context.window_manager.windows
    return any(
        one.bl_idname.startswith(STRIP_OPERATORS) for window in windows for one in window.modal_operators
    )


REDRAWN = {"SEQUENCE_EDITOR": "UI", "PREFERENCES": "WINDOW"}
"""Kinds of areas, and the region of each that shows something of ours; the timeline shows nothing."""


def redraw() -> None:
    """Lets the sidebars of sequencers, and the preferences, show what has changed."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            for region in area.regions:
                if region.type == REDRAWN.get(area.type):
                    region.tag_redraw()


def redraw_previews() -> None:
    """Lets the sequencers' previews show what is drawn over them."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            for region in area.regions if area.type == "SEQUENCE_EDITOR" else ():
                if region.type == "PREVIEW":
                    region.tag_redraw()


def push_undo_step(message: str) -> None:
    """Makes what was done since the last one a step that can be undone."""
    windows = bpy.context.window_manager.windows
    if windows:
        with bpy.context.temp_override(window=windows[0]):
            bpy.ops.ed.undo_push(message=message)


def _tick() -> float:
    try:
        process_events()
    except Exception as met:  # noqa: BLE001 - a timer that raises is never called again
        import traceback

        traceback.print_exc()
        addon_state.own_error = f"Recaster met an error of its own: {messages.of_error(met)}"
    return TICK_S


@persistent
def _loaded(*_: Any) -> None:
    addon_state.is_file_fresh = False
    for loader in loaders:
        loader()


@persistent
def _undone(*_: Any) -> None:
    for undoer in undoers:
        undoer()


@persistent
def _rendered(scene: Any, *_: Any) -> None:
    for renderer in renderers:
        renderer(scene)


@persistent
def _save_begins(*_: Any) -> None:
    addon_state.is_saving = True


@persistent
def _save_ends(*_: Any) -> None:
    addon_state.is_saving = False


def _at_exit() -> None:
    """Blender closes."""
    disconnect()
    if _stops_at_exit():
        addon_state.local.stop()


def _stops_at_exit() -> bool:
    """Tells if the engine ends with Blender; preferences may be gone already."""
    with contextlib.suppress(KeyError, AttributeError):
        addon_state.stops_at_exit = bool(preferences().stop_with_blender)
    return addon_state.stops_at_exit


def _stop_if_disabled() -> None:
    """Stops the engine where the add-on was disabled for good; a moment after that happened.

    Blender takes add-ons away and brings them back whenever another template is opened, and nothing tells one
    from the other while it does so: what counts is whether the add-on is still to be used afterwards.
    """
    if PACKAGE not in bpy.context.preferences.addons and addon_state.stops_at_exit:
        addon_state.local.stop()


_HANDLERS = (
    ("load_post", _loaded),
    ("undo_post", _undone),
    ("redo_post", _undone),
    ("render_complete", _rendered),
    ("save_pre", _save_begins),
    ("save_post", _save_ends),
    ("save_post_fail", _save_ends),
)


def register() -> None:
    """Gets ready to look at the engine."""
    addon_state.is_file_fresh = True
    for name, handler in _HANDLERS:
        getattr(bpy.app.handlers, name).append(handler)
    bpy.app.timers.register(_tick, first_interval=TICK_S, persistent=True)
    if bpy.app.timers.is_registered(_stop_if_disabled):
        bpy.app.timers.unregister(_stop_if_disabled)
    atexit.unregister(_at_exit)
    atexit.register(_at_exit)


def unregister() -> None:
    """Hangs up. The engine goes on, unless the add-on turns out to be disabled, or Blender to close."""
    if bpy.app.timers.is_registered(_tick):
        bpy.app.timers.unregister(_tick)
    for name, handler in _HANDLERS:
        found = getattr(bpy.app.handlers, name)
        if handler in found:
            found.remove(handler)
    _stops_at_exit()
    disconnect()
    if addon_state.connection_test is not None and addon_state.connection_test.connection is not None:
        addon_state.connection_test.connection.close()
    addon_state.connection_test = None
    addon_state.shown = ()
    if PACKAGE in bpy.context.preferences.addons:  # else other preferences were loaded
        bpy.app.timers.register(_stop_if_disabled, first_interval=DISABLED_S, persistent=True)
