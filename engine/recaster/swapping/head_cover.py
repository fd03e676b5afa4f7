"""Covers over heads: ellipses that hide who somebody is and can't be undone.

A plain cover holds nothing of the picture. A blurred one holds a dozen coarse colours of the head, rounded.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from recaster.faces.alignment import inner_points, pick_five
from recaster.faces.topology import MESH_POINTS
from recaster.media.types import Rect

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from recaster.faces.types import Box, Floats
    from recaster.media.types import Frame, Plate

PLAIN_GREY: Final = 112
BLUR_CELLS: Final = (3, 4)
"""Colours across and down that a blurred head keeps."""
BLUR_LEVELS: Final = 16
"""Levels of each of them, of 256."""
HEAD_WIDTH: Final = 1.55
"""Width of a head's cover in widths of the face's points, with ears and hair."""
HALF_HEIGHT: Final = 1.25
"""Half of its height in distances of the chin from the eyes, which lie halfway up a head; with hair."""
MIN_ASPECT: Final = 0.78
"""Least width over height: of a head in profile the points are narrow, and its back lies behind."""
UPWARDS: Final = 0.05
"""Height of its middle above the eyes, in halves of its height."""
BOX_EYES: Final = 0.4
"""Height of the eyes in a detector's box, from its top, as a share of the box."""
RIM_POINTS: Final = 16
"""Points of an ellipse's rim that are looked at."""
_SHIFT: Final = 4
"""Binary digits of OpenCV's fractions of pixels."""


@dataclass(frozen=True)
class HeadCover:
    """An ellipse over a head, in pixels of the frame.

    Attributes:
        x, y: its middle.
        width, height: its axes.
        angle: degrees clockwise by which its height leans.
        kind: "cover" or "blur", as of ``settings.choices.FALLBACKS``.
    """

    x: float
    y: float
    width: float
    height: float
    angle: float
    kind: str = "cover"

    def scaled(self, factor: float) -> HeadCover:
        """The same, so many times as large."""
        return replace(self, width=self.width * factor, height=self.height * factor)

    def contains(self, point: tuple[float, float]) -> bool:
        """True if a point (x, y) is well within it."""
        lean = np.radians(self.angle)
        dx = point[0] - self.x
        dy = point[1] - self.y
        across = dx * np.cos(lean) + dy * np.sin(lean)
        down = dy * np.cos(lean) - dx * np.sin(lean)
        return bool((across / (self.width / 2)) ** 2 + (down / (self.height / 2)) ** 2 < 1)

    def touches(self, other: HeadCover) -> bool:
        """True if it reaches into another: well into the other's middle or over its rim."""
        lean = np.radians(other.angle)
        for turn in np.linspace(0, 2 * np.pi, RIM_POINTS, endpoint=False):
            across = np.cos(turn) * other.width / 2
            down = np.sin(turn) * other.height / 2
            x = other.x + across * np.cos(lean) - down * np.sin(lean)
            y = other.y + across * np.sin(lean) + down * np.cos(lean)
            if self.contains((x, y)):
                return True
        return self.contains((other.x, other.y)) or other.contains((self.x, self.y))


def fit_head(points: Floats, kind: str) -> HeadCover:
    """Fits a cover to the head of a face with landmarks (N, 2 or 3)."""
    face = points[:MESH_POINTS, :2]
    lean = _measure_lean(points)
    turn = np.array([[np.cos(lean), np.sin(lean)], [-np.sin(lean), np.cos(lean)]])
    upright = face @ turn.T
    low, high = upright.min(axis=0), upright.max(axis=0)
    eyes = (pick_five(inner_points(points))[:2].mean(axis=0) @ turn.T)[1]
    # Of a head that looks up, the chin is near the eyes, and the forehead far from them.
    half = HALF_HEIGHT * max(high[1] - eyes, eyes - low[1], 1.0)
    x, y = np.array([(low[0] + high[0]) / 2, eyes - UPWARDS * half]) @ turn
    width = max(HEAD_WIDTH * (high[0] - low[0]), MIN_ASPECT * 2 * half)
    return HeadCover(float(x), float(y), float(width), float(2 * half), float(np.degrees(lean)), kind)


def cover_box(box: Box, kind: str) -> HeadCover:
    """Fits a cover to the head of a face with a detector's box, upright or not."""
    x, _ = box.centre
    half = HALF_HEIGHT * (1 - BOX_EYES) * max(box.width, box.height)
    y = box.top + BOX_EYES * box.height - UPWARDS * half
    return HeadCover(x, y, max(HEAD_WIDTH * box.width, 2 * half), 2 * half, 0.0, kind)


def _measure_lean(points: Floats) -> float:
    """Angle, in radians clockwise, by which a face leans: of the line through its eyes."""
    five = pick_five(inner_points(points))
    across = five[1] - five[0]
    down = five[3:].mean(axis=0) - five[:2].mean(axis=0)
    # From the eyes down to the mouth: in profile the eyes lie behind each other.
    if np.hypot(*down) > np.hypot(*across):
        return float(np.arctan2(-down[0], down[1]))
    return float(np.arctan2(across[1], across[0]))


def bound_cover(cover: HeadCover, size: tuple[int, int]) -> Rect | None:
    """Bounds the part of a frame (width, height) that a cover reaches; None if there is none."""
    reach = max(cover.width, cover.height) / 2 + 2
    left, top = max(0, int(cover.x - reach)), max(0, int(cover.y - reach))
    right, bottom = min(size[0], int(cover.x + reach) + 1), min(size[1], int(cover.y + reach) + 1)
    return Rect(left, top, right, bottom) if left < right and top < bottom else None


def draw_covers(
    image: Plate, whole: Rect, covers: Sequence[tuple[Rect, HeadCover]], frame: Frame
) -> NDArray[np.bool_]:
    """Draws covers into a part of a frame's plate, in the colours of its view; returns where they are.

    Args:
        image: the part, changed in place.
        whole: its place in the frame.
        covers: with the bounds of each; those outside that place are left out.
    """
    drawn = np.zeros(image.shape[:2], np.bool_)
    for place, cover in covers:
        if not whole.contains(place):
            continue
        here = place.relative_to(whole).crop(image)
        mask = _draw_ellipse(cover, place)
        weight = mask[..., None].astype(np.float32) / 255
        paint = _paint(here, cover, frame)
        under = np.nan_to_num(here.astype(np.float32))
        mixed = under + weight * (paint - under)
        inside = mask > 0
        here[inside] = (np.rint(mixed) if here.dtype == np.uint8 else mixed)[inside]
        place.relative_to(whole).crop(drawn)[inside] = True
    return drawn


def _draw_ellipse(cover: HeadCover, place: Rect) -> NDArray[np.uint8]:
    """Draws the ellipse within its place: 255 inside, less on its edge."""
    mask = np.zeros((place.height, place.width), np.uint8)
    unit = 1 << _SHIFT
    centre = (round((cover.x - place.left) * unit), round((cover.y - place.top) * unit))
    axes = (max(1, round(cover.width / 2 * unit)), max(1, round(cover.height / 2 * unit)))
    cv2.ellipse(mask, centre, axes, cover.angle, 0, 360, 255, -1, cv2.LINE_AA, _SHIFT)
    return mask


def _paint(here: Plate, cover: HeadCover, frame: Frame) -> NDArray[np.float32]:
    """Makes what is seen in place of the head, in the values of the plate."""
    shape = here.shape
    shown = here if frame.view is None else frame.view.decode(np.asarray(here, np.float32))
    if cover.kind == "blur":
        cells = cv2.resize(np.nan_to_num(shown.astype(np.float32)), BLUR_CELLS, interpolation=cv2.INTER_AREA)
        step = 256 / BLUR_LEVELS
        cells = np.clip(np.floor(cells / step) * step + step / 2, 0, 255)
        paint = cv2.resize(cells, shape[1::-1], interpolation=cv2.INTER_LINEAR)
    else:
        paint = np.full(shape, PLAIN_GREY, np.float32)
    return np.asarray(paint if frame.view is None else frame.view.encode(paint), np.float32)
