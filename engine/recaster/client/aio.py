"""The client for programs built on asyncio.

Calls, uploads and downloads are those of the sync client, in threads; watching, which may go on for
days and for many jobs at a time, is asyncio's own.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Self, TypeVar

import grpc

from recaster.api.v1 import job_pb2, job_pb2_grpc
from recaster.client.client import Client
from recaster.client.connection import CLEAR_OPTIONS, OPTIONS, RETRY_TIMEOUT_S, RetryTimer, credentials
from recaster.client.errors import JobFailedError, UnreachableError
from recaster.client.job_calls import JobWatch

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from recaster.client.address import Address

T = TypeVar("T")


class AsyncClient:
    """One engine, from asyncio.

    Example::

        async with AsyncClient(Address("127.0.0.1:50551", token)) as engine:
            clip = await engine.do(lambda client: client.take_clip(Path("interview.mp4")))
            async for event in engine.watch(job_id):
                ...
    """

    def __init__(self, address: Address, patience_s: float = RETRY_TIMEOUT_S) -> None:
        """As ``Client``; must be made where the event loop runs."""
        self._client = Client(address, patience_s)
        clear = self._client.connection.clear_target
        if clear is None:
            self._channel = grpc.aio.secure_channel(address.target, credentials(address), OPTIONS)
        else:
            self._channel = grpc.aio.insecure_channel(clear, CLEAR_OPTIONS)
        self._stub = job_pb2_grpc.JobServiceStub(self._channel)

    async def __aenter__(self) -> Self:
        """Use it."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Hang up."""
        await self.close()

    async def close(self) -> None:
        """Hang up."""
        await self._channel.close()
        self._client.close()

    async def do(self, what: Callable[[Client], T]) -> T:
        """Let the sync client do something in a thread; returns what that returns."""
        return await asyncio.to_thread(what, self._client)

    async def watch(
        self, job_id: str, after_seq: int = 0, *, previews: bool = False, logs: bool = False
    ) -> AsyncIterator[job_pb2.JobEvent]:
        """Every event of a job until it ends, as ``Jobs.watch``."""
        watch = JobWatch(job_id, after_seq, previews=previews, logs=logs)
        connection = self._client.connection
        timer = RetryTimer(connection)
        while not watch.has_ended:
            try:
                async for event in self._stub.WatchJob(watch.request(), metadata=connection.metadata):
                    timer.restart()
                    if watch.take(event):
                        yield event
            except (grpc.RpcError, UnreachableError) as error:
                timer.check(timer.retryable(error))
            if not watch.has_ended:
                await asyncio.sleep(timer.next_pause())

    async def wait(self, job_id: str) -> job_pb2.Job:
        """Follow a job to its end (JobFailedError where it doesn't succeed)."""
        async for _ in self.watch(job_id):
            pass
        job = await self.do(lambda client: client.jobs.get(job_id))
        if job.state != job_pb2.JOB_STATE_SUCCEEDED:
            raise JobFailedError(job)
        return job
