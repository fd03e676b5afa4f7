"""Handler of jobs that take in an upload: it is looked at well before it counts as here."""

from __future__ import annotations

import dataclasses
import shutil
from typing import TYPE_CHECKING, Final

from recaster.api.v1 import job_pb2
from recaster.errors import ClipError
from recaster.files import remove_folder, sync
from recaster.jobs.job_context import JobOutput, is_picture_zip
from recaster.jobs.proto_records import clip_to_proto, faceset_to_proto, model_to_proto
from recaster.zips import UnpackingRoom, ZipLimits

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.jobs.job_context import JobContext

THUMBNAIL: Final = "thumbnail.jpg"
THUMBNAIL_WIDTH: Final = 320


def handle(context: JobContext) -> JobOutput:
    """Takes in a clip, a faceset or a model (ClipError, FacesetError, ModelError, WeightsError)."""
    spec = context.task.spec.ingest
    name = spec.display_name or "unnamed"
    if spec.kind == job_pb2.INGEST_KIND_CLIP:
        return _clip(context, spec.digest, name)
    if spec.kind == job_pb2.INGEST_KIND_FACESET:
        return _faceset(context, context.named(spec.digest, "faceset.zip"), name)
    return _model(context, context.named(spec.digest, "model.zip"), name)


def _clip(context: JobContext, digest: str, name: str) -> JobOutput:
    from recaster.jobs.thumbnails import thumbnail
    from recaster.media.probe import probe

    packed = context.named(digest, name)
    path = context.footage(digest, name)
    info = probe(path)
    if info.is_sequence and not is_picture_zip(name):
        raise ClipError(f"{name}: not a clip, but a still image")
    made = context.folder / THUMBNAIL
    thumbnail(path, info.frame_count // 2, made, THUMBNAIL_WIDTH)
    body = clip_to_proto(info, context.task.made, name, digest, packed.stat().st_size)
    return JobOutput("clip", body, files=(("thumbnail", made),), warnings=info.warnings)


def _faceset(context: JobContext, packed: Path, name: str) -> JobOutput:
    from recaster.facesets.faceset import Faceset
    from recaster.facesets.faceset_archive import import_faces
    from recaster.facesets.faceset_traces import faceset_traces

    taken = _fresh(context.folder)
    import_faces(packed, taken, report=context.report, limits=ZipLimits(room=_room(context)))
    faceset = Faceset.open(_put(taken, context.faceset(context.task.made)))
    body = faceset_to_proto(faceset, context.task.made, name, context.task.spec.ingest.identity_id)
    return JobOutput("faceset", body, traces=faceset_traces(faceset))


def _model(context: JobContext, packed: Path, name: str) -> JobOutput:
    from recaster.models.archive import LIMITS, import_model
    from recaster.models.model_folder import ModelFolder
    from recaster.swapping.load import load_swapper

    taken = ModelFolder(_fresh(context.folder))
    import_model(packed, taken, context.report, dataclasses.replace(LIMITS, room=_room(context)))
    if taken.weights.is_file():
        load_swapper(model=taken.path)  # names and shapes of all weights are looked at
    folder = ModelFolder(_put(taken.path, context.model(context.task.made)))
    body = model_to_proto(folder, context.task.made, name, context.task.spec.ingest.identity_id)
    return JobOutput("model", body, traces=folder.traces())


def _room(context: JobContext) -> UnpackingRoom:
    limits = context.task.limits
    return UnpackingRoom(limits.left_bytes or None, limits.most_bytes or None, limits.spare_bytes)


def _fresh(folder: Path) -> Path:
    """Names the folder to unpack in, the job's own, without what an interrupted run left there."""
    taken = folder / "taken"
    remove_folder(taken, quietly=True)
    return taken


def _put(taken: Path, place: Path) -> Path:
    """Moves what was unpacked to its place, which is nobody's yet; returns that.

    All that is in the folder, not the folder itself: beside it lie others', where a worker may write nothing.
    """
    for path in place.iterdir():  # an interrupted run's
        if path.is_dir():
            remove_folder(path)
        else:
            path.unlink()
    for path in taken.iterdir():
        shutil.move(path, place / path.name)
    sync(place)
    return place
