"""Glasses on a face, found by their shape: two alike rims, a bridge and temples, too thin for a network.

Rims are lines, brighter or darker than the skin on both sides, that keep their place on the head. So a pair
of glasses is a few numbers, and those are sought whose outlines, drawn onto the mesh of several frames, lie
on lines in all of them (analysis by synthesis, by differential evolution; Storn and Price, 1997). Lids,
brows, wrinkles and make-up aren't lines all around both eyes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from recaster.appearance.glasses_course import learned
from recaster.appearance.glasses_lines import Head, Line, to_lab
from recaster.faces import topology

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from recaster.appearance.glasses_lines import Lines
    from recaster.faces.types import Floats
    from recaster.media.types import Image

    Picture = NDArray[np.float32]

FRAMES: Final = 6
"""Frames that outlines are drawn onto."""
_LOWEST: Final = np.array([0.30, 0.20, 0.12, -0.14, 0.05, 0.45, -0.12, -0.06, -0.06])
_HIGHEST: Final = np.array([0.62, 0.56, 0.42, 0.28, 0.60, 1.08, 0.15, 0.06, 0.06])
"""Half of a lens's width and height, the gap between lenses, how far they are below and before the eyes, the
power of a superellipse, how much higher their outer side is, and how they sit askew; lengths in distances of
the eyes."""
_FIRST, _BEST, _ROUNDS, _LEADERS = 1500, 96, 40, 15
"""Random outlines that are tried, how many of them are improved, how often, and how many of those lead."""
_HOPELESS: Final = 0.5
"""No outline scores less than this to begin with where there are glasses."""
_THERE: Final = 0.73
_SEEN: Final = 0.69
"""The best outline of glasses scores the first; or, where they aren't seen clearly, the second, with all
``_WHOLE`` lines. Of 60 bare faces none had more than .67."""
_WHOLE: Final = 5
"""Two rims, a bridge and two temples."""
_ABOUT: Final = 0.15
"""So far around lenses nothing but their own lines is theirs, in eye distances."""
_POINTS: Final = 40
_AROUND, _ALONG = 64, 12
"""Points of a rim, and of a bridge or a temple."""
_ANGLES: Final = 8
_NARROW, _BROAD = 2.2, 4.5
"""Pixels from the middle of a line to what is beside it."""
_CONTRAST: Final = 4.0
"""Grey levels that a line differs by from what is beside it."""
_STRETCH, _NEAR = 9, 5
"""A line is straight for so many pixels, and counts as near as half of so many: meshes are off by some."""
_DOUBT, _LIDS = 0.4, 0.13
"""Lines count less by so much where brows are, and so far around eyes, in eye distances."""
_PART_THERE: Final = 0.5
"""A bridge or a temple is drawn where its line scores so much."""


@dataclass(frozen=True, eq=False)
class Glasses:
    """One pair of glasses."""

    lines: Lines

    def drawn(self, crop: Image, points: Floats, size: int) -> Picture:
        """Where they are in a crop (size, size), 0 to 1."""
        head = Head.of(points)
        return self.lines.drawn(self.lines.found(to_lab(crop), head), head, size / len(crop), size)

    def about(self, points: Floats, size: int) -> NDArray[np.bool_]:
        """The surroundings of both lenses in a crop (size, size) in whose pixels the mesh (478, 3) is."""
        head, area = Head.of(points), np.zeros((size, size), np.uint8)
        rims = head.at(np.concatenate([rim.points for rim in self.lines.lines[:2]]))
        cv2.fillConvexPoly(area, cv2.convexHull(np.rint(rims).astype(np.int32)), 1)
        side = 2 * round(_ABOUT * head.unit) + 1
        return np.asarray(cv2.dilate(area, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))) > 0)


def find_glasses(crops: Sequence[Image], points: Sequence[Floats]) -> tuple[Glasses | None, bool]:
    """The glasses that are worn in all of some frames.

    Args:
        crops: (size, size, 3) uint8 RGB each, the same face.
        points: (478, 3), its meshes in the crops' pixels.

    Returns:
        The glasses, None where none can be followed; and whether some are there.
    """
    some = range(0, len(crops), max(1, len(crops) // FRAMES))
    seen = _Seen([Head.of(points[i]) for i in some], [_line_maps(crops[i], points[i]) for i in some])
    score, form = _sought(seen)
    guess = _guess(form, seen) if score > _SEEN else []
    if score < _THERE:
        return None, len(guess) == _WHOLE
    pictures = [
        np.dstack([to_lab(crop), 1 - np.float32(_lids(mesh, len(crop)))])
        for crop, mesh in zip(crops, points, strict=True)
    ]
    lines = learned(guess, pictures, [Head.of(one) for one in points])
    return Glasses(lines), True


def _sought(seen: _Seen) -> tuple[float, Floats]:
    """The score of the best outline, and that outline's numbers."""
    random = np.random.default_rng(0)
    forms = random.uniform(_LOWEST, _HIGHEST, (_FIRST, len(_LOWEST)))
    scores = seen.rims(forms)
    if scores.max() < _HOPELESS:
        return float(scores.max()), forms[scores.argmax()]
    best = np.argsort(scores)[::-1][:_BEST]
    forms, scores = forms[best], scores[best]
    for _ in range(_ROUNDS):
        leaders = forms[np.argsort(scores)[::-1][random.integers(0, _LEADERS, _BEST)]]
        one, other = (forms[random.permutation(_BEST)] for _ in range(2))
        step = random.uniform(0.3, 0.8, (_BEST, 1))
        tried = forms + step * (leaders - forms + one - other)
        tried = np.clip(np.where(random.random(forms.shape) < 0.8, tried, forms), _LOWEST, _HIGHEST)
        reached = seen.rims(tried)
        better = reached > scores
        forms[better], scores[better] = tried[better], reached[better]
    return float(scores.max()), forms[scores.argmax()]


def _guess(form: Floats, seen: _Seen) -> list[Line]:
    """Lines of glasses with these rims, and the bridge and the temples that fit them best."""
    rims = _outlines(form[None])[0]
    right, left = rims
    inner = right[np.argmax(right[:, 0])], left[np.argmin(left[:, 0])]
    lines = [Line(_evenly(rim, True, _AROUND), True) for rim in rims]
    share, down = np.linspace(0, 1, _ALONG)[:, None], np.array([0, 1, 0])
    bridges = np.stack(
        [
            inner[0] * (1 - share) + inner[1] * share + (up - bow * np.sin(np.pi * share)) * down
            for up in np.linspace(-0.25, 0.08, 12)
            for bow in (0.0, 0.05, 0.1)
        ]
    )
    lines += seen.best(bridges)
    for side, rim in enumerate(rims):
        outer = rim[np.argmax(rim[:, 0] * (2 * side - 1))]
        ear = np.median([head.beside[side] for head in seen.heads], 0)
        lines += seen.best(
            np.stack(
                [
                    (outer + up * down) * (1 - share) + (ear + low * down) * share
                    for up in np.linspace(-0.3, 0.1, 9)
                    for low in np.linspace(-0.15, 0.2, 8)
                ]
            )
        )
    return lines


def _outlines(forms: Floats) -> Floats:
    """(forms, 2, _POINTS, 3): the rims of each form, along the axes of a head."""
    width, height, gap, down, near, power, slant, across, roll = forms.T[..., None]
    angles = np.linspace(0, 2 * np.pi, _POINTS, endpoint=False)
    cos, sin = np.cos(angles), np.sin(angles)
    right, below = width * np.sign(cos) * np.abs(cos) ** power, height * np.sign(sin) * np.abs(sin) ** power
    rims = []
    for side in (-1, 1):
        outwards = right * side
        x = side * (gap / 2 + width) + right
        bent = 0.25 * np.clip(gap / 2 + width + outwards - 0.3, 0, None) ** 2
        rims.append(np.stack([x + across, down + below - slant * outwards + roll * x, near - bent], -1))
    return np.stack(rims, 1)


def _evenly(points: Floats, closed: bool, count: int) -> Floats:
    """Points (count, K) evenly spread along a line (N, K)."""
    whole = np.concatenate([points, points[:1]]) if closed else points
    along = np.r_[0, np.cumsum(np.linalg.norm(np.diff(whole[:, :2], axis=0), axis=1))]
    places = np.linspace(0, along[-1], count, endpoint=not closed)
    return np.stack([np.interp(places, along, axis) for axis in whole.T], -1)


@dataclass(frozen=True, eq=False)
class _Seen:
    """Frames that lines are looked for in, and where lines are in each (``_line_maps``)."""

    heads: Sequence[Head]
    maps: Sequence[Picture]

    def rims(self, forms: Floats) -> Floats:
        """How far both rims of each of some outlines lie on lines: 0 to 1."""
        outlines = _outlines(forms)
        return (
            self._scores(outlines.reshape(-1, *outlines.shape[2:]), closed=True)
            .reshape(len(forms), 2)
            .mean(1)
        )

    def best(self, tried: Floats) -> list[Line]:
        """The one of some lines (L, N, 3) that lies best on one; nothing where none does."""
        scores = self._scores(tried, closed=False)
        return [Line(tried[scores.argmax()], False)] * bool(scores.max() > _PART_THERE)

    def _scores(self, lines: Floats, *, closed: bool) -> Floats:
        total = np.zeros(len(lines))
        for head, maps in zip(self.heads, self.maps, strict=True):
            flat = head.at(lines)
            along = np.roll(flat, -1, 1) - np.roll(flat, 1, 1)
            if not closed:
                along[:, [0, -1]] = along[:, [1, -2]]
            across = np.arctan2(along[..., 0], -along[..., 1]) % np.pi
            angle = np.rint(across / np.pi * _ANGLES).astype(np.int64) % _ANGLES
            x, y = np.rint(flat).astype(np.int64).clip(0, maps.shape[1] - 1).transpose(2, 0, 1)
            total += maps[angle, y, x].mean(1)
        return total / len(self.heads)


def _line_maps(crop: Image, points: Floats) -> Picture:
    """How far each pixel of a crop lies on, or near, a line across each of some angles: (_ANGLES, H, W).

    Less so on the lids and brows of the face, whose mesh (478, 3) is in the crop's pixels.
    """
    light = cv2.GaussianBlur(cv2.cvtColor(crop, cv2.COLOR_RGB2LAB)[..., 0].astype(np.float32), (0, 0), 0.7)
    near = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (_NEAR, _NEAR))
    maps = []
    for angle in np.pi / _ANGLES * np.arange(_ANGLES):
        across, best = (np.cos(angle), np.sin(angle)), np.zeros_like(light)
        for reach, middle in ((_NARROW, light), (_BROAD, cv2.GaussianBlur(light, (0, 0), 1.2))):
            one, other = (_moved(light, way * reach * np.array(across)) - middle for way in (-1, 1))
            weaker = np.minimum(np.abs(one), np.abs(other)) * (np.sign(one) == np.sign(other))
            best = np.maximum(best, np.tanh(weaker / _CONTRAST))
        stretch = np.zeros((_STRETCH, _STRETCH), np.float32)
        for place in np.linspace(-1, 1, 2 * _STRETCH) * (_STRETCH // 2):
            stretch[tuple(np.rint(_STRETCH // 2 + place * np.array([across[0], -across[1]])).astype(int))] = 1
        straight = cv2.filter2D(best, -1, stretch / stretch.sum())
        maps.append(cv2.GaussianBlur(cv2.dilate(straight, near), (0, 0), 1.0))
    brows = _filled(points, len(crop), topology.BROW_LEFT) | _filled(points, len(crop), topology.BROW_RIGHT)
    return np.stack(maps) * (1 - np.float32(_DOUBT) * (_lids(points, len(crop)) | brows))


def _lids(points: Floats, size: int) -> NDArray[np.uint8]:
    """1 on the eyes of a mesh (478, 3) and their lids, (size, size)."""
    side = 2 * round(_LIDS * Head.of(points).unit) + 1
    eyes = _filled(points, size, topology.EYE_LEFT) | _filled(points, size, topology.EYE_RIGHT)
    return np.asarray(cv2.dilate(eyes, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))))


def _filled(points: Floats, size: int, outline: Sequence[int]) -> NDArray[np.uint8]:
    mask = np.zeros((size, size), np.uint8)
    cv2.fillPoly(mask, [np.rint(points[list(outline), :2]).astype(np.int32)], 1)
    return mask


def _moved(picture: Picture, by: Floats) -> Picture:
    shift = np.array([[1, 0, by[0]], [0, 1, by[1]]], np.float32)
    size = picture.shape[1::-1]
    return np.asarray(cv2.warpAffine(picture, shift, size, borderMode=cv2.BORDER_REPLICATE))
