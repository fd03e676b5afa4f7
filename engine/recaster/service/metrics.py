"""Numbers for Prometheus, on a port of their own that only this machine reaches."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from typing import TYPE_CHECKING, Any, Final

import grpc
from prometheus_client import CollectorRegistry, Counter, Histogram, start_http_server
from prometheus_client.core import GaugeMetricFamily

from recaster.api.v1 import job_pb2
from recaster.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from recaster.store.folder import DataFolder

BUCKETS: Final = (0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60)


class Metrics(grpc.aio.ServerInterceptor):
    """Counts calls; asks the database for the rest when somebody looks."""

    def __init__(self, folder: DataFolder) -> None:
        self._folder = folder
        self.registry = CollectorRegistry()
        labels = ("method",)
        self._calls = Counter("recaster_calls", "Calls begun", labels, registry=self.registry)
        self._time = Histogram(
            "recaster_unary_seconds", "Time of unary calls", labels, buckets=BUCKETS, registry=self.registry
        )
        self.registry.register(self)

    def listen(self, port: int) -> None:
        """Serve the numbers to this machine (UsageError where the port is in use)."""
        try:
            start_http_server(port, addr="127.0.0.1", registry=self.registry)
        except OSError as error:
            raise UsageError(f"--metrics {port}: can't be listened on ({error.strerror})") from None

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Jobs by state, and room on the disk."""
        jobs = GaugeMetricFamily("recaster_jobs", "Jobs by state", labels=("state",))
        with contextlib.closing(sqlite3.connect(f"file:{self._folder.database}?mode=ro", uri=True)) as opened:
            for state, count in opened.execute("select state, count(*) from job group by state"):
                jobs.add_metric([job_pb2.JobState.Name(state).removeprefix("JOB_STATE_").lower()], count)
        yield jobs
        free = GaugeMetricFamily("recaster_free_bytes", "Bytes free on the disk of the data")
        free.add_metric([], self._folder.free_bytes())
        yield free

    async def intercept_service(
        self, continuation: Callable[[Any], Awaitable[Any]], call: grpc.HandlerCallDetails
    ) -> Any:
        """Count a call, and time it where it is unary."""
        handler = await continuation(call)
        if handler is None:
            return handler
        self._calls.labels(call.method).inc()
        if handler.request_streaming or handler.response_streaming:
            return handler
        timed = self._time.labels(call.method)

        async def answered(request: Any, context: Any) -> Any:
            began = time.monotonic()
            try:
                return await handler.unary_unary(request, context)
            finally:
                timed.observe(time.monotonic() - began)

        return grpc.unary_unary_rpc_method_handler(
            answered, handler.request_deserializer, handler.response_serializer
        )
