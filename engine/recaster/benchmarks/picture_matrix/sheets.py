"""Pictures of the matrix: of each shot stills and consecutive frames, and one frame of all shots."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final

from recaster.benchmarks.picture_matrix.shots import plain_frames
from recaster.evaluation.nan_stats import spread_indices
from recaster.evaluation.stills import around_face
from recaster.media.sheet import contact_sheet, load_image, save_image

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from recaster.benchmarks.picture_matrix.conditions import Condition
    from recaster.faces.types import Floats
    from recaster.media.types import ClipInfo, Image

SHEET = "sheet.jpg"
STRIP = "strip.jpg"
STILL = "still.jpg"
OVERVIEW = "overview.jpg"
COLUMNS: Final = 6
CELL: Final = 256
SMALL: Final = 144
"""Pixels of a face in the overview."""
IN_ROW: Final = 11
"""Shots in a row of it."""


def draw_shot(
    folder: Path,
    wanted: Condition,
    clips: tuple[Path, Path, Path | None, Path | None],
    meshes: Mapping[int, Floats],
    info: ClipInfo,
) -> None:
    """Writes a shot's sheet, strip and still: target, swap and true swap, a row each (OutputError).

    Args:
        clips: target, swap, matte (not shown) and true swap or None.
        meshes, info: of the plain shot; the meshes by frame.
    """
    count = info.frame_count
    middle = max(count // 2 - COLUMNS // 2, 0)
    chosen = {
        SHEET: spread_indices(count, COLUMNS),
        STRIP: list(range(middle, min(middle + COLUMNS, count))),
        STILL: [count // 2],
    }
    images: dict[str, list[Image]] = {picture: [] for picture in chosen}
    captions: dict[str, list[str]] = {picture: [] for picture in chosen}
    indices = {index for some in chosen.values() for index in some}
    for name, clip in (("target", clips[0]), ("swapped", clips[1]), ("true swap", clips[3])):
        if clip is not None:
            stills = _stills(clip, wanted, (info.width, info.height), indices)
            for picture, some in chosen.items():
                images[picture] += [around_face(stills[index], meshes.get(index)) for index in some]
                captions[picture] += [f"{name} {index}" for index in some]
    for picture, some in chosen.items():
        texts = None if picture == STILL else captions[picture]
        save_image(folder / picture, contact_sheet(images[picture], len(some), (CELL, CELL), texts))


def draw_overview(out: Path, shots: Mapping[str, Path]) -> bool:
    """Writes the middle frame of every shot: target, swap and true swap below each other (OutputError).

    Shots without a still are left out; returns True where there was any.
    """
    stills = {name: folder / STILL for name, folder in shots.items() if (folder / STILL).is_file()}
    if not stills:
        return False
    images = [load_image(still) for still in stills.values()]
    tallest = max(image.shape[0] / image.shape[1] for image in images)
    cell = (SMALL, round(SMALL * tallest))
    save_image(out, contact_sheet(images, min(IN_ROW, len(images)), cell, list(stills)))
    return True


def _stills(clip: Path, wanted: Condition, size: tuple[int, int], indices: set[int]) -> dict[int, Image]:
    frames = itertools.islice(plain_frames(clip, wanted, size), max(indices) + 1)
    return {index: image for index, image in enumerate(frames) if index in indices}
