"""Usual look of the performers of a swap, from which what comes before their faces stands out."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np

from recaster.appearance.face_appearance import FINE_PX
from recaster.faces.alignment import invert
from recaster.faces.topology import POINTS
from recaster.processes.executor import LocalExecutor, current_executor
from recaster.processes.pieces import make_missing
from recaster.progress import Report, Update, silent
from recaster.swapping.appearance_pieces import MIN_FRAMES, LookFrames, LookWork, learn_looks, split_looks

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from recaster.appearance.face_appearance import FaceAppearance
    from recaster.faces.types import Floats
    from recaster.media.clip import Clip
    from recaster.swapping.appearance_pieces import Learned
    from recaster.swapping.swap_plan import SwapPlan
    from recaster.swapping.swapper import TrackPlan

REFERENCE_FRAMES: Final = 48
"""Frames of each performer that the usual look is the median of."""
MIN_TRACKS_PER_PROCESS: Final = 4
"""A process takes as long to start as to learn one look."""


def add_appearance(
    plan: SwapPlan,
    clip: Clip,
    available: range,
    shown: Iterable[range],
    report: Report = silent,
    folder: Path | None = None,
    processes: int | None = 1,
) -> SwapPlan:
    """Adds the usual look of everyone shown whose mesh is known and whose crops are aligned.

    A look depends on its own track, on ``available`` and on the clip, not on what is shown, nor on the number
    of processes.

    Args:
        available: which frames may be read.
        shown: the frames that will be rendered.
        folder: where what was learned is kept, so that an interrupted swap goes on; None keeps nothing.
        processes: how many learn; None for as many as pay. Without a folder this one does.
    """
    numbers = {number for part in shown for at in part for number, _ in plan.faces_by_frame.get(at, ())}
    # A corrected face looks as it did before: else every frame of it would be another.
    track_plans = dict(enumerate(plan.track_plans)) | dict(plan.found_plans)
    cheap = clip.find_cheap_indices()
    faces = [
        LookFrames(number, track_plans[number], rows, plan.sizes[number], plan.keeps_glasses(number))
        for number in sorted(numbers)
        if plan.finds_occluders(number) or plan.keeps_glasses(number)
        if (rows := _choose_rows(track_plans[number], available, cheap))
    ]
    learned = _learn(clip, faces, report, folder, processes)
    appearances = {face.number: learned[face] for face in faces if face in learned}
    return dataclasses.replace(plan, appearances=appearances, found_plans={})


def _learn(
    clip: Clip, faces: Sequence[LookFrames], report: Report, folder: Path | None, processes: int | None
) -> Learned:
    """Learns looks: here in one pass where they are few, else by pieces."""
    done = 0

    def tell(done: int, total: int) -> None:
        report(Update("looking at faces", done, total))

    executor = current_executor() if processes is None else LocalExecutor()
    is_alone = executor.is_local and (processes or 1) == 1 and len(faces) < 2 * MIN_TRACKS_PER_PROCESS
    if folder is None or is_alone or not faces:
        total = len({frame for face in faces for frame in face.frames})

        def tick() -> None:
            nonlocal done
            done += 1
            tell(done, total)

        return dict(learn_looks(clip, faces, tick))
    work = LookWork(clip, folder)
    pieces = split_looks(faces)
    useful = len(faces) // MIN_TRACKS_PER_PROCESS
    learned: dict[LookFrames, FaceAppearance] = {}
    while pieces:
        make_missing(work, pieces, lambda piece: len(piece.frames), tell, processes, useful)
        found = [(piece, work.load(piece)) for piece in pieces]
        for _, looks in found:
            learned |= looks or {}
        pieces = [piece for piece, looks in found if looks is None]
    return learned


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
