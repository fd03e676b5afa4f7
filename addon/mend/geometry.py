# SPDX-License-Identifier: GPL-3.0-or-later
"""Places of faces in clips and in the preview, and what dragging does to them; without Blender."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

Point = tuple[float, float]
Segment = tuple[Point, Point]

MIN_SIDE_PX = 8.0
HANDLE_LENGTH = 0.25
"""Length of the handle that turns a box, in its heights."""
FALLOFF = 0.35
"""Distance from a dragged point, in widths of the face, up to which others come along."""
CORNERS = ("nw", "ne", "sw", "se")
MOVE = "move"
ROTATE = "rotate"


@dataclass(frozen=True)
class Placement:
    """Place of a strip's picture in the preview, whose middle is (0, 0), in pixels of the scene, y up.

    Attributes:
        clip: width and height of the clip as the engine counts its pixels.
        image: the same as Blender reads them.
        offset: of the strip's transform, pixels.
        scale: of the strip's transform.
        rotation: of the strip's transform, radians, counter-clockwise.
        origin: about which it is scaled and turned, as shares of the picture from the lower left.
        flip: whether it is mirrored across and down, after all else, about the preview's middle.
        aspect: width of the scene's pixels over their height.
    """

    clip: tuple[int, int]
    image: tuple[int, int]
    offset: Point = (0.0, 0.0)
    scale: Point = (1.0, 1.0)
    rotation: float = 0.0
    origin: Point = (0.5, 0.5)
    flip: tuple[bool, bool] = (False, False)
    aspect: float = 1.0

    def to_view(self, point: Point) -> Point:
        """The place in the preview of one in the clip, in pixels from the clip's upper left."""
        across = (point[0] / self.clip[0] - 0.5) * self.image[0]
        up = (0.5 - point[1] / self.clip[1]) * self.image[1]
        pivot = self._pivot
        x, y = _turn(((across - pivot[0]) * self.scale[0], (up - pivot[1]) * self.scale[1]), self.rotation)
        mirrored = self._mirror((x + pivot[0] + self.offset[0], y + pivot[1] + self.offset[1]))
        return mirrored[0] * self.aspect, mirrored[1]

    def to_clip(self, point: Point) -> Point:
        """The place in the clip that the preview shows somewhere."""
        pivot = self._pivot
        x, y = self._mirror((point[0] / self.aspect, point[1]))
        x, y = _turn((x - pivot[0] - self.offset[0], y - pivot[1] - self.offset[1]), -self.rotation)
        across = x / (self.scale[0] or 1.0) + pivot[0]
        up = y / (self.scale[1] or 1.0) + pivot[1]
        return (across / self.image[0] + 0.5) * self.clip[0], (0.5 - up / self.image[1]) * self.clip[1]

    def _mirror(self, point: Point) -> Point:
        return point[0] * (-1 if self.flip[0] else 1), point[1] * (-1 if self.flip[1] else 1)

    @property
    def _pivot(self) -> Point:
        return (self.origin[0] - 0.5) * self.image[0], (self.origin[1] - 0.5) * self.image[1]


def _turn(point: Point, angle: float) -> Point:
    sine = math.sin(angle)
    cosine = math.cos(angle)
    return point[0] * cosine - point[1] * sine, point[0] * sine + point[1] * cosine


@dataclass(frozen=True)
class FaceBox:
    """A face's box in pixels of the clip, y down, and its roll in degrees, clockwise."""

    left: float
    top: float
    width: float
    height: float
    angle: float = 0.0

    @property
    def middle(self) -> Point:
        """Its middle."""
        return self.left + self.width / 2, self.top + self.height / 2

    @property
    def handle(self) -> Point:
        """The end of the handle that turns it, above the head."""
        turn = math.radians(self.angle)
        length = self.height * (0.5 + HANDLE_LENGTH)
        x, y = self.middle
        return x + math.sin(turn) * length, y - math.cos(turn) * length

    def corner(self, name: str) -> Point:
        """A corner: "nw", "ne", "sw" or "se"."""
        return self.left + self.width * ("e" in name), self.top + self.height * ("s" in name)

    def segments(self) -> list[Segment]:
        """Lines that show it."""
        nw, ne, sw, se = (self.corner(name) for name in CORNERS)
        return [(nw, ne), (ne, se), (se, sw), (sw, nw), (self.middle, self.handle)]


def find_part(box: FaceBox, point: Point, tolerance: float) -> str:
    """Finds what of a box is at a point, within some pixels of the clip; "" for nothing."""
    if math.dist(point, box.handle) <= tolerance:
        return ROTATE
    for name in CORNERS:
        if math.dist(point, box.corner(name)) <= tolerance:
            return name
    inside = 0 <= point[0] - box.left <= box.width and 0 <= point[1] - box.top <= box.height
    return MOVE if inside else ""


def drag_box(box: FaceBox, part: str, start: Point, now: Point) -> FaceBox:
    """The box after one of its parts was dragged from one point to another."""
    dx = now[0] - start[0]
    dy = now[1] - start[1]
    if part == MOVE:
        return replace(box, left=box.left + dx, top=box.top + dy)
    if part == ROTATE:
        x, y = box.middle
        return replace(box, angle=math.degrees(math.atan2(now[0] - x, y - now[1])))
    width = max(MIN_SIDE_PX, box.width + (dx if "e" in part else -dx))
    height = max(MIN_SIDE_PX, box.height + (dy if "s" in part else -dy))
    left = box.left if "e" in part else box.left + box.width - width
    top = box.top if "s" in part else box.top + box.height - height
    return replace(box, left=left, top=top, width=width, height=height)


def span_box(start: Point, now: Point) -> FaceBox:
    """The box between two points."""
    left, right = sorted((start[0], now[0]))
    top, bottom = sorted((start[1], now[1]))
    return FaceBox(left, top, max(MIN_SIDE_PX, right - left), max(MIN_SIDE_PX, bottom - top))


def find_point(points: list[Point], point: Point, tolerance: float) -> int | None:
    """Finds the nearest of some points within a distance; None for none."""
    nearest = min(range(len(points)), key=lambda at: math.dist(points[at], point), default=None)
    return nearest if nearest is not None and math.dist(points[nearest], point) <= tolerance else None


def drag_points(points: list[Point], at: int, now: Point, width: float) -> dict[int, Point]:
    """The points that come along when one is dragged, softly less with their distance from where it was.

    ``width`` is that of the face.
    """
    start = points[at]
    dx = now[0] - start[0]
    dy = now[1] - start[1]
    reach = FALLOFF * width
    moved = {}
    for index, point in enumerate(points):
        share = max(0.0, 1 - (math.dist(point, start) / reach) ** 2) ** 2 if reach > 0 else 0.0
        if index == at or share > 0.01:
            share = 1.0 if index == at else share
            moved[index] = point[0] + share * dx, point[1] + share * dy
    return moved
