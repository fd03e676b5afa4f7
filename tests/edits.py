"""Edits and their media for tests: small real clips with timecode, and timelines of them."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import opentimelineio as otio
from opentimelineio.opentime import RationalTime, TimeRange

from recaster.timelines.conform_plan import plan_conform, relink
from recaster.timelines.edit_file import read_edit, write_edit
from recaster.timelines.media_search import MediaFolder
from recaster.timelines.media_use import list_uses

if TYPE_CHECKING:
    from pathlib import Path

NTSC = Fraction(30000, 1001)


def make_media(path: Path, count: int = 100, rate: Fraction = Fraction(25), timecode: str = "") -> Path:
    """Writes a clip of grey frames, each a little lighter than the one before."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=rate, options={"preset": "ultrafast"})
        stream.width = 64
        stream.height = 48
        stream.pix_fmt = "yuv420p"
        if timecode:
            stream.metadata["timecode"] = timecode
        for index in range(count):
            image = np.full((48, 64, 3), index % 256, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def span(start: float, length: float, rate: float = 25) -> Any:
    return TimeRange(RationalTime(start, rate), RationalTime(length, rate))


def show(name: str, url: str, cut: Any, available: Any = None) -> Any:
    """A clip that shows a range of the media at a URL."""
    return otio.schema.Clip(name, otio.schema.ExternalReference(url, available), cut)


def edit_of(*items: Any, kind: str = "Video") -> Any:
    """A timeline with one track of items."""
    timeline = otio.schema.Timeline("reel")
    track = otio.schema.Track("V1", kind=kind)
    timeline.tracks.append(track)
    track.extend(items)
    return timeline


def dissolve(before: int, after: int, rate: float = 25) -> Any:
    return otio.schema.Transition(
        "dissolve", "SMPTE_Dissolve", RationalTime(before, rate), RationalTime(after, rate)
    )


def plan(path: Path, folder: Path | None, handles: int = 5, rate: float | None = None) -> Any:
    edit = read_edit(path, rate)
    return edit, plan_conform(edit, path, MediaFolder(folder), handles)


def shots(path: Path, folder: Path | None, handles: int = 5, rate: float | None = None) -> list[str]:
    return [shot.name for shot in plan(path, folder, handles, rate)[1].shots]


def conform(path: Path, folder: Path | None, out: Path, rate: float | None = None) -> Any:
    """Conforms an edit to results that aren't made, and reads what was written."""
    edit, planned = plan(path, folder, rate=rate)
    assert planned.failures == ()
    for shot in planned.shots:
        relink(shot, out / f"{shot.name}.mov")
    write_edit(edit, out / path.name, rate)
    return read_edit(out / path.name, rate)


def places(edit: Any) -> list[tuple[str, Any, str]]:
    """Clips with what they show and the file that they show it of."""
    return [
        (use.clip.name, use.clip.source_range, use.reference.target_url.rpartition("/")[2])
        for use in list_uses(edit)
    ]
