# SPDX-License-Identifier: GPL-3.0-or-later
"""Rendered mask strips brought into a clip's own pixels; without Blender, for threads."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np

from ..grey_pictures import encode_grey, read_grey

if TYPE_CHECKING:
    from pathlib import Path

    from ..picture_place import Placement


def bring_pictures(
    shown: dict[int, Path],
    moments: list[int],
    place: Placement,
    resolution: tuple[int, int],
    folder: Path,
) -> list[Path]:
    """Makes a clip's mask of what a scene shows.

    Args:
        shown: pictures by frames of the timeline; at all others there is no mask.
        moments: the frame of the timeline for each of the clip.
        place: of the clip in the scene.
        resolution: the scene's width and height.
        folder: for the pictures.

    Returns:
        A picture for each of the clip's frames.
    """
    folder.mkdir(exist_ok=True)
    warp = _Warp.of(place, resolution)
    width, height = place.clip
    nothing = encode_grey(np.zeros((height, width), np.uint8))
    made = []
    for moment, numbers in itertools.groupby(range(len(moments)), key=moments.__getitem__):
        picture = shown.get(moment)
        encoded = nothing
        if picture is not None:
            encoded = encode_grey(np.rint(warp.bring(read_grey(picture)) * 255).astype(np.uint8))
        for number in numbers:
            made.append(folder / f"{number:06d}.png")
            made[-1].write_bytes(encoded)
    return made


class _Warp:
    """Brings what a scene shows into a clip's pixels, by straight lines between four of the scene's."""

    def __init__(self, rows: np.ndarray, columns: np.ndarray) -> None:
        self.rows = rows
        self.columns = columns

    @classmethod
    def of(cls, placement: Placement, resolution: tuple[int, int]) -> _Warp:
        """Makes it for a strip's place in the preview of a scene."""
        width, height = placement.clip
        origin, right, down = (np.array(placement.to_view(at)) for at in ((0, 0), (1, 0), (0, 1)))
        xs, ys = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
        x, y = (origin[at] + xs * (right[at] - origin[at]) + ys * (down[at] - origin[at]) for at in (0, 1))
        columns = x / placement.aspect + resolution[0] / 2 - 0.5
        return cls(resolution[1] / 2 - y - 0.5, columns)

    def bring(self, shown: np.ndarray) -> np.ndarray:
        """The clip's pixels of a scene's (height, width); 0 outside of it."""
        around = np.pad(shown, 1)
        rows = np.clip(self.rows + 1, 0, around.shape[0] - 1.001)
        columns = np.clip(self.columns + 1, 0, around.shape[1] - 1.001)
        top = rows.astype(int)
        left = columns.astype(int)
        down = rows - top
        across = columns - left
        upper = around[top, left] * (1 - across) + around[top, left + 1] * across
        lower = around[top + 1, left] * (1 - across) + around[top + 1, left + 1] * across
        return upper * (1 - down) + lower * down
