# SPDX-License-Identifier: GPL-3.0-or-later
"""Results and their originals: chosen among versions, found from each other; files that nothing shows."""

from typing import Any

import bpy
from bpy.props import BoolProperty, StringProperty

from .. import compat, messages, selection
from ..translations import CONTEXT, translate, translate_count
from . import leftovers, placement, versions

MAX_SHOWN = 20
"""Versions in the menu, the newest ones."""
MAX_LISTED = 12
"""Files that the question lists; the others are counted."""


class RECASTER_OT_show_version(bpy.types.Operator):
    """Show this swap of the strip in place of the present one; its layers and mattes come along"""

    bl_idname = "sequencer.recaster_show_version"
    bl_label = "Show Version"
    bl_options = {"REGISTER", "UNDO"}

    version: StringProperty()

    def execute(self, context: Any) -> set[str]:
        """Replaces the result's strips."""
        scene = compat.scene_of(context)
        strip = selection.chosen_strip(context)
        entry = None if strip is None else versions.version_called(strip, self.version)
        if entry is None:
            return {"CANCELLED"}
        try:
            made = versions.show_version(scene, strip, entry)
        except placement.PlacementError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        lacking = max(map(versions.missing_frames, made))
        if lacking:
            text = translate_count(
                "The strip is longer than it was: this version lacks {count} frame of it",
                "The strip is longer than it was: this version lacks {count} frames of it",
                lacking,
            )
            self.report({"WARNING"}, text)
        return {"FINISHED"}


class RECASTER_MT_versions(bpy.types.Menu):
    """Swaps of this strip whose files are kept"""

    bl_idname = "RECASTER_MT_versions"
    bl_label = "Versions"

    def draw(self, context: Any) -> None:
        """The newest first, with what differs from the one that is shown."""
        strip = selection.chosen_strip(context)
        if strip is None or not strip.recaster.versions:
            self.layout.label(text="No swap of this strip is kept", text_ctxt=CONTEXT)
            return
        shown = versions.shown_version(strip, versions.results_shown(compat.scene_of(context), strip))
        for entry in list(reversed(strip.recaster.versions))[:MAX_SHOWN]:
            row = self.layout.row()
            row.enabled = all(path.is_file() for path in versions.files_of(entry).values())
            text = versions.describe_version(entry, "" if shown is None else shown.settings)
            icon = "RADIOBUT_ON" if entry == shown else "RADIOBUT_OFF"
            row.operator(
                RECASTER_OT_show_version.bl_idname, text=text, translate=False, icon=icon
            ).version = entry.name


class _SelectOperator(bpy.types.Operator):
    """Selects strips that belong to the chosen one."""

    @classmethod
    def found(cls, context: Any) -> list[Any]:
        """The strips to select."""
        raise AssertionError(context)

    def execute(self, context: Any) -> set[str]:
        """Selects them alone; the last is active."""
        found = self.found(context)
        if not found:
            return {"CANCELLED"}
        scene = compat.scene_of(context)
        for one in compat.all_strips(scene):
            one.select = one in found
        scene.sequence_editor.active_strip = found[-1]
        return {"FINISHED"}


class RECASTER_OT_select_original(_SelectOperator):
    """Select the strip that this result was made from"""

    bl_idname = "sequencer.recaster_select_original"
    bl_label = "Select Original"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Tells if a result is meant whose original is there."""
        if cls.found(context):
            return True
        cls.poll_message_set(translate("Select the result of a swap"))
        return False

    @classmethod
    def found(cls, context: Any) -> list[Any]:
        """The original."""
        shown = selection.shown_clip(context)
        original = None if shown is None else selection.original_of(compat.scene_of(context), shown)
        return [] if original is None else [original]


class RECASTER_OT_select_result(_SelectOperator):
    """Select the result of this strip, with its layers and mattes"""

    bl_idname = "sequencer.recaster_select_result"
    bl_label = "Select Result"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Tells if the strip has one."""
        if cls.found(context):
            return True
        cls.poll_message_set(translate("This strip has no result yet"))
        return False

    @classmethod
    def found(cls, context: Any) -> list[Any]:
        """The strips of its parts."""
        strip = selection.chosen_strip(context)
        return [] if strip is None else versions.results_shown(compat.scene_of(context), strip)


class RECASTER_OT_clean_up(bpy.types.Operator):
    """Delete results that Recaster made for this file and that no strip of it shows any more"""

    bl_idname = "sequencer.recaster_clean_up"
    bl_label = "Clean Up Unused"
    bl_options = {"UNDO"}  # not to be repeated without the question; versions of strips go with their files

    with_versions: BoolProperty(
        name="Earlier Versions, Too",
        description="Delete also what strips have in their menus of versions, but don't show",
        options={"SKIP_SAVE"},
    )
    _found: dict[bool, list[leftovers.Leftover]] | None = None
    """What the question lists, without earlier versions and with them."""

    @classmethod
    def poll(cls, _context: Any) -> bool:
        """Tells if the file is saved: what it shows on the disk must stay."""
        is_dirty = bpy.data.is_dirty and not bpy.app.background  # which doesn't notice that it saves
        is_saved = bool(bpy.data.filepath) and not is_dirty
        if not is_saved:
            cls.poll_message_set(translate("Save the file first"))
        return is_saved

    def invoke(self, context: Any, _event: Any) -> set[str]:
        """Asks; what would be deleted is listed."""
        try:
            self._found = {whether: leftovers.find(with_versions=whether) for whether in (False, True)}
        except leftovers.OpaqueError as error:
            return self._refuse(error)
        if not self._found[True]:
            self.report(
                {"INFO"}, translate("Every result in the folder is in use, or not of this file's making")
            )
            return {"CANCELLED"}
        return context.window_manager.invoke_props_dialog(self, width=460, confirm_text=translate("Delete"))

    def _refuse(self, error: leftovers.OpaqueError) -> set[str]:
        text = "Nothing is deleted: {name} can't be read, and may show any of the results"
        self.report({"WARNING"}, translate(text, name=messages.text(str(error))))
        return {"CANCELLED"}

    def draw(self, _context: Any) -> None:
        """The files, and how large they are."""
        found = self._found[self.with_versions]
        layout = self.layout
        layout.prop(self, "with_versions")
        total = messages.size_of(sum(one.size for one in found))
        if not found:
            layout.label(
                text="Nothing but earlier versions of strips is unused", text_ctxt=CONTEXT, icon="INFO"
            )
            return
        text = translate_count(
            "{count} result, {size}: this can't be undone",
            "{count} results, {size}: this can't be undone",
            len(found),
            size=total,
        )
        layout.label(text=text, translate=False)
        column = layout.box().column(align=True)
        for one in sorted(found, key=lambda one: -one.size)[:MAX_LISTED]:
            row = column.row()
            row.label(text=one.name, icon="FILE_MOVIE", translate=False)
            size = row.row()
            size.alignment = "RIGHT"
            size.label(text=messages.size_of(one.size), translate=False)
        if len(found) > MAX_LISTED:
            text = translate("And {count} more", count=len(found) - MAX_LISTED)
            column.label(text=text, translate=False)

    def execute(self, _context: Any) -> set[str]:
        """Deletes what was listed, and is still unused; from scripts, which ask nobody, all of it."""
        try:
            found = leftovers.find(with_versions=self.with_versions)
        except leftovers.OpaqueError as error:
            return self._refuse(error)
        if self._found is not None:
            found = [one for one in found if one in self._found[self.with_versions]]
        failed = leftovers.delete(found)
        if failed:
            self.report({"ERROR"}, translate("Can't be deleted: {name}", name=failed[0]))
        done = [one for one in found if one.name not in failed]
        total = messages.size_of(sum(one.size for one in done))
        text = translate_count(
            "Deleted {count} result, {size}", "Deleted {count} results, {size}", len(done), size=total
        )
        self.report({"INFO"}, text)
        return {"FINISHED"} if done else {"CANCELLED"}


def draw_versions(layout: Any, context: Any, strip: Any) -> None:
    """Draws what can be done with a strip's result: another version, a way to its original and back."""
    row = layout.row(align=True)
    count = len(strip.recaster.versions)
    if count:
        text = translate("Versions ({count})", count=count)
        row.menu(RECASTER_MT_versions.bl_idname, text=text, translate=False, icon="RENDERLAYERS")
    is_result = selection.shown_clip(context) != strip
    wanted = RECASTER_OT_select_original if is_result else RECASTER_OT_select_result
    row.operator(wanted.bl_idname, icon="RESTRICT_SELECT_OFF")
    layout.operator(RECASTER_OT_clean_up.bl_idname, text="Clean Up Unused...", icon="TRASH")


CLASSES = (
    RECASTER_OT_show_version,
    RECASTER_MT_versions,
    RECASTER_OT_select_original,
    RECASTER_OT_select_result,
    RECASTER_OT_clean_up,
)
