"""Frames in which the light on faces is measured: every second one, and wherever it changes.

Light that changes slowly is what the average over neighbouring frames makes of the others. Which frames are
measured follows from the pictures of their own group, so that it doesn't depend on where a render began.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from recaster.faces.types import Floats32
    from recaster.media.types import Image

_CELLS: Final = 8  # along each side of a crop
_FACE: Final = slice(1, 7)  # those in the middle of it, which a face fills
_DARK_OFFSET: Final = 8.0  # grey levels added before a ratio is taken: in the dark it would be of noise
_CHANGED_SHARE: Final = 0.25
"""Share of the cells that change where light does; eyes that shut are less."""
_MAX_CHANGE: Final = 0.03  # change of a cell in its channels (logarithm) up to which light is the same
_MAX_LAST_CHANGE: Final = 0.015
"""The same before a group's last frame: what comes after it isn't known."""
_NEAR: Final = 2  # frames to either side that have much of a share in the average


def find_measured(crops: Sequence[Mapping[int, Image]]) -> set[tuple[int, int]]:
    """Finds the faces of a group whose light is measured, as pairs of their place in it and their number.

    Args:
        crops: of each frame, the pictures (size, size, 3) of its faces by number, aligned alike.
    """
    cells = [{number: _describe(image) for number, image in faces.items()} for faces in crops]
    return {
        (at, number)
        for at, faces in enumerate(cells)
        for number in faces
        if at % 2 == 0 or not _is_steady([faces.get(number) for faces in cells], at)
    }


def _describe(image: Image) -> Floats32:
    """Logarithms of the colours (cells, 3) of a face."""
    small = cv2.resize(image, (_CELLS, _CELLS), interpolation=cv2.INTER_AREA).astype(np.float32)
    # Light is on many cells together, what moves is not.
    small = cv2.blur(small, (3, 3))
    return np.log(small[_FACE, _FACE].reshape(-1, 3) + _DARK_OFFSET)


def _is_steady(course: Sequence[Floats32 | None], at: int) -> bool:
    """Tells whether a face's light is the same in a frame and those of its group that are near."""
    if course[at - 1] is None:
        return False
    near = course[max(at - _NEAR, 0) : at + _NEAR + 1]
    has_next = at + 1 < len(course) and course[at + 1] is not None
    limit = _MAX_CHANGE if has_next else _MAX_LAST_CHANGE
    return not any(_has_changed(*pair, limit) for pair in itertools.pairwise(near))


def _has_changed(one: Floats32 | None, other: Floats32 | None, limit: float) -> bool:
    """Tells whether light may have changed from one frame to another, if both show the face."""
    if one is None or other is None:
        return False
    changes = np.abs(one - other).max(-1)
    return bool(np.count_nonzero(changes > limit) >= _CHANGED_SHARE * len(changes))
