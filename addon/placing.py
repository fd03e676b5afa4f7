# SPDX-License-Identifier: GPL-3.0-or-later
"""Putting a finished swap on the timeline: a strip like the one it was made from, on a free channel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bpy

from . import compat

if TYPE_CHECKING:
    from pathlib import Path

CHANNELS = 128
SUFFIX = " (Face Swap)"
COPIED = (
    "use_linear_modifiers", "blend_type", "blend_alpha", "effect_fader", "use_default_fade", "color_tag",
    "alpha_mode", "use_flip_x", "use_flip_y", "use_float", "use_reverse_frames", "color_multiply",
    "multiply_alpha", "color_saturation", "strobe",
)  # fmt: skip
"""What a result takes over of its strip; where it lies in time is set apart, and files differ."""


class PlaceError(Exception):
    """The result can't be put on the timeline now; the message says what to do."""


def owner_of(scene: Any, strip: Any) -> Any:
    """What a strip lies in: the sequence editor, or a meta strip."""
    return strip.parent_meta() or scene.sequence_editor


def place(scene: Any, strip: Any, path: Path, before: int, relative: bool) -> Any:
    """Put a swap on the timeline, in the place of an earlier one of the same strip; returns its strip.

    Args:
        scene: where ``strip`` is.
        strip: the strip that was swapped.
        path: the finished swap.
        before: frames of the strip's content before the first one that the swap holds.
        relative: note the path relative to the saved file.

    Raises:
        PlaceError: no channel is free.
    """
    owner = owner_of(scene, strip)
    own = strip.recaster
    earlier = [one for one in compat.strips_in(owner) if one.recaster.result_of == own.uid]
    channel = _channel(scene, owner, strip, earlier)
    muted = False
    for one in earlier:
        muted = muted or one.mute
        _forget_effects(owner, one)
        compat.strips_in(owner).remove(one)
    shown = bpy.path.relpath(str(path)) if relative else str(path)
    if compat.retimed(strip):
        result = _retimed(scene, owner, strip, shown, channel)
    else:
        result = compat.new_movie(owner, strip.name, shown, channel, compat.content_start(strip) + before)
        _take_over(strip, result)
        compat.set_handles(result, compat.left_handle(strip), compat.right_handle(strip))
    result.name = strip.name.removesuffix(SUFFIX) + SUFFIX
    result.recaster.result_of = own.uid
    result.mute = muted
    _take_animation(scene, strip, result)
    _take_effects(scene, owner, strip, result)
    if own.mute and not strip.lock:
        strip.mute = True
    strip.select, result.select = False, True
    scene.sequence_editor.active_strip = result
    return result


def _channel(scene: Any, owner: Any, strip: Any, ignored: list[Any]) -> int:
    """The next channel above a strip where nothing is in the way, and that is neither muted nor locked."""
    if ignored and _free(owner, strip, ignored[0].channel, ignored):
        return int(ignored[0].channel)
    channels = getattr(owner, "channels", None) or scene.sequence_editor.channels
    for channel in range(strip.channel + 1, CHANNELS + 1):
        its = channels[channel]
        if not its.mute and not its.lock and _free(owner, strip, channel, ignored):
            return channel
    raise PlaceError(
        f"no channel above {strip.name!r} is free, unmuted and unlocked; make room, then press Place Result"
    )


def _free(owner: Any, strip: Any, channel: int, ignored: list[Any]) -> bool:
    left, right = compat.left_handle(strip), compat.right_handle(strip)
    return not any(
        one.channel == channel
        and one not in ignored
        and compat.left_handle(one) < right
        and compat.right_handle(one) > left
        for one in compat.strips_in(owner)
    )


def _take_over(strip: Any, result: Any) -> None:
    """Copy how a strip looks: colours, blending, place in the picture, modifiers."""
    for name in COPIED:
        if hasattr(strip, name) and hasattr(result, name):
            setattr(result, name, getattr(strip, name))
    for part in ("transform", "crop", "colorspace_settings"):
        _copy(getattr(strip, part, None), getattr(result, part, None))
    for modifier in strip.modifiers:
        _copy(modifier, result.modifiers.new(modifier.name, modifier.type))


def _copy(one: Any, other: Any, left_out: frozenset[str] = frozenset()) -> None:
    """Copy every plain property that can be written, and those of what it holds."""
    if one is None or other is None:
        return
    for known in one.bl_rna.properties:
        name = known.identifier
        if name == "rna_type" or name in left_out or not hasattr(other, name):
            continue
        if known.type == "POINTER" and known.is_readonly:
            _copy(getattr(one, name), getattr(other, name))
        elif known.type != "COLLECTION" and not known.is_readonly:
            setattr(other, name, getattr(one, name))


def _retimed(scene: Any, owner: Any, strip: Any, shown: str, channel: int) -> Any:
    """A copy of a retimed strip that shows the swap, which holds all of the strip's file."""
    result = compat.duplicate(scene, owner, strip)
    if result is None:
        raise PlaceError(f"{strip.name!r} is retimed: open the meta strip that holds it, then Place Result")
    result.channel, result.filepath = channel, shown
    own = result.recaster
    own.uid = own.request = own.job = ""
    own.pending = False
    return result


def _take_animation(scene: Any, strip: Any, result: Any) -> None:
    """Copy the animation of a strip (a fade, a move)."""
    curves = compat.curves_of(scene)
    if curves is None:
        return
    begin, own = strip.path_from_id(), result.path_from_id()
    for curve in list(curves):
        if not curve.data_path.startswith(begin + "."):
            continue
        path = own + curve.data_path[len(begin) :]
        made = curves.find(path, index=curve.array_index) or curves.new(path, index=curve.array_index)
        made.keyframe_points.clear()
        made.keyframe_points.add(len(curve.keyframe_points))
        for point, copy in zip(curve.keyframe_points, made.keyframe_points, strict=True):
            _copy(point, copy)
        made.extrapolation = curve.extrapolation
        made.update()


def _effects_on(owner: Any, strip: Any) -> list[Any]:
    return [one for one in compat.strips_in(owner) if compat.effect_input(one) == strip]


def _take_effects(scene: Any, owner: Any, strip: Any, result: Any) -> None:
    """Put the same effects on a result that work on its strip alone (speed, blur, glow)."""
    for effect in _effects_on(owner, strip):
        channel = _channel(scene, owner, result, [])
        made = compat.new_effect(owner, effect, channel, result)
        _copy(effect, made, compat.TIMING | {"name", "channel", "select", "input_1", "seq_1", "lock"})
        made.name = effect.name.removesuffix(SUFFIX) + SUFFIX


def _forget_effects(owner: Any, strip: Any) -> None:
    for effect in _effects_on(owner, strip):
        compat.strips_in(owner).remove(effect)
