# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine and its jobs."""

from typing import Any

import bpy
from bpy.props import EnumProperty, StringProperty

from .. import images, messages
from ..config import PACKAGE, installation, preferences
from ..state import addon_state
from ..translations import translate
from . import access, jobs, session
from .local import StartError, read_tail

LOG = "Recaster Engine Log"


class RECASTER_OT_start_engine(bpy.types.Operator):
    """Start the engine on this machine; it answers after a few seconds"""

    bl_idname = "recaster.start_engine"
    bl_label = "Start Engine"

    @classmethod
    def poll(cls, _context: Any) -> bool:
        """Tells if it doesn't run yet."""
        if addon_state.local.running:
            cls.poll_message_set(translate("The engine runs already"))
            return False
        return True

    def execute(self, _context: Any) -> set[str]:
        """Starts it and call it."""
        try:
            addon_state.local.start(installation())
        except StartError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        session.reconnect()
        return {"FINISHED"}


class RECASTER_OT_stop_engine(bpy.types.Operator):
    """Stop the engine that was started from Blender; its jobs go on at its next start"""

    bl_idname = "recaster.stop_engine"
    bl_label = "Stop Engine"

    @classmethod
    def poll(cls, _context: Any) -> bool:
        """Tells if it was started here."""
        if addon_state.local.running and not addon_state.local.stopping:
            return True
        cls.poll_message_set(translate("No engine that was started from Blender is running"))
        return False

    def execute(self, _context: Any) -> set[str]:
        """Stops it."""
        addon_state.local.stop()
        session.reconnect()
        return {"FINISHED"}


class RECASTER_OT_connect(bpy.types.Operator):
    """Call the engine once more"""

    bl_idname = "recaster.connect"
    bl_label = "Connect"

    def execute(self, _context: Any) -> set[str]:
        """Hangs up and call."""
        session.reconnect()
        return {"FINISHED"}


class RECASTER_OT_test_connection(bpy.types.Operator):
    """Call the engine now; what came of it is shown below"""

    bl_idname = "recaster.test_connection"
    bl_label = "Test Connection"

    def execute(self, _context: Any) -> set[str]:
        """Begins to ask it what it is."""
        session.test_connection()
        tested = addon_state.connection_test
        if tested is not None and not tested.is_ok:
            self.report({"ERROR"}, tested.message)
            return {"CANCELLED"}
        return {"FINISHED"}


class RECASTER_OT_open_preferences(bpy.types.Operator):
    """Open the add-on's preferences"""

    bl_idname = "recaster.open_preferences"
    bl_label = "Open Preferences"

    def execute(self, _context: Any) -> set[str]:
        """Opens them."""
        bpy.ops.preferences.addon_show(module=PACKAGE)
        return {"FINISHED"}


class RECASTER_OT_dismiss_error(bpy.types.Operator):
    """Take this away: it was an error of the add-on itself, and may be over"""

    bl_idname = "recaster.dismiss_error"
    bl_label = "Dismiss"

    @classmethod
    def poll(cls, _context: Any) -> bool:
        """Tells if there is one."""
        if not addon_state.own_error:
            cls.poll_message_set(translate("There is no error to take away"))
            return False
        return True

    def execute(self, _context: Any) -> set[str]:
        """Forgets it."""
        addon_state.own_error = ""
        return {"FINISHED"}


class RECASTER_OT_show_log(bpy.types.Operator):
    """Show what the engine of this machine has written down, as a text"""

    bl_idname = "recaster.show_log"
    bl_label = "Show Log"

    @classmethod
    def poll(cls, _context: Any) -> bool:
        """Tells if there is one."""
        if preferences().where == "local" and installation().log.is_file():
            return True
        cls.poll_message_set(translate("No engine was started here: ask whoever runs it"))
        return False

    def execute(self, _context: Any) -> set[str]:
        """Opens a window with it."""
        images.show_text(LOG, messages.lines(read_tail(installation().log)))
        return {"FINISHED"}


class RECASTER_OT_control_job(bpy.types.Operator):
    """Pause, resume or cancel a job of the engine"""

    bl_idname = "recaster.job"
    bl_label = "Job"

    job: StringProperty()
    what: EnumProperty(
        items=(
            ("pause", "Pause", ""),
            ("resume", "Resume", ""),
            ("cancel", "Cancel", ""),
            ("delete", "Delete", ""),
        )
    )

    @classmethod
    def description(cls, _context: Any, properties: Any) -> str:
        """Says what the button does, or why it can't be done."""
        found = session.engine_state()
        job = found.job(properties.job)
        why = "" if job is None else access.lacking_for_job(found, job)
        what = {
            "pause": "Stop it so that it can go on later; what was done is kept",
            "resume": "Let it go on",
            "cancel": "End it for good; a model keeps what it has learned",
            "delete": "Forget it",
        }
        return why or translate(what[properties.what])

    def invoke(self, context: Any, event: Any) -> set[str]:
        """Asks where something ends for good."""
        job = session.engine_state().job(self.job)
        if self.what == "cancel" and job is not None and job.spec.HasField("train"):
            return context.window_manager.invoke_confirm(
                self,
                event,
                title=translate("End this for good: {job}?", job=jobs.job_title(job)),
                message=translate(
                    "What it has learned is kept, and can be trained on. Pause stops it for now only."
                ),
                confirm_text=translate("End Training"),
                icon="WARNING",
            )
        return self.execute(context)

    def execute(self, _context: Any) -> set[str]:
        """Tells the engine."""
        found = session.engine_state()
        job = found.job(self.job)
        why = "" if job is None else access.lacking_for_job(found, job)
        if why:
            self.report({"ERROR"}, why)
            return {"CANCELLED"}
        jobs.control_job(self.what, self.job)
        return {"FINISHED"}


CLASSES = (
    RECASTER_OT_start_engine,
    RECASTER_OT_stop_engine,
    RECASTER_OT_connect,
    RECASTER_OT_test_connection,
    RECASTER_OT_open_preferences,
    RECASTER_OT_dismiss_error,
    RECASTER_OT_show_log,
    RECASTER_OT_control_job,
)
