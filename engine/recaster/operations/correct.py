"""Corrections of a clip's tracks: made of a request, and added where all of them can be applied."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from recaster.errors import UsageError
from recaster.settings.corrections import (
    MAX_BYTES,
    MAX_CORRECTIONS,
    TOO_MANY,
    Corrections,
    default_path,
    parse_corrections,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from recaster.api.v1 import clip_pb2
    from recaster.faces.types import Analysis
    from recaster.media.clip import Clip
    from recaster.settings.corrections import Correction


def add_corrections(
    clip: Clip,
    analysis: Analysis,
    request: clip_pb2.CorrectTracksRequest,
    analyse: Callable[[Clip], Analysis],
) -> Corrections:
    """Adds the corrections of a request to a clip's; returns all of them, the new ones last, in their order.

    Args:
        clip: with the corrections that are there.
        analysis: of the clip, corrected; tracks have the numbers that they have there.
        request: of it the actions alone.
        analyse: analyses the same frames in the same way.

    Raises:
        UsageError: one can't be applied, those that are there are of another clip, or there are too many.
    """
    if fault := find_other_clip(clip):
        raise UsageError(f"{fault}; move it away")
    new = _make_corrections(clip, analysis, request)
    changed = Corrections(clip.digest, (*clip.corrections.items, *new))
    if len(changed.items) > MAX_CORRECTIONS:
        raise UsageError(TOO_MANY)
    after = analyse(dataclasses.replace(clip, named_corrections=changed))
    refused = [warning for warning in after.warnings if warning not in analysis.warnings]
    if refused:
        raise UsageError("; ".join(refused))
    # As it would be read again: what is too large or out of order never gets there.
    text = changed.to_text()
    if len(text) > MAX_BYTES:
        raise UsageError(TOO_MANY)
    return parse_corrections(text)


def find_other_clip(clip: Clip, path: Path | None = None) -> str:
    """Describes, in words, that a clip's corrections are of another clip; "" where they are of this one.

    ``path`` is their file; None for the one beside the clip.
    """
    if not clip.corrections or clip.corrections.clip == clip.digest:
        return ""
    return f"{path or default_path(clip.path)}: is of another clip, or of this one before it changed"


def _make_corrections(
    clip: Clip, analysis: Analysis, request: clip_pb2.CorrectTracksRequest
) -> list[Correction]:
    made = []
    for number, each in enumerate((request, *request.more), 1):
        try:
            made.append(_make_correction(clip, analysis, each))
        except UsageError as error:
            if not request.more:
                raise
            raise UsageError(f"{number} of {1 + len(request.more)} corrections: {error}") from error
    return made


def _make_correction(
    clip: Clip, analysis: Analysis, request: clip_pb2.CorrectTracksRequest | clip_pb2.TrackCorrection
) -> Correction:
    from recaster.faces import correction_making as making
    from recaster.media.ranges import parse_range

    kind = request.WhichOneof("action")
    if kind == "split":
        return making.make_split(analysis, request.split.track, request.split.frame)
    if kind == "join":
        return making.make_join(analysis, request.join.track, request.join.other)
    if kind == "drop":
        text = request.drop.range
        frames = parse_range(text, clip.info) if text else None
        return making.make_drop(analysis, request.drop.track, frames)
    if kind == "assign":
        return making.make_assign(analysis, request.assign.track, request.assign.person)
    if kind == "box":
        box = request.box
        sides = (box.left, box.top, box.width, box.height)
        return making.make_box(analysis, box.frame, sides, box.angle)
    if kind != "points":
        raise UsageError("say what to correct")
    moved = request.points
    points = [(p.index, p.x, p.y, *((p.z,) if p.HasField("z") else ())) for p in moved.points]
    track = moved.track if moved.HasField("track") else None
    return making.make_points(analysis, moved.frame, points, track)
