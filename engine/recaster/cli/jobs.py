"""``recaster jobs``: what an engine is doing."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from recaster.cli.display import log_line, reporter, say, say_error, say_json
from recaster.cli.flags import SHOWN_BOUNDS, number
from recaster.cli.parsers import Commands, Options, add_running_engine
from recaster.errors import UsageError

if TYPE_CHECKING:
    from recaster.api.v1 import job_pb2
    from recaster.client import Client

DESCRIPTION = "What the engine is doing that RECASTER_ENGINE names, else your own on this machine."
SHOWN = 50
MAX_PAGE = 1000


def add_jobs(commands: Commands) -> None:
    """Adds this command's parsers."""
    text = "list, watch, pause, resume, move and cancel an engine's jobs"
    actions = commands.add_group("jobs", help=text, description=DESCRIPTION)
    listing = actions.add("list", _list, "the latest jobs")
    add_running_engine(listing)
    listing.add_argument("--state", help="only those in this state (queued, running, paused, failed, ...)")
    listing.add_argument("--kind", help="only those of this kind (extract, train, swap, ...)")
    text = f"how many (default: {SHOWN})"
    listing.add_argument("-n", type=number(SHOWN_BOUNDS), default=SHOWN, metavar="N", help=text)
    for name, run, text in (
        ("show", _show, "all about one job"),
        ("watch", _watch, "follow a job to its end"),
        ("pause", _control, "stop a job so that it can go on"),
        ("resume", _control, "let a job go on"),
        ("cancel", _control, "end a job"),
        ("logs", _logs, "what a job said"),
        ("delete", _delete, "forget a job that has ended"),
    ):
        parser = actions.add(name, run, text)
        add_running_engine(parser)
        parser.add_argument("job", metavar="JOB")
    moving = actions.add("move", _move, "let a waiting job go first, or before another of yours")
    add_running_engine(moving)
    moving.add_argument("job", metavar="JOB")
    moving.add_argument(
        "--before", default="", metavar="JOB", help="the job that it is to go right before (default: all)"
    )


def _list(options: Options) -> None:
    from recaster.api.v1 import job_pb2

    filters: dict[str, Any] = {"page_size": min(options.n, MAX_PAGE)}
    if options.state:
        filters["states"] = [_value_of(job_pb2.JobState, "JOB_STATE_", options.state)]
    if options.kind:
        filters["kinds"] = [_value_of(job_pb2.JobKind, "JOB_KIND_", options.kind)]
    with _engine(options) as engine:
        for job in itertools.islice(engine.jobs.listed(**filters), options.n):
            say(_line(job))


def _show(options: Options) -> None:
    from google.protobuf.json_format import MessageToDict

    with _engine(options) as engine:
        say_json(MessageToDict(engine.jobs.get(options.job), preserving_proto_field_name=True))


def _watch(options: Options) -> None:
    with _engine(options) as engine:
        try:
            job = engine.jobs.wait(
                options.job, reporter(options), lambda level, line: say_error(log_line(level, line))
            )
        except KeyboardInterrupt:
            say_error(f"job {options.job} goes on")
            raise
        say(*job.result.summary)


def _control(options: Options) -> None:
    """Pauses, resumes or cancels a job, as the action is called."""
    with _engine(options) as engine:
        control = {"pause": engine.jobs.pause, "resume": engine.jobs.resume, "cancel": engine.jobs.cancel}
        say(_line(control[options.action](options.job)))


def _move(options: Options) -> None:
    with _engine(options) as engine:
        say(_line(engine.jobs.move(options.job, options.before)))


def _delete(options: Options) -> None:
    with _engine(options) as engine:
        engine.jobs.delete(options.job)


def _logs(options: Options) -> None:
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


def _engine(options: Options) -> Client:
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


def _value_of(values: Any, prefix: str, text: str) -> int:
    """The value of an enum that ``_name`` calls so."""
    names: dict[str, int] = {
        name.removeprefix(prefix).lower(): value for name, value in values.items() if value
    }
    if text not in names:
        raise UsageError(f"there is no {text!r}; there are: {', '.join(names)}")
    return names[text]
