"""Clips, facesets and models."""

from __future__ import annotations

import asyncio
import base64
from typing import TYPE_CHECKING

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
from recaster.jobs.completion import MAX_PREVIEW_BYTES
from recaster.jobs.rights import refuse_revoked, register_of
from recaster.provenance.caller import caller
from recaster.service.job_specs import check_numbers
from recaster.service.request_checks import check_id, kept_blob
from recaster.service.rpc_errors import Context, invalid, unary_read, unary_write
from recaster.service.threads import run_read, run_write

if TYPE_CHECKING:
    from recaster.service.engine import Engine

LARGEST_FACES_PAGE = 200
FACES_PAGE = 100
MAX_FACES = 10_000
"""Faces that one call drops."""
LARGEST_CURVE = 2000
CURVE_POINTS = 200
FINDING = ("range", "detector", "min_face")


class ClipService(clip_pb2_grpc.ClipServiceServicer):
    """See proto/recaster/v1/clip.proto."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._catalog = engine.store.catalog

    @unary_read
    def GetClip(self, request: clip_pb2.GetClipRequest, context: Context) -> clip_pb2.Clip:
        """One clip."""
        return self._catalog.get("clip", check_id("clip_id", request.clip_id))

    @unary_read
    def ListClips(self, request: clip_pb2.ListClipsRequest, context: Context) -> clip_pb2.ListClipsResponse:
        """All clips."""
        clips, following = self._catalog.listed("clip", request.page_size, request.page_token)
        return clip_pb2.ListClipsResponse(clips=clips, next_page_token=following)

    @unary_read
    async def GetThumbnail(
        self, request: clip_pb2.GetThumbnailRequest, context: Context
    ) -> clip_pb2.GetThumbnailResponse:
        """A frame from a clip's middle."""
        clip = await run_read(self._catalog.get, "clip", check_id("clip_id", request.clip_id))
        found = await run_read(self._thumbnail, clip)
        await self._engine.records.shown("clip.show", clip=clip.clip_id)
        return found

    def _thumbnail(self, clip: clip_pb2.Clip) -> clip_pb2.GetThumbnailResponse:
        blobs = self._engine.store.blobs
        for digest in blobs.used_by(f"clip {clip.clip_id}"):
            if digest != clip.digest:
                return clip_pb2.GetThumbnailResponse(jpeg=blobs.path(digest).read_bytes())
        raise NotFoundError(f"clip {clip.clip_id} has no thumbnail")

    @unary_read
    async def FindPeople(
        self, request: clip_pb2.FindPeopleRequest, context: Context
    ) -> clip_pb2.FindPeopleResponse:
        """Who is to be seen in a clip."""
        check_numbers("", request)
        clip = await run_read(self._catalog.get, "clip", check_id("clip_id", request.clip_id))
        given = {name: getattr(request, name) for name in FINDING if request.HasField(name)}
        options = job_pb2.SwapOptions(**given)
        answer = await self._engine.ask(
            "people",
            context,
            clip=str(kept_blob(self._engine.store.blobs, clip.digest)),
            name=clip.display_name,
            options=base64.b64encode(options.SerializeToString()).decode(),
        )
        await self._engine.records.shown("clip.show", clip=clip.clip_id)
        people = [
            clip_pb2.Person(**{**one, "portrait": base64.b64decode(one["portrait"])})
            for one in answer["people"]
        ]
        return clip_pb2.FindPeopleResponse(people=people)

    @unary_write
    def DeleteClip(
        self, request: clip_pb2.DeleteClipRequest, context: Context
    ) -> clip_pb2.DeleteClipResponse:
        """Forget a clip."""
        name = check_id("clip_id", request.clip_id)
        with self._catalog.transaction():  # no job may come to need it in between
            self._engine.refuse_in_use("clip", name)
            digest = self._catalog.get("clip", name).digest
            self._catalog.delete("clip", name)
            register_of(self._engine.store).audit.add("clip.delete", clip=name, digest=digest)
        self._engine.store.blobs.release_all(f"clip {name}")
        return clip_pb2.DeleteClipResponse()


class FacesetService(faceset_pb2_grpc.FacesetServiceServicer):
    """See proto/recaster/v1/faceset.proto."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._catalog = engine.store.catalog

    @unary_read
    def GetFaceset(self, request: faceset_pb2.GetFacesetRequest, context: Context) -> faceset_pb2.Faceset:
        """One faceset."""
        return self._catalog.get("faceset", check_id("faceset_id", request.faceset_id))

    @unary_read
    def ListFacesets(
        self, request: faceset_pb2.ListFacesetsRequest, context: Context
    ) -> faceset_pb2.ListFacesetsResponse:
        """All facesets."""
        found, following = self._catalog.listed("faceset", request.page_size, request.page_token)
        return faceset_pb2.ListFacesetsResponse(facesets=found, next_page_token=following)

    @unary_read
    async def ListFaces(
        self, request: faceset_pb2.ListFacesRequest, context: Context
    ) -> faceset_pb2.ListFacesResponse:
        """The faces of one."""
        name = check_id("faceset_id", request.faceset_id)
        await run_read(self._catalog.get, "faceset", name)
        if request.thumbnails:
            await run_read(refuse_revoked, [("faceset", name)], self._engine.store)
        if not 0 <= request.page_size <= LARGEST_FACES_PAGE:
            raise invalid("page_size", f"must be 0 to {LARGEST_FACES_PAGE}")
        if request.page_token and not (request.page_token.isdecimal() and len(request.page_token) < 10):
            raise invalid("page_token", "isn't one that this engine gave")
        start = int(request.page_token or 0)
        answer = await self._engine.ask(
            "faces",
            context,
            folder=str(self._engine.store.folder.faceset(name)),
            start=start,
            count=request.page_size or FACES_PAGE,
            thumbnails=request.thumbnails,
        )
        if request.thumbnails:
            await self._engine.records.shown("faceset.show", faceset=name)
        faces = [
            faceset_pb2.Face(**{**face, "thumbnail": base64.b64decode(face["thumbnail"])})
            for face in answer["faces"]
        ]
        following = str(start + len(faces)) if answer["more"] else ""
        return faceset_pb2.ListFacesResponse(faces=faces, next_page_token=following)

    @unary_read
    async def DropFaces(self, request: faceset_pb2.DropFacesRequest, context: Context) -> faceset_pb2.Faceset:
        """Leave faces out, or take them in again."""
        faceset_id = check_id("faceset_id", request.faceset_id)
        await run_read(self._catalog.get, "faceset", faceset_id)
        if len(request.face_ids) > MAX_FACES:
            raise invalid("face_ids", f"must be at most {MAX_FACES}")
        for at, name in enumerate(request.face_ids):
            if not (name.isascii() and name.isdecimal() and len(name) < 10):
                raise invalid(f"face_ids[{at}]", "isn't the id of a face")
        # Whoever asked may hang up: what was begun is brought to its end.
        return await asyncio.shield(self._drop(faceset_id, request))

    async def _drop(self, faceset_id: str, request: faceset_pb2.DropFacesRequest) -> faceset_pb2.Faceset:
        with self._engine.supervisor.reserved("faceset", faceset_id):  # first: jobs that come now wait
            await run_write(self._change, request)
            answer = await self._engine.query_workers.ask(
                "drop",
                caller(),
                folder=str(self._engine.store.folder.faceset(faceset_id)),
                faces=[int(name) for name in request.face_ids],
                restore=request.restore,
            )
            return await run_write(self._engine.keep_count, faceset_id, answer)

    def _change(self, request: faceset_pb2.DropFacesRequest) -> None:
        """Note that a faceset becomes another, unless a job needs it as it is."""
        name, faces = request.faceset_id, len(request.face_ids)
        self._engine.refuse_in_use("faceset", name)
        with self._catalog.transaction():
            self._catalog.clear_origin("faceset", name)
            log = register_of(self._engine.store).audit
            log.add("faceset.change", faceset=name, faces=faces, restored=request.restore)

    @unary_write
    def DeleteFaceset(
        self, request: faceset_pb2.DeleteFacesetRequest, context: Context
    ) -> faceset_pb2.DeleteFacesetResponse:
        """Forget a faceset."""
        name = check_id("faceset_id", request.faceset_id)
        with self._catalog.transaction():
            self._engine.refuse_in_use("faceset", name)
            faceset = self._catalog.get("faceset", name)
            self._catalog.delete("faceset", name)
            log, whose = register_of(self._engine.store).audit, faceset.identity_id
            log.add("faceset.delete", faceset=name, digest=faceset.digest, identity=whose)
        self._engine.store.remove(self._engine.store.folder.faceset(name))
        return faceset_pb2.DeleteFacesetResponse()


class ModelService(model_pb2_grpc.ModelServiceServicer):
    """See proto/recaster/v1/model.proto."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._catalog = engine.store.catalog

    @unary_read
    def GetModel(self, request: model_pb2.GetModelRequest, context: Context) -> model_pb2.Model:
        """One model."""
        return self._catalog.get("model", check_id("model_id", request.model_id))

    @unary_read
    def ListModels(
        self, request: model_pb2.ListModelsRequest, context: Context
    ) -> model_pb2.ListModelsResponse:
        """All models."""
        found, following = self._catalog.listed("model", request.page_size, request.page_token)
        return model_pb2.ListModelsResponse(models=found, next_page_token=following)

    @unary_read
    async def GetModelPreview(
        self, request: model_pb2.GetModelPreviewRequest, context: Context
    ) -> model_pb2.GetModelPreviewResponse:
        """The latest sheet of a model."""
        found = await run_read(self._preview, check_id("model_id", request.model_id))
        await self._engine.records.shown("model.show", model=request.model_id)
        return found

    def _preview(self, model_id: str) -> model_pb2.GetModelPreviewResponse:
        name = self._catalog.get("model", model_id).model_id
        refuse_revoked([("model", name)], self._engine.store)
        sheets = sorted((self._engine.store.folder.model(name) / "previews").glob("step-*.png"))
        if not sheets:
            raise NotFoundError(f"model {name} has no preview yet")
        step = int(sheets[-1].stem.removeprefix("step-"))
        png = read_inside(sheets[-1], [self._engine.store.folder.model(name)], MAX_PREVIEW_BYTES)
        return model_pb2.GetModelPreviewResponse(png=png, step=step)

    @unary_read
    async def GetLossCurves(
        self, request: model_pb2.GetLossCurvesRequest, context: Context
    ) -> model_pb2.GetLossCurvesResponse:
        """How the losses of a model's training went."""
        name = check_id("model_id", request.model_id)
        if await run_read(self._catalog.find, "model", name) is None:
            await run_read(self._engine.store.jobs.get, name)  # one that is being made has its job's name
        if not 0 <= request.points <= LARGEST_CURVE:
            raise invalid("points", f"must be 0 to {LARGEST_CURVE}")
        answer = await self._engine.ask(
            "curves",
            context,
            model=str(self._engine.store.folder.model(name)),
            points=request.points or CURVE_POINTS,
        )
        return model_pb2.GetLossCurvesResponse(
            curves=[
                model_pb2.LossCurve(
                    name=curve["name"],
                    steps=[step for step, _ in curve["points"]],
                    values=[value for _, value in curve["points"]],
                )
                for curve in answer["curves"]
            ]
        )

    @unary_write
    def DeleteModel(
        self, request: model_pb2.DeleteModelRequest, context: Context
    ) -> model_pb2.DeleteModelResponse:
        """Forget a model."""
        name = check_id("model_id", request.model_id)
        with self._catalog.transaction():
            self._engine.refuse_in_use("model", name)
            whose = self._catalog.get("model", name).identity_id
            self._catalog.delete("model", name)
            register_of(self._engine.store).audit.add("model.delete", model=name, identity=whose)
        self._engine.store.remove(self._engine.store.folder.model(name))
        return model_pb2.DeleteModelResponse()
