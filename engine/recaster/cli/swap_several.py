"""Several clips in one ``recaster swap``: names of results, and the work here or at an engine."""

from __future__ import annotations

import contextlib
import sys
from collections import deque
from typing import TYPE_CHECKING

from recaster.cli.cluster_options import choose_cluster
from recaster.cli.display import clear_line, reporter, say, say_error, say_failure, say_note
from recaster.cli.flags import add_options, read_settings
from recaster.cli.parsers import add_switch
from recaster.errors import FaceNotFoundError, UsageError
from recaster.operations.swap_batch import (
    ENDING_ERRORS,
    BatchProgress,
    Tally,
    check_batch,
    describe_failure,
    run_batch,
)
from recaster.progress import no_log
from recaster.settings.cluster import BatchSettings

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from recaster.api.v1 import job_pb2
    from recaster.cli.parsers import Options
    from recaster.cli.remote import Remote
    from recaster.operations.swap import Request, Result
    from recaster.progress import Report


def add_batch_options(parser: ArgumentParser) -> None:
    """Adds the options that are for several clips."""
    add_switch(parser, "--again", "of several clips, also swap those again whose result is there")
    add_options(parser, BatchSettings, defaults=True)


def swap_several_here(options: Options, requests: Sequence[Request]) -> None:
    """Swaps clips here: in this process, or in several where more than one is to be in work at once.

    Raises:
        BatchError: some failed; all that could be done is.
        FaceNotFoundError: a member of the cast is in no clip.
    """
    seen: set[str] = set()

    def tell(request: Request, result: Result | None) -> None:
        clear_line(sys.stderr)
        if result is None:
            text = "is there already, made by the same request (--again makes it anew)"
            say_note(options, f"{request.out}: {text}")
            return
        for warning in result.swap.warnings:
            say_error(f"recaster swap: warning: {request.clip.name}: {warning}")
        say_result(options, request.out, result.summary())
        if options.members:
            seen.update(member.name for member in result.swap.cast if member.tracks)

    tally = _tally(options, [request.clip for request in requests])
    report = reporter(options)
    at_once = _choose_at_once(options, len(requests))
    if at_once > 1:
        _swap_at_once(options, requests, tally, report, tell, at_once)
    else:
        frames = check_batch(requests, tally, report)
        with _summary_said(options, tally):
            run_batch(requests, tally, frames, report, no_log, tell, again=options.again)
    tally.check()
    _refuse_absent(options, tally, seen)


def _choose_at_once(options: Options, clips: int) -> int:
    if options.at_once is None and options.executor == "local":
        return 1
    from recaster.operations.clip_processes import choose_at_once

    return choose_at_once(options.at_once, clips)


def _swap_at_once(
    options: Options,
    requests: Sequence[Request],
    tally: Tally,
    report: Report,
    tell: Callable[[Request, Result | None], None],
    at_once: int,
) -> None:
    """Swaps clips, several at once (UsageError: --threads is given, too)."""
    from recaster.operations.clip_processes import (
        ClipProcesses,
        check_at_once,
        share_cores,
        swap_at_once,
    )

    is_local = options.executor == "local"
    if is_local and options.threads is not None:
        raise UsageError("--at-once shares the cores of this machine evenly; leave --threads out")
    with ClipProcesses(at_once, share_cores(at_once) if is_local else choose_cluster(options)) as processes:
        checked = check_at_once(processes, requests, tally, report)
        with _summary_said(options, tally):
            swap_at_once(processes, requests, tally, checked, report, tell, again=options.again)


def swap_several_there(
    options: Options,
    tasks: Sequence[Options],
    remote: Remote,
    submit: Callable[[Options], job_pb2.Job],
    fetch: Callable[[Options, job_pb2.Job], None],
) -> None:
    """Swaps clips at an engine: a job each, all of them queued before the first is waited for.

    Args:
        submit: brings a clip there and queues its job.
        fetch: brings what a job made here, and says so.

    Raises:
        BatchError: some failed; all that could be done is.
        FaceNotFoundError: a member of the cast is in no clip.
        UsageError: everything is to be done again, which jobs that an engine has done are not.
    """
    from recaster.client import TokenError, UnreachableError

    if options.again:
        raise UsageError("--again is for work here; delete an engine's job to have it done again")
    if options.at_once is not None:
        raise UsageError("--at-once is for work here; an engine has its own (recaster serve --jobs)")
    tally = _tally(options, [task.clip for task in tasks], (*ENDING_ERRORS, TokenError, UnreachableError))
    for task in tasks:
        with tally.collect(task.clip):
            _check_still(task)
    seen: set[str] = set()

    def fetch_seen(task: Options, job: job_pb2.Job) -> None:
        fetch(task, job)
        seen.update(member.name for member in job.result.coverage.cast if member.tracks)

    try:
        sound = {task.clip: task for task in tasks if task.clip not in tally.failures}
        JobBatch(remote, tally, submit, fetch_seen if options.members else fetch).run(sound)
    finally:
        _say_summary(options, tally)
    tally.check()
    _refuse_absent(options, tally, seen)


def _refuse_absent(options: Options, tally: Tally, seen: set[str]) -> None:
    """Refuses members of a cast whom nobody answered to; of a result that was there already nobody knows."""
    absent = [member.name for member in options.members if member.name not in seen]
    if absent and not tally.kept:
        raise FaceNotFoundError(f"{', '.join(absent)}: nobody in any of these clips; all others are swapped")


def _check_still(task: Options) -> None:
    """Refuses a still by its header before others are brought to an engine (ClipError)."""
    if task.stills:
        from recaster.media.clip import Clip
        from recaster.settings.reading import ReadOptions

        _ = Clip(task.clip, read_settings(ReadOptions, task)).info


class JobBatch:
    """Jobs of several clips at an engine, waited for in the order in which they were queued.

    Args:
        tally: gets the outcomes, by the names that the tasks have.
        submit: brings a task's clip there and queues its job.
        fetch: brings what a job made here.
    """

    def __init__(
        self,
        remote: Remote,
        tally: Tally,
        submit: Callable[[Options], job_pb2.Job],
        fetch: Callable[[Options, job_pb2.Job], None],
    ) -> None:
        self._remote = remote
        self._tally = tally
        self._submit = submit
        self._fetch = fetch
        self._progress = BatchProgress(remote.report, dict.fromkeys(tally.clips, 1))
        remote.report = self._progress
        self._waiting: deque[tuple[Path, Options, job_pb2.Job]] = deque()

    def run(self, tasks: Mapping[Path, Options]) -> None:
        """Queues all jobs, then waits for each and fetches what it made; says which go on when stopped."""
        try:
            for name, task in tasks.items():
                with self._tally.collect(name):
                    self._queue(name, task)
            while self._waiting:
                self._finish_oldest()
        except KeyboardInterrupt:
            for name, task, job in self._waiting:
                say_note(task, f"{name}: job {job.job_id} goes on")
            raise

    def _queue(self, name: Path, task: Options) -> None:
        from recaster.client import BusyError

        while True:
            self._progress.begin(name)
            try:
                job = self._submit(task)
            except BusyError as error:
                # An engine may take no more than some jobs of a client at a time.
                if error.reason != "QUOTA_EXCEEDED" or not self._waiting:
                    raise
                self._finish_oldest()
            else:
                self._waiting.append((name, task, job))
                return

    def _finish_oldest(self) -> None:
        name, task, job = self._waiting[0]
        self._progress.begin(name)
        with self._tally.collect(name):
            self._fetch(task, self._remote.follow(job))
            self._tally.made.append(name)
        self._progress.end(is_measured=True)
        self._waiting.popleft()


def say_result(options: Options, out: Path, summary: Sequence[str]) -> None:
    """Says what one swap made."""
    if not options.quiet:
        first, *rest = summary
        say(f"{out}: {first}", *rest)


def _tally(
    options: Options, clips: Sequence[Path], ending: tuple[type[BaseException], ...] = ENDING_ERRORS
) -> Tally:
    def tell(clip: Path, error: BaseException) -> None:
        say_failure(options, f"recaster swap: {describe_failure(clip, error)}", error)

    return Tally(clips, tell, ending)


@contextlib.contextmanager
def _summary_said(options: Options, tally: Tally) -> Iterator[None]:
    """Says at last what became of each clip, also where the block was stopped."""
    try:
        yield
    finally:
        _say_summary(options, tally)


def _say_summary(options: Options, tally: Tally) -> None:
    clear_line(sys.stderr)
    counts, *failed = tally.summary()
    if not options.quiet:
        say(counts)
        sys.stdout.flush()
    say_error(*failed)
