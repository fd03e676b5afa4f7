"""``recaster evaluate ORIGINAL SWAPPED --source FACESET``: how good a swap is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from recaster.cli.display import reporter, say, say_json
from recaster.cli.flags import add_options
from recaster.cli.remote import add_engine, connect_engine
from recaster.settings.evaluate import EvaluateSettings

if TYPE_CHECKING:
    import argparse

    from recaster.client import Client


DESCRIPTION = """Judge a swapped clip against the clip it was made from, by judges that had no part in the
swap. Each figure comes with what it must be read against: the unswapped clip, the judge's own noise, a
frozen face. docs/evaluation.md defines them all."""


def add(commands: Any, common: argparse.ArgumentParser) -> None:
    """Adds this command's parser."""
    parser = commands.add_parser(
        "evaluate", parents=[common], help="say how good a swap is", description=DESCRIPTION
    )
    add_engine(parser)
    parser.set_defaults(run=run)
    parser.add_argument("original", type=Path, metavar="ORIGINAL", help="the clip that was swapped")
    parser.add_argument("swapped", type=Path, metavar="SWAPPED", help="its swap, in the same size")
    parser.add_argument(
        "--source", type=Path, metavar="FACESET", required=True, help="faces of whoever was put on"
    )
    add_options(parser, EvaluateSettings, "target", "gallery", "truth", "frames")
    add_options(parser.add_mutually_exclusive_group(), EvaluateSettings, "person", "track")
    parser.add_argument(
        "-o", "--out", type=Path, metavar="FOLDER", help="write evaluation.json, sheet.jpg and worst.jpg here"
    )
    parser.add_argument("--json", action="store_true", help="print evaluation.json instead of a table")


def run(options: argparse.Namespace) -> None:
    """Judges, and prints the figures."""
    with connect_engine(options) as engine:
        if engine is None:
            _run_here(options)
        else:
            _run_there(options, engine)


def _run_here(options: argparse.Namespace) -> None:
    from recaster.operations import evaluate
    from recaster.settings.evaluate import EvaluateSettings

    settings = EvaluateSettings(
        target=options.target,
        gallery=tuple(options.gallery),
        truth=options.truth,
        person=options.person,
        track=options.track,
    )
    request = evaluate.Request(
        options.original, options.swapped, options.source, options.out, options.range, settings
    )
    result = evaluate.run(request, reporter(options))
    say_json(result.as_json()) if options.json else say(*result.lines())


def _run_there(options: argparse.Namespace, engine: Client) -> None:

    from recaster.api.v1 import job_pb2
    from recaster.cli.remote import Remote, artifact_of, fill_message
    from recaster.client import AnswerError
    from recaster.errors import UsageError
    from recaster.files import parse_json, write_bytes
    from recaster.operations.evaluate import ARTIFACTS

    if options.truth is not None:
        raise UsageError("--truth stays on this machine: judge against it with --local")
    remote = Remote(engine, options)
    spec = job_pb2.EvaluateSpec(
        original_clip_id=remote.clip(options.original),
        swapped_clip_id=remote.clip(options.swapped),
        source_faceset_id=remote.faceset(options.source),
        target_faceset_id=remote.faceset(options.target),
        gallery_faceset_ids=[remote.faceset(folder) for folder in options.gallery],
    )
    fill_message(spec, range=options.range, track=options.track, person=remote.picture(options.person))
    job = remote.do(job_pb2.JobSpec(evaluate=spec), options.out)
    made = {role: engine.transfer.read(artifact_of(job, role).digest) for role in ARTIFACTS.values()}
    try:
        figures = parse_json(made["evaluation"])
    except ValueError:
        raise AnswerError(f"job {job.job_id}: its evaluation is no JSON; run it again") from None
    if options.out is not None:
        for name, role in ARTIFACTS.items():
            write_bytes(options.out / name, made[role])
    say_json(figures) if options.json else say(*job.result.summary)
