# SPDX-License-Identifier: GPL-3.0-or-later
"""What the add-on knows while Blender runs: the link to the engine, and the timer that pumps it."""

from __future__ import annotations

import atexit
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import bpy
from bpy.app.handlers import persistent

from .. import messages
from ..config import PACKAGE, ConnectError, address, installation, preferences
from .connection import Link, Snapshot, look
from .local import LocalEngine

if TYPE_CHECKING:
    from collections.abc import Callable

TICK_S = 0.1
DISABLED_S = 2.0
"""Seconds after which an add-on that isn't back is taken to be disabled."""
JOB_KINDS = ("RENDER", "OBJECT_BAKE")
HANDS = ("TRANSFORM_OT_", "SEQUENCER_OT_", "ANIM_OT_", "VIEW2D_OT_")
"""Operators that may hold on to strips while they run; some others run for ever."""


@dataclass
class Test:
    """A call to the engine that the preferences name, to see whether it answers.

    Attributes:
        link: the way that it takes; None once it has ended.
        said: what came of it.
        well: whether the engine answered.
    """

    link: Link | None = None
    said: str = "Calling..."
    well: bool = True


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
    stop_at_exit = True
    """Whether the engine ends with Blender, as the preferences had it last."""
    shown: tuple[Any, ...] = ()
    """What panels have been told to show."""
    test: Test | None = None


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
    return snapshot_now()


def snapshot_now() -> Snapshot:
    """The same without calling it."""
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
        _state.trouble = messages.of_error(error)
        redraw()
        return
    if preferences().where == "local":
        _state.local.adopt(installation())
    _state.link = Link(found)
    _state.link.eager = _state.local.running and not _state.local.stopping
    _state.link.open(_tell)


def test() -> Test | None:
    """The call that was made last to see whether the engine answers."""
    return _state.test


def call_once() -> None:
    """See whether the engine that the preferences name answers, in a thread."""
    from recaster.errors import RecasterError

    if _state.test is not None and _state.test.link is not None:
        _state.test.link.close()
    made = _state.test = Test()
    try:
        made.link = Link(address())
    except (ConnectError, RecasterError) as error:
        made.said, made.well = messages.of_error(error), False
        return

    def ended(said: str, *, well: bool) -> None:
        made.said, made.well = said, well
        if _state.test is made:
            reconnect()
        redraw()

    def done(found: Snapshot) -> None:
        version, device = (
            messages.text(found.info.version),
            messages.text(next(iter(found.info.devices), "?")),
        )
        ended(f"Recaster {version} answers; it computes on {device}", well=True)

    made.link.run(
        "Calling the engine",
        lambda client, _work: look(client),
        done,
        lambda error: ended(messages.of_error(error), well=False),
    )


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
    if found.online and _state.link is not None:
        _state.link.eager = False
    for listener in listeners:
        listener(found)


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
    handed = 0 if _state.link is None else _state.link.pump()
    _pump_test()
    _redraw_changes()
    return handed


def _pump_test() -> None:
    tested = _state.test
    if tested is not None and tested.link is not None:
        tested.link.pump()
        if not tested.link.works:
            tested.link.close()
            tested.link = None


def _redraw_changes() -> None:
    """Redraw where something is to be seen that wasn't: an engine at rest, or away, costs nothing."""
    link, before = _state.link, _state.shown
    found = snapshot_now()
    progress = () if link is None else (link.finished, *((work, work.update) for work in link.works))
    engine = _state.local.running, _state.local.stopping, _state.trouble, _state.error
    _state.shown = found, progress, engine
    if (
        not before
        or before[1:] != _state.shown[1:]
        or not (found is before[0] or found.looks_like(before[0]))
    ):
        redraw()


def editing() -> bool:
    """Whether strips are in somebody's hands: being dragged, trimmed, chosen in a box."""
    windows = bpy.context.window_manager.windows
    return any(one.bl_idname.startswith(HANDS) for window in windows for one in window.modal_operators)


REDRAWN = {"SEQUENCE_EDITOR": "UI", "PREFERENCES": "WINDOW"}
"""Kinds of areas, and the region of each that shows something of ours; the timeline shows nothing."""


def redraw() -> None:
    """Let the sidebars of sequencers, and the preferences, show what has changed."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            for region in area.regions:
                if region.type == REDRAWN.get(area.type):
                    region.tag_redraw()


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
        _state.error = f"Recaster met an error of its own: {messages.of_error(met)}"
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
    if _stops_at_exit():
        _state.local.stop()


def _stops_at_exit() -> bool:
    """Whether the engine ends with Blender; preferences may be gone already."""
    with contextlib.suppress(KeyError, AttributeError):
        _state.stop_at_exit = bool(preferences().stop_with_blender)
    return _state.stop_at_exit


def _stop_if_disabled() -> None:
    """Stop the engine where the add-on was disabled for good; a moment after that happened.

    Blender takes add-ons away and brings them back whenever another template is opened, and nothing tells one
    from the other while it does so: what counts is whether the add-on is still to be used afterwards.
    """
    if PACKAGE not in bpy.context.preferences.addons and _state.stop_at_exit:
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
    if bpy.app.timers.is_registered(_stop_if_disabled):
        bpy.app.timers.unregister(_stop_if_disabled)
    atexit.unregister(_at_exit)
    atexit.register(_at_exit)


def unregister() -> None:
    """Hang up. The engine goes on, unless the add-on turns out to be disabled, or Blender to close."""
    if bpy.app.timers.is_registered(_tick):
        bpy.app.timers.unregister(_tick)
    for name, handler in _HANDLERS:
        found = getattr(bpy.app.handlers, name)
        if handler in found:
            found.remove(handler)
    _stops_at_exit()
    disconnect()
    if _state.test is not None and _state.test.link is not None:
        _state.test.link.close()
    _state.test, _state.shown = None, ()
    if PACKAGE in bpy.context.preferences.addons:  # else other preferences were loaded
        bpy.app.timers.register(_stop_if_disabled, first_interval=DISABLED_S, persistent=True)
