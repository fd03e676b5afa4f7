"""One swapped frame, to judge settings by before a whole clip is rendered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from recaster.errors import FaceNotFoundError, UsageError
from recaster.faces.analysis_cache import analyse_clip, cached_analysis
from recaster.media.probe import probe
from recaster.media.reader import read_frames
from recaster.media.sheet import FORMATS, save_image
from recaster.media.writer import scratch_folder
from recaster.progress import Report, silent
from recaster.provenance.manifest import sign_swap
from recaster.swapping.casting import chosen
from recaster.swapping.coverage import Coverage
from recaster.swapping.pipeline import made_by, refuse_overwriting, warnings_on, with_looks
from recaster.swapping.render import Renderer
from recaster.swapping.settings import SwapResult
from recaster.swapping.stage_timer import StageTimer
from recaster.swapping.swap_plan import SwapPlan

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.media.types import Image
    from recaster.provenance.mark import ProvenanceMark
    from recaster.settings.swap import SwapSettings
    from recaster.swapping.swapper import Swapper

WINDOW: Final = 15
"""Frames to either side that are analysed where the clip was not yet."""


def preview_frame(
    clip: Path,
    out: Path,
    frame: int,
    swapper: Swapper,
    settings: SwapSettings,
    report: Report = silent,
    mark: ProvenanceMark | None = None,
) -> SwapResult:
    """Swap the faces of one frame and write it as a picture.

    Where the clip (or its range) was analysed before, as ``swap_clip`` does, this is just what
    ``swap_clip`` makes of the frame. Otherwise only the frame's neighbours are analysed, which takes
    seconds at most: then the main person may be another than the clip's, a track may have another
    number, and the performer's usual expression and look are known less well: a hand that stays before the
    face may be painted over. With a ``mark``, the picture carries a signed manifest.

    Raises:
        UsageError: the clip has no such frame, the picture would replace the clip or has no picture's
            name, or a matte is wanted.
        FaceNotFoundError: there is nobody to swap in this frame.
        ClipError, OutputError: as ``swap_clip``.
    """
    watch = StageTimer()
    info = probe(clip)
    available = range(info.frame_count) if settings.frames is None else settings.frames
    _refuse(clip, out, frame, available, settings)
    with watch.timing("analyse"):
        looked = available
        analysis = cached_analysis(clip, settings.analysis, settings.frames)
        if analysis is None:
            looked = range(max(frame - WINDOW, available.start), min(frame + WINDOW + 1, available.stop))
            analysis = analyse_clip(clip, settings.analysis, looked, report)
    tracks = chosen(analysis, settings, info)
    with watch.timing("plan"):
        scene = SwapPlan.planned(tracks, swapper, settings.smoothing, analysis.tracks)
    if frame not in scene.places:
        raise FaceNotFoundError(f"{clip}: frame {frame} shows no face to swap; preview another one")
    wanted = range(frame, frame + 1)
    with watch.timing("look"):
        scene = with_looks(clip, scene, swapper, settings, looked, [wanted], report)
    renderer = Renderer(scene, swapper, settings, watch)
    [rendered] = renderer.render(lambda a, b: read_frames(clip, a, b, lazy=True), wanted, available)
    facts = {"frames": 1, "swapped": 1} | made_by(swapper, settings)
    marked = _saved(rendered.image, out, clip, facts, mark)
    coverage = Coverage.of(wanted, [rendered.faces], left_out=(), others=())
    return SwapResult(
        out=out,
        coverage=coverage,
        resumed=0,
        tracks=tuple(scene.tracks[number] for number, _ in scene.places[frame]),
        seconds=watch.seconds,
        warnings=(
            *warnings_on(info, settings, scene),
            *swapper.warnings,
            *(run.sentence for run in coverage.runs),
        ),
        marked=marked,
    )


def _saved(image: Image, out: Path, clip: Path, facts: dict[str, Any], mark: ProvenanceMark | None) -> str:
    """Write the picture, signed where it is to be; returns what was said in it, in words."""
    if mark is None:
        save_image(out, image)
        return ""
    with scratch_folder(out) as folder:
        painted = folder / out.name
        save_image(painted, image)
        return sign_swap(painted, out, clip, facts, mark)


def _refuse(clip: Path, out: Path, frame: int, available: range, settings: SwapSettings) -> None:
    """Refuse what cannot be shown, or not under this name (UsageError)."""
    refuse_overwriting(clip, out, settings)
    if settings.matte is not None or settings.report is not None:
        raise UsageError("a preview is one picture: leave the matte and the report out")
    if out.suffix.lower() not in FORMATS:
        raise UsageError(f"{out}: a preview is a picture, named {', '.join(FORMATS)}")
    if frame not in available:
        raise UsageError(
            f"{clip}: frame {frame} is none of {available.start} to {available.stop - 1}; choose another"
        )
