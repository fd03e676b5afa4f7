"""Numbers for Prometheus, on a port that only this machine reaches, and traces for OpenTelemetry."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import os
import time
import urllib.parse
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeVar

import grpc
from prometheus_client import CollectorRegistry, Counter, Histogram, Summary, make_wsgi_app, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from recaster import __version__
from recaster.api.v1 import job_pb2
from recaster.errors import InputError, RecasterError, UsageError
from recaster.provenance.policy import Policy
from recaster.service.auth import behaviour_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from prometheus_client.metrics_core import Metric

    from recaster.service.engine import Engine

F = TypeVar("F", CounterMetricFamily, GaugeMetricFamily)

TRACES_VARIABLE: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"
BUCKETS: Final = (0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60)
MISDIRECTED: Final = b"ask for 127.0.0.1 or localhost: these numbers are for this machine alone\n"


@dataclass(frozen=True, eq=False)
class Metrics:
    """Numbers about one engine, which is asked when somebody looks.

    ``certificates`` are ends of those that were read at start (seconds since 1970), by use.
    """

    engine: Engine
    certificates: Mapping[str, float] = field(default_factory=dict)
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)

    def __post_init__(self) -> None:
        self.registry.register(self)
        text = "Time of jobs in a state, or until the end"
        times = Summary("recaster_job_seconds", text, ("kind", "state"), registry=self.registry)

        def note_time(kind: int, state: int, seconds: float) -> None:
            times.labels(_kind(kind), _state(state)).observe(seconds)

        self.engine.store.jobs.on_time = note_time

    def listen(self, port: int) -> None:
        """Serve the numbers to this machine (UsageError where the port is in use)."""
        try:
            server, _ = start_http_server(port, "127.0.0.1", CollectorRegistry())
        except OSError as error:
            raise UsageError(f"--metrics {port}: can't be listened on ({error.strerror})") from None
        server.set_app(_loopback_only(make_wsgi_app(self.registry)))

    def collect(self) -> Iterator[Metric]:
        """All that isn't counted as it happens."""
        yield from self._job_metrics()
        yield from self._storage_metrics()
        refused = CounterMetricFamily("recaster_refused", "Calls refused at the door", labels=("reason",))
        yield _filled(refused, (((reason,), n) for reason, n in dict(self.engine.call_audit.refused).items()))
        ends = {**self.certificates, **self._signing_certificate()}
        lasting = GaugeMetricFamily(
            "recaster_certificate_seconds", "Seconds until a certificate ends", labels=("certificate",)
        )
        yield _filled(lasting, (((use,), end - time.time()) for use, end in ends.items()))

    def _job_metrics(self) -> Iterator[Metric]:
        store = self.engine.store.jobs
        supervisor = self.engine.supervisor
        jobs = GaugeMetricFamily("recaster_jobs", "Jobs that are kept", labels=("kind", "state"))
        counts = store.counts().items()
        yield _filled(jobs, (((_kind(kind), _state(state)), count) for (kind, state), count in counts))
        age = GaugeMetricFamily(
            "recaster_queue_age_seconds", "How long the job waits that waits longest", labels=("kind",)
        )
        waiting = store.waiting_since().items()
        yield _filled(age, (((_kind(kind),), max(0, time.time() - since)) for kind, since in waiting))
        draining = float(supervisor.draining)
        yield GaugeMetricFamily("recaster_draining", "Whether no jobs are taken or started", draining)
        workers = CounterMetricFamily("recaster_workers", "Workers that ended", labels=("kind", "ending"))
        yield _filled(workers, dict(supervisor.workers).items())  # the supervisor goes on counting

    def _storage_metrics(self) -> Iterator[Metric]:
        store = self.engine.store
        for name, text, value in (
            ("recaster_free_bytes", "Bytes free on the disk of the data", store.folder.free_bytes()),
            ("recaster_used_bytes", "Bytes that are kept, or have room kept free", store.blobs.used()),
            ("recaster_quota_bytes", "Bytes that may be kept", store.blobs.quota.total),
        ):
            yield GaugeMetricFamily(name, text, value)

    def _signing_certificate(self) -> dict[str, float]:
        """End of the policy's own certificate; one made on this machine is renewed in time."""
        with contextlib.suppress(RecasterError):
            named = Policy.load(self.engine.store.folder.path).certificate
            return {} if named is None else {"signing": certificate_end(named)}
        return {}


def _filled(family: F, values: Iterable[tuple[Sequence[str], float]]) -> F:
    """A family of numbers with its values, by their labels."""
    for labels, value in values:
        family.add_metric(labels, value)
    return family


class CallCounter(grpc.aio.ServerInterceptor):
    """Counts calls and what they end with; stands before the door, so that it sees what that refuses."""

    def __init__(self, registry: CollectorRegistry) -> None:
        labels = ("method",)
        self._calls = Counter("recaster_calls", "Calls begun", labels, registry=registry)
        self._errors = Counter("recaster_errors", "Calls failed", ("method", "code"), registry=registry)
        self._time = Histogram(
            "recaster_unary_seconds", "Time of unary calls", labels, buckets=BUCKETS, registry=registry
        )

    async def intercept_service(
        self, continuation: Callable[[Any], Awaitable[Any]], call: grpc.HandlerCallDetails
    ) -> Any:
        """Count a call, and time it where it is unary."""
        handler = await continuation(call)
        if handler is None:  # of no service: not counted by a name that anybody may choose
            return handler
        self._calls.labels(call.method).inc()
        shape, behaviour = behaviour_of(handler)

        async def answered(request: Any, context: grpc.aio.ServicerContext) -> Any:
            began = time.monotonic()
            try:
                return await behaviour(request, context)
            except BaseException as error:
                self._errors.labels(call.method, _code(error, context)).inc()
                raise
            finally:
                if shape == "unary_unary":
                    self._time.labels(call.method).observe(time.monotonic() - began)

        return handler._replace(**{shape: answered})


def _code(error: BaseException, context: grpc.aio.ServicerContext) -> str:
    if isinstance(error, asyncio.CancelledError):
        return "CANCELLED"  # by the client, or its deadline has passed
    code = context.code()
    known = {status.value[0]: status.name for status in grpc.StatusCode}
    name = known.get(code.value[0] if isinstance(code, grpc.StatusCode) else code, "UNKNOWN")
    return "UNKNOWN" if name == "OK" else name


def _kind(number: int) -> str:
    return job_pb2.JobKind.Name(number).removeprefix("JOB_KIND_").lower()


def _state(number: int) -> str:
    return job_pb2.JobState.Name(number).removeprefix("JOB_STATE_").lower()


def certificate_end(path: Path) -> float:
    """End of the first certificate of a file (PEM) to end, in seconds since 1970 (InputError)."""
    from cryptography import x509

    try:
        certificates = x509.load_pem_x509_certificates(path.read_bytes())
    except (OSError, ValueError):
        raise InputError(f"{path}: no certificates in PEM form can be read there") from None
    return min(certificate.not_valid_after_utc.timestamp() for certificate in certificates)


def _loopback_only(app: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    """Answers only who asks for this machine by a loopback name: no page whose name was made to lead here."""

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if _is_loopback(environ.get("HTTP_HOST", "")):
            return app(environ, start_response)
        start_response("421 Misdirected Request", [("Content-Type", "text/plain; charset=utf-8")])
        return [MISDIRECTED]

    return answer


def _is_loopback(host: str) -> bool:
    try:
        name = urllib.parse.urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def tracing_interceptors() -> list[grpc.aio.ServerInterceptor]:
    """Interceptors that trace every call; none where nobody asked (UsageError without the extra)."""
    if not os.environ.get(TRACES_VARIABLE):
        return []
    try:
        from opentelemetry import trace
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.instrumentation.grpc import aio_server_interceptor
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ModuleNotFoundError as error:
        raise UsageError(
            f"{TRACES_VARIABLE} is set, but {error.name} is missing: pip install 'recaster[otel]'"
        ) from None
    about = Resource.create({"service.name": "recaster", "service.version": __version__})
    provider = TracerProvider(resource=about)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    return [aio_server_interceptor(tracer_provider=provider)]
