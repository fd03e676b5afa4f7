# SPDX-License-Identifier: GPL-3.0-or-later
"""Pages of a faceset's faces, to leave wrong ones out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import images, messages
from ..config import cache_folder
from ..state import addon_state
from ..translations import translate

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.client import Client

    from ..engine.connection import BackgroundWork

PAGE = 24
"""Faces shown at a time."""


class FacesPage:
    """A page of a faceset: its faces (Face, without thumbnails) and where their pictures are."""

    def __init__(self, faceset: str, page: int, digest: str) -> None:
        self.faceset = faceset
        self.page = page
        self.digest = digest
        self.faces: list[Any] = []
        self.files: list[Path] = []
        self.trouble = ""
        self.work: BackgroundWork | None = None


def show_faces(faceset: Any, page: int) -> None:
    """Fetches a page of a faceset's faces, in a thread."""
    connection = addon_state.connection
    faces_page = FacesPage(faceset.faceset_id, page, _mark_of(faceset))
    before = addon_state.faces_pages.get(faceset.faceset_id)
    if connection is None or (before is not None and before.work is not None):
        return
    folder = cache_folder() / "faces"
    addon_state.faces_pages[faceset.faceset_id] = faces_page

    def do(client: Client, _work: BackgroundWork) -> tuple[list[Any], list[Path]]:
        from recaster.api.v1 import faceset_pb2

        ask = faceset_pb2.ListFacesRequest(
            faceset_id=faceset.faceset_id,
            page_size=PAGE,
            page_token=str((page - 1) * PAGE) if page > 1 else "",
            thumbnails=True,
        )
        faces = list(client.connection.call(client.facesets.ListFaces, ask, 60.0).faces)[:PAGE]
        return faces, [images.keep(one.thumbnail, folder, ".jpg") for one in faces]

    def done(found: tuple[list[Any], list[Path]]) -> None:
        faces_page.work = None
        faces_page.faces, faces_page.files = found
        for path in faces_page.files:
            images.load(path)

    def failed(error: Exception) -> None:
        faces_page.work = None
        faces_page.trouble = messages.of_error(error)

    faces_page.work = connection.run(translate("Fetching faces"), do, done, failed)


def is_stale(faceset: Any, page: int) -> bool:
    """Tells if the page of a faceset's faces that is shown isn't the one that should be."""
    faces_page = addon_state.faces_pages.get(faceset.faceset_id)
    return faces_page is None or (faces_page.page, faces_page.digest) != (page, _mark_of(faceset))


def drop_face(faceset: Any, face: Any) -> None:
    """Leaves a face out, or take it in again, in a thread."""
    connection = addon_state.connection
    faces_page = addon_state.faces_pages.get(faceset.faceset_id)
    if connection is None or faces_page is None:
        return

    def do(client: Client, _work: BackgroundWork) -> Any:
        from recaster.api.v1 import faceset_pb2

        ask = faceset_pb2.DropFacesRequest(
            faceset_id=faceset.faceset_id, face_ids=[face.face_id], restore=face.dropped
        )
        return client.connection.call(client.facesets.DropFaces, ask, 60.0)

    def done(changed: Any) -> None:
        face.dropped = not face.dropped
        faces_page.digest = _mark_of(changed)
        faces_page.trouble = ""
        connection.refresh()

    def failed(error: Exception) -> None:
        faces_page.trouble = messages.of_error(error)

    connection.run(translate("Dropping a face"), do, done, failed)


def _mark_of(faceset: Any) -> str:
    return f"{faceset.digest} {faceset.dropped}"
