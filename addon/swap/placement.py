# SPDX-License-Identifier: GPL-3.0-or-later
"""Putting a finished swap on the timeline: a strip like the one it was made from, on a free channel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bpy

from .. import compat
from ..config import preferences
from ..properties import CHOICES
from .source_range import strip_fingerprint, time_scalar_of
from .strip_copy import copy_animation, copy_look, copy_properties, copy_proxy_settings

if TYPE_CHECKING:
    from pathlib import Path

MAX_CHANNEL = 128
SUFFIX = " (Face Swap)"


class PlacementError(Exception):
    """The result can't be put on the timeline now; the message says what to do."""


def result_strip_name(strip: Any) -> str:
    """Returns the name of a strip's result."""
    return f"{strip.name.removesuffix(SUFFIX)}{SUFFIX}"


def container_of(scene: Any, strip: Any) -> Any:
    """Returns the container of a strip: the sequence editor, or a meta strip."""
    return strip.parent_meta() or scene.sequence_editor


def place_result(
    scene: Any, strip: Any, path: Path, content_offset: int, fingerprint: str, *, is_relative: bool
) -> Any:
    """Puts a swap on the timeline, in the place of an earlier one of the same strip; returns its strip.

    Args:
        scene: where ``strip`` is.
        strip: the strip that was swapped.
        path: the finished swap.
        content_offset: frames of the timeline from the beginning of the strip's content to the first that
            was swapped.
        fingerprint: how the strip played its file when the swap was asked for (``strip_fingerprint``).
        is_relative: note the path relative to the saved file.

    Raises:
        PlacementError: no channel is free.
    """
    _check(scene, strip, path, fingerprint)
    container = container_of(scene, strip)
    earlier = results_of(container, strip)
    leaving = [*earlier, *(effect for one in earlier for effect in _effects_on(container, one))]
    effects = _effects_on(container, strip)
    channels = _free_channels(scene, container, strip, 1 + len(effects), leaving)
    editor = scene.sequence_editor
    active = editor.active_strip
    was_active = active in earlier
    was_selected = any(one.select for one in earlier)
    result = _make_whole(scene, container, strip, _noted_path(path, is_relative), channels[0], content_offset)
    result.mute = any(one.mute for one in earlier)
    if earlier:
        _take_part(earlier[0], result)
    for one in reversed(leaving):  # effects go before what they work on, which would take them along
        compat.strips_in(container).remove(one)
    result.channel = channels[0]  # Blender may have moved it out of the way of what was there
    _copy_effects(container, effects, channels[1:], result)
    result.name = result_strip_name(strip)
    if strip.recaster.mute and not strip.lock:
        strip.mute = True
    # Whoever goes on editing keeps what is in hand; only a result that was replaced hands that on.
    result.select = was_selected
    editor.active_strip = result if was_active else active
    if result.color_tag == "NONE":
        result.color_tag = preferences().color_tag
    compat.connect(scene, strip, result)
    if getattr(strip, "use_proxy", False):
        copy_proxy_settings(strip, result)
        compat.build_proxies(scene, result)
    return result


def _check(scene: Any, strip: Any, path: Path, fingerprint: str) -> None:
    """Refuses a result that is gone, or of a strip that plays its file in another way now."""
    if not path.is_file():
        raise PlacementError(f"The result is gone: swap the strip again ({path})")
    if strip_fingerprint(strip, scene) != fingerprint:
        raise PlacementError(f"The strip plays its file in another way now: swap it again (result: {path})")


def _make_whole(scene: Any, container: Any, strip: Any, path: str, channel: int, content_offset: int) -> Any:
    """Makes the result's strip; where that fails nothing half-made stays."""
    known = list(compat.strips_in(container))
    try:
        return _make(scene, container, strip, path, channel, content_offset)
    except BaseException:
        for one in [one for one in compat.strips_in(container) if one not in known]:
            compat.strips_in(container).remove(one)
        raise


def _copy_effects(container: Any, effects: list[Any], channels: list[int], result: Any) -> None:
    """Lays copies of a strip's effects over its result."""
    for effect, channel in zip(effects, channels, strict=True):
        made = compat.new_effect(container, effect, channel, result)
        copy_properties(
            effect, made, compat.TIMING | {"name", "channel", "select", "input_1", "seq_1", "lock"}
        )
        made.name = result_strip_name(effect)
        made.select = False


def results_of(container: Any, strip: Any) -> list[Any]:
    """The results of a strip that are shown where it is."""
    uid = strip.recaster.uid
    return [
        one
        for one in compat.strips_in(container)
        if uid and one.recaster.result_of == uid and one != strip and overlap(one, strip)
    ]


def _take_part(earlier: Any, result: Any) -> None:
    """Lets a result stand where an earlier one stood: what was made from that one is its own now."""
    for name in ("uid", "request", "job", "pending", "person", "portrait", "everyone", *CHOICES):
        setattr(result.recaster, name, getattr(earlier.recaster, name))


def _make(scene: Any, container: Any, strip: Any, path: str, channel: int, content_offset: int) -> Any:
    """The new strip, as its strip looks."""
    if compat.retimed(strip) or time_scalar_of(strip, scene) != 1:
        result = _duplicate(scene, container, strip, path, channel)
        if not compat.retimed(strip):
            compat.set_content_start(result, compat.content_start(strip) + content_offset)
    else:
        start = compat.content_start(strip) + content_offset
        result = compat.new_movie(container, strip.name, path, channel, start)
        copy_look(strip, result)
        copy_animation(scene, strip, result)
    if not compat.retimed(strip):
        compat.set_handles(result, compat.left_handle(strip), compat.right_handle(strip))
    result.recaster.result_of = strip.recaster.uid
    return result


def _noted_path(path: Path, is_relative: bool) -> str:
    """A path as the file notes it; another drive of Windows has none relative to it."""
    try:
        return bpy.path.relpath(str(path)) if is_relative else str(path)
    except ValueError:
        return str(path)


def overlap(one: Any, other: Any) -> bool:
    """Tells if two strips are shown at the same time."""
    return compat.left_handle(one) < compat.right_handle(other) and compat.right_handle(
        one
    ) > compat.left_handle(other)


def _free_channels(scene: Any, container: Any, strip: Any, count: int, leaving: list[Any]) -> list[int]:
    """The next channels above a strip where nothing is in the way, and that are neither muted nor locked.

    The first is that of the earlier result, where there is one that is ``leaving``.
    """
    channels = getattr(container, "channels", None) or scene.sequence_editor.channels
    first = (
        leaving[0].channel if leaving and _is_free(container, strip, leaving[0].channel, leaving) else None
    )
    found = [] if first is None else [int(first)]
    for channel in range((first or strip.channel) + 1, MAX_CHANNEL + 1):
        its = channels[channel]
        if (
            len(found) < count
            and not its.mute
            and not its.lock
            and _is_free(container, strip, channel, leaving)
        ):
            found.append(channel)
    if len(found) < count:
        raise PlacementError(
            f"No channel above {strip.name!r} is free, unmuted and unlocked: make room, then Place Result"
        )
    return found


def _is_free(container: Any, strip: Any, channel: int, ignored: list[Any]) -> bool:
    return not any(
        one.channel == channel and one not in ignored and overlap(one, strip)
        for one in compat.strips_in(container)
    )


def _duplicate(scene: Any, container: Any, strip: Any, shown: str, channel: int) -> Any:
    """A copy of a strip, in time as that one is played, that shows the swap."""
    result = compat.duplicate(scene, container, strip)
    if result is None:
        raise PlacementError(f"Open the meta strip that holds {strip.name!r}, then Place Result")
    result.channel = channel
    result.filepath = shown
    own = result.recaster
    own.uid = own.request = own.job = ""
    own.pending = False
    return result


def _effects_on(container: Any, strip: Any) -> list[Any]:
    """The effects that work on a strip alone (speed, blur, glow)."""
    return [one for one in compat.strips_in(container) if compat.effect_input(one) == strip]
