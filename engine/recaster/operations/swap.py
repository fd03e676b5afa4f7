"""Swap of a clip, or of one frame of it: policy, rights, pictures, provenance mark and audit records."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from recaster.api.v1 import job_pb2
from recaster.errors import ConsentError, UsageError
from recaster.files import remove_folder, sha256
from recaster.operations.cast import authorize_cast, cast_roles, check_cast, list_faces
from recaster.operations.face_rights import (
    NO_CLAIM,
    FaceClaim,
    Grant,
    folder_digests,
    name_refused_face,
)
from recaster.operations.request_options import read_threads, swap_settings
from recaster.operations.swap_files import SwapFiles
from recaster.processes.cpu_cores import limit_cores
from recaster.progress import LogLine, Report, no_log, silent
from recaster.provenance.audit_events import name_identities
from recaster.provenance.policy import apply_policy
from recaster.provenance.provenance_mark import ProvenanceMark
from recaster.provenance.register import open_register
from recaster.settings.cast import place_member_matte
from recaster.settings.parts import WHOLE
from recaster.settings.swap import MASK_KINDS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from recaster.media.clip import Clip
    from recaster.media.types import ClipInfo
    from recaster.provenance.policy import Policy
    from recaster.provenance.register import Register
    from recaster.settings.cast import CastMember
    from recaster.settings.parts import PartSettings
    from recaster.settings.swap import SwapSettings
    from recaster.swapping.casting import CastSwapper
    from recaster.swapping.request import SwapRequest
    from recaster.swapping.result import SwapResult
    from recaster.swapping.swapper import Swapper

    Load = Callable[["Request", LogLine], tuple[Swapper | CastSwapper, str]]


@dataclass(frozen=True)
class Request:
    """One swap.

    Attributes:
        clip: the target's performance.
        out: the file to write; a picture where one frame is previewed.
        options: what isn't set is left to the policy, then to the settings' defaults.
        model: a trained model, or
        source: a faceset to swap with untrained.
        person: a picture of the person whose face is replaced.
        keep_out, keep_in: masks, as of ``SwapSettings``.
        matte: the clip for the masks.
        report: the JSON file on what was swapped.
        overlay: the clip with what was found drawn over it.
        layers: what is written for compositing, in ``layers_out``.
        preview: index of the one frame to swap; None for all.
        corrections: file of corrections of the clip's analysis; None for the one beside the clip, if any.
        has_manifest: whether the result carries a manifest.
        keeps_segments: whether rendered segments stay, for a caller who has yet to keep the result safe, or
            who will swap again with other corrections.
        cast: members of a cast, in place of model or source; ``claim`` is then of those who have none.
        may_lack: whether members whom nobody in the clip answers to are told, and no error.
        parts: how several machines render it, which ``operations.swap_part`` does; here all is joined.
    """

    clip: Path
    out: Path
    options: job_pb2.SwapOptions
    model: Path | None = None
    source: Path | None = None
    person: Path | None = None
    keep_out: Path | None = None
    keep_in: Path | None = None
    matte: Path | None = None
    report: Path | None = None
    overlay: Path | None = None
    layers: tuple[str, ...] = ()
    layers_out: Path | None = None
    preview: int | None = None
    corrections: Path | None = None
    has_manifest: bool = True
    keeps_segments: bool = False
    claim: FaceClaim = NO_CLAIM
    cast: tuple[CastMember, ...] = ()
    may_lack: bool = False
    parts: PartSettings = WHOLE

    @property
    def sources(self) -> tuple[tuple[Path | None, Path | None], ...]:
        """Model and faceset, of which one is None, of each face that is put on."""
        return tuple((each.model, each.faceset) for each in self.cast) or ((self.model, self.source),)

    @property
    def inputs(self) -> dict[str, Path]:
        """Files and folders that are read beside clip and person, by what they are."""
        named = {"the model": self.model, "the faceset": self.source, "the corrections": self.corrections}
        for member in self.cast:
            named[f"the source of {member.name}"] = member.source
            named[f"the picture of {member.name}"] = member.selector.picture
        return {name: path for name, path in named.items() if path is not None}

    @property
    def role_mattes(self) -> dict[str, Path]:
        """Clips for the masks of members alone, by their names (UsageError: without that of all)."""
        if self.preview is not None:
            return {}
        names = [member.name for member in self.cast if member.matte]
        if self.matte is None:
            if names:
                raise UsageError(f"{names[0]}: its own matte lies beside that of all; name that with --matte")
            return {}
        return {name: place_member_matte(self.matte, name) for name in names}

    def settings(self, info: ClipInfo, policy: Policy | None) -> SwapSettings:
        """Reads the options as a policy wants them (UsageError); None where it was applied before."""
        from recaster.media.sequence_name import choose_picture_codec

        options = self.options
        is_still = self.options.stills and self.preview is None
        implied = choose_picture_codec(self.out, is_still=is_still)
        if implied is not None and not options.HasField("codec"):
            options = job_pb2.SwapOptions()
            options.CopyFrom(self.options)
            options.codec = implied
        if policy is not None:
            spec = job_pb2.SwapSpec(options=options, without_manifest=not self.has_manifest)
            options = apply_policy(spec, policy).options
        names = ("person", *MASK_KINDS, "matte", "report", "overlay", "layers", "layers_out")
        settings = swap_settings(options, info, **{name: getattr(self, name) for name in names})
        if self.cast:
            check_cast(self, settings)
        return settings


@dataclass(frozen=True)
class Result:
    """Outcome of a swap; ``device`` is a note on what computed it."""

    swap: SwapResult
    device: str

    def summary(self) -> tuple[str, ...]:
        """Describes it in lines of words."""
        return self.swap.summary(self.device)


def load_on_device(request: Request, log: LogLine) -> tuple[Swapper | CastSwapper, str]:
    """Chooses what computes and loads the swapper; returns it and a note on the device."""
    from recaster.models.model_folder import needs_tensorflow
    from recaster.swapping.load import choose_device, load_swapper

    options = request.options
    name = options.device or "auto"
    tensorflow = any(needs_tensorflow(model, options.detector) for model, _ in request.sources)
    device = choose_device(name, read_threads(options), tensorflow=tensorflow)
    log("info", f"swapping {device}")
    return assemble_swapper(request, lambda model, source: load_swapper(model, source, name)), device


def assemble_swapper(
    request: Request, load: Callable[[Path | None, Path | None], Swapper]
) -> Swapper | CastSwapper:
    """Loads what a request puts on, each source once; ``load`` takes a model or a faceset."""
    from recaster.swapping.casting import CastSwapper

    loaded = {source: load(*source) for source in dict.fromkeys(request.sources)}
    if not request.cast:
        return loaded[request.sources[0]]
    return CastSwapper(tuple(loaded[source] for source in request.sources))


def run(
    request: Request,
    report: Report = silent,
    log: LogLine = no_log,
    grant: Grant | None = None,
    load: Load = load_on_device,
) -> Result:
    """Swaps; the same request again goes on where an interruption ended it.

    A process that swaps again and again gives a ``load`` that keeps what it has loaded.

    Raises:
        ConsentError, NotFoundError: the face may not be put on, or its right was taken back meanwhile.
        UsageError: options that don't go together, or that the policy forbids.
        ClipError, ModelError, FacesetError, FaceNotFoundError, DeviceError, ManifestError, OutputError: as
            ``swapping.pipeline.swap_clip``.
    """
    with limit_cores(read_threads(request.options)):
        return _run_limited(request, report, log, grant, load)


def _run_limited(request: Request, report: Report, log: LogLine, grant: Grant | None, load: Load) -> Result:
    from recaster.media.scan_parts import scan_by_executor

    clip = open_clip(request)
    if request.preview is None:
        scan_by_executor(clip)
    if grant is not None:
        settings = request.settings(clip.info, None)
        swapper, device = load(request, log)
        return Result(_swap(request, prepare(request, clip, swapper, settings, grant.mark), report), device)
    settings = settings_by_policy(request, clip)
    swapper, device = load(request, log)
    faces = digest_faces(request)
    people, mark = _authorize(request, clip, faces)
    swap = prepare(request, clip, swapper, settings, mark)
    result = _swap(request, swap, report)
    _deliver(request, swap, people, faces)
    return Result(result, device)


def check(request: Request) -> int:
    """Checks all that needs no work, and counts the frames that the result will have.

    Raises:
        ClipError: the clip can't be used.
        UsageError: outputs and options don't go together, or the policy forbids them.
    """
    from recaster.media.scan_parts import scan_by_executor
    from recaster.swapping.request import check_outputs

    clip = open_clip(request)
    scan_by_executor(clip)
    settings = settings_by_policy(request, clip)
    mattes = request.role_mattes.values()
    check_outputs(clip, request.out, settings, request.inputs, is_signed=request.has_manifest, mattes=mattes)
    return len(clip.frames if settings.frames is None else settings.frames)


def is_made(request: Request, load: Load = load_on_device) -> bool:
    """Checks that the result is there, byte for byte as this very request made it by the audit log.

    The request is the same if clip, swapper, settings under today's policy and release are; matte, report,
    layers and a manifest beside the result are part of it.

    Raises:
        ConsentError, UsageError, ClipError, ModelError, FacesetError: as ``run``.
    """
    clip = open_clip(request)
    settings = settings_by_policy(request, clip)
    files = SwapFiles.of(request, clip, clip.frames if settings.frames is None else settings.frames)
    if not all(path.is_file() for path in (*files.made, *files.beside)):
        return False
    made = files.digest_made()
    with open_register() as register:
        records = [each for each in register.audit.mentioning(made) if each.event == "swap.deliver"]
    records = [each for each in records if made in each.details.get("made", ())]
    if not records:
        return False
    swapper, _ = load(request, no_log)
    digest = _digest_request(request, prepare(request, clip, swapper, settings, None), files)
    records = [each for each in records if each.details.get("request") == digest]
    if not records:
        return False
    with open_register() as register:
        people = {person.identity_id for person in authorize_cast(request, register)}
    return any(people <= {*each.details.get("identities", ())} for each in records)


def open_clip(request: Request) -> Clip:
    """Opens a request's clip with its options and corrections (UsageError, InputError)."""
    from recaster.media.clip import Clip
    from recaster.settings.corrections import read_corrections
    from recaster.settings.messages import settings_from
    from recaster.settings.reading import ReadOptions

    corrections = None if request.corrections is None else read_corrections(request.corrections)
    return Clip(request.clip, settings_from(ReadOptions, request.options), corrections)


def settings_by_policy(request: Request, clip: Clip) -> SwapSettings:
    """Reads a request's options as this machine's policy wants them (UsageError)."""
    with open_register() as register:
        return request.settings(clip.info, register.policy)


def prepare(
    request: Request,
    clip: Clip,
    swapper: Swapper | CastSwapper,
    settings: SwapSettings,
    mark: ProvenanceMark | None,
) -> SwapRequest:
    """Makes of a request what ``swapping`` takes (UsageError)."""
    from recaster.swapping.load import CastFactory, SwapperFactory
    from recaster.swapping.request import SwapRequest

    device = request.options.device or "auto"
    factories = tuple(SwapperFactory(*source, device) for source in request.sources)
    factory = CastFactory(factories) if request.cast else factories[0]
    return SwapRequest(
        clip,
        request.out,
        swapper,
        settings,
        mark,
        factory,
        keeps_segments=request.keeps_segments,
        inputs=request.inputs,
        cast=cast_roles(request, settings, clip.info),
        may_lack=request.may_lack,
        parts=request.parts.folder,
    )


def _swap(request: Request, swap: SwapRequest, report: Report) -> SwapResult:
    from recaster.swapping.pipeline import swap_clip
    from recaster.swapping.preview import preview_frame

    if request.preview is None:
        return swap_clip(swap, report)
    return preview_frame(swap, request.preview, report)


def digest_faces(request: Request) -> list[str]:
    """Computes the digests of what is put on, each once."""
    folders = (folder for source in request.sources for folder in source)
    return list(dict.fromkeys(folder_digests(*folders)))


def _authorize(
    request: Request, clip: Clip, faces: list[str]
) -> tuple[dict[str, tuple[Path, str]], ProvenanceMark | None]:
    """Checks the right to each face and records that a swap begins.

    Returns the faces, as ``list_faces``, by their people's ids, and the mark.
    """
    with open_register() as register:
        people = authorize_cast(request, register)
        ids = [person.identity_id for person in people]
        is_preview = request.preview is not None
        event = "swap.preview" if is_preview else "swap.start"
        details = {"clip": clip.digest} if is_preview else {"clips": [clip.digest]}
        begun = register.audit.add(event, **name_identities(dict.fromkeys(ids)), faces=faces, **details)
        mark = ProvenanceMark.of(register, people, begun.hash) if request.has_manifest else None
    return dict(zip(ids, list_faces(request), strict=True)), mark


def _deliver(
    request: Request, swap: SwapRequest, people: dict[str, tuple[Path, str]], faces: list[str]
) -> None:
    """Records the result; removes it where a right was taken back while it was made (ConsentError)."""
    from recaster.swapping.render_cache import parts_folder

    files = SwapFiles.of(request, swap.clip, swap.frames)
    with open_register() as register:
        try:
            require_faces(register, people)
        except ConsentError:
            for path in (*files.made, *files.beside):
                path.unlink(missing_ok=True)
            remove_folder(parts_folder(request.out), quietly=True)
            raise
        details = {} if request.has_manifest else {"manifest": "left out, as asked"}
        if request.preview is None:
            details["request"] = _digest_request(request, swap, files)
        made = [files.digest_made(), *files.digest_layers()]
        register.audit.add("swap.deliver", made=made, identities=[*people], faces=faces, **details)


def require_faces(register: Register, people: dict[str, tuple[Path, str]]) -> None:
    """Checks that faces, as ``list_faces`` by their people's ids, may still be put on (ConsentError)."""
    for identity_id, face in people.items():
        with name_refused_face(*face):
            register.require(identity_id)


def _digest_request(request: Request, swap: SwapRequest, files: SwapFiles) -> str:
    """Computes a SHA-256, hex, of all that decides what a swap makes, and of what lies beside its result.

    The digest can't be known before the matte and the report are written: whoever finds it again has found
    those unchanged, too.
    """
    beside = {path.name: sha256(path) for path in files.beside}
    asked: dict[str, object] = {"matte": request.matte is not None, "report": request.report is not None}
    asked |= {"manifest": request.has_manifest, "beside": beside}
    facts = swap.describe() | swap.describe_inputs() | asked
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
