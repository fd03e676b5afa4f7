# SPDX-License-Identifier: GPL-3.0-or-later
"""Places of faces in clips, and what dragging does to them; without Blender."""

from __future__ import annotations

import math
from typing import NamedTuple

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


class FaceBox(NamedTuple):
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

    def grips(self) -> list[Point]:
        """Places to drag it by."""
        return [*map(self.corner, CORNERS), self.handle]

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
        return box._replace(left=box.left + dx, top=box.top + dy)
    if part == ROTATE:
        x, y = box.middle
        return box._replace(angle=math.degrees(math.atan2(now[0] - x, y - now[1])))
    width = max(MIN_SIDE_PX, box.width + (dx if "e" in part else -dx))
    height = max(MIN_SIDE_PX, box.height + (dy if "s" in part else -dy))
    left = box.left if "e" in part else box.left + box.width - width
    top = box.top if "s" in part else box.top + box.height - height
    return box._replace(left=left, top=top, width=width, height=height)


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
