"""Faces of a clip, cut into a faceset."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from recaster.errors import FaceNotFoundError
from recaster.faces.analysis_cache import analyse_clip
from recaster.faces.track_choice import choose_tracks
from recaster.facesets.crop_plan import Batch, plan_crops
from recaster.facesets.crops import cut, identify
from recaster.media.clip import Clip
from recaster.media.ranges import parse_range
from recaster.media.reader import read_frames
from recaster.progress import Report, Update
from recaster.settings.detection import AnalysisSettings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from recaster.faces.types import Analysis, FaceTrack, Floats
    from recaster.facesets.face_records import FaceRecord, SourceRecord
    from recaster.facesets.faceset import Faceset
    from recaster.media.types import ClipInfo, Image
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
    analysis = analyse_clip(Clip(info.path, info.reading), analysed, frames, report)
    chosen, problem = _choose_wanted(analysis, person, everyone=settings.everyone, min_face=settings.min_face)
    frames = frames[:: settings.every]
    present = [record for record in faceset.all_records if record.source_id == source.id]
    planned = plan_crops(analysis, chosen, info, frames, settings.min_area, present)
    if planned.batches:
        _cut_batches(faceset, source, info, planned.batches, report)
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


def _cut_batches(
    faceset: Faceset, source: SourceRecord, info: ClipInfo, batches: Sequence[Batch], report: Report
) -> None:
    """Cuts faces as their frames go by; a batch is added when its last frame has passed."""
    due: dict[int, list[tuple[Batch, int]]] = defaultdict(list)
    for batch in batches:
        for place, face in enumerate(batch.faces):
            due[face.frame].append((batch, place))
    first = min(due)
    last = max(due)
    cuts: dict[Batch, list[tuple[FaceRecord, Image]]] = defaultdict(list)
    identities: dict[Batch, Floats] = {}
    unknown = np.zeros(128)
    for frame in read_frames(info.path, first, last + 1, options=info.reading):
        for batch, place in due.get(frame.index, ()):
            face = batch.faces[place]
            if place == batch.measured:
                identities[batch] = identify(frame.image, face.points)
            cuts[batch].append(cut(frame.image, face, source, faceset.settings, unknown))
            if place == len(batch.faces) - 1:
                embedding = identities.pop(batch)
                faceset.add([(replace(face, embedding=embedding), crop) for face, crop in cuts.pop(batch)])
        done = frame.index + 1 - first
        report(Update("extracting", done, last + 1 - first, "frames", f"{len(faceset)} faces"))
