"""Clips, facesets, models, errors and traces as messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from recaster.api.internal.v1 import worker_pb2
from recaster.api.v1 import clip_pb2, faceset_pb2, job_pb2, model_pb2
from recaster.provenance.face_traces import FaceTraces

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recaster.errors import RecasterError
    from recaster.facesets.faceset import Faceset
    from recaster.media.types import ClipInfo
    from recaster.models.model_folder import ModelFolder
    from recaster.swapping.coverage import Coverage
    from recaster.swapping.result import MemberCoverage

MAX_SIDE_STREAMS: Final = 100
MAX_CHAPTERS: Final = 1000
MAX_RANGES: Final = 200
"""Ranges of frames that a message about a swap holds."""


def clip_to_proto(info: ClipInfo, clip_id: str, name: str, digest: str, size: int) -> clip_pb2.Clip:
    """A clip; ``size`` in bytes."""
    return clip_pb2.Clip(
        clip_id=clip_id,
        display_name=name,
        digest=digest,
        size=size,
        width=info.width,
        height=info.height,
        frame_count=info.frame_count,
        frame_rate=str(info.rate),
        variable_frame_rate=info.variable,
        duration_s=float(info.duration),
        codec=info.codec,
        pixel_format=info.pixel_format,
        has_sound=bool(info.audio),
        warnings=info.warnings,
        stored_width=info.shape.stored[0],
        stored_height=info.shape.stored[1],
        sample_aspect=str(info.shape.sample_aspect),
        rotation=info.shape.rotation,
        bit_depth=info.bit_depth,
        has_alpha=info.has_alpha,
        transfer=info.colour.transfer or "",
        timecode=info.metadata.timecode or "",
        reel=info.metadata.reel or "",
        side_streams=[
            clip_pb2.SideStream(
                kind=side.kind, codec=side.codec, language=side.language or "", title=side.title or ""
            )
            for side in info.side_streams[:MAX_SIDE_STREAMS]
        ],
        chapters=[
            clip_pb2.Chapter(
                start_s=float(chapter.start), end_s=float(chapter.end), title=chapter.tags.get("title", "")
            )
            for chapter in info.metadata.chapters[:MAX_CHAPTERS]
        ],
    )


def faceset_to_proto(faceset: Faceset, faceset_id: str, name: str, identity_id: str) -> faceset_pb2.Faceset:
    """A faceset."""
    return faceset_pb2.Faceset(
        faceset_id=faceset_id,
        display_name=name,
        identity_id=identity_id,
        faces=len(faceset),
        dropped=len(faceset.all_records) - len(faceset),
        crop_size=faceset.size,
        digest=faceset.digest(),
    )


def model_to_proto(folder: ModelFolder, model_id: str, name: str, identity_id: str = "") -> model_pb2.Model:
    """A model (ModelError where there is none)."""
    card = folder.read()
    return model_pb2.Model(
        model_id=model_id,
        display_name=name,
        preset=card.preset.name,
        steps=card.steps,
        seconds=card.seconds,
        source_digest=card.source,
        target_digest=card.target or "",
        usable=folder.weights.is_file(),
        identity_id=identity_id,
    )


def error_to_proto(error: RecasterError) -> job_pb2.JobError:
    """The error of a job that can't go on, or must wait."""
    return job_pb2.JobError(reason=error.reason, message=str(error), exit_code=error.exit_code)


def coverage_to_proto(coverage: Coverage, cast: Sequence[MemberCoverage] = ()) -> job_pb2.SwapCoverage:
    """Describes what was swapped in a clip, and with each member of a cast."""
    longest = sorted(coverage.runs, key=len, reverse=True)[:MAX_RANGES]
    return job_pb2.SwapCoverage(
        first=coverage.frames[0].frame,
        frames=len(coverage.frames),
        swapped=coverage.swapped,
        ranges=[
            job_pb2.UnswappedRange(
                first=run.first,
                last=run.last,
                reason=str(run.reason),
                covered=run.covered,
                sentence=run.sentence,
            )
            for run in sorted(longest, key=lambda run: run.first)
        ],
        cast=[
            job_pb2.MemberCoverage(
                name=member.name, tracks=member.tracks, frames=member.frames, swapped=member.swapped
            )
            for member in cast
        ],
    )


def traces_to_proto(traces: FaceTraces) -> worker_pb2.Traces:
    """Traces of a face as a message, rounded as they are kept."""
    value = traces.to_json()
    faces = [worker_pb2.TracedFace(embedding=numbers, share=share) for numbers, share in value["faces"]]
    return worker_pb2.Traces(digests=value["digests"], faces=faces)


def traces_from_proto(traces: worker_pb2.Traces) -> FaceTraces:
    """Reads what ``traces_to_proto`` wrote (ValueError where an embedding has another length)."""
    faces = [(face.embedding, face.share) for face in traces.faces]
    return FaceTraces.from_json({"digests": traces.digests, "faces": faces})
