"""``recaster jobs``: what an engine is doing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from recaster.cli.display import reporter, say, say_error, say_json
from recaster.cli.flags import SHOWN_BOUNDS, number

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from recaster.api.v1 import job_pb2
    from recaster.client import Client

SHOWN = 50


def add(commands: Any, common: argparse.ArgumentParser) -> None:
    """Adds this command's parsers."""
    parser = commands.add_parser(
        "jobs",
        help="list, watch, pause, resume and cancel an engine's jobs",
        description="What the engine is doing that RECASTER_ENGINE names, else your own on this machine.",
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = _add(actions, common, "list", "the latest jobs", run_list)
    listing.add_argument("--state", help="only those in this state (queued, running, paused, failed, ...)")
    listing.add_argument("--kind", help="only those of this kind (extract, train, swap, ...)")
    listing.add_argument(
        "-n", type=number(SHOWN_BOUNDS), default=SHOWN, metavar="N", help=f"how many (default: {SHOWN})"
    )
    for name, text, run in (
        ("show", "all about one job", run_show),
        ("watch", "follow a job to its end", run_watch),
        ("pause", "stop a job so that it can go on", run_pause),
        ("resume", "let a job go on", run_resume),
        ("cancel", "end a job", run_cancel),
        ("logs", "what a job said", run_logs),
        ("delete", "forget a job that has ended", run_delete),
    ):
        _add(actions, common, name, text, run).add_argument("job", metavar="JOB")


def _add(
    actions: Any, common: argparse.ArgumentParser, name: str, text: str, run: Callable[..., None]
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = actions.add_parser(name, parents=[common], help=text)
    parser.add_argument(
        "--engine",
        metavar="ADDRESS",
        help="which engine (default: RECASTER_ENGINE, else your own on this machine)",
    )
    parser.set_defaults(run=run)
    return parser


def run_list(options: argparse.Namespace) -> None:
    """Prints the latest jobs, a line each."""
    filters: dict[str, Any] = {"page_size": min(max(options.n, 1), 1000)}
    if options.state:
        filters["states"] = [_named("JOB_STATE", options.state)]
    if options.kind:
        filters["kinds"] = [_named("JOB_KIND", options.kind)]
    with _engine(options) as engine:
        for at, job in enumerate(engine.jobs.listed(**filters)):
            if at >= options.n:
                break
            say(_line(job))


def run_show(options: argparse.Namespace) -> None:
    """Prints all about one job."""
    from google.protobuf.json_format import MessageToDict

    with _engine(options) as engine:
        say_json(MessageToDict(engine.jobs.get(options.job), preserving_proto_field_name=True))


def run_watch(options: argparse.Namespace) -> None:
    """Follows a job to its end."""
    with _engine(options) as engine:
        try:
            job = engine.jobs.wait(options.job, reporter(options), _say)
        except KeyboardInterrupt:
            say_error(f"job {options.job} goes on")
            raise
        say(*job.result.summary)


def run_pause(options: argparse.Namespace) -> None:
    """Stops a job so that it can go on."""
    with _engine(options) as engine:
        say(_line(engine.jobs.pause(options.job)))


def run_resume(options: argparse.Namespace) -> None:
    """Lets a job go on."""
    with _engine(options) as engine:
        say(_line(engine.jobs.resume(options.job)))


def run_cancel(options: argparse.Namespace) -> None:
    """Ends a job."""
    with _engine(options) as engine:
        say(_line(engine.jobs.cancel(options.job)))


def run_delete(options: argparse.Namespace) -> None:
    """Forgets a job that has ended."""
    with _engine(options) as engine:
        engine.jobs.delete(options.job)


def run_logs(options: argparse.Namespace) -> None:
    """Prints the log of a job, as far as it is kept."""
    with _engine(options) as engine:
        last = engine.jobs.get(options.job).last_seq
        for event in engine.jobs.watch(options.job, logs=True):
            kind = event.WhichOneof("event")
            when = event.time.ToDatetime().isoformat(" ", "seconds")
            if kind == "log":
                say(f"{when}  {event.log.level:<8}{event.log.message}")
            elif kind == "job" and event.seq:
                say(f"{when}  {'state':<8}{_state(event.job)}{_why(event.job)}")
            if event.seq >= last:
                return


def _engine(options: argparse.Namespace) -> Client:
    from recaster.client import Address, Client

    return Client(Address.from_environment(options.engine))


def _line(job: job_pb2.Job) -> str:
    from recaster.api.v1 import job_pb2

    kind = _name(job_pb2.JobKind, job.kind, "JOB_KIND_")
    made = job.create_time.ToDatetime().isoformat(" ", "seconds")
    last = job.progress
    total = f"/{last.total:.0f}" if last.total else ""
    progress = f"{last.stage} {last.done:.0f}{total} {last.unit}" if last.stage else ""
    return (
        f"{job.job_id}  {made}  {kind:<9}{_state(job):<11}{job.created_by:<12} {progress}{_why(job)}".rstrip()
    )


def _state(job: job_pb2.Job) -> str:
    from recaster.api.v1 import job_pb2

    return _name(job_pb2.JobState, job.state, "JOB_STATE_")


def _name(values: Any, value: int, prefix: str) -> str:
    """A value of an enum in a word; a newer engine may have others."""
    known = value in values.values()
    return str(values.Name(value)).removeprefix(prefix).lower() if known else f"unknown ({value})"


def _why(job: job_pb2.Job) -> str:
    return f"  {job.error.message}" if job.HasField("error") else ""


def _named(prefix: str, text: str) -> int:
    from recaster.api.v1 import job_pb2
    from recaster.errors import UsageError

    values: Any = {"JOB_STATE": job_pb2.JobState, "JOB_KIND": job_pb2.JobKind}[prefix]
    names: dict[str, int] = {
        name.removeprefix(f"{prefix}_").lower(): number for name, number in values.items() if number
    }
    if text not in names:
        raise UsageError(f"there is no {text!r}; there are: {', '.join(names)}")
    return names[text]


def _say(level: str, line: str) -> None:
    say_error(line if level == "info" else f"{level}: {line}")
