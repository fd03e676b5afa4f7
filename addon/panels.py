# SPDX-License-Identifier: GPL-3.0-or-later
"""The Recaster tab of the sequencer's sidebar: engine, swap, jobs."""

from __future__ import annotations

from typing import Any

import bpy

from . import errands, faces, jobs, operators_engine, operators_swap, panels_rights, pictures, session
from .drawing import SequencerPanel, draw_line, words
from .operators_swap import chosen_strip
from .preferences import preferences
from .properties import LOOK

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
        device = found.info.devices[0].upper()
        where = "this machine" if here else chosen.host
        column.label(text=f"Recaster {found.info.version} on {where}, {device}", icon="CHECKMARK")
        if session.local().running:
            column.operator(operators_engine.StopEngine.bl_idname, icon="CANCEL")
        return
    if found.trouble == "connecting":
        column.label(text="Connecting ...", icon="SORTTIME")
        return
    if here and session.local().stopping:
        column.label(text="The engine is stopping ...", icon="SORTTIME")
        return
    if here and session.local().running:
        column.label(text="The engine is starting ...", icon="SORTTIME")
        words(column, found.trouble)
        column.operator(operators_engine.Connect.bl_idname, icon="FILE_REFRESH")
        column.operator(operators_engine.StopEngine.bl_idname, icon="CANCEL")
        return
    column.label(text="Engine offline", icon="ERROR")
    words(column, session.local().last_words() or found.trouble)
    if here:
        column.operator(operators_engine.StartEngine.bl_idname, icon="PLAY")
    else:
        column.operator(operators_engine.Connect.bl_idname, icon="FILE_REFRESH")


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
        row = layout.row(align=True)
        row.label(text="Face")
        known = chosen.face_name or "Choose ..."
        row.menu(operators_swap.FaceMenu.bl_idname, text=known)
        panels_rights.draw_basis(layout, chosen.face, chosen.face_name)
        _draw_people(layout, strip)
        row = layout.row(align=True)
        row.scale_y = 1.3
        row.operator(operators_swap.Preview.bl_idname, icon="RESTRICT_RENDER_OFF")
        row.operator(operators_swap.Swap.bl_idname, icon="MOD_PHYSICS")
        _draw_preview(layout, strip)
        for errand in errands.errands.values():
            if errand.uid == chosen.uid and errand.stage != "placed":
                _draw_errand(layout, errand)


def _draw_people(layout: Any, strip: Any) -> None:
    """Who is in the strip, to choose whose face is swapped."""
    chosen, about = strip.recaster, faces.seen(strip)
    row = layout.row(align=True)
    row.label(text="Person")
    row.operator(operators_swap.FindPeople.bl_idname, text="Find People", icon="VIEWZOOM")
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
        row.label(text="" if chosen.everyone else "The main person of the strip")
    row.prop(chosen, "everyone", toggle=True)


def _draw_preview(layout: Any, strip: Any) -> None:
    """What is being found out, what went wrong, and the previewed frame."""
    about = faces.seen(strip)
    if about.work is not None:
        draw_line(layout, jobs.line_of_work(about.work))
    if about.trouble:
        words(layout, about.trouble, icon="ERROR")
    if about.preview is not None and pictures.icon(about.icon):
        layout.template_icon(pictures.icon(about.icon), scale=PREVIEW_SCALE)
        layout.operator(operators_swap.ShowPreview.bl_idname, icon="FULLSCREEN_ENTER")
        for warning in about.warnings:
            words(layout, warning, icon="INFO")


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
        column.prop(chosen, name)


class JobsPanel(SequencerPanel, bpy.types.Panel):
    """What is being done, here and at the engine."""

    bl_idname = "RECASTER_PT_jobs"
    bl_label = "Jobs"

    def draw(self, _context: Any) -> None:
        """Swaps of this file, then the engine's other jobs."""
        layout, found = self.layout, session.snapshot()
        own = list(errands.errands.values())
        for errand in reversed(own):
            _draw_errand(layout.box(), errand)
        mine = {errand.job for errand in own}
        others = [one for one in (found.jobs or {}).values() if one.job_id not in mine]
        others = [one for one in others if one.labels.get("client") or not one.HasField("end_time")]
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
    "cancelled": "Cancelled",
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
        line = jobs.Line(
            errand.title, STAGES[errand.stage], None, errand.trouble, ICONS.get(errand.stage, "SORTTIME")
        )
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
    draw_job_buttons(row, job)


def draw_job_buttons(row: Any, job: Any) -> None:
    """What can be done about a job."""
    from recaster.api.v1 import job_pb2
    from recaster.client.jobs import ENDED

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
    self.layout.operator(operators_swap.Preview.bl_idname)


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
