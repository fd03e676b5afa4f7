# SPDX-License-Identifier: GPL-3.0-or-later
"""The swaps of the open file that are on their way, and the strips that they are for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import bpy

from .. import compat

if TYPE_CHECKING:
    from pathlib import Path

    from ..engine.connection import Work
    from .coverage import Told


@dataclass
class Errand:
    """One swap on its way.

    Attributes:
        request: its name at the engine.
        uid: the strip's name among swaps.
        title: the strip's name.
        scene: the scene's name.
        before: frames of the timeline from where the strip's content begins to the first one that it holds.
        facts: what must not change about the strip meanwhile (``facts_of``).
        stage: "sending", "waiting" (for the engine to answer), "working", "fetching", "ready" (to be placed),
            "placed", "failed", "cancelled".
        trouble: what went wrong, and what to do.
        job: its job's id, once it is known.
        work: what is being done for it in a thread.
        result: the finished clip on this machine.
        person: whose face in the picture is swapped (``choices.whom``).
        told: what its engine says of its frames; None where that isn't known.
        kept: whether its result may come all the same, although it has failed.
    """

    request: str
    uid: str
    title: str
    scene: str
    before: int
    facts: str
    stage: str = "sending"
    trouble: str = ""
    job: str = ""
    work: Work | None = None
    result: Path | None = None
    person: str = ""
    told: Told | None = None
    kept: bool = False

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen by itself."""
        return self.stage in ("placed", "failed", "cancelled")


errands: dict[str, Errand] = {}
"""All swaps of this file, by request, in the order they were asked for."""


def settled(errand: Errand) -> None:
    """Nobody waits for this swap any more: no copy of its strip, and not when the file is opened again."""
    for _, strip in every_strip():
        if strip.recaster.request == errand.request:
            strip.recaster.pending = False


def own_of(errand: Errand) -> Any | None:
    """What its strip keeps of a swap; None where that is gone, or has been swapped again since."""
    _, strip = strip_of(errand)
    return strip.recaster if strip is not None and strip.recaster.request == errand.request else None


def strip_of(errand: Errand) -> tuple[Any, Any]:
    """The scene and the strip of a swap, or twice None.

    Copies share a strip's name among swaps; undo can take it away: then the name that people see counts.
    """
    called = strips_called(errand.uid)
    taken = {one.uid for one in errands.values() if not one.ended}
    alike = [
        one
        for one in every_strip()
        if one[0].name == errand.scene and one[1].name == errand.title and one[1].recaster.uid not in taken
    ]

    def fits(one: tuple[Any, Any]) -> tuple[bool, bool, bool]:
        scene, strip = one
        own = strip.recaster
        return own.request == errand.request, scene.name == errand.scene, strip.name == errand.title

    return max(called, key=fits) if called else (alike or [(None, None)])[0]


def every_strip() -> list[tuple[Any, Any]]:
    """All scenes and strips of the file."""
    return [(scene, strip) for scene in bpy.data.scenes for strip in compat.all_strips(scene)]


def strips_called(uid: str) -> list[tuple[Any, Any]]:
    """Scenes and strips of this name among swaps."""
    return [one for one in every_strip() if uid and one[1].recaster.uid == uid]
