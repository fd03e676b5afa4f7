# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine and its jobs."""

from typing import Any

import bpy
from bpy.props import EnumProperty, StringProperty

from . import jobs, session
from .link import look
from .local_engine import StartError
from .preferences import ConnectError, address, installation


class StartEngine(bpy.types.Operator):
    """Start the engine on this machine; it answers after a few seconds"""

    bl_idname = "recaster.start_engine"
    bl_label = "Start Engine"

    def execute(self, _context: Any) -> set[str]:
        """Start it and call it."""
        try:
            session.local().start(installation())
        except StartError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        session.reconnect()
        return {"FINISHED"}


class StopEngine(bpy.types.Operator):
    """Stop the engine that was started here; its jobs go on at its next start"""

    bl_idname = "recaster.stop_engine"
    bl_label = "Stop Engine"

    @classmethod
    def poll(cls, _context: Any) -> bool:
        """Whether it was started here."""
        return session.local().running and not session.local().stopping

    def execute(self, _context: Any) -> set[str]:
        """Stop it."""
        session.local().stop()
        session.reconnect()
        return {"FINISHED"}


class Connect(bpy.types.Operator):
    """Call the engine once more"""

    bl_idname = "recaster.connect"
    bl_label = "Connect"

    def execute(self, _context: Any) -> set[str]:
        """Hang up and call."""
        session.reconnect()
        return {"FINISHED"}


class TestConnection(bpy.types.Operator):
    """Call the engine now, and say what came of it"""

    bl_idname = "recaster.test_connection"
    bl_label = "Test Connection"

    def execute(self, _context: Any) -> set[str]:
        """Ask it what it is; this waits for at most some seconds."""
        from recaster.client import Client
        from recaster.errors import RecasterError

        try:
            with Client(address(), patience_s=0) as client:
                info = look(client).info
        except (ConnectError, RecasterError) as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        self.report({"INFO"}, f"Recaster {info.version} answers; it computes on {info.devices[0]}")
        session.reconnect()
        return {"FINISHED"}


class TellJob(bpy.types.Operator):
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
        """What it does."""
        return {
            "pause": "Stop it so that it can go on later; what was done is kept",
            "resume": "Let it go on",
            "cancel": "End it for good; a model keeps what it has learnt",
            "delete": "Forget it",
        }[properties.what]

    def execute(self, _context: Any) -> set[str]:
        """Tell the engine."""
        jobs.tell(self.what, self.job)
        return {"FINISHED"}


CLASSES = (StartEngine, StopEngine, Connect, TestConnection, TellJob)
