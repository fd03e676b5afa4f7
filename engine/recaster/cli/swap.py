"""``recaster swap``: put a face on, through a whole clip."""

from __future__ import annotations

import dataclasses
import itertools
from argparse import Namespace
from typing import TYPE_CHECKING, Any

from recaster.cli.cast_options import (
    add_faces,
    bring_faces,
    list_member_mattes,
    with_faces,
)
from recaster.cli.cluster_options import add_cluster
from recaster.cli.display import reporter, say_error
from recaster.cli.flags import add_option, add_options, fill_message, fill_options, read_settings
from recaster.cli.looks import add_look_options, read_look_options
from recaster.cli.parsers import Commands, Options, add_out, add_path, add_switch
from recaster.cli.remote import Remote, add_engine, here_or_there
from recaster.cli.rights_options import add_basis, claim_of
from recaster.cli.swap_parts import add_part_options, check_parts, refuse_parts, render_part
from recaster.cli.swap_several import add_batch_options, say_result, swap_several_here, swap_several_there
from recaster.cli.swap_tasks import StoreOut, refuse_replacing, split_tasks
from recaster.errors import UsageError
from recaster.settings.detection import AnalysisSettings, Smoothing
from recaster.settings.devices import DeviceSettings
from recaster.settings.encoding import WriterOptions
from recaster.settings.parts import PartSettings
from recaster.settings.reading import ReadOptions
from recaster.settings.swap import (
    MASK_KINDS,
    LabelSettings,
    MendSettings,
    PreviewSettings,
    SwapSettings,
)

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Callable, Iterable, Sized
    from pathlib import Path

    from recaster.api.v1 import job_pb2
    from recaster.client import Client
    from recaster.operations.swap import Request

DESCRIPTION = """Swap a face in a clip. The result keeps the clip's sound, size and timing. Parts are kept in
OUT.parts/, for your eyes alone, until it is whole and signed: run the same command again after an
interruption, and it goes on; delete that folder if you don't want to. An OUT that exists is replaced when
the new one is whole, not before. At the end it is said which frames weren't swapped, and why: a frame counts
as swapped where at least two thirds of what it shows of the face was.

OUT is a sequence of pictures where its name has a place for their number: shot.%04d.exr, shot.####.png
(OpenEXR, DPX, TIFF, PNG, JPEG). Pictures get to their places at the very end, and replace those of their
names. Beside them lies their list, shot.exr.sha256, whose manifest speaks for all of them.

A picture is a still where OUT is named as one, photo.jpg, or --stills says so: all else in its file stays as
it is, and the manifest is in it. Pictures of a person may stand for a faceset: --source anna.jpg.

--layers writes what the result is made of, for compositing: --layers-out shot.%04d.exr has a layer for each
in every picture, shot.json says where each face was, and shot.usda holds the tracked mesh.

Of several clips, or of a folder's, OUT is a folder (so is one that ends with a slash or is there already), as
are --matte, --report and --layers-out. Results are called as their clips and keep their container where the
codec goes into it. All is checked first; a clip that fails doesn't stop the others, and is named again at the
end, with the exit code of the first that failed. Results that this very command has made before are left as
they are.

On a farm, several machines render one clip: the same command with --parts DIR --part K/N on each, which
renders its share into a folder that all see, and at last once with --join, which makes the result."""


def add_swap(commands: Commands) -> None:
    """Adds this command's parser."""
    run = here_or_there(_with_source(_run_here), _with_source(_run_there))
    parser = commands.add("swap", run, "swap a face in a clip", DESCRIPTION)
    add_path(
        parser, "clips", "CLIP", "the clip with the target's performance; or several, or folders", nargs="*"
    )
    text = "swap without training, from the source's faceset, or from one to a few pictures of one person"
    add_faces(parser, text, nargs="+")
    add_out(parser, None, "the clip to write, or the folder for several", type=str, action=StoreOut)
    add_batch_options(parser)
    add_options(parser, SwapSettings, "frames")
    add_options(parser, PreviewSettings)
    add_options(parser, SwapSettings, "matte", "report", "overlay", "layers", "layers_out", "layers_alpha")
    add_options(parser.add_argument_group("masks by hand"), SwapSettings, *MASK_KINDS)
    add_options(parser, MendSettings)
    add_part_options(parser)
    add_swap_options(parser)
    add_cluster(parser)
    add_engine(parser)


def add_swap_options(parser: ArgumentParser) -> None:
    """Adds the options of whom to swap, look, encoding, marks, the right to the face and the device."""
    people = parser.add_argument_group("whose face (default: the clip's main person)")
    add_options(people.add_mutually_exclusive_group(), SwapSettings, "person", "track", "everyone")
    add_options(people, AnalysisSettings)
    look = parser.add_argument_group("look", "lengths are shares of the face's size")
    add_options(look, Smoothing)
    add_look_options(look)
    add_options(parser.add_argument_group("the clip, where its files don't say it"), ReadOptions)
    add_options(parser.add_argument_group("encoding"), WriterOptions)
    add_option(parser, SwapSettings, "draft")
    text = "by default a signed manifest (C2PA), and nothing in the picture"
    marks = parser.add_argument_group("what the result says of itself", text)
    add_options(marks, LabelSettings)
    marked = marks.add_mutually_exclusive_group()
    add_switch(marked, "--publish", "for the public: with a label (text, unless --label says icon)")
    add_switch(marked, "--no-manifest", "leave the manifest out; the audit log says so")
    add_basis(parser)
    text = "what computes (default: auto: the CPU for guided models, else a GPU where there is one)"
    add_option(parser, DeviceSettings, "device", default=DeviceSettings.device, help=text)
    text = "CPU cores to use (default: all of them)"
    add_option(parser, DeviceSettings, "threads", metavar="N", help=text)


def _with_source(run: Callable[..., None]) -> Callable[..., None]:
    """Makes what swaps from a faceset swap from pictures, too, whichever stand before the clips or after."""

    def run_with_source(options: Options, *others: Any) -> None:
        sources, clips = _part_source(options)
        own = {"source": sources, "clips": clips}
        with_faces(run)(Namespace(**{**vars(options), **own}), *others)

    return run_with_source


def _part_source(options: Options) -> tuple[list[Path] | None, list[Path]]:
    """Parts sources and clips: of ``--source FACES CLIP`` the flag has taken both (UsageError for none)."""
    from recaster.facesets.inputs import is_image

    sources: list[Path] | None = options.source
    clips: list[Path] = options.clips
    if sources and not clips:
        pictures = itertools.takewhile(is_image, sources[:-1])
        count = max(1, len(list(pictures)))
        sources, clips = sources[:count], sources[count:]
    if not clips:
        raise UsageError("which clip? Name one, or several, before the options")
    return sources, clips


def _run_here(options: Options) -> None:
    from recaster.operations import swap

    requests = [request_of(task) for task in _list_tasks(options)]
    check_parts(options, requests)
    _refuse_shared_corrections(options, requests)
    if len(requests) > 1:
        requests = [dataclasses.replace(request, may_lack=True) for request in requests]
    _refuse_shared_masks(options, len(requests))
    if requests[0].out != options.out:
        swap_several_here(options, requests)
        return
    if requests[0].parts.share is not None:
        _warn(render_part(options, requests[0]))
        return
    result = swap.run(requests[0], reporter(options))
    _warn(result.swap.warnings)
    say_result(options, options.out, result.summary())


def _run_there(options: Options, engine: Client) -> None:
    from recaster.api.v1 import swap_pb2
    from recaster.files import write_bytes

    tasks = _list_tasks(options)
    refuse_kept_parts(options)
    refuse_parts(options, "an engine renders by itself; use --local on each of them")
    _refuse_shared_corrections(options, tasks)
    _refuse_shared_masks(options, len(tasks))
    for task in tasks:
        _check_files(task)
    remote = Remote(engine, options)
    chosen, swapper = bring_choices(options, remote, several=len(tasks) > 1)
    if options.preview is not None:
        clip_id = remote.clip(tasks[0].clip)
        fill_message(chosen, corrections=remote.corrections(tasks[0].clip, clip_id, options.corrections))
        wanted = {"clip_id": clip_id, **swapper}
        answer = engine.preview(swap_pb2.PreviewFrameRequest(frame=options.preview, options=chosen, **wanted))
        _warn(answer.warnings)
        write_bytes(options.out, answer.png)
        return

    def submit(task: Options) -> job_pb2.Job:
        return remote.submit(bring_clip(task, chosen, remote, **swapper), task.out)

    def fetch(task: Options, job: job_pb2.Job) -> None:
        fetch_result(task, remote, job)
        say_result(task, task.out, job.result.summary)

    if tasks[0].out != options.out:
        swap_several_there(options, tasks, remote, submit, fetch)
    else:
        fetch(tasks[0], remote.follow(submit(tasks[0])))


def _list_tasks(options: Options) -> list[Options]:
    """Lists the options of each clip, as ``split_tasks``, with nothing written over what is read.

    A preview's name has no place for numbers.
    """
    from recaster.media.sequence_name import SequenceName

    pattern = SequenceName.parse(options.out)
    if options.preview is not None and pattern is not None:
        name = pattern.picture_path(options.preview).name
        raise UsageError(f"-o {options.out}: --preview writes one picture; name it, {name} say")
    tasks = split_tasks(options)
    for task in tasks:
        refuse_replacing(task)
    return tasks


def _refuse_shared_corrections(options: Options, clips: Sized) -> None:
    if options.corrections is not None and len(clips) > 1:
        raise UsageError("--corrections is of one clip; those of several lie beside them")


def refuse_kept_parts(options: Options) -> None:
    """Refuses what an engine would leave out (UsageError)."""
    if options.keep_parts:
        raise UsageError("--keep-parts is for swaps on this machine")


def _refuse_shared_masks(options: Options, clips: int) -> None:
    for name in MASK_KINDS:
        if clips > 1 and getattr(options, name) is not None:
            raise UsageError(f"--{name.replace('_', '-')} is of one clip; swap the others without it")


def _check_files(task: Options) -> None:
    """Refuses files that an engine would write as others, or that would replace others (UsageError)."""
    from recaster.media.sequence_name import SequenceName
    from recaster.swapping.request import refuse_other_side_layers
    from recaster.swapping.sequence_list import refuse_other_list

    refuse_other_side_layers(task.layers, task.layers_out)
    if not task.no_manifest:
        refuse_other_list(task.out)
    kinds = [SequenceName.parse(path) for path in (task.out, task.matte) if path is not None]
    suffixes = {None if kind is None else kind.suffix.lower() for kind in kinds}
    if len(suffixes) > 1:
        raise UsageError(
            "an engine writes the matte as it does the result: pictures of the same kind, or a clip"
        )
    if task.layers_out is not None and task.layers_out.suffix.lower() not in (".mov", ".exr"):
        raise UsageError(f"{task.layers_out}: an engine writes layers as .mov, or as .exr; name it so")


def bring_choices(
    options: Options, remote: Remote, *, several: bool
) -> tuple[job_pb2.SwapOptions, dict[str, Any]]:
    """Brings the person and whose face is put on to an engine, and says there whose it is.

    Returns:
        The options of every clip, and the fields of a request that name faces, as ``bring_faces``.
    """
    masks = {name: getattr(options, name, None) for name in MASK_KINDS}
    brought = {name: remote.clip(path) for name, path in masks.items() if path is not None}
    chosen = fill_message(swap_options(options), person=remote.picture(options.person), **brought)
    return chosen, bring_faces(options, remote, several=several)


def bring_clip(task: Options, chosen: job_pb2.SwapOptions, remote: Remote, **ids: Any) -> job_pb2.JobSpec:
    """Brings a clip and its corrections to an engine; returns its swap as a job.

    ``ids`` name the model or faceset.
    """
    from recaster.api.v1 import job_pb2

    clip_id = remote.clip(task.clip, is_still=task.stills)
    own = job_pb2.SwapOptions()
    own.CopyFrom(chosen)
    fill_message(own, stills=task.stills)
    fill_message(own, corrections=remote.corrections(task.clip, clip_id, task.corrections))
    return _job_of(task, own, clip_id=clip_id, **ids)


def _job_of(task: Options, chosen: job_pb2.SwapOptions, **ids: Any) -> job_pb2.JobSpec:
    """Writes a clip's swap as a job; ``ids`` name the clip and the model or faceset."""
    from recaster.api.v1 import job_pb2
    from recaster.media.sequence_name import SequenceName

    sequence = SequenceName.parse(task.out)
    layers = None if task.layers_out is None else SequenceName.parse(task.layers_out)
    spec = job_pb2.SwapSpec(
        options=chosen,
        suffix=task.out.suffix.lower() if sequence is None else "",
        pictures="" if sequence is None else sequence.path.name,
        matte=task.matte is not None,
        report=task.report is not None,
        overlay=task.overlay is not None,
        layers=task.layers,
        layers_pictures="" if layers is None else layers.path.name,
        without_manifest=task.no_manifest,
        **ids,
    )
    return job_pb2.JobSpec(swap=spec)


def fetch_result(task: Options, remote: Remote, job: job_pb2.Job) -> None:
    """Brings all that a job made here."""
    from recaster.media.sequence_name import SequenceName
    from recaster.provenance.manifest import remove_sidecar, sidecar_of

    sequence = SequenceName.parse(task.out)
    marked = task.out if sequence is None else sequence.list_path
    roles = {made.role for made in job.result.artifacts}
    if "list" in roles:
        remote.fetch(job, "list", marked)
    if "manifest" in roles:  # of a clip that can't carry its own
        remote.fetch(job, "manifest", sidecar_of(marked))
    elif sequence is None:
        remove_sidecar(task.out)
    remote.fetch_clip(job, "clip", task.out)
    if task.matte is not None:
        remote.fetch_clip(job, "matte", task.matte)
        for name, path in list_member_mattes(task).items():
            remote.fetch_clip(job, f"matte-{name}", path)
    if task.report is not None:
        remote.fetch(job, "report", task.report)
    if task.overlay is not None:
        remote.fetch(job, "overlay", task.overlay)
    if task.layers_out is not None:
        _fetch_layers(task, remote, job, roles)


def _fetch_layers(task: Options, remote: Remote, job: job_pb2.Job, roles: set[str]) -> None:
    """Brings the layers that a job made here, and what lies beside their pictures."""
    from recaster.media.sequence_name import SequenceName
    from recaster.provenance.manifest import sidecar_of
    from recaster.swapping.request import list_side_layers

    files = list_side_layers(task.layers, task.layers_out)
    sequence = SequenceName.parse(task.layers_out)
    if sequence is not None and "layers-list" in roles:
        files |= {"layers-list": sequence.list_path, "layers-manifest": sidecar_of(sequence.list_path)}
    for role, path in files.items():
        remote.fetch(job, role, path)
    if {*task.layers} != {"mesh"}:
        remote.fetch_clip(job, "layers", task.layers_out)


def swap_options(options: Options) -> job_pb2.SwapOptions:
    """Writes the options as a request; whatever isn't given is left open.

    Raises:
        UsageError: a number is too large, or --publish without a label.
    """
    from recaster.api.v1 import job_pb2
    from recaster.operations.request_options import write_change

    label: dict[str, str] = {}
    if options.publish:
        if options.label == "none":
            raise UsageError("--publish puts a label in the picture; leave --label none out")
        label = {"label": options.label or "text"}
    look = read_look_options(options)
    changes = tuple(map(write_change, look.changes))
    kinds = (SwapSettings, ReadOptions, DeviceSettings)
    return fill_options(job_pb2.SwapOptions(), options, *kinds, changes=changes, **look.values, **label)


def request_of(options: Options) -> Request:
    """Reads one clip's options as a swap here; whatever isn't given is left open (UsageError)."""
    from recaster.operations.swap import Request

    return Request(
        clip=options.clip,
        out=options.out,
        options=swap_options(options),
        model=options.model,
        source=options.source,
        person=options.person,
        keep_out=options.keep_out,
        keep_in=options.keep_in,
        matte=options.matte,
        report=options.report,
        overlay=options.overlay,
        layers=options.layers,
        layers_out=options.layers_out,
        preview=options.preview,
        corrections=options.corrections,
        keeps_segments=options.keep_parts,
        has_manifest=not options.no_manifest,
        claim=claim_of(options),
        cast=options.members,
        parts=read_settings(PartSettings, options),
    )


def _warn(warnings: Iterable[str]) -> None:
    for warning in warnings:
        say_error(f"recaster swap: warning: {warning}")
