"""Digests of all that a rendered segment depends on of its plan, by which stale segments are told."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from recaster.swapping.measured_faces import find_read_frames

if TYPE_CHECKING:
    from hashlib import _Hash

    from recaster.settings.swap import SwapSettings
    from recaster.swapping.swap_plan import SwapPlan


def digest_segments(
    plan: SwapPlan,
    segments: Sequence[range],
    frames: range,
    settings: SwapSettings,
    slots: Sequence[int] = (),
) -> dict[range, str]:
    """Computes a digest, hex, of each segment: of all faces in the frames that are read to render it.

    Args:
        frames: those of the clip that the result holds.
        slots: by which layers of faces are named, as ``assign_slots``.
    """
    if not {*settings.layers} - {"frame", "face", "mesh"}:
        slots = ()
    looks = {number: digest_value(look) for number, look in plan.appearances.items()}
    faces: dict[int, str] = {}
    digests = {}
    for segment in segments:
        read = find_read_frames(plan, settings, segment, frames)
        for frame in read:
            if frame not in faces:
                faces[frame] = _digest_faces(plan, frame)
        shown = {number for frame in read for number, _ in plan.faces_by_frame.get(frame, ())}
        parts = [read.start, read.stop, [faces[frame] for frame in read]]
        if any(masks := [plan.masks.digest(frame) for frame in read]):
            parts.append(masks)
        if slots:
            parts.append([max(slots), [slots[number] for number in sorted(shown)]])
        if covers := [(frame, plan.covers[frame]) for frame in segment if frame in plan.covers]:
            parts.append(covers)
        # Frames beside the segment have a part in its averages, but not by their own looks.
        own = [
            (number, plan.look(number, frame))
            for frame in segment
            for number, _ in plan.faces_by_frame.get(frame, ())
        ]
        parts.append([look for _, look in own])
        searched = {number for number, look in own if look.mask.kind == "learned" or "glasses" in look.keep}
        usual = [
            (plan.ranks[number], looks.get(number, "") if number in searched else "")
            for number in sorted(shown)
        ]
        digests[segment] = digest_value([*parts, usual])
    return digests


def _digest_faces(plan: SwapPlan, frame: int) -> str:
    """Digest of what a plan has of a frame; empty where there is no face."""
    if frame not in plan.faces_by_frame:
        return ""
    values: list[Any] = []
    for number, row in plan.faces_by_frame[frame]:
        track_plan = plan.track_plans[number]
        values.append(
            (
                (plan.ranks[number], plan.tracks[number], track_plan.opacity_at(row), track_plan.is_aligned),
                (track_plan.matrices[row], track_plan.landmarks[row]),
                {name: rows[row] for name, rows in track_plan.extra.items()},
                plan.nearer.get((number, frame), ()),
            )
        )
        if plan.sources:  # of a cast; else the description of the render says it
            role = plan.roles[number]
            matte = role if role in plan.matte_roles else -1
            values.append((plan.sources[role], matte))
    return digest_value(values)


def digest_value(value: Any) -> str:
    """Computes a digest, hex, of plain values, arrays, and dataclasses, mappings and sequences of them."""
    hasher = hashlib.sha256()
    _feed(hasher, value)
    return hasher.hexdigest()


def _feed(hasher: _Hash, value: Any) -> None:
    """Feeds arrays by their bytes, and dataclasses, mappings and sequences by their parts."""
    if isinstance(value, np.ndarray):
        hasher.update(f"{value.dtype.str}{value.shape}".encode())
        hasher.update(np.ascontiguousarray(value).data)
    elif dataclasses.is_dataclass(value):
        _feed(hasher, {field.name: getattr(value, field.name) for field in dataclasses.fields(value)})
    elif isinstance(value, Mapping):
        _feed(hasher, [(name, value[name]) for name in sorted(value)])
    elif isinstance(value, Sequence) and not isinstance(value, str):
        hasher.update(f"[{len(value)}".encode())
        for each in value:
            _feed(hasher, each)
    else:
        hasher.update(f"{value!r};".encode())
