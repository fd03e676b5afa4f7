"""Services of clips, facesets and models: one set of methods for what all have in common."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, ClassVar, Final

from recaster.api.internal.v1 import query_pb2
from recaster.api.v1 import (
    clip_pb2,
    clip_pb2_grpc,
    faceset_pb2,
    faceset_pb2_grpc,
    job_pb2,
    model_pb2,
    model_pb2_grpc,
)
from recaster.errors import NotFoundError
from recaster.files import read_inside
from recaster.jobs.output_storage import MAX_PREVIEW_BYTES
from recaster.jobs.rights import refuse_revoked, register_of
from recaster.models.model_folder import ModelFolder, step_of
from recaster.processes.channel import path_to_bytes
from recaster.provenance.caller import caller
from recaster.service.request_checks import check_id, check_numbers, kept_blob, read_corrections_blob
from recaster.service.rpc_errors import Context, invalid_field
from recaster.service.threads import run_read, run_write, unary_read, unary_write
from recaster.settings.corrections import MAX_CORRECTIONS, MAX_POINTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from recaster.service.engine import Engine
    from recaster.store.catalog import Repository

MAX_FACES_PAGE: Final = 200
FACES_PAGE: Final = 100
MAX_FACES: Final = 10_000
"""Faces that one call drops."""
MAX_CURVE_POINTS: Final = 2000
CURVE_POINTS: Final = 200
DETECTION_OPTIONS: Final = ("range", "detector", "min_face")


class ResourceService:
    """Gets, lists and deletes the records of one kind; each service gives these the names of its methods.

    Attributes:
        page: the message of one page; its first field holds the records.
        deleted: the message that says that one was deleted, and ``deletion_event`` what the audit log says.
        audited: fields of one that is deleted which the audit log notes, by their names there.
    """

    kind = ""
    page: Any = None
    deleted: Any = None
    deletion_event = ""
    audited: ClassVar[Mapping[str, str]] = {}

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._catalog = engine.store.catalog
        self._records: Repository[Any] = self._catalog.of(self.kind)

    @unary_read
    def get_record(self, request: Any) -> Any:
        """One record."""
        return self._records.get(self._id_in(request))

    @unary_read
    def list_page(self, request: Any) -> Any:
        """A page of records."""
        records, following = self._records.list_page(request.page_size, request.page_token)
        field = self.page.DESCRIPTOR.fields[0].name
        return self.page(**{field: records, "next_page_token": following})

    @unary_write
    def delete_record(self, request: Any) -> Any:
        """Forget a record that no job needs, and what it alone keeps."""
        name = self._id_in(request)
        with self._catalog.transaction():  # no job may come to need it in between
            self._engine.refuse_in_use(self.kind, name)
            record = self._records.get(name)
            details = {called: getattr(record, field) for called, field in self.audited.items()}
            self._records.delete(name)
            register_of(self._engine.store).audit.add(self.deletion_event, **{self.kind: name}, **details)
        self._clean_up(name)
        return self.deleted()

    def _id_in(self, request: Any) -> str:
        field = f"{self.kind}_id"
        return check_id(field, getattr(request, field))

    def _clean_up(self, name: str) -> None:
        """Removes the folder of a record that is forgotten."""
        self._engine.store.remove(self._engine.store.folder.path / f"{self.kind}s" / name)


class ClipService(ResourceService, clip_pb2_grpc.ClipServiceServicer):
    """See proto/recaster/v1/clip.proto."""

    kind = "clip"
    page = clip_pb2.ListClipsResponse
    deleted = clip_pb2.DeleteClipResponse
    deletion_event = "clip.delete"
    audited: ClassVar = {"digest": "digest"}
    GetClip = ResourceService.get_record
    ListClips = ResourceService.list_page
    DeleteClip = ResourceService.delete_record

    async def GetThumbnail(
        self, request: clip_pb2.GetThumbnailRequest, context: Context
    ) -> clip_pb2.GetThumbnailResponse:
        """A frame from a clip's middle."""
        clip = await run_read(self._catalog.clips.get, check_id("clip_id", request.clip_id))
        thumbnail = await run_read(self._read_thumbnail, clip)
        await self._engine.call_audit.note_shown("clip.show", clip=clip.clip_id, shown="thumbnail")
        return thumbnail

    def _read_thumbnail(self, clip: clip_pb2.Clip) -> clip_pb2.GetThumbnailResponse:
        blobs = self._engine.store.blobs
        for digest in blobs.digests_of(f"clip {clip.clip_id}"):
            if digest != clip.digest:
                return clip_pb2.GetThumbnailResponse(jpeg=blobs.path(digest).read_bytes())
        raise NotFoundError(f"clip {clip.clip_id} has no thumbnail")

    async def FindPeople(
        self, request: clip_pb2.FindPeopleRequest, context: Context
    ) -> clip_pb2.FindPeopleResponse:
        """People in a clip, each with a portrait."""
        check_numbers(request)
        wanted = {name: getattr(request, name) for name in DETECTION_OPTIONS if request.HasField(name)}
        subject = await run_read(self._find_subject, request.clip_id, request.corrections)
        question = query_pb2.PeopleQuestion(**subject, options=job_pb2.SwapOptions(**wanted))
        answer = await self._engine.ask(query_pb2.Question(people=question), context)
        await self._engine.call_audit.note_shown("clip.show", clip=request.clip_id, shown="people")
        return answer.people

    async def ListTracks(
        self, request: clip_pb2.ListTracksRequest, context: Context
    ) -> clip_pb2.ListTracksResponse:
        """Tracks of a clip, corrected."""
        check_numbers(request)
        subject = await run_read(self._find_subject, request.clip_id, request.options.corrections)
        question = query_pb2.TracksQuestion(**subject, request=request)
        answer = await self._engine.ask(query_pb2.Question(tracks=question), context)
        await self._engine.call_audit.note_shown("clip.show", clip=request.clip_id, shown="tracks")
        return answer.tracks

    async def CorrectTracks(
        self, request: clip_pb2.CorrectTracksRequest, context: Context
    ) -> clip_pb2.CorrectTracksResponse:
        """Corrections with more."""
        check_numbers(request)
        if len(request.more) >= MAX_CORRECTIONS:
            raise invalid_field("more", f"must be at most {MAX_CORRECTIONS - 1}")
        for above, each in (("", request), *((f"more[{at}].", one) for at, one in enumerate(request.more))):
            if each.WhichOneof("action") is None:
                raise invalid_field(f"{above}action", "must be set")
            if len(each.points.points) > MAX_POINTS:
                raise invalid_field(f"{above}points.points", f"must be at most {MAX_POINTS}")
        subject = await run_read(self._find_subject, request.clip_id, request.options.corrections)
        question = query_pb2.CorrectQuestion(**subject, request=request)
        answer = await self._engine.ask(query_pb2.Question(correct=question), context)
        await self._engine.call_audit.note_shown("clip.show", clip=request.clip_id, shown="corrections")
        return answer.correct

    def _find_subject(self, clip_id: str, corrections: str) -> dict[str, Any]:
        """Fields of a question that say which clip it is about, and hold its corrections."""
        blobs = self._engine.store.blobs
        clip = self._catalog.clips.get(check_id("clip_id", clip_id))
        return {
            "clip": path_to_bytes(kept_blob(blobs, clip.digest)),
            "name": clip.display_name,
            "corrections": read_corrections_blob(blobs, corrections),
        }

    def _clean_up(self, name: str) -> None:
        self._engine.store.blobs.release_all(f"clip {name}")


class FacesetService(ResourceService, faceset_pb2_grpc.FacesetServiceServicer):
    """See proto/recaster/v1/faceset.proto."""

    kind = "faceset"
    page = faceset_pb2.ListFacesetsResponse
    deleted = faceset_pb2.DeleteFacesetResponse
    deletion_event = "faceset.delete"
    audited: ClassVar = {"digest": "digest", "identity": "identity_id"}
    GetFaceset = ResourceService.get_record
    ListFacesets = ResourceService.list_page
    DeleteFaceset = ResourceService.delete_record

    async def ListFaces(
        self, request: faceset_pb2.ListFacesRequest, context: Context
    ) -> faceset_pb2.ListFacesResponse:
        """The faces of one."""
        name = check_id("faceset_id", request.faceset_id)
        await run_read(self._catalog.facesets.get, name)
        if request.thumbnails:
            await run_read(refuse_revoked, [("faceset", name)], self._engine.store)
        if not 0 <= request.page_size <= MAX_FACES_PAGE:
            raise invalid_field("page_size", f"must be 0 to {MAX_FACES_PAGE}")
        if request.page_token and not (request.page_token.isdecimal() and len(request.page_token) < 10):
            raise invalid_field("page_token", "isn't one that this engine gave")
        start = int(request.page_token or 0)
        question = query_pb2.FacesQuestion(
            folder=path_to_bytes(self._engine.store.folder.faceset(name)),
            start=start,
            count=request.page_size or FACES_PAGE,
            thumbnails=request.thumbnails,
        )
        page = (await self._engine.ask(query_pb2.Question(faces=question), context)).faces
        if request.thumbnails:
            await self._engine.call_audit.note_shown("faceset.show", faceset=name)
        following = str(start + len(page.faces)) if page.more else ""
        return faceset_pb2.ListFacesResponse(faces=page.faces, next_page_token=following)

    async def DropFaces(self, request: faceset_pb2.DropFacesRequest, context: Context) -> faceset_pb2.Faceset:
        """Leave faces out, or take them in again."""
        faceset_id = check_id("faceset_id", request.faceset_id)
        await run_read(self._catalog.facesets.get, faceset_id)
        if len(request.face_ids) > MAX_FACES:
            raise invalid_field("face_ids", f"must be at most {MAX_FACES}")
        for at, name in enumerate(request.face_ids):
            if not (name.isascii() and name.isdecimal() and len(name) < 10):
                raise invalid_field(f"face_ids[{at}]", "isn't the id of a face")
        # Whoever asked may hang up: what was begun is brought to its end.
        return await asyncio.shield(self._drop_faces(faceset_id, request))

    async def _drop_faces(
        self, faceset_id: str, request: faceset_pb2.DropFacesRequest
    ) -> faceset_pb2.Faceset:
        with self._engine.supervisor.reserved("faceset", faceset_id):  # first: jobs that come now wait
            await run_write(self._note_change, request)
            question = query_pb2.DropQuestion(
                folder=path_to_bytes(self._engine.store.folder.faceset(faceset_id)),
                faces=[int(name) for name in request.face_ids],
                restore=request.restore,
            )
            answer = await self._engine.query_workers.ask(query_pb2.Question(drop=question), caller())
            return await run_write(self._engine.keep_count, faceset_id, answer.drop)

    def _note_change(self, request: faceset_pb2.DropFacesRequest) -> None:
        """Note that a faceset becomes another, unless a job needs it as it is."""
        name = request.faceset_id
        faces = len(request.face_ids)
        self._engine.refuse_in_use("faceset", name)
        with self._catalog.transaction():
            self._catalog.facesets.clear_origin(name)
            log = register_of(self._engine.store).audit
            log.add("faceset.change", faceset=name, faces=faces, restored=request.restore)


class ModelService(ResourceService, model_pb2_grpc.ModelServiceServicer):
    """See proto/recaster/v1/model.proto."""

    kind = "model"
    page = model_pb2.ListModelsResponse
    deleted = model_pb2.DeleteModelResponse
    deletion_event = "model.delete"
    audited: ClassVar = {"identity": "identity_id"}
    GetModel = ResourceService.get_record
    ListModels = ResourceService.list_page
    DeleteModel = ResourceService.delete_record

    async def GetModelPreview(
        self, request: model_pb2.GetModelPreviewRequest, context: Context
    ) -> model_pb2.GetModelPreviewResponse:
        """The latest sheet of a model."""
        preview = await run_read(self._latest_preview, check_id("model_id", request.model_id))
        await self._engine.call_audit.note_shown("model.show", model=request.model_id)
        return preview

    def _latest_preview(self, model_id: str) -> model_pb2.GetModelPreviewResponse:
        name = self._catalog.models.get(model_id).model_id
        refuse_revoked([("model", name)], self._engine.store)
        sheet = ModelFolder(self._engine.store.folder.model(name)).latest_preview()
        if sheet is None:
            raise NotFoundError(f"model {name} has no preview yet")
        png = read_inside(sheet, [self._engine.store.folder.model(name)], MAX_PREVIEW_BYTES)
        return model_pb2.GetModelPreviewResponse(png=png, step=step_of(sheet))

    async def GetLossCurves(
        self, request: model_pb2.GetLossCurvesRequest, context: Context
    ) -> model_pb2.GetLossCurvesResponse:
        """Losses over the steps of a model's training."""
        name = check_id("model_id", request.model_id)
        if await run_read(self._catalog.models.find, name) is None:
            await run_read(self._engine.store.jobs.get, name)  # one that is being made has its job's name
        if not 0 <= request.points <= MAX_CURVE_POINTS:
            raise invalid_field("points", f"must be 0 to {MAX_CURVE_POINTS}")
        question = query_pb2.CurvesQuestion(
            model=path_to_bytes(self._engine.store.folder.model(name)),
            points=request.points or CURVE_POINTS,
        )
        return (await self._engine.ask(query_pb2.Question(curves=question), context)).curves
