"""Usual look of the performers of a swap, from which what comes before their faces stands out."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from typing import TYPE_CHECKING, Final

import numpy as np

from recaster.appearance.face_appearance import FINE_PX, compute_reference_appearance, resize_crop
from recaster.appearance.occluders import Occluders
from recaster.faces.alignment import invert
from recaster.faces.topology import POINTS
from recaster.progress import Report, Update, silent
from recaster.swapping.swap_plan import crop_face

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from recaster.appearance.face_appearance import FaceAppearance
    from recaster.faces.types import Floats
    from recaster.media.clip import Clip
    from recaster.media.types import Image
    from recaster.swapping.swap_plan import SwapPlan
    from recaster.swapping.swapper import TrackPlan

REFERENCE_FRAMES: Final = 48
"""Frames of each performer that the usual look is the median of."""
PERSISTENT_FRAMES: Final = 16
"""As many of them, about, are looked into for what is in front of the performer all the time."""
MIN_FRAMES: Final = 5
"""Of a performer who is seen in fewer frames nothing is usual."""


def add_appearance(
    plan: SwapPlan, clip: Clip, available: range, shown: Iterable[range], report: Report = silent
) -> SwapPlan:
    """Adds the usual look of everyone shown whose mesh is known and whose crops are aligned.

    A look depends on its own track, on ``available`` and on the clip, not on what is shown.

    Args:
        available: which frames may be read.
        shown: the frames that will be rendered.
    """
    cheap = clip.find_cheap_indices()
    rows: dict[int, list[tuple[int, int]]] = defaultdict(list)
    # A corrected face looks as it did before: else every frame of it would be another.
    track_plans = dict(enumerate(plan.track_plans)) | dict(plan.found_plans)
    faces = (face for part in shown for frame in part for face in plan.faces_by_frame.get(frame, ()))
    for number in {
        number for number, _ in faces if plan.finds_occluders(number) or plan.keeps_glasses(number)
    }:
        track_plan = track_plans[number]
        for row in _choose_rows(track_plan, available, cheap):
            rows[int(track_plan.frames[row])].append((number, row))
    if not rows:
        return dataclasses.replace(plan, appearances={}, found_plans={})
    crops: dict[int, list[tuple[Image, Floats]]] = defaultdict(list)
    # One pass over the clip for everybody: people of one shot are in the same frames.
    for done, frame in enumerate(clip.read_indices(sorted(rows)), 1):
        for number, row in rows[frame.index]:
            face = crop_face(track_plans[number], plan.sizes[number], row, frame)
            crops[number].append(resize_crop(face.image, face.landmarks, FINE_PX))
        report(Update("looking at faces", done, len(rows)))
    known = {number: faces for number, faces in crops.items() if len(faces) >= MIN_FRAMES}
    if not known:
        return dataclasses.replace(plan, appearances={}, found_plans={})
    occluders = Occluders()
    appearances = {
        number: _build_appearance(occluders, faces, keeps_glasses=plan.keeps_glasses(number))
        for number, faces in known.items()
    }
    return dataclasses.replace(plan, appearances=appearances, found_plans={})


def _build_appearance(
    occluders: Occluders, faces: list[tuple[Image, Floats]], *, keeps_glasses: bool
) -> FaceAppearance:
    """The usual look of a performer, from faces (FINE_PX, FINE_PX, 3) and their meshes."""
    crops, points = zip(*(resize_crop(crop, mesh) for crop, mesh in faces), strict=True)
    some = faces[:: max(1, len(faces) // PERSISTENT_FRAMES)]
    some_crops, some_points = zip(*some, strict=True)
    reference = compute_reference_appearance(np.stack(crops), np.stack(points))
    appearance = occluders.add_persistent(reference, some_crops, some_points)
    return occluders.add_worn(appearance, some_crops, some_points) if keeps_glasses else appearance


def mask_in_frame(
    frame: tuple[int, int], matrix: Floats, size: int, side: int = FINE_PX
) -> NDArray[np.bool_]:
    """Computes where a crop of ``size`` shows a frame of (width, height) and not its border repeated.

    (side, side), or (1, 1) where all of it does.
    """
    # Centres of ``side`` cells across the crop, in its own pixels, whose centres have whole numbers.
    places = np.asarray((np.arange(side) + 0.5) * (size / side) - 0.5)
    back = invert(matrix)
    corners = _is_within(frame, back, places[[0, -1]])
    return np.ones((1, 1), bool) if corners.all() else _is_within(frame, back, places)


def _is_within(frame: tuple[int, int], back: Floats, places: NDArray[np.floating]) -> NDArray[np.bool_]:
    x, y = (axis[0] * places + axis[1] * places[:, None] + axis[2] for axis in back)
    width, height = frame
    return np.asarray((x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1))


def _choose_rows(plan: TrackPlan, available: range, cheap: NDArray[np.int64]) -> list[int]:
    """Chooses the rows that a look is made of: evenly spread, or next to that where it is cheaper."""
    rows = [row for row, frame in enumerate(plan.frames.tolist()) if frame in available]
    if not plan.is_aligned or plan.landmarks.shape[1] != POINTS or len(rows) < MIN_FRAMES:
        return []
    places = np.linspace(0, len(rows) - 1, min(REFERENCE_FRAMES, len(rows))).astype(int)
    reach = np.diff(places).min() / 2  # so none is taken twice
    near = np.flatnonzero(np.isin(plan.frames[rows], cheap))
    for i, place in enumerate(places) if near.size else ():
        other = near[np.abs(near - place).argmin()]
        places[i] = other if abs(other - place) < reach else place
    return [rows[i] for i in places]
