"""Preview of one swapped frame, to judge settings by before a whole clip is rendered."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from recaster.errors import FaceNotFoundError, UsageError
from recaster.faces.analysis_cache import analyse_clip, cached_analysis
from recaster.media.sheet import FORMATS, save_image
from recaster.media.writer import scratch_folder
from recaster.progress import Report, silent
from recaster.swapping.coverage import Coverage
from recaster.swapping.marking import mark_result
from recaster.swapping.performer_appearance import add_appearance
from recaster.swapping.render import Renderer
from recaster.swapping.result import SwapResult, collect_warnings
from recaster.swapping.stage_timer import StageTimer
from recaster.swapping.swap_plan import SwapPlan, select_tracks

if TYPE_CHECKING:
    from recaster.media.types import Image
    from recaster.swapping.mask_clips import MaskClips
    from recaster.swapping.request import SwapRequest

ANALYSIS_REACH: Final = 15
"""Frames to either side that are analysed where the clip was not yet."""


def preview_frame(request: SwapRequest, frame: int, report: Report = silent) -> SwapResult:
    """Swaps the faces of one frame and writes it as a picture.

    Where the clip (or its range) was analysed before, as ``swap_clip`` does, this is just what
    ``swap_clip`` makes of the frame. Otherwise only the frame's neighbours are analysed, which takes
    seconds at most: then the main person may be another than the clip's, a track may have another
    number, and the performer's usual expression and look are known less well: a hand that stays before the
    face may be painted over.

    Raises:
        UsageError: the clip has no such frame, the picture would replace the clip or has no picture's
            name, or a matte or layers are wanted.
        FaceNotFoundError: there is nobody to swap in this frame.
    """
    timer = StageTimer()
    settings = replace(request.settings, draft=False)  # one frame is shown as it is
    available = request.frames
    masks = _check(request, frame)
    with timer.timing("analyse"):
        analysed = available
        analysis = cached_analysis(request.clip, settings.analysis, settings.frames)
        if analysis is None:
            first = max(frame - ANALYSIS_REACH, available.start)
            analysed = range(first, min(frame + ANALYSIS_REACH + 1, available.stop))
            analysis = analyse_clip(request.clip, settings.analysis, analysed, report)
    casting = select_tracks(request, analysis)
    with timer.timing("plan"):
        plan = SwapPlan.of(casting, request.swapper, settings, analysis)
    if frame not in plan.faces_by_frame:
        raise FaceNotFoundError(
            f"{request.clip.path}: frame {frame} shows no face to swap; preview another one"
        )
    wanted = range(frame, frame + 1)
    with timer.timing("look"):
        plan = add_appearance(plan, request.clip, analysed, [wanted], report)
    renderer = Renderer(replace(plan, masks=masks), request.swapper, settings, timer)
    [rendered] = renderer.render(request.clip.read, wanted, available)
    # A frame without a face to swap was refused before, so there are no reasons but those of its faces.
    coverage = Coverage.of(wanted, [rendered.faces], left_out=(), others=())
    return SwapResult(
        out=request.out,
        coverage=coverage,
        resumed=0,
        tracks=tuple(plan.tracks[number] for number, _ in plan.faces_by_frame[frame]),
        seconds=timer.seconds,
        warnings=(*collect_warnings(request, plan), *(run.sentence for run in coverage.runs)),
        marked=_save(request, rendered.image),
    )


def _save(request: SwapRequest, image: Image) -> str:
    """Writes the picture, signed where it is to be; returns what was said in it, in words."""
    if request.mark is None:
        save_image(request.out, image)
        return ""
    with scratch_folder(request.out) as folder:
        unsigned = folder / request.out.name
        save_image(unsigned, image)
        request.clip.refuse_changes()
        return mark_result(request, unsigned, request.out, frames=1, swapped=1)


def _check(request: SwapRequest, frame: int) -> MaskClips:
    """Refuses what cannot be shown, or not under this name (UsageError); opens the artist's masks."""
    request.refuse_overwriting()
    request.check_look()
    out = request.out
    settings = request.settings
    if settings.matte is not None or settings.report is not None or settings.overlay is not None:
        raise UsageError("a preview is one picture: leave the matte, the report and the overlay out")
    if request.settings.layers:
        raise UsageError("a preview is one picture: leave the layers out")
    if out.suffix.lower() not in FORMATS:
        raise UsageError(f"{out}: a preview is a picture, named {', '.join(FORMATS)}")
    first, last = request.frames[0], request.frames[-1]
    if not first <= frame <= last:
        raise UsageError(f"{request.clip.path}: frame {frame} is none of {first} to {last}; choose another")
    return request.open_masks()
