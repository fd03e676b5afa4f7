"""Sheets of the picture matrix: stills through a shot, and a strip of consecutive frames."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final

import numpy as np

from recaster.evaluation.matrix.shots import plain_frames
from recaster.evaluation.pictures import around_face
from recaster.media.sheet import contact_sheet, save_image

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from recaster.evaluation.matrix.conditions import Condition
    from recaster.faces.types import Floats
    from recaster.media.types import ClipInfo, Image

STILLS: Final = 5
STRIP: Final = 4
CELL: Final = 200


def draw_shot(
    path: Path,
    wanted: Condition,
    clips: tuple[Path, Path, Path | None, Path | None],
    meshes: Mapping[int, Floats],
    info: ClipInfo,
) -> None:
    """Write the sheet of a shot: columns of stills, then of neighbouring frames; a row for each clip.

    Args:
        path: the JPEG.
        wanted: the shot's condition.
        clips: target, swap, matte (not shown) and true swap or None.
        meshes: of the plain shot, by frame.
        info: of the plain shot.

    Raises:
        OutputError: it can't be written.
    """
    count = info.frame_count
    middle = min(count // 2, max(count - STRIP, 0))
    chosen = [*np.linspace(0, count - 1, STILLS).round().astype(int).tolist()]
    chosen += range(middle, min(middle + STRIP, count))
    shown = {"target": clips[0], "swapped": clips[1], "true swap": clips[3]}
    images, captions = [], []
    for name, clip in shown.items():
        if clip is not None:
            stills = _stills(clip, wanted, (info.width, info.height), set(chosen))
            images += [around_face(stills[index], meshes.get(index)) for index in chosen]
            captions += [f"{name} {index}" for index in chosen]
    save_image(path, contact_sheet(images, len(chosen), (CELL, CELL), captions))


def _stills(clip: Path, wanted: Condition, size: tuple[int, int], indices: set[int]) -> dict[int, Image]:
    frames = islice(plain_frames(clip, wanted, size), max(indices) + 1)
    return {index: image for index, image in enumerate(frames) if index in indices}
