# SPDX-License-Identifier: GPL-3.0-or-later
"""The list of jobs: swaps of this file and what else the engine does, one's own first, what runs on top."""

import re
from typing import Any, NamedTuple

import bpy
from bpy.props import EnumProperty

from .. import images
from ..config import cache_folder
from ..drawing import SequencerPanel
from ..engine import jobs, session
from ..engine.connection import EngineState, is_offline
from ..state import addon_state
from ..translations import CONTEXT, translate
from . import task_operators
from .task_panels import batch_line, draw_batch, draw_job, draw_task, task_line
from .tasks import SwapTask

TITLE_SHARE = 0.5


class Entry(NamedTuple):
    """One row of the list: swaps that were asked for at once, one swap, or another job of the engine.

    Attributes:
        key: by which the row is known.
        tasks: swaps of this file; empty for another job.
        job: the engine's job of the first of them, or the other one; None where it isn't known yet.
        is_own: whether it was asked for from here.
    """

    key: str
    tasks: tuple[SwapTask, ...]
    job: Any | None
    is_own: bool

    @property
    def has_ended(self) -> bool:
        """Tells if nothing more happens by itself."""
        if self.tasks:
            return all(one.has_ended for one in self.tasks)
        return bool(self.job is not None and self.job.HasField("end_time"))

    @property
    def is_batch(self) -> bool:
        """Tells if it is swaps that were asked for at once."""
        return bool(self.tasks and self.tasks[0].batch)

    @property
    def is_queued(self) -> bool:
        """Tells if it waits for its turn at the engine."""
        from recaster.api.v1 import job_pb2

        return self.job is not None and self.job.state == job_pb2.JOB_STATE_QUEUED

    @property
    def line(self) -> jobs.StatusLine:
        """Its title and status."""
        if self.is_batch:
            return batch_line(list(self.tasks))
        return task_line(self.tasks[0]) if self.tasks else jobs.job_line(self.job)


def list_entries(found: EngineState) -> list[Entry]:
    """Lists what is going on, or has ended: one's own first, what runs before what waits, by its turn."""
    groups: dict[str, list[SwapTask]] = {}
    for task in addon_state.tasks.values():
        groups.setdefault(task.batch or task.request, []).append(task)
    entries = [
        Entry(f"swap {key}", tuple(tasks), _job_of(found, tasks), is_own=True)
        for key, tasks in groups.items()
    ]
    waited = {task.job for task in addon_state.tasks.values()} | jobs.hidden_jobs()
    for job in (found.jobs or {}).values():
        is_own = jobs.is_own_job(found, job)
        if job.job_id not in waited and (is_own or not job.HasField("end_time")):
            entries.append(Entry(f"job {job.job_id}", (), job, is_own))
    return sorted(entries, key=_rank)


def _job_of(found: EngineState, tasks: list[SwapTask]) -> Any | None:
    """The job that stands for swaps: the first that isn't done."""
    found_jobs = [found.job(task.job) for task in tasks if task.job]
    known = [job for job in found_jobs if job is not None]
    return next((job for job in known if not job.HasField("end_time")), known[0] if known else None)


def _rank(entry: Entry) -> tuple[bool, bool, bool, int, int]:
    turn = 0 if entry.job is None else entry.job.turn
    age = 0 if entry.job is None else entry.job.create_time.ToMilliseconds()
    if entry.has_ended:
        return True, not entry.is_own, False, 0, -age
    return False, not entry.is_own, entry.is_queued or entry.job is None, turn, age


def sync() -> None:
    """Gives the list its rows; panels may only draw them. A swap that has just been asked for is chosen."""
    manager = bpy.context.window_manager
    entries = list_entries(session.last_engine_state())
    keys = [entry.key for entry in entries]
    rows = manager.recaster_jobs
    before = [row.name for row in rows]
    if before != keys:
        chosen = before[manager.recaster_job] if 0 <= manager.recaster_job < len(before) else ""
        chosen = next((each.key for each in entries if each.tasks and each.key not in before), chosen)
        rows.clear()
        for key in keys:
            rows.add().name = key
        manager.recaster_job = keys.index(chosen) if chosen in keys else 0
        session.redraw()


def on_engine_state(found: EngineState) -> None:
    """The engine was looked at: the list follows, and pictures of clips are fetched."""
    sync()
    for entry in list_entries(found):
        _fetch_thumbnail(entry.job)


def _fetch_thumbnail(job: Any | None) -> None:
    """Fetches a frame of the clip that a job works on, once."""
    clip = _clip_of(job)
    connection = addon_state.connection
    if not clip or connection is None or clip in addon_state.thumbnails:
        return
    from recaster.api.v1 import clip_pb2

    addon_state.thumbnails.add(clip)
    folder = cache_folder() / "thumbnails"

    def do(client: Any, _work: Any) -> Any:
        request = clip_pb2.GetThumbnailRequest(clip_id=clip)
        answer = client.connection.call(client.clips.GetThumbnail, request)
        return images.keep(answer.jpeg, folder, ".jpg")

    def failed(error: Exception) -> None:
        if is_offline(error):  # an engine that has no picture isn't asked again
            addon_state.thumbnails.discard(clip)

    connection.run("", do, lambda path: images.draw(thumbnail_icon(clip), path), failed)


def _clip_of(job: Any | None) -> str:
    return str(job.spec.swap.clip_id) if job is not None and job.spec.HasField("swap") else ""


def thumbnail_icon(clip: str) -> str:
    """The name of a clip's picture among the pictures."""
    return f"clip {clip}"


def chosen_entry(context: Any) -> Entry | None:
    """The entry whose row is chosen; None for no row."""
    manager = context.window_manager
    rows = manager.recaster_jobs
    if not 0 <= manager.recaster_job < len(rows):
        return None
    key = rows[manager.recaster_job].name
    return next((one for one in list_entries(session.engine_state()) if one.key == key), None)


def _shorten(text: str) -> str:
    """Shortens a status to what a row has room for: how far, and how long still; or how it ended."""
    found = re.search(r"\d+%.*", text)
    return found[0] if found else text.partition(":")[0]


class RECASTER_UL_jobs(bpy.types.UIList):
    """Jobs, each with a picture, a title and how far it is."""

    bl_idname = "RECASTER_UL_jobs"

    def draw_item(
        self, _context: Any, layout: Any, _data: Any, row: Any, _icon: int, _active: Any, _name: str
    ) -> None:
        """Draws a row; what was forgotten meanwhile is empty."""
        found = session.engine_state()
        entry = next((one for one in list_entries(found) if one.key == row.name), None)
        if entry is None:
            return
        line = entry.line
        split = layout.split(factor=TITLE_SHARE)
        split.active = entry.is_own
        picture = images.icon(thumbnail_icon(_clip_of(entry.job)))
        title = split.row(align=True)
        if picture:
            title.label(text="", icon_value=picture)
        elif entry.job is None or entry.job.spec.HasField("swap"):
            title.label(text="", icon="MOD_PHYSICS")
        else:
            title.label(text="", icon="USER" if entry.job.spec.HasField("train") else "FILE_MOVIE")
        title.label(text=line.title, translate=False)
        if line.share is not None:
            split.progress(factor=line.share, text=_shorten(line.text), translate=False)
        else:
            split.label(text=_shorten(line.text), icon=line.icon, translate=False)


class RECASTER_OT_move_job(bpy.types.Operator):
    """Let the chosen job go before or after its neighbor among your own that wait"""

    bl_idname = "sequencer.recaster_move_job"
    bl_label = "Move Job"

    way: EnumProperty(items=(("UP", "Earlier", ""), ("DOWN", "Later", "")))

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Tells if the chosen job is one's own and waits for its turn."""
        entry = chosen_entry(context)
        if entry is not None and entry.is_queued and entry.is_own:
            return True
        cls.poll_message_set(translate("Choose a job of yours that waits for its turn"))
        return False

    def execute(self, context: Any) -> set[str]:
        """Tells the engine; swaps that were asked for at once go one by one."""
        entry = chosen_entry(context)
        waiting = [
            one
            for one in list_entries(session.engine_state())
            if one.is_queued and one.is_own and one.job.created_by == entry.job.created_by
        ]
        at = [one.key for one in waiting].index(entry.key) + (-1 if self.way == "UP" else 1)
        if not 0 <= at < len(waiting):
            return {"CANCELLED"}
        one, other = (entry, waiting[at]) if self.way == "UP" else (waiting[at], entry)
        jobs.move_job(one.job.job_id, other.job.job_id)
        return {"FINISHED"}


def draw_jobs(layout: Any, context: Any) -> None:
    """Draws the list with its buttons, and below it the chosen job with what can be done about it."""
    entries = list_entries(session.engine_state())
    if not entries:
        layout.label(text="Nothing is being done", text_ctxt=CONTEXT)
        return
    manager = context.window_manager
    if [row.name for row in manager.recaster_jobs] != [one.key for one in entries]:
        bpy.app.timers.register(sync, first_interval=0.0)  # nothing can be written while it is drawn
    row = layout.row()
    row.template_list(
        RECASTER_UL_jobs.bl_idname, "", manager, "recaster_jobs", manager, "recaster_job", rows=4
    )
    column = row.column(align=True)
    for way, icon in (("UP", "TRIA_UP"), ("DOWN", "TRIA_DOWN")):
        column.operator(RECASTER_OT_move_job.bl_idname, text="", icon=icon).way = way
    column.separator()
    column.operator(task_operators.RECASTER_OT_clear_ended.bl_idname, text="", icon="TRASH")
    entry = chosen_entry(context)
    if entry is None:
        return
    box = layout.box()
    if entry.is_batch:
        draw_batch(box, list(entry.tasks))
    elif entry.tasks:
        draw_task(box, entry.tasks[0])
    else:
        draw_job(box, entry.job)


class RECASTER_PT_jobs(SequencerPanel, bpy.types.Panel):
    """Swaps of this file and jobs of the engine."""

    bl_idname = "RECASTER_PT_jobs"
    bl_label = "Jobs"

    def draw(self, context: Any) -> None:
        """Draws the list."""
        draw_jobs(self.layout, context)


CLASSES = (RECASTER_OT_move_job, RECASTER_UL_jobs, RECASTER_PT_jobs)
