"""Making people in a clip unknown, with a promise that is checked: swap, cover, judge, until nobody is known.

A swap is made as always; where it leaves too little covered, or a judge still knows the person, heads are
covered, and the clip is judged again. Only what holds is written.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from recaster.api.v1 import job_pb2
from recaster.errors import AnonymityError, ConsentError, FaceNotFoundError, InputError, UsageError
from recaster.files import sha256, write_bytes
from recaster.operations.face_rights import NO_CLAIM, FaceClaim, Grant, folder_digests, register_synthetic
from recaster.operations.request_options import read_threads, swap_settings
from recaster.processes.cpu_cores import limit_cores
from recaster.progress import LogLine, Report, Update, no_log, silent
from recaster.provenance.policy import Policy, apply_label_policy
from recaster.provenance.provenance_mark import ProvenanceMark
from recaster.provenance.register import open_register
from recaster.settings.anonymise import AnonymiseSettings
from recaster.settings.look import LookSettings

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.api.v1 import identity_pb2
    from recaster.evaluation.anonymity import Anonymity
    from recaster.evaluation.anonymity_judge import AnonymityJudge
    from recaster.media.clip import Clip
    from recaster.media.types import ClipInfo
    from recaster.operations.anonymise_passes import Passes, Subjects
    from recaster.provenance.register import Register
    from recaster.settings.swap import SwapSettings

UNCHANGED: Final = (
    "Not changed: voices and what is said, clothes, hands, tattoos, the place. They may tell who somebody is."
)
MAX_NAMED: Final = 8
"""Tags that a sentence names."""


@dataclass(frozen=True)
class Request:
    """One clip in which people are to be unknown.

    Attributes:
        options: of the swap: range, encoding, reading, label and device; whom it is about is in ``settings``.
        model, source: whose face is put on; one that comes with Recaster where neither is given.
        report: the JSON file on each frame.
        keep_failed: whether a clip for which the promise doesn't hold is written as ``failed_path``.
    """

    clip: Path
    out: Path
    settings: AnonymiseSettings = field(default_factory=AnonymiseSettings)
    options: job_pb2.SwapOptions = field(default_factory=job_pb2.SwapOptions)
    model: Path | None = None
    source: Path | None = None
    report: Path | None = None
    keep_failed: bool = False
    claim: FaceClaim = NO_CLAIM

    @property
    def failed_path(self) -> Path:
        """The file for a clip for which the promise doesn't hold."""
        return self.out.with_name(f"{self.out.stem}.failed{self.out.suffix}")

    def swap_settings(self, info: ClipInfo, policy: Policy) -> SwapSettings:
        """Reads the options of the swap as a policy wants them (UsageError); the look is the usual one."""
        options = apply_label_policy(self.options, policy)
        options.min_face = self.settings.min_face
        for name in ("person", "track", "everyone"):
            options.ClearField(name)
        settings = swap_settings(options, info, report=self.report)
        # Whatever else a look keeps of the performer's own may tell who it is.
        return dataclasses.replace(settings, look=LookSettings(), changes=(), draft=False)


@dataclass(frozen=True)
class Result:
    """Outcome.

    Attributes:
        out: the file that was written.
        lines: sentences on it.
        warnings: what an editor should know of the clip.
        mark: what the file says of its making, in words.
    """

    out: Path
    anonymity: Anonymity
    lines: tuple[str, ...]
    warnings: tuple[str, ...]
    mark: str

    def summary(self) -> tuple[str, ...]:
        """Describes it in lines of words."""
        return self.lines


@dataclass(frozen=True)
class _Face:
    """The face that is put on: a model's, or a faceset's."""

    model: Path | None
    source: Path | None

    @property
    def digests(self) -> list[str]:
        return folder_digests(self.model, self.source)


def run(
    request: Request, report: Report = silent, log: LogLine = no_log, grant: Grant | None = None
) -> Result:
    """Makes people in a clip unknown; the same request again goes on where an interruption ended it.

    Raises:
        AnonymityError: the promise doesn't hold; nothing is written but what ``keep_failed`` asks for.
        UsageError: options that don't go together, or the packages for evaluation aren't installed.
        FaceNotFoundError: nobody, or not the wanted person, was found.
        InputError: corrections of the clip can't be applied.
        ConsentError, ClipError, ModelError, FacesetError, DeviceError, ManifestError, OutputError: as a swap.
    """
    with limit_cores(read_threads(request.options)):
        return _run_limited(request, report, log, grant)


def _run_limited(request: Request, report: Report, log: LogLine, grant: Grant | None) -> Result:
    from recaster.evaluation.anonymity_judge import AnonymityJudge
    from recaster.media.clip import Clip
    from recaster.media.scan_parts import scan_by_executor
    from recaster.operations.anonymise_passes import hold_parts
    from recaster.settings.messages import settings_from
    from recaster.settings.reading import ReadOptions
    from recaster.swapping.result import collect_warnings

    judge = AnonymityJudge(request.settings.min_face)  # before hours of work
    clip = scan_by_executor(Clip(request.clip, settings_from(ReadOptions, request.options)))
    if grant is None:
        with open_register() as register:
            policy = register.policy
            _authorize(request, register)
    else:
        policy = Policy()
    settings = request.swap_settings(clip.info, policy)
    _check_files(request, clip, settings)
    settings = _make_opaque(settings, clip.info, request.out)
    subjects = _find_subjects(request, clip, settings, judge, report)
    face = _choose_face(request, clip, settings, subjects, judge, log, report)
    mark = _begin(request, clip, face) if grant is None else grant.mark
    with hold_parts(request.out):
        passes = _prepare(request, clip, settings, face, mark, subjects, judge, log, report)
        anonymity = passes.keep_promise(report)
        out = request.failed_path if anonymity.failed else request.out
        if anonymity.failed and not request.keep_failed:
            passes.cache.remove()
            raise AnonymityError(_describe_failure(request, anonymity, "nothing was written"))
        marked = _deliver(request, passes, out, anonymity, report)
    if grant is None:
        _record(request, out, face)
    if anonymity.failed:
        raise AnonymityError(
            _describe_failure(request, anonymity, f"what was made is {out}: don't hand it on")
        )
    lines = (*_summarise(anonymity), *describe_left_out(clip.info), UNCHANGED, marked)
    return Result(out, anonymity, lines, collect_warnings(passes.swap, passes.plan), marked)


def _check_files(request: Request, clip: Clip, settings: SwapSettings) -> None:
    """Refuses, before hours of work, what can't be written (UsageError)."""
    from recaster.media.sequence_name import SequenceName
    from recaster.settings.formats import PICTURE_SUFFIXES
    from recaster.swapping.request import check_outputs

    named = {
        "the model": request.model,
        "the faceset": request.source,
        "the picture": request.settings.person,
    }
    others = {name: path for name, path in named.items() if path is not None}
    for out in (request.out, *([request.failed_path] if request.keep_failed else [])):
        if SequenceName.parse(out) is not None or out.is_dir() or out.suffix.lower() in PICTURE_SUFFIXES:
            raise UsageError(
                f"{out}: write a movie (.mp4, .mov or .mkv); pictures can't keep the promise as one"
            )
        check_outputs(clip, out, settings, others)


def _make_opaque(settings: SwapSettings, info: ClipInfo, out: Path) -> SwapSettings:
    """Settings by which a result has no transparency: under a cover it may outline a head (UsageError)."""
    from recaster.media.encoders import check_encoding
    from recaster.media.picture import pixel_format_has_alpha

    chosen = check_encoding(out, dataclasses.replace(info, has_alpha=False), settings.writer)
    if pixel_format_has_alpha(chosen):
        raise UsageError(
            f"{out}: {chosen} holds transparency, which may outline the head of whoever is to be unknown; "
            "choose another pixel format"
        )
    return dataclasses.replace(settings, writer=dataclasses.replace(settings.writer, pixel_format=chosen))


def _find_subjects(
    request: Request, clip: Clip, settings: SwapSettings, judge: AnonymityJudge, report: Report
) -> Subjects:
    """Finds everybody who is to be unknown (FaceNotFoundError, InputError)."""
    from recaster.faces.analysis_cache import analyse_clip
    from recaster.faces.track_choice import choose_tracks_at_risk
    from recaster.facesets.crops import identify
    from recaster.facesets.still_faces import find_person
    from recaster.operations.anonymise_passes import Subjects

    wish = request.settings
    analysis = analyse_clip(clip, settings.analysis, settings.frames, report, processes=None)
    if analysis.warnings:  # whoever was corrected might stay as they are
        raise InputError(
            f"{request.clip}: {'; '.join(analysis.warnings)}; correct the corrections first; nothing was "
            "written"
        )
    detection = settings.analysis
    pictures = []
    person = None
    if wish.person is not None:
        image, face = find_person(wish.person, detection.detector, detection.min_face)
        pictures = [(image, face.points)]
        person = identify(image, face.points)
    try:
        chosen = choose_tracks_at_risk(analysis, person=person, track=wish.track, min_face=wish.min_face)
    except FaceNotFoundError as error:
        raise FaceNotFoundError(f"{error}; nothing was written") from None
    everyone = wish.person is None and wish.track is None
    return Subjects.of(analysis, chosen, clip, judge, pictures, everyone=everyone)


def _choose_face(
    request: Request,
    clip: Clip,
    settings: SwapSettings,
    subjects: Subjects,
    judge: AnonymityJudge,
    log: LogLine,
    report: Report,
) -> _Face:
    """Chooses the face to put on: the one that is asked for, else one that comes with Recaster."""
    from recaster.operations.anonymise_faces import choose_synthetic_face

    if request.model is not None or request.source is not None:
        return _Face(request.model, request.source)
    chosen = choose_synthetic_face(clip, settings, subjects, judge, report)
    log("info", f"of the faces that come with Recaster, {chosen.name} is put on")
    return _Face(None, chosen)


def _authorize(request: Request, register: Register) -> identity_pb2.Identity:
    """Returns the person whose face is put on, which may be, now (ConsentError)."""
    face = request.model or request.source
    if face is not None:
        return request.claim.authorize(register, face)
    return register.require(register_synthetic(register).identity_id)


def _begin(request: Request, clip: Clip, face: _Face) -> ProvenanceMark:
    """Records that a swap begins; returns the mark of its result."""
    with open_register() as register:
        person = _authorize(request, register)
        begun = register.audit.add(
            "anonymise.start", identity=person.identity_id, faces=face.digests, clips=[clip.digest]
        )
        return ProvenanceMark.of(register, [person], begun.hash)


def _record(request: Request, out: Path, face: _Face) -> None:
    """Records the result; removes it where the right was taken back while it was made (ConsentError)."""
    from recaster.provenance.manifest import remove_sidecar

    with open_register() as register:
        try:
            person = _authorize(request, register)
        except ConsentError:
            remove_sidecar(out)
            for path in (out, request.report):
                if path is not None:
                    path.unlink(missing_ok=True)
            raise
        register.audit.add(
            "anonymise.deliver", made=[sha256(out)], identities=[person.identity_id], faces=face.digests
        )


def _prepare(
    request: Request,
    clip: Clip,
    settings: SwapSettings,
    face: _Face,
    mark: ProvenanceMark | None,
    subjects: Subjects,
    judge: AnonymityJudge,
    log: LogLine,
    report: Report,
) -> Passes:
    """Loads the swapper and plans the passes."""
    from recaster.models.model_folder import needs_tensorflow
    from recaster.operations.anonymise_passes import Passes
    from recaster.swapping.load import SwapperFactory, choose_device, load_swapper
    from recaster.swapping.request import SwapRequest

    options = request.options
    name = options.device or "auto"
    needs = needs_tensorflow(face.model, options.detector)
    log("info", f"swapping {choose_device(name, read_threads(options), tensorflow=needs)}")
    swapper = load_swapper(face.model, face.source, name)
    factory = SwapperFactory(face.model, face.source, name)
    swap = SwapRequest(clip, request.out, swapper, settings, mark, factory)
    swap.check()
    return Passes.of(swap, request.settings, subjects, judge, report)


def _deliver(request: Request, passes: Passes, out: Path, anonymity: Anonymity, report: Report) -> str:
    """Joins the segments without anything that the original says of itself, and signs; returns the mark."""
    from recaster.media.join import join_segments
    from recaster.provenance.manifest import sign_anonymised
    from recaster.swapping.marking import collect_provenance_facts
    from recaster.swapping.render_cache import CLIP

    swap = passes.swap
    swap.clip.refuse_changes()
    unsigned = passes.cache.unsigned_path(out.suffix)
    segments = passes.cache.segment_paths(CLIP)
    join_segments(segments, swap.clip.info, unsigned, swap.frames, swap.settings.writer, is_bare=True)
    passes.refuse_changes()  # after joining: what was joined is what was judged
    report(Update("signing", 0, 1, "files"))
    facts = {"frames": len(swap.frames), "swapped": anonymity.counts()["swapped"]}
    facts |= collect_provenance_facts(swap.swapper, swap.settings)
    if request.report is not None:
        write_bytes(request.report, anonymity.report())
    if swap.mark is None:
        raise ValueError("a promise is signed")
    marked = sign_anonymised(unsigned, out, facts, anonymity.assertion(), swap.mark)
    passes.cache.remove()
    return marked


def _summarise(anonymity: Anonymity) -> tuple[str, ...]:
    """Says how the promise was kept."""
    counts = anonymity.counts()
    nearest = anonymity.nearest
    seen = "no face was seen"
    if nearest is not None:
        seen = f"the nearest came to a cosine of {nearest.sface:.2f} and a distance of {nearest.dlib:.2f}"
    frames = len(anonymity.frames)
    what = (f"{counts['swapped']} with a swapped face", f"{counts['covered']} with a covered head")
    times = f"judged {anonymity.passes} time" + ("s" if anonymity.passes > 1 else "")
    lines = [
        f"{frames} frames: {', '.join(what)}, {counts['nobody']} with nobody; {times}",
        f"SFace (from .363 on) and dlib's ResNet (below .6) know the person in none of them; {seen}",
    ]
    if anonymity.bystanders:
        named = (
            f"track {track} (in {len(each)}, from {each[0]} on)"
            for track, each in anonymity.bystanders.items()
        )
        lines.append(f"Covers also reach others, who may be seen: {', '.join(named)}")
    return tuple(lines)


def describe_left_out(info: ClipInfo) -> tuple[str, ...]:
    """Says what of a clip goes on purpose: all that it says of itself."""
    metadata = info.metadata
    tags = sorted({*metadata.tags, *metadata.picture_tags})
    found = []
    if tags:
        more = f" and {len(tags) - MAX_NAMED} more" if len(tags) > MAX_NAMED else ""
        found.append(f"tags ({', '.join(tags[:MAX_NAMED])}{more})")
    found += [f"timecode {metadata.timecode}"] if metadata.timecode is not None else []
    found += [f"reel {metadata.reel}"] if metadata.reel is not None else []
    found += ["transparency"] if info.has_alpha else []
    found += [f"{len(metadata.chapters)} chapters"] if metadata.chapters else []
    found += [f"{each.kind} stream {each.index}" for each in info.side_streams]
    found += [f"name and language of sound stream {each.index}" for each in info.audio]
    listed = "; ".join(found) if found else "nothing was there"
    return (f"Left out on purpose, as it may tell where, when and of whom the clip is: {listed}",)


def _describe_failure(request: Request, anonymity: Anonymity, what: str) -> str:
    """Says where the promise doesn't hold, and what is there; the report is written all the same."""
    if request.report is not None:
        write_bytes(request.report, anonymity.report())
        what += f", but for the report ({request.report})"
    if request.out.exists():
        what += f"; {request.out} IS OF AN EARLIER RUN: don't hand it on"
    failed = anonymity.failed
    named = ", ".join(map(str, failed[:MAX_NAMED])) + (" ..." if len(failed) > MAX_NAMED else "")
    return (
        f"somebody may still be known in {len(failed)} of {len(anonymity.frames)} frames ({named}); {what}. "
        "Cut those frames out, or give a wider --margin or a higher --coverage"
    )
