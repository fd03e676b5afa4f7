# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine's panel, and buttons for its jobs."""

from __future__ import annotations

from typing import Any

import bpy

from .. import images, messages
from ..config import preferences
from ..drawing import BUTTON, SequencerPanel, words
from ..state import addon_state
from ..translations import translate
from . import access, install_panel, operators, session

MAX_WORD = 40
"""Letters of what an engine says of itself."""


ROLES = {"viewer": "Viewer", "editor": "Editor", "consent-officer": "Consent officer"}
"""What roles are called that may not do everything."""


class RECASTER_PT_engine(SequencerPanel, bpy.types.Panel):
    """The engine that does the work: one line, as long as it answers."""

    bl_idname = "RECASTER_PT_engine"
    bl_label = "Engine"
    bl_options = {"HIDE_HEADER"}

    def draw(self, _context: Any) -> None:
        """Its state, and what can be done about it."""
        draw_engine(self.layout)


def draw_engine(layout: Any) -> None:
    """Draws a line about the engine with the way to the preferences; where it can't be used, more."""
    found = session.engine_state()
    here = preferences().where == "local"
    _draw_own_error(layout)
    why = ""
    buttons: tuple[Any, ...] = ()
    if found.online:
        where = translate("This machine") if here else messages.text(preferences().host, MAX_WORD)
        color = "green"
        label = f"{where}, {_device(found)}"
    else:
        label, icon, why, buttons = state_of(found, here=here)
        color = "yellow" if icon == "SORTTIME" else "red"
    row = layout.row(align=True)
    row.label(text=label, icon_value=images.icon(images.dot(color)), translate=False)
    row.operator(operators.RECASTER_OT_open_preferences.bl_idname, text="", icon="PREFERENCES", emboss=False)
    column = layout.column()
    if found.online:
        _draw_role(column, found.info.role)
    if why:
        words(column, why)
    for operator, image in buttons:
        column.operator(operator.bl_idname, icon=image)
    if here and not found.online and install_panel.is_missing():
        install_panel.draw_install(column)


def _draw_own_error(layout: Any) -> None:
    """Draws an error of the add-on itself, with a cross that takes it away."""
    if addon_state.own_error:
        row = layout.row(align=True)
        words(row, addon_state.own_error, icon="ERROR", spare=BUTTON)
        row.operator(operators.RECASTER_OT_dismiss_error.bl_idname, text="", icon="X")


def _draw_role(layout: Any, role: str) -> None:
    """Draws the role that the engine gives this client, where it may not do everything."""
    if role in ROLES:
        text = translate("Your role there: {role}", role=translate(ROLES[role]))
        layout.label(text=text, icon="USER", translate=False)


def _device(found: Any) -> str:
    return messages.text(next(iter(found.info.devices), "?"), MAX_WORD).upper()


def draw_connection(layout: Any, _context: Any) -> None:
    """Draws the engine's state in the preferences, and ways to start and stop it."""
    found = session.engine_state()
    chosen = preferences()
    _draw_own_error(layout)
    here = chosen.where == "local"
    column = layout.column()
    if found.online:
        version = messages.text(found.info.version, MAX_WORD)
        text = translate(
            "Recaster {version} on this machine, {device}"
            if here
            else "Recaster {version} on {place}, {device}",
            version=version,
            place=messages.text(chosen.host),
            device=_device(found),
        )
        column.label(text=text, icon="CHECKMARK", translate=False)
        _draw_role(column, found.info.role)
        if here and addon_state.local.running:
            column.operator(operators.RECASTER_OT_stop_engine.bl_idname, icon="CANCEL")
        return
    label, icon, why, buttons = state_of(found, here=here)
    column.label(text=label, icon=icon, translate=False)
    if why:
        words(column, why)
    for operator, image in buttons:
        if operator is not operators.RECASTER_OT_open_preferences:
            column.operator(operator.bl_idname, icon=image)
    if here and install_panel.is_missing():
        install_panel.draw_install(column)


START = (operators.RECASTER_OT_start_engine, "PLAY")
STOP = (operators.RECASTER_OT_stop_engine, "CANCEL")
CONNECT = (operators.RECASTER_OT_connect, "FILE_REFRESH")
OTHER_ENGINE = "Another engine answers here than that of this data folder: choose another port or folder"
PREFERENCES = (operators.RECASTER_OT_open_preferences, "PREFERENCES")
LOG = (operators.RECASTER_OT_show_log, "TEXT")


def state_of(found: Any, *, here: bool) -> tuple[str, str, str, tuple[Any, ...]]:
    """Describes an engine that can't be used: in two words, an icon, why, and the buttons that help."""
    local = addon_state.local
    if here and not local.running and install_panel.is_missing():
        return (*install_panel.heading(), "", ())
    if here and local.stopping:
        return translate("The engine is stopping..."), "SORTTIME", "", ()
    if found.refused:
        why = translate(OTHER_ENGINE if here else messages.WRONG_TOKEN)
        return translate("Not let in"), "LOCKED", why, (PREFERENCES, CONNECT)
    if here and local.running:
        return translate("The engine is starting..."), "SORTTIME", "", (STOP, LOG)
    if found.connecting:
        return found.trouble, "SORTTIME", "", ()
    if here and local.crashed():
        return translate("The engine has stopped"), "ERROR", local.crashed(), (START, LOG, PREFERENCES)
    if found.away:
        why = "It isn't running on this machine" if here else "Nobody answers at that address"
        buttons = (START,) if here else (CONNECT, PREFERENCES)
        return translate("Engine offline"), "ERROR", translate(why), buttons
    return translate("No engine"), "ERROR", found.trouble, (CONNECT, PREFERENCES)


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
