# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies of a strip's look and animation onto its result, and of how it is swapped onto other strips."""

from __future__ import annotations

from typing import Any

import bpy

from .. import compat
from ..properties import CHOICES, KEYED, MASKS, OWN_STORY, keyed_name
from .cast import copy_cast
from .source_range import time_scalar_of

COPIED_PROPERTIES = (
    "use_linear_modifiers", "blend_type", "blend_alpha", "effect_fader", "use_default_fade", "color_tag",
    "use_flip_x", "use_flip_y", "use_float", "use_reverse_frames", "color_multiply",
    "multiply_alpha", "color_saturation", "strobe",
)  # fmt: skip
"""What a result takes over of its strip; where it lies in time is set apart, and files differ."""


def copy_proxy_settings(strip: Any, result: Any) -> None:
    """Lets a result have proxies of the sizes that its strip has; in files of their own."""
    result.use_proxy = True
    for name in ("build_25", "build_50", "build_75", "build_100", "quality", "timecode"):
        if hasattr(strip.proxy, name) and hasattr(result.proxy, name):
            setattr(result.proxy, name, getattr(strip.proxy, name))
    result.proxy.use_proxy_custom_directory = result.proxy.use_proxy_custom_file = False


def copy_interpretation(strip: Any, result: Any) -> None:
    """Copies how a strip's file is understood: colour space, alpha, views for two eyes.

    A result is never interlaced, has one stream of pictures, and no second file for another eye.
    """
    copy_properties(strip.colorspace_settings, result.colorspace_settings)
    result.alpha_mode = strip.alpha_mode
    result.use_deinterlace = False
    result.views_format = "STEREO_3D"
    result.use_multiview = strip.use_multiview and strip.views_format == "STEREO_3D"
    copy_properties(strip.stereo_3d_format, result.stereo_3d_format)


def copy_look(strip: Any, result: Any) -> None:
    """Copies how a strip looks: colours, blending, place in the picture, modifiers."""
    for name in COPIED_PROPERTIES:
        if hasattr(strip, name) and hasattr(result, name):
            setattr(result, name, getattr(strip, name))
    for part in ("transform", "crop"):
        copy_properties(getattr(strip, part, None), getattr(result, part, None))
    for modifier in strip.modifiers:
        made = result.modifiers.new(modifier.name, modifier.type)
        copy_properties(modifier, made)
        if hasattr(modifier, "curve_mapping"):
            _copy_curve_mapping(modifier.curve_mapping, made.curve_mapping)


def _copy_curve_mapping(one: Any, other: Any) -> None:
    """Copies the points of a modifier's curves."""
    for curve, copy in zip(one.curves, other.curves, strict=True):
        while len(copy.points) < len(curve.points):
            copy.points.new(0.5, 0.5)
        while len(copy.points) > len(curve.points):
            copy.points.remove(copy.points[1])
        for point, made in zip(curve.points, copy.points, strict=True):
            made.location = point.location
            made.handle_type = point.handle_type
    other.update()


def copy_properties(one: Any, other: Any, left_out: frozenset[str] = frozenset()) -> None:
    """Copies every plain property that can be written, and those of what it holds."""
    if one is None or other is None:
        return
    for known in one.bl_rna.properties:
        name = known.identifier
        if name == "rna_type" or name in left_out or not hasattr(other, name):
            continue
        if known.type == "POINTER" and known.is_readonly:
            copy_properties(getattr(one, name), getattr(other, name))
        elif known.type != "COLLECTION" and not known.is_readonly:
            setattr(other, name, getattr(one, name))


def take_over(earlier: Any, strip: Any) -> None:
    """Lets a strip go on as another one that it replaces: how that is swapped, and what became of it."""
    own = strip.recaster
    its = earlier.recaster
    masks = [f"{mask}{what}" for mask in MASKS for what in ("", "_from", "_strip")]
    for name in (*CHOICES, *masks, *OWN_STORY):
        setattr(own, name, getattr(its, name))
    copy_cast(earlier, strip)
    copy_properties(its.unknown, own.unknown)
    own.versions.clear()
    for one in its.versions:
        copy_properties(one, own.versions.add())


def clear_story(strip: Any) -> None:
    """Lets a copy of a strip begin without what became of that one."""
    for name in (*OWN_STORY, "versions", "markers"):
        strip.recaster.property_unset(name)


def copy_animation(scene: Any, strip: Any, result: Any) -> None:
    """Copies the animation of a strip (a fade, a move)."""
    curves = compat.curves_of(scene)
    if curves is None:
        return
    begin = strip.path_from_id()
    own = result.path_from_id()
    left_out = {f"{begin}.{keyed_name(name)}" for name in KEYED}  # how it was swapped
    for curve in list(curves):
        if not curve.data_path.startswith(begin + ".") or curve.data_path in left_out:
            continue
        _copy_curve(curves, curve, own + curve.data_path[len(begin) :])


def copy_look_animation(strip: Any, other: Any) -> None:
    """Lets a strip's look be animated as another's, in place of how it was: by curves and by drivers.

    Of the same file keys stay at the file's frames; of another they begin where the strip does.
    """
    scene = strip.id_data
    paths = {
        f"{strip.path_from_id()}.{keyed_name(name)}": f"{other.path_from_id()}.{keyed_name(name)}"
        for name in KEYED
    }
    if scene.animation_data is None or strip == other:
        return
    curves = compat.curves_of(scene)
    for known in (curves, scene.animation_data.drivers):
        for one in [one for one in known or () if one.data_path in paths.values()]:
            known.remove(one)
    shift = _shift_between(strip, other)
    for curve in [one for one in curves or () if one.data_path in paths]:
        _copy_curve(curves, curve, paths[curve.data_path], shift)
    drivers = scene.animation_data.drivers
    for driver in [one for one in drivers if one.data_path in paths]:
        made = drivers.from_existing(src_driver=driver)
        made.data_path = paths[driver.data_path]
        made.mute = driver.mute


def _shift_between(strip: Any, other: Any) -> int:
    """Frames of the timeline from a frame of a strip to that of another that is to look alike."""
    if _file_of(strip) != _file_of(other):
        return compat.left_handle(other) - compat.left_handle(strip)
    begin, end = (
        compat.content_start(one) - compat.trimmed_start(one) * time_scalar_of(one, one.id_data)
        for one in (strip, other)
    )
    return round(end - begin)


def _file_of(strip: Any) -> str:
    return str(bpy.path.abspath(getattr(strip, "filepath", "") or strip.directory))


def _copy_curve(curves: Any, curve: Any, path: str, shift: int = 0) -> None:
    """Makes a curve as another one, some frames later."""
    made = curves.find(path, index=curve.array_index) or curves.new(path, index=curve.array_index)
    made.keyframe_points.clear()
    made.keyframe_points.add(len(curve.keyframe_points))
    for point, copy in zip(curve.keyframe_points, made.keyframe_points, strict=True):
        copy_properties(point, copy)
        for name in ("co", "handle_left", "handle_right") if shift else ():
            place = getattr(point, name)
            setattr(copy, name, (place[0] + shift, place[1]))
    for modifier in curve.modifiers:
        copy_properties(modifier, made.modifiers.new(modifier.type))
    made.extrapolation = curve.extrapolation
    made.mute = curve.mute
    made.update()
