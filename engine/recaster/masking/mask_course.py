"""Course of a mask through time: probabilities that are carried along optical flow from frame to frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from recaster.faces.types import Floats32
    from recaster.media.types import Image

_UNLIKE: Final = 8.0
"""Grey levels that a pixel changes by from frame to frame so that what was known counts less, by e."""


@dataclass(frozen=True, eq=False)
class Known:
    """Knowledge of a frame's pixels, from it and frames before.

    Attributes:
        image: (H, W, 3) uint8, the frame's crop.
        total: (H, W), sum of the logits of what is in front, by weights.
        weight: (H, W), sum of these.
    """

    image: Image
    total: Floats32
    weight: Floats32

    @classmethod
    def of(cls, image: Image, logits: Floats32) -> Known:
        """Of the frame alone."""
        return cls(image, logits, np.ones_like(logits))

    def add(self, before: Known) -> Known:
        """Adds what the frame next to this says, where its pixels are alike."""
        grey = [cv2.cvtColor(each.image, cv2.COLOR_RGB2GRAY) for each in (self, before)]
        flow = _FLOW.calc(grey[0], grey[1], None)
        down, across = np.mgrid[: flow.shape[0], : flow.shape[1]].astype(np.float32)
        stacked = np.dstack([before.image.astype(np.float32), before.total, before.weight])
        moved = cv2.remap(
            stacked,
            across + flow[..., 0],
            down + flow[..., 1],
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        alike = np.exp(-np.abs(moved[..., :3] - self.image).mean(-1) / np.float32(_UNLIKE))
        return Known(self.image, self.total + alike * moved[..., 3], self.weight + alike * moved[..., 4])


_FLOW: Final = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)


def gather(frames: Iterable[Known | None], state: Known | None = None) -> list[Known | None]:
    """Gathers what each frame knows with all before it, from None (a frame without the face) on anew."""
    gathered = []
    for frame in frames:
        state = frame if frame is None or state is None else frame.add(state)
        gathered.append(state)
    return gathered


def join(own: Known, before: Known, after: Known) -> Floats32:
    """Logits of a frame by what it says itself, with those before it, and with those after it."""
    return (before.total + after.total - own.total) / (before.weight + after.weight - own.weight)
