"""``recaster anonymise``: make people in a clip unknown, or write nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from recaster.cli.cluster_options import add_cluster
from recaster.cli.display import reporter, say, say_error, say_note
from recaster.cli.flags import add_option, add_options, fill_message, fill_options
from recaster.cli.parsers import Commands, Options, add_out, add_path, add_source
from recaster.cli.remote import Remote, add_engine, here_or_there
from recaster.cli.rights_options import add_basis, claim_of, record_identity_remotely
from recaster.cli.swap_parts import refusing_parts
from recaster.errors import AnonymityError, RecasterError, UsageError
from recaster.settings.anonymise import AnonymiseFiles, AnonymiseSettings
from recaster.settings.detection import Smoothing
from recaster.settings.devices import DeviceSettings
from recaster.settings.encoding import WriterOptions
from recaster.settings.reading import ReadOptions
from recaster.settings.swap import LabelSettings, SwapSettings

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from recaster.api.v1 import job_pb2
    from recaster.client import Client

DESCRIPTION = """Make people in a clip unknown, for interviews with people at risk: everybody, or one
person. Their faces are swapped with that of somebody who doesn't exist and comes with Recaster, or with a
given one. Where a swap hides too little of a face, where a face is turned away or lost, and for a while
before and after, the head is covered. So is every other face that may be the same person's: in mirrors, on
screens, small or for a moment.

Then two judges, SFace and dlib's ResNet, look at every face in every frame of the result. Frames in which one
of them still knows the person are covered and judged again, until that is over. The clip is written only if
nobody is known in it any more; otherwise the command ends with 11, and writes nothing.

The file has nothing of the original but picture and sound: no place, camera, dates, names, timecode,
subtitles, chapters, covers, and no digest of it. Its signed manifest says what was promised and done: see
recaster verify. VOICES ARE NOT CHANGED, nor are clothes, hands, tattoos or the place.

Parts are kept in OUT.parts/, for your eyes alone, until it is done: run the same command again after an
interruption. They still show faces: delete the folder if you don't go on."""


def add_anonymise(commands: Commands) -> None:
    """Adds this command's parser."""
    run = here_or_there(_run_here, _run_there)
    parser = commands.add("anonymise", run, "make people in a clip unknown, or write nothing", DESCRIPTION)
    add_path(parser, "clip", "CLIP")
    add_out(parser, None, "the clip to write (.mp4, .mov or .mkv)")
    add_options(parser, SwapSettings, "frames")
    add_options(parser, AnonymiseFiles)
    people = parser.add_argument_group("who is to be unknown (default: everybody)")
    add_options(people.add_mutually_exclusive_group(), AnonymiseSettings, "person", "track")
    add_options(people, AnonymiseSettings, "min_face")
    promise = parser.add_argument_group("what is promised")
    add_options(promise, AnonymiseSettings, "coverage", "fallback", "margin")
    face = parser.add_argument_group("the face that is put on (default: one that comes with Recaster)")
    add_source(face, "that of a faceset, without training", required=False)
    add_options(parser, Smoothing)
    add_options(parser.add_argument_group("the clip, where its files don't say it"), ReadOptions)
    add_options(parser.add_argument_group("encoding"), WriterOptions)
    add_options(parser.add_argument_group("a label in the picture"), LabelSettings)
    add_basis(parser)
    text = "what computes (default: auto: the CPU for guided models, else a GPU where there is one)"
    add_option(parser, DeviceSettings, "device", default=DeviceSettings.device, help=text)
    text = "CPU cores to use (default: all of them)"
    add_option(parser, DeviceSettings, "threads", metavar="N", help=text)
    add_cluster(parser)
    add_engine(parser)
    why = "what is anonymised is judged as a whole, on one machine"
    parser.set_defaults(run=refusing_parts(parser, run, why))


def _swap_options(options: Options, **others: Any) -> job_pb2.SwapOptions:
    """Writes the options of the swap as a request; whatever isn't given is left open (UsageError)."""
    from recaster.api.v1 import job_pb2

    kinds = (Smoothing, WriterOptions, LabelSettings, ReadOptions, DeviceSettings)
    return fill_options(job_pb2.SwapOptions(), options, *kinds, range=options.range, **others)


def _run_here(options: Options) -> None:
    from recaster.operations import anonymise

    names = ("person", "track", "min_face", "coverage", "fallback", "margin")
    given = {name: getattr(options, name) for name in names}
    wishes = AnonymiseSettings(**{name: value for name, value in given.items() if value is not None})
    request = anonymise.Request(
        clip=options.clip,
        out=options.out,
        settings=wishes,
        options=_swap_options(options),
        model=options.model,
        source=options.source,
        report=options.report,
        keep_failed=options.keep_failed,
        claim=claim_of(options),
    )
    result = anonymise.run(request, reporter(options))
    _say(options, result.warnings, result.summary())


def _run_there(options: Options, engine: Client) -> None:
    from recaster.api.v1 import job_pb2
    from recaster.provenance.manifest import sidecar_of

    if options.keep_failed:
        raise UsageError("--keep-failed is for work on this machine")
    remote = Remote(engine, options)
    clip_id = remote.clip(options.clip)
    named = {
        "track": options.track,
        "min_face": options.min_face,
        "person": remote.picture(options.person),
        "corrections": remote.corrections(options.clip, clip_id),
    }
    work = job_pb2.AnonymiseSpec(
        swap=job_pb2.SwapSpec(
            clip_id=clip_id,
            options=_swap_options(options, **named),
            suffix=options.out.suffix.lower(),
            report=options.report is not None,
        )
    )
    fill_message(work, coverage=options.coverage, fallback=options.fallback, margin=options.margin)
    face = options.model or options.source
    if face is not None:
        model = remote.model(options.model)
        faceset = remote.faceset(options.source)
        record_identity_remotely(options, remote.client, face, faceset=faceset, model=model)
        fill_message(work.swap, model_id=model, faceset_id=faceset)
    try:
        job = remote.follow(remote.submit(job_pb2.JobSpec(anonymise=work), options.out))
    except RecasterError as error:
        if error.exit_code == AnonymityError.exit_code and options.out.exists():
            say_error(f"recaster anonymise: {options.out} IS OF AN EARLIER RUN: don't hand it on")
        raise
    if "manifest" in {made.role for made in job.result.artifacts}:
        remote.fetch(job, "manifest", sidecar_of(options.out))
    remote.fetch(job, "clip", options.out)
    if options.report is not None:
        remote.fetch(job, "report", options.report)
    _say(options, job.result.warnings, job.result.summary)


def _say(options: Options, warnings: Iterable[str], summary: Sequence[str]) -> None:
    for warning in warnings:
        say_error(f"recaster anonymise: warning: {warning}")
    say(f"{options.out}: {summary[0]}")
    say_note(options, *summary[1:])
