"""Answers of query workers about a clip's tracks: what was found, corrected, and new corrections."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from recaster.api.v1 import clip_pb2
from recaster.faces.analysis_cache import analyse_clip
from recaster.faces.topology import EYE_CORNERS_LEFT, EYE_CORNERS_RIGHT, POINTS
from recaster.faces.trouble import find_trouble
from recaster.media.clip import Clip
from recaster.operations.correct import add_corrections
from recaster.operations.request_options import swap_settings
from recaster.processes.channel import plain_text
from recaster.settings.messages import settings_from
from recaster.settings.reading import ReadOptions
from recaster.swapping.track_listing import ClipListing

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.api.v1 import job_pb2
    from recaster.faces.types import Analysis, FaceTrack, Floats
    from recaster.swapping.track_listing import TrackListing

MAX_WARNINGS: Final = 200


def list_tracks(path: Path, request: clip_pb2.ListTracksRequest) -> clip_pb2.ListTracksResponse:
    """Lists the tracks of a clip, and what had better be looked at."""
    clip = Clip(path, settings_from(ReadOptions, request.options))
    analysis = _analyse(clip, request.options)
    listing = ClipListing.of(analysis)
    answer = clip_pb2.ListTracksResponse(
        shots=[first for first, _ in listing.shots],
        tracks=[_describe_track(each, analysis.track(each.track)) for each in listing.tracks],
        warnings=[plain_text(warning) for warning in listing.warnings[:MAX_WARNINGS]],
        first_frame=analysis.first_frame,
        frame_count=analysis.frame_count,
    )
    for trouble in find_trouble(analysis, (clip.info.width, clip.info.height)):
        answer.trouble.add(**trouble.to_json(), sentence=trouble.sentence)
    wanted = range(request.points_first, request.points_first + request.points_count)
    for track in analysis.tracks:
        for row, frame in enumerate(track.frames.tolist()):
            if frame in wanted:
                positions = track.landmarks[row, :, :2].ravel()
                answer.points.add(track=track.track, frame=frame, positions=positions)
    return answer


def correct_tracks(path: Path, request: clip_pb2.CorrectTracksRequest) -> clip_pb2.CorrectTracksResponse:
    """Adds corrections to a clip's, where all of them can be applied (UsageError)."""
    clip = Clip(path, settings_from(ReadOptions, request.options))
    analysis = _analyse(clip, request.options)
    changed = add_corrections(clip, analysis, request, lambda other: _analyse(other, request.options))
    added = changed.items[-1 - len(request.more) :]
    first, *more = (plain_text(item.describe()) for item in added)
    document = changed.to_text().encode()
    return clip_pb2.CorrectTracksResponse(document=document, description=first, more_descriptions=more)


def _analyse(clip: Clip, options: job_pb2.SwapOptions) -> Analysis:
    settings = swap_settings(options, clip.info)
    return analyse_clip(clip, settings.analysis, settings.frames)


def _describe_track(listed: TrackListing, track: FaceTrack) -> clip_pb2.Track:
    return clip_pb2.Track(
        track=listed.track,
        person=listed.person,
        person_name=plain_text(listed.name),
        shot=listed.shot,
        first_frame=listed.first_frame,
        last_frame=listed.last_frame,
        first_seen_s=listed.first_seen_s,
        last_seen_s=listed.last_seen_s,
        size_px=listed.size_px,
        roll_degrees=listed.roll_degrees,
        yaw_degrees=listed.yaw_degrees,
        confidence=listed.confidence,
        filled_frames=listed.filled_frames,
        swappable=listed.swappable,
        boxes=_measure_boxes(track).ravel(),
    )


def _measure_boxes(track: FaceTrack) -> Floats:
    """Left, top, width, height in pixels, and roll in degrees, of a track's faces, (T, 5)."""
    angles = np.zeros(len(track))
    if track.landmarks.shape[1] == POINTS:
        x, y = (track.landmarks[:, EYE_CORNERS_RIGHT[1], :2] - track.landmarks[:, EYE_CORNERS_LEFT[0], :2]).T
        angles = np.degrees(np.arctan2(y, x))
    low, high = track.boxes[:, :2], track.boxes[:, 2:]
    return np.column_stack([low, high - low, angles])
