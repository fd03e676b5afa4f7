# SPDX-License-Identifier: GPL-3.0-or-later
"""Buttons that install the engine of this machine and remove it, and what is drawn of that."""

from pathlib import Path
from typing import Any

import bpy
from bpy.props import BoolProperty, StringProperty

from recaster.progress import clock

from .. import compat, images, messages
from ..config import engine_folder
from ..drawing import words
from ..translations import CONTEXT, translate
from . import installation as installs
from .local import read_tail

DIALOG_WIDTH = 520
LOG = "Recaster Installation Log"
_PATHS: dict[str, Any] = {"options": {"SKIP_SAVE", *compat.PATHS.get("options", ())}}
NOT_ONLINE = "Blender may not go online: allow it in Preferences > System > Network"
NOT_HERE = "No engine is on this machine yet"


class RECASTER_OT_install_engine(bpy.types.Operator):
    """Download the engine and install it on this machine; asks first, and can be stopped and gone on with"""

    bl_idname = "recaster.install_engine"
    bl_label = "Install Engine"

    folder: StringProperty(
        name="To",
        description="Folder of the engine; what else is in it is left alone",
        subtype="DIR_PATH",
        **_PATHS,
    )
    wheel: StringProperty(
        name="From",
        description="File of the engine, where the add-on wasn't installed from a repository",
        subtype="FILE_PATH",
        **_PATHS,
    )
    may_go_online: BoolProperty(
        description="Whether Blender may go online from here on; the question says so",
        options={"HIDDEN", "SKIP_SAVE"},
    )

    @classmethod
    def poll(cls, _context: Any) -> bool:
        """Tells if one can be installed."""
        return _can(cls, installs.why_not(installs.release()))

    def invoke(self, context: Any, event: Any) -> set[str]:
        """Asks, with all that there is to know; first for the file where nobody knows where it is."""
        engine = installs.release()
        if engine is not None and installs.source(engine, self.wheel) is None:
            return bpy.ops.recaster.choose_engine_file("INVOKE_DEFAULT")
        self.folder = self.folder or str(engine_folder())
        self.may_go_online = True
        return context.window_manager.invoke_props_dialog(
            self,
            width=DIALOG_WIDTH,
            title=translate("Install the Engine?"),
            confirm_text=translate("Install")
            if bpy.app.online_access
            else translate("Allow Online Access and Install"),
        )

    def draw(self, _context: Any) -> None:
        """Says how much comes from where, and to where it goes."""
        engine = installs.release()
        place = installs.source(engine, self.wheel)
        best = installs.pythons(engine)[0]
        column = self.layout.column()
        for icon, text in (
            (
                "IMPORT",
                translate(
                    "{size:.0f} MB are downloaded, which take about {disk:.1f} GB on disk",
                    size=engine.download_bytes(best.version) / 1e6,
                    disk=engine.disk_bytes(best.version) / 1e9,
                ),
            ),
            (
                "URL",
                translate("Recaster comes from {place}", place=messages.text(place.words if place else "?")),
            ),
            (
                "BLANK1",
                translate(
                    "{count} packages come from the index of Python packages",
                    count=len(engine.packages(best.version)),
                ),
            ),
            ("BLANK1", translate("Of those, only files with the checksums that this add-on has are taken")),
            ("BLANK1", translate("It runs in {python}", python=best.words)),
        ):
            column.label(text=text, icon=icon, translate=False)
        if not best.path:
            column.label(
                text="That Python comes from uv's makers, who vouch for it", text_ctxt=CONTEXT, icon="BLANK1"
            )
        if installs.found_now().installed is None:
            column.prop(self, "folder")
        else:
            text = translate("It takes the place of the one in {folder}", folder=engine_folder())
            column.label(text=text, translate=False)
        if not bpy.app.online_access:
            column.label(
                text="Blender may go online from then on (Preferences > System)",
                text_ctxt=CONTEXT,
                icon="INTERNET",
            )

    def execute(self, _context: Any) -> set[str]:
        """Begins."""
        engine = installs.release()
        why = installs.why_not(engine)
        if not why and not bpy.app.online_access and not self.may_go_online:
            why = NOT_ONLINE
        place = None if engine is None else installs.source(engine, self.wheel)
        is_fixed = not self.folder or installs.found_now().installed is not None  # the old one is removed
        folder = engine_folder() if is_fixed else Path(bpy.path.abspath(self.folder))
        if not why and place is None:
            why = translate("Choose the file of the engine first")
        if not why and not folder.is_absolute():
            why = translate("Choose a whole path as the folder")
        if why or engine is None or place is None:
            self.report({"ERROR"}, why)
            return {"CANCELLED"}
        if not bpy.app.online_access:
            bpy.context.preferences.system.use_online_access = True
        installs.begin(engine, folder, place)
        return {"FINISHED"}


class RECASTER_OT_choose_engine_file(bpy.types.Operator):
    """Choose the file of the engine, which lies beside the add-on's where that came from"""

    bl_idname = "recaster.choose_engine_file"
    bl_label = "Choose Engine File"

    filepath: StringProperty(subtype="FILE_PATH", **_PATHS)
    filter_glob: StringProperty(default="*.whl", options={"HIDDEN"})

    def invoke(self, context: Any, _event: Any) -> set[str]:
        """Opens the file browser."""
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, _context: Any) -> set[str]:
        """Asks whether it is to be installed."""
        bpy.ops.recaster.install_engine("INVOKE_DEFAULT", wheel=self.filepath)
        return {"FINISHED"}


class RECASTER_OT_stop_install(bpy.types.Operator):
    """Stop the installation; what is there already is kept, and it can be gone on with"""

    bl_idname = "recaster.stop_install"
    bl_label = "Stop"

    @classmethod
    def poll(cls, _context: Any) -> bool:
        """Tells if there is one."""
        if installs.view().installer is None:
            cls.poll_message_set(translate("No engine is being installed"))
            return False
        return True

    def execute(self, _context: Any) -> set[str]:
        """Stops it."""
        installs.stop()
        return {"FINISHED"}


class RECASTER_OT_remove_engine(bpy.types.Operator):
    """Remove the engine that was installed from here; faces, models and jobs are kept"""

    bl_idname = "recaster.remove_engine"
    bl_label = "Remove Engine"

    unfinished: BoolProperty(
        name="Unfinished Only",
        description="Remove what an installation that isn't finished has left; an installed engine stays",
        options={"HIDDEN", "SKIP_SAVE"},
    )

    @classmethod
    def poll(cls, _context: Any) -> bool:
        """Tells if nothing uses it."""
        return _can(cls, installs.in_use())

    def invoke(self, context: Any, event: Any) -> set[str]:
        """Asks."""
        return context.window_manager.invoke_confirm(
            self,
            event,
            title=translate("Remove What Was Installed So Far?")
            if self.unfinished
            else translate("Remove the Engine?"),
            message=translate(
                "It is in {folder}. Faces, models, jobs and results are kept.", folder=engine_folder()
            ),
            confirm_text=translate("Remove"),
            icon="WARNING",
        )

    def execute(self, _context: Any) -> set[str]:
        """Removes it."""
        installs.begin_removal(is_unfinished_only=self.unfinished)
        return {"FINISHED"}


class RECASTER_OT_show_install_log(bpy.types.Operator):
    """Show what the programs that install have said, as a text"""

    bl_idname = "recaster.show_install_log"
    bl_label = "Show Log"

    @classmethod
    def poll(cls, _context: Any) -> bool:
        """Tells if there is one."""
        if not installs.log_path().is_file():
            cls.poll_message_set(translate("No engine was installed from here yet"))
            return False
        return True

    def execute(self, _context: Any) -> set[str]:
        """Opens a window with it."""
        images.show_text(LOG, messages.lines(read_tail(installs.log_path())))
        return {"FINISHED"}


def is_missing() -> bool:
    """Tells if no engine can be started here: none is installed, or one is just being."""
    return installs.view().installer is not None or not installs.found_now().has_engine


def heading() -> tuple[str, str]:
    """Says in a few words that there is no engine, or that it comes; and the icon of that."""
    if installs.view().installer is None:
        return translate(NOT_HERE), "INFO"
    return translate("The engine is on its way"), "SORTTIME"


def draw_install(layout: Any) -> None:
    """Draws what installs an engine: the button, or how far it is."""
    known = installs.view()
    column = layout.column()
    if known.installer is not None:
        _draw_progress(column, known.installer.progress)
        return
    found = installs.found_now()
    if known.trouble:
        words(column, known.trouble, icon="ERROR")
    elif found.trouble:
        words(column, found.trouble, icon="ERROR")
    elif found.installed is not None and not found.installed.has_python:
        text = translate("The Python that the engine was installed with is gone: install it again")
        words(column, text, icon="ERROR")
    if found.share:
        _draw_going_on(column, found.share)
    else:
        column.operator(RECASTER_OT_install_engine.bl_idname, text="Install Engine", icon="IMPORT")
    why = installs.why_not(installs.release())
    if why:
        words(column, why)
    _draw_unfinished(column, found)


def draw_installed(layout: Any) -> None:
    """Draws the engine that is installed, for the preferences: its folder, and what can be done about it."""
    known = installs.view()
    found = installs.found_now()
    if known.installer is not None or found.installed is None or not found.has_engine:
        return
    column = layout.column()
    if known.trouble:
        words(column, known.trouble, icon="ERROR")
    version = messages.text(found.installed.version, 40)
    text = translate(
        "Recaster {version} is installed in {folder}", version=version, folder=found.installed.folder
    )
    column.label(text=text, translate=False)
    row = column.row(align=True)
    engine = installs.release()
    if engine is not None and engine.version != found.installed.version:
        text = translate("Update to {version}", version=engine.version)
        row.operator(RECASTER_OT_install_engine.bl_idname, text=text, translate=False, icon="IMPORT")
    row.operator(RECASTER_OT_remove_engine.bl_idname, icon="TRASH")
    if found.share:
        _draw_going_on(column, found.share)
    _draw_unfinished(column, found)


def _draw_going_on(layout: Any, share: float) -> None:
    text = translate("Go On Installing ({share:.0%} done)", share=share)
    layout.operator(RECASTER_OT_install_engine.bl_idname, text=text, translate=False, icon="IMPORT")


def _draw_unfinished(layout: Any, found: Any) -> None:
    """Draws what can be done about an installation that isn't finished, but to go on with it."""
    if found.share is None:
        return
    row = layout.row(align=True)
    removal = row.operator(RECASTER_OT_remove_engine.bl_idname, text="Remove What Is There", icon="TRASH")
    removal.unfinished = True
    if installs.view().trouble:
        row.operator(RECASTER_OT_show_install_log.bl_idname, icon="TEXT")


def _draw_progress(layout: Any, progress: Any) -> None:
    layout.label(text=progress.stage, icon="IMPORT", translate=False)
    text = f"{progress.share:.0%}"
    if progress.eta_s is not None:
        text = translate("{stage}, {time} left", stage=text, time=clock(progress.eta_s))
    row = layout.row(align=True)
    row.progress(factor=progress.share, text=text, translate=False)
    row.operator(RECASTER_OT_stop_install.bl_idname, text="", icon="X")


def _can(operator: Any, why: str) -> bool:
    """Lets an operator be pressed unless there is a reason against it, which it says."""
    if installs.view().installer is not None:
        why = translate("An engine is being installed or removed")
    if why:
        operator.poll_message_set(why)
    return not why


CLASSES = (
    RECASTER_OT_install_engine,
    RECASTER_OT_choose_engine_file,
    RECASTER_OT_stop_install,
    RECASTER_OT_remove_engine,
    RECASTER_OT_show_install_log,
)
