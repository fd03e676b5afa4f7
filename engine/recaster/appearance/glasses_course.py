"""The course of glasses' lines, learned from some frames of a shot.

Where a line runs is the path along which one is there in all frames (active contours by dynamic programming;
Amini, Weymouth and Jain, 1990), and how broad it is shows in the median of what is seen across it.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np

from recaster.appearance.glasses_lines import (
    ACROSS,
    RADII,
    SMOOTH,
    STEP,
    Line,
    Lines,
    normals,
    profiles,
    smoothed,
    squared_offsets,
    strengths,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from recaster.appearance.glasses_lines import Head
    from recaster.faces.types import Floats

    Picture = NDArray[np.float32]

_COURSE: Final = 12
"""Samples to either side that a line's course may be off by before it is learned."""
_BEND: Final = 0.15
"""What a step of a line to the side costs."""
_MAX_BEND: Final = 2
"""How many samples such a step may be long."""
_LEAVE: Final = 0.2
"""What it costs a line to be as far from the first guess as it may."""
_CLEAR: Final = 8
"""Rims of this radius are seen clearly; narrower ones are taken for each other's mirror pictures."""
_EVEN: Final = 1.0
"""Points over which a course is smooth."""
_UNEVEN: Final = 1.4
"""A line is nowhere so many times broader, or narrower, than it usually is."""
_MOST: Final = 0.7
"""What is beside a line is seen where it differs by so much of the most."""


def learned(first: Sequence[Line], pictures: Sequence[Picture], heads: Sequence[Head]) -> Lines:
    """The lines near a first guess that are there in all of some frames.

    Args:
        first: both rims, which mirror each other, and whatever else there is.
        pictures: the frames, as for ``Lines.found``.
        heads: where the head is in each.
    """
    unit = float(np.mean([head.unit for head in heads]))
    guess = Lines(tuple(first), np.zeros((sum(len(line.points) for line in first), 2)))
    rims = sum(len(line.points) for line in first[:2])
    led = _led(guess, pictures, heads, unit)
    # Broad brows and shadows are no lines where the rims are thin: so once more, now that this is known.
    usual = np.median(_radius(_usual(led, pictures, heads))[:rims])
    narrow = dataclasses.replace(guess, radii=tuple(one for one in RADII if one <= usual))
    led = _led(narrow, pictures, heads, unit)
    led = dataclasses.replace(led, profiles=_usual(led, pictures, heads))
    led = _led(led, pictures, heads, unit)
    led = dataclasses.replace(led, profiles=_usual(led, pictures, heads))
    return dataclasses.replace(led, widths=_widths(_usual(led, pictures, heads), led, rims) / unit)


def _led(lines: Lines, pictures: Sequence[Picture], heads: Sequence[Head], unit: float) -> Lines:
    """Lines moved to where one is in all frames, along their normals in the plane of the face."""
    seen = _aligned(lines, pictures, heads, _COURSE + ACROSS)
    there = np.mean([strengths(one, lines.radii)[:, ACROSS:-ACROSS] for one in seen], 0)
    there = there - _LEAVE * squared_offsets(_COURSE)
    each = [one for one, _ in lines.each(there)]
    mirrored = (len(each[0]) // 2 - np.arange(len(each[0]))) % len(each[0])
    if max(lines.radii) < _CLEAR:
        each[0] = (each[0] + each[1][mirrored]) / 2
        each[1] = each[0][mirrored]
    led = []
    for line, one in zip(lines.lines, each, strict=True):
        aside = smoothed((_path(one, line.closed) - _COURSE) * (STEP / unit), _EVEN, line.closed)
        points = line.points.copy()
        points[:, :2] += normals(points[:, :2], line.closed) * aside[:, None]
        led.append(Line(points, line.closed))
    return dataclasses.replace(lines, lines=tuple(led))


def _aligned(lines: Lines, pictures: Sequence[Picture], heads: Sequence[Head], reach: int) -> Picture:
    """What is seen across each line where it is found, (frames, M, 2 * reach + 1, 3 or 4)."""
    seen = []
    for picture, head in zip(pictures, heads, strict=True):
        found = lines.found(picture, head)
        seen.append(profiles(picture, np.concatenate(found), lines.across(found), reach))
    return np.stack(seen)


def _usual(lines: Lines, pictures: Sequence[Picture], heads: Sequence[Head]) -> Picture:
    """The median of what is seen across each line, (M, 2 * ACROSS + 1, 3)."""
    return np.asarray(np.median(_aligned(lines, pictures, heads, ACROSS)[..., :3], 0))


def _path(there: Floats, closed: bool) -> NDArray[np.int64]:
    """The column in each row of (N, K) along which a line is there most, without jumps."""
    rows = np.concatenate([there, there]) if closed else there
    count, width = rows.shape
    steps = np.arange(-_MAX_BEND, _MAX_BEND + 1)
    cost = _BEND * np.abs(steps)[:, None]
    best, came = rows[0], np.zeros((count, width), np.int64)
    for i in range(1, count):
        wide = np.pad(best, _MAX_BEND, constant_values=-1e9)
        reached = np.stack([wide[j : j + width] for j in range(len(steps))]) - cost
        came[i] = reached.argmax(0)
        best = rows[i] + reached.max(0)
    path = np.zeros(count, np.int64)
    path[-1] = best.argmax()
    for i in range(count - 1, 0, -1):
        path[i - 1] = path[i] + steps[came[i, path[i]]]
    half = len(there) // 2  # of a closed line the middle of two rounds knows nothing of an end
    return np.r_[path[len(there) : len(there) + half], path[half : len(there)]] if closed else path


def _widths(seen: Picture, lines: Lines, rims: int) -> Floats:
    """Pixels that lines reach to either side of their points, (M, 2): halfway to what is beside them."""
    middle = seen.shape[1] // 2
    radius = np.minimum(_radius(seen), max(lines.radii))
    core, sides = seen[:, middle - 1 : middle + 2].mean(1), []
    for way in (-1, 1):
        beside = seen[np.arange(len(seen)), middle + way * np.minimum(radius, middle)]
        half = np.linalg.norm(core - beside, axis=-1) / 2
        off = np.linalg.norm(seen - beside[:, None], axis=-1) > half[:, None]
        inside = off[:, middle::way] & (np.arange(middle + 1) <= radius[:, None])
        sides.append((middle - inside[:, ::-1].argmax(1) + 0.5) * STEP)
    widths = np.stack(sides, -1)
    usual = np.median(widths[:rims], 0)
    widths = np.clip(widths, usual / _UNEVEN, usual * _UNEVEN)
    return np.concatenate(
        [
            np.stack([smoothed(side, SMOOTH, line.closed) for side in one.T], -1)
            for one, line in lines.each(widths)
        ]
    )


def _radius(seen: Picture) -> NDArray[np.int64]:
    """Samples to what is beside each line: where it differs most."""
    middle = seen.shape[1] // 2
    found = []
    for radius in RADII:
        reach = min(radius, middle)
        core = seen[:, middle - int(0.3 * radius) : middle + int(0.3 * radius) + 1].mean(1)
        one, other = (np.linalg.norm(seen[:, middle + way * reach] - core, axis=-1) for way in (-1, 1))
        found.append(np.minimum(one, other))
    strength = np.stack(found, 1)
    enough = strength > _MOST * strength.max(1, keepdims=True)
    return np.array(RADII)[enough.argmax(1)]
