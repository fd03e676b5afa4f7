# SPDX-License-Identifier: GPL-3.0-or-later
"""Recaster for Blender: swap faces in the Video Sequence Editor. All heavy work is an engine's."""

from __future__ import annotations

import bpy

from . import first_tab, images, preferences, properties, shortcuts, translations
from .engine import install_panel, jobs, session
from .engine import operators as engine_operators
from .engine import panels as engine_panels
from .mend import dragging, overlay
from .mend import operators as mend_operators
from .mend import panels as mend_panels
from .mend import tracks as mend_tracks
from .monitor import (
    after_operators,
    comparison,
    monitor_overlay,
    status_line,
    strip_overlay,
    strip_states,
    update_on_change,
)
from .monitor import operators as monitor_operators
from .monitor import panels as monitor_panels
from .rights import operators as rights_operators
from .rights import panels as rights_panels
from .rights import render_signing, signing
from .swap import (
    anonymity_panel,
    cast_looks,
    face_grid,
    face_pictures,
    jobs_list,
    leftovers,
    looks,
    mask_steps,
    people_list,
    picture_sources,
    presets,
    previews,
    state_view,
    task_operators,
    version_operators,
    workflow,
)
from .swap import operators as swap_operators
from .swap import panels as swap_panels
from .train import operators as train_operators
from .train import panels as train_panels
from .train import training

_CLASSES = (
    preferences.Preferences,
    *engine_operators.CLASSES,
    *install_panel.CLASSES,
    *looks.CLASSES,
    *presets.CLASSES,
    *swap_operators.CLASSES,
    *cast_looks.CLASSES,
    *picture_sources.CLASSES,
    *task_operators.CLASSES,
    *version_operators.CLASSES,
    *mend_operators.CLASSES,
    *dragging.CLASSES,
    *monitor_operators.CLASSES,
    *status_line.CLASSES,
    *train_operators.CLASSES,
    *rights_operators.CLASSES,
    *engine_panels.CLASSES,
    *face_grid.CLASSES,
    *people_list.CLASSES,
    *swap_panels.CLASSES,
    *state_view.CLASSES,
    *monitor_panels.CLASSES,
    *jobs_list.CLASSES,
    *train_panels.CLASSES,
    *mend_panels.CLASSES,
    *anonymity_panel.CLASSES,
    *rights_panels.CLASSES,
)
"""Panels in the order of work: they are shown as they are registered."""
_ON_SNAPSHOT = (
    jobs.on_engine_state,
    workflow.on_engine_state,
    training.on_engine_state,
    face_pictures.on_engine_state,
    jobs_list.on_engine_state,
)
_DRAWN = (comparison, monitor_overlay, overlay, strip_overlay, status_line)
"""What draws comes in the order in which it is drawn: boxes of faces over pictures."""
_ON_TICK = (
    comparison.update,
    monitor_overlay.update,
    strip_states.update,
    status_line.update,
    update_on_change.update,
    after_operators.update,
)
_ON_LOAD = (
    comparison.forget_all,
    previews.forget_all,
    mend_tracks.forget_all,
    signing.forget_all,
    training.forget_all,
    previews.show_all,
    workflow.resume_all,
    first_tab.show,
)


def register() -> None:
    """Called by Blender when the extension is enabled."""
    properties.register()
    for one in _CLASSES:
        translations.use_context(one)
        bpy.utils.register_class(one)
    images.register()
    swap_panels.register_menus()
    leftovers.register()
    presets.register()
    shortcuts.register()
    for one in _DRAWN:
        one.register()
    translations.register()
    session.listeners.extend(_ON_SNAPSHOT)
    session.loaders.extend(_ON_LOAD)
    session.tickers.extend(_ON_TICK)
    session.undoers.extend((workflow.after_undo, mend_tracks.after_undo))
    session.renderers.extend((signing.on_render, render_signing.on_end))
    session.render_beginners.append(render_signing.on_begin)
    session.render_writers.append(render_signing.on_write)
    session.render_cancellers.append(render_signing.on_cancel)
    bpy.types.TOPBAR_MT_render.append(rights_operators.in_render_menu)
    session.register()


def unregister() -> None:
    """Called by Blender when it is disabled."""
    session.unregister()
    mask_steps.stop_all()
    first_tab.unregister()
    session.listeners.clear()
    session.loaders.clear()
    session.undoers.clear()
    session.renderers.clear()
    session.render_beginners.clear()
    session.render_writers.clear()
    session.render_cancellers.clear()
    bpy.types.TOPBAR_MT_render.remove(rights_operators.in_render_menu)
    shortcuts.unregister()
    session.tickers.clear()
    for one in reversed(_DRAWN):
        one.unregister()
    presets.unregister()
    leftovers.unregister()
    swap_panels.unregister_menus()
    images.unregister()
    for one in reversed(_CLASSES):
        bpy.utils.unregister_class(one)
    properties.unregister()
    translations.unregister()
