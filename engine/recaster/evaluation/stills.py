"""Sheets of an evaluation: stills through the clip, and the frames that came out worst."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import cv2
import numpy as np

from recaster.evaluation.measures import MEASURES
from recaster.evaluation.nan_stats import rounded, spread_indices
from recaster.evaluation.observe import points_by_frame
from recaster.media.reader import read_frames
from recaster.media.sheet import contact_sheet, save_image

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from recaster.faces.types import FaceTrack, Floats
    from recaster.media.types import Image

STILLS: Final = 8
MAX_WORST: Final = 10
MIN_GAP_FRAMES: Final = 5
"""Frames between two of the worst: neighbours look alike."""
CELL_PX: Final = 220
CROP_SIDE: Final = 1.5
"""Side of the square around a face, in heights of the face."""
DIFFERENCE_GAIN: Final = 4
"""Enlargement of the difference of two pictures, so that an eye sees it."""


@dataclass(frozen=True)
class Worst:
    """A frame that came out badly, by its index in the original, and which value is worst there."""

    frame: int
    because: str
    value: float

    def as_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {"frame": self.frame, "because": self.because, "value": rounded(self.value)}


def worst_frames(values: Mapping[str, Floats], frames: range) -> tuple[Worst, ...]:
    """Finds the frames that stick out most from the clip's own middle, worst first.

    How far out a value is: its distance from the median in its bad direction, over the median absolute
    deviation; a frame is as bad as its worst value.

    Args:
        values: name to (T,) float64; only names that ``MEASURES`` gives a direction count.
        frames: indices of the T frames.
    """
    names = [name for name in values if name in MEASURES and MEASURES[name].better in ("higher", "lower")]
    if not names or not frames:
        return ()
    out = np.stack([_outlying(values[name], MEASURES[name].better) for name in names])
    badness = out.max(axis=0)
    reason = out.argmax(axis=0)
    chosen: list[int] = []
    for at in np.argsort(-badness, kind="stable").tolist():
        if badness[at] <= 0 or len(chosen) == MAX_WORST:
            break
        if all(abs(at - other) >= MIN_GAP_FRAMES for other in chosen):
            chosen.append(at)
    return tuple(Worst(frames[at], names[reason[at]], float(values[names[reason[at]]][at])) for at in chosen)


def _outlying(values: Floats, better: str) -> Floats:
    """Computes deviations from the median in the bad direction; 0 where nothing was measured."""
    if np.isnan(values).all():
        return np.zeros(len(values))
    apart = values - np.nanmedian(values)
    scale = np.nanmedian(np.abs(apart)) or np.nanstd(apart) or 1.0
    return np.nan_to_num((apart if better == "lower" else -apart) / scale, nan=0.0)


def draw_sheet(path: Path, clips: Sequence[Path], tracks: Sequence[FaceTrack], frames: range) -> None:
    """Writes stills through the clip, a row each for original, swap, truth and difference (OutputError)."""
    where = points_by_frame(tracks)
    shown = [index for index in frames if index in where] or list(frames)
    chosen = [shown[at] for at in spread_indices(len(shown), STILLS)]
    _draw(path, clips, where, frames, [(index, f"frame {index}") for index in chosen])


def draw_worst(
    path: Path, clips: Sequence[Path], tracks: Sequence[FaceTrack], frames: range, worst: Sequence[Worst]
) -> None:
    """Writes the worst frames, each under what is wrong with it (OutputError)."""
    named = [(w.frame, f"{w.frame}: {MEASURES[w.because].title.lower()} {w.value:.3g}") for w in worst]
    _draw(path, clips, points_by_frame(tracks), frames, named or [(frames.start, "nothing stands out")])


def _draw(
    path: Path,
    clips: Sequence[Path],
    where: Mapping[int, Floats],
    frames: range,
    chosen: Sequence[tuple[int, str]],
) -> None:
    starts = [frames.start, 0, frames.start]
    columns = []
    for index, _ in chosen:
        offset = index - frames.start
        images = [_still(clip, start + offset) for clip, start in zip(clips, starts, strict=False)]
        shown = [around_face(image, where.get(index)) for image in images]
        columns.append([*shown, _difference(shown)])
    against = "truth" if len(clips) == 3 else "original"
    names = [*("original", "swapped", "truth")[: len(clips)], f"swapped - {against} x{DIFFERENCE_GAIN}"]
    images = [image for row in zip(*columns, strict=True) for image in row]
    captions = [caption if row == 0 else name for row, name in enumerate(names) for _, caption in chosen]
    save_image(path, contact_sheet(images, len(chosen), (CELL_PX, CELL_PX), captions))


def _still(clip: Path, index: int) -> Image:
    return next(iter(read_frames(clip, index, index + 1))).image


def around_face(image: Image, points: Floats | None) -> Image:
    """Cuts out the square around a face; the whole picture where there is none."""
    if points is None:
        return image
    low = points[:, :2].min(axis=0)
    high = points[:, :2].max(axis=0)
    half = CROP_SIDE * (high - low).max() / 2
    left, top = np.maximum((low + high) / 2 - half, 0).astype(int)
    right, bottom = np.ceil((low + high) / 2 + half).astype(int)
    return image[top : max(bottom, top + 1), left : max(right, left + 1)]


def _difference(images: Sequence[Image]) -> Image:
    """Draws the swap's distance from the truth, or without one from the original: grey is none."""
    other = images[2] if len(images) == 3 else images[0]
    moved = images[1].astype(np.int16) - other
    return cv2.convertScaleAbs(np.clip(128 + DIFFERENCE_GAIN * moved, 0, 255))
