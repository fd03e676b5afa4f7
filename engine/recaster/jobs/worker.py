"""The process of one job: ``python -m recaster.jobs.worker``.

The engine writes the task as the first line of its standard input, and later perhaps "stop". When the
input ends, the engine is gone: the worker saves what was done and ends. What it has to tell goes to its
standard output (``messages``); whatever libraries print goes to standard error, which is the job's log.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
import traceback
from typing import IO, TYPE_CHECKING, Any, Final

from recaster.errors import RecasterError
from recaster.files import parse_json, sha256, write_json
from recaster.jobs import handlers, limits
from recaster.jobs.confinement import confine, reach_of
from recaster.jobs.job_context import JobContext, JobOutput, check_blobs, without_paths
from recaster.jobs.worker_messages import WorkerChannel
from recaster.jobs.worker_task import FINISHED, WorkerTask
from recaster.progress import on_step
from recaster.provenance.face_traces import FaceTraces

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from recaster.progress import Update

STOPPED: Final = 75
FAILED: Final = 1
ORPHAN_S: Final = 20.0
"""Seconds that a worker without an engine has to save what it did."""
SAY_EVERY: Final = 0.2
"""Seconds between two reports of progress."""
STEP_EVERY: Final = 10.0
"""Seconds between two words that there are steps, where no progress is reported."""


def main() -> int:
    """Do one task; returns the process's exit code."""
    voice = WorkerChannel(own_output())
    line = sys.stdin.readline()
    if not line:
        return STOPPED
    task = WorkerTask.from_line(line)
    for line in (*limits.apply(task.limits), *confine(reach_of(task))):
        voice.log("warning", f"this job's process isn't confined as it should be: {line}")
    _watch_engine()
    on_step(_rarely(voice.step))
    work = JobContext(task, _throttled(voice), voice.preview, voice.log)
    try:
        task.folder.mkdir(parents=True, exist_ok=True)
        with _alone(task.folder):
            done = _finished(task.folder)
            if done is None:
                check_blobs(task)
                done = _finish(task, handlers.run(work))
            voice.done(*done)
    except KeyboardInterrupt:
        voice.stopped()
        return STOPPED
    except Exception as error:  # noqa: BLE001 - whatever it is, the engine must hear of it
        if not isinstance(error, RecasterError):
            traceback.print_exc()
        voice.failed(error, without_paths(str(error), task))
        return FAILED
    return 0


def own_output() -> IO[str]:
    """Standard output for messages alone; what anybody prints from now on goes to standard error."""
    kept = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)
    return kept


def _watch_engine() -> None:
    """Listen for the engine's word to stop, and for its end."""

    def listen() -> None:
        asked = False
        while line := sys.stdin.readline():
            if line.strip() == "stop" and not asked:
                asked = True
                _interrupt()
        if not asked:  # a second interrupt would cut short the saving that the first one began
            _interrupt()
        time.sleep(ORPHAN_S)
        os._exit(STOPPED)

    threading.Thread(target=listen, daemon=True).start()


def _interrupt() -> None:
    """Ctrl-C, as if somebody had pressed it."""
    if sys.platform == "win32":
        import _thread

        _thread.interrupt_main()
    else:
        # The main thread itself must get it, or it would sleep on in a lock.
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


def _throttled(voice: WorkerChannel) -> Any:
    last = ("", 0.0)

    def report(update: Update) -> None:
        nonlocal last
        now = time.monotonic()
        over = update.total is not None and update.done >= update.total
        if over or update.stage != last[0] or now - last[1] >= SAY_EVERY:
            last = (update.stage, now)
            voice.progress(update)

    return report


def _rarely(say: Callable[[], None]) -> Callable[[], None]:
    last = -STEP_EVERY

    def listen() -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= STEP_EVERY:
            last = now
            say()

    return listen


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Wait until an earlier worker of the same job, whose engine died, has let go of the folder."""
    with (folder / "lock").open("a") as held:
        if sys.platform != "win32":
            import fcntl

            fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _finish(task: WorkerTask, made: JobOutput) -> tuple[JobOutput, list[dict[str, Any]]]:
    """Note what was made, so that it isn't made again if the engine dies before it has heard of it."""
    files = [
        {"role": role, "path": str(path), "digest": sha256(path), "size": path.stat().st_size}
        for role, path in made.files
    ]
    body, coverage = (
        "" if one is None else one.SerializeToString().hex() for one in (made.body, made.coverage)
    )
    note = {
        "kind": made.kind,
        "body": body,
        "files": files,
        "summary": [without_paths(line, task) for line in made.summary],
        "warnings": [without_paths(line, task) for line in made.warnings],
        "traces": made.traces.to_json(),
        "coverage": coverage,
        "mark": None if made.mark is None else without_paths(made.mark, task),
    }
    write_json(task.folder / FINISHED, note)
    found = _finished(task.folder)
    assert found is not None  # noqa: S101 - it was written just now
    return found


def _finished(folder: Path) -> tuple[JobOutput, list[dict[str, Any]]] | None:
    """What ``_finish`` noted, if it did."""
    from google.protobuf.message import DecodeError

    from recaster.api.v1 import job_pb2
    from recaster.store.catalog import MESSAGES

    try:
        note = parse_json((folder / FINISHED).read_bytes())
        body = MESSAGES[note["kind"]].FromString(bytes.fromhex(note["body"])) if note["kind"] else None
        traces = (
            FaceTraces.from_json(note["traces"]) if "traces" in note else FaceTraces()
        )  # of an earlier release
        said = note.get("coverage", "")
        coverage = job_pb2.SwapCoverage.FromString(bytes.fromhex(said)) if said else None
        lines = tuple(note["summary"]), tuple(note["warnings"])
        made = JobOutput(note["kind"], body, (), *lines, traces, coverage, note.get("mark"))
    except (FileNotFoundError, ValueError, KeyError, TypeError, DecodeError):  # or damaged: it is made again
        return None
    return made, note["files"]


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # all is written: no need to wait while TensorFlow takes itself apart
