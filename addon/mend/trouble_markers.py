# SPDX-License-Identifier: GPL-3.0-or-later
"""Trouble on the timeline: a marker where each begins, renewed by the next look."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from .. import compat, messages
from ..swap.coverage_notes import timeline_range
from ..swap.source_range import time_scalar_of
from ..translations import translate
from .tracks import view_of

if TYPE_CHECKING:
    from .tracks import TroubleView

TITLES = {
    "no-face": "No face",
    "identity-jump": "Another person",
    "box-jump": "Face jumps",
    "size-jump": "Size jumps",
    "angle-jump": "Angle jumps",
    "low-confidence": "Hardly a face",
}
"""By the engine's reasons; others are shown as they are."""
MAX_MARKERS = 500


def title_of(trouble: TroubleView) -> str:
    """A trouble's name for editors."""
    known = TITLES.get(trouble.reason)
    return messages.sentence(trouble.reason.replace("-", " ")) if known is None else translate(known)


def frames_of(strip: Any, scene: Any, trouble: TroubleView) -> tuple[int, int] | None:
    """Frames of the timeline at which it is shown, the first and the last; None where none shows it."""
    if compat.retimed(strip):
        return None
    return timeline_range(strip, trouble.first, trouble.last, time_scalar_of(strip, scene))


def put_markers(strip: Any, scene: Any) -> None:
    """Marks a strip's trouble on the timeline, instead of what was marked for it before."""
    remove_markers(strip, scene)
    found = view_of(strip).found
    names = []
    for trouble in found.trouble[:MAX_MARKERS] if found else ():
        frames = frames_of(strip, scene, trouble)
        if frames is not None:
            name = f"{title_of(trouble)} ({strip.name})"
            scene.timeline_markers.new(name, frame=frames[0])
            names.append(name)
    strip.recaster.markers = json.dumps(sorted(set(names))) if names else ""


def remove_markers(strip: Any, scene: Any) -> None:
    """Takes the markers away that were put there for a strip's trouble."""
    try:
        names = set(json.loads(strip.recaster.markers or "[]"))
    except (ValueError, TypeError):  # somebody's own .blend
        names = set()
    others = [f" ({one.name})" for one in compat.all_strips(scene) if one.name != strip.name]
    # A copy of a strip has the names of the original's markers, too.
    names = {name for name in names if not name.endswith(tuple(others))}
    for marker in [one for one in scene.timeline_markers if one.name in names]:
        scene.timeline_markers.remove(marker)
    strip.recaster.markers = ""
