"""Digests of all that a rendered segment depends on of its plan, by which stale segments are told."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from recaster.swapping.measured_faces import find_read_frames

if TYPE_CHECKING:
    from recaster.settings.look import LookSettings
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
    written: dict[int, tuple[LookSettings, _Written]] = {}
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
        parts.append([_write_once(written, look) for _, look in own])
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
    written = bytearray()
    _write(written, value)
    return hashlib.sha256(written).hexdigest()


def _write_once(known: dict[int, tuple[LookSettings, _Written]], look: LookSettings) -> _Written:
    """Writes a look, unless this very object is known: most frames have one."""
    if id(look) not in known:
        out = bytearray()
        _write(out, look)
        known[id(look)] = look, _Written(out)
    return known[id(look)][1]


class _Written(bytes):
    """A value as ``_write`` writes it."""


def _write(out: bytearray, value: Any) -> None:
    """Writes arrays by their bytes, and dataclasses, mappings and sequences by their parts."""
    kind = type(value)
    # Common types first: the checks of abstract ones take longer than all else, and frames are many.
    if kind in _PLAIN:
        out += f"{value!r};".encode()
    elif kind is _Written:
        out += value
    elif kind is tuple or kind is list:
        _write_parts(out, value)
    elif isinstance(value, np.ndarray):
        out += f"{value.dtype.str}{value.shape}".encode()
        out += value.tobytes()
    elif dataclasses.is_dataclass(value):
        _write(out, {field.name: getattr(value, field.name) for field in dataclasses.fields(value)})
    elif isinstance(value, Mapping):
        _write_parts(out, [(name, value[name]) for name in sorted(value)])
    elif isinstance(value, Sequence) and not isinstance(value, str):
        _write_parts(out, value)
    else:
        out += f"{value!r};".encode()


def _write_parts(out: bytearray, parts: Sequence[Any]) -> None:
    out += f"[{len(parts)}".encode()
    for part in parts:
        _write(out, part)


_PLAIN: Final = frozenset((int, float, bool, str, type(None)))
