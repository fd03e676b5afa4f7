"""Swap of a face through a whole clip: plan, detect tracks, select, render, mux, mark.

All of the clip is analysed before anything is rendered, and it is rendered in segments, so that a stopped
swap can go on.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from recaster.errors import ClipError
from recaster.faces.analysis_cache import analyse_clip, analyse_shared
from recaster.media.encoders import (
    SEGMENT_SUFFIX,
    choose_layer_options,
    choose_matte_options,
    choose_segment_suffix,
)
from recaster.media.join import join_segments
from recaster.media.picture_join import (
    gather_pictures,
    list_numbers,
    list_places,
    place_pictures,
    refuse_changed,
)
from recaster.media.sequence_name import SequenceName
from recaster.progress import Report, Update, silent
from recaster.provenance.manifest import remove_sidecar
from recaster.provenance.picture_list import read_list, write_list
from recaster.settings.formats import LIST_SUFFIX
from recaster.swapping.coverage import Coverage
from recaster.swapping.face_layers import assign_slots
from recaster.swapping.marking import mark_result
from recaster.swapping.mesh_file import write_meshes
from recaster.swapping.overlay import read_mattes, write_overlay
from recaster.swapping.parallel import render_missing
from recaster.swapping.performer_appearance import add_appearance
from recaster.swapping.render_cache import CLIP, LAYER, MATTE, OVERLAY, RenderCache, name_role_matte
from recaster.swapping.render_spec import RenderSpec
from recaster.swapping.request import list_side_layers
from recaster.swapping.result import PartResult, SwapResult, collect_warnings, cover_members, write_report
from recaster.swapping.shared_cache import SharedCache
from recaster.swapping.stage_timer import StageTimer
from recaster.swapping.swap_plan import SwapPlan, select_tracks
from recaster.swapping.tracking_file import Sightings, write_tracking

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from recaster.faces.types import Analysis
    from recaster.settings.encoding import WriterOptions
    from recaster.settings.parts import Part
    from recaster.swapping.request import SwapRequest


def swap_clip(request: SwapRequest, report: Report = silent) -> SwapResult:
    """Swaps faces in a clip and writes the result with the clip's sound.

    Segments are kept in ``OUT.parts/`` until the result is whole; the same request after an interruption
    renders only what is missing. However many processes render, the result is the same. Of segments that
    several machines render into one folder all have to be there.

    Raises:
        UsageError: the output is one of the inputs, or two members of a cast are put on one face.
        ManifestError: the result can't be signed.
        ClipError, OutputError: the clip cannot be used, or the result not be written.
        FaceNotFoundError: nobody, or not a wanted person, is in it.
    """
    timer = StageTimer()
    conversions = request.check()
    frames = request.frames
    work = _plan(request, timer, report)
    cache = work.spec.cache
    plan = work.spec.plan
    resumed = render_missing(work.spec, request, timer, report)
    _refuse_changes(request, work.spec)
    coverage = Coverage.of(frames, cache.read_coverage(), plan.left_out, plan.others)
    _deliver_layers(request, cache, plan, work.sightings, coverage, timer, report)
    marked, losses = _deliver(request, cache, plan, timer, report)
    result = SwapResult(
        request.out,
        coverage,
        resumed,
        plan.tracks,
        timer.seconds,
        warnings=(*collect_warnings(request, plan), *conversions, *work.discarded, *losses),
        marked=marked,
        cast=cover_members(request.cast, plan, work.seen, coverage),
    )
    write_report(request, plan, result)
    if not request.keeps_segments:
        cache.remove()
    return result


def render_part(request: SwapRequest, share: Part, report: Report = silent) -> PartResult:
    """Renders a part of a swap's segments into the folder that the request shares with others, and no result.

    Raises:
        UsageError: as ``swap_clip``; or the folder holds parts of another swap.
        ClipError, OutputError, FaceNotFoundError: as ``swap_clip``.
    """
    timer = StageTimer()
    conversions = request.check()
    work = _plan(request, timer, report, share)
    cache = work.spec.cache
    own = share.choose(cache.segments)
    resumed = render_missing(work.spec, request, timer, report, own)
    _refuse_changes(request, work.spec, own)
    warnings = (*collect_warnings(request, work.spec.plan), *conversions)
    return PartResult(share, own, len(cache.segments), resumed, timer.seconds, warnings)


class _Work(NamedTuple):
    """A planned render, and what is told of its faces beside it."""

    spec: RenderSpec
    sightings: Sequence[Sightings]
    seen: Sequence[frozenset[int]]
    discarded: tuple[str, ...]


def _plan(request: SwapRequest, timer: StageTimer, report: Report, share: Part | None = None) -> _Work:
    """Plans a swap; of one that several machines render, checks that the folder which they share is its own.

    Args:
        share: what is rendered here; None for all, or to join what others have rendered.
    """
    settings = request.settings
    frames = request.frames
    cache = _make_cache(request)
    if isinstance(cache, SharedCache):
        description = request.describe() | request.describe_inputs() | {"products": {**cache.products}}
        if share is None:
            cache.begin_join(description)
        else:
            cache.begin_part(description, share.count)
    with timer.timing("analyse"):
        analysis = _analyse(request, report, request.processes)
    casting = select_tracks(request, analysis)
    with timer.timing("plan"):
        plan = SwapPlan.of(casting, request.swapper, settings, analysis, request.factory, request.processes)
    sightings = [Sightings.of(*each) for each in zip(casting.tracks, plan.track_plans, strict=True)]
    seen = [casting.frames_of(role) for role, _ in enumerate(request.cast)]
    del analysis, casting  # of a long clip these are gigabytes
    discarded = () if isinstance(cache, SharedCache) else cache.open(request.describe_segments())
    # Even if all segments are there: what is said of glasses must not depend on a stop.
    with timer.timing("look"):
        plan = _look_at_faces(request, plan, cache.folder, report)
    spec = RenderSpec.of(request.clip, frames, plan, settings, cache)
    if isinstance(cache, SharedCache):
        spec = replace(spec, digests=cache.settle_digests(spec.digests))
    else:
        cache.discard_stale(spec.digests)
    return _Work(spec, sightings, seen, discarded)


def _make_cache(request: SwapRequest) -> RenderCache:
    size = request.settings.chunk
    products = _choose_products(request)
    if request.parts is not None:
        return SharedCache.inside(request.parts, request.frames, size, products)
    return RenderCache.of(request.out, request.frames, size, products)


def _analyse(request: SwapRequest, report: Report = silent, processes: int | None = 1) -> Analysis:
    settings = request.settings
    if request.parts is None:
        return analyse_clip(request.clip, settings.analysis, settings.frames, report, processes)
    return analyse_shared(request.clip, settings.analysis, settings.frames, request.parts, report, processes)


def _look_at_faces(request: SwapRequest, plan: SwapPlan, folder: Path, report: Report) -> SwapPlan:
    """Adds how performers usually look, and the masks that artists brought."""
    frames = request.frames
    plan = add_appearance(plan, request.clip, frames, [frames], report, folder, request.processes)
    return replace(plan, masks=request.open_masks().with_digests(frames, report))


def _refuse_changes(request: SwapRequest, spec: RenderSpec, share: Sequence[range] = ()) -> None:
    """Refuses a clip or masks that changed while it was rendered, and removes its segments (ClipError).

    Args:
        share: of segments that several machines render, those that were rendered here.
    """
    try:
        request.clip.refuse_changes()
        spec.plan.masks.refuse_changes()
    except ClipError:  # segments may be of either version
        if request.parts is None:
            spec.cache.remove()
        else:
            spec.cache.discard(share)
        raise


def _choose_products(request: SwapRequest) -> dict[str, str]:
    """Chooses what is rendered of each segment, and the suffixes of its files."""
    settings = request.settings
    products = {CLIP: choose_segment_suffix(settings.writer.codec)}
    if settings.matte is not None:
        how = choose_matte_options(settings.matte, settings.writer)
        names = [MATTE, *map(name_role_matte, request.mattes)]
        products |= dict.fromkeys(names, choose_segment_suffix(how.codec))
    if settings.layers_out is not None and {*settings.layers} != {"mesh"}:
        how = choose_layer_options(settings.layers_out, settings.writer)
        products[LAYER] = choose_segment_suffix(how.codec)
    if settings.overlay is not None:
        products[OVERLAY] = SEGMENT_SUFFIX
    return products


def _deliver(
    request: SwapRequest, cache: RenderCache, plan: SwapPlan, timer: StageTimer, report: Report
) -> tuple[str, tuple[str, ...]]:
    """Puts all segments together: mattes, overlay, and the result, which is signed where it has a mark.

    Returns what was said in it, in words, and sentences on what of the other streams could not be read.
    """
    settings = request.settings
    if settings.matte is not None:
        with timer.timing("join"):
            how = choose_matte_options(settings.matte, settings.writer)
            _join(request, cache.segment_paths(MATTE), settings.matte, how, has_sound=False)
            for role, path in request.mattes.items():
                _join(request, cache.segment_paths(name_role_matte(role)), path, how, has_sound=False)
    _deliver_overlay(request, cache, timer, report)
    return _deliver_product(request, cache, CLIP, request.out, settings.writer, plan, timer, report)


def _deliver_overlay(request: SwapRequest, cache: RenderCache, timer: StageTimer, report: Report) -> None:
    """Writes the clip with all that was found in it, and where faces were swapped, drawn over."""
    settings = request.settings
    if settings.overlay is None:
        return
    with timer.timing("draw"):
        analysis = _analyse(request)
        mattes = read_mattes(cache.segment_paths(OVERLAY))
        write_overlay(request.clip, request.frames, analysis, settings.overlay, mattes, report)


def _deliver_layers(
    request: SwapRequest,
    cache: RenderCache,
    plan: SwapPlan,
    sightings: Sequence[Sightings],
    coverage: Coverage,
    timer: StageTimer,
    report: Report,
) -> None:
    """Puts the segments of layers together, signed as the result, and writes what lies beside them."""
    settings = request.settings
    if settings.layers_out is not None and LAYER in cache.products:
        how = choose_layer_options(settings.layers_out, settings.writer)
        _deliver_product(request, cache, LAYER, settings.layers_out, how, plan, timer, report)
    files = list_side_layers(settings.layers, settings.layers_out)
    if not files:
        return
    with timer.timing("join"):
        slots = assign_slots(plan)
        numbers = list_numbers(request.clip.info, request.frames)
        write_tracking(files["tracking"], request, plan, slots, sightings, coverage, numbers)
        if "mesh" in files:
            at = dict(zip(request.frames, numbers, strict=True))
            write_meshes(files["mesh"], request.clip.info, plan, slots, at)


def _deliver_product(
    request: SwapRequest,
    cache: RenderCache,
    product: str,
    out: Path,
    options: WriterOptions,
    plan: SwapPlan,
    timer: StageTimer,
    report: Report,
) -> tuple[str, tuple[str, ...]]:
    """Puts the segments of a product that shows faces together, and signs it; returns as ``_deliver``."""
    swapped = plan.count_painted(request.frames)
    segments = cache.segment_paths(product)
    stem = "" if product == CLIP else f".{product}"
    sequence = SequenceName.parse(out)
    if sequence is not None:
        unsigned = cache.unsigned_path(f"{stem}{LIST_SUFFIX}")
        with timer.timing("sign"):
            pictures = gather_pictures(segments, len(request.frames))
            places = list_places(out, request.clip.info, request.frames)
            if request.mark is not None and sequence.list_path.is_file():
                refuse_changed(pictures, places, read_list(sequence.list_path))
            write_list(unsigned, dict(zip((place.name for place in places), pictures, strict=True)))
            marked = _mark(request, unsigned, sequence.list_path, swapped, report)
        with timer.timing("join"):  # at last: without their list they'd be there unsigned
            place_pictures(pictures, places, are_kept=request.keeps_segments)
        return marked, ()
    whole = out if request.mark is None else cache.unsigned_path(f"{stem}{out.suffix}")
    with timer.timing("join"):
        losses = _join(request, segments, whole, options, has_sound=product == CLIP)
    if request.mark is None:
        remove_sidecar(out)  # what an earlier result says isn't said of this one
        return "", losses
    with timer.timing("sign"):
        return _mark(request, whole, out, swapped, report), losses


def _join(
    request: SwapRequest, segments: list[Path], out: Path, options: WriterOptions, *, has_sound: bool = True
) -> tuple[str, ...]:
    """Joins segments as a file, or puts their pictures at their places; losses as of ``_deliver``."""
    info = request.clip.info
    frames = request.frames
    if SequenceName.parse(out) is None and not info.reading.stills:
        return join_segments(segments, info, out, frames, options, has_sound=has_sound)
    pictures = gather_pictures(segments, len(frames))
    place_pictures(pictures, list_places(out, info, frames), are_kept=request.keeps_segments)
    return ()


def _mark(request: SwapRequest, unsigned: Path, out: Path, swapped: int, report: Report) -> str:
    """Signs what was made as ``out``; returns what was said in it, in words, "" without a mark."""
    if request.mark is None:
        return ""
    report(Update("signing", 0, 1, "files"))
    statement = mark_result(request, unsigned, out, len(request.frames), swapped)
    unsigned.unlink()
    return statement
