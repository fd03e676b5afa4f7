# SPDX-License-Identifier: GPL-3.0-or-later
"""Recaster for Blender: swap faces in the Video Sequence Editor. All heavy work is an engine's."""

from __future__ import annotations

import bpy

from . import (
    faces,
    jobs,
    operators_engine,
    operators_rights,
    operators_swap,
    operators_train,
    panels,
    panels_rights,
    panels_train,
    pictures,
    preferences,
    properties,
    rights,
    session,
    swaps,
    trainings,
)

_CLASSES = (
    preferences.Preferences,
    *operators_engine.CLASSES,
    *operators_swap.CLASSES,
    *operators_train.CLASSES,
    *operators_rights.CLASSES,
    *panels.CLASSES,
    *panels_train.CLASSES,
    *panels_rights.CLASSES,
    panels.JobsPanel,
)
_ON_SNAPSHOT = (jobs.on_snapshot, swaps.on_snapshot, trainings.on_snapshot)
_ON_LOAD = (faces.forget_all, rights.forget_all, trainings.forget_all, faces.show_all, swaps.resume_all)


def register() -> None:
    """Called by Blender when the extension is enabled."""
    properties.register()
    for one in _CLASSES:
        bpy.utils.register_class(one)
    pictures.register()
    panels.register_menus()
    session.listeners.extend(_ON_SNAPSHOT)
    session.loaders.extend(_ON_LOAD)
    session.undoers.append(swaps.after_undo)
    session.renderers.append(rights.on_render)
    session.register()


def unregister() -> None:
    """Called by Blender when it is disabled."""
    session.unregister()
    session.listeners.clear()
    session.loaders.clear()
    session.undoers.clear()
    session.renderers.clear()
    panels.unregister_menus()
    pictures.unregister()
    for one in reversed(_CLASSES):
        bpy.utils.unregister_class(one)
    properties.unregister()
