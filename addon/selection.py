# SPDX-License-Identifier: GPL-3.0-or-later
"""Strips that operators and panels are about, out of what is selected and active."""

from __future__ import annotations

from typing import Any

from . import compat

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


def original_of(scene: Any, strip: Any) -> Any | None:
    """The strip that a result was made from; None for another strip, or where it is gone."""
    return _strip_called(scene, strip.recaster.result_of)


def _strip_called(scene: Any, uid: str) -> Any | None:
    return next((one for one in compat.all_strips(scene) if uid and one.recaster.uid == uid), None)
