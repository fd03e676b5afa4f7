# SPDX-License-Identifier: GPL-3.0-or-later
"""Drawing of a previewed frame, and of the line of a wipe, over a strip's picture in the monitor, as data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ..engine import catalog, session
from ..mend.overlay import placement_of
from ..state import addon_state
from ..swap import cast, placement, previews
from ..swap.source_range import StripError, file_frame, is_known
from ..translations import translate

if TYPE_CHECKING:
    from ..mend.geometry import Placement, Point

BEFORE = "before"
SWAP = "swap"
WIPE = "wipe"
FRESH = 1.0
STALE = 0.55
"""Brightness of a preview whose settings have changed since."""


class Sides(NamedTuple):
    """The part of a picture that is seen: shares of its width and height from the upper left, y down."""

    left: float = 0.0
    top: float = 0.0
    right: float = 1.0
    bottom: float = 1.0

    @property
    def is_empty(self) -> bool:
        """Tells if nothing is seen."""
        return self.left >= self.right or self.top >= self.bottom

    @property
    def corners(self) -> tuple[Point, ...]:
        """Upper left, upper right, lower right, lower left."""
        return (
            (self.left, self.top),
            (self.right, self.top),
            (self.right, self.bottom),
            (self.left, self.bottom),
        )


class PreviewDrawing(NamedTuple):
    """All that is drawn over a strip's picture.

    Attributes:
        placement: the strip's place in the preview; the clip's pixels are shares of the picture.
        sides: what is seen of the previewed frame; None where none is drawn.
        brightness: of that.
        line: where a wipe's line is, as a share of the picture's width; None without one.
        whole: what the strip shows of its picture.
        note: about all that, in words.
    """

    placement: Placement
    sides: Sides | None
    brightness: float
    line: float | None
    whole: Sides
    note: str

    def to_view(self, share: Point) -> Point:
        """The place in the preview of a place in the picture, as shares."""
        return self.placement.to_view(share)

    @property
    def line_ends(self) -> tuple[Point, Point]:
        """The ends of the wipe's line in the preview."""
        at = self.line or 0.0
        return self.to_view((at, self.whole.top)), self.to_view((at, self.whole.bottom))

    def line_at(self, place: Point) -> float:
        """The line that goes through a place of the preview."""
        return min(max(self.placement.to_clip(place)[0], self.whole.left), self.whole.right)


def whole_of(strip: Any) -> Sides:
    """The part of its picture that a strip shows: all but what is cropped."""
    element = strip.elements[0] if strip.elements else None
    width, height = (element.orig_width, element.orig_height) if element is not None else (0, 0)
    if not width or not height:
        return Sides()
    crop = strip.crop
    return Sides(crop.min_x / width, crop.max_y / height, 1.0 - crop.max_x / width, 1.0 - crop.min_y / height)


def drawing_of(strip: Any, scene: Any) -> PreviewDrawing | None:
    """All that is drawn over a strip's picture at the playhead; None for nothing."""
    if not is_known(strip, scene):
        return None
    try:
        index = file_frame(strip, scene, scene.frame_current)
    except StripError:
        return None
    about = previews.view_of(strip)
    shows = addon_state.monitor.shows
    whole = whole_of(strip)
    has_result = bool(placement.results_of(placement.container_of(scene, strip), strip))
    has_picture = about.picture is not None and about.index == index
    why = previews.why_stale(strip, scene) if has_picture else ""
    sides = None
    if has_picture and shows != BEFORE:
        line = addon_state.monitor.line if shows == WIPE else whole.left
        sides = Sides(max(whole.left, line), whole.top, whole.right, whole.bottom)
    note = _note(strip, scene, has_result=has_result)
    has_line = shows == WIPE and (has_picture or has_result)
    if not note and not has_line and sides is None:
        return None
    return PreviewDrawing(
        placement_of(strip, scene, (1, 1)),
        None if sides is None or sides.is_empty else sides,
        STALE if why else FRESH,
        addon_state.monitor.line if has_line else None,
        whole,
        note,
    )


def _note(strip: Any, scene: Any, *, has_result: bool) -> str:
    """The words about what the monitor shows of a strip; "" where that needs none."""
    about = previews.view_of(strip)
    shows = addon_state.monitor.shows
    if about.is_swapping and about.work is not None:
        return f"{about.work.title}..."
    if shows == BEFORE:
        return translate("Original") if has_result or about.picture is not None else ""
    if about.picture is None:
        return translate("Original | Face Swap") if shows == WIPE and has_result else ""
    title = translate("Swap preview, frame {frame}", frame=about.frame)
    found = session.last_engine_state()
    holders = [catalog.holder_of(found, face) for face in cast.faces_of(strip)]
    names = [catalog.display_name(one) for one in holders if one is not None]
    title = ", ".join([title, *names])
    why = previews.why_stale(strip, scene)
    return f"{title}. {why}" if why else title
