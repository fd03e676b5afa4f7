# SPDX-License-Identifier: GPL-3.0-or-later
"""Previews that are kept up to date: asked for again once playhead and settings rest."""

from __future__ import annotations

import time
from typing import Any

from .. import compat, selection
from ..config import preferences
from ..engine import access, session
from ..rights import consent
from ..state import addon_state
from ..swap import cast, previews
from ..swap.source_range import StripError, file_frame, is_known
from ..swap.strip_choices import StripChoices
from ..translations import translate

REST_S = 0.6
"""Seconds that nothing may change before a preview is asked for."""


class Rest:
    """The wish that a preview would fulfil, and its age.

    Attributes:
        wanted: strip, frame and choices; None for nothing.
        since: when that was seen first, in seconds.
        asked: what was asked for last, unless that was stopped.
        about: the findings that it belongs to.
    """

    def __init__(self) -> None:
        self.wanted: Any = None
        self.since: float = 0.0
        self.asked: Any = None
        self.about: previews.StripView | None = None

    def is_changed(self, wanted: Any, now: float) -> bool:
        """Notes what is wanted now; tells if that was something else before."""
        if wanted == self.wanted:
            return False
        self.wanted = wanted
        self.since = now
        return True

    def is_due(self, now: float) -> bool:
        """Tells if it has rested for long enough, and wasn't asked for yet; asks for it once."""
        if self.wanted is None or self.wanted == self.asked or now - self.since < REST_S:
            return False
        self.asked = self.wanted
        return True


def update() -> None:
    """Asks for the preview of what is shown, where that is wanted; stops one that is of something else."""
    if not preferences().update_on_change:
        addon_state.monitor.rest = None
        return
    rest = addon_state.monitor.rest = addon_state.monitor.rest or Rest()
    context = compat.editing_contexts()[0]
    scene = compat.scene_of(context)
    strip = selection.chosen_strip(context) if scene is not None and scene.sequence_editor else None
    now = time.monotonic()
    if rest.is_changed(_wanted(strip, scene), now):
        for about in filter(None, (rest.about, None if strip is None else previews.view_of(strip))):
            if about.is_swapping:
                previews.stop(about)
                rest.asked = None
        session.redraw_previews()
    if rest.is_due(now) and strip is not None:
        about = rest.about = previews.view_of(strip)
        if about.picture is None or previews.why_stale(strip, scene):
            try:
                previews.preview_frame(strip, scene, scene.frame_current)
            except StripError as error:
                about.trouble = str(error)
            session.redraw()


def why_not(strip: Any) -> str:
    """Says why a strip's preview isn't kept up to date although that is wanted; "" where it is."""
    if strip.recaster.keep_out or strip.recaster.keep_in:
        return translate("Not with masks that are drawn: Blender would halt to render them")
    return ""


def _wanted(strip: Any, scene: Any) -> Any:
    """The preview that would be made now; None where there can be none."""
    if strip is None or why_not(strip) or session.is_playing():
        return None
    found = session.last_engine_state()
    if not found.online or access.lacking(found, access.EDITOR):
        return None
    if any(consent.blocking_reason(found, face) for face in cast.faces_of(strip)):
        return None
    if not is_known(strip, scene):
        return None
    try:
        index = file_frame(strip, scene, scene.frame_current)
        return strip.name, scene.name, index, StripChoices.of(strip), strip.recaster.corrections
    except StripError:
        return None
