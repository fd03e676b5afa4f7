# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine's panel, and buttons for its jobs."""

from __future__ import annotations

from typing import Any

import bpy

from .. import messages
from ..config import preferences
from ..drawing import SequencerPanel, words
from ..state import addon_state
from . import access, operators, session
from .connection import CONNECTING

MAX_WORD = 40
"""Letters of what an engine says of itself."""


class RECASTER_PT_engine(SequencerPanel, bpy.types.Panel):
    """The engine that does the work, and its state."""

    bl_idname = "RECASTER_PT_engine"
    bl_label = "Engine"

    def draw(self, context: Any) -> None:
        """Its state, and what can be done about it."""
        draw_connection(self.layout, context)


def draw_connection(layout: Any, _context: Any) -> None:
    """Draws the engine's state, and a way to start it where it doesn't answer."""
    found = session.engine_state()
    chosen = preferences()
    if addon_state.own_error:
        words(layout, addon_state.own_error, icon="ERROR")
    here = chosen.where == "local"
    column = layout.column()
    if found.online:
        device = messages.text(next(iter(found.info.devices), "?"), MAX_WORD).upper()
        where = "this machine" if here else messages.text(chosen.host)
        version = messages.text(found.info.version, MAX_WORD)
        column.label(text=f"Recaster {version} on {where}, {device}", icon="CHECKMARK")
        if found.info.role in messages.OF_ROLE:
            column.label(text=f"Your role there: {found.info.role.replace('-', ' ')}", icon="USER")
        if here and addon_state.local.running:
            column.operator(operators.RECASTER_OT_stop_engine.bl_idname, icon="CANCEL")
        return
    label, icon, why, buttons = state_of(found, here=here)
    column.label(text=label, icon=icon)
    if why:
        words(column, why)
    for operator, image in buttons:
        column.operator(operator.bl_idname, icon=image)


START = (operators.RECASTER_OT_start_engine, "PLAY")
STOP = (operators.RECASTER_OT_stop_engine, "CANCEL")
CONNECT = (operators.RECASTER_OT_connect, "FILE_REFRESH")
PREFERENCES = (operators.RECASTER_OT_open_preferences, "PREFERENCES")
LOG = (operators.RECASTER_OT_show_log, "TEXT")


def state_of(found: Any, *, here: bool) -> tuple[str, str, str, tuple[Any, ...]]:
    """Describes an engine that can't be used: in two words, an icon, why, and the buttons that help."""
    local = addon_state.local
    if here and local.stopping:
        return "The engine is stopping...", "SORTTIME", "", ()
    if found.refused:
        why = (
            "Another engine answers here than that of this data folder: choose another port or folder"
            if here
            else messages.WRONG_TOKEN
        )
        return "Not let in", "LOCKED", why, (PREFERENCES, CONNECT)
    if here and local.running:
        return "The engine is starting...", "SORTTIME", "", (STOP, LOG)
    if found.trouble == CONNECTING:
        return CONNECTING, "SORTTIME", "", ()
    if here and local.crashed():
        return "The engine has stopped", "ERROR", local.crashed(), (START, LOG, PREFERENCES)
    if here and found.away:
        return "Engine offline", "ERROR", "It isn't running on this machine", (START,)
    if found.away:
        return "Engine offline", "ERROR", "Nobody answers at that address", (CONNECT, PREFERENCES)
    return "No engine", "ERROR", found.trouble, (CONNECT, PREFERENCES)


def draw_test(layout: Any) -> None:
    """Draws the result of the connection test."""
    tested = addon_state.connection_test
    if tested is not None:
        icon = "SORTTIME" if tested.connection is not None else "CHECKMARK" if tested.is_ok else "ERROR"
        words(layout, tested.message, icon=icon)


def draw_job_buttons(row: Any, job: Any) -> None:
    """Draws a job's buttons; grey where it is somebody else's business."""
    from recaster.api.v1 import job_pb2
    from recaster.client.job_calls import ENDED

    row.enabled = not access.lacking_for_job(session.engine_state(), job)

    def button(what: str, icon: str) -> None:
        tell = row.operator(operators.RECASTER_OT_control_job.bl_idname, text="", icon=icon)
        tell.job = job.job_id
        tell.what = what

    if job.state in ENDED:
        button("delete", "TRASH")
        return
    if job.state in (job_pb2.JOB_STATE_PAUSED, job_pb2.JOB_STATE_BLOCKED):
        button("resume", "PLAY")
    elif job.state != job_pb2.JOB_STATE_PAUSING:
        button("pause", "PAUSE")
    button("cancel", "X")


CLASSES = (RECASTER_PT_engine,)
