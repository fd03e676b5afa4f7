"""The process of one job: ``python -m recaster.jobs.worker``.

The engine sends the task, and later perhaps the word to stop. When standard input ends, the engine is gone:
the worker saves what was done and ends. Its messages go to standard output (``worker_messages``); what
libraries print goes to standard error, which is the job's log.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
import traceback
from typing import TYPE_CHECKING, Final

from recaster.api.internal.v1 import worker_pb2
from recaster.cluster.ray_connection import use_cluster
from recaster.errors import RecasterError
from recaster.jobs import handlers, limits
from recaster.jobs.confinement import confine, reach_of
from recaster.jobs.job_context import JobContext, check_blobs, without_paths
from recaster.jobs.worker_messages import WorkerChannel, finish, finished_before
from recaster.processes.channel import receive
from recaster.processes.spawn import claim_stdout, interrupt, listen
from recaster.processes.throttle import Throttle, throttled
from recaster.progress import hear_notes, on_step
from recaster.settings.cluster import ClusterSettings
from recaster.settings.messages import settings_from
from recaster.settings.storage import StorageSettings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STOPPED: Final = 75
FAILED: Final = 1
ORPHAN_S: Final = 20.0
"""Seconds that a worker without an engine has to save what it did."""
STEP_INTERVAL_S: Final = 10.0
"""Seconds between two messages that there are steps, where no progress is reported."""


def main() -> int:
    """Does one task; returns the process's exit code."""
    channel = WorkerChannel(claim_stdout())
    request = receive(sys.stdin.buffer, worker_pb2.WorkerRequest)
    if request is None:
        return STOPPED
    task = request.task
    kept = limits.apply(task.limits)
    if not task.HasField("cluster"):  # whoever commands one could do there what is forbidden here
        kept += confine(reach_of(task))
    for line in kept:
        channel.log("warning", f"this job's process isn't confined as it should be: {line}")
    _watch_engine()
    step_due = Throttle(STEP_INTERVAL_S)

    def report_step() -> None:
        if step_due.is_due():
            channel.send(step=worker_pb2.StepTaken())

    on_step(report_step)
    work = JobContext(task, throttled(channel.progress), channel.preview, channel.log)
    try:
        work.folder.mkdir(parents=True, exist_ok=True)
        with _folder_lock(work.folder):
            finished = finished_before(work.folder)
            if finished is None:
                check_blobs(task)
                with _use_cluster(task), hear_notes(lambda line: channel.log("info", line)):
                    finished = finish(task, handlers.run(work))
            channel.send(done=finished)
    except KeyboardInterrupt:
        channel.send(stopped=worker_pb2.JobStopped())
        return STOPPED
    except Exception as error:  # noqa: BLE001 - whatever it is, the engine must hear of it
        if not isinstance(error, RecasterError):
            traceback.print_exc()
        channel.failed(error, without_paths(str(error), task))
        return FAILED
    return 0


@contextlib.contextmanager
def _use_cluster(task: worker_pb2.WorkerTask) -> Iterator[None]:
    """Lets the cluster that a task names do its work, as ``ray_connection.use_cluster``."""
    if not task.HasField("cluster"):
        yield
        return
    cluster = settings_from(ClusterSettings, task.cluster)
    with use_cluster(cluster, settings_from(StorageSettings, task.cluster)):
        yield


def _watch_engine() -> None:
    """Interrupts the work, once, when the engine asks for that or has ended."""
    is_asked = False

    def stop_once(_: worker_pb2.WorkerRequest | None = None) -> None:
        nonlocal is_asked
        if not is_asked:  # a second interrupt would cut short the saving that the first one began
            is_asked = True
            interrupt()

    def end() -> None:
        stop_once()
        time.sleep(ORPHAN_S)
        os._exit(STOPPED)

    listen(sys.stdin.buffer, worker_pb2.WorkerRequest, stop_once, end)


@contextlib.contextmanager
def _folder_lock(folder: Path) -> Iterator[None]:
    """Waits until an earlier worker of the same job, whose engine died, has let go of the folder."""
    with (folder / "lock").open("a") as lock:
        if sys.platform != "win32":
            import fcntl

            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # all is written: no need to wait while TensorFlow takes itself apart
