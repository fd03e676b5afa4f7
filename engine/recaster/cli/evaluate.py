"""``recaster evaluate`` and ``recaster report``: how good a swap is; all that was measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recaster.cli.cluster_options import add_cluster
from recaster.cli.display import reporter, say, say_json
from recaster.cli.flags import add_options, fill_message, read_settings
from recaster.cli.parsers import Commands, Options, add_out, add_path, add_switch
from recaster.cli.remote import Remote, add_engine, artifact_of, here_or_there
from recaster.errors import UsageError
from recaster.settings.evaluate import EvaluateSettings

if TYPE_CHECKING:
    from recaster.client import Client

EVALUATE = """Judge a swapped clip against the clip it was made from, by judges that had no part in the
swap. Each figure comes with what it must be read against: the unswapped clip, the judge's own noise, a
frozen face. docs/evaluation.md defines them all."""
REPORT = """Write one HTML page, which needs no other file, with all evaluations, training and speed
benchmarks and models below FOLDER: tables, contact sheets, the worst frames, curves."""


def add_evaluate(commands: Commands) -> None:
    """Adds this command's parser."""
    run = here_or_there(_run_here, _run_there)
    parser = commands.add("evaluate", run, "say how good a swap is", EVALUATE)
    add_cluster(parser)
    add_engine(parser)
    add_path(parser, "original", "ORIGINAL", "the clip that was swapped")
    add_path(parser, "swapped", "SWAPPED", "its swap, in the same size")
    add_path(parser, "--source", "FACESET", "faces of whoever was put on", required=True)
    add_options(parser, EvaluateSettings, "target", "gallery", "truth", "frames")
    add_options(parser.add_mutually_exclusive_group(), EvaluateSettings, "person", "track")
    add_out(parser, "FOLDER", "write evaluation.json, sheet.jpg and worst.jpg here", required=False)
    add_switch(parser, "--json", "print evaluation.json instead of a table")


def _run_here(options: Options) -> None:
    from recaster.operations import evaluate

    gallery = tuple(options.gallery)
    settings = read_settings(EvaluateSettings, options, gallery=gallery, frames=None)
    request = evaluate.Request(
        options.original, options.swapped, options.source, options.out, options.range, settings
    )
    result = evaluate.run(request, reporter(options))
    say_json(result.as_json()) if options.json else say(*result.lines())


def _run_there(options: Options, engine: Client) -> None:
    from recaster.api.v1 import job_pb2
    from recaster.client import AnswerError
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
    fill_message(spec, corrections=remote.corrections(options.original, spec.original_clip_id))
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


def add_report(commands: Commands) -> None:
    """Adds this command's parser."""
    parser = commands.add("report", _report, "show what was measured on one page", REPORT)
    add_path(parser, "folder", "MODEL_OR_DIR", "what to show")
    add_out(parser, "FILE", "the page (.html)")


def _report(options: Options) -> None:
    from recaster.report.page import write_report

    if options.out.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"{options.out}: a report is named .html")
    write_report(options.folder, options.out)
    say(f"{options.out}: {options.out.stat().st_size / 1e6:.1f} MB")
