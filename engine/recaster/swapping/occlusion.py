"""How the performers of a scene usually look, so that what comes before their faces is seen."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np

from recaster.faces.topology import POINTS
from recaster.likeness.occluders import usual_look

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from recaster.media.types import Frame
    from recaster.swapping.scene import Scene

LOOKS: Final = 48
"""Frames of each performer that the usual look is the median of."""
FEWEST: Final = 5
"""Of a performer who is seen in fewer frames nothing is usual."""
_SEEK: Final = 32
"""Frames that are farther apart are read one by one, nearer ones in one go."""


def looked_at(
    scene: Scene, read: Callable[[int, int], Iterable[Frame]], available: range, size: int
) -> Scene:
    """The scene with the usual look of everyone whose mesh is known.

    Args:
        scene: whose faces are swapped.
        read: the clip's frames from a first index to before a last one.
        available: which frames may be looked at.
        size: side of the crops in pixels.
    """
    looks = {}
    for number, plan in enumerate(scene.plans):
        frames = [frame for frame in plan.frames.tolist() if frame in available]
        if plan.landmarks.shape[1] != POINTS or len(frames) < FEWEST:
            continue
        chosen = np.linspace(0, len(frames) - 1, min(LOOKS, len(frames))).astype(int)
        faces = [
            scene.faces(frame.index, frame.image, size)[number]
            for frame in _picked(read, [frames[i] for i in chosen])
        ]
        looks[number] = usual_look(
            np.stack([face.image for face in faces]), np.stack([face.landmarks for face in faces])
        )
    return dataclasses.replace(scene, looks=looks)


def _picked(read: Callable[[int, int], Iterable[Frame]], wanted: Sequence[int]) -> Iterator[Frame]:
    """The frames with these indices, ascending."""
    if wanted[-1] - wanted[0] < _SEEK * len(wanted):
        known = set(wanted)
        yield from (frame for frame in read(wanted[0], wanted[-1] + 1) if frame.index in known)
        return
    for index in wanted:
        yield from read(index, index + 1)
