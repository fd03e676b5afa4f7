# SPDX-License-Identifier: GPL-3.0-or-later
"""The session: the connection to the engine, Blender's handlers, and the timer that processes events."""

from __future__ import annotations

import atexit
import contextlib
from typing import TYPE_CHECKING, Any

import bpy
from bpy.app.handlers import persistent

from .. import compat, images, messages
from ..config import PACKAGE, ConnectError, address, installation, preferences
from ..state import addon_state
from ..translations import translate
from .connection import CONNECTING, JOIN_TIMEOUT_S, EngineConnection, EngineState, read_engine_state
from .local import StartError

if TYPE_CHECKING:
    from collections.abc import Callable

TICK_S = 0.1
DISABLED_S = 2.0
"""Seconds after which an add-on that isn't back is taken to be disabled."""
STRIP_OPERATORS = ("TRANSFORM_OT_", "SEQUENCER_OT_", "ANIM_OT_", "VIEW2D_OT_")
"""Operators that may hold on to strips while they run; some others run for ever."""


class ConnectionTest:
    """A call to the engine that the preferences name, to see whether it answers.

    Attributes:
        connection: the way that it takes; None once it has ended.
        message: what came of it.
        is_ok: whether the engine answered, as far as is known.
    """

    def __init__(self, message: str) -> None:
        self.connection: EngineConnection | None = None
        self.message = message
        self.is_ok: bool = True


listeners: list[Callable[[EngineState], None]] = []
"""Told of every look at the engine."""
loaders: list[Callable[[], None]] = []
"""Told that another file was opened, or that this one is looked at for the first time."""
undoers: list[Callable[[], None]] = []
"""Told that something was undone or done again."""
renderers: list[Callable[[Any], None]] = []
"""Told that a scene was rendered."""
render_beginners: list[Callable[[Any], None]] = []
"""Told that a scene's render begins."""
render_writers: list[Callable[[Any], None]] = []
"""Told that its frame has been written, the scene's current one."""
render_cancellers: list[Callable[[Any], None]] = []
"""Told that it was given up."""
tickers: list[Callable[[], None]] = []
"""Called with every tick of the timer, after events were handed on."""


def engine_state() -> EngineState:
    """The engine as it was last seen; the first time, it is called, at the next tick."""
    addon_state.is_engine_wanted = True
    if addon_state.connection is None and not addon_state.connection_trouble:
        return EngineState(trouble=translate(CONNECTING), connecting=True)
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
    made = addon_state.connection_test = ConnectionTest(translate("Calling..."))
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
        text = "Recaster {version} answers; it computes on {device}"
        device = messages.text(next(iter(found.info.devices), "?"))
        said = translate(text, version=messages.text(found.info.version), device=device)
        ended(said, is_ok=True)

    made.connection.run(
        translate("Calling the engine"),
        lambda client, _work: read_engine_state(client),
        done,
        lambda error: ended(messages.of_error(error), is_ok=False),
    )


def disconnect(patience_s: float = 0.0) -> None:
    """Hangs up; ``patience_s`` is how long to wait for threads to end."""
    if addon_state.connection is not None:
        addon_state.connection.close(patience_s)
        addon_state.connection = None
    addon_state.connection_trouble = ""


def _tell(found: EngineState) -> None:
    """Something came from the engine."""
    if found.refused and preferences().where == "local" and _token_changed():
        reconnect()  # it has run for the first time, and made its token
        return
    if found.online and addon_state.connection is not None:
        addon_state.connection.is_starting = False
    if found.away:
        _start_if_needed()
    for listener in listeners:
        listener(found)


def _start_if_needed() -> None:
    """Starts the engine of this machine, where one is installed, unless it was stopped or has crashed.

    None is started while one is installed or removed: it would be the old one.
    """
    chosen = preferences()
    local = addon_state.local
    is_wanted = chosen.where == "local" and chosen.start_by_itself and not local.was_stopped
    is_installing = addon_state.install is not None and addon_state.install.installer is not None
    if not is_wanted or is_installing or local.running or local.crashed():
        return
    with contextlib.suppress(StartError):  # what keeps it from starting is said where it is started by hand
        local.start(installation())
        reconnect()


def _token_changed() -> bool:
    return addon_state.connection is not None and address().token != addon_state.connection.address.token


def process_events() -> int:
    """Takes what has come from the engine; the timer's work, and that of a script without a window.

    Nothing is taken while Blender renders or saves: data must not change under its hands.
    """
    if addon_state.is_saving or compat.is_rendering():
        return 0
    if addon_state.is_file_fresh:
        _loaded()
    if addon_state.connection is None and addon_state.is_engine_wanted and not addon_state.connection_trouble:
        reconnect()
    handed = 0 if addon_state.connection is None else addon_state.connection.process_events()
    _process_test_events()
    for ticker in tickers:
        ticker()
    if images.load_waiting():
        redraw()
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
    progress += tuple((work, work.update) for work in addon_state.mask_renderings)
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


REDRAWN = {"SEQUENCE_EDITOR": "UI", "PREFERENCES": "WINDOW", "PROPERTIES": "WINDOW"}
"""Kinds of areas, and the region of each that shows something of ours; the timeline shows nothing."""


def redraw() -> None:
    """Lets sequencers' sidebars, properties of strips, and the preferences show what has changed."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "PROPERTIES" and area.spaces.active.context != "STRIP":
                continue
            for region in area.regions:
                if region.type == REDRAWN.get(area.type):
                    region.tag_redraw()


def redraw_previews() -> None:
    """Lets the sequencers' previews show what is drawn over them."""
    _redraw_regions("PREVIEW")


def redraw_timelines() -> None:
    """Lets the sequencers' timelines show what is drawn on strips."""
    _redraw_regions("WINDOW")


def _redraw_regions(kind: str) -> None:
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            for region in area.regions if area.type == "SEQUENCE_EDITOR" else ():
                if region.type == kind:
                    region.tag_redraw()


def is_playing() -> bool:
    """Tells if a window plays the edit."""
    return any(one.screen.is_animation_playing for one in bpy.context.window_manager.windows)


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
        why = messages.of_error(met)
        addon_state.own_error = translate("Recaster met an error of its own: {why}", why=why)
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


def _tell_of_scene(told: list[Callable[[Any], None]]) -> Any:
    """Makes a handler of Blender's that tells all of a list of its scene."""

    @persistent
    def tell(scene: Any, *_: Any) -> None:
        for each in told:
            each(scene)

    return tell


@persistent
def _save_begins(*_: Any) -> None:
    addon_state.is_saving = True


@persistent
def _save_ends(*_: Any) -> None:
    addon_state.is_saving = False


def _at_exit() -> None:
    """Blender closes. Its data are gone by now: whoever looks at them crashes it."""
    disconnect(JOIN_TIMEOUT_S)
    if addon_state.stops_at_exit:
        addon_state.local.stop()


def note_preferences() -> None:
    """Notes what counts once Blender's data are gone; preferences may be gone already."""
    with contextlib.suppress(KeyError, AttributeError):
        addon_state.stops_at_exit = bool(preferences().stop_with_blender)


def _stop_if_disabled() -> None:
    """Stops the engine where the add-on was disabled for good; a moment after that happened.

    Blender takes add-ons away and brings them back whenever another template is opened, and nothing tells one
    from the other while it does so: what counts is whether the add-on is still to be used afterwards.
    """
    if PACKAGE in bpy.context.preferences.addons:
        return
    if addon_state.install is not None and addon_state.install.installer is not None:
        addon_state.install.installer.stop()
    if addon_state.stops_at_exit:
        addon_state.local.stop()


_HANDLERS = (
    ("load_post", _loaded),
    ("undo_post", _undone),
    ("redo_post", _undone),
    ("render_init", _tell_of_scene(render_beginners)),
    ("render_write", _tell_of_scene(render_writers)),
    ("render_complete", _tell_of_scene(renderers)),
    ("render_cancel", _tell_of_scene(render_cancellers)),
    ("save_pre", _save_begins),
    ("save_post", _save_ends),
    ("save_post_fail", _save_ends),
)


def register() -> None:
    """Gets ready to look at the engine."""
    addon_state.is_file_fresh = True
    note_preferences()
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
    note_preferences()
    disconnect(JOIN_TIMEOUT_S)  # Blender removes the add-on's libraries, which threads may be loading
    if addon_state.connection_test is not None and addon_state.connection_test.connection is not None:
        addon_state.connection_test.connection.close(JOIN_TIMEOUT_S)
    addon_state.connection_test = None
    addon_state.shown = ()
    if PACKAGE in bpy.context.preferences.addons:  # else other preferences were loaded
        bpy.app.timers.register(_stop_if_disabled, first_interval=DISABLED_S, persistent=True)
