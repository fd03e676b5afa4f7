"""``recaster extract``: take the faces of one person from clips and images into a faceset."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from recaster.cli.display import reporter, say, say_error
from recaster.cli.flags import add_options, fill_options
from recaster.cli.remote import add_engine, connect_engine
from recaster.cli.rights_options import add_basis, claim_of, record_identity_remotely
from recaster.settings.extract import ExtractSettings

if TYPE_CHECKING:
    import argparse

    from recaster.api.v1 import job_pb2
    from recaster.client import Client
    from recaster.facesets.faceset_info import FacesetInfo

EXAMPLES = """examples:
  recaster extract interview.mp4 -o faces/anna
  recaster extract party.mp4 more_photos/ -o faces/anna --person anna.jpg --every 5
Run the same command again to go on after a stop; add further inputs to the same faceset at any time."""


def add(commands: Any, common: argparse.ArgumentParser) -> None:
    """Adds the command's options."""
    import argparse

    parser = commands.add_parser(
        "extract",
        parents=[common],
        help="take the faces of one person from clips and images",
        description="Take the faces of one person from clips and images into a faceset.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "inputs",
        nargs="+",
        type=Path,
        metavar="CLIP_OR_FOLDER",
        help="clips, images, or folders of images (those directly inside)",
    )
    parser.add_argument(
        "-o", "--out", type=Path, required=True, metavar="FACESET", help="folder of the faceset"
    )
    who = parser.add_mutually_exclusive_group()
    add_options(who, ExtractSettings, "person", "everyone")
    add_extract_options(parser)
    add_options(parser, ExtractSettings, "every", defaults=True)
    add_options(parser, ExtractSettings, "frames")
    add_options(parser, ExtractSettings, "identity", defaults=True)
    add_basis(parser)
    add_engine(parser)
    parser.set_defaults(run=run)


def add_extract_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options of detecting and cutting faces, shared with import."""
    add_options(parser, ExtractSettings, "detector", "min_face", "min_area", defaults=True)
    add_options(parser, ExtractSettings, "size")


def run(options: argparse.Namespace) -> None:
    """Extracts and says what became of every input."""
    with connect_engine(options) as engine:
        if engine is None:
            _run_here(options)
        else:
            _run_there(options, engine)


def _run_here(options: argparse.Namespace) -> None:
    from recaster.facesets.faceset_info import describe
    from recaster.operations import extract
    from recaster.operations.request_options import extract_settings

    settings = extract_settings(extract_options(options), options.person)
    request = extract.Request(tuple(options.inputs), options.out, settings, claim_of(options))
    print_summary(describe(extract.run(request, reporter(options), _warn)))


def _warn(path: Path, warning: str) -> None:
    say_error(f"recaster extract: warning: {path}: {warning}")


def _run_there(options: argparse.Namespace, engine: Client) -> None:
    from recaster.api.v1 import job_pb2
    from recaster.cli.remote import Remote, fill_message
    from recaster.facesets.inputs import find_inputs
    from recaster.files import safe_name

    remote = Remote(engine, options)
    inputs = []
    for file in find_inputs(options.inputs):
        if file.kind == "clip":
            inputs.append(job_pb2.ExtractInput(clip_id=remote.clip(file.path)))
        else:
            picture = job_pb2.Picture(
                digest=remote.picture(file.path), display_name=safe_name(file.path.name)
            )
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


def extract_options(options: argparse.Namespace) -> job_pb2.ExtractOptions:
    """Writes the options as a request; whatever isn't given is left open.

    Raises:
        UsageError: a number is too large.
    """
    from recaster.api.v1 import job_pb2

    return fill_options(job_pb2.ExtractOptions(), options, ExtractSettings)


def print_summary(info: FacesetInfo) -> None:
    """Prints what a faceset has from each input, and what deserves a look."""
    from recaster.facesets.faceset_info import describe_total, summarize

    say(*summarize(info), f"{info.folder}: {describe_total(info)}")
