"""``recaster swap``: put a face on, through a whole clip."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from recaster.cli.display import reporter, say, say_error
from recaster.cli.recording import digests_of
from recaster.cli.remote import add_engine, connect_engine
from recaster.cli.rights_options import add_basis, record_identity_remotely, whose
from recaster.errors import ConsentError, UsageError
from recaster.settings.bounds import number
from recaster.settings.detection import DETECTORS

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable

    from recaster.api.v1 import job_pb2
    from recaster.client import Client
    from recaster.media.types import ClipInfo
    from recaster.provenance.mark import ProvenanceMark
    from recaster.provenance.policy import Policy
    from recaster.provenance.register import Register
    from recaster.settings.swap import SwapSettings
    from recaster.swapping.settings import SwapResult
    from recaster.swapping.swapper import Swapper

DESCRIPTION = """Swap a face in a clip. The result keeps the clip's sound, size and timing. Parts are kept in
OUT.parts/, for your eyes alone, until it is whole and signed: run the same command again after an
interruption, and it goes on; delete that folder if you don't want to. An OUT that exists is replaced when
the new one is whole, not before. At the end it is said which frames weren't swapped, and why: a frame counts
as swapped where at least two thirds of what it shows of the face was."""

PREVIEW = """write only this frame, as a picture, to OUT. Of a clip that was swapped before it is the very
frame; otherwise only its neighbours are looked at, so that with several people you had better name one"""

REPORT = """also write what was swapped, as JSON: how much of which face in every frame, and the ranges of
frames that weren't swapped, with the reason"""


def add(commands: Any, common: argparse.ArgumentParser) -> None:
    """Add this command's parser."""
    parser = commands.add_parser(
        "swap", parents=[common], help="swap a face in a clip", description=DESCRIPTION
    )
    parser.set_defaults(run=run)
    parser.add_argument("clip", type=Path, metavar="CLIP", help="the clip with the target's performance")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("-m", "--model", type=Path, help="a trained model")
    source.add_argument(
        "--source", type=Path, metavar="FACESET", help="swap without training, from the source's faceset"
    )
    parser.add_argument("-o", "--out", type=Path, required=True, help="the clip to write")
    parser.add_argument("--range", help="frames 100-200 or times 3s-5.5s (default: the whole clip)")
    parser.add_argument("--preview", type=number("frame"), metavar="FRAME", help=PREVIEW)
    parser.add_argument("--matte", type=Path, metavar="OUT", help="also write the mask to a clip, as grey")
    parser.add_argument("--report", type=Path, metavar="FILE", help=REPORT)
    _add_people(parser)
    _add_look(parser)
    _add_encoding(parser)
    _add_marks(parser)
    add_basis(parser)
    parser.add_argument(
        "--device",
        choices=("auto", "cpu", "gpu"),
        default="auto",
        help="what computes (default: auto: the CPU for guided models, else a GPU where there is one)",
    )
    parser.add_argument(
        "--threads",
        type=number("threads"),
        metavar="N",
        help="CPU threads, in one process (default: all cores, large machines with several processes)",
    )
    add_engine(parser)


def _add_people(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("whose face (default: the clip's main person)")
    whose = group.add_mutually_exclusive_group()
    whose.add_argument("--person", type=Path, metavar="IMAGE", help="the person in this picture")
    whose.add_argument(
        "--track",
        type=number("track"),
        metavar="N",
        help="the person in this track; one that there isn't lists them",
    )
    whose.add_argument("--all", action="store_true", help="everyone")
    group.add_argument("--detector", choices=DETECTORS, help="what finds faces (default: yunet)")
    group.add_argument(
        "--landmarker",
        choices=("mesh", "dlib-68"),
        help="what finds their points (default: mesh; dlib-68 is not for commercial use)",
    )
    group.add_argument(
        "--min-face",
        type=number("min_face"),
        metavar="PX",
        help="width of the smallest face to look for (default: 40)",
    )


def _add_look(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("look", "lengths are shares of the face's size")
    group.add_argument(
        "--smoothing",
        choices=("none", "ema", "kalman", "zero-phase"),
        help="of the target's motion over time (default: zero-phase)",
    )
    group.add_argument(
        "--mask",
        choices=("learned", "hull", "box"),
        help="the model's own, behind hands and whatever else is in front of the face; the face's "
        "outline; or the crop (default: learned)",
    )
    group.add_argument(
        "--feather", type=number("feather", float), metavar="X", help="width of the soft edge (default: 0.06)"
    )
    group.add_argument(
        "--erode", type=number("erode", float), metavar="X", help="move the edge inwards (default: 0)"
    )
    group.add_argument(
        "--scale",
        type=number("scale", float),
        metavar="X",
        help="enlarge the mask about the face's middle (default: 1)",
    )
    group.add_argument(
        "--colour",
        choices=("light", "mean", "hist", "none"),
        help="how the target's colours are taken on: its light and grain, its mean and spread, its "
        "histogram, or not at all (default: light)",
    )


def _add_encoding(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("encoding")
    group.add_argument("--codec", choices=("h264", "hevc", "prores"), help="video codec (default: h264)")
    group.add_argument(
        "--quality",
        type=number("quality"),
        metavar="N",
        help="constant quality; lower is better and larger (default: 15)",
    )
    group.add_argument("--preset", help="the encoder's speed, ultrafast to veryslow (default: veryfast)")
    group.add_argument(
        "--pixel-format", metavar="FORMAT", help="as ffmpeg names it (default: as the clip needs)"
    )
    group.add_argument(
        "--sound",
        choices=("auto", "copy"),
        help="sound is copied; where the result's container cannot hold it, auto encodes it anew, as AAC or, "
        "beside ProRes in .mov, PCM, and copy refuses it (default: auto)",
    )


def _add_marks(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "what the result says of itself", "by default a signed manifest (C2PA), and nothing in the picture"
    )
    group.add_argument(
        "--label", choices=("none", "text", "icon"), help="a label in the picture (default: none)"
    )
    group.add_argument(
        "--label-language",
        metavar="LANG",
        help="de, en, es, fr, it, nl or pt (default: en, or the policy's)",
    )
    group.add_argument(
        "--label-corner",
        choices=("bottom-right", "bottom-left", "top-right", "top-left"),
        help="where (default: bottom-right)",
    )
    group.add_argument(
        "--label-size",
        type=number("label_size", float),
        metavar="X",
        help="height of its letters, as a share of the picture's shorter side (default: 0.035)",
    )
    marked = group.add_mutually_exclusive_group()
    marked.add_argument(
        "--publish", action="store_true", help="for the public: with a label (text, unless --label says icon)"
    )
    marked.add_argument(
        "--no-manifest", action="store_true", help="leave the manifest out; the audit log says so"
    )


def run(options: argparse.Namespace) -> None:
    """Run the command."""
    with connect_engine(options) as engine:
        if engine is None:
            _run_here(options)
        else:
            _run_there(options, engine)


def _run_here(options: argparse.Namespace) -> None:
    from recaster.files import sha256
    from recaster.media.probe import probe
    from recaster.provenance.mark import ProvenanceMark
    from recaster.provenance.register import open_register
    from recaster.swapping.device import choose_device
    from recaster.swapping.load import load_swapper, needs_tensorflow

    info = probe(options.clip)
    with open_register() as register:
        settings = swap_settings(options, info, register.policy)
    needed = needs_tensorflow(options.model, options.detector)
    device = choose_device(options.device, options.threads, tensorflow=needed)
    swapper = load_swapper(options.model, options.source, options.device)
    faces = digests_of(options.model, options.source)
    with open_register() as register:
        person = whose(options, register, options.model or options.source)
        said = {"identity": person.identity_id, "faces": faces}
        if options.preview is None:
            begun = register.audit.add("swap.start", **said, clips=[sha256(options.clip)])
        else:
            begun = register.audit.add("swap.preview", **said, clip=sha256(options.clip))
        mark = None if options.no_manifest else ProvenanceMark.of(register, person, begun.hash)
    result = _swapped(options, swapper, settings, mark)
    with open_register() as register:
        _withhold_revoked(options, register, person.identity_id)
        without = {"manifest": "left out, as asked"} if options.no_manifest else {}
        made, people = [sha256(options.out)], [person.identity_id]
        register.audit.add("swap.deliver", made=made, identities=people, faces=faces, **without)
    _warn(result.warnings)
    _say(options, result.summary(device))


def _withhold_revoked(options: argparse.Namespace, register: Register, identity_id: str) -> None:
    """Remove a result whose right was taken back while it was made (ConsentError)."""
    from recaster.provenance.manifest import sidecar_of

    try:
        register.require(identity_id)
    except ConsentError:
        for path in (options.out, sidecar_of(options.out), options.matte, options.report):
            if path is not None:
                path.unlink(missing_ok=True)
        raise


def _swapped(
    options: argparse.Namespace, swapper: Swapper, settings: SwapSettings, mark: ProvenanceMark | None
) -> SwapResult:
    report = reporter(options)
    if options.preview is not None:
        from recaster.swapping.preview import preview_frame

        return preview_frame(options.clip, options.out, options.preview, swapper, settings, report, mark)
    from recaster.swapping.load import load_again
    from recaster.swapping.pipeline import swap_clip

    again = load_again(options.model, options.source, options.device)
    return swap_clip(
        options.clip,
        options.out,
        swapper,
        settings,
        report,
        mark=mark,
        again=again if options.threads is None else None,  # who counts threads, wants no more than those
    )


def _run_there(options: argparse.Namespace, engine: Client) -> None:
    from recaster.api.v1 import job_pb2, swap_pb2
    from recaster.cli.remote import Remote, fill_message
    from recaster.files import write_bytes
    from recaster.provenance.manifest import sidecar_of

    remote = Remote(engine, options)
    chosen = fill_message(swap_options(options), person=remote.picture(options.person))
    model, faceset = remote.model(options.model), remote.faceset(options.source)
    record_identity_remotely(options, engine, options.model or options.source, faceset=faceset, model=model)
    wanted: dict[str, Any] = {"clip_id": remote.clip(options.clip)}
    wanted |= {"model_id": model} if model else {"faceset_id": faceset}
    if options.preview is not None:
        frame = swap_pb2.PreviewFrameRequest(frame=options.preview, options=chosen, **wanted)
        answer = engine.preview(frame)
        _warn(answer.warnings)
        write_bytes(options.out, answer.png)
        return
    spec = job_pb2.SwapSpec(
        options=chosen,
        suffix=options.out.suffix.lower(),
        matte=options.matte is not None,
        report=options.report is not None,
        without_manifest=options.no_manifest,
        **wanted,
    )
    job = remote.do(job_pb2.JobSpec(swap=spec), options.out)
    if any(one.role == "manifest" for one in job.result.artifacts):  # of a clip that can't carry its own
        remote.fetch(job, "manifest", sidecar_of(options.out))
    remote.fetch(job, "clip", options.out)
    if options.matte is not None:
        remote.fetch(job, "matte", options.matte)
    if options.report is not None:
        remote.fetch(job, "report", options.report)
    _say(options, job.result.summary)


def swap_options(options: argparse.Namespace) -> job_pb2.SwapOptions:
    """What the command line says, as an engine is told it; whatever isn't given is left open.

    Raises:
        UsageError: a number is too large, or --publish without a label.
    """
    from recaster.api.v1 import job_pb2
    from recaster.cli.remote import fill_message

    names = (
        "range", "track", "detector", "landmarker", "min_face", "smoothing", "mask", "feather", "erode",
        "scale", "colour", "codec", "quality", "pixel_format", "sound", "threads", "device", "label",
        "label_language", "label_corner", "label_size",
    )  # fmt: skip
    given = {name: getattr(options, name) for name in names}
    if options.publish:
        if options.label == "none":
            raise UsageError("--publish puts a label in the picture; leave --label none out")
        given["label"] = options.label or "text"
    return fill_message(job_pb2.SwapOptions(), everyone=options.all, encoder_preset=options.preset, **given)


def swap_settings(options: argparse.Namespace, info: ClipInfo, policy: Policy | None = None) -> SwapSettings:
    """What the options say; whatever isn't given is left at the policy's or the library's own defaults.

    Raises:
        UsageError: a value that there isn't, or that the policy forbids.
    """
    from recaster.api.v1 import job_pb2
    from recaster.jobs.rights import apply_policy
    from recaster.operations.options import swap_settings as settings
    from recaster.provenance.policy import Policy

    spec = job_pb2.SwapSpec(options=swap_options(options), without_manifest=options.no_manifest)
    spec = apply_policy(spec, policy or Policy())
    return settings(spec.options, info, options.person, options.matte, options.report)


def _warn(warnings: Iterable[str]) -> None:
    for warning in warnings:
        say_error(f"recaster swap: warning: {warning}")


def _say(options: argparse.Namespace, summary: Iterable[str]) -> None:
    if not options.quiet:
        first, *rest = summary
        say(f"{options.out}: {first}", *rest)
