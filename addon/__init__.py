# SPDX-License-Identifier: GPL-3.0-or-later
"""Recaster for Blender: swap faces in the Video Sequence Editor. All heavy work is an engine's."""

from __future__ import annotations

import bpy

from . import images, preferences, properties
from .engine import jobs, session
from .engine import operators as engine_operators
from .engine import panels as engine_panels
from .mend import dragging, overlay
from .mend import operators as mend_operators
from .mend import panels as mend_panels
from .mend import tracks as mend_tracks
from .rights import operators as rights_operators
from .rights import panels as rights_panels
from .rights import signing
from .swap import looks, previews, task_operators, task_panels, workflow
from .swap import operators as swap_operators
from .swap import panels as swap_panels
from .train import operators as train_operators
from .train import panels as train_panels
from .train import training

_CLASSES = (
    preferences.Preferences,
    *engine_operators.CLASSES,
    *looks.CLASSES,
    *swap_operators.CLASSES,
    *task_operators.CLASSES,
    *mend_operators.CLASSES,
    *dragging.CLASSES,
    *train_operators.CLASSES,
    *rights_operators.CLASSES,
    *engine_panels.CLASSES,
    *swap_panels.CLASSES,
    *mend_panels.CLASSES,
    *train_panels.CLASSES,
    *rights_panels.CLASSES,
    *task_panels.CLASSES,
)
_ON_SNAPSHOT = (jobs.on_engine_state, workflow.on_engine_state, training.on_engine_state)
_ON_LOAD = (
    previews.forget_all,
    mend_tracks.forget_all,
    signing.forget_all,
    training.forget_all,
    previews.show_all,
    workflow.resume_all,
)


def register() -> None:
    """Called by Blender when the extension is enabled."""
    properties.register()
    for one in _CLASSES:
        bpy.utils.register_class(one)
    images.register()
    swap_panels.register_menus()
    overlay.register()
    session.listeners.extend(_ON_SNAPSHOT)
    session.loaders.extend(_ON_LOAD)
    session.undoers.extend((workflow.after_undo, mend_tracks.after_undo))
    session.renderers.append(signing.on_render)
    session.register()


def unregister() -> None:
    """Called by Blender when it is disabled."""
    session.unregister()
    session.listeners.clear()
    session.loaders.clear()
    session.undoers.clear()
    session.renderers.clear()
    overlay.unregister()
    swap_panels.unregister_menus()
    images.unregister()
    for one in reversed(_CLASSES):
        bpy.utils.unregister_class(one)
    properties.unregister()
