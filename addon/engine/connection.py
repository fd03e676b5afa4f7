# SPDX-License-Identifier: GPL-3.0-or-later
"""Connection to an engine from inside a program with a user interface.

All calls are made in threads that know nothing of Blender; their results wait in a queue until
``EngineConnection.process_events`` hands them on in the caller's own thread. grpc is imported only when there
is somebody to talk to.
"""

from __future__ import annotations

import queue
import threading
import time
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from .. import messages
from ..translations import translate

if TYPE_CHECKING:
    from collections.abc import Callable

    from recaster.client import Address, Client
    from recaster.progress import Update

POLL_INTERVAL_S = 1.0
"""Seconds between two looks at an engine that is busy, or that is being started."""
IDLE_POLL_INTERVAL_S = 5.0
AWAY_POLL_INTERVAL_S = 8.0
"""Seconds between two looks at an engine that has not answered for long."""
CALL_TIMEOUT_S = 5.0
RETRY_TIMEOUT_S = 5.0
MAX_JOBS = 50
"""So many jobs are looked at, the newest; of all else, all."""
PAGE_SIZE = 1000
CONNECTING = "Connecting..."
JOIN_TIMEOUT_S = 1.0
"""Seconds that threads may take to end with the add-on, or with Blender."""

T = TypeVar("T")


class StoppedError(Exception):
    """Somebody stopped this work."""


class EngineState(NamedTuple):
    """An engine as it was at one moment.

    One that doesn't answer has what it had when it last did, but no jobs.

    Attributes:
        online: whether it answered.
        trouble: why it didn't, or didn't let us in; for people.
        refused: whether it is there, but the token is wrong.
        away: whether nobody answers.
        connecting: whether it has not been reached for the first time, nor failed to be.
        info: what it is and can do (ServerInfo).
        jobs: its latest jobs (Job) and those asked for by id, by id, the newest first.
        gone: ids asked for that it doesn't know any more.
        models: its models (Model), the newest first.
        facesets: its facesets (Faceset), the newest first.
        identities: people that it knows (Identity), the newest first.
    """

    online: bool = False
    trouble: str = ""
    refused: bool = False
    away: bool = False
    connecting: bool = False
    info: Any = None
    jobs: dict[str, Any] | None = None
    gone: frozenset[str] = frozenset()
    models: tuple[Any, ...] = ()
    facesets: tuple[Any, ...] = ()
    identities: tuple[Any, ...] = ()

    def job(self, job_id: str) -> Any | None:
        """One of its jobs, or None."""
        return (self.jobs or {}).get(job_id)

    def shows_same_as(self, other: EngineState) -> bool:
        """Tells if panels show the same of both: how full the engine's disk is is none of that."""
        return self._replace(info=None) == other._replace(info=None) and _shown(self) == _shown(other)


class BackgroundWork:
    """One piece of work while Blender's window goes on: what it says of itself, and a way to stop it."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.update: Update | None = None
        self.job = ""
        """The engine's job that it waits for, if it does."""
        self._stopped = threading.Event()

    def report(self, update: Update) -> None:
        """Notes how far it is; ends it (StoppedError) where that was asked for."""
        self.update = update
        self.check()

    def check(self) -> None:
        """Ends it (StoppedError) where that was asked for."""
        if self.is_stopped:
            raise StoppedError

    @property
    def is_stopped(self) -> bool:
        """Tells if somebody asked it to end."""
        return self._stopped.is_set()

    def stop(self) -> None:
        """Asks it to end at its next step."""
        self._stopped.set()


class EngineConnection:
    """One engine. Made, pumped and closed by one thread."""

    def __init__(self, address: Address) -> None:
        """Nothing is said before ``open``."""
        self.address = address
        self.state = EngineState(trouble=translate(CONNECTING), connecting=True)
        self.is_starting = False
        """Tells if somebody waits for it to answer: it is being started."""
        self.finished_works = 0
        """How many works have ended."""
        self.watched_jobs: frozenset[str] = frozenset()
        """Ids of jobs to look at, however old they are; replaced as a whole."""
        self.works: dict[BackgroundWork, Callable[[Exception], None]] = {}
        """What is being done now, and who is to be told when it fails."""
        self._pending_state: EngineState | None = None  # seen, but not handed on yet
        self._inbox: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._closed = threading.Event()
        self._wake = threading.Event()
        self._threads: list[threading.Thread] = []
        self._clients: dict[float, Client] = {}
        self._making = threading.Lock()

    def open(self, on_engine_state: Callable[[EngineState], None]) -> None:
        """Begins to look at the engine; ``on_engine_state`` is called by ``process_events``."""
        self._start(lambda: self._poll(on_engine_state))

    def close(self, patience_s: float = 0.0) -> None:
        """Hangs up; what was being done is told that it was stopped.

        Threads end by themselves; ``patience_s`` is how long to wait for that.
        """
        self._closed.set()
        self._wake.set()
        for work in self.works:
            work.stop()
        # In a thread: one that makes a client, and loads grpc for that, holds the lock.
        self._start(self._hang_up)
        last = time.monotonic() + patience_s
        for thread in self._threads if patience_s else ():
            thread.join(max(0.0, last - time.monotonic()))
        works = self.works
        self.works = {}
        for failed in works.values():
            failed(StoppedError())

    def _hang_up(self) -> None:
        with self._making:
            for client in self._clients.values():
                client.close()

    def refresh(self) -> None:
        """Reads the engine's state now."""
        self._wake.set()

    def run(
        self,
        title: str,
        do: Callable[[Client, BackgroundWork], T],
        done: Callable[[T], None],
        failed: Callable[[Exception], None],
    ) -> BackgroundWork:
        """Does something with the engine in a thread.

        Args:
            title: what is being done, for people.
            do: the work; must know nothing of Blender.
            done: told by ``process_events`` what came of it.
            failed: told by ``process_events`` what went wrong; StoppedError where it was stopped.
        """
        work = BackgroundWork(title)
        self.works[work] = failed

        def finish(tell: Callable[[], None]) -> None:
            del self.works[work]
            self.finished_works += 1
            tell()

        def body() -> None:
            try:
                found = do(self._client(RETRY_TIMEOUT_S), work)
            except Exception as error:  # noqa: BLE001 - whatever it is, whoever asked must hear of it
                # Inside an upload gRPC turns what stops it into an error of its own.
                caught = StoppedError() if work.is_stopped else error
                self._inbox.put(lambda: finish(lambda: failed(caught)))
            else:
                self._inbox.put(lambda: finish(lambda: done(found)))

        self._start(body)
        return work

    def process_events(self) -> int:
        """Hands on what has come of all threads; returns how many things that were."""
        handed = 0
        while not self._closed.is_set():
            try:
                tell = self._inbox.get_nowait()
            except queue.Empty:
                break
            tell()
            handed += 1
        return handed

    def _start(self, body: Callable[[], None]) -> None:
        self._threads = [one for one in self._threads if one.is_alive()]
        thread = threading.Thread(target=body, name="recaster", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _client(self, patience_s: float) -> Client:
        """The client that all threads share which have this patience."""
        from recaster.client import Client

        with self._making:
            if self._closed.is_set():
                raise StoppedError
            if patience_s not in self._clients:
                self._clients[patience_s] = Client(self.address, patience_s)
            return self._clients[patience_s]

    def _poll(self, on_engine_state: Callable[[EngineState], None]) -> None:
        def take() -> None:
            engine_state = self._pending_state
            self._pending_state = None
            if engine_state is not None:
                self.state = engine_state
                on_engine_state(engine_state)

        pause = POLL_INTERVAL_S
        last = EngineState()
        while not self._closed.is_set():
            try:
                engine_state = last = self._read(last)
            except Exception as error:  # noqa: BLE001 - said to whoever looks at the panel
                engine_state = _trouble(error, last)
            waiting = self._pending_state
            self._pending_state = engine_state
            if waiting is None:  # else nobody has pumped since: only the latest counts
                self._inbox.put(take)
            if engine_state.online:
                pause = POLL_INTERVAL_S if _busy(engine_state) else IDLE_POLL_INTERVAL_S
            else:
                pause = POLL_INTERVAL_S if self.is_starting else min(AWAY_POLL_INTERVAL_S, 2 * pause)
            self._wake.wait(pause)
            self._wake.clear()

    def _read(self, last: EngineState) -> EngineState:
        """Reads the engine's state; one that answered before and is late once is asked once more.

        A busy machine may hold an engine up for seconds: that is no reason to grey everything out.
        """
        from recaster.client import UnreachableError

        client = self._client(0.0)
        try:
            return read_engine_state(client, self.watched_jobs)
        except UnreachableError as error:
            if not (last.online and error.is_late):
                raise
            return read_engine_state(client, self.watched_jobs)


def read_engine_state(client: Client, wanted: frozenset[str] = frozenset()) -> EngineState:
    """An engine as it is now; EngineError where it can't be asked."""
    from recaster.api.v1 import faceset_pb2, identity_pb2, job_pb2, job_pb2_grpc, model_pb2, server_pb2
    from recaster.client import MissingError

    call = client.connection.call
    listed = client.connection.listed
    stub = job_pb2_grpc.JobServiceStub(client.connection.channel)
    info = call(client.server.GetServerInfo, server_pb2.GetServerInfoRequest(), CALL_TIMEOUT_S)
    jobs = {
        one.job_id: one
        for one in call(stub.ListJobs, job_pb2.ListJobsRequest(page_size=MAX_JOBS), CALL_TIMEOUT_S).jobs
    }
    gone = set()
    for job_id in wanted - jobs.keys():
        try:
            jobs[job_id] = call(stub.GetJob, job_pb2.GetJobRequest(job_id=job_id), CALL_TIMEOUT_S)
        except MissingError:
            gone.add(job_id)
    # All of them: a right that isn't seen would be taken for one that nobody stated.
    page = {"page_size": PAGE_SIZE}
    models = listed(client.models.ListModels, model_pb2.ListModelsRequest(**page), "models", CALL_TIMEOUT_S)
    facesets = listed(
        client.facesets.ListFacesets, faceset_pb2.ListFacesetsRequest(**page), "facesets", CALL_TIMEOUT_S
    )
    asked = identity_pb2.ListIdentitiesRequest(**page)
    people = listed(client.identities.ListIdentities, asked, "identities", CALL_TIMEOUT_S)
    return EngineState(
        online=True,
        info=info,
        jobs=jobs,
        gone=frozenset(gone),
        models=tuple(models),
        facesets=tuple(facesets),
        identities=tuple(people),
    )


def is_offline(error: Exception) -> bool:
    """Tells if an error means that nobody answers, so that the same may go well later."""
    from recaster.client import UnreachableError

    return isinstance(error, UnreachableError)


def _trouble(error: Exception, last: EngineState) -> EngineState:
    from recaster.client import TokenError, UnreachableError

    away = isinstance(error, UnreachableError)
    return last._replace(
        online=False,
        trouble=translate(messages.OFFLINE) if away else messages.of_error(error),
        refused=isinstance(error, TokenError),
        away=away,
        jobs=None,
        gone=frozenset(),
    )


def _shown(found: EngineState) -> tuple[Any, ...]:
    """Returns the facts of an engine itself that panels show."""
    info = found.info
    if info is None:
        return ()
    presets = tuple(one.name for one in info.presets)
    return info.version, tuple(info.devices), presets, info.client_name, info.role, info.may_state_basis


def _busy(engine_state: EngineState) -> bool:
    from recaster.client.job_calls import ENDED

    return any(job.state not in ENDED for job in (engine_state.jobs or {}).values())
