"""How the performers of a scene usually look, so that what comes before their faces is seen."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from typing import TYPE_CHECKING, Final

import numpy as np

from recaster.appearance.occluders import FINE_PX, Occluders, compute_reference_appearance, resize_crop
from recaster.faces.alignment import invert
from recaster.faces.topology import POINTS
from recaster.progress import Report, Update, silent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

    from recaster.appearance.occluders import FaceAppearance
    from recaster.faces.types import Floats
    from recaster.media.types import Frame, Image
    from recaster.swapping.swap_plan import SwapPlan
    from recaster.swapping.swapper import TrackPlan

LOOKS: Final = 48
"""Frames of each performer that the usual look is the median of."""
LOOKED_INTO: Final = 16
"""As many of them, about, are looked at for what is in front of the performer all the time."""
FEWEST: Final = 5
"""Of a performer who is seen in fewer frames nothing is usual."""


def add_appearance(
    scene: SwapPlan,
    read: Callable[[Sequence[int]], Iterable[Frame]],
    available: range,
    shown: Iterable[range],
    size: int,
    report: Report = silent,
    quick: NDArray[np.int64] | None = None,
) -> SwapPlan:
    """The scene with the usual look of everyone shown whose mesh is known and whose crops are aligned.

    A look depends on its own track, on ``available`` and on ``quick``, not on what is shown.

    Args:
        scene: whose faces are swapped.
        read: the clip's frames with the given indices, ascending.
        available: which frames may be looked at.
        shown: the frames that will be rendered.
        size: side of the crops in pixels.
        report: told about every frame.
        quick: indices of frames that are read without many others, ascending.
    """
    quick = np.zeros(0, np.int64) if quick is None else quick
    rows: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for number in {number for part in shown for frame in part for number, _ in scene.places.get(frame, ())}:
        plan = scene.plans[number]
        for row in _chosen(plan, available, quick):
            rows[int(plan.frames[row])].append((number, row))
    gathered: dict[int, list[tuple[Image, Floats]]] = defaultdict(list)
    for done, frame in enumerate(read(sorted(rows)), 1):
        for number, row in rows[frame.index]:
            face = scene.face(number, row, frame, size)
            gathered[number].append(resize_crop(face.image, face.landmarks, FINE_PX))
        report(Update("looking at faces", done, len(rows)))
    known = {number: faces for number, faces in gathered.items() if len(faces) >= FEWEST}
    finder = Occluders() if known else None
    looks = {number: _look(finder, faces) for number, faces in known.items() if finder is not None}
    return dataclasses.replace(scene, looks=looks)


def _look(finder: Occluders, faces: list[tuple[Image, Floats]]) -> FaceAppearance:
    """The usual look of a performer, from faces (FINE, FINE, 3) and their meshes."""
    crops, points = zip(*(resize_crop(crop, mesh) for crop, mesh in faces), strict=True)
    some = faces[:: max(1, len(faces) // LOOKED_INTO)]
    crops_there, points_there = zip(*some, strict=True)
    return finder.add_persistent(
        compute_reference_appearance(np.stack(crops), np.stack(points)), crops_there, points_there
    )


def in_frame(frame: tuple[int, int], matrix: Floats, size: int, side: int = FINE_PX) -> NDArray[np.bool_]:
    """Where a crop of ``size`` shows a frame of (width, height) and not its border repeated.

    (side, side), or (1, 1) where all of it does.
    """
    places, back = np.asarray((np.arange(side) + 0.5) * (size / side) - 0.5), invert(matrix)
    corners = _within(frame, back, places[[0, -1]])
    return np.ones((1, 1), bool) if corners.all() else _within(frame, back, places)


def _within(frame: tuple[int, int], back: Floats, places: NDArray[np.floating]) -> NDArray[np.bool_]:
    x, y = (axis[0] * places + axis[1] * places[:, None] + axis[2] for axis in back)
    width, height = frame
    return np.asarray((x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1))


def _chosen(plan: TrackPlan, available: range, quick: NDArray[np.int64]) -> list[int]:
    """The rows of a plan that its look is made of: evenly spread, or next to that where it is quicker."""
    rows = [row for row, frame in enumerate(plan.frames.tolist()) if frame in available]
    if not plan.aligned or plan.landmarks.shape[1] != POINTS or len(rows) < FEWEST:
        return []
    places = np.linspace(0, len(rows) - 1, min(LOOKS, len(rows))).astype(int)
    reach = np.diff(places).min() / 2  # so none is taken twice
    near = np.flatnonzero(np.isin(plan.frames[rows], quick))
    for i, place in enumerate(places) if near.size else ():
        other = near[np.abs(near - place).argmin()]
        places[i] = other if abs(other - place) < reach else place
    return [rows[i] for i in places]
