# SPDX-License-Identifier: GPL-3.0-or-later
"""Sources of a few photographs: chosen in the file browser, made at the engine, and chosen as face."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy
from bpy.props import CollectionProperty, StringProperty

from recaster.errors import FaceNotFoundError
from recaster.settings.formats import IMAGE_SUFFIXES

from .. import compat, messages, selection
from ..drawing import draw_line, words
from ..engine import access, jobs, session
from ..engine.connection import BackgroundWork, StoppedError
from ..rights import consent
from ..rights.new_basis import NewBasis
from ..state import addon_state
from ..translations import translate
from .sending import CLIENT, MAX_LABEL_LETTERS

if TYPE_CHECKING:
    from recaster.client import Client

MAX_PICTURES = 4
MAX_NAME_LETTERS = 200
LIST_TIMEOUT_S = 60.0
PICTURES = "pictures"
"""Name of this work among extractions."""


class RECASTER_OT_new_from_pictures(NewBasis, bpy.types.Operator):
    """Make a face of one to four photographs of a person, and choose it"""

    bl_idname = "recaster.new_from_pictures"
    bl_label = "New from Pictures..."

    directory: StringProperty(subtype="DIR_PATH", **compat.PATHS)
    files: CollectionProperty(type=bpy.types.OperatorFileListElement)
    filter_glob: StringProperty(
        default=";".join(f"*{suffix}" for suffix in sorted(IMAGE_SUFFIXES)), options={"HIDDEN"}
    )

    @classmethod
    def poll(cls, _context: Any) -> bool:
        """Tells if there is an engine that isn't busy with pictures."""
        if addon_state.extractions[PICTURES].work is not None:
            cls.poll_message_set(translate("Wait until the face of the pictures before is there"))
            return False
        return access.poll_can_edit(cls)

    def invoke(self, context: Any, _event: Any) -> set[str]:
        """Asks which pictures."""
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: Any) -> set[str]:
        """Begins it."""
        folder = Path(bpy.path.abspath(self.directory))
        paths = [folder / one.name for one in self.files if one.name]
        wrong = _find_fault(paths) or self.basis_fault()
        if wrong:
            self.report({"ERROR"}, wrong)
            return {"CANCELLED"}
        make_source(compat.scene_of(context), selection.chosen_strip(context), sorted(paths), self.basis)
        return {"FINISHED"}


def _find_fault(paths: list[Path]) -> str:
    """Says why pictures can't be a source; "" where they may."""
    if not 1 <= len(paths) <= MAX_PICTURES:
        return translate(
            "Choose one to {most} pictures of the person; for more, take Folder under Training",
            most=MAX_PICTURES,
        )
    for path in paths:
        if not path.is_file():
            return translate("Choose pictures: {name} isn't there", name=path.name)
        if path.suffix.lower() not in IMAGE_SUFFIXES:
            return translate("Choose other pictures: {name} is of a kind that can't be read", name=path.name)
    return ""


def make_source(scene: Any, strip: Any | None, paths: list[Path], basis: str) -> None:
    """Makes a faceset of pictures in a thread; it becomes the source, and a strip's face."""
    connection = addon_state.connection
    extraction = addon_state.extractions[PICTURES]
    if connection is None:
        extraction.trouble = session.engine_state().trouble
        return
    opened = addon_state.files_opened
    titles = scene.name, None if strip is None else strip.name

    def make(client: "Client", work: BackgroundWork) -> tuple[str, tuple[str, ...], str]:
        faceset, notes = _extract(client, work, paths)
        return faceset, notes, consent.state_new_right(client, _name_of(paths), basis, faceset)

    def done(made: tuple[str, tuple[str, ...], str]) -> None:
        extraction.work = None
        faceset, extraction.notes, trouble = made
        consent.note_new_right(faceset, trouble)
        extraction.faceset = faceset
        into = bpy.data.scenes.get(titles[0])
        if into is not None and opened == addon_state.files_opened:
            into.recaster.source = faceset
            for one in [one for one in compat.all_strips(into) if one.name == titles[1]]:
                one.recaster.face = f"faceset:{faceset}"
                one.recaster.face_name = _name_of(paths)
        connection.refresh()

    def failed(error: Exception) -> None:
        extraction.work = None
        extraction.trouble = "" if isinstance(error, StoppedError) else messages.of_error(error)

    extraction.trouble = ""
    extraction.notes = ()
    title = translate("Face of {name}", name=_name_of(paths))
    extraction.work = connection.run(title, make, done, failed)


def _name_of(paths: list[Path]) -> str:
    return paths[0].stem[:MAX_NAME_LETTERS]


def _extract(client: "Client", work: BackgroundWork, paths: list[Path]) -> tuple[str, tuple[str, ...]]:
    """Makes a faceset of pictures, for threads; returns its id, and what they don't show.

    Raises:
        FaceNotFoundError: a picture doesn't show the person of the first; no faceset stays.
    """
    from recaster.api.v1 import faceset_pb2, job_pb2

    digests = [client.transfer.upload(path, work.report) for path in paths]
    pictures = [
        job_pb2.Picture(digest=digest, display_name=path.name[-MAX_NAME_LETTERS:])
        for digest, path in zip(digests, paths, strict=True)
    ]
    spec = job_pb2.ExtractSpec(
        inputs=[job_pb2.ExtractInput(picture=one) for one in pictures], display_name=_name_of(paths)
    )
    if len(paths) > 1:  # else the largest face is meant
        spec.options.person = digests[0]
    labels = {**CLIENT, "name": _name_of(paths)[:MAX_LABEL_LETTERS]}
    job = client.jobs.create(job_pb2.JobSpec(extract=spec), labels)
    work.job = job.job_id
    try:
        result = client.jobs.wait(job.job_id, work.report).result
    except StoppedError:
        client.jobs.cancel(job.job_id)
        raise
    wanted = faceset_pb2.ListFacesRequest(faceset_id=result.faceset_id)
    faces = client.connection.call(client.facesets.ListFaces, wanted, LIST_TIMEOUT_S).faces
    shown = {one.source_name for one in faces}
    for path, picture in zip(paths, pictures, strict=True):
        if picture.display_name not in shown:
            doomed = faceset_pb2.DeleteFacesetRequest(faceset_id=result.faceset_id)
            client.connection.call(client.facesets.DeleteFaceset, doomed)
            raise FaceNotFoundError(
                translate(
                    "Leave {name} out: no face of the person in {first} was found in it",
                    name=path.name,
                    first=paths[0].name,
                )
            )
    return result.faceset_id, tuple(messages.plain(one) for one in result.warnings)


def draw(layout: Any, faceset: str) -> None:
    """Draws how far the face of pictures is, what went wrong, and what pictures that it is don't show."""
    extraction = addon_state.extractions[PICTURES]
    if extraction.work is not None:
        row = layout.row(align=True)
        draw_line(row.column(align=True), jobs.work_line(extraction.work))
        row.operator(RECASTER_OT_stop_pictures.bl_idname, text="", icon="X")
    if extraction.trouble:
        words(layout, extraction.trouble, icon="ERROR")
    for note in extraction.notes if faceset and faceset == extraction.faceset else ():
        words(layout, note, icon="INFO")


class RECASTER_OT_stop_pictures(bpy.types.Operator):
    """Stop making a face of pictures"""

    bl_idname = "recaster.stop_pictures"
    bl_label = "Stop"

    def execute(self, _context: Any) -> set[str]:
        """Stops at the next step; the job at the engine is cancelled."""
        work = addon_state.extractions[PICTURES].work
        if work is None:
            return {"CANCELLED"}
        work.stop()
        if work.job:
            jobs.control_job("cancel", work.job)
        return {"FINISHED"}


CLASSES = (RECASTER_OT_new_from_pictures, RECASTER_OT_stop_pictures)
