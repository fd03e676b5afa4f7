"""Supervisor of jobs: starts their workers, takes their messages, and brings every job to an end.

Clients say what they want of a job; only the supervisor changes where it is. Whatever a crash
interrupts is queued again and goes on from its last checkpoint.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from collections import Counter
from typing import TYPE_CHECKING, Final

from recaster.api.internal.v1.worker_pb2 import WorkerMessage, WorkerTask
from recaster.errors import AuditError, ConsentError, NotFoundError, RecasterError, UsageError
from recaster.jobs.cleanup import folders_of
from recaster.jobs.completion import JobFinalizer
from recaster.jobs.disk_budget import DiskBudget
from recaster.jobs.grants import grant_to_proto
from recaster.jobs.job_resources import (
    CLUSTERED,
    KINDS,
    LIGHT,
    SWAPPING,
    ResourceKey,
    device_for,
    devices,
    kind_of,
    resources_of,
    swap_of,
    task_for,
)
from recaster.jobs.limits import check_descriptors
from recaster.jobs.rights import begin, blocking_reason, register_of
from recaster.jobs.scheduling import InUse, JobQueue, RunningJob, admit
from recaster.jobs.watchdog import Watchdog
from recaster.jobs.worker_messages import failure
from recaster.jobs.worker_process import SchedulerLimits, WorkerHandle, WorkerListener
from recaster.processes.channel import plain_text, receive_async
from recaster.provenance.caller import acting_for
from recaster.provenance.policy import apply_policy
from recaster.store.job_store import CANCELLING, PAUSED, PAUSING, QUEUED, RUNNING, STARTING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from recaster.api.v1 import job_pb2
    from recaster.store.store import Store

log = logging.getLogger("recaster.jobs")

TICK_S: Final = 1.0
TICK_STOPPING_S: Final = 0.2
"""The same while a worker was asked to stop, and may have to be made to."""
TROUBLE_S: Final = 2.0
"""Seconds that a job rests after the engine itself couldn't go on with it."""
REGISTER_S: Final = 60.0
"""The same after the audit log couldn't be written to, or a timestamp authority didn't answer."""
CANCEL_GRACE_S: Final = 1.0
POLICY_EXIT_CODE: Final = 9
"""Of a job that waits until the policy or the register can be kept."""
MAX_CRASHES: Final = 2
"""Crashes in a row that came no further than the one before, after which a job has failed."""


class Supervisor:
    """Runs the jobs of one store; everything happens in one event loop."""

    def __init__(self, store: Store, limits: SchedulerLimits | None = None) -> None:
        self._store = store
        self._limits = limits or SchedulerLimits()
        self._finalizer = JobFinalizer(store)
        self._disk_budget = DiskBudget(store)
        self._listener = WorkerListener(store, self._finalizer)
        self._queue = JobQueue(store.jobs)
        self._not_before: dict[str, float] = {}  # when jobs that had trouble may start again
        self._reserved: list[ResourceKey] = []
        self._handles: dict[str, WorkerHandle] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._closing = False
        self.draining = False
        """Whether jobs that wait are left waiting."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self.last_round_at = time.monotonic()
        self.workers: Counter[tuple[str, str]] = Counter()
        """Workers that have ended, by kind of job and ``WorkerHandle.ending``."""
        self.trouble = ""
        """The reason for which workers couldn't be started, until one can."""
        self.troubled_at = 0.0

    def _stop_unauthorized(self) -> None:
        for handle in self._handles.values():
            if blocking_reason(self._store.jobs.get(handle.job_id).spec, self._store) is not None:
                handle.request_stop()
        self.wake()

    def wake(self) -> None:
        """Looks at the jobs now: something about them has changed. Any thread may call it."""
        if self._loop is None:
            self._wake.set()
        else:
            with contextlib.suppress(RuntimeError):  # it has ended
                self._loop.call_soon_threadsafe(self._wake.set)

    def on_changed(self, notify: Callable[[str], None]) -> None:
        """Sets the listener for facesets that may hold other faces than is kept of them."""
        self._finalizer.on_changed = notify

    def recover(self) -> int:
        """Queues again what nobody runs any more, since its engine died; returns how many jobs that are."""
        # Who was to be cancelled is, as soon as it is queued: then what it made is kept.
        after = {STARTING: QUEUED, RUNNING: QUEUED, PAUSING: PAUSED, CANCELLING: QUEUED}
        lost = [
            job.job_id for job in self._store.jobs.in_states(tuple(after)) if job.job_id not in self._handles
        ]
        for job_id in lost:
            with self._store.jobs.changing(job_id) as job:
                job.state = after[job.state]
        return len(lost)

    async def run(self) -> None:
        """Runs jobs until ``close``."""
        self._loop = asyncio.get_running_loop()
        trouble = ""
        while not self._closing:
            self._wake.clear()
            self.last_round_at = time.monotonic()
            try:
                at_work = [path for job_id in self._handles for path in folders_of(self._store, job_id)]
                self._disk_budget.look(at_work)
                self.recover()
                self._reconcile()
                over = self._disk_budget.is_over()
                for handle in self._handles.values():
                    handle.check_progress()
                    if over and handle.kind == "ingest":  # what it unpacks could be anything
                        handle.request_stop()
                self._start_due()
                trouble = ""
            except Exception as error:  # a full disk, say; jobs must be looked after all the same
                if str(error) != trouble:  # else it was said before
                    log.exception("jobs can't be looked after now")
                trouble = str(error)
            stopping = any(handle.stop_requested_at is not None for handle in self._handles.values())
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), TICK_STOPPING_S if stopping else TICK_S)

    def stop(self) -> None:
        """Starts no more jobs, and ends ``run``."""
        self._closing = True
        self.wake()

    async def close(self) -> None:
        """Asks all workers to save what they did, waits for them, and queues their jobs again."""
        self.stop()
        for handle in self._handles.values():
            handle.request_stop()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=self._limits.pause_grace_s)
            for handle in self._handles.values():
                handle.kill()
            if late:
                await asyncio.wait(late)

    @property
    def at_work(self) -> int:
        """Number of jobs that have a worker."""
        return len(self._handles)

    def _drain(self, draining: bool) -> None:
        self.draining = draining
        self.wake()

    def _reconcile(self) -> None:
        """Brings jobs to where clients want them."""
        for job_id, state, desired in self._store.jobs.jobs_to_reconcile():
            handle = self._handles.get(job_id)
            if handle is not None:
                if desired != "run":
                    self._finalizer.move(job_id, CANCELLING if desired == "cancel" else PAUSING)
                    handle.request_stop()
            elif time.monotonic() >= self._not_before.get(job_id, 0):
                try:
                    self._reconcile_resting(job_id, state, desired)
                except Exception:  # one job's trouble must not keep others waiting
                    self._not_before[job_id] = time.monotonic() + TROUBLE_S
                    log.exception("a job can't be brought where it should be now", extra={"job": job_id})
        for handle in self._handles.values():
            if handle.stop_requested_at is not None:
                cancelled = self._store.jobs.get(handle.job_id).state == CANCELLING
                grace = CANCEL_GRACE_S if cancelled else self._limits.pause_grace_s
                if time.monotonic() - handle.stop_requested_at > grace:
                    handle.kill()

    def _reconcile_resting(self, job_id: str, state: int, desired: str) -> None:
        if desired == "cancel":
            self._finalizer.cancel(job_id)
        elif desired == "pause":
            self._finalizer.move(job_id, PAUSED)
        elif state == PAUSED or self._hindrance(self._store.jobs.get(job_id)) is None:
            self._finalizer.move(job_id, QUEUED)

    def _hindrance(self, job: job_pb2.Job) -> job_pb2.JobError | None:
        """The reason for which a job must wait: no room, or no right to the face that it puts on."""
        return self._disk_budget.shortage(job.job_id) or blocking_reason(job.spec, self._store)

    def _start_due(self) -> None:
        light = [KINDS[name] for name in LIGHT]
        short = [number for name, number in KINDS.items() if name not in LIGHT | {"train"}]
        for kinds, places in ((light, {""}), (short, set(devices())), ([KINDS["train"]], set(devices()))):
            while not (self._closing or self.draining) and self._start_next(kinds, places):
                pass

    def _start_next(self, kinds: Sequence[int], places: set[str]) -> bool:
        """Starts the next job of these kinds that can start on one of the devices; False where none can."""
        running = [self._store.jobs.get(name) for name in self._handles]
        in_use = InUse.by(running, self._reserved)
        full = set[str]()
        for job in self._queue.startable(kinds, in_use, Counter(job.created_by for job in running)):
            if job.job_id in self._handles or time.monotonic() < self._not_before.get(job.job_id, 0):
                continue
            if self._finalizer.finish_known(job):
                continue
            device = device_for(job.spec, self._store.folder)
            if device in full:
                continue
            if self._in_the_way(job, device):
                at_work = sum(handle.device == device for handle in self._handles.values())
                if at_work >= self._max_on(device):
                    full.add(device)
                if full >= places:
                    return False
                continue
            self._not_before.pop(job.job_id, None)
            why = self._hindrance(job)
            if why is None:
                self._start(job, device)
                return True
            self._finalizer.block(job.job_id, why)
        return False

    def _start(self, job: job_pb2.Job, device: str) -> None:
        best = json.loads(self._store.jobs.get_control_record(job.job_id).best)
        watchdog = Watchdog(self._limits.patience)
        handle = WorkerHandle(job.job_id, kind_of(job.spec), device, watchdog, best=best)
        self._handles[job.job_id] = handle
        with acting_for(job.created_by):  # whom all that is recorded of it names
            task = asyncio.create_task(self._drive(handle))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _max_on(self, device: str) -> int:
        return self._limits.per_device if device else self._limits.light

    @contextlib.contextmanager
    def reserved(self, kind: str, resource_id: str) -> Iterator[None]:
        """Starts no job that needs a resource while the block lasts."""
        key = ResourceKey(kind, resource_id)
        self._reserved.append(key)
        try:
            yield
        finally:
            self._reserved.remove(key)
            self.wake()

    def _in_the_way(self, job: job_pb2.Job, device: str) -> bool:
        """True where a job can't start now; trainings that are in its way are asked to stop."""
        running = [
            RunningJob(self._store.jobs.get(name), handle.device, handle.stop_requested_at is not None)
            for name, handle in self._handles.items()
        ]
        way = admit(job, device, self._max_on(device), running)
        if way.preempting and self._hindrance(job) is None:
            for name in way.preempting:
                self._handles[name].request_stop()
        return not way.is_free

    async def _drive(self, handle: WorkerHandle) -> None:
        """Starts a job's worker, takes its messages until it ends, and settles what came of it."""
        code: int | None = None
        try:
            check_descriptors()
            code = await self._listen(handle, self._begin(handle.job_id))
        except ConsentError as error:  # its face was revoked between the look at it and its start
            handle.stop_requested_at = time.monotonic()
            handle.refusal = failure(error.reason, plain_text(str(error)), error.exit_code).failed.error
        except (AuditError, UsageError) as error:  # the register is damaged, say; not the job
            handle.stop_requested_at = time.monotonic()
            self._not_before[handle.job_id] = handle.stop_requested_at + REGISTER_S
            handle.outcome = failure("POLICY", plain_text(str(error)), POLICY_EXIT_CODE)
        except NotFoundError as error:  # what it needs is gone
            handle.outcome = failure("INPUT", plain_text(str(error)), error.exit_code)
        except (RecasterError, OSError) as error:
            # The engine itself couldn't go on (its disk is full, say): the job isn't to blame.
            if str(error) != self.trouble:  # else it was said before
                log.exception("a job's worker was lost", extra={"job": handle.job_id})
            self.trouble = str(error)
            self.troubled_at = time.monotonic()
            handle.stop_requested_at = time.monotonic()
            self._not_before[handle.job_id] = handle.stop_requested_at + TROUBLE_S
            handle.kill()
        except Exception:  # what a worker sends that read a hostile file may be anything
            log.exception("a worker said what no worker says", extra={"job": handle.job_id})
            code = await handle.wait_killed()
        finally:
            del self._handles[handle.job_id]
            self.workers[handle.kind, handle.ending()] += 1
            self._settle_safely(handle, code)
            self.wake()

    def _settle_safely(self, handle: WorkerHandle, code: int | None) -> None:
        """Settles a job; where that can't be done now, as if its engine had died: later again."""
        try:
            try:
                self._settle(handle, code)
            except (RecasterError, OSError):
                raise
            except Exception:  # see above: then it is as good as no word at all
                log.exception("a worker said what can't be kept", extra={"job": handle.job_id})
                self._crashed(handle, code)
        except (RecasterError, OSError):
            log.exception("what came of a worker can't be kept now", extra={"job": handle.job_id})
            self._not_before[handle.job_id] = time.monotonic() + TROUBLE_S

    def _begin(self, job_id: str) -> WorkerTask:
        """Notes that a job's next worker is being started; returns its task (NotFoundError)."""
        with self._store.jobs.changing(job_id) as job:
            job.state = STARTING
            job.attempts += 1
            if not job.HasField("start_time"):
                job.start_time.GetCurrentTime()
        changed = resources_of(job.spec).changes
        if changed is not None:  # it is no longer what was taken in, however the job ends
            self._store.catalog.of(changed.kind).clear_origin(changed.id)
        task = task_for(job, self._store)
        task.grant.CopyFrom(grant_to_proto(begin(job, self._store)))
        if kind_of(job.spec) in SWAPPING:
            swap_of(task.spec).CopyFrom(apply_policy(swap_of(job.spec), register_of(self._store).policy))
        if self._limits.cluster is not None and kind_of(job.spec) in CLUSTERED:
            task.cluster.CopyFrom(self._limits.cluster)
            task.limits.offline = False
            task.limits.data_bytes = 0  # Ray maps more than it uses
        return task

    async def _listen(self, handle: WorkerHandle, task: WorkerTask) -> int:
        """Takes a worker's messages until it ends; returns its exit code."""
        process, stream = await handle.start(task)
        while (message := await receive_async(stream, WorkerMessage)) is not None:
            self.trouble = ""
            handle.has_spoken = True
            self._listener.receive(handle, message)
        self._listener.keep_progress(handle)
        return await process.wait()

    def _settle(self, handle: WorkerHandle, code: int | None) -> None:
        """Brings a job whose worker has ended to where it belongs now."""
        job_id = handle.job_id
        desired = self._store.jobs.get_control_record(job_id).desired_state
        if handle.outcome is not None and handle.outcome.HasField("done"):
            self._finalizer.finish(job_id, handle.outcome.done)
        elif desired == "cancel":
            self._finalizer.cancel(job_id)
        elif handle.refusal is not None:
            self._finalizer.block(job_id, handle.refusal)
        elif handle.outcome is not None and handle.outcome.HasField("failed"):
            reason = handle.outcome.failed.error.reason
            if reason == "DISK_FULL":
                self._disk_budget.note_full(job_id)
            if reason == "TIMESTAMP":
                self._not_before[job_id] = time.monotonic() + REGISTER_S
            self._finalizer.fail(job_id, handle.outcome.failed)
        elif handle.outcome is not None or handle.stop_requested_at is not None:
            # It stopped, or was killed for not stopping.
            self._finalizer.storage.keep_begun(self._store.jobs.get(job_id))
            self._finalizer.move(job_id, PAUSED if desired == "pause" and not self._closing else QUEUED)
        else:
            self._crashed(handle, code)

    def _crashed(self, handle: WorkerHandle, code: int | None) -> None:
        """Queues a job again whose worker died, unless it has died too often at the same place."""
        record = self._store.jobs.get_control_record(handle.job_id)
        failures = record.failures + 1
        if not handle.has_spoken and not handle.stall_reason:
            self.trouble = "workers end before they begin"
            self.troubled_at = time.monotonic()
        why = {"stalled": handle.stall_reason} if handle.stall_reason else {"code": code}
        log.warning("worker died", extra={"job": handle.job_id, "failures": failures, **why})
        self._store.jobs.put_best(handle.job_id, record.best, failures)
        if failures < MAX_CRASHES:
            self._finalizer.move(handle.job_id, QUEUED)
        elif handle.stall_reason:
            self._finalizer.fail_stalled(handle.job_id, handle.stall_reason)
        else:
            self._finalizer.fail_crashed(handle.job_id, code, handle.stderr_offset)
