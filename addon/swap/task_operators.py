# SPDX-License-Identifier: GPL-3.0-or-later
"""Operators for swaps that are on their way, and the list of jobs."""

from typing import Any

import bpy
from bpy.props import StringProperty

from ..engine import jobs, session
from ..state import addon_state
from ..translations import translate
from . import results, sending, tasks, workflow
from .anonymity import ANONYMISE
from .source_range import StripError
from .tasks import SwapStage


class RECASTER_OT_cancel_swap(bpy.types.Operator):
    """End this swap"""

    bl_idname = "sequencer.recaster_cancel_swap"
    bl_label = "Cancel"

    request: StringProperty()

    def execute(self, _context: Any) -> set[str]:
        """Cancels it here and at the engine."""
        task = addon_state.tasks.get(self.request)
        if task is None:
            return {"CANCELLED"}
        sending.cancel(task)
        return {"FINISHED"}


class RECASTER_OT_cancel_all(bpy.types.Operator):
    """End all swaps that were asked for at once; results that are there already stay"""

    bl_idname = "sequencer.recaster_cancel_all"
    bl_label = "Cancel All"

    batch: StringProperty()

    def execute(self, _context: Any) -> set[str]:
        """Cancels them here and at the engine."""
        going_on = [
            one for one in addon_state.tasks.values() if one.batch == self.batch and not one.has_ended
        ]
        for task in going_on:
            sending.cancel(task)
        return {"FINISHED"} if going_on else {"CANCELLED"}


class RECASTER_OT_place_result(bpy.types.Operator):
    """Put the finished result on the timeline, now that there is room"""

    bl_idname = "sequencer.recaster_place"
    bl_label = "Place Result"
    bl_options = {"REGISTER"}

    request: StringProperty()

    def execute(self, _context: Any) -> set[str]:
        """Tries once more."""
        task = addon_state.tasks.get(self.request)
        if task is None or not task.files:
            return {"CANCELLED"}
        results.put([task])
        if task.stage != SwapStage.PLACED:
            self.report({"ERROR"}, task.trouble)
            return {"CANCELLED"}
        return {"FINISHED"}


class RECASTER_OT_retry_swap(bpy.types.Operator):
    """Try a swap that failed once more"""

    bl_idname = "sequencer.recaster_again"
    bl_label = "Try Again"
    bl_options = {"REGISTER"}

    request: StringProperty()

    def execute(self, _context: Any) -> set[str]:
        """Begins it anew, or go on where it is done at the engine already."""
        task = addon_state.tasks.get(self.request)
        if task is not None and results.done_there(task):
            results.fetch_again(task)
            return {"FINISHED"}
        scene, strip = (None, None) if task is None else tasks.strip_of(task)
        if strip is None:
            self.report({"ERROR"}, translate("Its strip isn't here any more"))
            return {"CANCELLED"}
        try:
            workflow.begin(scene, strip, adds_person=task.adds_person, errand=task.errand)
        except StripError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        addon_state.tasks.pop(self.request, None)  # of a copy's story; a strip's own is replaced already
        return {"FINISHED"}


def _has_ended(job: Any) -> bool:
    from recaster.client.job_calls import ENDED

    return job.state in ENDED


class RECASTER_OT_clear_ended(bpy.types.Operator):
    """Remove what has ended from the list"""

    bl_idname = "sequencer.recaster_forget"
    bl_label = "Clear"

    @classmethod
    def poll(cls, _context: Any) -> bool:
        """Tells if anything in the list has ended."""
        found = session.last_engine_state()
        others = [one for one in (found.jobs or {}).values() if jobs.is_own_job(found, one)]
        shown = [one for one in others if one.job_id not in jobs.hidden_jobs()]
        if any(one.has_ended for one in addon_state.tasks.values()) or any(map(_has_ended, shown)):
            return True
        cls.poll_message_set(translate("Nothing in the list has ended"))
        return False

    def execute(self, _context: Any) -> set[str]:
        """Forgets what has ended, but no result that somebody may still want: swaps of other files, say."""
        for task in [one for one in addon_state.tasks.values() if one.has_ended]:
            if not results.forgettable(task):
                continue
            del addon_state.tasks[task.request]
            if task.job and task.stage != SwapStage.FAILED and not tasks.sharers(task):
                jobs.control_job("delete", task.job)
        waited = {task.job for task in addon_state.tasks.values()}
        found = session.engine_state()
        for job in (found.jobs or {}).values():
            if _has_ended(job) and jobs.is_own_job(found, job) and job.job_id not in waited:
                if job.spec.WhichOneof("work") in ("swap", ANONYMISE):  # another file may wait for its result
                    jobs.hide_job(job.job_id)
                else:
                    jobs.control_job("delete", job.job_id)
        session.redraw()
        return {"FINISHED"}


CLASSES = (
    RECASTER_OT_cancel_swap,
    RECASTER_OT_cancel_all,
    RECASTER_OT_place_result,
    RECASTER_OT_retry_swap,
    RECASTER_OT_clear_ended,
)
