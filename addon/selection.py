# SPDX-License-Identifier: GPL-3.0-or-later
"""Strips that operators and panels are about, out of what is selected and active."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from . import compat
from .translations import translate

if TYPE_CHECKING:
    from collections.abc import Iterator

MUTE = "mute"
CROP = "crop.min_x"
BLENDING = "blend_type"
HELD = (MUTE, CROP, BLENDING)
"""Properties of strips that are held for a look at an original (``swap.held_results``)."""
CLIP_TYPES = ("MOVIE", "IMAGE")


def swappable(context: Any) -> list[Any]:
    """The selected strips that show a movie or pictures."""
    return [strip for strip in compat.selected_strips(context) if strip.type in CLIP_TYPES]


def shown_clip(context: Any) -> Any | None:
    """The movie or image strip that is meant: the active one, else one that is selected with it.

    A clip that is dropped into the sequencer leaves its sound active; the movie that is connected to that
    sound, or selected beside it, is what its editor means.
    """
    strip = compat.active_strip(context)
    if strip is not None and strip.type in CLIP_TYPES:
        return strip
    connected = [one for one in compat.connected(strip) if one.type in CLIP_TYPES]
    return next(iter([*swappable(context), *connected]), None)


def chosen_strip(context: Any) -> Any | None:
    """The strip whose settings are shown: the one that is meant, or the one it is a swap of."""
    strip = shown_clip(context)
    return None if strip is None else original_of(compat.scene_of(context), strip) or strip


def poll_has_strip(operator: Any, context: Any) -> bool:
    """Tells if a strip's settings are shown; says so where none are."""
    if chosen_strip(context) is None:
        operator.poll_message_set(translate("Select a movie or image strip in the sequencer"))
        return False
    return True


def original_of(scene: Any, strip: Any) -> Any | None:
    """The strip that a result was made from; None for another strip, or where it is gone."""
    return _strip_called(scene, strip.recaster.result_of)


def originals_of(scene: Any, strips: list[Any]) -> list[Any]:
    """The strips that these are, or were made from, each once."""
    by_uid = {one.recaster.uid: one for one in compat.all_strips(scene) if one.recaster.uid}
    originals: list[Any] = []
    for strip in strips:
        original = by_uid.get(strip.recaster.result_of, strip)
        if original not in originals:
            originals.append(original)
    return originals


def clips_of_edit(context: Any) -> list[Any]:
    """The movie and image strips that the sequencer's edit shows, by channel and time.

    Left out is what is muted, by itself or with its channel or the meta strip that it is in, and what lies
    outside that one's handles.
    """
    scene = compat.scene_of(context)
    if scene is None or scene.sequence_editor is None:
        return []
    editor = scene.sequence_editor
    clips = list(
        _clips_in(editor.meta_stack[-1] if len(editor.meta_stack) else editor, editor.channels, None)
    )
    return sorted(clips, key=lambda strip: (strip.channel, compat.left_handle(strip)))


def _clips_in(container: Any, channels: Any, around: tuple[int, int] | None) -> Iterator[Any]:
    """The clips in a container that are shown between two frames of the timeline, or at all."""
    channels = getattr(container, "channels", None) or channels
    for strip in compat.strips_in(container):
        left = compat.left_handle(strip)
        right = compat.right_handle(strip)
        if around is not None:
            left = max(left, around[0])
            right = min(right, around[1])
        if is_muted(strip) or channels[strip.channel].mute or left >= right:
            continue
        if strip.type == "META":
            yield from _clips_in(strip, channels, (left, right))
        elif strip.type in CLIP_TYPES:
            yield strip


def _strip_called(scene: Any, uid: str) -> Any | None:
    return next((one for one in compat.all_strips(scene) if uid and one.recaster.uid == uid), None)


def read_held(strip: Any) -> dict[str, tuple[Any, Any]]:
    """Reads the properties that are held of a strip: as they were before, and as they are held."""
    try:
        found = json.loads(strip.recaster.held or "{}")
        return {name: (before, held) for name, (before, held) in found.items() if name in HELD}
    except (ValueError, TypeError, AttributeError):  # somebody's own .blend
        return {}


def is_muted(strip: Any) -> bool:
    """Tells if a strip is muted, whatever is held for the eye."""
    before, held = read_held(strip).get(MUTE, (False, None))
    return bool(before if strip.mute == held else strip.mute)
