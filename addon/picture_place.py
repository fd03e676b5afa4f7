# SPDX-License-Identifier: GPL-3.0-or-later
"""Place of a strip's picture in the sequencer's preview; without Blender."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

Point = tuple[float, float]


class Placement(NamedTuple):
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


def placement_of(strip: Any, scene: Any, clip: tuple[int, int]) -> Placement:
    """The place of a strip's picture in the preview; ``clip`` is its size at the engine."""
    element = strip.elements[0] if strip.elements else None
    image = (element.orig_width, element.orig_height) if element is not None else (0, 0)
    transform = strip.transform
    render = scene.render
    return Placement(
        clip=clip,
        image=image if min(image) > 0 else clip,
        offset=(transform.offset_x, transform.offset_y),
        scale=(transform.scale_x, transform.scale_y),
        rotation=transform.rotation,
        origin=tuple(transform.origin),
        flip=(strip.use_flip_x, strip.use_flip_y),
        aspect=render.pixel_aspect_x / render.pixel_aspect_y,
    )


def _turn(point: Point, angle: float) -> Point:
    sine = math.sin(angle)
    cosine = math.cos(angle)
    return point[0] * cosine - point[1] * sine, point[0] * sine + point[1] * cosine
