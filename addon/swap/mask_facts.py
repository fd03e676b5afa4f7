# SPDX-License-Identifier: GPL-3.0-or-later
"""Shapes, animation and places that masks are rendered of, to tell whether they were changed meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import bpy

from .. import compat
from .source_range import strip_fingerprint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .strip_choices import StripChoices

OF_LAYER = (
    "alpha",
    "blend",
    "invert",
    "falloff",
    "hide",
    "hide_render",
    "use_fill_holes",
    "use_fill_overlap",
)
OF_SPLINE = ("offset_mode", "use_cyclic", "use_fill", "use_self_intersection_check", "weight_interpolation")
OF_POINT = ("co", "handle_left", "handle_left_type", "handle_right", "handle_right_type", "weight")
OF_PARENT = ("type", "parent", "sub_parent")
OF_FEATHER = ("u", "weight")
OF_KEY = ("co", "handle_left", "handle_right", "interpolation", "easing")
OF_TRANSFORM = ("offset_x", "offset_y", "scale_x", "scale_y", "rotation", "origin")
OF_PICTURE = ("use_flip_x", "use_flip_y")
OF_RENDER = ("resolution_x", "resolution_y", "pixel_aspect_x", "pixel_aspect_y")


class MaskFacts(NamedTuple):
    """Shapes, animation and places that masks are rendered of, as plain values.

    Attributes:
        frame: the scene's, at which these were read.
        lasting: those that are the same in all frames.
        at_frame: shapes and places, which may be animated.
    """

    frame: int
    lasting: Any
    at_frame: Any

    @classmethod
    def of(cls, strip: Any, choices: StripChoices, kinds: Iterable[str]) -> MaskFacts:
        """Reads them for a strip with its choices; of a mask that isn't there, nothing."""
        scene = strip.id_data
        lasting: list[Any] = []
        at_frame: list[Any] = []
        for kind, choice in ((kind, getattr(choices, kind)) for kind in kinds):
            if choice is None:
                continue
            lasting.append((kind, choice))
            mask = bpy.data.masks.get(choice.name)
            if choice.over:
                over = [one for one in compat.all_strips(scene) if one.name == choice.name]
                lasting += [strip_fingerprint(strip, scene), *map(_read_place, (strip, *over))]
                lasting.append(_read(scene.render, OF_RENDER))
                at_frame += [_read(one.transform, OF_TRANSFORM) for one in (strip, *over)]
                mask = over[0].mask if over else None
            if mask is not None:
                curves = _read_curves(mask)
                lasting.append((mask.name, mask.frame_start, curves))
                at_frame += [_read_layer(layer, {path for path, *_ in curves}) for layer in mask.layers]
        return cls(scene.frame_current, lasting, at_frame)

    def is_same_as(self, other: MaskFacts) -> bool:
        """Tells if both are the same, whatever the frames."""
        return (self.lasting, self.at_frame) == (other.lasting, other.at_frame)


class MaskWatch:
    """Notices what is edited between two steps of rendering masks.

    Rendering leaves shapes that have keys as they are in another frame, and values of scripts as Blender
    takes them: shapes that move in a step, in which nobody can edit, tell nothing of edits afterwards.
    """

    def __init__(self, read: Callable[[], MaskFacts]) -> None:
        self._read = read
        self.facts = read()
        self._do_shapes_move = False

    def note_step(self) -> None:
        """Notes what a step has left."""
        before = self.facts
        self.facts = self._read()
        self._do_shapes_move |= self.facts.at_frame != before.at_frame

    def was_changed(self) -> bool:
        """Tells if something was edited since the last step."""
        before = self.facts
        self.facts = self._read()
        can_tell = not self._do_shapes_move and self.facts.frame == before.frame
        return self.facts.lasting != before.lasting or (can_tell and self.facts.at_frame != before.at_frame)


def _read(item: Any, names: tuple[str, ...]) -> tuple[Any, ...]:
    """Reads properties; arrays as tuples."""
    values = (getattr(item, name, None) for name in names)
    return tuple(
        tuple(one) if hasattr(one, "__len__") and not isinstance(one, str) else one for one in values
    )


def _read_place(strip: Any) -> tuple[Any, ...]:
    """Reads where a strip lies in time, and how it shows its picture."""
    handles = compat.left_handle(strip), compat.right_handle(strip), compat.content_start(strip)
    return (strip.name, *handles, *_read(strip, OF_PICTURE))


def _read_curves(mask: Any) -> list[Any]:
    """Reads a mask's animation."""
    return [
        (curve.data_path, curve.mute, *(_read(key, OF_KEY) for key in curve.keyframe_points))
        for curve in compat.curves_of(mask) or ()
    ]


def _read_layer(layer: Any, animated: set[str]) -> list[Any]:
    """Reads a mask's layer with its splines; what is animated is as its curve says, sooner or later."""
    begin = f'layers["{bpy.utils.escape_identifier(layer.name)}"].'
    found: list[Any] = [_read(layer, tuple(one for one in OF_LAYER if begin + one not in animated))]
    for spline in layer.splines:
        found.append(_read(spline, OF_SPLINE))
        for point in spline.points:
            parent = point.parent
            found += [_read(point, OF_POINT), _read(parent, OF_PARENT), parent.id and parent.id.name]
            found += [_read(one, OF_FEATHER) for one in point.feather_points]
    return found
