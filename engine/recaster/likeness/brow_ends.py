"""Brows whose ends are under hair, drawn whole: as the other brow is, or as what is seen of them goes on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

import cv2
import numpy as np

from recaster.appearance import uv_masks
from recaster.faces import topology
from recaster.faces.geometry import measure_distances

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from recaster.appearance.uv_layout import UVLayout
    from recaster.faces.types import Floats, Floats32

_UPPER: Final = topology.BROW_LEFT[4::-1], topology.BROW_RIGHT[4::-1]
_LOWER: Final = topology.BROW_LEFT[5:], topology.BROW_RIGHT[5:]
"""Both brows' edges, from the nose outwards."""
_HALF_HEIGHT: Final = 0.15
"""Distance of a brow's hairs from its middle line, in eye distances; its length is about .7."""
_MARGIN: Final = 0.05  # width around the mesh's brows in which a person's own may be, in eye distances
_BEYOND: Final = 0.15  # length by which a brow goes on after the mesh's, as a share of it
_COLUMNS: Final = 93
_ROWS: Final = 31
_SKIN_ROWS: Final = 4
"""Rows above and below that are skin."""
_ABOVE: Final = slice(4, 9)  # rows closely above a brow, whose skin tells whether hair hangs over it
_MIN_OWN: Final = 0.6  # share of them that is a person's own where nothing does
_WHOLE: Final = 1.0
_MIN_SEEN: Final = 0.4
"""Shares of its length with which a brow is whole, and below which it can't be drawn."""
_BETTER: Final = 0.1  # share by which more has to be seen of the other brow to take it
_BLEND: Final = 0.1  # length over which one takes over from the other, in lengths of a brow
_KEPT: Final = 0.5  # share of what is seen that stays; the rest is stretched to the brow's end
_END_THICKNESS: Final = 0.5  # thickness of that end, over that of the part that it is made of
_MAX_SHIFT: Final = 5.0  # rows by which brows are raised or lowered
_DARK_OFFSET: Final = 8.0  # grey levels that are added before the ratio of brow and skin is taken


@dataclass(frozen=True, eq=False)
class Brow:
    """Map of a brow to a straight strip."""

    places: Floats32  # (_ROWS, _COLUMNS, 2), texels from above it to below it, from the nose outwards
    back: tuple[Floats32, Floats32]  # two (S, S), column and row of each texel in that
    along: Floats  # (_COLUMNS,), the share of its length
    seen: float  # the share of its length over which nothing hangs

    @classmethod
    def of(cls, side: int, own: Floats32, layout: UVLayout) -> Self:
        """Maps the left (0) or right brow of textures whose texels are the face's own by (S, S), 0 to 1."""
        corners = layout.points[[_UPPER[side], _LOWER[side]]].mean(0)
        lengths = np.append(0, np.cumsum(np.linalg.norm(np.diff(corners, axis=0), axis=1)))
        along = np.linspace(0, 1 + _BEYOND, _COLUMNS)
        line = np.stack([np.interp(along * lengths[-1], lengths, part) for part in corners.T], -1)
        end = (corners[-1] - corners[-2]) / (lengths[-1] - lengths[-2])
        line += (np.maximum(along - 1, 0) * lengths[-1])[:, None] * end
        # Smoothed along the brow: the mesh's few points would give it corners.
        steps = cv2.GaussianBlur(np.gradient(line, axis=0), (1, 15), 0, borderType=cv2.BORDER_REPLICATE)
        across = steps[:, ::-1] * (-1, 1) / np.linalg.norm(steps, axis=1, keepdims=True)
        across *= np.sign(across[:, 1:])
        reach = _HALF_HEIGHT * layout.eye_distance
        places = line + np.linspace(-reach, reach, _ROWS)[:, None, None] * across
        texels = np.moveaxis(np.indices((layout.size, layout.size)), 0, -1)[..., ::-1]
        rows = texels.astype(np.float64)
        column = np.stack([measure_distances(row, line).argmin(1) for row in rows])
        row = ((texels - line[column]) * across[column]).sum(-1) / reach
        row = np.where((column > 0) & (column < _COLUMNS - 1), (row + 1) / 2 * (_ROWS - 1), -_ROWS)
        brow = cls(places.astype(np.float32), (column.astype(np.float32), row.astype(np.float32)), along, 1.0)
        # From the first column on over which hair hangs the brow can't be told from it.
        covered = np.flatnonzero(brow.read(own)[_ABOVE].mean(0) < _MIN_OWN)
        return cls(brow.places, brow.back, along, float(along[covered[0] if len(covered) else -1]))

    def read(self, picture: Floats32) -> Floats32:
        """Reads a picture (S, S, ...) along the brow, (_ROWS, _COLUMNS, ...)."""
        return cv2.remap(picture, self.places, None, cv2.INTER_LINEAR)

    def write(self, strip: Floats32) -> Floats32:
        """Writes a picture (S, S, ...) that ``read`` would read as ``strip``; 0 elsewhere."""
        return cv2.remap(strip, *self.back, cv2.INTER_LINEAR)

    def hairs(self, picture: Floats32) -> Floats32:
        """Natural logarithm of the brow over the skin above and below it, (_ROWS, _COLUMNS, 3), 0 or less."""
        strip = self.read(picture)
        above, below = (np.median(rows, 0) for rows in (strip[:_SKIN_ROWS], strip[-_SKIN_ROWS:]))
        skin = above + np.linspace(0, 1, _ROWS)[:, None, None] * (below - above)
        darkness = np.minimum(np.log((strip + _DARK_OFFSET) / (skin + _DARK_OFFSET)), 0)
        return np.asarray(darkness * _fade_in(np.arange(_ROWS), _SKIN_ROWS)[:, None, None], np.float32)


class BrowEnds:
    """Ends of brows that are under hair, as they usually are.

    Args:
        usual: (S, S, 3), the mean of some textures, with all that is seen of the brows.
        own: (S, S), 0 to 1: how far texels around the brows are the face's own.

    Attributes:
        buried: (S, S), 0 to 1, where such ends are.
    """

    def __init__(self, usual: Floats32, own: Floats32, layout: UVLayout) -> None:
        brows = [Brow.of(side, own, layout) for side in range(2)]
        self._ends: list[tuple[Brow, Floats32, Floats32]] = []
        self.buried = np.zeros(own.shape, np.float32)
        rows = _fade_in(np.arange(_ROWS), 0)[:, None]
        around = _MARGIN * layout.eye_distance
        near = cv2.GaussianBlur(uv_masks.mask_brows(layout, around).astype(np.float32), (0, 0), around / 2)
        near = np.maximum(near, 1 - own)  # skin beside it stays
        for brow, other in (brows, brows[::-1]):
            # A brow of which little is seen is drawn after the other, however little more is seen of that.
            better = other.seen > brow.seen + (_BETTER if brow.seen >= _MIN_SEEN else 0)
            giver = other if better else brow
            if brow.seen < brow.along[-1] and giver.seen >= _MIN_SEEN:
                columns = np.clip((brow.along - brow.seen) / _BLEND + 1, 0, 1)
                share = near * brow.write((rows * columns).astype(np.float32))
                self._ends.append((brow, _stretch(giver.hairs(usual), giver), share))
                self.buried = np.maximum(self.buried, share)

    def draw_on(self, texture: Floats32) -> Floats32:
        """Draws them on a texture (S, S, 3) that has skin where they are."""
        drawn = texture + np.float32(_DARK_OFFSET)
        for brow, hairs, there in self._ends:
            darker = np.exp(brow.write(_align_rows(hairs, brow.hairs(texture), brow)))
            share = there[..., None]
            drawn *= darker / (share + (1 - share) * darker)  # where they begin, some of the brow is there
        return drawn - np.float32(_DARK_OFFSET)


def _fade_in(rows: NDArray[np.int64], first: int) -> Floats:
    """Weights of rows that rise from 0 within some rows from above and from below."""
    return np.clip((np.minimum(rows, _ROWS - 1 - rows) - first) / _SKIN_ROWS, 0, 1)


def _stretch(hairs: Floats32, brow: Brow) -> Floats32:
    """Stretches what is seen of a brow to its whole length, thinner to its end."""
    if brow.seen < _WHOLE:
        last = brow.seen - _BLEND / 2
        first = _KEPT * last
        excess = np.clip((brow.along - first) / (1 - first), 0, 1)
        column = np.where(brow.along < first, brow.along, first + excess * (last - first))
        middle = _middle_row(hairs, brow, last)
        row = middle + (np.arange(_ROWS)[:, None] - middle) / (1 - (1 - _END_THICKNESS) * excess**2)
        columns = np.broadcast_to(column * (_COLUMNS - 1) / (1 + _BEYOND), row.shape).astype(np.float32)
        hairs = cv2.remap(hairs, columns, row.astype(np.float32), cv2.INTER_LINEAR)
    fading = np.clip((1 + _BLEND - brow.along) / _BLEND, 0, 1)
    return np.asarray(hairs * fading[None, :, None], np.float32)


def _align_rows(hairs: Floats32, own: Floats32, brow: Brow) -> Floats32:
    """Moves hairs up or down to where those of a brow end."""
    # Of so short a piece the height can't be told.
    last = brow.seen - _BLEND / 2
    if last < _BLEND:
        return hairs
    down = np.clip(_middle_row(own, brow, last) - _middle_row(hairs, brow, last), -_MAX_SHIFT, _MAX_SHIFT)
    return cv2.warpAffine(hairs, np.array([[1, 0, 0], [0, 1, down]]), (_COLUMNS, _ROWS))


def _middle_row(hairs: Floats32, brow: Brow, last: float) -> float:
    """Row in which hairs lie at the end of what is seen."""
    there = (brow.along > last - 2 * _BLEND) & (brow.along <= last)
    dark = -hairs[:, there].sum((1, 2))
    return (
        float((dark * np.arange(_ROWS)).sum() / max(dark.sum(), 1e-6)) if dark.sum() > 0 else (_ROWS - 1) / 2
    )
