# SPDX-License-Identifier: GPL-3.0-or-later
"""What the add-on knows while Blender runs: the link to the engine, and the timer that pumps it."""

from __future__ import annotations

import atexit
import contextlib
from typing import TYPE_CHECKING, Any

import bpy
from bpy.app.handlers import persistent

from .link import Link, Snapshot
from .local_engine import LocalEngine
from .preferences import ConnectError, address, preferences

if TYPE_CHECKING:
    from collections.abc import Callable

TICK_S = 0.1
JOB_KINDS = ("RENDER", "OBJECT_BAKE")
HANDS = ("TRANSFORM_OT_", "SEQUENCER_OT_", "ANIM_OT_", "VIEW2D_OT_")
"""Operators that may hold on to strips while they run; some others run for ever."""


class _State:
    link: Link | None = None
    wanted = False
    """Whether anything of the engine was asked for: grpc is loaded only then."""
    trouble = ""
    """Why there is no link."""
    error = ""
    """What went wrong in the add-on itself."""
    saving = False
    fresh = True
    """Whether the file that is open was not looked at yet."""
    local = LocalEngine()


_state = _State()
listeners: list[Callable[[Snapshot], None]] = []
"""Told of every look at the engine."""
loaders: list[Callable[[], None]] = []
"""Told that another file was opened, or that this one is looked at for the first time."""
undoers: list[Callable[[], None]] = []
"""Told that something was undone or done again."""
renderers: list[Callable[[Any], None]] = []
"""Told that a scene was rendered."""


def link() -> Link | None:
    """The way to the engine, None where the preferences give none."""
    return _state.link


def local() -> LocalEngine:
    """The engine that was started from here, if any."""
    return _state.local


def snapshot() -> Snapshot:
    """The engine as it was last seen; the first time, it is called."""
    _state.wanted = True
    return Snapshot(trouble=_state.trouble) if _state.link is None else _state.link.snapshot


def error() -> str:
    """What went wrong in the add-on itself, "" for nothing."""
    return _state.error


def reconnect() -> None:
    """Hang up and call the engine that the preferences name now."""
    from recaster.errors import RecasterError

    disconnect()
    _state.wanted = True
    try:
        found = address()
    except (ConnectError, RecasterError) as error:
        _state.trouble = str(error)
        redraw()
        return
    _state.link = Link(found)
    _state.link.open(_tell)


def disconnect() -> None:
    """Hang up."""
    if _state.link is not None:
        _state.link.close()
        _state.link = None
    _state.trouble = ""


def _tell(found: Snapshot) -> None:
    """Something came from the engine."""
    if found.refused and preferences().where == "local" and _token_changed():
        reconnect()  # it has run for the first time, and made its token
        return
    for listener in listeners:
        listener(found)
    redraw()


def _token_changed() -> bool:
    return _state.link is not None and address().token != _state.link.address.token


def pump() -> int:
    """Take what has come from the engine; the timer's work, and that of a script without a window.

    Nothing is taken while Blender renders or saves: data must not change under its hands.
    """
    if _state.saving or any(map(bpy.app.is_job_running, JOB_KINDS)):
        return 0
    if _state.fresh:
        _loaded()
    if _state.link is None and _state.wanted and not _state.trouble:
        reconnect()
    return 0 if _state.link is None else _state.link.pump()


def editing() -> bool:
    """Whether strips are in somebody's hands: being dragged, trimmed, chosen in a box."""
    windows = bpy.context.window_manager.windows
    return any(one.bl_idname.startswith(HANDS) for window in windows for one in window.modal_operators)


def redraw() -> None:
    """Let sequencers and preferences show what has changed."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type in ("SEQUENCE_EDITOR", "PREFERENCES"):
                area.tag_redraw()


def undo_step(message: str) -> None:
    """Make what was done since the last one a step that can be undone."""
    windows = bpy.context.window_manager.windows
    if windows:
        with bpy.context.temp_override(window=windows[0]):
            bpy.ops.ed.undo_push(message=message)


def _tick() -> float:
    try:
        pump()
    except Exception as met:  # noqa: BLE001 - a timer that raises is never called again
        import traceback

        traceback.print_exc()
        _state.error = f"Recaster met an error of its own ({type(met).__name__}: {met}); see the console"
    return TICK_S


@persistent
def _loaded(*_: Any) -> None:
    _state.fresh = False
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
    _state.saving = True


@persistent
def _save_ends(*_: Any) -> None:
    _state.saving = False


def _at_exit() -> None:
    """Blender closes."""
    disconnect()
    with contextlib.suppress(KeyError, AttributeError):  # preferences may be gone already
        if not preferences().stop_with_blender:
            return
    _state.local.stop()


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
    """Be ready to look at the engine."""
    _state.fresh = True
    for name, handler in _HANDLERS:
        getattr(bpy.app.handlers, name).append(handler)
    bpy.app.timers.register(_tick, first_interval=TICK_S, persistent=True)
    atexit.register(_at_exit)


def unregister() -> None:
    """Hang up; the engine that was started here is stopped, its jobs go on at its next start."""
    atexit.unregister(_at_exit)
    if bpy.app.timers.is_registered(_tick):
        bpy.app.timers.unregister(_tick)
    for name, handler in _HANDLERS:
        found = getattr(bpy.app.handlers, name)
        if handler in found:
            found.remove(handler)
    _at_exit()
