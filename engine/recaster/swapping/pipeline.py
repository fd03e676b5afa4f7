"""Swap of a face through a whole clip: plan, detect tracks, select, render, mux, mark.

All of the clip is analysed before anything is rendered, and it is rendered in segments, so that a stopped
swap can go on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from recaster.faces.analysis_cache import analyse_clip
from recaster.media.encoders import choose_layer_options, choose_segment_suffix
from recaster.media.join import join_segments
from recaster.progress import Report, Update, silent
from recaster.swapping.coverage import Coverage
from recaster.swapping.marking import mark_result
from recaster.swapping.parallel import render_missing
from recaster.swapping.performer_appearance import add_appearance
from recaster.swapping.render_cache import CLIP, LAYER, MATTE, RenderCache
from recaster.swapping.render_spec import RenderSpec
from recaster.swapping.result import SwapResult, collect_warnings, write_report
from recaster.swapping.stage_timer import StageTimer
from recaster.swapping.swap_plan import SwapPlan, select_tracks

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.settings.swap import SwapSettings
    from recaster.swapping.request import SwapRequest


def swap_clip(request: SwapRequest, report: Report = silent) -> SwapResult:
    """Swaps faces in a clip and writes the result with the clip's sound.

    Segments are kept in ``OUT.parts/`` until the result is whole; the same request after an interruption
    renders only what is missing. However many processes render, the result is the same.

    Raises:
        UsageError: the output is one of the inputs.
        ManifestError: the result can't be signed.
        ClipError: the clip cannot be used.
        FaceNotFoundError: nobody, or not the wanted person, is in it.
        OutputError: the result cannot be written.
    """
    timer = StageTimer()
    conversions = request.check()
    settings = request.settings
    frames = request.frames
    with timer.timing("analyse"):
        analysis = analyse_clip(request.clip, settings.analysis, settings.frames, report)
    tracks = select_tracks(request, analysis)
    with timer.timing("plan"):
        plan = SwapPlan.of(tracks, request.swapper, settings.smoothing, analysis.tracks)
    del analysis, tracks  # of a long clip these are gigabytes
    cache = RenderCache.of(request.out, frames, settings.chunk, _choose_products(settings))
    discarded = cache.open(request.describe())
    # Even if all segments are there: what is said of glasses must not depend on a stop.
    with timer.timing("look"):
        if request.finds_occluders:
            plan = add_appearance(plan, request.clip, frames, [frames], report)
    resumed = render_missing(RenderSpec(request.clip, frames, plan, settings, cache), request, timer, report)
    coverage = Coverage.of(frames, cache.read_coverage(), plan.left_out, plan.others)
    with timer.timing("join"):
        whole, losses = _mux_segments(request, cache)
    marked = _mark(request, whole, plan, timer, report)
    result = SwapResult(
        out=request.out,
        coverage=coverage,
        resumed=resumed,
        tracks=plan.tracks,
        seconds=timer.seconds,
        warnings=(*collect_warnings(request, plan), *conversions, *discarded, *losses),
        marked=marked,
    )
    write_report(request, result)
    if not request.keeps_segments:
        cache.remove()
    return result


def _choose_products(settings: SwapSettings) -> dict[str, str]:
    """Chooses what is rendered of each segment, and the suffixes of its files."""
    suffix = choose_segment_suffix(settings.writer.codec)
    products = {CLIP: suffix}
    if settings.matte is not None:
        products[MATTE] = suffix
    if settings.layers:
        products[LAYER] = choose_segment_suffix(choose_layer_options(settings.writer).codec)
    return products


def _mark(request: SwapRequest, whole: Path, plan: SwapPlan, timer: StageTimer, report: Report) -> str:
    """Signs the whole clip as the output, if that is asked for; returns what was said in it, in words."""
    if request.mark is None:
        return ""
    with timer.timing("sign"):
        report(Update("signing", 0, 1, "files"))
        statement = mark_result(request, whole, len(request.frames), plan.count_painted(request.frames))
    whole.unlink()
    return statement


def _mux_segments(request: SwapRequest, cache: RenderCache) -> tuple[Path, tuple[str, ...]]:
    """Puts all segments together with the original's streams, as the result, or where it is to be signed.

    Returns the file, and sentences on what of the other streams could not be read.
    """
    out = request.out if request.mark is None else cache.unsigned_path(request.out.suffix)
    info = request.clip.info
    writer = request.settings.writer
    if request.settings.matte is not None:
        mattes = cache.segment_paths(MATTE)
        join_segments(mattes, info, request.settings.matte, request.frames, writer, has_sound=False)
    if request.settings.layers_out is not None:
        layers = cache.segment_paths(LAYER)
        how = choose_layer_options(writer)
        join_segments(layers, info, request.settings.layers_out, request.frames, how, has_sound=False)
    return out, join_segments(cache.segment_paths(CLIP), info, out, request.frames, writer)
