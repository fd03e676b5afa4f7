# SPDX-License-Identifier: GPL-3.0-or-later
"""Faces to learn from, and training."""

from pathlib import Path
from typing import Any

import bpy
from bpy.props import BoolProperty, EnumProperty, IntProperty, StringProperty

from .. import compat, images, messages, selection
from ..engine import access, catalog, jobs, session
from ..rights import consent
from ..rights.new_basis import NewBasis
from ..state import addon_state
from ..swap import face_pictures
from ..swap.source_range import StripError, source_range_of
from ..translations import CONTEXT, translate, translate_count
from . import extraction, faces_pages, training

ROLES = (
    ("source", "Source", "The person whose face is put on"),
    ("target", "Target", "The performer; for presets of two people"),
)


class RECASTER_OT_add_strips(bpy.types.Operator):
    """Take the faces of the main person out of the selected strips"""

    bl_idname = "recaster.add_strips"
    bl_label = "From Selected Strips"

    role: EnumProperty(items=ROLES)

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Tells if there are such strips, and an engine."""
        if not selection.swappable(context):
            cls.poll_message_set(translate("Select movie or image strips that show the person"))
            return False
        return access.poll_can_edit(cls)

    def execute(self, context: Any) -> set[str]:
        """Begins to take them."""
        scene = compat.scene_of(context)
        try:
            sources = [source_range_of(strip, scene) for strip in selection.swappable(context)]
        except StripError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        extraction.extract_from_strips(scene, self.role, sources)
        return {"FINISHED"}


class RECASTER_OT_add_folder(NewBasis, bpy.types.Operator):
    """Take the faces of the main person out of the clips and pictures of a folder"""

    bl_idname = "recaster.add_folder"
    bl_label = "From Folder"

    role: EnumProperty(items=ROLES)
    directory: StringProperty(subtype="DIR_PATH", **compat.PATHS)
    filter_folder: BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})
    filter_movie: BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})
    filter_image: BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})

    @classmethod
    def poll(cls, _context: Any) -> bool:
        """Tells if there is an engine."""
        return access.poll_can_edit(cls)

    def invoke(self, context: Any, _event: Any) -> set[str]:
        """Asks which folder."""
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: Any) -> set[str]:
        """Begins to take them."""
        folder = Path(bpy.path.abspath(self.directory))
        if not self.directory or not folder.is_dir():
            self.report({"ERROR"}, translate("There is no folder {path}", path=folder))
            return {"CANCELLED"}
        if why := self.basis_fault():
            self.report({"ERROR"}, why)
            return {"CANCELLED"}
        strip = selection.chosen_strip(context) if self.role == "source" else None
        extraction.extract_from_folder(compat.scene_of(context), self.role, folder, strip, self.basis)
        return {"FINISHED"}


class RECASTER_OT_stop_extraction(bpy.types.Operator):
    """Stop taking faces"""

    bl_idname = "recaster.stop_gathering"
    bl_label = "Stop"

    role: EnumProperty(items=ROLES)

    def execute(self, _context: Any) -> set[str]:
        """Stops at the next step; the job at the engine is cancelled."""
        work = addon_state.extractions[self.role].work
        if work is not None:
            work.stop()
            if work.job:  # it may wait in a queue, where nothing is told of it
                jobs.control_job("cancel", work.job)
        return {"FINISHED"}


class RECASTER_OT_choose_faceset(bpy.types.Operator):
    """Learn from these faces"""

    bl_idname = "recaster.choose_faceset"
    bl_label = "Choose Faces"
    bl_options = {"REGISTER", "UNDO"}

    role: EnumProperty(items=ROLES)
    faceset: StringProperty()

    def execute(self, context: Any) -> set[str]:
        """Notes it on the scene."""
        setattr(compat.scene_of(context).recaster, self.role, self.faceset)
        return {"FINISHED"}


class _FacesetMenu(bpy.types.Menu):
    """The facesets of the engine"""

    role = ""

    def draw(self, _context: Any) -> None:
        """All of them, the newest first."""
        found = session.engine_state().facesets
        for one in found:
            faces = translate_count("{count} face", "{count} faces", one.faces)
            text = f"{catalog.display_name(one)} ({faces})"
            icon = face_pictures.icon_of(session.engine_state(), f"faceset:{one.faceset_id}")
            chosen = self.layout.operator(
                RECASTER_OT_choose_faceset.bl_idname, text=text, translate=False, icon_value=icon
            )
            chosen.role = self.role
            chosen.faceset = one.faceset_id
        if not found:
            self.layout.label(text="None yet", text_ctxt=CONTEXT)


class RECASTER_MT_source(_FacesetMenu):
    """Whose face is put on"""

    bl_idname = "RECASTER_MT_source"
    bl_label = "Source"
    role = "source"


class RECASTER_MT_target(_FacesetMenu):
    """The performer"""

    bl_idname = "RECASTER_MT_target"
    bl_label = "Target"
    role = "target"


class RECASTER_OT_show_faces(bpy.types.Operator):
    """Show these faces, to leave wrong ones out"""

    bl_idname = "recaster.show_faces"
    bl_label = "Show Faces"

    role: EnumProperty(items=ROLES)
    page: IntProperty(default=1, min=1)
    hide: BoolProperty(description="Show them no longer", options={"HIDDEN", "SKIP_SAVE"})

    @classmethod
    def poll(cls, _context: Any) -> bool:
        """Tells if there is an engine that may be asked."""
        return access.poll_can_edit(cls)

    def execute(self, context: Any) -> set[str]:
        """Fetches a page of them."""
        chosen = compat.scene_of(context).recaster
        faceset = catalog.find_faceset(getattr(chosen, self.role))
        if faceset is None:
            return {"CANCELLED"}
        if self.hide:
            addon_state.faces_pages.pop(faceset.faceset_id, None)
            return {"FINISHED"}
        chosen.shown = self.role
        chosen.page = self.page
        faces_pages.show_faces(faceset, self.page)
        return {"FINISHED"}


class RECASTER_OT_drop_face(bpy.types.Operator):
    """Leave this face out of training, or take it in again"""

    bl_idname = "recaster.drop_face"
    bl_label = "Drop Face"

    faceset: StringProperty()
    face: StringProperty()

    @classmethod
    def poll(cls, _context: Any) -> bool:
        """Tells if there is an engine that may be told."""
        return access.poll_can_edit(cls)

    def execute(self, _context: Any) -> set[str]:
        """Tells the engine."""
        faceset = catalog.find_faceset(self.faceset)
        faces_page = addon_state.faces_pages.get(self.faceset)
        found = [] if faces_page is None else [one for one in faces_page.faces if one.face_id == self.face]
        if faceset is None or not found:
            return {"CANCELLED"}
        faces_pages.drop_face(faceset, found[0])
        return {"FINISHED"}


class RECASTER_OT_train(bpy.types.Operator):
    """Train a model on the source's faces"""

    bl_idname = "recaster.train"
    bl_label = "Start Training"

    more: StringProperty(description="The model to train on; empty for a new one")

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Tells if there are faces, and an engine."""
        if not access.poll_can_edit(cls):
            return False
        scene = compat.scene_of(context)
        if catalog.find_faceset(scene.recaster.source) is None:
            cls.poll_message_set(translate("Choose or gather the source's faces first"))
            return False
        blocking_reason = consent.blocking_reason(session.engine_state(), f"faceset:{scene.recaster.source}")
        if blocking_reason:
            cls.poll_message_set(blocking_reason)
            return False
        pairwise = training.is_pairwise(session.engine_state(), scene.recaster.preset)
        if pairwise and catalog.find_faceset(scene.recaster.target) is None:
            cls.poll_message_set(translate("This preset learns two people: choose the target's faces, too"))
            return False
        return True

    def execute(self, context: Any) -> set[str]:
        """Asks the engine."""
        more = catalog.find_model(self.more)
        if self.more and more is None:
            self.report({"ERROR"}, translate("The engine doesn't have this model any more"))
            return {"CANCELLED"}
        training.train(compat.scene_of(context), more)
        return {"FINISHED"}


class RECASTER_OT_choose_model(bpy.types.Operator):
    """Show this model's training"""

    bl_idname = "recaster.choose_model"
    bl_label = "Choose Model"

    model: StringProperty()

    def execute(self, context: Any) -> set[str]:
        """Notes it on the scene."""
        compat.scene_of(context).recaster.model = self.model
        return {"FINISHED"}


class RECASTER_MT_models(bpy.types.Menu):
    """Models, and trainings that haven't saved one yet"""

    bl_idname = "RECASTER_MT_models"
    bl_label = "Model"

    def draw(self, _context: Any) -> None:
        """The newest first."""
        found = session.engine_state()
        known = {one.model_id for one in found.models}
        for job in (found.jobs or {}).values():
            if (
                job.spec.HasField("train")
                and not job.HasField("end_time")
                and training.model_of(job) not in known
            ):
                name = messages.text(job.labels.get("name", job.job_id))
                begins = translate("{name} (begins)", name=name)
                _draw_model(self.layout, training.model_of(job), begins)
        for one in found.models:
            _draw_model(self.layout, one.model_id, catalog.model_label(one))
        if not found.models and not self.layout:
            self.layout.label(text="None yet", text_ctxt=CONTEXT)


def _draw_model(layout: Any, model: str, text: str) -> None:
    """Draws a line of the menu."""
    entry = layout.operator(RECASTER_OT_choose_model.bl_idname, text=text, translate=False)
    entry.model = model


class RECASTER_OT_show_model_preview(bpy.types.Operator):
    """Show what the model paints in a window of its own, at its full size"""

    bl_idname = "recaster.show_sheet"
    bl_label = "Full Size"

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Tells if the model has painted something."""
        view = addon_state.training_views.get(compat.scene_of(context).recaster.model)
        if view is None or view.preview is None:
            cls.poll_message_set(translate("This model has painted nothing yet"))
            return False
        return True

    def execute(self, context: Any) -> set[str]:
        """Opens the window."""
        images.show(addon_state.training_views[compat.scene_of(context).recaster.model].preview)
        return {"FINISHED"}


class RECASTER_OT_choose_preset(bpy.types.Operator):
    """Train with this preset"""

    bl_idname = "recaster.choose_preset"
    bl_label = "Choose Preset"

    preset: StringProperty()

    def execute(self, context: Any) -> set[str]:
        """Notes it on the scene."""
        compat.scene_of(context).recaster.preset = self.preset
        return {"FINISHED"}


class RECASTER_MT_presets(bpy.types.Menu):
    """What kind of model is trained"""

    bl_idname = "RECASTER_MT_presets"
    bl_label = "Preset"

    def draw(self, _context: Any) -> None:
        """As the engine knows them."""
        info = session.engine_state().info
        for one in () if info is None else info.presets:
            text = "{preset}: one person" if one.family == "guided" else "{preset}: two people"
            self.layout.operator(
                RECASTER_OT_choose_preset.bl_idname,
                text=translate(text, preset=messages.text(one.name)),
                translate=False,
            ).preset = one.name


CLASSES = (
    RECASTER_OT_add_strips,
    RECASTER_OT_add_folder,
    RECASTER_OT_stop_extraction,
    RECASTER_OT_choose_faceset,
    RECASTER_MT_source,
    RECASTER_MT_target,
    RECASTER_OT_show_faces,
    RECASTER_OT_drop_face,
    RECASTER_OT_train,
    RECASTER_OT_choose_model,
    RECASTER_MT_models,
    RECASTER_OT_show_model_preview,
    RECASTER_OT_choose_preset,
    RECASTER_MT_presets,
)
