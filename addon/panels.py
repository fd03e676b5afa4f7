# SPDX-License-Identifier: GPL-3.0-or-later
"""The Recaster tab of the sequencer's sidebar: engine, swap, jobs."""

from __future__ import annotations

from typing import Any

import bpy

from . import (
    compat,
    errands,
    faces,
    jobs,
    messages,
    operators_engine,
    operators_swap,
    panels_rights,
    pictures,
    placing,
    roles,
    session,
    told,
)
from .drawing import SequencerPanel, draw_line, words
from .link import CONNECTING
from .operators_swap import chosen_strip
from .preferences import preferences
from .properties import LOOK

NAMES = 0.3
"""Share of a row that its name takes."""
MAX_WORD = 40
"""Letters of what an engine says of itself."""
FACE_SCALE = 4.0
FACES_IN_ROW = 3
PREVIEW_SCALE = 11.0


class EnginePanel(SequencerPanel, bpy.types.Panel):
    """Which engine does the work, and whether it answers."""

    bl_idname = "RECASTER_PT_engine"
    bl_label = "Engine"

    def draw(self, context: Any) -> None:
        """Its state, and what can be done about it."""
        draw_connection(self.layout, context)


def draw_connection(layout: Any, _context: Any) -> None:
    """Whether the engine answers; a way to start it where it doesn't."""
    found, chosen = session.snapshot(), preferences()
    if session.error():
        words(layout, session.error(), icon="ERROR")
    here = chosen.where == "local"
    column = layout.column()
    if found.online:
        device = messages.text(next(iter(found.info.devices), "?"), MAX_WORD).upper()
        where = "this machine" if here else messages.text(chosen.host)
        version = messages.text(found.info.version, MAX_WORD)
        column.label(text=f"Recaster {version} on {where}, {device}", icon="CHECKMARK")
        if found.info.role in messages.OF_ROLE:
            column.label(text=f"Your role there: {found.info.role.replace('-', ' ')}", icon="USER")
        if here and session.local().running:
            column.operator(operators_engine.StopEngine.bl_idname, icon="CANCEL")
        return
    label, icon, why, buttons = state_of(found, here=here)
    column.label(text=label, icon=icon)
    if why:
        words(column, why)
    for operator, image in buttons:
        column.operator(operator.bl_idname, icon=image)


START = (operators_engine.StartEngine, "PLAY")
STOP = (operators_engine.StopEngine, "CANCEL")
CONNECT = (operators_engine.Connect, "FILE_REFRESH")
PREFERENCES = (operators_engine.OpenPreferences, "PREFERENCES")
LOG = (operators_engine.ShowLog, "TEXT")


def state_of(found: Any, *, here: bool) -> tuple[str, str, str, tuple[Any, ...]]:
    """What an engine that can't be used does: in two words, an icon, why, and the buttons that help."""
    local = session.local()
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
    """What came of the call that was made to see whether the engine answers."""
    tested = session.test()
    if tested is not None:
        icon = "SORTTIME" if tested.link is not None else "CHECKMARK" if tested.well else "ERROR"
        words(layout, tested.said, icon=icon)


class SwapPanel(SequencerPanel, bpy.types.Panel):
    """Select a strip, choose a face, swap."""

    bl_idname = "RECASTER_PT_swap"
    bl_label = "Face Swap"

    def draw(self, context: Any) -> None:
        """What is chosen for the active strip."""
        layout, strip = self.layout, chosen_strip(context)
        if strip is None:
            layout.label(text="Select a movie or image strip", icon="INFO")
            return
        chosen = strip.recaster
        wanted = operators_swap.targets(context)
        if len(wanted) > 1:
            row = layout.row(align=True)
            row.label(text=f"{len(wanted)} strips, each with its own settings", icon="INFO")
            row.operator(operators_swap.CopySettings.bl_idname, text="", icon="COPYDOWN")
        split = layout.split(factor=NAMES)
        split.label(text="Face")
        split.menu(operators_swap.FaceMenu.bl_idname, text=messages.text(chosen.face_name) or "Choose...")
        panels_rights.draw_basis(layout, chosen.face)
        _draw_people(layout, strip)
        adding = any(original is not None for _, original in wanted)
        if adding:
            words(
                layout,
                "The result keeps its person, and the one chosen now is swapped in it, too",
                icon="INFO",
            )
        row = layout.row(align=True)
        row.scale_y = 1.3
        row.operator(operators_swap.Preview.bl_idname, icon="RESTRICT_RENDER_OFF")
        text = "Swap Result Too" if adding else operators_swap.Swap.bl_label
        row.operator(operators_swap.Swap.bl_idname, text=text, icon="MOD_PHYSICS")
        _draw_preview(layout, strip, compat.scene_of(context))
        _draw_told(layout, context, strip)
        for errand in errands.errands.values():
            if chosen.uid and errand.uid == chosen.uid and errand.stage != "placed":
                _draw_errand(layout, errand)


def _draw_people(layout: Any, strip: Any) -> None:
    """Who is in the strip, to choose whose face is swapped."""
    chosen, about = strip.recaster, faces.seen(strip)
    split = layout.split(factor=NAMES)
    split.label(text="Person")
    split.operator(operators_swap.FindPeople.bl_idname, icon="VIEWZOOM")
    portrait = pictures.icon(faces.portrait_icon(strip)) if chosen.person and not chosen.everyone else 0
    if portrait and chosen.person not in map(str, about.people):
        split = layout.split(factor=NAMES)
        split.template_icon(portrait, scale=FACE_SCALE)
        split.label(text="This person")
    elif chosen.person and not chosen.everyone and not portrait:
        words(layout, "Choose the person again: their picture isn't on this machine", icon="ERROR")
    for first in range(0, len(about.people), FACES_IN_ROW):
        row = layout.row(align=True)
        for at in range(first, first + FACES_IN_ROW):
            column = row.column(align=True)
            if at >= len(about.people):
                column.label(text="")
                continue
            path = about.people[at]
            picked = chosen.person == str(path) and not chosen.everyone
            column.template_icon(pictures.icon(path), scale=FACE_SCALE)
            column.operator(
                operators_swap.ChoosePerson.bl_idname, text="This One" if picked else "Choose", depress=picked
            ).person = str(path)
    row = layout.row(align=True)
    if chosen.person and not chosen.everyone:
        row.operator(operators_swap.ChoosePerson.bl_idname, text="Main Person", icon="LOOP_BACK").person = ""
    else:
        row.label(text="" if chosen.everyone else "Main person")
    row.prop(chosen, "everyone", toggle=True)


def _draw_preview(layout: Any, strip: Any, scene: Any) -> None:
    """What is being found out, what went wrong, and the previewed frame."""
    about = faces.seen(strip)
    if about.work is not None:
        row = layout.row(align=True)
        draw_line(row.column(align=True), jobs.line_of_work(about.work))
        row.operator(operators_swap.StopLooking.bl_idname, text="", icon="X")
    if about.trouble:
        words(layout, about.trouble, icon="ERROR")
    if about.preview is not None and pictures.icon(about.icon):
        old = faces.stale(strip, scene)
        words(layout, f"Frame {about.frame}{': ' if old else ''}{old}", icon="ERROR" if old else "CHECKMARK")
        layout.template_icon(pictures.icon(about.icon), scale=PREVIEW_SCALE)
        layout.operator(operators_swap.ShowPreview.bl_idname, icon="FULLSCREEN_ENTER")
        for warning in about.warnings:
            words(layout, warning, icon="INFO")


def _draw_told(layout: Any, context: Any, strip: Any) -> None:
    """Which frames of the strip's result weren't swapped, and why."""
    shown, scene = operators_swap.shown_clip(context), compat.scene_of(context)
    results = placing.results_of(placing.owner_of(scene, strip), strip)
    for result in [shown] if shown in results or shown != strip else results[:1]:
        found = told.lines_of(result)
        if found is not None:
            about, lines = found
            column = layout.column(align=True)
            column.label(text=about.line, icon="CHECKMARK" if about.whole else "INFO")
            for line in lines:
                words(column, line)


class LookPanel(SequencerPanel, bpy.types.Panel):
    """How the face is laid over the picture."""

    bl_idname = "RECASTER_PT_look"
    bl_label = "Look"
    bl_parent_id = "RECASTER_PT_swap"
    bl_options = {"DEFAULT_CLOSED"}

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Whether there is a strip to choose for."""
        return chosen_strip(context) is not None

    def draw(self, context: Any) -> None:
        """Mask, colour, smoothing."""
        _draw_choices(self.layout, chosen_strip(context).recaster, LOOK)


class ResultPanel(SequencerPanel, bpy.types.Panel):
    """What comes back."""

    bl_idname = "RECASTER_PT_result"
    bl_label = "Result"
    bl_parent_id = "RECASTER_PT_swap"
    bl_options = {"DEFAULT_CLOSED"}

    poll = LookPanel.poll

    def draw(self, context: Any) -> None:
        """Handles, codec, label, what becomes of the original."""
        _draw_choices(
            self.layout,
            chosen_strip(context).recaster,
            ("handles", "codec", "label", "label_language", "mute"),
        )


def _draw_choices(layout: Any, chosen: Any, names: tuple[str, ...]) -> None:
    layout.use_property_split = True
    layout.use_property_decorate = False
    column = layout.column()
    for name in names:
        row = column.row()
        row.enabled = name != "label_language" or chosen.label != "none"
        row.prop(chosen, name)


class JobsPanel(SequencerPanel, bpy.types.Panel):
    """What is being done, here and at the engine."""

    bl_idname = "RECASTER_PT_jobs"
    bl_label = "Jobs"

    def draw(self, _context: Any) -> None:
        """Swaps of this file, then the engine's other jobs; what goes on before what has ended."""
        layout, found = self.layout, session.snapshot()
        own = list(reversed(errands.errands.values()))
        own.sort(key=lambda one: one.ended)
        for errand in own:
            _draw_errand(layout.box(), errand)
        waited = {errand.job for errand in own} | jobs.hidden()
        others = [one for one in (found.jobs or {}).values() if one.job_id not in waited]
        others = [one for one in others if jobs.mine(found, one) or not one.HasField("end_time")]
        others.sort(key=lambda one: one.HasField("end_time"))
        for job in others[: jobs.SHOWN]:
            _draw_job(layout.box(), job)
        if not own and not others:
            layout.label(text="Nothing is being done")
        else:
            layout.operator(operators_swap.Forget.bl_idname, icon="TRASH")


STAGES = {
    "sending": "Sending",
    "waiting": "Waits for the engine",
    "working": "Waits for its turn",
    "fetching": "Fetching the result",
    "ready": "Waits until strips are let go of",
    "placed": "Done",
    "failed": "Failed",
    "cancelled": "Canceled",
}
ICONS = {"placed": "CHECKMARK", "failed": "ERROR", "cancelled": "X"}


def _draw_errand(layout: Any, errand: errands.Errand) -> None:
    """A swap of this file."""
    job = session.snapshot().job(errand.job) if errand.stage == "working" else None
    if job is not None:
        line = jobs.line_of_job(job)
    elif errand.work is not None:
        line = jobs.line_of_work(errand.work)
    else:
        away = errand.stage == "working" and not session.snapshot().online
        stage = "Goes on when the engine is back" if away else STAGES[errand.stage]
        if errand.stage == "placed" and errand.told is not None:
            stage = f"{stage}: {errand.told.line}"
        line = jobs.Line(errand.title, stage, None, errand.trouble, ICONS.get(errand.stage, "SORTTIME"))
    row = layout.row(align=True)
    draw_line(row.column(align=True), line)
    if not errand.ended:
        row.operator(operators_swap.Cancel.bl_idname, text="", icon="X").request = errand.request
    elif errand.stage == "failed" and errand.result is not None:
        layout.operator(operators_swap.Place.bl_idname, icon="ADD").request = errand.request
    elif errand.stage == "failed":
        layout.operator(operators_swap.Again.bl_idname, icon="FILE_REFRESH").request = errand.request


def _draw_job(layout: Any, job: Any) -> None:
    """A job of the engine."""
    row = layout.row(align=True)
    draw_line(row.column(align=True), jobs.line_of_job(job))
    draw_job_buttons(row.row(align=True), job)


def draw_job_buttons(row: Any, job: Any) -> None:
    """What can be done about a job; grey where that is somebody else's business."""
    from recaster.api.v1 import job_pb2
    from recaster.client.jobs import ENDED

    row.enabled = not roles.lacking_for_job(session.snapshot(), job)

    def button(what: str, icon: str) -> None:
        tell = row.operator(operators_engine.TellJob.bl_idname, text="", icon=icon)
        tell.job, tell.what = job.job_id, what

    if job.state in ENDED:
        button("delete", "TRASH")
        return
    if job.state in (job_pb2.JOB_STATE_PAUSED, job_pb2.JOB_STATE_BLOCKED):
        button("resume", "PLAY")
    elif job.state != job_pb2.JOB_STATE_PAUSING:
        button("pause", "PAUSE")
    button("cancel", "X")


def _in_menus(self: Any, _context: Any) -> None:
    self.layout.separator()
    self.layout.operator(operators_swap.Swap.bl_idname)
    self.layout.operator(operators_swap.Preview.bl_idname, text="Preview Face Swap")


MENUS = ("SEQUENCER_MT_strip", "SEQUENCER_MT_context_menu")


def register_menus() -> None:
    """Face Swap in the Strip menu and under the right mouse button."""
    for name in MENUS:
        getattr(bpy.types, name).append(_in_menus)


def unregister_menus() -> None:
    """Take it out again."""
    for name in MENUS:
        getattr(bpy.types, name).remove(_in_menus)


CLASSES = (EnginePanel, SwapPanel, LookPanel, ResultPanel)
"""In the order in which they are shown; training comes between these and the jobs."""
