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

from recaster.appearance.glasses_course import learn_lines
from recaster.appearance.glasses_lines import Head, Line, to_lab
from recaster.appearance.uv_masks import dilate
from recaster.faces import topology
from recaster.faces.region_masks import fill_hull, fill_polygon

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recaster.appearance.glasses_lines import Lines
    from recaster.faces.types import Bools, Floats, Floats32, Uint8s
    from recaster.media.types import Image

FRAMES: Final = 6  # frames that outlines are drawn onto
_MIN_FORM: Final = np.array([0.30, 0.20, 0.12, -0.14, 0.05, 0.45, -0.12, -0.06, -0.06])
_MAX_FORM: Final = np.array([0.62, 0.56, 0.42, 0.28, 0.60, 1.08, 0.15, 0.06, 0.06])
"""Bounds of a form: half of a lens's width and height, the gap between lenses, how far they are below and
before the eyes, the power of a superellipse, how much higher their outer side is, and how they sit askew;
lengths in distances of the eyes."""
_RANDOM_FORMS: Final = 1500
_POPULATION: Final = 96
_ROUNDS: Final = 40
_LEADERS: Final = 15
"""Random forms that are tried, how many of them are improved, how often, and how many of those lead."""
_MIN_FIRST_SCORE: Final = 0.5  # score of the best random form, below which there are no glasses
CLEAR_SCORE: Final = 0.73
UNCLEAR_SCORE: Final = 0.69
"""Score of the best outline of glasses; or, where they aren't seen clearly, the second, with all
``_ALL_LINES``. Of 60 bare faces none had more than .67."""
_ALL_LINES: Final = 5  # two rims, a bridge and two temples
_SURROUNDINGS: Final = 0.15  # width around lenses, in eye distances, in which only their own lines are theirs
_FORM_POINTS: Final = 40  # points of a rim while its form is sought
_RIM_POINTS: Final = 64
_OTHER_POINTS: Final = 12
"""Points of a rim, and of a bridge or a temple."""
_ANGLES: Final = 8  # directions of lines that are told apart
_NARROW_PX: Final = 2.2
_BROAD_PX: Final = 4.5
"""Distances from the middle of a line to what is beside it."""
_CONTRAST: Final = 4.0  # grey levels that a line differs by from what is beside it
_STRAIGHT_PX: Final = 9
_NEAR_PX: Final = 5
"""Length of straight pieces of a line, and width of places that count as on it: meshes are off by some."""
_FACE_LINES: Final = 0.4
_LID_WIDTH: Final = 0.13
"""Share by which lines on brows and lids count less, and width of lids around eyes, in eye distances."""
_MIN_PART_SCORE: Final = 0.5  # score of a line from which on a bridge or a temple is there


@dataclass(frozen=True, eq=False)
class Glasses:
    """One pair of glasses."""

    lines: Lines
    score: float = 1.0  # how far the outline that was found lies on lines, 0 to 1

    def draw(self, crop: Image, points: Floats, size: int, *, has_lenses: bool = False) -> Floats32:
        """Draws them, perhaps with their lenses, where they are in a crop, (size, size), 0 to 1."""
        head = Head.of(points)
        found = self.lines.find(to_lab(crop), head)
        return self.lines.draw(found, head, size / len(crop), size, has_lenses=has_lenses)

    def mask_lenses(self, crop: Image, points: Floats) -> Bools:
        """Masks what is seen within the rims in a crop (size, size)."""
        size = len(crop)
        return (self.draw(crop, points, size, has_lenses=True) > 0) & (self.draw(crop, points, size) == 0)

    def surroundings(self, points: Floats, size: int) -> Bools:
        """Surroundings of both lenses in a crop (size, size) in whose pixels the mesh (478, 3) is."""
        head = Head.of(points)
        area = fill_hull(head.at(np.concatenate([rim.points for rim in self.lines.lines[:2]])), size)
        return dilate(area, _SURROUNDINGS * head.unit) > 0


@dataclass(frozen=True, eq=False)
class WornGlasses:
    """Glasses that are kept by choice."""

    glasses: Glasses
    has_lenses: bool  # whether lenses are kept whole, as nothing is seen through them

    def draw(self, crop: Image, points: Floats, size: int) -> Floats32:
        """Draws what is kept of them in a crop, (size, size), 0 to 1."""
        return self.glasses.draw(crop, points, size, has_lenses=self.has_lenses)


def find_glasses(
    crops: Sequence[Image], points: Sequence[Floats], clear_score: float = CLEAR_SCORE
) -> tuple[Glasses | None, bool]:
    """Finds the glasses that are worn in all of some crops, (size, size, 3) each, of the same face.

    Returns them, None where none can be followed, whose outline scores less than ``clear_score``; and whether
    some are there.
    """
    some = range(0, len(crops), max(1, len(crops) // FRAMES))
    views = _Views([Head.of(points[i]) for i in some], [_line_maps(crops[i], points[i]) for i in some])
    score, form = _search(views)
    guess = _guess_lines(form, views) if score > min(UNCLEAR_SCORE, clear_score) else []
    if score < clear_score or not guess:
        return None, len(guess) == _ALL_LINES
    pairs = zip(crops, points, strict=True)
    pictures = [np.dstack([to_lab(crop), 1 - np.float32(_lids(mesh, len(crop)))]) for crop, mesh in pairs]
    lines = learn_lines(guess, pictures, [Head.of(mesh) for mesh in points])
    return Glasses(lines, score), True


def _search(views: _Views) -> tuple[float, Floats]:
    """Searches for the form whose outline scores best; returns the score and the form."""
    random = np.random.default_rng(0)
    forms = random.uniform(_MIN_FORM, _MAX_FORM, (_RANDOM_FORMS, len(_MIN_FORM)))
    scores = views.score_rims(forms)
    if scores.max() < _MIN_FIRST_SCORE:
        return float(scores.max()), forms[scores.argmax()]
    best = np.argsort(scores)[::-1][:_POPULATION]
    forms = forms[best]
    scores = scores[best]
    for _ in range(_ROUNDS):
        leaders = forms[np.argsort(scores)[::-1][random.integers(0, _LEADERS, _POPULATION)]]
        first, second = (forms[random.permutation(_POPULATION)] for _ in range(2))
        step = random.uniform(0.3, 0.8, (_POPULATION, 1))
        tried = forms + step * (leaders - forms + first - second)
        tried = np.clip(np.where(random.random(forms.shape) < 0.8, tried, forms), _MIN_FORM, _MAX_FORM)
        reached = views.score_rims(tried)
        better = reached > scores
        forms[better] = tried[better]
        scores[better] = reached[better]
    return float(scores.max()), forms[scores.argmax()]


def _guess_lines(form: Floats, views: _Views) -> list[Line]:
    """Guesses the lines of glasses with these rims, and the bridge and the temples that fit them best."""
    rims = _rims_of(form[None])[0]
    right, left = rims
    inner = right[np.argmax(right[:, 0])], left[np.argmin(left[:, 0])]
    lines = [Line(_space_evenly(rim, True, _RIM_POINTS), True) for rim in rims]
    share = np.linspace(0, 1, _OTHER_POINTS)[:, None]
    down = np.array([0, 1, 0])
    # A bridge and a temple have two numbers each, so a grid of them is tried.
    bridges = [
        inner[0] * (1 - share) + inner[1] * share + (up - bow * np.sin(np.pi * share)) * down
        for up in np.linspace(-0.25, 0.08, 12)
        for bow in (0.0, 0.05, 0.1)
    ]
    lines += views.best_line(np.stack(bridges))
    for side, rim in enumerate(rims):
        outer = rim[np.argmax(rim[:, 0] * (2 * side - 1))]
        ear = np.median([head.beside[side] for head in views.heads], 0)
        temples = [
            (outer + up * down) * (1 - share) + (ear + low * down) * share
            for up in np.linspace(-0.3, 0.1, 9)
            for low in np.linspace(-0.15, 0.2, 8)
        ]
        lines += views.best_line(np.stack(temples))
    return lines


def _rims_of(forms: Floats) -> Floats:
    """Rims of each form, along the axes of a head: (forms, 2, _FORM_POINTS, 3)."""
    width, height, gap, down, near, power, slant, across, roll = forms.T[..., None]
    angles = np.linspace(0, 2 * np.pi, _FORM_POINTS, endpoint=False)
    cos = np.cos(angles)
    sin = np.sin(angles)
    right = width * np.sign(cos) * np.abs(cos) ** power
    below = height * np.sign(sin) * np.abs(sin) ** power
    rims = []
    for side in (-1, 1):
        outwards = right * side
        x = side * (gap / 2 + width) + right
        # They bend around the head, the more the farther outwards.
        bent = 0.25 * np.clip(gap / 2 + width + outwards - 0.3, 0, None) ** 2
        rims.append(np.stack([x + across, down + below - slant * outwards + roll * x, near - bent], -1))
    return np.stack(rims, 1)


def _space_evenly(points: Floats, closed: bool, count: int) -> Floats:
    """Spaces points (count, K) evenly along a line (N, K)."""
    whole = np.concatenate([points, points[:1]]) if closed else points
    along = np.r_[0, np.cumsum(np.linalg.norm(np.diff(whole[:, :2], axis=0), axis=1))]
    places = np.linspace(0, along[-1], count, endpoint=not closed)
    return np.stack([np.interp(places, along, axis) for axis in whole.T], -1)


@dataclass(frozen=True, eq=False)
class _Views:
    """Frames in which lines are looked for: heads, and maps of lines (``_line_maps``)."""

    heads: Sequence[Head]
    maps: Sequence[Floats32]

    def score_rims(self, forms: Floats) -> Floats:
        """Scores (F,), 0 to 1, of forms (F, 9) by how far both of their rims lie on lines."""
        rims = _rims_of(forms).reshape(-1, _FORM_POINTS, 3)
        return self._score(rims, closed=True).reshape(len(forms), 2).mean(1)

    def best_line(self, tried: Floats) -> list[Line]:
        """One of some lines (L, N, 3) that lies best on one; nothing where none does."""
        scores = self._score(tried, closed=False)
        return [Line(tried[scores.argmax()], False)] * bool(scores.max() > _MIN_PART_SCORE)

    def _score(self, lines: Floats, *, closed: bool) -> Floats:
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


def _line_maps(crop: Image, points: Floats) -> Floats32:
    """Maps of lines (_ANGLES, H, W): how far each pixel of a crop lies on, or near, one across each angle.

    Less so on the lids and brows of the face, whose mesh (478, 3) is in the crop's pixels.
    """
    light = cv2.GaussianBlur(cv2.cvtColor(crop, cv2.COLOR_RGB2LAB)[..., 0].astype(np.float32), (0, 0), 0.7)
    near = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (_NEAR_PX, _NEAR_PX))
    maps = []
    for angle in np.pi / _ANGLES * np.arange(_ANGLES):
        across = np.cos(angle), np.sin(angle)
        best = np.zeros_like(light)
        for reach, middle in ((_NARROW_PX, light), (_BROAD_PX, cv2.GaussianBlur(light, (0, 0), 1.2))):
            # Brighter than both sides, or darker than both: an edge is so on one side only.
            before, after = (_shift(light, way * reach * np.array(across)) - middle for way in (-1, 1))
            weaker = np.minimum(np.abs(before), np.abs(after)) * (np.sign(before) == np.sign(after))
            best = np.maximum(best, np.tanh(weaker / _CONTRAST))
        stretch = np.zeros((_STRAIGHT_PX, _STRAIGHT_PX), np.float32)
        for place in np.linspace(-1, 1, 2 * _STRAIGHT_PX) * (_STRAIGHT_PX // 2):
            pixel = np.rint(_STRAIGHT_PX // 2 + place * np.array([across[0], -across[1]])).astype(int)
            stretch[tuple(pixel)] = 1
        straight = cv2.filter2D(best, -1, stretch / stretch.sum())
        maps.append(cv2.GaussianBlur(cv2.dilate(straight, near), (0, 0), 1.0))
    brows = _fill_pair(points, len(crop), topology.BROW_LEFT, topology.BROW_RIGHT)
    return np.stack(maps) * (1 - np.float32(_FACE_LINES) * (_lids(points, len(crop)) | brows))


def _lids(points: Floats, size: int) -> Uint8s:
    """Mask of the eyes of a mesh (478, 3) and their lids, (size, size), 0 or 1."""
    eyes = _fill_pair(points, size, topology.EYE_LEFT, topology.EYE_RIGHT)
    return dilate(eyes, _LID_WIDTH * Head.of(points).unit)


def _fill_pair(points: Floats, size: int, *outlines: Sequence[int]) -> Uint8s:
    left, right = (fill_polygon(points[list(outline)], size) for outline in outlines)
    return left | right


def _shift(picture: Floats32, by: Floats) -> Floats32:
    shift = np.array([[1, 0, by[0]], [0, 1, by[1]]], np.float32)
    size = picture.shape[1::-1]
    return cv2.warpAffine(picture, shift, size, borderMode=cv2.BORDER_REPLICATE)
