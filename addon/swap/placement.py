# SPDX-License-Identifier: GPL-3.0-or-later
"""Putting a finished swap on the timeline: a strip like the one it was made from, on a free channel."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import bpy

from recaster.settings.formats import PICTURE_SUFFIXES

from .. import compat
from ..config import preferences
from ..translations import translate
from . import held_results
from .result_parts import FACE, FRAME, LAYERED, MATTES, MUTED, part_name, part_of
from .source_range import strip_fingerprint, time_scalar_of
from .strip_copy import (
    clear_story,
    copy_animation,
    copy_interpretation,
    copy_look,
    copy_properties,
    copy_proxy_settings,
    take_over,
)
from .strip_pictures import list_pictures

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_CHANNEL = 128
LAYER_BLENDING = "ALPHA_OVER"


class PlacementError(Exception):
    """The result can't be put on the timeline now; the message says what to do."""


def container_of(scene: Any, strip: Any) -> Any:
    """Returns the container of a strip: the sequence editor, or a meta strip."""
    return strip.parent_meta() or scene.sequence_editor


class _Place(NamedTuple):
    """The place of one part of a result: a strip, and copies of the original's effects above it.

    Attributes:
        part: of the result (``result_parts.PARTS``).
        path: its file, as the strip notes it.
        earlier: the strip that showed the same part until now; None for none.
        channels: of the strip, and of its effects.
    """

    part: str
    path: str
    earlier: Any | None
    channels: list[int]


class _Held(NamedTuple):
    """The strips that whoever edits has in hand while a result is placed.

    Attributes:
        active: the active strip; None where it is a result that is replaced.
        active_part: what such a result shows.
        selected: what selected results show that are replaced.
    """

    active: Any | None
    active_part: str | None
    selected: frozenset[str]

    @classmethod
    def of(cls, editor: Any, earlier: list[Any]) -> _Held:
        """Looks at what is active and selected; ``earlier``: results that are replaced."""
        active = editor.active_strip
        is_leaving = active in earlier
        selected = frozenset(part_of(one) for one in earlier if one.select)
        return cls(
            None if is_leaving else active,
            part_of(active) if is_leaving else None,
            selected,
        )

    def give_back(self, editor: Any, results: list[Any]) -> None:
        """Leaves in hand what was; only a result that was replaced hands that on."""
        for result in results:
            result.select = part_of(result) in self.selected or (len(results) == 1 and bool(self.selected))
        heirs = [one for one in results if part_of(one) == self.active_part] or results[-1:]
        editor.active_strip = self.active if self.active_part is None else heirs[0]


def place_result(
    scene: Any,
    strip: Any,
    files: dict[str, Path],
    content_offset: int,
    fingerprint: str,
    *,
    is_relative: bool,
    replaces: Callable[[Any], bool] = lambda _: True,
) -> list[Any]:
    """Puts a swap on the timeline, in the place of an earlier one of the same strip.

    Args:
        scene: where ``strip`` is.
        strip: the strip that was swapped.
        files: the finished swap, by the parts of it (``result_parts.PARTS``).
        content_offset: frames of the timeline from the beginning of the strip's content to the first that
            was swapped.
        fingerprint: how the strip played its file when the swap was asked for (``strip_fingerprint``).
        is_relative: note the path relative to the saved file.
        replaces: tells if an earlier result's strip gives way; any does where that isn't said.

    Returns:
        The strips of the parts, from the lowest channel up.

    Raises:
        PlacementError: no channel is free.
    """
    _check(scene, strip, files, fingerprint)
    container = container_of(scene, strip)
    for one in (strip, *results_of(container, strip)):
        held_results.release(one)
    noted = {part: _noted_path(path, is_relative) for part, path in files.items()}
    plan = _plan(scene, strip, noted, replaces)
    held = _Held.of(scene.sequence_editor, plan.earlier)
    results = _make_whole(scene, container, strip, plan.places, content_offset)
    for result, place in zip(results, plan.places, strict=True):
        _take_part(scene, place, result, plan.earlier, is_layered=FACE in files)
    for one in reversed(plan.leaving):  # effects go before what they work on, which would take them along
        compat.strips_in(container).remove(one)
    for result, place in zip(results, plan.places, strict=True):
        result.channel = place.channels[0]  # Blender may have moved it out of the way of what was there
        _copy_effects(container, plan.effects, place.channels[1:], result)
    if strip.recaster.mute and not strip.lock:
        strip.mute = FACE not in files  # a layer has to lie over something
    held.give_back(scene.sequence_editor, results)
    for result in results:
        _finish(scene, strip, result)
    return results


def _check(scene: Any, strip: Any, files: dict[str, Path], fingerprint: str) -> None:
    """Refuses a result that is gone, or of a strip that plays its file in another way now."""
    for path in files.values():
        if not path.is_file():
            raise PlacementError(translate("The result is gone: swap the strip again ({path})", path=path))
    if strip_fingerprint(strip, scene) != fingerprint:
        path = next(iter(files.values()))
        raise PlacementError(
            translate(
                "The strip plays its file in another way now: swap it again (result: {path})", path=path
            )
        )


def _make_whole(
    scene: Any, container: Any, strip: Any, places: list[_Place], content_offset: int
) -> list[Any]:
    """Makes the result's strips; where that fails nothing half-made stays."""
    known = list(compat.strips_in(container))
    try:
        return [_make(scene, container, strip, place, content_offset) for place in places]
    except BaseException:
        for one in [one for one in compat.strips_in(container) if one not in known]:
            compat.strips_in(container).remove(one)
        raise


def _copy_effects(container: Any, effects: list[Any], channels: list[int], result: Any) -> None:
    """Lays copies of a strip's effects over its result."""
    part = part_of(result)
    for effect, channel in zip(effects, channels, strict=True):
        made = compat.new_effect(container, effect, channel, result)
        copy_properties(
            effect, made, compat.TIMING | {"name", "channel", "select", "input_1", "seq_1", "lock"}
        )
        made.name = part_name(effect, part)
        made.select = False
        if part != FRAME:
            made.mute = result.mute
        if part in LAYERED:
            made.blend_type = LAYER_BLENDING


def _finish(scene: Any, strip: Any, result: Any) -> None:
    """Gives a result in its place what is left to give: a name, a colour tag, connections, proxies."""
    result.name = part_name(strip, part_of(result))
    if result.color_tag == "NONE":
        result.color_tag = preferences().color_tag
    compat.connect(scene, strip, result)
    if getattr(strip, "use_proxy", False):
        copy_proxy_settings(strip, result)
        compat.build_proxies(scene, result)


def channels_for(
    scene: Any, strip: Any, parts: tuple[str, ...], replaces: Callable[[Any], bool]
) -> list[int]:
    """The channels of a swap's parts if it were placed now, from the lowest up; [] where none is free."""
    try:
        places = _plan(scene, strip, dict.fromkeys(parts, ""), replaces).places
    except PlacementError:
        return []
    return [one.channels[0] for one in places]


class _Plan(NamedTuple):
    """Plan of placing a result.

    Attributes:
        earlier: results that are replaced.
        leaving: those and the effects on them, which are removed.
        effects: of the strip, of which the result gets copies.
        places: where its parts go.
    """

    earlier: list[Any]
    leaving: list[Any]
    effects: list[Any]
    places: list[_Place]


def _plan(scene: Any, strip: Any, paths: dict[str, str], replaces: Callable[[Any], bool]) -> _Plan:
    """Plans it (PlacementError where no channel is free); ``paths``: of the parts, as strips note them."""
    container = container_of(scene, strip)
    earlier = [one for one in results_of(container, strip) if replaces(one)]
    leaving = [*earlier, *(effect for one in earlier for effect in _effects_on(container, one))]
    effects = _effects_on(container, strip)
    places = _free_places(scene, strip, paths, earlier, 1 + len(effects), leaving)
    return _Plan(earlier, leaving, effects, places)


def results_of(container: Any, strip: Any) -> list[Any]:
    """The results of a strip that are shown where it is."""
    uid = strip.recaster.uid
    return [
        one
        for one in compat.strips_in(container)
        if uid and one.recaster.result_of == uid and one != strip and overlap(one, strip)
    ]


def _take_part(scene: Any, place: _Place, result: Any, earlier: list[Any], *, is_layered: bool) -> None:
    """Lets a result stand where an earlier one stood: what was made from that one is its own now."""
    if place.earlier is None:
        result.mute = place.part in MUTED or (place.part == FRAME and is_layered)
        return
    result.mute = any(one.mute for one in earlier if part_of(one) == place.part)
    take_over(place.earlier, result)
    for one in compat.all_strips(scene):
        for modifier in getattr(one, "modifiers", ()):
            if getattr(modifier, "input_mask_strip", None) == place.earlier:
                modifier.input_mask_strip = result


def _make(scene: Any, container: Any, strip: Any, place: _Place, content_offset: int) -> Any:
    """The new strip, as its strip looks."""
    if compat.retimed(strip) or time_scalar_of(strip, scene) != 1:
        result = _duplicate(scene, container, strip, place.path, place.channels[0])
        if not compat.retimed(strip):
            compat.set_content_start(result, compat.content_start(strip) + content_offset)
    else:
        start = compat.content_start(strip) + content_offset
        result = _new_strip(container, strip.name, place, start)
        copy_look(strip, result)
        copy_animation(scene, strip, result)
    copy_interpretation(strip, result)
    if not compat.retimed(strip):
        compat.set_handles(result, compat.left_handle(strip), compat.right_handle(strip))
    result.recaster.result_of = strip.recaster.uid
    result.recaster.part = place.part
    if place.part in LAYERED:
        result.blend_type = LAYER_BLENDING
        result.alpha_mode = compat.ALPHA_MODES[compat.MOVIE_ALPHA]
    if place.part in MATTES:  # a mask isn't graded, and must not be its own mask
        result.modifiers.clear()
        # Where a strip has the sequencer's own space its values stay as they are.
        result.colorspace_settings.name = scene.sequencer_colorspace_settings.name
        result.color_multiply = result.color_saturation = 1.0
    return result


def _new_strip(container: Any, name: str, place: _Place, start: int) -> Any:
    """The new strip of a movie, or of all pictures beside one."""
    file = Path(bpy.path.abspath(place.path))
    if file.suffix not in PICTURE_SUFFIXES:
        return compat.new_movie(container, name, place.path, place.channels[0], start)
    return compat.new_pictures(container, name, place.path, list_pictures(file), place.channels[0], start)


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


def _free_places(
    scene: Any,
    strip: Any,
    paths: dict[str, str],
    earlier: list[Any],
    count: int,
    leaving: list[Any],
) -> list[_Place]:
    """The places of a result's parts above a strip, each above the one before.

    Args:
        scene: where ``strip`` is.
        strip: the strip that was swapped.
        paths: the parts' files, as strips note them.
        earlier: results that are replaced; each part keeps the channel that it had where that is free.
        count: channels that each part needs.
        leaving: strips that are removed, and so not in the way.
    """
    by_part = {part_of(one): one for one in reversed(earlier)}
    places: list[_Place] = []
    below = strip.channel
    for part, path in paths.items():
        before = by_part.get(part)
        stays = before is not None and (not places or before.channel > below)
        channels = _free_channels(scene, strip, below, before.channel if stays else None, count, leaving)
        below = max(below, *channels)
        places.append(_Place(part, path, before, channels))
    return places


def _free_channels(
    scene: Any, strip: Any, below: int, preferred: int | None, count: int, leaving: list[Any]
) -> list[int]:
    """The next channels above another where nothing is in the way, and that are neither muted nor locked.

    The first is the preferred one, where there is one and nothing is in its way.
    """
    container = container_of(scene, strip)
    channels = getattr(container, "channels", None) or scene.sequence_editor.channels
    stays = preferred is not None and _is_free(container, strip, preferred, leaving)
    found = [preferred] if stays else []
    for channel in range((preferred if stays else below) + 1, MAX_CHANNEL + 1):
        its = channels[channel]
        if (
            len(found) < count
            and not its.mute
            and not its.lock
            and _is_free(container, strip, channel, leaving)
        ):
            found.append(channel)
    if len(found) < count:
        text = "No channel above {strip!r} is free, unmuted and unlocked: make room, then Place Result"
        raise PlacementError(translate(text, strip=strip.name))
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
        text = "Open the meta strip that holds {strip!r}, then Place Result"
        raise PlacementError(translate(text, strip=strip.name))
    result.channel = channel
    result.filepath = shown
    clear_story(result)
    return result


def _effects_on(container: Any, strip: Any) -> list[Any]:
    """The effects that work on a strip alone (speed, blur, glow)."""
    return [one for one in compat.strips_in(container) if compat.effect_input(one) == strip]
