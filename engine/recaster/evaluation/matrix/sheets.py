"""Pictures of a shot of the matrix: a sheet of stills through it, and a strip of consecutive frames."""

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

SHEET, STRIP = "sheet.jpg", "strip.jpg"
COLUMNS: Final = 6
CELL: Final = 256


def draw_shot(
    folder: Path,
    wanted: Condition,
    clips: tuple[Path, Path, Path | None, Path | None],
    meshes: Mapping[int, Floats],
    info: ClipInfo,
) -> None:
    """Write a shot's sheet and strip: the target, the swap and the true swap, a row each.

    Args:
        folder: for both.
        wanted: the shot's condition.
        clips: target, swap, matte (not shown) and true swap or None.
        meshes: of the plain shot, by frame.
        info: of the plain shot.

    Raises:
        OutputError: they can't be written.
    """
    count = info.frame_count
    middle = max(count // 2 - COLUMNS // 2, 0)
    chosen = {
        SHEET: np.unique(np.linspace(0, count - 1, COLUMNS).round().astype(int)).tolist(),
        STRIP: list(range(middle, min(middle + COLUMNS, count))),
    }
    images: dict[str, list[Image]] = {SHEET: [], STRIP: []}
    captions: dict[str, list[str]] = {SHEET: [], STRIP: []}
    shown = {"target": clips[0], "swapped": clips[1], "true swap": clips[3]}
    for name, clip in shown.items():
        if clip is not None:
            stills = _stills(clip, wanted, (info.width, info.height), {*chosen[SHEET], *chosen[STRIP]})
            for picture, indices in chosen.items():
                images[picture] += [around_face(stills[index], meshes.get(index)) for index in indices]
                captions[picture] += [f"{name} {index}" for index in indices]
    for picture, indices in chosen.items():
        sheet = contact_sheet(images[picture], len(indices), (CELL, CELL), captions[picture])
        save_image(folder / picture, sheet)


def _stills(clip: Path, wanted: Condition, size: tuple[int, int], indices: set[int]) -> dict[int, Image]:
    frames = islice(plain_frames(clip, wanted, size), max(indices) + 1)
    return {index: image for index, image in enumerate(frames) if index in indices}
