"""One swapped frame, to judge settings by before a whole clip is rendered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from recaster.errors import FaceNotFoundError, UsageError
from recaster.faces.cache import analyse_clip
from recaster.media.probe import probe
from recaster.media.reader import read_frames
from recaster.media.sheet import save_image
from recaster.progress import Report, silent
from recaster.swapping.casting import chosen
from recaster.swapping.pipeline import refuse_overwriting
from recaster.swapping.render import Renderer
from recaster.swapping.scene import Scene
from recaster.swapping.settings import SwapResult
from recaster.swapping.timing import Stopwatch

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.swapping.settings import SwapSettings
    from recaster.swapping.swapper import Swapper

WINDOW: Final = 15
"""Frames to either side that are analysed."""


def preview_frame(
    clip: Path, out: Path, frame: int, swapper: Swapper, settings: SwapSettings, report: Report = silent
) -> SwapResult:
    """Swap the faces of one frame and write it as a picture.

    Only the frame's neighbours are analysed, which takes seconds at most. So this differs from what
    ``swap_clip`` makes of the frame where the main person of the clip is not that of these frames, and
    a track may have another number; what is smoothed differs by less than can be seen.

    Raises:
        UsageError: the clip has no such frame, the picture would replace the clip, or a matte is wanted.
        FaceNotFoundError: there is nobody to swap in this frame.
        ClipError, OutputError: as ``swap_clip``.
    """
    watch = Stopwatch()
    refuse_overwriting(clip, out, settings)
    info = probe(clip)
    available = range(info.frame_count) if settings.frames is None else settings.frames
    if settings.matte is not None:
        raise UsageError("a preview is one picture: leave the matte out")
    if frame not in available:
        raise UsageError(
            f"{clip}: frame {frame} is none of {available.start} to {available.stop - 1}; choose another"
        )
    with watch.timing("analyse"):
        near = range(max(frame - WINDOW, available.start), min(frame + WINDOW + 1, available.stop))
        analysis = analyse_clip(clip, settings.analysis, near, report)
    tracks = chosen(analysis, settings)
    with watch.timing("plan"):
        scene = Scene.planned(tracks, swapper, settings.smoothing)
    if frame not in scene.places:
        raise FaceNotFoundError(f"{clip}: frame {frame} shows no face to swap; preview another one")
    renderer = Renderer(scene, swapper, settings, watch)
    wanted = range(frame, frame + 1)
    [rendered] = renderer.render(lambda a, b: read_frames(clip, a, b), wanted, near)
    save_image(out, rendered.image)
    return SwapResult(
        out=out,
        frames=1,
        swapped=1,
        resumed=0,
        tracks=tuple(tracks[number].track for number, _ in scene.places[frame]),
        seconds=watch.seconds,
        warnings=info.warnings,
    )
