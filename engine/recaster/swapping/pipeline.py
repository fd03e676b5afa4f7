"""Swap a face through a whole clip: analyse all of it, then render it in parts that can be resumed."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

from recaster import __version__
from recaster.errors import UsageError
from recaster.faces.analysis_cache import analyse_clip
from recaster.faces.landmarkers import make_landmarker
from recaster.files import sha256, write_json
from recaster.media.join import check_output, frame_times, join_segments, mux_with_sound, shift_to_start
from recaster.media.probe import probe
from recaster.media.reader import cheap_indices, read_indices
from recaster.media.sound import SoundSource
from recaster.media.writer import check_encoding
from recaster.progress import Report, Update, silent
from recaster.provenance.manifest import check_signer, sign_swap
from recaster.swapping.casting import chosen, frames_of
from recaster.swapping.coverage import MIN_COVERED, Coverage
from recaster.swapping.parallel import choose_process_count, render_in_parallel, split_runs
from recaster.swapping.performer_appearance import add_appearance
from recaster.swapping.render_cache import RenderCache
from recaster.swapping.render_spec import RenderSpec
from recaster.swapping.settings import SwapResult, described
from recaster.swapping.stage_timer import StageTimer
from recaster.swapping.swap_plan import SwapPlan
from recaster.weights_registry import used_by

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path
    from typing import Any

    from recaster.media.types import ClipInfo
    from recaster.provenance.mark import ProvenanceMark
    from recaster.settings.swap import SwapSettings
    from recaster.swapping.swapper import Swapper

PLAN_FORMAT: Final = 33
REPORT_FORMAT: Final = 1
LOST_GLASSES: Final = (
    "Glasses were seen on a face, but not clearly enough to be kept whole: parts of the frame may be "
    "missing. Look the result through, or choose a shot in which they are larger or sharper."
)


def swap_clip(
    clip: Path,
    out: Path,
    swapper: Swapper,
    settings: SwapSettings,
    report: Report = silent,
    *,
    mark: ProvenanceMark | None = None,
    keep_parts: bool = False,
    again: Callable[[], Swapper] | None = None,
    processes: int | None = None,
) -> SwapResult:
    """Swap faces in a clip and write the result with the clip's sound.

    Parts are kept in ``OUT.parts/`` until the result is whole; the same call after an interruption
    renders only what is missing. ``out`` (and matte and report) may exist: it is replaced at the very end.
    With ``keep_parts`` they stay there after it: for whoever has more to do before the result is safe.
    With a ``mark``, the result carries a signed manifest that says what it is.
    With ``again``, which makes the same swapper in another process and can be pickled, several processes
    render where machine and clip are large enough, or as many as ``processes`` says; the result is the same.

    Raises:
        UsageError: the output is one of the inputs.
        ManifestError: the result can't be signed.
        ClipError: the clip cannot be used.
        FaceNotFoundError: nobody, or not the wanted person, is in it.
        OutputError: the result cannot be written.
    """
    watch = StageTimer()
    info, converted = _checked(clip, out, settings, mark)
    frames = range(info.frame_count) if settings.frames is None else settings.frames
    with watch.timing("analyse"):
        analysis = analyse_clip(clip, settings.analysis, settings.frames, report)
    tracks = chosen(analysis, settings, info)
    with watch.timing("plan"):
        scene = SwapPlan.planned(tracks, swapper, settings.smoothing, analysis.tracks)
    others = frames_of(track for track in analysis.tracks if track.track not in scene.tracks)
    left_out = frames_of(tracks) - scene.places.keys()
    del analysis, tracks  # of a long clip these are gigabytes
    parts = RenderCache.of(out, frames, settings.chunk, mattes=settings.matte is not None)
    discarded = parts.open(_plan(clip, swapper, settings, frames))
    missing = parts.missing()
    with watch.timing("look"):
        scene = with_looks(clip, scene, swapper, settings, frames, [frames], report)
    resumed = len(frames) - sum(map(len, missing))
    rendering = RenderSpec(clip, info, frames, scene, settings, parts)
    progress = Progress(report, resumed, len(frames))
    _render(rendering, missing, swapper, watch, progress, again, processes)
    coverage = Coverage.of(frames, parts.faces(), left_out, others)
    facts = {"frames": len(frames), "swapped": scene.painted(frames)} | made_by(swapper, settings)
    marked = _finish(info, out, frames, parts, settings, watch, report, facts, mark)
    result = SwapResult(
        out=out,
        coverage=coverage,
        resumed=resumed,
        tracks=scene.tracks,
        seconds=watch.seconds,
        warnings=(
            *warnings_on(info, settings, scene),
            *swapper.warnings,
            *converted,
            *_discarded(parts, discarded),
        ),
        marked=marked,
    )
    if settings.report is not None:
        write_json(settings.report, _report(info, result, swapper))
    if not keep_parts:
        parts.remove()
    return result


def _render(
    rendering: RenderSpec,
    missing: Sequence[range],
    swapper: Swapper,
    watch: StageTimer,
    progress: Progress,
    again: Callable[[], Swapper] | None,
    processes: int | None,
) -> None:
    """Render the chunks that are missing: here, or in several processes where that is allowed and pays."""
    chunk = rendering.settings.chunk
    count = 1 if again is None else processes or choose_process_count(missing, chunk)
    if again is None or count == 1:
        for run in missing:
            rendering.run(run, swapper, watch, progress.tick)
    else:
        runs = split_runs(missing, chunk, count)
        watch.add(render_in_parallel(rendering, runs, again, count, progress.tick))


def _checked(
    clip: Path, out: Path, settings: SwapSettings, mark: ProvenanceMark | None
) -> tuple[ClipInfo, tuple[str, ...]]:
    """Checks that the swap can be written and signed: before hours of work, and not after them.

    Returns:
        The clip's facts, and sentences on sound that is encoded anew.
    """
    refuse_overwriting(clip, out, settings)
    if mark is not None:
        check_signer(mark.signer)
    info = probe(clip)
    converted = check_output(out, info, settings.writer)
    if settings.matte is not None:
        check_encoding(settings.matte, info, settings.writer)
    return info, converted


def with_looks(
    clip: Path,
    scene: SwapPlan,
    swapper: Swapper,
    settings: SwapSettings,
    available: range,
    shown: Iterable[range],
    report: Report,
) -> SwapPlan:
    """The scene with what faces usually look like, if the mask is to leave alone what is in front of them."""
    if settings.mask.kind != "learned":
        return scene
    return add_appearance(
        scene,
        lambda indices: read_indices(clip, indices),
        available,
        shown,
        swapper.size,
        report,
        cheap_indices(clip),
    )


def refuse_overwriting(clip: Path, out: Path, settings: SwapSettings) -> None:
    """Refuse to write where something is read, or two results to one place.

    Raises:
        UsageError: two of the paths are one file, or the report's is a folder.
    """
    if settings.report is not None and settings.report.is_dir():
        raise UsageError(f"{settings.report}: is a folder; name a file for the report")
    given = {"the clip": clip, "the picture of the person": settings.person}
    written = {"the result": out, "the matte": settings.matte, "the report": settings.report}
    names = [*given.items(), *written.items()]
    for what, path in written.items():
        for other, place in names:
            if path is not None and place is not None and other != what and path.resolve() == place.resolve():
                raise UsageError(f"{path}: {what} would replace {other}; choose another name")


def made_by(swapper: Swapper, settings: SwapSettings) -> dict[str, Any]:
    """What a manifest says of how a swap was made."""
    used = used_by("identity", settings.analysis.detector, settings.analysis.landmarker)
    return {
        "engine": __version__,
        "model": swapper.digest,
        "label": settings.label.kind,
        "networks": [{"name": one.name, "licence": one.licence} for one in used],
    }


def warnings_on(info: ClipInfo, settings: SwapSettings, scene: SwapPlan) -> tuple[str, ...]:
    """Collects what an editor should know of the clip, of a landmarker's licence, and of lost glasses."""
    notice = make_landmarker(settings.analysis.landmarker).notice
    lost = any(look.lost for look in scene.looks.values())
    return (*info.warnings, *([notice] if notice else ()), *([LOST_GLASSES] if lost else ()))


class Progress:
    """Tells how many frames are done."""

    def __init__(self, report: Report, done: int, total: int) -> None:
        self._report, self._done, self._total = report, done, total

    def tick(self, frames: int = 1) -> None:
        """So many more are."""
        self._done += frames
        self._report(Update("swapping", self._done, self._total))


def _plan(clip: Path, swapper: Swapper, settings: SwapSettings, frames: range) -> dict[str, Any]:
    """What decides how every part looks: parts of another plan can't be used."""
    person = None if settings.person is None else sha256(settings.person)
    return {
        "format": PLAN_FORMAT,
        "recaster": __version__,
        "clip": sha256(clip),
        "swapper": swapper.digest,
        "settings": described(
            dataclasses.replace(settings, frames=frames, person=None, matte=None, report=None)
        ),
        "person": person,
    }


def _finish(
    info: ClipInfo,
    out: Path,
    frames: range,
    parts: RenderCache,
    settings: SwapSettings,
    watch: StageTimer,
    report: Report,
    facts: dict[str, Any],
    mark: ProvenanceMark | None,
) -> str:
    """Put the parts together and sign what comes of it; returns what was said in it, in words."""
    if mark is None:
        with watch.timing("join"):
            _join(info, out, frames, parts, settings)
        return ""
    whole = parts.joined(out.suffix)
    with watch.timing("join"):
        _join(info, whole, frames, parts, settings)
    with watch.timing("sign"):
        report(Update("signing", 0, 1, "files"))
        marked = sign_swap(whole, out, info.path, facts, mark)
    whole.unlink()
    return marked


def _join(info: ClipInfo, out: Path, frames: range, parts: RenderCache, settings: SwapSettings) -> None:
    """Put the parts together."""
    if settings.matte is not None:
        mattes = [parts.matte(chunk) for chunk in parts.chunks]
        times, begin, _ = frame_times(info, frames)
        times = times.moved(shift_to_start(frames, begin))
        mux_with_sound(mattes, settings.matte, times, SoundSource(mattes[0]))  # which has none
    join_segments([parts.clip(chunk) for chunk in parts.chunks], info, out, frames, settings.writer)


def _report(info: ClipInfo, result: SwapResult, swapper: Swapper) -> dict[str, Any]:
    """What was swapped, for whoever has to look it through; the same whether the swap was stopped or not."""
    return {
        "format": REPORT_FORMAT,
        "recaster": __version__,
        "clip": info.path.name,
        "result": result.out.name,
        "rate": str(info.rate),
        "tracks": list(result.tracks),
        "model": swapper.digest,
        "swapped_from": MIN_COVERED,
        "warnings": list(result.warnings),
        "marked": result.marked,
        "frame_count": result.frames,
    } | result.coverage.to_json()


def _discarded(parts: RenderCache, discarded: bool) -> tuple[str, ...]:
    return (f"{parts.folder.name}: parts of a swap with other settings were discarded",) * discarded
