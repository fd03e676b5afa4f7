# SPDX-License-Identifier: GPL-3.0-or-later
"""Extraction of faces from strips and folders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bpy

from recaster.settings.formats import IMAGE_SUFFIXES

from .. import compat, messages
from ..config import cache_folder, is_loopback
from ..engine import session
from ..engine.connection import BackgroundWork, StoppedError
from ..rights import consent
from ..state import addon_state
from ..swap.sending import CLIENT, MAX_LABEL_LETTERS
from ..swap.strip_corrections import upload_corrections
from ..swap.uploads import upload_range
from ..translations import translate

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.client import Client

    from ..swap.source_range import SourceRange

CLIPS = frozenset({".mp4", ".mov", ".mkv", ".avi", ".webm", ".m4v", ".mxf", ".mpg", ".mpeg", ".mts", ".m2ts"})
MAX_NAME_LETTERS = 200


def extract_from_strips(scene: Any, role: str, sources: list[SourceRange]) -> None:
    """Takes the faces of the main person of strips into a faceset, and make it the source or target."""

    def do(client: Client, work: BackgroundWork, local: bool, cache: Path) -> str:
        faceset = ""
        for source in sources:
            uploaded = upload_range(client, work, source, cache / "clips", local)
            corrections = upload_corrections(client, source, uploaded)
            inputs = [{"clip_id": uploaded.clip.clip_id, "corrections": corrections}]
            faceset = _extract(client, work, faceset, source.name, inputs, uploaded.range)
        return faceset

    _extract_in_thread(scene, role, do)


def extract_from_folder(
    scene: Any, role: str, folder: Path, strip: Any | None = None, basis: str = consent.LATER
) -> None:
    """The same for the clips and pictures of a folder (those directly in it).

    Args:
        scene: gets the faceset.
        role: "source" or "target".
        folder: of the files.
        strip: gets the face, if it has none by then.
        basis: by what right the face is used.
    """

    def do(client: Client, work: BackgroundWork, _local: bool, _cache: Path) -> str:
        from recaster.api.v1 import job_pb2
        from recaster.errors import InputError

        inputs: list[dict[str, Any]] = []
        for path in sorted(folder.iterdir()):
            suffix = path.suffix.lower()
            if suffix in CLIPS:
                inputs.append({"clip_id": client.take_clip(path, work.report)})
            elif suffix in IMAGE_SUFFIXES:
                digest = client.transfer.upload(path, work.report)
                inputs.append(
                    {"picture": job_pb2.Picture(digest=digest, display_name=path.name[:MAX_NAME_LETTERS])}
                )
        if not inputs:
            raise InputError(translate("The folder holds neither clips nor pictures: choose another"))
        return _extract(client, work, "", folder.name, inputs, "")

    _extract_in_thread(scene, role, do, ("" if strip is None else strip.name, folder.name), basis)


def _extract_in_thread(
    scene: Any, role: str, do: Any, chosen: tuple[str, str] = ("", ""), basis: str = consent.LATER
) -> None:
    """``chosen``: the names of a strip that gets the face if it has none by then, and of the face."""
    connection = addon_state.connection
    extraction = addon_state.extractions[role]
    name = scene.name
    if connection is None:
        extraction.trouble = session.engine_state().trouble
        return
    cache = cache_folder()
    local = is_loopback(connection.address.target)
    opened = addon_state.files_opened

    def make(client: Client, work: BackgroundWork) -> tuple[str, str]:
        faceset = do(client, work, local, cache)
        return faceset, consent.state_new_right(client, chosen[1], basis, faceset)

    def done(made: tuple[str, str]) -> None:
        extraction.work = None
        faceset, _ = made
        consent.note_new_right(*made)
        into = bpy.data.scenes.get(name)
        if into is not None and opened == addon_state.files_opened:
            setattr(into.recaster, role, faceset)
            choose_for_strip(into, f"faceset:{faceset}", *chosen)
        connection.refresh()

    def failed(error: Exception) -> None:
        extraction.work = None
        extraction.trouble = messages.of_error(error)

    extraction.trouble = ""
    title = translate("Faces of the source" if role == "source" else "Faces of the target")
    extraction.work = connection.run(title, make, done, failed)


def choose_for_strip(scene: Any, face: str, strip_name: str, face_name: str) -> None:
    """Lets a face be put on a strip that has none yet."""
    for strip in compat.all_strips(scene):
        if strip_name and strip.name == strip_name and not strip.recaster.face:
            strip.recaster.face = face
            strip.recaster.face_name = messages.text(face_name)


def _extract(
    client: Client, work: BackgroundWork, faceset: str, name: str, inputs: list[dict[str, Any]], frames: str
) -> str:
    """Lets an extract job be done and wait for it; returns the faceset's id."""
    from recaster.api.v1 import job_pb2

    spec = job_pb2.ExtractSpec(faceset_id=faceset, inputs=[job_pb2.ExtractInput(**one) for one in inputs])
    if not faceset:
        spec.display_name = name[:MAX_NAME_LETTERS]
    if frames:
        spec.options.range = frames
    labels = {**CLIENT, "name": name[:MAX_LABEL_LETTERS]}
    job = client.jobs.create(job_pb2.JobSpec(extract=spec), labels)
    work.job = job.job_id
    try:
        found: str = client.jobs.wait(job.job_id, work.report).result.faceset_id
    except StoppedError:
        client.jobs.cancel(job.job_id)
        raise
    return found
