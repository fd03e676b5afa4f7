"""Brows whose ends are under hair, drawn whole: as the other brow is, or as what is seen of them goes on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

import cv2
import numpy as np
from scipy.spatial import cKDTree

from recaster.appearance import uv_masks
from recaster.faces.geometry import eye_distance

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from recaster.appearance.uv_layout import UVLayout
    from recaster.faces.types import Floats

    Picture = NDArray[np.float32]

_UPPER: Final = (107, 66, 105, 63, 70), (336, 296, 334, 293, 300)
_LOWER: Final = (55, 65, 52, 53, 46), (285, 295, 282, 283, 276)
"""Both brows' edges, from the nose outwards."""
_REACH: Final = 0.15
"""How far from its middle line a brow's hairs are, in eye distances; its length is about .7."""
_AROUND: Final = 0.05
"""How far around the mesh's brows theirs may be, in eye distances."""
_BEYOND: Final = 0.15
"""How far it goes on after the mesh's, as a share of its length."""
_COLUMNS, _ROWS = 93, 31
_EDGE: Final = 4
"""So many rows above and below are skin."""
_ABOVE: Final = slice(4, 9)
"""Rows closely above a brow, whose skin tells whether hair hangs over it."""
_SEEN: Final = 0.6
"""So much of them is a person's own where nothing does."""
_WHOLE, _LEAST = 1.0, 0.4
"""With such a share of its length seen a brow is whole, and with less than the other it can't be drawn."""
_BETTER: Final = 0.1
"""The other brow is taken where so much more of it is seen."""
_BLEND: Final = 0.1
"""So softly one takes over from the other, in lengths of a brow."""
_KEPT: Final = 0.5
"""This share of what is seen stays; the rest is stretched to the brow's end."""
_THIN: Final = 0.5
"""And grows thinner, down to that."""
_MOVED: Final = 5.0
"""So many rows brows are raised or lowered."""
_BLACK: Final = 8.0
"""Grey levels that are added before the ratio of brow and skin is taken."""


@dataclass(frozen=True, eq=False)
class Brow:
    """A brow made straight.

    Attributes:
        places: (_ROWS, _COLUMNS, 2), texels from above it to below it, from the nose outwards.
        back: two (S, S), column and row of each texel in that.
        along: (_COLUMNS,), the share of its length.
        seen: the share of its length over which nothing hangs.
    """

    places: NDArray[np.float32]
    back: tuple[NDArray[np.float32], NDArray[np.float32]]
    along: Floats
    seen: float

    @classmethod
    def of(cls, side: int, own: Picture, layout: UVLayout) -> Self:
        """The left (0) or right brow of textures of which some texels are the face's own, (S, S), 0 to 1."""
        corners = layout.points[[_UPPER[side], _LOWER[side]]].mean(0)
        lengths = np.append(0, np.cumsum(np.linalg.norm(np.diff(corners, axis=0), axis=1)))
        along = np.linspace(0, 1 + _BEYOND, _COLUMNS)
        line = np.stack([np.interp(along * lengths[-1], lengths, part) for part in corners.T], -1)
        end = (corners[-1] - corners[-2]) / (lengths[-1] - lengths[-2])
        line += (np.maximum(along - 1, 0) * lengths[-1])[:, None] * end
        steps = cv2.GaussianBlur(np.gradient(line, axis=0), (1, 15), 0, borderType=cv2.BORDER_REPLICATE)
        across = steps[:, ::-1] * (-1, 1) / np.linalg.norm(steps, axis=1, keepdims=True)
        across *= np.sign(across[:, 1:])
        reach = _REACH * float(eye_distance(layout.points))
        places = line + np.linspace(-reach, reach, _ROWS)[:, None, None] * across
        texels = np.moveaxis(np.indices((layout.size, layout.size)), 0, -1)[..., ::-1]
        column = cKDTree(line).query(texels)[1]
        row = ((texels - line[column]) * across[column]).sum(-1) / reach
        row = np.where((column > 0) & (column < _COLUMNS - 1), (row + 1) / 2 * (_ROWS - 1), -_ROWS)
        brow = cls(places.astype(np.float32), (column.astype(np.float32), row.astype(np.float32)), along, 1.0)
        covered = np.flatnonzero(brow.read(own)[_ABOVE].mean(0) < _SEEN)
        return cls(brow.places, brow.back, along, float(along[covered[0] if len(covered) else -1]))

    def read(self, picture: Picture) -> Picture:
        """A picture (S, S, ...) along the brow, (_ROWS, _COLUMNS, ...)."""
        return np.asarray(cv2.remap(picture, self.places, None, cv2.INTER_LINEAR))

    def written(self, strip: Picture) -> Picture:
        """What ``read`` would read as ``strip``, (S, S, ...); 0 elsewhere."""
        return np.asarray(cv2.remap(strip, *self.back, cv2.INTER_LINEAR))

    def hairs(self, picture: Picture) -> Picture:
        """(_ROWS, _COLUMNS, 3): natural logarithm of the brow over the skin above and below it."""
        strip = self.read(picture)
        above, below = (np.median(some, 0) for some in (strip[:_EDGE], strip[-_EDGE:]))
        skin = above + np.linspace(0, 1, _ROWS)[:, None, None] * (below - above)
        found = np.minimum(np.log((strip + _BLACK) / (skin + _BLACK)), 0)
        return np.asarray(found * _rising(np.arange(_ROWS), _EDGE)[:, None, None], np.float32)


class BrowEnds:
    """The ends of brows that are under hair, as they usually are.

    Args:
        usual: (S, S, 3), the mean of some textures, with all that is seen of the brows.
        own: (S, S), 0 to 1: how far texels around the brows are the face's own.
        layout: where the mesh lies in them.

    Attributes:
        buried: (S, S), 0 to 1, where such ends are.
    """

    def __init__(self, usual: Picture, own: Picture, layout: UVLayout) -> None:
        brows = [Brow.of(side, own, layout) for side in range(2)]
        self._ends: list[tuple[Brow, Picture, Picture]] = []
        self.buried = np.zeros(own.shape, np.float32)
        rows = _rising(np.arange(_ROWS), 0)[:, None]
        around = _AROUND * float(eye_distance(layout.points))
        there = cv2.GaussianBlur(uv_masks.brows(layout, around).astype(np.float32), (0, 0), around / 2)
        there = np.maximum(there, 1 - own)  # skin beside it stays
        for brow, other in (brows, brows[::-1]):
            better = other.seen > brow.seen + (_BETTER if brow.seen >= _LEAST else 0)
            giver = other if better else brow
            if brow.seen < brow.along[-1] and giver.seen >= _LEAST:
                columns = np.clip((brow.along - brow.seen) / _BLEND + 1, 0, 1)
                share = there * brow.written((rows * columns).astype(np.float32))
                self._ends.append((brow, _stretched(giver.hairs(usual), giver), share))
                self.buried = np.maximum(self.buried, share)

    def drawn_on(self, texture: Picture) -> Picture:
        """A texture (S, S, 3) that has skin where they are, with them."""
        drawn = texture + np.float32(_BLACK)
        for brow, hairs, there in self._ends:
            darker, share = np.exp(brow.written(_placed(hairs, brow.hairs(texture), brow))), there[..., None]
            drawn *= darker / (share + (1 - share) * darker)  # where they begin, some of the brow is there
        return drawn - np.float32(_BLACK)


def _rising(rows: NDArray[np.int64], first: int) -> Floats:
    """Rises from 0 within some rows from above and from below."""
    return np.clip((np.minimum(rows, _ROWS - 1 - rows) - first) / _EDGE, 0, 1)


def _stretched(hairs: Picture, brow: Brow) -> Picture:
    """What is seen of a brow, drawn out to its whole length and thinner to its end."""
    if brow.seen < _WHOLE:
        last = brow.seen - _BLEND / 2
        first = _KEPT * last
        excess = np.clip((brow.along - first) / (1 - first), 0, 1)
        column = np.where(brow.along < first, brow.along, first + excess * (last - first))
        middle = _middle(hairs, brow, last)
        row = middle + (np.arange(_ROWS)[:, None] - middle) / (1 - (1 - _THIN) * excess**2)
        columns = np.broadcast_to(column * (_COLUMNS - 1) / (1 + _BEYOND), row.shape).astype(np.float32)
        hairs = np.asarray(cv2.remap(hairs, columns, row.astype(np.float32), cv2.INTER_LINEAR))
    fading = np.clip((1 + _BLEND - brow.along) / _BLEND, 0, 1)
    return np.asarray(hairs * fading[None, :, None], np.float32)


def _placed(hairs: Picture, own: Picture, brow: Brow) -> Picture:
    """Hairs moved up or down to where those of a brow end."""
    last = brow.seen - _BLEND / 2
    if last < _BLEND:
        return hairs
    down = np.clip(_middle(own, brow, last) - _middle(hairs, brow, last), -_MOVED, _MOVED)
    return np.asarray(cv2.warpAffine(hairs, np.array([[1, 0, 0], [0, 1, down]]), (_COLUMNS, _ROWS)))


def _middle(hairs: Picture, brow: Brow, last: float) -> float:
    """The row in which hairs lie at the end of what is seen."""
    there = (brow.along > last - 2 * _BLEND) & (brow.along <= last)
    dark = -hairs[:, there].sum((1, 2))
    return (
        float((dark * np.arange(_ROWS)).sum() / max(dark.sum(), 1e-6)) if dark.sum() > 0 else (_ROWS - 1) / 2
    )
