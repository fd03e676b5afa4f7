"""Handler of jobs that swap a clip."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recaster.jobs.job_context import JobOutput
from recaster.jobs.proto_records import coverage_to_proto
from recaster.media.sequence_name import SequenceName
from recaster.operations import swap
from recaster.operations.cast import member_from_proto
from recaster.provenance.manifest import SIDECAR_TYPES, sidecar_of
from recaster.swapping.request import list_side_layers
from recaster.zips import pack_pictures

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.api.v1 import job_pb2
    from recaster.jobs.job_context import JobContext
    from recaster.settings.cast import CastMember


def handle(context: JobContext) -> JobOutput:
    """Swaps; segments that an earlier run finished are kept (as ``operations.swap.run``)."""
    spec = context.task.spec.swap
    out = context.folder / (
        f"swapped/{spec.pictures}" if spec.pictures else f"swapped{spec.suffix or '.mp4'}"
    )
    request = swap.Request(
        clip=context.clip(spec.clip_id, spec.options.corrections),
        out=out,
        options=spec.options,
        model=context.model(spec.model_id) if spec.model_id else None,
        source=context.faceset(spec.faceset_id) if spec.faceset_id else None,
        person=context.picture(spec.options.person),
        keep_out=context.clip(spec.options.keep_out) if spec.options.keep_out else None,
        keep_in=context.clip(spec.options.keep_in) if spec.options.keep_in else None,
        matte=_matte_path(context.folder, out) if spec.matte else None,
        report=context.folder / "report.json" if spec.report else None,
        overlay=_overlay_path(context.folder, spec),
        layers=tuple(spec.layers),
        layers_out=_layers_path(context.folder, spec) if spec.layers else None,
        # The job's folder goes when it has ended: until then an interruption must cost no more than a join.
        keeps_segments=True,
        cast=tuple(_read_member(context, member) for member in spec.cast),
        may_lack=spec.cast_may_lack,
    )
    result = swap.run(request, context.report, context.log, context.grant)
    made = {"clip": out, "matte": request.matte, "report": request.report, "overlay": request.overlay}
    made |= {f"matte-{name}": path for name, path in request.role_mattes.items()}
    files = [(role, _pack(path)) for role, path in made.items() if path is not None]
    files += _list_layers(request)
    sequence = SequenceName.parse(out)
    marked = out if sequence is None else sequence.list_path
    if sequence is not None and marked.is_file():
        files.append(("list", marked))
    if context.grant.mark is not None and marked.suffix in SIDECAR_TYPES:
        files.append(("manifest", sidecar_of(marked)))
    return JobOutput(
        files=tuple(files),
        summary=result.summary(),
        warnings=result.swap.warnings,
        coverage=coverage_to_proto(result.swap.coverage, result.swap.cast),
        mark=result.swap.marked,
    )


def _overlay_path(folder: Path, spec: job_pb2.SwapSpec) -> Path | None:
    return folder / ("overlay.png" if spec.options.stills else "overlay.mp4") if spec.overlay else None


def _read_member(context: JobContext, member: job_pb2.CastMember) -> CastMember:
    return member_from_proto(
        member,
        model=context.model(member.model_id) if member.model_id else None,
        faceset=context.faceset(member.faceset_id) if member.faceset_id else None,
        picture=context.picture(member.person),
    )


def _layers_path(folder: Path, spec: job_pb2.SwapSpec) -> Path:
    """Path of a swap's layers; pictures lie in a folder of their own."""
    return folder / "layers" / spec.layers_pictures if spec.layers_pictures else folder / "layers.mov"


def _list_layers(request: swap.Request) -> list[tuple[str, Path]]:
    """Lists the files of layers by their roles, pictures packed as a zip."""
    if request.layers_out is None:
        return []
    files = list(list_side_layers(request.layers, request.layers_out).items())
    sequence = SequenceName.parse(request.layers_out)
    if sequence is not None and sequence.list_path.is_file():
        files.append(("layers-list", sequence.list_path))
        files.append(("layers-manifest", sidecar_of(sequence.list_path)))
    if {*request.layers} != {"mesh"}:
        files.append(("layers", _pack(request.layers_out)))
    return files


def _matte_path(folder: Path, out: Path) -> Path:
    """Path of the matte of a result, of the same kind; pictures lie in a folder of their own."""
    if SequenceName.parse(out) is None:
        return out.with_stem("matte")
    return folder / "matte" / f"%04d{out.suffix}"


def _pack(path: Path) -> Path:
    """Packs pictures that a job has made as a zip, in their place; a file stays as it is."""
    sequence = SequenceName.parse(path)
    if sequence is None:
        return path
    packed = sequence.folder.with_suffix(".zip")
    pictures = {number: sequence.picture_path(number) for number in sequence.find_numbers()}
    pack_pictures(pictures, sequence.digits, packed)
    for picture in pictures.values():
        picture.unlink()
    return packed
