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

from recaster.faces.types import Floats

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recaster.media.clip import Clip
    from recaster.media.types import Image

Layout = tuple[Floats, Floats, Floats]
"""What tells shots apart of a frame with a picture in it: layout, contrasts and colours."""

# Measured on 20 clips: layout changes by .66 and more at their cuts, by up to .25 elsewhere (strobing
# fire); the palette by .38 and more, elsewhere up to .68 (that fire), .1 without it.
MIN_LAYOUT_CHANGE: Final = 0.45
MIN_PALETTE_CHANGE: Final = 0.18
SURE_LAYOUT_CHANGE: Final = 0.6
"""Somebody who comes in within a frame before a plain ground changes it by .55."""

_MIN_CONTRAST: Final = 6.0
"""Standard deviation of a thumbnail's luma (0 to 255) below which there is no picture in a frame."""

_CONTRAST_EDGES: Final = np.linspace(-3, 3, 13)
"""Edges of the histogram of contrasts, in standard deviations."""


class CutFinder:
    """Finds cuts frame by frame; about a third of a CPU millisecond each.

    Attributes:
        last: the last frame with a picture in it; None before the first.
        first: the index of the first frame with a picture in it, and that frame; None before it.
    """

    def __init__(self) -> None:
        self.last: Layout | None = None
        self.first: tuple[int, Layout] | None = None

    def is_cut(self, index: int, image: Image) -> bool:
        """True if ``image``, the next frame of the clip, begins a new shot; the first picture never does."""
        now = _describe(image)
        if now is None:
            return False
        last = self.last
        self.last = now
        if last is None:
            self.first = index, now
            return False
        return is_another_shot(last, now)


def is_another_shot(last: Layout, now: Layout, least: float = MIN_LAYOUT_CHANGE) -> bool:
    """True if there is a cut between two frames, of which only such without a picture may be between them.

    ``least``: change of layout, 0 to 2, from which on.
    """
    # Correlation of where light and dark are: exposure and contrast don't count.
    moved = 1 - float(np.mean(now[0] * last[0])) / (now[0].std() * last[0].std())
    # Of histograms: 0 for equal ones, 1 for such that share nothing.
    repainted = max(1 - float(np.minimum(now[i], last[i]).sum()) for i in (1, 2))
    return moved > least and repainted > MIN_PALETTE_CHANGE


def find_sure_cuts(clip: Clip, cuts: Sequence[int]) -> tuple[int, ...]:
    """Finds those of a clip's cuts, first frames of shots, that can be nothing else.

    Raises:
        ClipError: the clip cannot be read.
    """
    pairs = sorted({frame for cut in cuts for frame in (cut - 1, cut)})
    layouts = {frame.index: _describe(frame.image) for frame in clip.read_indices(pairs)}
    return tuple(cut for cut in cuts if _is_sure(layouts[cut - 1], layouts[cut]))


def _is_sure(last: Layout | None, now: Layout | None) -> bool:
    return last is not None and now is not None and is_another_shot(last, now, SURE_LAYOUT_CHANGE)


def _describe(image: Image) -> Layout | None:
    """Light and dark by place (144,), histograms of contrast (12,) and chroma (1024,); None of no picture."""
    step = max(1, min(image.shape[:2]) // 144)  # every n-th pixel is enough to average
    small = cv2.resize(image[::step, ::step], (64, 36), interpolation=cv2.INTER_AREA)
    thumbnail = cv2.cvtColor(small, cv2.COLOR_RGB2YCrCb)
    luma = cv2.resize(thumbnail[..., 0], (16, 9), interpolation=cv2.INTER_AREA).astype(np.float64).ravel()
    layout = luma - luma.mean()
    if layout.std() < _MIN_CONTRAST:
        return None
    # Distances from the mean brightness, in standard deviations.
    spread = np.clip(layout / layout.std(), -2.99, 2.99)
    contrasts = np.bincount(np.searchsorted(_CONTRAST_EDGES, spread, "right") - 1, minlength=12)
    chroma = cv2.calcHist([thumbnail], [1, 2], None, [32, 32], [64, 192, 64, 192]).ravel().astype(np.float64)
    return layout, contrasts / contrasts.sum(), chroma / max(float(chroma.sum()), 1.0)
