"""Hard cuts, from one frame to the next.

Two things change at a cut: where light and dark are, and which colours and contrasts there are. A
fast pan changes only the first, a flash or an explosion only the second, so both are asked for. Frames
with no picture in them (black, or bleached by a flash) are passed over: the next one with a picture is
compared with the last one before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

if TYPE_CHECKING:
    from recaster.faces.types import Floats
    from recaster.media.types import Image

# Measured on 20 clips: layout changes by .66 and more at their cuts, by up to .25 elsewhere (strobing
# fire); the palette by .38 and more, elsewhere up to .68 (that fire), .1 without it.
MIN_LAYOUT_CHANGE: Final = 0.45
MIN_PALETTE_CHANGE: Final = 0.18

_MIN_CONTRAST: Final = 6.0
"""Standard deviation of a thumbnail's luma (0 to 255) below which there is no picture in a frame."""


class CutFinder:
    """Finds cuts frame by frame; about a third of a CPU millisecond each.

    Attributes:
        last: layout, contrasts and colours of the last frame with a picture in it; None before the first.
    """

    def __init__(self) -> None:
        self.last: tuple[Floats, ...] | None = None

    def is_cut(self, image: Image) -> bool:
        """True if ``image``, the next frame of the clip, begins a new shot; the first picture never does."""
        now = _describe(image)
        if now is None:
            return False
        last = self.last
        self.last = now
        if last is None:
            return False
        # Correlation of where light and dark are: exposure and contrast don't count.
        moved = 1 - float(np.mean(now[0] * last[0])) / (now[0].std() * last[0].std())
        # Of histograms: 0 for equal ones, 1 for such that share nothing.
        repainted = max(1 - float(np.minimum(now[i], last[i]).sum()) for i in (1, 2))
        return moved > MIN_LAYOUT_CHANGE and repainted > MIN_PALETTE_CHANGE


def _describe(image: Image) -> tuple[Floats, Floats, Floats] | None:
    """Light and dark by place (144,), histograms of contrast (12,) and chroma (1024,); None of no picture."""
    step = max(1, min(image.shape[:2]) // 144)  # every n-th pixel is enough to average
    small = cv2.resize(image[::step, ::step], (64, 36), interpolation=cv2.INTER_AREA)
    thumbnail = cv2.cvtColor(small, cv2.COLOR_RGB2YCrCb)
    luma = cv2.resize(thumbnail[..., 0], (16, 9), interpolation=cv2.INTER_AREA).astype(np.float64).ravel()
    layout = luma - luma.mean()
    if layout.std() < _MIN_CONTRAST:
        return None
    # Distances from the mean brightness, in standard deviations.
    contrasts, _ = np.histogram(np.clip(layout / layout.std(), -2.99, 2.99), bins=12, range=(-3, 3))
    chroma = cv2.calcHist([thumbnail], [1, 2], None, [32, 32], [64, 192, 64, 192]).ravel().astype(np.float64)
    return layout, contrasts / contrasts.sum(), chroma / max(float(chroma.sum()), 1.0)
