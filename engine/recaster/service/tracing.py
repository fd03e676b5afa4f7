"""Traces for OpenTelemetry, where its usual variable OTEL_EXPORTER_OTLP_ENDPOINT says where to send them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from recaster import __version__
from recaster.errors import UsageError

if TYPE_CHECKING:
    import grpc

VARIABLE: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"


def interceptors() -> list[grpc.aio.ServerInterceptor]:
    """Interceptors that trace every call; none where nobody asked for traces.

    Raises:
        UsageError: traces are asked for, but the extra isn't installed.
    """
    if not os.environ.get(VARIABLE):
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
            f"{VARIABLE} is set, but {error.name} is missing: pip install 'recaster[otel]'"
        ) from None
    about = Resource.create({"service.name": "recaster", "service.version": __version__})
    provider = TracerProvider(resource=about)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    return [aio_server_interceptor(tracer_provider=provider)]
