"""Course of glasses' lines, learned from some frames of a shot.

Where a line runs is the path along which one is there in all frames (active contours by dynamic programming;
Amini, Weymouth and Jain, 1990), and how broad it is shows in the median of what is seen across it.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np

from recaster.appearance import glasses_lines
from recaster.appearance.glasses_lines import PROFILE_REACH, RADII, SAMPLE_PX, SMOOTH_POINTS, Line, Lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from recaster.appearance.glasses_lines import Head
    from recaster.faces.types import Floats, Floats32

_MAX_OFF: Final = 12  # samples to either side that a line's course may be off by before it is learned
_STEP_COST: Final = 0.15  # cost of a line's step to the side by one sample
_MAX_STEP: Final = 2  # samples of such a step
_OFF_COST: Final = 0.2  # cost of a line that is as far from the first guess as it may be
_CLEAR_RADIUS: Final = 8
"""Radius of rims that are seen clearly; narrower ones are taken for each other's mirror pictures."""
_COURSE_POINTS: Final = 1.0  # points over which a course is smooth
_MAX_WIDTH_RATIO: Final = 1.4  # a line is nowhere so many times broader, or narrower, than it usually is
_BESIDE: Final = 0.7  # share of the greatest difference from a line from which on a place is beside it


def learn_lines(first: Sequence[Line], pictures: Sequence[Floats32], heads: Sequence[Head]) -> Lines:
    """Learns the lines near a first guess that are there in all of some frames.

    The guess is both rims, which mirror each other, and whatever else there is; pictures are as for
    ``Lines.find``.
    """
    unit = float(np.mean([head.unit for head in heads]))
    guess = Lines(tuple(first), np.zeros((sum(len(line.points) for line in first), 2)))
    rims = sum(len(line.points) for line in first[:2])
    led = _follow_lines(guess, pictures, heads, unit)
    # Broad brows and shadows are no lines where the rims are thin: so once more, now that this is known.
    usual = np.median(_measure_radii(_median_profiles(led, pictures, heads))[:rims])
    narrow = dataclasses.replace(guess, radii=tuple(radius for radius in RADII if radius <= usual))
    led = _follow_lines(narrow, pictures, heads, unit)
    led = dataclasses.replace(led, profiles=_median_profiles(led, pictures, heads))
    led = _follow_lines(led, pictures, heads, unit)
    led = dataclasses.replace(led, profiles=_median_profiles(led, pictures, heads))
    return dataclasses.replace(
        led, widths=_measure_widths(_median_profiles(led, pictures, heads), led, rims) / unit
    )


def _follow_lines(lines: Lines, pictures: Sequence[Floats32], heads: Sequence[Head], unit: float) -> Lines:
    """Moves lines to where one is in all frames, along their normals in the plane of the face."""
    seen = _sample_frames(lines, pictures, heads, _MAX_OFF + PROFILE_REACH)
    evidence = [
        glasses_lines.line_strength(frame, lines.radii)[:, PROFILE_REACH:-PROFILE_REACH] for frame in seen
    ]
    there = np.mean(evidence, 0) - _OFF_COST * glasses_lines.squared_offsets(_MAX_OFF)
    each = [part for part, _ in lines.split(there)]
    mirrored = (len(each[0]) // 2 - np.arange(len(each[0]))) % len(each[0])
    if max(lines.radii) < _CLEAR_RADIUS:  # two faint rims tell more together
        each[0] = (each[0] + each[1][mirrored]) / 2
        each[1] = each[0][mirrored]
    led = []
    for line, evidence_along in zip(lines.lines, each, strict=True):
        offsets = (_best_path(evidence_along, line.closed) - _MAX_OFF) * (SAMPLE_PX / unit)
        aside = glasses_lines.smooth_along(offsets, _COURSE_POINTS, line.closed)
        points = line.points.copy()
        points[:, :2] += glasses_lines.line_normals(points[:, :2], line.closed) * aside[:, None]
        led.append(Line(points, line.closed))
    return dataclasses.replace(lines, lines=tuple(led))


def _sample_frames(lines: Lines, pictures: Sequence[Floats32], heads: Sequence[Head], reach: int) -> Floats32:
    """Samples across each line where it is found in each frame, (frames, M, 2 * reach + 1, 3 or 4)."""
    seen = []
    for picture, head in zip(pictures, heads, strict=True):
        found = lines.find(picture, head)
        seen.append(glasses_lines.sample_across(picture, np.concatenate(found), lines.normals(found), reach))
    return np.stack(seen)


def _median_profiles(lines: Lines, pictures: Sequence[Floats32], heads: Sequence[Head]) -> Floats32:
    """Median of what is seen across each line, (M, 2 * PROFILE_REACH + 1, 3)."""
    return np.median(_sample_frames(lines, pictures, heads, PROFILE_REACH)[..., :3], 0)


def _best_path(there: Floats, closed: bool) -> NDArray[np.int64]:
    """Column in each row of (N, K) along which a line is there most, without jumps."""
    rows = np.concatenate([there, there]) if closed else there
    count, width = rows.shape
    steps = np.arange(-_MAX_STEP, _MAX_STEP + 1)
    cost = _STEP_COST * np.abs(steps)[:, None]
    best = rows[0]
    came = np.zeros((count, width), np.int64)
    for i in range(1, count):
        wide = np.pad(best, _MAX_STEP, constant_values=-1e9)
        reached = np.stack([wide[j : j + width] for j in range(len(steps))]) - cost
        came[i] = reached.argmax(0)
        best = rows[i] + reached.max(0)
    path = np.zeros(count, np.int64)
    path[-1] = best.argmax()
    for i in range(count - 1, 0, -1):
        path[i - 1] = path[i] + steps[came[i, path[i]]]
    half = len(there) // 2  # of a closed line the middle of two rounds knows nothing of an end
    return np.r_[path[len(there) : len(there) + half], path[half : len(there)]] if closed else path


def _measure_widths(seen: Floats32, lines: Lines, rims: int) -> Floats:
    """Measures the pixels that lines reach to either side, (M, 2): halfway to what is beside them."""
    middle = seen.shape[1] // 2
    radius = np.minimum(_measure_radii(seen), max(lines.radii))
    core = seen[:, middle - 1 : middle + 2].mean(1)
    sides = []
    for way in (-1, 1):
        beside = seen[np.arange(len(seen)), middle + way * np.minimum(radius, middle)]
        half = np.linalg.norm(core - beside, axis=-1) / 2
        off = np.linalg.norm(seen - beside[:, None], axis=-1) > half[:, None]
        inside = off[:, middle::way] & (np.arange(middle + 1) <= radius[:, None])
        sides.append((middle - inside[:, ::-1].argmax(1) + 0.5) * SAMPLE_PX)
    widths = np.stack(sides, -1)
    usual = np.median(widths[:rims], 0)
    widths = np.clip(widths, usual / _MAX_WIDTH_RATIO, usual * _MAX_WIDTH_RATIO)
    return np.concatenate(
        [
            np.stack([glasses_lines.smooth_along(side, SMOOTH_POINTS, line.closed) for side in part.T], -1)
            for part, line in lines.split(widths)
        ]
    )


def _measure_radii(seen: Floats32) -> NDArray[np.int64]:
    """Measures the samples to what is beside each line: where it differs most."""
    middle = seen.shape[1] // 2
    differences = []
    for radius in RADII:
        reach = min(radius, middle)
        core = seen[:, middle - int(0.3 * radius) : middle + int(0.3 * radius) + 1].mean(1)
        before, after = (np.linalg.norm(seen[:, middle + way * reach] - core, axis=-1) for way in (-1, 1))
        differences.append(np.minimum(before, after))
    strength = np.stack(differences, 1)
    enough = strength > _BESIDE * strength.max(1, keepdims=True)
    return np.array(RADII)[enough.argmax(1)]
