"""Take in an upload: look at it well, and only then say that it is here."""

from __future__ import annotations

import dataclasses
import shutil
from typing import TYPE_CHECKING, Final

from recaster.api.v1 import job_pb2
from recaster.jobs.described import described_clip, described_faceset, described_model
from recaster.jobs.work import Made
from recaster.zips import Room, ZipLimits

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.jobs.work import Work

THUMBNAIL: Final = "thumbnail.jpg"
THUMBNAIL_WIDTH: Final = 320


def ingest(work: Work) -> Made:
    """Take in a clip, a faceset or a model.

    Raises:
        ClipError, FacesetError, ModelError, WeightsError: it can't be used.
    """
    spec = work.task.spec.ingest
    name = spec.display_name or "unnamed"
    if spec.kind == job_pb2.INGEST_KIND_CLIP:
        return _clip(work, spec.digest, name)
    if spec.kind == job_pb2.INGEST_KIND_FACESET:
        return _faceset(work, work.named(spec.digest, "faceset.zip"), name)
    return _model(work, work.named(spec.digest, "model.zip"), name)


def _clip(work: Work, digest: str, name: str) -> Made:
    from recaster.jobs.pictures import thumbnail
    from recaster.media.probe import probe

    path = work.named(digest, name)
    info = probe(path)
    made = work.folder / THUMBNAIL
    thumbnail(path, info.frame_count // 2, made, THUMBNAIL_WIDTH)
    body = described_clip(info, work.task.made, name, digest, path.stat().st_size)
    return Made("clip", body, files=(("thumbnail", made),), warnings=info.warnings)


def _faceset(work: Work, packed: Path, name: str) -> Made:
    from recaster.facesets.archive import import_faces
    from recaster.facesets.faceset import Faceset
    from recaster.facesets.traces import faceset_traces

    folder = work.task.facesets[work.task.made]
    _fresh(folder)
    import_faces(packed, folder, report=work.report, limits=ZipLimits(room=_room(work)))
    faceset = Faceset.open(folder)
    body = described_faceset(faceset, work.task.made, name, work.task.spec.ingest.identity_id)
    return Made("faceset", body, traces=faceset_traces(faceset))


def _model(work: Work, packed: Path, name: str) -> Made:
    from recaster.networks.archive import LIMITS, import_model
    from recaster.networks.model_folder import ModelFolder
    from recaster.swapping.load import load_swapper

    folder = ModelFolder(work.task.models[work.task.made])
    _fresh(folder.path)
    import_model(packed, folder, work.report, dataclasses.replace(LIMITS, room=_room(work)))
    if folder.weights.is_file():
        try:
            load_swapper(model=folder.path)  # names and shapes of all weights are looked at
        except BaseException:
            _fresh(folder.path)
            raise
    body = described_model(folder, work.task.made, name, work.task.spec.ingest.identity_id)
    return Made("model", body, traces=folder.traces())


def _room(work: Work) -> Room:
    """What a zip may unpack to here."""
    limits = work.task.limits
    return Room(limits.left_bytes or None, limits.most_bytes or None, limits.spare_bytes)


def _fresh(folder: Path) -> None:
    """Remove what an interrupted run left behind."""
    if folder.exists():
        shutil.rmtree(folder)
