"""``recaster extract``: take the faces of one person from clips and images into a faceset."""

from __future__ import annotations

from argparse import RawDescriptionHelpFormatter
from typing import TYPE_CHECKING, Any

from recaster.cli.cluster_options import add_cluster
from recaster.cli.display import reporter, say, say_error
from recaster.cli.flags import add_options, fill_message, fill_options
from recaster.cli.parsers import Commands, Options, add_out, add_path
from recaster.cli.remote import Remote, add_engine, here_or_there
from recaster.cli.rights_options import add_basis, claim_of, record_identity_remotely
from recaster.settings.extract import ExtractSettings
from recaster.settings.reading import ReadOptions

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.api.v1 import job_pb2
    from recaster.client import Client
    from recaster.facesets.faceset_info import FacesetInfo

DESCRIPTION = "Take the faces of one person from clips and images into a faceset."
EXAMPLES = """examples:
  recaster extract interview.mp4 -o faces/anna
  recaster extract party.mp4 more_photos/ -o faces/anna --person anna.jpg --every 5
Run the same command again to go on after a stop; add further inputs to the same faceset at any time."""


def add_extract(commands: Commands) -> None:
    """Adds this command's parser."""
    parser = commands.add(
        "extract",
        here_or_there(_run_here, _run_there),
        "take the faces of one person from clips and images",
        DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=RawDescriptionHelpFormatter,
    )
    text = (
        "clips, patterns of sequences (shot.%%04d.exr), images, or folders of images (those directly inside)"
    )
    add_path(parser, "inputs", "CLIP_OR_FOLDER", text, nargs="+")
    add_out(parser, "FACESET", "folder of the faceset")
    add_options(parser.add_mutually_exclusive_group(), ExtractSettings, "person", "everyone")
    add_extract_options(parser)
    add_options(parser, ExtractSettings, "every", defaults=True)
    add_options(parser, ExtractSettings, "frames")
    add_options(parser, ReadOptions, "colour_space", "frame_rate", "layer")
    add_options(parser, ExtractSettings, "identity", defaults=True)
    add_basis(parser)
    add_cluster(parser)
    add_engine(parser)


def add_extract_options(container: Any) -> None:
    """Adds the options of detecting and cutting faces, shared with import."""
    add_options(container, ExtractSettings, "detector", "min_face", "min_area", defaults=True)
    add_options(container, ExtractSettings, "size")


def _run_here(options: Options) -> None:
    from recaster.facesets.faceset_info import describe
    from recaster.operations import extract
    from recaster.operations.request_options import extract_settings

    settings = extract_settings(extract_options(options), options.person)
    request = extract.Request(tuple(options.inputs), options.out, settings, claim_of(options))
    print_summary(describe(extract.run(request, reporter(options), _warn)))


def _warn(path: Path, warning: str) -> None:
    say_error(f"recaster extract: warning: {path}: {warning}")


def _run_there(options: Options, engine: Client) -> None:
    from recaster.api.v1 import job_pb2
    from recaster.facesets.inputs import find_inputs
    from recaster.files import safe_name

    remote = Remote(engine, options)
    inputs = []
    for file in find_inputs(options.inputs):
        if file.kind == "clip":
            clip_id = remote.clip(file.path)
            corrections = remote.corrections(file.path, clip_id)
            inputs.append(job_pb2.ExtractInput(clip_id=clip_id, corrections=corrections))
        else:
            name = safe_name(file.path.name)
            picture = job_pb2.Picture(digest=remote.picture(file.path), display_name=name)
            inputs.append(job_pb2.ExtractInput(picture=picture))
    spec = job_pb2.ExtractSpec(
        inputs=inputs,
        faceset_id=remote.faceset(options.out if options.out.exists() else None),
        display_name=safe_name(options.out.name),
        options=fill_message(extract_options(options), person=remote.picture(options.person)),
    )
    job = remote.do(job_pb2.JobSpec(extract=spec), options.out)
    record_identity_remotely(options, engine, options.out, faceset=job.result.faceset_id)
    remote.fetch_faceset(job.result.faceset_id, options.out)
    faces = engine.faceset(job.result.faceset_id)
    dropped = f", {faces.dropped} dropped" if faces.dropped else ""
    say(*job.result.summary, f"{options.out}: {faces.faces} faces{dropped}")


def extract_options(options: Options) -> job_pb2.ExtractOptions:
    """Writes the options as a request; whatever isn't given is left open (UsageError)."""
    from recaster.api.v1 import job_pb2

    return fill_options(job_pb2.ExtractOptions(), options, ExtractSettings)


def print_summary(info: FacesetInfo) -> None:
    """Prints what a faceset has from each input, and what deserves a look."""
    from recaster.facesets.faceset_info import describe_total, summarize

    say(*summarize(info), f"{info.folder}: {describe_total(info)}")
