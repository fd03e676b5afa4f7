"""State that all services share: the store, the supervisor, and who waits for news of which job."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from recaster.api.internal.v1 import query_pb2
from recaster.errors import RecasterError
from recaster.jobs.job_resources import resources_of, works_on
from recaster.jobs.proto_records import traces_from_proto
from recaster.jobs.rights import register_of
from recaster.processes.channel import path_to_bytes
from recaster.provenance.caller import caller
from recaster.service.call_audit import CallAudit
from recaster.service.rpc_errors import precondition_error
from recaster.service.threads import run_read, run_write
from recaster.store.catalog import record_id
from recaster.store.job_store import ENDED, UNENDED

if TYPE_CHECKING:
    from collections.abc import Callable

    from recaster.api.v1 import job_pb2
    from recaster.jobs.query_workers import QueryWorkerPool
    from recaster.jobs.supervisor_thread import SupervisorThread
    from recaster.provenance.face_traces import FaceTraces
    from recaster.service.rpc_errors import Context
    from recaster.store.store import Store


class JobNews(asyncio.Event):
    """Set when there is news of a job; all who wait for it share the reads of its events until then."""

    def __init__(self) -> None:
        super().__init__()
        self.reads: dict[int, asyncio.Task[tuple[list[job_pb2.JobEvent], bool]]] = {}


@dataclass
class Engine:
    """One engine at work; with ``local_drops`` files may be handed over on this machine."""

    store: Store
    supervisor: SupervisorThread
    query_workers: QueryWorkerPool
    local_drops: bool = True

    def __post_init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._refreshing: set[asyncio.Task[None]] = set()
        self._news = WeakValueDictionary[str, JobNews]()  # each for as long as somebody waits for it
        self.call_audit = CallAudit(register_of(self.store).audit)
        self.store.jobs.on_event = self._on_event
        self.supervisor.on_changed(lambda faceset_id: self._call_soon(self._schedule_recount, faceset_id))

    def _on_event(self, job_id: str) -> None:
        if job_id in self._news:
            self._call_soon(self._notify, job_id)

    def _call_soon(self, do: Callable[[str], None], name: str) -> None:
        """Do something in the event loop; whoever asks may be in another thread."""
        with contextlib.suppress(RuntimeError):  # it has ended
            self._loop.call_soon_threadsafe(do, name)

    def _notify(self, job_id: str) -> None:
        news = self._news.pop(job_id, None)  # a read that is under way may not see what has just come
        if news is not None:
            news.set()

    def news(self, job_id: str) -> JobNews:
        """News of a job, to be asked for before its events are read."""
        return self._news.setdefault(job_id, JobNews())

    async def read_events(
        self, news: JobNews, job_id: str, after: int
    ) -> tuple[list[job_pb2.JobEvent], bool]:
        """Some of a job's events after a number, and whether it has ended: one look for all who watch it."""
        reads = news.reads
        if after not in reads:
            reads[after] = asyncio.create_task(run_read(self._read_events, job_id, after))
            reads[after].add_done_callback(lambda _: reads.pop(after, None))
        return await asyncio.shield(reads[after])

    def _read_events(self, job_id: str, after: int) -> tuple[list[job_pb2.JobEvent], bool]:
        ended = self.store.jobs.get(job_id).state in ENDED  # first: nothing comes after the end
        return self.store.jobs.events(job_id, after), ended

    def _schedule_recount(self, faceset_id: str) -> None:
        """A job that fell short may have added faces to a faceset: count them."""
        task = self._loop.create_task(self._recount(faceset_id))
        self._refreshing.add(task)
        task.add_done_callback(self._refreshing.discard)

    async def _recount(self, faceset_id: str) -> None:
        with contextlib.suppress(RecasterError):  # it was deleted meanwhile, say
            await run_write(self.keep_count, faceset_id, await self._describe(faceset_id))

    async def _describe(self, faceset_id: str) -> query_pb2.FacesetCount:
        folder = path_to_bytes(self.store.folder.faceset(faceset_id))
        question = query_pb2.Question(describe=query_pb2.DescribeQuestion(folder=folder))
        return (await self.query_workers.ask(question)).describe

    async def ask(self, question: query_pb2.Question, context: Context) -> query_pb2.Answer:
        """Asks a query worker, for as long as the caller waits (RecasterError)."""
        client = f"{caller()} {context.peer()}"
        return await self.query_workers.ask(question, client, context.time_remaining())

    def keep_count(self, faceset_id: str, count: query_pb2.FacesetCount) -> Any:
        """Keeps how many faces a faceset holds, and their digest; returns the faceset."""
        register = register_of(self.store)
        with self.store.database.transaction():
            faceset = self.store.catalog.facesets.get(faceset_id)
            register.add_traces("faceset", faceset_id, register.traces("faceset", faceset_id))  # as it was
            faceset.faces = count.faces
            faceset.dropped = count.dropped
            faceset.digest = count.digest
            self.store.catalog.facesets.put(faceset)
            register.add_traces("faceset", faceset_id, traces_from_proto(count.traces))
        return faceset

    async def fill_in_traces(self, identity_id: str | None = None) -> None:
        """Find out what faces are known by that an earlier release took in: a person's, or all."""
        register = register_of(self.store)
        for kind, name in await run_read(self._without_traces, identity_id):
            with contextlib.suppress(RecasterError, OSError):  # damaged, say: then nobody can use it
                await run_write(register.add_traces, kind, name, await self._traces(kind, name))

    def _without_traces(self, identity_id: str | None) -> list[tuple[str, str]]:
        catalog = self.store.catalog
        return [
            (holders.kind, record_id(holder))
            for holders in (catalog.facesets, catalog.models)
            for holder in holders.list_all()
            if identity_id in (None, holder.identity_id) and holders.traces(record_id(holder)) is None
        ]

    async def _traces(self, kind: str, name: str) -> FaceTraces:
        if kind == "faceset":
            return traces_from_proto((await self._describe(name)).traces)
        model = path_to_bytes(self.store.folder.model(name))
        question = query_pb2.Question(recognise=query_pb2.RecogniseQuestion(model=model))
        return traces_from_proto((await self.query_workers.ask(question)).recognise)

    def refuse_in_use(self, kind: str, name: str) -> None:
        """Refuse to change what a job needs that hasn't ended (RpcError, IN_USE)."""
        for job in self.store.jobs.in_states(UNENDED):
            if (kind, name) in (*resources_of(job.spec).named(), works_on(job)):
                why = f"{kind} {name} is needed by job {job.job_id}, which hasn't ended; cancel that first"
                raise precondition_error("IN_USE", why, job_id=job.job_id)
