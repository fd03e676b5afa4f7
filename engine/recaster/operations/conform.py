"""Conforming of an edit: a swap of each range of media that it shows, and an edit that shows the results."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from recaster.api.v1 import job_pb2
from recaster.errors import (
    DiskFullError,
    FaceNotFoundError,
    InputError,
    OutputError,
    RecasterError,
    UsageError,
    reason_of,
)
from recaster.files import write_bytes, write_error
from recaster.operations import swap
from recaster.operations.face_rights import NO_CLAIM, FaceClaim
from recaster.operations.swap_batch import ENDING_ERRORS, load_once
from recaster.progress import LogLine, Report, Update, no_log, silent
from recaster.settings.encoding import WriterOptions
from recaster.settings.messages import settings_from
from recaster.settings.reading import ReadOptions
from recaster.timelines.conform_plan import Failure, locate_media, plan_conform, relink
from recaster.timelines.edit_file import WRITABLE_SUFFIXES, is_edl, read_edit, write_edit
from recaster.timelines.fcpxml import relink_fcpxml
from recaster.timelines.media_search import MediaFolder, is_clip
from recaster.timelines.media_use import list_uses, restore_rate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from recaster.settings.cast import CastMember
    from recaster.settings.conform import ConformSettings
    from recaster.timelines.conform_plan import Shot

STAGE_SPANS: Final = {"analysing": (0.0, 0.4), "looking at faces": (0.4, 0.5), "swapping": (0.5, 1.0)}
"""Part of a swap's time that each of its stages takes, roughly: for the time left."""
REDUCED: Final = (
    "none of its clips is an asset clip at its own speed, so it is written anew, with cuts and markers, but "
    "without transitions, titles, effects and changes of speed"
)
"""What becomes of an FCPXML whose clips can't be exchanged one by one."""


@dataclass(frozen=True)
class Request:
    """One edit to conform.

    Attributes:
        edit: its file.
        out: the folder for results and for the edit that shows them.
        options: of every swap, without a range; what isn't set is left to the policy, then to the defaults.
        model: a trained model, or
        source: a faceset to swap with untrained.
        person: a picture of the person whose face is replaced.
        matte: the folder for the masks, a clip each.
        report: the folder for the JSON files on what was swapped.
        has_manifest: whether results carry a manifest.
        cast: members of a cast, in place of model or source; each range has those whom it shows.
    """

    edit: Path
    out: Path
    settings: ConformSettings
    options: job_pb2.SwapOptions
    model: Path | None = None
    source: Path | None = None
    person: Path | None = None
    matte: Path | None = None
    report: Path | None = None
    has_manifest: bool = True
    claim: FaceClaim = NO_CLAIM
    cast: tuple[CastMember, ...] = ()


@dataclass(frozen=True)
class ShotResult:
    """A finished shot: its file, and in words what of it is swapped."""

    out: Path
    lines: tuple[str, ...]
    warnings: tuple[str, ...] = ()


Outcomes = dict["Shot", ShotResult | RecasterError]
"""What became of each shot."""


@dataclass(frozen=True)
class Result:
    """Outcome of conforming.

    Attributes:
        edits: files of the edit that shows the results.
        shots: the results, by media in the order in which the edit shows them.
        without_face: ranges of media in which nobody is found; their clips keep their media.
        others: names of clips that are no clips of media, and stay.
        failures: what went wrong with the rest, which keep their media, too.
        warnings: what an editor should know of the results and the edit.
    """

    edits: tuple[Path, ...]
    shots: tuple[ShotResult, ...]
    without_face: tuple[str, ...]
    others: tuple[str, ...]
    failures: tuple[Failure, ...]
    warnings: tuple[str, ...]

    def summary(self) -> tuple[str, ...]:
        """Describes it in lines of words."""
        lines = [f"{shot.out.name}: {line}" for shot in self.shots for line in shot.lines]
        lines += [f"{name}: nobody found; its clips keep their media" for name in self.without_face]
        if self.others:
            lines.append(f"no clips of media, left as they are: {', '.join(self.others)}")
        return (*lines, f"edit: {', '.join(str(path) for path in self.edits)}")


def run(
    request: Request,
    report: Report = silent,
    log: LogLine = no_log,
    swap_shots: Callable[[Mapping[Shot, swap.Request]], Outcomes] | None = None,
) -> Result:
    """Swaps what an edit shows, each range of media once, and writes the edit with the results.

    The same request again goes on where an interruption ended it: finished results that belong to it stay.
    A shot that fails doesn't stop the others.

    Args:
        swap_shots: does the swaps of all shots elsewhere; None for one after the other in this process.

    Raises:
        InputError: the edit can't be read, shows nothing, or media are missing; before anything is rendered.
        FaceNotFoundError: nobody is found in any of its media.
        UsageError, ConsentError, DeviceError, FacesetError, ModelError, OutputError: as ``operations.swap``.
    """
    _check_places(request)
    folder = MediaFolder(request.settings.media)
    edit, rate = _read(request, folder)
    reading = settings_from(ReadOptions, request.options)
    plan = plan_conform(edit, request.edit, folder, request.settings.handles, reading, report)
    if not plan.shots and not plan.failures:
        raise InputError(f"{request.edit}: shows no clip of media that could be swapped")
    requests = {shot: _swap_request(request, shot) for shot in plan.shots}
    outcomes = _swap_here(requests, report, log) if swap_shots is None else swap_shots(requests)
    made = {shot: outcome for shot, outcome in outcomes.items() if isinstance(outcome, ShotResult)}
    errors = {shot: outcome for shot, outcome in outcomes.items() if isinstance(outcome, RecasterError)}
    # By the reason: an engine's errors are of another kind.
    without_face = [shot for shot, error in errors.items() if reason_of(error) == FaceNotFoundError.reason]
    failed = [Failure(shot.name, error) for shot, error in errors.items() if shot not in without_face]
    failures = (*plan.failures, *failed)
    if without_face and not made and not failures:
        raise errors[without_face[0]]
    for shot, result in made.items():
        relink(shot, result.out)
    edits, warnings = _write(request, edit, rate, [(shot, result.out) for shot, result in made.items()])
    own = (f"{result.out.name}: {warning}" for result in made.values() for warning in result.warnings)
    names = tuple(shot.name for shot in without_face)
    return Result(edits, tuple(made.values()), names, plan.others, failures, (*own, *warnings))


def _check_places(request: Request) -> None:
    """Refuses to replace the edit that is read (UsageError), and makes the folder."""
    if request.settings.media is not None and not request.settings.media.is_dir():
        raise UsageError(f"{request.settings.media}: is no folder of media")
    numbered = [member.name for member in request.cast if member.selector.is_of_one_clip]
    if numbered:
        raise UsageError(
            f"{numbered[0]}: numbers are those of one clip; an edit's people are found by pictures"
        )
    if request.options.HasField("range"):
        raise UsageError("an edit says itself which frames it shows; leave the range out")
    if request.edit.absolute().parent.resolve() == request.out.resolve():
        raise UsageError(f"{request.out}: the edit is in it and would be replaced; choose another folder")
    for flag, path in {"-o": request.out, "--matte": request.matte, "--report": request.report}.items():
        if path is not None and path.is_file():
            raise UsageError(f"{flag} {path}: an edit needs a folder here, not a file")
    if request.matte is not None and request.matte.resolve() == request.out.resolve():
        raise UsageError(f"--matte {request.matte}: mattes are called as the results; choose another folder")
    try:
        request.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise write_error(request.out, error) from error


def _read(request: Request, folder: MediaFolder) -> tuple[Any, float | None]:
    """Reads the edit, and says at which rate where it is an EDL."""
    if not is_edl(request.edit):
        return read_edit(request.edit), None
    rate = request.settings.rate
    if rate is None:
        from recaster.media.probe import probe

        uses = [use for use in list_uses(read_edit(request.edit)) if is_clip(use)]
        media = next(iter(locate_media(uses, request.edit, folder)), None)
        if media is None:
            raise InputError(f"{request.edit}: shows no clip of media that could be swapped")
        exact = probe(media, settings_from(ReadOptions, request.options)).rate
    else:
        exact = restore_rate(rate)
    return read_edit(request.edit, float(exact)), float(exact)


def _write(
    request: Request, edit: Any, rate: float | None, made: list[tuple[Shot, Path]]
) -> tuple[tuple[Path, ...], tuple[str, ...]]:
    """Writes the edit as OTIO and, where that can be written, in its own format; returns files, warnings."""
    out = request.out / f"{request.edit.stem}.otio"
    write_edit(edit, out)
    suffix = request.edit.suffix.lower()
    if suffix == out.suffix or suffix not in WRITABLE_SUFFIXES:
        return (out,), ()
    same = out.with_suffix(suffix)
    if suffix == ".fcpxml":
        return _write_fcpxml(request, edit, (out, same), made)
    try:
        write_edit(edit, same, rate)
    except DiskFullError:
        raise
    except OutputError as error:
        return (out,), (str(error),)
    return (out, same), ()


def _write_fcpxml(
    request: Request, edit: Any, files: tuple[Path, Path], made: list[tuple[Shot, Path]]
) -> tuple[tuple[Path, ...], tuple[str, ...]]:
    """Puts the results into the document itself, as the adapter would write less than it holds."""
    _, same = files
    document = request.edit.read_text(encoding="utf-8")
    relinked, left = relink_fcpxml(document, made)
    warnings = []
    if "<transition" in document:
        warnings.append(f"{same.name}: of the frames under transitions only the handles are swapped")
    if len(left) == sum(len(shot.placements) for shot, _ in made):
        warnings.append(f"{same.name}: {REDUCED}")
        try:
            write_edit(edit, same)
        except DiskFullError:
            raise
        except OutputError as error:
            return files[:1], (*warnings, str(error))
        return files, tuple(warnings)
    if left:
        names = ", ".join(dict.fromkeys(left))
        warnings.append(f"{same.name}: {names}: no asset clips at their own speed, keep their media in it")
    write_bytes(same, relinked.encode())
    return files, tuple(warnings)


def _swap_here(requests: Mapping[Shot, swap.Request], report: Report, log: LogLine) -> Outcomes:
    """Swaps one shot after the other, with one swapper; what no shot could get over is raised."""
    load = load_once(swap.load_on_device)
    progress = _Progress(list(requests), report)
    outcomes: Outcomes = {}
    for number, (shot, wanted) in enumerate(requests.items()):
        listen = progress.of(number)
        try:
            outcomes[shot] = _make(wanted, load, listen, log)
        except ENDING_ERRORS:
            raise
        except RecasterError as error:
            outcomes[shot] = error
        listen(Update("swapping", 1, 1))
    return outcomes


def _make(
    wanted: swap.Request,
    load: swap.Load,
    report: Report,
    log: LogLine,
) -> ShotResult:
    """Swaps a shot, or keeps the result that this very request made before (RecasterError)."""
    if swap.is_made(wanted, load):
        return ShotResult(wanted.out, ("there already from an earlier run",))
    result = swap.run(wanted, report, log, load=load)
    made = result.swap
    return ShotResult(wanted.out, result.summary()[: 1 + len(made.coverage.lines)], made.warnings)


def _swap_request(request: Request, shot: Shot) -> swap.Request:
    options = job_pb2.SwapOptions()
    options.CopyFrom(request.options)
    if shot.info.reading.frame_rate is not None:
        options.frame_rate = shot.info.reading.frame_rate
    options.range = f"{shot.frames.start}-{shot.frames.stop - 1}"
    name = f"{shot.name}{request.settings.suffix(options.codec or WriterOptions.codec)}"
    return swap.Request(
        shot.media,
        request.out / name,
        options,
        model=request.model,
        source=request.source,
        person=request.person,
        matte=None if request.matte is None else request.matte / name,
        report=None if request.report is None else request.report / f"{name}.json",
        has_manifest=request.has_manifest,
        claim=request.claim,
        cast=request.cast,
        may_lack=True,
    )


class _Progress:
    """Progress over all shots, in frames."""

    def __init__(self, shots: Sequence[Shot], report: Report) -> None:
        self._shots = shots
        self._report = report

    def of(self, number: int) -> Report:
        """A listener for the swap of one shot."""
        shot = self._shots[number]
        before = sum(len(earlier.frames) for earlier in self._shots[:number])
        total = sum(len(each.frames) for each in self._shots)
        detail = f"{number + 1} of {len(self._shots)}: {shot.name}"
        reached = -1.0

        def listen(update: Update) -> None:
            nonlocal reached
            start, stop = STAGE_SPANS.get(update.stage, (0.0, 0.0))
            share = start + (stop - start) * (update.done / update.total if update.total else 0.0)
            if share > reached:
                reached = share
                self._report(Update("conforming", before + share * len(shot.frames), total, detail=detail))

        return listen
