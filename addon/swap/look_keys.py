# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys of a strip's look: its animation, frame by frame of its file, as the engine takes it."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from recaster import settings

from .. import compat
from ..properties import KEYED, keyed_name, name_choice
from ..translations import translate
from .source_range import StripError, file_index, fraction, time_scalar_of

if TYPE_CHECKING:
    from recaster.api.v1 import job_pb2

    from .source_range import SourceRange
    from .uploads import UploadedRange

Keys = tuple[tuple[str, tuple[tuple[int, Any], ...]], ...]
"""Of each animated setting its name, and values by frames of the file, or by numbers of the pictures."""
MAX_KEYS = 1000
"""Frames with keys that an engine takes."""
MAX_DEVIATION = 2e-4
"""Of a number from its curve, as a share of its range, where keys are left out."""


def read_keys(strip: Any, scene: Any, handles: int) -> Keys:
    """Reads the animation of a strip's look, of curves and drivers, over its frames and its handles.

    Raises:
        StripError: there is too much of it.
    """
    animated = find_animated(strip, scene)
    if not animated:
        return ()
    shown = scene.frame_current, scene.frame_subframe
    samples = [
        (index, _sample(strip, scene, animated, moment))
        for index, moment in _list_moments(strip, scene, handles)
    ]
    if None in animated.values():
        scene.frame_set(shown[0], subframe=shown[1])
    keys = tuple((name, _thin(name, [(index, each[name]) for index, each in samples])) for name in animated)
    if len({frame for _, each in keys for frame, _ in each}) > MAX_KEYS:
        raise StripError(
            translate(
                "Split it, or animate its look less: {strip} has more than {count} keys",
                strip=strip.name,
                count=MAX_KEYS,
            )
        )
    return keys


def find_animated(strip: Any, scene: Any) -> dict[str, Any]:
    """Finds the settings of a look that change by themselves, and the curve of each; None for a driver's."""
    animation = scene.animation_data
    if animation is None:
        return {}
    paths = {f"{strip.path_from_id()}.{keyed_name(name)}": name for name in KEYED}
    curves = [one for one in compat.curves_of(scene) or () if one.data_path in paths and not one.mute]
    driven = [one for one in animation.drivers if one.data_path in paths and not one.mute]
    return {
        **{paths[one.data_path]: one for one in curves},
        **{paths[one.data_path]: None for one in driven},
    }


def _list_moments(strip: Any, scene: Any, handles: int) -> list[tuple[int, float]]:
    """Lists the frames of a strip's file that it shows, or its handles do, and when on the timeline.

    Of a retimed strip it is when each is first shown (StripError: the strip is too long).
    """
    if compat.retimed(strip):
        from .retimed_frames import find_shown_frames  # numpy isn't loaded when Blender starts

        first_shown: dict[int, float] = {}
        for frame, index in find_shown_frames(strip, scene).items():
            first_shown.setdefault(index, float(frame))
        return sorted(first_shown.items())
    time_scalar = time_scalar_of(strip, scene)
    start = compat.content_start(strip)
    first = max(compat.left_handle(strip) - handles, start)
    stop = min(compat.right_handle(strip) + handles, start + compat.content_span(strip))
    moments = {}
    for frame in range(first, max(stop, first + 1)):
        place = (frame - start) / time_scalar
        off = place - math.floor(place + fraction(1, 2))  # of the frame of the file that is shown
        moments[file_index(strip, time_scalar, frame)] = float(frame - off * time_scalar)
    return sorted(moments.items())


def _sample(strip: Any, scene: Any, animated: dict[str, Any], moment: float) -> dict[str, Any]:
    """Samples settings at a time of the timeline, which the scene is set to where drivers need it."""
    if all(animated.values()):
        return {name: _read(name, curve.evaluate(moment)) for name, curve in animated.items()}
    whole = math.floor(moment)
    scene.frame_set(whole, subframe=moment - whole)
    return {name: _value_of(strip, name) for name in animated}


def _value_of(strip: Any, name: str) -> Any:
    """A setting's value now: a number, or the names of choices with commas between them."""
    value = getattr(strip.recaster, name)
    return ",".join(sorted(value)) if isinstance(value, set) else value


def _read(name: str, value: float) -> Any:
    """A setting's value of what a curve has: a number within its bounds, or a choice's name."""
    bounds = settings.look_course.LOOK_OPTIONS[name].bounds
    return name_choice(name, round(value)) if bounds is None else min(max(value, bounds.low), bounds.high)


def _thin(name: str, samples: list[tuple[int, Any]]) -> tuple[tuple[int, Any], ...]:
    """Leaves out what follows from the keys beside it; one key where nothing changes."""
    bounds = settings.look_course.LOOK_OPTIONS[name].bounds
    if bounds is None:  # holds from key to key
        return tuple(next(group) for _, group in itertools.groupby(samples, key=lambda one: one[1]))
    kept = {0, len(samples) - 1}
    spans = [(0, len(samples) - 1)]
    while spans:
        first, last = spans.pop()
        (start, low), (stop, high) = samples[first], samples[last]
        off = [
            abs(value - low - (high - low) * (frame - start) / (stop - start))
            for frame, value in samples[first + 1 : last]
        ]
        if off and max(off) > MAX_DEVIATION * (bounds.high - bounds.low):
            middle = first + 1 + off.index(max(off))
            kept.add(middle)
            spans += [(first, middle), (middle, last)]
    keys = tuple(samples[at] for at in sorted(kept))
    return keys if len({value for _, value in keys}) > 1 else keys[:1]


def write_changes(keys: Keys, source: SourceRange, uploaded: UploadedRange) -> list[job_pb2.LookChange]:
    """Keys as the engine's options have them, in frames of its clip, or by time where those aren't even."""
    from recaster.api.v1 import job_pb2

    frames = uploaded.frames
    values: dict[int, dict[str, str]] = defaultdict(dict)
    for name, each in keys:
        for index, value in each:
            frame = frames[min(max(index - source.begin, 0), len(frames) - 1)]
            values[frame][name] = value if isinstance(value, str) else f"{value:.6f}"
    is_timed = uploaded.clip.variable_frame_rate and not source.pictures
    return [
        job_pb2.LookChange(
            range=f"{float(frame / source.rate):.3f}s" if is_timed else str(frame), values=values[frame]
        )
        for frame in sorted(values)
    ]
