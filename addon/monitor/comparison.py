# SPDX-License-Identifier: GPL-3.0-or-later
"""Comparison of a strip with its swap in the monitor: before, swap, or both beside a line."""

from __future__ import annotations

from typing import Any

import bpy
from bpy.app.handlers import persistent
from bpy.props import EnumProperty, FloatProperty

from .. import compat, selection
from ..engine import session
from ..state import addon_state
from ..swap import held_results, placement
from ..translations import in_context
from .preview_drawing import BEFORE, SWAP, WIPE

CHOICES = (
    (BEFORE, "Before", "Show the strip as it is, in the preview", "LOOP_BACK", 0),
    (SWAP, "Swap", "Show the swap, or the swap of one frame where only that was made", "MOD_PHYSICS", 1),
    (WIPE, "Wipe", "Show the strip as it is left of a line, and its swap right of it", "ARROW_LEFTRIGHT", 2),
)
NAMES = tuple(name for name, *_ in CHOICES)
SEQUENCE_RENDER = "RENDER_OT_opengl"


def show(name: str) -> None:
    """Lets the monitor show something else."""
    addon_state.monitor.shows = name
    update()
    session.redraw_previews()
    session.redraw()


def move_line(line: float) -> None:
    """Moves the wipe's line to a share of the picture's width."""
    addon_state.monitor.line = min(max(line, 0.0), 1.0)
    update()
    session.redraw_previews()


def update() -> None:
    """Holds back the results of the strip whose settings are shown, as is wanted; lets go of all others."""
    if session.is_editing() or _is_sequence_rendered():
        return
    state = addon_state.monitor
    wanted = _wanted()
    mark = (
        tuple(len(compat.all_strips(scene)) for scene in bpy.data.scenes),  # one that is held may be pasted
        *(
            (scene.name, one.name, one.recaster.job, getattr(one, "filepath", ""), line)
            for scene, _, results, line in wanted
            for one in results
        ),
    )
    if mark == state.held:
        return
    held_results.release_all()
    for scene, strip, results, line in wanted:
        if any(not one.mute for one in results):
            held_results.hold_shown(scene, strip)
        held_results.hold(scene, results, line)
    state.held = mark


def _wanted() -> list[tuple[Any, Any, list[Any], float | None]]:
    state = addon_state.monitor
    if state.shows == SWAP:
        return []
    found: list[tuple[Any, Any, list[Any], float | None]] = []
    for context in compat.editing_contexts():
        scene = compat.scene_of(context)
        strip = selection.chosen_strip(context) if scene is not None and scene.sequence_editor else None
        if strip is not None and not any(scene == one for one, *_ in found):
            results = placement.results_of(placement.container_of(scene, strip), strip)
            found.append((scene, strip, results, state.line if state.shows == WIPE else None))
    return found


def let_go() -> None:
    """Lets go of all results, until the next tick."""
    held_results.release_all()
    addon_state.monitor.held = ()


def forget_all() -> None:
    """Another file was opened: what a crash has left held in it is let go of."""
    addon_state.monitor.shows = SWAP
    addon_state.monitor.textures.clear()
    addon_state.monitor.ghosts.clear()
    addon_state.monitor.changed.clear()
    addon_state.monitor.rest = None
    let_go()


@persistent
def _let_go(*_: Any) -> None:
    let_go()


def _is_sequence_rendered() -> bool:
    """Tells if Sequence Render makes an animation: no handler of renders hears of it, those of frames do."""
    windows = bpy.context.window_manager.windows
    return any(one.bl_idname == SEQUENCE_RENDER for window in windows for one in window.modal_operators)


@persistent
def _let_go_if_rendered(*_: Any) -> None:
    if _is_sequence_rendered():
        let_go()


HANDLERS = ("save_pre", "render_init", "render_pre", "undo_post", "redo_post")
"""Moments at which strips must be as they really are; the timer waits until they are over."""


def register() -> None:
    """Makes the choice known to panels: of Blender's window, so neither files nor undo hold it."""
    manager = bpy.types.WindowManager
    manager.recaster_shows = in_context(
        EnumProperty(
            name="Compare",
            items=CHOICES,
            get=lambda _: NAMES.index(addon_state.monitor.shows),
            set=lambda _, number: show(NAMES[number]),
        )
    )
    manager.recaster_line = in_context(
        FloatProperty(
            name="Line",
            description="Where the wipe's line is, as a share of the picture's width",
            subtype="FACTOR",
            min=0.0,
            max=1.0,
            get=lambda _: addon_state.monitor.line,
            set=lambda _, line: move_line(line),
        )
    )
    for name in HANDLERS:
        getattr(bpy.app.handlers, name).append(_let_go)
    bpy.app.handlers.frame_change_pre.append(_let_go_if_rendered)


def unregister() -> None:
    """Forgets it, and lets go of what is held."""
    for name in HANDLERS:
        found = getattr(bpy.app.handlers, name)
        if _let_go in found:
            found.remove(_let_go)
    if _let_go_if_rendered in bpy.app.handlers.frame_change_pre:
        bpy.app.handlers.frame_change_pre.remove(_let_go_if_rendered)
    addon_state.monitor.textures.clear()
    if hasattr(bpy.data, "scenes"):  # else Blender is still starting
        let_go()
    del bpy.types.WindowManager.recaster_line
    del bpy.types.WindowManager.recaster_shows
