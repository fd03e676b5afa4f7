# SPDX-License-Identifier: GPL-3.0-or-later
"""Results that are held back for a look at their originals, wholly or left of a line.

Blender shows that by a strip's own settings, which also belong to files, undo and renders. So what they were
is noted on the strip: whoever finds it held, in an opened file or after undo, can let go of it.
"""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

from .. import compat
from ..selection import BLENDING, CROP, HELD, MUTE, read_held
from ..state import addon_state
from .result_parts import MATTES, part_of
from .tasks import every_strip

if TYPE_CHECKING:
    from collections.abc import Iterable

OPAQUE = ("REPLACE", "CROSS")
"""Blendings that show black where a strip is cropped."""
SEE_THROUGH = "ALPHA_OVER"


def hold(scene: Any, results: Iterable[Any], line: float | None) -> None:
    """Holds results back, left of a line (a share of the picture's width) or wholly (None)."""
    for result in results:
        release(result)
        if part_of(result) in MATTES or result.mute or _is_animated(scene, result):
            continue
        if line is None:
            _change(result, {MUTE: True})
            continue
        wanted: dict[str, Any] = {CROP: max(result.crop.min_x, round(line * _width_of(result)))}
        if result.blend_type in OPAQUE:
            wanted[BLENDING] = SEE_THROUGH
        _change(result, wanted)


def hold_shown(scene: Any, strip: Any) -> None:
    """Shows a strip that was muted for its result, while that is held back."""
    release(strip)
    if strip.mute and not _is_animated(scene, strip):
        _change(strip, {MUTE: False})


def release(strip: Any) -> None:
    """Lets go of a strip; what somebody has changed about it meanwhile stays."""
    if not strip.recaster.held:
        return
    addon_state.monitor.held = ()  # whoever holds it, does so again
    for name, (before, held) in read_held(strip).items():
        owner, leaf = _owner_of(strip, name)
        if getattr(owner, leaf) == held:
            with contextlib.suppress(ValueError, TypeError):  # somebody's own .blend
                setattr(owner, leaf, before)
    strip.recaster.held = ""


def release_all() -> None:
    """Lets go of all strips of the file."""
    for _, strip in every_strip():
        release(strip)


def _change(result: Any, wanted: dict[str, Any]) -> None:
    noted = {}
    for name, value in wanted.items():
        owner, leaf = _owner_of(result, name)
        noted[name] = getattr(owner, leaf), value
    result.recaster.held = json.dumps(noted)
    for name, value in wanted.items():
        owner, leaf = _owner_of(result, name)
        setattr(owner, leaf, value)


def _owner_of(strip: Any, name: str) -> tuple[Any, str]:
    """The owner of a property, of those that are held, and the property's own name."""
    group, _, leaf = name.rpartition(".")
    return (getattr(strip, group) if group else strip), leaf


def _width_of(result: Any) -> int:
    element = result.elements[0] if result.elements else None
    return 0 if element is None else int(element.orig_width)


def _is_animated(scene: Any, result: Any) -> bool:
    """Tells if what would be held back changes by itself."""
    own = result.path_from_id()
    paths = {f"{own}.{name}" for name in HELD}
    return any(curve.data_path in paths for curve in compat.curves_of(scene) or ())
