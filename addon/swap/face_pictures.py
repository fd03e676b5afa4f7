# SPDX-License-Identifier: GPL-3.0-or-later
"""Portraits of the engine's faces and models: fetched once for each, when somebody looks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import images
from ..config import cache_folder
from ..engine import access, catalog
from ..engine.connection import StoppedError, is_offline
from ..state import addon_state
from ..translations import translate

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.client import Client

    from ..engine.connection import BackgroundWork, EngineState

SOUGHT = 24
"""Faces of a set among which the portrait is chosen."""
MAX_SETS = 80
FRONTAL_DEGREES = 20.0
"""Turn and tilt together up to which the sharpest face is the best portrait; beyond that the least turned."""


def icon_of(found: EngineState, face: str) -> int:
    """The icon of a face ("model:ID", "faceset:ID"); 0 while there is none. For panels: wishes for them."""
    addon_state.are_face_pictures_wanted = True
    faceset = faceset_of(found, catalog.holder_of(found, face))
    path = None if faceset is None else addon_state.face_pictures.get(_key_of(faceset))
    return images.icon(path) if path else 0


def on_engine_state(found: EngineState) -> None:
    """Fetches those that are missing, in a thread, if panels wish for them."""
    connection = addon_state.connection
    if not addon_state.are_face_pictures_wanted or connection is None or not found.online:
        return
    missing = [one for one in found.facesets[:MAX_SETS] if _key_of(one) not in addon_state.face_pictures]
    if not missing or addon_state.face_pictures_work is not None or access.lacking(found, access.EDITOR):
        return
    folder = cache_folder() / "faces"

    def do(client: Client, work: BackgroundWork) -> dict[str, Path | None]:
        pictures: dict[str, Path | None] = {}
        for one in missing:
            work.check()
            pictures[_key_of(one)] = _fetch(client, one.faceset_id, folder)
        return pictures

    def done(pictures: dict[str, Path | None]) -> None:
        addon_state.face_pictures_work = None
        addon_state.face_pictures.update(pictures)
        for path in filter(None, pictures.values()):
            images.load(path)

    def failed(error: Exception) -> None:
        addon_state.face_pictures_work = None
        if not is_offline(error) and not isinstance(error, StoppedError):
            addon_state.face_pictures.update(dict.fromkeys(map(_key_of, missing)))

    addon_state.face_pictures_work = connection.run(translate("Fetching portraits"), do, done, failed)


def _fetch(client: Client, faceset: str, folder: Path) -> Path | None:
    """The portrait of a set: the sharpest of its first faces that look at the camera; None for none."""
    from recaster.api.v1 import faceset_pb2
    from recaster.errors import RecasterError

    ask = faceset_pb2.ListFacesRequest(faceset_id=faceset, page_size=SOUGHT, thumbnails=True)
    try:
        faces = list(client.connection.call(client.facesets.ListFaces, ask, 60.0).faces)[:SOUGHT]
    except RecasterError as error:
        if is_offline(error):
            raise
        return None  # removed meanwhile, say
    used = [one for one in faces if one.thumbnail and not one.dropped]
    return images.keep(max(used, key=_rank).thumbnail, folder, ".jpg") if used else None


def _rank(face: Any) -> tuple[float, float]:
    turned = abs(face.yaw_degrees) + abs(face.pitch_degrees)
    return -max(turned, FRONTAL_DEGREES), face.sharpness


def faceset_of(found: EngineState, holder: Any | None) -> Any | None:
    """The set of faces that shows whom a model or set is of; None where none is left."""
    if holder is None or hasattr(holder, "faceset_id"):
        return holder
    whose = holder.identity_id
    learned = [one for one in found.facesets if one.digest and one.digest == holder.source_digest]
    alike = [one for one in found.facesets if whose and one.identity_id == whose]
    return next(iter(learned + alike), None)


def _key_of(faceset: Any) -> str:
    return f"{faceset.faceset_id} {faceset.digest}"
