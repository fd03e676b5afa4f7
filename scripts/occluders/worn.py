"""Glasses, microphones on a boom and straps: things that people wear, drawn onto the mesh of a face.

What is worn keeps its place on the head, so the same thing can be drawn on many pictures of a person.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

Random = np.random.Generator

EYES = ((33, 133, 159, 145), (263, 362, 386, 374))
"""Corners and lids of the right and the left eye in the mesh."""
EARS = (127, 356)
BRIDGE = 168
CHIN = 152
BROW = 9
FACETS = 72
"""Corners of the line that stands for a rim."""
_SUB = 4
"""Bits of a pixel's fraction, as OpenCV's drawing takes it."""


@dataclass(frozen=True)
class Head:
    """Pose of a head in a picture: axes in pixels per distance of its eyes.

    Attributes:
        eyes: (2, 3), the middle of the right and the left eye.
        ears: (2, 3), the rim of the face beside them.
        right, down, near: (3,), as the picture shows them; near points to the camera.
        unit: distance of the eyes, in pixels if seen from the front.
    """

    eyes: Floats
    ears: Floats
    right: Floats
    down: Floats
    near: Floats
    unit: float

    @classmethod
    def of(cls, points: Floats) -> Head:
        """The head of a mesh (478, 3)."""
        eyes = np.stack([points[list(eye)].mean(0) for eye in EYES])
        across = eyes[1] - eyes[0]
        unit = float(np.linalg.norm(across))
        right = across / unit
        down = points[CHIN] - points[BROW]
        down = down - right * (down @ right)
        down /= np.linalg.norm(down)
        near = np.cross(right, down)
        near *= -np.sign(near[2])  # depth grows away from the camera
        return cls(eyes, points[list(EARS)], right, down, near, unit)

    def at(self, places: Floats) -> Floats:
        """(N, 2) pixels of places (N, 3), right, down, near from between the eyes, in eye distances."""
        axes = np.stack([self.right, self.down, self.near])
        return (self.eyes.mean(0) + self.unit * np.asarray(places) @ axes)[:, :2]


@dataclass(frozen=True)
class Glasses:
    """One pair of glasses; lengths in distances of the eyes.

    Attributes:
        half: half of a lens's width and height.
        gap: between the lenses.
        place: how far the lenses are below the eyes, and before them.
        form: 2 for ellipses, more for boxes with rounded corners.
        slant: how much the outer side is higher.
        rims: thickness above and below; 0 for no rim there.
        arms: thickness of temples and bridge.
        colour: (3,) RGB, and how opaque it is.
        pattern: how much the colour changes along the rim.
        lens: (3,) RGB of the lens and its share in what is seen through it.
        power: what is seen through a lens is larger by this share.
        shine: reflections: (3,) RGB, strength, and a seed for their shapes.
        shadow: how dark it lies on the skin, and how far below.
    """

    half: tuple[float, float]
    gap: float
    place: tuple[float, float]
    form: float
    slant: float
    rims: tuple[float, float]
    arms: float
    colour: tuple[Floats, float]
    pattern: float
    lens: tuple[Floats, float]
    power: float
    shine: tuple[Floats, float, int]
    shadow: tuple[float, float]

    @classmethod
    def drawn_from(cls, random: Random) -> Glasses:
        """Some pair of glasses."""
        width = random.uniform(0.33, 0.54)
        kind = random.random()
        thick = random.uniform(0.012, 0.032) if kind < 0.62 else random.uniform(0.035, 0.12)
        rims = (thick, thick * random.uniform(0.6, 1))
        if kind < 0.08:
            rims = (0.0, 0.0)
        elif kind < 0.16 or kind > 0.92:
            rims = (thick, 0.0)
        dark = random.random() < 0.12
        return cls(
            half=(width, width * random.uniform(0.6, 1.02)),
            gap=random.uniform(0.2, 0.36),
            place=(random.uniform(-0.02, 0.2), random.uniform(0.1, 0.3)),
            form=float(random.choice([2.0, 2.0, 2.6, 3.5, 5.0])),
            slant=random.uniform(-0.12, 0.2),
            rims=rims,
            arms=max(0.014, thick * random.uniform(0.6, 1.1)),
            colour=_frame_colour(random),
            pattern=random.uniform(0, 0.5) if random.random() < 0.4 else 0.0,
            lens=(
                random.uniform(0, 70, 3) if dark else random.uniform(120, 255, 3),
                random.uniform(0.7, 1) if dark else random.uniform(0, 0.12),
            ),
            power=random.normal(0, 0.06),
            shine=(
                random.uniform(120, 255, 3)
                if random.random() < 0.4
                else np.full(3, random.uniform(170, 255)),
                random.uniform(0.1, 1.0) if random.random() < 0.5 else 0.0,
                int(random.integers(1 << 30)),
            ),
            shadow=(random.uniform(0, 0.4), random.uniform(0.0, 0.1)),
        )

    def worn(self, picture: Floats, points: Floats) -> tuple[Floats, Floats]:
        """A picture (S, S, 3) with them on, and what they hide of it (S, S, 1)."""
        head = Head.of(points)
        size = len(picture)
        frame, rims = self._frame(head, size)
        picture = picture * (1 - self._shadow(frame, head.unit))
        covered = np.zeros((size, size), np.float32)
        for rim in rims:
            picture, hidden = self._through(picture, rim, head)
            covered = np.maximum(covered, hidden)
        colour, opaque = self.colour
        shade = self._pattern(size) * _lit(frame)
        over = (frame * opaque)[..., None]
        picture = picture * (1 - over) + (colour * shade[..., None]) * over
        return picture.astype(np.float32), np.maximum(covered, frame)[..., None]

    def _rim(self, side: int) -> Floats:
        """(FACETS, 3): the outline of a lens; side -1 for the one on the picture's left."""
        angles = np.linspace(0, 2 * np.pi, FACETS, endpoint=False)
        cos = np.cos(angles)
        sin = np.sin(angles)
        power = 2 / self.form
        across = self.half[0] * np.sign(cos) * np.abs(cos) ** power
        down = self.half[1] * np.sign(sin) * np.abs(sin) ** power
        middle = self.gap / 2 + self.half[0]
        outwards = across * side
        near = self.place[1] - 0.25 * np.clip(middle + outwards - 0.3, 0, None) ** 2
        down = down * (1 - 0.08 * np.clip(-outwards / self.half[0], 0, 1)) - self.slant * outwards
        return np.stack([side * middle + across, down + self.place[0], near], -1).astype(np.float32)

    def _frame(self, head: Head, size: int) -> tuple[Floats, list[Floats]]:
        """Draws the frame's coverage of each pixel, (size, size); also returns the lenses' outlines."""
        frame = np.zeros((size, size), np.uint8)
        rims = []
        for side, ear in zip((-1, 1), head.ears, strict=True):
            rim = self._rim(side)
            flat = head.at(rim)
            rims.append(flat)
            above = rim[:, 1] < self.place[0] - 0.2 * self.half[1]
            for there, thick in ((above, self.rims[0]), (~above, self.rims[1])):
                if thick:
                    first = int(np.flatnonzero(there & ~np.roll(there, 1))[0])
                    run = (first + np.arange(-1, there.sum() + 1)) % FACETS
                    _line(frame, flat[run], thick * head.unit)
            outer = rim[np.argmax(rim[:, 0] * side - 0.3 * rim[:, 1])]
            hinge = outer + np.array([side * 0.05, 0, -0.05])
            end = ear[:2] + side * 0.1 * head.unit * head.right[:2]
            _line(frame, [*head.at(np.stack([outer, hinge])), end], self.arms * head.unit)
            if self.rims[1] < 0.03:  # pads on the nose
                pad = head.at(np.array([[side * 0.12, self.place[0] + 0.2, self.place[1] - 0.08]]))[0]
                inner = rim[np.argmin(rim[:, 0] * side)]
                _line(frame, [head.at(inner[None])[0], pad], 0.012 * head.unit)
        half = self.gap / 2
        (low, near) = self.place
        arch = np.array([[-half, low - 0.06, near], [0, low - 0.12, near + 0.04], [half, low - 0.06, near]])
        _line(frame, head.at(arch), self.arms * head.unit * 1.1)
        return frame.astype(np.float32) / 255, rims

    def _shadow(self, frame: Floats, unit: float) -> Floats:
        dark, below = self.shadow
        moved = np.float32([[1, 0, 0], [0, 1, below * unit]])
        soft = cv2.GaussianBlur(cv2.warpAffine(frame, moved, frame.shape[::-1]), (0, 0), 0.5 + 0.03 * unit)
        return (dark * soft)[..., None]

    def _through(self, picture: Floats, rim: Floats, head: Head) -> tuple[Floats, Floats]:
        """A picture with what a lens does to it, and how much of it that hides (S, S)."""
        size = len(picture)
        inside = np.zeros((size, size), np.uint8)
        cv2.fillPoly(inside, [np.rint(rim * (1 << _SUB)).astype(np.int32)], 255, cv2.LINE_AA, _SUB)
        glass = (inside.astype(np.float32) / 255)[..., None]
        if abs(self.power) > 0.02:
            middle = rim.mean(0)
            scale = 1 / (1 + self.power)
            matrix = np.float32([[scale, 0, middle[0] * (1 - scale)], [0, scale, middle[1] * (1 - scale)]])
            flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
            bent = cv2.warpAffine(picture.astype(np.float32), matrix, (size, size), flags=flags)
            picture = picture * (1 - glass) + bent * glass
        colour, share = self.lens
        picture = picture * (1 - glass * share) + colour * glass * share
        shine = self._shine(rim, head.unit, size)[..., None] * glass
        picture = picture * (1 - shine) + self.shine[0] * shine
        hides = np.clip(1.5 * shine, 0, 1) if share < 0.5 else glass
        return picture, hides[..., 0]

    def _shine(self, rim: Floats, unit: float, size: int) -> Floats:
        """Draws the strength of reflections in each pixel: windows, bands and spots, (size, size)."""
        _, strength, seed = self.shine
        shine = np.zeros((size, size), np.float32)
        random = np.random.default_rng(seed)
        for _ in range(random.integers(1, 4) if strength else 0):
            one = np.zeros((size, size), np.uint8)
            place = rim.mean(0) + random.uniform(-0.4, 0.4, 2) * unit
            sides = random.uniform(0.04, 0.5, 2) * unit
            turn = float(random.normal(0, 25))
            if random.random() < 0.5:
                box = cv2.boxPoints((place.tolist(), sides.tolist(), turn))
                cv2.fillPoly(one, [np.rint(box * (1 << _SUB)).astype(np.int32)], 255, cv2.LINE_AA, _SUB)
            else:
                cv2.ellipse(one, (place.tolist(), sides.tolist(), turn), 255, -1, cv2.LINE_AA)
            soft = cv2.GaussianBlur(one, (0, 0), unit * random.uniform(0.005, 0.06)) / np.float32(255)
            shine = np.maximum(shine, soft * strength * random.uniform(0.4, 1))
        return shine

    def _pattern(self, size: int) -> Floats:
        if not self.pattern:
            return np.ones((size, size), np.float32)
        random = np.random.default_rng(self.shine[2])
        spots = random.normal(0, self.pattern, (24, 24)).astype(np.float32)
        return np.exp(cv2.resize(spots, (size, size), interpolation=cv2.INTER_CUBIC))


def _frame_colour(random: Random) -> tuple[Floats, float]:
    """RGB of a frame, and how opaque it is."""
    kind = random.random()
    if kind < 0.4:  # black and dark brown
        return random.uniform(5, 60) * random.uniform(0.8, 1.2, 3), 1.0
    if kind < 0.6:  # gold, silver, copper
        tone = np.array([(200, 165, 95), (185, 187, 190), (170, 105, 75)])[random.integers(3)]
        return tone * random.uniform(0.5, 1.2), 1.0
    if kind < 0.7:  # clear plastic
        return random.uniform(150, 250) * random.uniform(0.9, 1.1, 3), random.uniform(0.35, 0.8)
    if kind < 0.85:  # horn
        return np.array([120, 70, 35]) * random.uniform(0.4, 1.2), 1.0
    return random.uniform(0, 230, 3), 1.0


def boom(random: Random, points: Floats) -> list[tuple[Floats, float, Floats]]:
    """A microphone beside the mouth on a boom from the ear: lines (N, 3), thickness, RGB; see ``Head.at``."""
    side = int(random.choice([-1, 1]))
    head = Head.of(points)
    mouth = (points[13] - head.eyes.mean(0)) / head.unit @ np.stack([head.right, head.down, head.near]).T
    start = np.array([side * 1.05, random.uniform(0.0, 0.4), -0.6])
    end = mouth + np.array([side * random.uniform(0.1, 0.6), random.uniform(-0.1, 0.25), 0.15])
    bend = (start + end) / 2 + np.array([side * 0.15, random.uniform(0, 0.25), 0.1])
    share = np.linspace(0, 1, 12)[:, None]
    line = (1 - share) ** 2 * start + 2 * share * (1 - share) * bend + share**2 * end
    dark = random.uniform(5, 80) * np.ones(3) if random.random() < 0.7 else random.uniform(60, 220, 3)
    tip = np.stack([end, end + np.array([-side * random.uniform(0.02, 0.12), 0, 0.02])])
    return [
        (line, random.uniform(0.02, 0.07), dark),
        (tip, random.uniform(0.06, 0.3), dark * random.uniform(0.5, 1.3)),
    ]


def strap(random: Random, points: Floats) -> list[tuple[Floats, float, Floats]]:
    """A band across forehead, cheeks or chin, as ``boom`` gives it."""
    del points
    low = random.uniform(-0.75, 1.3)
    tilt = random.normal(0, 0.35)
    bow = random.normal(0, 0.2)
    across = np.linspace(-1.2, 1.2, 16)
    down = low + tilt * across + bow * (across**2 - 0.5)
    near = 0.35 - 0.5 * across**2
    colour = random.uniform(10, 240, 3) if random.random() < 0.5 else random.uniform(10, 240) * np.ones(3)
    return [(np.stack([across, down, near], -1), random.uniform(0.03, 0.3), colour)]


def laid(
    lines: Sequence[tuple[Floats, float, Floats]], picture: Floats, points: Floats
) -> tuple[Floats, Floats]:
    """A picture (S, S, 3) with lines on it, and what they hide of it (S, S, 1)."""
    head = Head.of(points)
    size = len(picture)
    covered = np.zeros((size, size, 1), np.float32)
    for line, thick, colour in lines:
        one = np.zeros((size, size), np.uint8)
        _line(one, head.at(line), thick * head.unit)
        over = one.astype(np.float32)[..., None] / 255
        picture = picture * (1 - over) + colour * _lit(over[..., 0], 0.5)[..., None] * over
        covered = np.maximum(covered, over)
    return picture.astype(np.float32), covered


def _lit(shape: Floats, strength: float = 0.6) -> Floats:
    """Shading of a thin round shape: brighter above, darker below."""
    soft = cv2.GaussianBlur(shape, (0, 0), 1.5)
    slope = cv2.Sobel(soft, cv2.CV_32F, 0, 1, ksize=3)
    return np.clip(1 + strength * slope, 0.3, 2)


def _line(picture: NDArray[np.uint8], points: Sequence[Floats] | Floats, thick: float) -> None:
    """Draw a line of a thickness in pixels that need not be whole, lighter where it is thinner than one."""
    whole = max(1, round(thick))
    corners = np.rint(np.asarray(points) * (1 << _SUB)).astype(np.int32)
    level = int(np.clip(255 * thick / whole, 90, 255))
    cv2.polylines(picture, [corners], False, level, whole, cv2.LINE_AA, _SUB)
