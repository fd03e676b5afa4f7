"""Who watches over the jobs: starts their workers, listens to them, and brings every job to an end.

Clients say what they want of a job; only the supervisor changes where it is. Whatever a crash
interrupts is queued again and goes on from its last checkpoint.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import logging
import time
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from recaster.api.v1 import job_pb2
from recaster.errors import AuditError, ConsentError, NotFoundError, RecasterError, UsageError
from recaster.jobs.cleanup import folders_of
from recaster.jobs.completion import JobFinalizer
from recaster.jobs.descriptors import check_descriptors
from recaster.jobs.devices import devices
from recaster.jobs.disk_budget import DiskBudget
from recaster.jobs.job_resources import KINDS, LIGHT, device_for, kind_of, resources_of, task_for
from recaster.jobs.queue import InUse, JobQueue, client_of
from recaster.jobs.rights import (
    begin_and_mark,
    blocking_reason,
    register_of,
    resolve_vetting_rules,
)
from recaster.jobs.scheduling import RunningJob, admit
from recaster.jobs.watchdog import Watchdog
from recaster.jobs.worker_events import Listener
from recaster.jobs.worker_process import SchedulerLimits, WorkerHandle
from recaster.provenance.caller import acting_for
from recaster.provenance.policy import apply_policy
from recaster.store.job_store import CANCELLING, PAUSED, PAUSING, QUEUED, RUNNING, STARTING, ControlRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from recaster.jobs.worker_task import WorkerTask
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
TRIES: Final = 2
"""Crashes in a row that came no further than the one before, after which a job has failed."""


class Supervisor:
    """Runs the jobs of one store; everything happens in one event loop."""

    def __init__(self, store: Store, rules: SchedulerLimits | None = None) -> None:
        self._store = store
        self._rules = rules or SchedulerLimits()
        self._finalizer = JobFinalizer(store)
        self._disk_budget = DiskBudget(store)
        self._listener = Listener(store, self._finalizer)
        self._queue = JobQueue(store.jobs)
        self._not_before: dict[str, float] = {}  # when jobs that had trouble may start again
        self._reserved: list[tuple[str, str]] = []
        self._running: dict[str, WorkerHandle] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._closing = False
        self.draining = False
        """Whether jobs that wait are left waiting."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self.looked_at = time.monotonic()
        self.workers: Counter[tuple[str, str]] = Counter()  # that ended, by kind of job and how
        self.trouble = ""  # why workers couldn't be started, until one can
        self.troubled_at = 0.0

    def rights_changed(self) -> None:
        """Stop what puts on a face that it may not put on any more; what was done is kept."""
        for running in self._running.values():
            if blocking_reason(self._store.jobs.get(running.job_id).spec, self._store) is not None:
                running.tell_to_stop()
        self.wake()

    def wake(self) -> None:
        """Look at the jobs now: something about them has changed. Any thread may say so."""
        if self._loop is None:
            self._wake.set()
        else:
            with contextlib.suppress(RuntimeError):  # it has ended
                self._loop.call_soon_threadsafe(self._wake.set)

    def on_changed(self, tell: Callable[[str], None]) -> None:
        """Whom to tell of facesets that may hold other faces than is kept of them."""
        self._finalizer.on_changed = tell

    def recover(self) -> int:
        """Queue again what nobody runs any more, since its engine died; returns how many jobs that are."""
        # Who was to be cancelled is, as soon as it is queued: then what it made is kept.
        after = {STARTING: QUEUED, RUNNING: QUEUED, PAUSING: PAUSED, CANCELLING: QUEUED}
        lost = [one for one in self._store.jobs.in_states(tuple(after)) if one.job_id not in self._running]
        for one in lost:
            with self._store.jobs.changing(one.job_id) as job:
                job.state = after[job.state]
        return len(lost)

    async def run(self) -> None:
        """Run jobs until ``close``."""
        self._loop = asyncio.get_running_loop()
        trouble = ""
        while not self._closing:
            self._wake.clear()
            self.looked_at = time.monotonic()
            try:
                self._disk_budget.look(
                    [path for one in self._running for path in folders_of(self._store, one)]
                )
                self.recover()
                self.obey()
                over = self._disk_budget.is_over()
                for running in self._running.values():
                    running.look()
                    if over and running.kind == "ingest":  # what it unpacks could be anything
                        running.tell_to_stop()
                self._start_due()
                trouble = ""
            except Exception as error:  # a full disk, say; jobs must be looked after all the same
                if str(error) != trouble:  # else it was said before
                    log.exception("jobs can't be looked after now")
                trouble = str(error)
            stopping = any(running.told is not None for running in self._running.values())
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), TICK_STOPPING_S if stopping else TICK_S)

    def stop(self) -> None:
        """Start no more jobs, and end ``run``."""
        self._closing = True
        self.wake()

    async def close(self) -> None:
        """Ask all workers to save what they did, wait for them, and queue their jobs again."""
        self.stop()
        for running in self._running.values():
            running.tell_to_stop()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=self._rules.pause_grace_s)
            for running in self._running.values():
                running.kill()
            if late:
                await asyncio.wait(late)

    @property
    def at_work(self) -> int:
        """How many jobs have a worker."""
        return len(self._running)

    def drain(self, draining: bool) -> None:
        """Start no jobs any more, or start them again."""
        self.draining = draining
        self.wake()

    def obey(self) -> None:
        """Bring jobs to where clients want them."""
        for job_id, state, desired in self._store.jobs.jobs_to_reconcile():
            running = self._running.get(job_id)
            if running is not None:
                if desired != "run":
                    self._finalizer.move(job_id, CANCELLING if desired == "cancel" else PAUSING)
                    running.tell_to_stop()
            elif time.monotonic() >= self._not_before.get(job_id, 0):
                try:
                    self._obey_resting(job_id, state, desired)
                except Exception:  # one job's trouble must not keep others waiting
                    self._not_before[job_id] = time.monotonic() + TROUBLE_S
                    log.exception("a job can't be brought where it should be now", extra={"job": job_id})
        for running in self._running.values():
            if running.told is not None:
                cancelled = self._store.jobs.get(running.job_id).state == CANCELLING
                grace = CANCEL_GRACE_S if cancelled else self._rules.pause_grace_s
                if time.monotonic() - running.told > grace:
                    running.kill()

    def _obey_resting(self, job_id: str, state: int, desired: str) -> None:
        if desired == "cancel":
            self._finalizer.cancel(job_id)
        elif desired == "pause":
            self._finalizer.move(job_id, PAUSED)
        elif state == PAUSED or self._hindrance(self._store.jobs.get(job_id)) is None:
            self._finalizer.move(job_id, QUEUED)

    def _hindrance(self, job: job_pb2.Job) -> job_pb2.JobError | None:
        """Why a job must wait: no room, or no right to the face that it puts on."""
        return self._disk_budget.shortage(job.job_id) or blocking_reason(job.spec, self._store)

    def _start_due(self) -> None:
        light = [KINDS[name] for name in LIGHT]
        short = [number for name, number in KINDS.items() if name not in LIGHT | {"train"}]
        for kinds, places in ((light, {""}), (short, set(devices())), ([KINDS["train"]], set(devices()))):
            while not (self._closing or self.draining) and self._start_next(kinds, places):
                pass

    def _start_next(self, kinds: Sequence[int], places: set[str]) -> bool:
        """Start the next of the jobs that can start; False where none can.

        Args:
            kinds: of these kinds.
            places: the devices that they may compute on.
        """
        running = [self._store.jobs.get(name) for name in self._running]
        in_use = InUse.by(running, self._reserved)
        full = set[str]()
        for job in self._queue.startable(kinds, in_use, Counter(map(client_of, running))):
            if job.job_id in self._running or time.monotonic() < self._not_before.get(job.job_id, 0):
                continue
            if self._finalizer.known(job):
                continue
            device = device_for(job.spec, self._store.folder)
            if device in full:
                continue
            if self._in_the_way(job, device):
                if self._is_full(device):
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
        best = json.loads(self._store.jobs.control_record(job.job_id).best)
        watchdog = Watchdog(self._rules.patience)
        running = WorkerHandle(job.job_id, kind_of(job.spec), device, watchdog, best=best)
        self._running[job.job_id] = running
        with acting_for(job.created_by):  # whom all that is recorded of it names
            task = asyncio.create_task(self._drive(running))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _is_full(self, device: str) -> bool:
        """Whether no more jobs may compute on a device."""
        return sum(one.device == device for one in self._running.values()) >= self._at_once(device)

    def _at_once(self, device: str) -> int:
        return self._rules.per_device if device else self._rules.light

    @contextlib.contextmanager
    def reserved(self, kind: str, thing_id: str) -> Iterator[None]:
        """Start no job that needs a thing while the block lasts."""
        self._reserved.append((kind, thing_id))
        try:
            yield
        finally:
            self._reserved.remove((kind, thing_id))
            self.wake()

    def _in_the_way(self, job: job_pb2.Job, device: str) -> bool:
        """Whether a job can't start now; trainings that are in its way are asked to stop."""
        running = [
            RunningJob(self._store.jobs.get(name), one.device, one.told is not None)
            for name, one in self._running.items()
        ]
        way = admit(job, device, self._at_once(device), running)
        if way.preempting and self._hindrance(job) is None:
            for name in way.preempting:
                self._running[name].tell_to_stop()
        return not way.free

    async def _drive(self, running: WorkerHandle) -> None:
        """Start a job's worker, listen to it until it ends, and settle what came of it."""
        code: int | None = None
        try:
            check_descriptors()
            code = await self._work(running, self._begun(running.job_id))
        except ConsentError as error:  # its face was revoked between the look at it and its start
            running.told = time.monotonic()
            running.outcome = {"say": "refused"} | _words(error.reason, error)
        except (AuditError, UsageError) as error:  # the register is damaged, say; not the job
            running.told = time.monotonic()
            self._not_before[running.job_id] = running.told + REGISTER_S
            running.outcome = {"say": "failed"} | _words("POLICY", error) | {"exit_code": 9}
        except NotFoundError as error:  # what it needs is gone
            running.outcome = {"say": "failed"} | _words("INPUT", error) | {"exit_code": 3}
        except (RecasterError, OSError) as error:
            # The engine itself couldn't go on (its disk is full, say): the job isn't to blame.
            if str(error) != self.trouble:  # else it was said before
                log.exception("a job's worker was lost", extra={"job": running.job_id})
            self.trouble, self.troubled_at = str(error), time.monotonic()
            running.told = time.monotonic()
            self._not_before[running.job_id] = running.told + TROUBLE_S
            running.kill()
        except Exception:  # what a worker says that read a hostile file may be anything
            log.exception("a worker said what no worker says", extra={"job": running.job_id})
            running.kill()
            code = None if running.process is None else await running.process.wait()
        finally:
            del self._running[running.job_id]
            self.workers[running.kind, running.ending()] += 1
            self._settle_safely(running, code)
            self.wake()

    def _settle_safely(self, running: WorkerHandle, code: int | None) -> None:
        """Settle a job; where that can't be done now, it is queued again later, as if its engine had died."""
        try:
            try:
                self._settle(running, code)
            except (RecasterError, OSError):
                raise
            except Exception:  # see above: then it is as good as no word at all
                log.exception("a worker said what can't be kept", extra={"job": running.job_id})
                self._crashed(running, code)
        except (RecasterError, OSError):
            log.exception("what came of a worker can't be kept now", extra={"job": running.job_id})
            self._not_before[running.job_id] = time.monotonic() + TROUBLE_S

    def _begun(self, job_id: str) -> WorkerTask:
        """Note that a job's next worker is being started; returns its task (NotFoundError)."""
        with self._store.jobs.changing(job_id) as job:
            job.state = STARTING
            job.attempts += 1
            if not job.HasField("start_time"):
                job.start_time.GetCurrentTime()
        changed = resources_of(job.spec).changes
        if changed is not None:  # it is no longer what was taken in, however the job ends
            self._store.catalog.of(changed[0]).clear_origin(changed[1])
        task, mark = task_for(job, self._store), begin_and_mark(job, self._store)
        if job.spec.HasField("swap"):
            task.spec.swap.CopyFrom(apply_policy(job.spec.swap, register_of(self._store).policy))
        return dataclasses.replace(task, mark=mark, vetting=resolve_vetting_rules(job.spec, self._store))

    async def _work(self, running: WorkerHandle, task: WorkerTask) -> int:
        process, says = await running.start(task)
        while line := await says.readline():
            self.trouble, running.spoke = "", True
            self._listener.hear(running, json.loads(line))
        self._listener.keep_progress(running)
        return await process.wait()

    def _settle(self, running: WorkerHandle, code: int | None) -> None:
        """Bring a job whose worker has ended to where it belongs now."""
        said = running.outcome
        desired = self._store.jobs.control_record(running.job_id).desired_state
        if said is not None and said["say"] == "done":
            self._finalizer.done(running.job_id, said)
        elif desired == "cancel":
            self._finalizer.cancel(running.job_id)
        elif said is not None and said["say"] == "refused":
            words = {name: said[name] for name in ("reason", "message", "exit_code")}
            self._finalizer.block(running.job_id, job_pb2.JobError(**words))
        elif said is not None and said["say"] == "failed":
            if said["reason"] == "DISK_FULL":
                self._disk_budget.ran_out(running.job_id)
            if said["reason"] == "TIMESTAMP":
                self._not_before[running.job_id] = time.monotonic() + REGISTER_S
            self._finalizer.failed(running.job_id, said)
        elif said is not None or running.told is not None:  # it stopped, or was killed for not stopping
            self._finalizer.begun(running.job_id)
            self._finalizer.move(
                running.job_id, PAUSED if desired == "pause" and not self._closing else QUEUED
            )
        else:
            self._crashed(running, code)

    def _crashed(self, running: WorkerHandle, code: int | None) -> None:
        control_record = self._store.jobs.control_record(running.job_id)
        failures = control_record.failures + 1
        if not running.spoke and not running.stalled:
            self.trouble, self.troubled_at = "workers end before they begin", time.monotonic()
        why = {"stalled": running.stalled} if running.stalled else {"code": code}
        log.warning("worker died", extra={"job": running.job_id, "failures": failures, **why})
        self._store.jobs.remember(
            running.job_id, ControlRecord(control_record.desired_state, control_record.best, failures)
        )
        if failures >= TRIES:
            if running.stalled:
                self._finalizer.stalled(running.job_id, running.stalled)
            else:
                self._finalizer.crashed(running.job_id, code, running.words_from)
        else:
            self._finalizer.move(running.job_id, QUEUED)


def _words(reason: str, error: RecasterError) -> dict[str, Any]:
    """Why a job can't go on, as a worker says it."""
    return {"reason": reason, "message": str(error), "exit_code": error.exit_code}
