"""Glasses on a face, found by their shape: two alike rims, a bridge and temples, too thin for a network.

Rims are lines, brighter or darker than the skin on both sides, that keep their place on the head. So a pair
of glasses is a few numbers, and those are sought whose outlines, drawn onto the mesh of several frames, lie
on lines in all of them (analysis by synthesis). Lids, brows, wrinkles and make-up aren't lines all around
both eyes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from recaster.faces import topology

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from recaster.faces.types import Floats
    from recaster.media.types import Image

EYES: Final = ((33, 133, 159, 145), (263, 362, 386, 374))
"""Corners and lids of the right and of the left eye."""
BESIDE: Final = (127, 356)
"""The rim of the face beside either eye."""
BROW: Final = 9
FRAMES: Final = 6
"""Frames that outlines are drawn onto."""
_NAMES: Final = ("width", "height", "gap", "down", "near", "form", "slant", "across", "roll")
_LOWEST: Final = np.array([0.32, 0.24, 0.14, -0.08, 0.05, 0.45, -0.1, -0.06, -0.06])
_HIGHEST: Final = np.array([0.62, 0.56, 0.40, 0.28, 0.35, 1.08, 0.15, 0.06, 0.06])
"""Half of a lens's width and height, the gap between lenses, how far they are below and before the eyes, the
power of a superellipse, how much higher their outer side is, and how they sit askew; lengths in distances of
the eyes."""
_FIRST, _ROUNDS, _STEPS = 900, 5, 220
"""Random outlines that are tried, how many of them are improved, and how often."""
_HOPELESS, _THERE = 0.13, 0.36
"""No outline scores less than this to begin with where there are glasses, nor the best one less than that."""
_POINTS = 40
_REACH = 2.2
"""A line is this much narrower than twice, in pixels of a picture of ``SIDE``."""
_CONTRAST = 4.0
"""Grey levels that a line differs by from what is beside it."""
_PART_THERE = 0.3
"""A bridge or a temple is drawn where its line scores so much."""
_WIDE = 0.11
"""So wide a strip is kept along rims, in distances of the eyes: real ones are no superellipses."""
_FRACTION = 4


@dataclass(frozen=True, eq=False)
class Glasses:
    """One pair of glasses.

    Attributes:
        lines: (N, 3) each, right, down and towards the camera from between the eyes, in eye distances.
        temples: for the right and the left side where a temple begins, as in ``lines``, and how far below the
            rim of the face beside the eye it ends; None where none was seen.
    """

    lines: tuple[Floats, ...]
    temples: tuple[tuple[Floats, float] | None, ...]

    def drawn(self, points: Floats, size: int) -> NDArray[np.float32]:
        """Where they are in a crop (size, size), 0 to 1, of a face whose mesh (478, 3) is in its pixels."""
        head, picture = _Head.of(points), np.zeros((size, size), np.uint8)
        lines = [head.at(line) for line in self.lines]
        lines += [
            head.temple(side, *temple) for side, temple in enumerate(self.temples) if temple is not None
        ]
        wide = max(2, round(_WIDE * head.unit))
        for line in lines:
            corners = np.rint(line * (1 << _FRACTION)).astype(np.int32)
            cv2.polylines(picture, [corners], False, 255, wide, cv2.LINE_AA, _FRACTION)
        return picture.astype(np.float32) / np.float32(255)


def glasses_in(crops: Sequence[Image], points: Sequence[Floats]) -> Glasses | None:
    """The glasses that are worn in all of some frames; None where none are.

    Args:
        crops: (size, size, 3) uint8 RGB each, the same face.
        points: (478, 3), its meshes in the crops' pixels.
    """
    some = range(0, len(crops), max(1, len(crops) // FRAMES))
    seen = _Seen([_Head.of(points[i]) for i in some], [_lightness(crops[i]) for i in some])
    random = np.random.default_rng(0)
    first = random.uniform(_LOWEST, _HIGHEST, (_FIRST, len(_NAMES)))
    few = _Seen(seen.heads[::2], seen.pictures[::2])
    scores = np.array([few.rims(one) for one in first])
    if scores.max() < _HOPELESS:
        return None
    found = [_improved(first[i], seen, random) for i in np.argsort(scores)[::-1][:_ROUNDS]]
    score, best = max(found, key=lambda one: one[0])
    glasses = _whole(best, seen) if score > _THERE else None
    # Made-up lids and brows may lie on two outlines, too; nothing joins those, and no temple begins there.
    return None if glasses is None or len(glasses.lines) == 2 or glasses.temples == (None, None) else glasses


def _improved(start: Floats, seen: _Seen, random: np.random.Generator) -> tuple[float, Floats]:
    """A better outline near one, and its score: steps at random that are kept where they help."""
    best, score, step = start, seen.rims(start), (_HIGHEST - _LOWEST) * 0.12
    for number in range(_STEPS):
        change = random.normal(size=len(best)) * step * (random.random(len(best)) < 0.5)
        other = np.clip(best + change, _LOWEST, _HIGHEST)
        if (reached := seen.rims(other)) > score:
            best, score = other, reached
        elif number % 20 == 19:
            step = step * 0.7
    return score, best


def _whole(form: Floats, seen: _Seen) -> Glasses:
    """Glasses with these rims, and the bridge and the temples that fit them best."""
    right, left = _outlines(form)
    inner = right[np.argmax(right[:, 0])], left[np.argmin(left[:, 0])]
    share = np.linspace(0, 1, 9)[:, None]
    lines = [np.concatenate([one, one[:1]]) for one in (right, left)]
    straight, down = inner[0] * (1 - share) + inner[1] * share, np.array([0, 1, 0])
    bridges = [
        straight + (up - bow * np.sin(np.pi * share)) * down
        for up in np.linspace(-0.25, 0.08, 12)
        for bow in (0.0, 0.05, 0.1)
    ]
    score, bridge = max(((seen.line(one), one) for one in bridges), key=lambda one: one[0])
    lines += [bridge] * (score > _PART_THERE)
    return Glasses(tuple(lines), tuple(_temple(side, one, seen) for side, one in enumerate((right, left))))


def _temple(side: int, rim: Floats, seen: _Seen) -> tuple[Floats, float] | None:
    outer = rim[np.argmax(rim[:, 0] * (2 * side - 1))]
    tried = [
        (outer + np.array([0, up, 0]), low)
        for up in np.linspace(-0.3, 0.1, 9)
        for low in np.linspace(-0.15, 0.2, 8)
    ]
    score, best = max(((seen.temple(side, *one), one) for one in tried), key=lambda one: one[0])
    return best if score > _PART_THERE else None


def _outlines(form: Floats) -> tuple[Floats, Floats]:
    """(_POINTS, 3) for each lens: its rim, as in ``Glasses.lines``."""
    width, height, gap, down, near, power, slant, across, roll = form
    angles = np.linspace(0, 2 * np.pi, _POINTS, endpoint=False)
    cos, sin = np.cos(angles), np.sin(angles)
    right, below = width * np.sign(cos) * np.abs(cos) ** power, height * np.sign(sin) * np.abs(sin) ** power
    rims = []
    for side in (-1, 1):
        outwards = right * side
        x = side * (gap / 2 + width) + right
        bent = 0.25 * np.clip(gap / 2 + width + outwards - 0.3, 0, None) ** 2
        rims.append(np.stack([x + across, down + below - slant * outwards + roll * x, near - bent], -1))
    return rims[0], rims[1]


@dataclass(frozen=True, eq=False)
class _Head:
    """Where a head is in a picture.

    Attributes:
        middle: (3,), between the eyes, pixels.
        beside: (2, 2), the rim of the face beside the right and the left eye, pixels.
        axes: (3, 3), right, down and towards the camera, each as long as the eyes are apart.
    """

    middle: Floats
    beside: Floats
    axes: Floats

    @classmethod
    def of(cls, points: Floats) -> _Head:
        """The head of a mesh (478, 3)."""
        right_eye, left_eye = (points[list(eye)].mean(0) for eye in EYES)
        across = left_eye - right_eye
        unit = float(np.linalg.norm(across))
        across = across / unit
        down = points[topology.CHIN] - points[BROW]
        down = down - across * (down @ across)
        down /= np.linalg.norm(down)
        near = np.cross(across, down)
        axes = unit * np.stack([across, down, near * -np.sign(near[2])])  # depth grows away from the camera
        return cls((right_eye + left_eye) / 2, points[list(BESIDE), :2], axes)

    @property
    def unit(self) -> float:
        """Distance of the eyes, pixels, as if seen from the front."""
        return float(np.linalg.norm(self.axes[0]))

    def at(self, places: Floats) -> Floats:
        """Pixels (N, 2) of places (N, 3) as in ``Glasses.lines``."""
        return (self.middle + places @ self.axes)[:, :2]

    def temple(self, side: int, begin: Floats, low: float) -> Floats:
        """Pixels (9, 2) along a temple."""
        start, end = self.at(begin[None])[0], self.beside[side] + low * self.axes[1, :2]
        return start + np.linspace(0, 1, 9)[:, None] * (end - start)


@dataclass(frozen=True, eq=False)
class _Seen:
    """Frames that lines are looked for in."""

    heads: Sequence[_Head]
    pictures: Sequence[NDArray[np.float32]]

    def rims(self, form: Floats) -> float:
        """How far both rims of an outline lie on lines: 0 to 1."""
        outlines = np.stack(_outlines(form))
        flat = [head.at(outlines.reshape(-1, 3)).reshape(2, -1, 2) for head in self.heads]
        return self._score(np.stack(flat), closed=True)

    def line(self, places: Floats) -> float:
        """The same of one line (N, 3)."""
        return self._score(np.stack([head.at(places)[None] for head in self.heads]), closed=False)

    def temple(self, side: int, begin: Floats, low: float) -> float:
        """The same of a temple."""
        return self._score(
            np.stack([head.temple(side, begin, low)[None] for head in self.heads]), closed=False
        )

    def _score(self, flat: Floats, *, closed: bool) -> float:
        return float(self._strengths(flat, closed=closed).mean())

    def _strengths(self, flat: Floats, *, closed: bool) -> Floats:
        """How far each point of lines (frames, lines, N, 2), in pixels, lies on one in all frames: 0 to 1."""
        along = np.roll(flat, -1, 2) - np.roll(flat, 1, 2)
        if not closed:
            along[:, :, [0, -1]] = along[:, :, [1, -2]]
        beside = np.stack([-along[..., 1], along[..., 0]], -1)
        beside *= _REACH / (np.linalg.norm(beside, axis=-1, keepdims=True) + 1e-6)
        steps = []
        for picture, here, step in zip(self.pictures, flat, beside, strict=True):
            places = np.concatenate([here - step, here, here + step]).astype(np.float32)
            value = cv2.remap(
                picture, places[..., 0], places[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
            ).reshape(3, *here.shape[:-1])
            steps.append(np.stack([value[0] - value[1], value[2] - value[1]]))
        usual = np.mean(steps, 0)  # (2, lines, N)
        wide = np.pad(usual, ((0, 0), (0, 0), (2, 2)), mode="wrap" if closed else "edge")
        even = np.mean([wide[..., i : i + usual.shape[-1]] for i in range(5)], 0)
        weaker = np.minimum(np.abs(even[0]), np.abs(even[1])) * (np.sign(even[0]) == np.sign(even[1]))
        return np.asarray(np.tanh(weaker / _CONTRAST))


def _lightness(crop: Image) -> NDArray[np.float32]:
    lab = cv2.cvtColor(crop, cv2.COLOR_RGB2LAB)
    return np.asarray(cv2.GaussianBlur(lab[..., 0].astype(np.float32), (0, 0), 0.7))
