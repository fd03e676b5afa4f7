"""Health as gRPC's usual service tells it: who serves is ready, not merely alive.

The engine, ``""``, is ready when all of its services are. ``recaster.live`` is served as long as the engine
answers at all.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Final

import grpc
from grpc_health.v1 import health, health_pb2

from recaster.errors import RecasterError
from recaster.service.threads import run_read, run_write

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from recaster.service.engine import Engine
    from recaster.service.rpc_errors import Context

log = logging.getLogger("recaster.service")

LIVE: Final = "recaster.live"
POLL_INTERVAL_S: Final = 5.0
REQUEST_TIMEOUT_S: Final = 5.0
"""Seconds in which who asks, and shows no token, must have said what."""
MAX_WATCHES: Final = 100
"""Clients that may follow health at a time: they need no token."""
STORING: Final = frozenset({"recaster.v1.BlobService", "recaster.v1.JobService"})
"""Services that need room on the disk."""
JOBS: Final = "recaster.v1.JobService"
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


class Readiness(grpc.GenericRpcHandler):
    """Finds out what is ready, and tells anybody."""

    def __init__(self, engine: Engine, services: Sequence[str]) -> None:
        self._engine = engine
        self._services = services
        self._health = health.aio.HealthServicer()
        self._watches = 0
        self._troubles: dict[str, str] = {}

    async def watch(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            await self.check()
            await asyncio.sleep(POLL_INTERVAL_S)

    async def check(self) -> None:
        """Find out what is ready now."""
        troubles = await self._find_troubles()
        for service in (*self._services, ""):
            await self._health.set(service, NOT_SERVING if service in troubles else SERVING)
        await self._health.set(LIVE, SERVING)
        if troubles != self._troubles:
            log.warning("what isn't ready has changed", extra={"not_ready": troubles})
        self._troubles = troubles

    async def stop(self) -> None:
        """Tell that the engine is ending."""
        await self._health.enter_graceful_shutdown()

    async def _find_troubles(self) -> dict[str, str]:
        """Reasons for which services aren't ready, by their name."""
        store = self._engine.store
        supervisor = self._engine.supervisor
        try:
            await run_write(store.database.check)
            free = await run_read(store.folder.free_bytes)
        except (RecasterError, OSError) as error:
            return dict.fromkeys((*self._services, ""), str(error))
        troubles = {}
        if free < store.blobs.quota.spare:
            troubles = dict.fromkeys(STORING, "the disk is full")
        if not supervisor.is_alive:
            troubles[JOBS] = "nobody looks after jobs"
        elif supervisor.draining:
            troubles[JOBS] = "no new jobs are taken, as an operator wants it"
        elif supervisor.recent_trouble:
            troubles[JOBS] = supervisor.recent_trouble
        return troubles | ({"": "; ".join(troubles.values())} if troubles else {})

    def service(self, call: grpc.HandlerCallDetails) -> Any:
        """The handlers of gRPC's health service."""
        methods = {"Check": self._answer_check, "Watch": self._answer_watch}
        path, _, name = call.method.rpartition("/")
        if path != f"/{health.SERVICE_NAME}" or name not in methods:
            return None
        # Streams, so that the request isn't waited for longer than REQUEST_S.
        return grpc.stream_stream_rpc_method_handler(
            methods[name],
            health_pb2.HealthCheckRequest.FromString,
            health_pb2.HealthCheckResponse.SerializeToString,
        )

    async def _answer_check(self, requests: AsyncIterator[Any], context: Context) -> None:
        request = await _first_request(requests, context)
        await context.write(await self._health.Check(request, context))

    async def _answer_watch(self, requests: AsyncIterator[Any], context: Context) -> None:
        request = await _first_request(requests, context)
        if self._watches >= MAX_WATCHES:
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "too many follow health; use Check")
        self._watches += 1
        try:
            await self._health.Watch(request, context)
        finally:
            self._watches -= 1


async def _first_request(requests: AsyncIterator[Any], context: Context) -> Any:
    try:
        async with asyncio.timeout(REQUEST_TIMEOUT_S):
            return await anext(aiter(requests))
    except (TimeoutError, StopAsyncIteration):
        await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "the request didn't come")
