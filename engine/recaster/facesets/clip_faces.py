"""Faces of a clip, cut into a faceset."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from recaster.errors import FaceNotFoundError
from recaster.faces.analysis_cache import analyse_clip
from recaster.faces.track_choice import choose_tracks
from recaster.facesets.clip_crops import (
    CORES_PER_PROCESS,
    MEMORY_PER_PROCESS_BYTES,
    MIN_FACES_PER_PROCESS,
    CropWork,
    crops_folder,
    cut_part,
    make_part,
    split_batches,
)
from recaster.facesets.crop_plan import plan_crops
from recaster.facesets.crops import describe_face
from recaster.media.clip import Clip
from recaster.media.ranges import parse_range
from recaster.processes.executor import current_executor
from recaster.progress import Report, Update
from recaster.settings.detection import AnalysisSettings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from recaster.faces.types import Analysis, FaceTrack, Floats
    from recaster.facesets.clip_crops import BatchCrops, Part
    from recaster.facesets.crop_plan import Batch
    from recaster.facesets.face_records import SourceRecord
    from recaster.facesets.faceset import Faceset
    from recaster.media.types import ClipInfo
    from recaster.settings.extract import ExtractSettings


def take_clip(
    faceset: Faceset,
    source: SourceRecord,
    info: ClipInfo,
    settings: ExtractSettings,
    person: Floats | None,
    report: Report,
) -> tuple[Mapping[str, int], str, tuple[str, ...]]:
    """Adds the wanted faces of one clip to a faceset, those that it has already left out.

    Args:
        source: the clip's entry in the faceset.
        person: the wanted person's embedding, or None for the clip's main person (or everyone).

    Returns:
        What became of the frames and faces, see ``CropPlan``; what was wrong where nobody could be chosen,
        or an empty text; and sentences on corrections that could not be applied.
    """
    frames = wanted_frames(settings, info)
    analysed = AnalysisSettings(detector=settings.detector, min_face=settings.min_face)
    clip = Clip(info.path, info.reading)
    analysis = analyse_clip(clip, analysed, frames, report, processes=None)
    chosen, problem = _choose_wanted(analysis, person, everyone=settings.everyone, min_face=settings.min_face)
    frames = frames[:: settings.every]
    present = [record for record in faceset.all_records if record.source_id == source.id]
    planned = plan_crops(analysis, chosen, info, frames, settings.min_area, present)
    if planned.batches:
        _add_faces(faceset, source, clip, planned.batches, settings, report)
    return planned.counts, problem, analysis.warnings


def wanted_frames(settings: ExtractSettings, info: ClipInfo) -> range:
    """Part of a clip to look at, before every N-th frame is taken (UsageError where it doesn't fit)."""
    return range(info.frame_count) if settings.frames is None else parse_range(settings.frames, info)


def _choose_wanted(
    analysis: Analysis, person: Floats | None, *, everyone: bool, min_face: int
) -> tuple[tuple[FaceTrack, ...], str]:
    """Chooses the tracks to take, or none and why: one clip without the person must not stop the others."""
    try:
        return choose_tracks(analysis, person=person, everyone=everyone, min_face=min_face), ""
    except FaceNotFoundError as error:
        return (), str(error)


def _add_faces(
    faceset: Faceset,
    source: SourceRecord,
    clip: Clip,
    batches: Sequence[Batch],
    settings: ExtractSettings,
    report: Report,
) -> None:
    """Cuts faces, here or by an executor where that pays, and adds them, batch by batch in their order."""
    parts = split_batches(batches, settings.every)
    executor = current_executor()
    useful = sum(len(batch.faces) for batch in batches) // MIN_FACES_PER_PROCESS
    count = executor.limit(min(useful, len(parts)), CORES_PER_PROCESS, MEMORY_PER_PROCESS_BYTES)
    is_here = count == 1 and executor.is_local
    if is_here:
        parts = [make_part(batches)]
    total = sum(len(part.frames) for part in parts)
    done = 0

    def tick(frames: int = 1) -> None:
        nonlocal done
        done += frames
        report(Update("extracting", done, total, "frames", f"{len(faceset)} faces"))

    def add(part: Part, cuts: Iterable[BatchCrops]) -> None:
        for batch, crops in zip(part.batches, cuts, strict=True):
            records = (
                describe_face(face, source, faceset.settings, sharpness, crops.embedding)
                for face, sharpness in zip(batch.faces, crops.sharpness, strict=True)
            )
            faceset.add(list(zip(records, crops.files, strict=True)))

    if is_here:
        add(parts[0], cut_part(clip, faceset.settings, parts[0], tick))
        return
    with crops_folder(faceset.folder) as folder:
        work = CropWork(clip, faceset.settings, folder)
        coming = deque(parts)

        def take(frames: int = 0) -> None:
            while coming and work.path(coming[0]).is_file():
                part = coming.popleft()
                add(part, work.take(part))
            tick(frames)

        executor.run(work.as_work(), parts, count, take)
        take()
