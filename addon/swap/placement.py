# SPDX-License-Identifier: GPL-3.0-or-later
"""Putting a finished swap on the timeline: a strip like the one it was made from, on a free channel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bpy

from .. import compat
from ..config import preferences
from ..properties import CHOICES
from .source_range import facts_of, pace_of

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


def name_of(strip: Any) -> str:
    """What the result of a strip is called."""
    return f"{strip.name.removesuffix(SUFFIX)}{SUFFIX}"


def owner_of(scene: Any, strip: Any) -> Any:
    """What a strip lies in: the sequence editor, or a meta strip."""
    return strip.parent_meta() or scene.sequence_editor


def place(scene: Any, strip: Any, path: Path, before: int, facts: str, relative: bool) -> Any:
    """Put a swap on the timeline, in the place of an earlier one of the same strip; returns its strip.

    Args:
        scene: where ``strip`` is.
        strip: the strip that was swapped.
        path: the finished swap.
        before: frames of the timeline from where the strip's content begins to the first one that it holds.
        facts: how the strip played its file when the swap was asked for (``facts_of``).
        relative: note the path relative to the saved file.

    Raises:
        PlaceError: no channel is free.
    """
    if not path.is_file():
        raise PlaceError(f"The result is gone: swap the strip again ({path})")
    if facts_of(strip, scene) != facts:
        raise PlaceError(f"The strip plays its file in another way now: swap it again (result: {path})")
    owner, own = owner_of(scene, strip), strip.recaster
    earlier = results_of(owner, strip)
    leaving = [*earlier, *(effect for one in earlier for effect in _effects_on(owner, one))]
    effects = _effects_on(owner, strip)
    channels = _channels(scene, owner, strip, 1 + len(effects), leaving)
    known = list(compat.strips_in(owner))
    editor, active = scene.sequence_editor, scene.sequence_editor.active_strip
    replaced = [one.select for one in earlier], active in earlier
    try:
        result = _make(scene, owner, strip, _shown(path, relative), channels[0], before)
    except BaseException:  # nothing half-made stays
        for one in [one for one in compat.strips_in(owner) if one not in known]:
            compat.strips_in(owner).remove(one)
        raise
    result.mute = any(one.mute for one in earlier)
    if earlier:
        _take_part(earlier[0], result)
    for one in reversed(leaving):  # effects go before what they work on, which would take them along
        compat.strips_in(owner).remove(one)
    result.channel = channels[0]  # Blender may have moved it out of the way of what was there
    for effect, channel in zip(effects, channels[1:], strict=True):
        made = compat.new_effect(owner, effect, channel, result)
        _copy(effect, made, compat.TIMING | {"name", "channel", "select", "input_1", "seq_1", "lock"})
        made.name, made.select = name_of(effect), False
    result.name = name_of(strip)
    if own.mute and not strip.lock:
        strip.mute = True
    # Whoever goes on editing keeps what is in hand; only a result that was replaced hands that on.
    result.select = any(replaced[0])
    editor.active_strip = result if replaced[1] else active
    _color(result)
    compat.connect(scene, strip, result)
    if getattr(strip, "use_proxy", False):
        _take_proxies(strip, result)
        compat.build_proxies(scene, result)
    return result


def results_of(owner: Any, strip: Any) -> list[Any]:
    """The results of a strip that are shown where it is."""
    uid = strip.recaster.uid
    return [
        one
        for one in compat.strips_in(owner)
        if uid and one.recaster.result_of == uid and one != strip and touch(one, strip)
    ]


def _take_part(earlier: Any, result: Any) -> None:
    """Let a result stand where an earlier one stood: what was made from that one is its own now."""
    for name in ("uid", "request", "job", "pending", "person", "portrait", "everyone", *CHOICES):
        setattr(result.recaster, name, getattr(earlier.recaster, name))


def _color(result: Any) -> None:
    """Mark a result, unless its strip is marked."""
    if result.color_tag == "NONE":
        result.color_tag = preferences().color_tag


def _take_proxies(strip: Any, result: Any) -> None:
    """Let a result have proxies of the sizes that its strip has; in files of their own."""
    result.use_proxy = True
    for name in ("build_25", "build_50", "build_75", "build_100", "quality", "timecode"):
        if hasattr(strip.proxy, name) and hasattr(result.proxy, name):
            setattr(result.proxy, name, getattr(strip.proxy, name))
    result.proxy.use_proxy_custom_directory = result.proxy.use_proxy_custom_file = False


def _make(scene: Any, owner: Any, strip: Any, shown: str, channel: int, before: int) -> Any:
    """The new strip, as its strip looks."""
    if compat.retimed(strip) or pace_of(strip, scene) != 1:
        result = _copied(scene, owner, strip, shown, channel)
        if not compat.retimed(strip):
            compat.set_content_start(result, compat.content_start(strip) + before)
    else:
        result = compat.new_movie(owner, strip.name, shown, channel, compat.content_start(strip) + before)
        _take_over(strip, result)
        _take_animation(scene, strip, result)
    if not compat.retimed(strip):
        compat.set_handles(result, compat.left_handle(strip), compat.right_handle(strip))
    result.recaster.result_of = strip.recaster.uid
    return result


def _shown(path: Path, relative: bool) -> str:
    """A path as the file notes it; another drive of Windows has none relative to it."""
    try:
        return bpy.path.relpath(str(path)) if relative else str(path)
    except ValueError:
        return str(path)


def touch(one: Any, other: Any) -> bool:
    """Whether two strips are shown at the same time."""
    return compat.left_handle(one) < compat.right_handle(other) and compat.right_handle(
        one
    ) > compat.left_handle(other)


def _channels(scene: Any, owner: Any, strip: Any, count: int, leaving: list[Any]) -> list[int]:
    """The next channels above a strip where nothing is in the way, and that are neither muted nor locked.

    The first is that of the earlier result, where there is one that is ``leaving``.
    """
    channels = getattr(owner, "channels", None) or scene.sequence_editor.channels
    first = leaving[0].channel if leaving and _free(owner, strip, leaving[0].channel, leaving) else None
    found = [] if first is None else [int(first)]
    for channel in range((first or strip.channel) + 1, CHANNELS + 1):
        its = channels[channel]
        if len(found) < count and not its.mute and not its.lock and _free(owner, strip, channel, leaving):
            found.append(channel)
    if len(found) < count:
        raise PlaceError(
            f"No channel above {strip.name!r} is free, unmuted and unlocked: make room, then Place Result"
        )
    return found


def _free(owner: Any, strip: Any, channel: int, ignored: list[Any]) -> bool:
    return not any(
        one.channel == channel and one not in ignored and touch(one, strip) for one in compat.strips_in(owner)
    )


def _take_over(strip: Any, result: Any) -> None:
    """Copy how a strip looks: colours, blending, place in the picture, modifiers."""
    for name in COPIED:
        if hasattr(strip, name) and hasattr(result, name):
            setattr(result, name, getattr(strip, name))
    for part in ("transform", "crop", "colorspace_settings"):
        _copy(getattr(strip, part, None), getattr(result, part, None))
    for modifier in strip.modifiers:
        made = result.modifiers.new(modifier.name, modifier.type)
        _copy(modifier, made)
        if hasattr(modifier, "curve_mapping"):
            _copy_curves(modifier.curve_mapping, made.curve_mapping)


def _copy_curves(one: Any, other: Any) -> None:
    """Copy the points of a modifier's curves."""
    for curve, copy in zip(one.curves, other.curves, strict=True):
        while len(copy.points) < len(curve.points):
            copy.points.new(0.5, 0.5)
        while len(copy.points) > len(curve.points):
            copy.points.remove(copy.points[1])
        for point, made in zip(curve.points, copy.points, strict=True):
            made.location, made.handle_type = point.location, point.handle_type
    other.update()


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


def _copied(scene: Any, owner: Any, strip: Any, shown: str, channel: int) -> Any:
    """A copy of a strip, in time as that one is played, that shows the swap."""
    result = compat.duplicate(scene, owner, strip)
    if result is None:
        raise PlaceError(f"Open the meta strip that holds {strip.name!r}, then Place Result")
    result.channel, result.filepath = channel, shown
    own = result.recaster
    own.uid = own.request = own.job = ""
    own.pending = False
    return result


def _effects_on(owner: Any, strip: Any) -> list[Any]:
    """The effects that work on a strip alone (speed, blur, glow)."""
    return [one for one in compat.strips_in(owner) if compat.effect_input(one) == strip]


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
