"""The server: where it listens, who may come in, and how it stops."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import os
import signal
import socket
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import grpc
from grpc_health.v1 import health
from grpc_reflection.v1alpha import reflection

from recaster.api.v1 import (
    blob_pb2_grpc,
    clip_pb2_grpc,
    faceset_pb2_grpc,
    identity_pb2_grpc,
    job_pb2_grpc,
    model_pb2_grpc,
    provenance_pb2_grpc,
    server_pb2_grpc,
    swap_pb2_grpc,
)
from recaster.client.peer_check import loopback_of
from recaster.errors import AuditError, CertificateError, RecasterError, UsageError
from recaster.jobs.cleanup import expire, tidy
from recaster.jobs.job_resources import devices
from recaster.jobs.limits import connections_for, raise_descriptor_limit
from recaster.jobs.query_workers import QueryWorkerPool
from recaster.jobs.rights import register_of
from recaster.jobs.startup_checks import compile_ahead, unconfined
from recaster.jobs.supervisor_thread import SupervisorThread
from recaster.jobs.worker_process import SchedulerLimits
from recaster.provenance.manifest import check_signer
from recaster.provenance.policy import Policy
from recaster.provenance.signer import resolve_signer
from recaster.service.auth import TokenInterceptor
from recaster.service.blob_service import BlobService
from recaster.service.call_audit import note_start, note_swept
from recaster.service.engine import Engine
from recaster.service.identity_service import IdentityService
from recaster.service.job_service import JobService
from recaster.service.query_services import ProvenanceService, SwapService
from recaster.service.readiness import Readiness
from recaster.service.resources import ClipService, FacesetService, ModelService
from recaster.service.rpc_errors import hide_folder
from recaster.service.server_info import MAX_MESSAGE_BYTES, MAX_RESPONSE_BYTES, ServerService
from recaster.service.telemetry import CallCounter, Metrics, certificate_end, tracing_interceptors
from recaster.service.threads import run_write
from recaster.settings.paths import LOOPBACK, own_address, socket_path
from recaster.store import analyses, learned_faces
from recaster.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from recaster.service.tls import Tls
    from recaster.store.blobs import Quota
    from recaster.store.folder import DataFolder

log = logging.getLogger("recaster.service")

SWEEP_EVERY_S: Final = 3600.0
HANDSHAKE_TIMEOUT_MS: Final = 10_000
"""Milliseconds in which a connection must have been set up."""
IDLE_MS: Final = 30_000
"""Milliseconds after which a connection without a call is closed; a client's next call makes another."""
CALLS_GRACE_S: Final = 3.0
"""Seconds that calls have to end when the engine stops."""
_SERVICES: Final = (
    (blob_pb2_grpc.add_BlobServiceServicer_to_server, BlobService),
    (clip_pb2_grpc.add_ClipServiceServicer_to_server, ClipService),
    (identity_pb2_grpc.add_IdentityServiceServicer_to_server, IdentityService),
    (provenance_pb2_grpc.add_ProvenanceServiceServicer_to_server, ProvenanceService),
    (faceset_pb2_grpc.add_FacesetServiceServicer_to_server, FacesetService),
    (model_pb2_grpc.add_ModelServiceServicer_to_server, ModelService),
    (job_pb2_grpc.add_JobServiceServicer_to_server, JobService),
    (server_pb2_grpc.add_ServerServiceServicer_to_server, ServerService),
    (swap_pb2_grpc.add_SwapServiceServicer_to_server, SwapService),
)


@dataclass(frozen=True)
class ServeSettings:
    """Settings of a server.

    Attributes:
        listen: "HOST:PORT" (0 for any port that is free) or "unix:PATH"; "" for a socket in the data folder,
            with TLS for a port of this machine.
        tls: None speaks in the clear, which only this machine may hear.
        quota: None for the usual.
        local_drops: whether clients of this machine may hand files over.
        metrics_port: where Prometheus may ask; None for nowhere.
    """

    data: DataFolder
    listen: str = ""
    tls: Tls | None = None
    quota: Quota | None = None
    rules: SchedulerLimits = field(default_factory=SchedulerLimits)
    local_drops: bool = True
    metrics_port: int | None = None


async def serve(settings: ServeSettings, ready: Callable[[str, str, bool], None]) -> None:
    """Serve until SIGTERM or Ctrl-C; then save what jobs did, and queue them again.

    Args:
        ready: called with the address, the token, and whether that is new, once all is up.

    Raises:
        UsageError: the address can't be used, another engine serves this data, or its policy can't be kept.
        AuditError, ManifestError, OutputError: the audit log was broken, the policy's certificate signs
            nothing, or the data can't be written.
    """
    usual = own_address(settings.data.path) if settings.tls is None else LOOPBACK
    settings = dataclasses.replace(settings, listen=settings.listen or usual)
    refuse_open_door(settings)
    settings.data.make()
    hide_folder(settings.data.path)
    policy = Policy.load(settings.data.path)
    if policy.certificate is not None:
        try:
            check_signer(resolve_signer(policy, settings.data.path))
        except CertificateError as error:  # what signs waits until it is valid; all else goes on
            log.warning(str(error))
    with settings.data.lock():
        token, new = settings.data.token()
        store = Store.open(settings.data, settings.quota)
        try:
            register_of(store).audit.verify(strict=False)  # nothing is written over a log that was broken
            engine = Engine(
                store,
                SupervisorThread(store, settings.rules),
                QueryWorkerPool(settings.data.path / "jobs"),
                settings.local_drops,
            )
            door = TokenInterceptor(token, store, engine.call_audit.note_refused)
            counter = _metrics(engine, settings)
            server, address = _make_server(engine, settings, [*counter, door, *tracing_interceptors()])
            await _serve(engine, server, door, policy, lambda: ready(address, token, new))
        finally:
            store.close()


async def _serve(
    engine: Engine, server: grpc.aio.Server, door: TokenInterceptor, policy: Policy, ready: Callable[[], None]
) -> None:
    stop = asyncio.Event()
    _on_signals(stop.set)
    _recover(engine)
    readiness = Readiness(engine, _service_names())
    server.add_generic_rpc_handlers((readiness,))
    _reconcile_audit_log(engine, policy)
    await asyncio.to_thread(devices)  # a driver may take seconds to say what there is; later nobody waits
    kept = await asyncio.to_thread(unconfined)
    if kept:
        log.warning(kept)
    await server.start()
    engine.supervisor.start()
    await readiness.check()
    ready()
    tasks: list[asyncio.Future[Any]] = [
        asyncio.wrap_future(engine.supervisor.ended),
        asyncio.create_task(_sweep(engine)),
        asyncio.create_task(readiness.watch()),
        asyncio.create_task(door.watch()),
        asyncio.create_task(engine.call_audit.watch()),
        asyncio.create_task(stop.wait()),
    ]
    in_background = [asyncio.create_task(engine.fill_in_traces()), asyncio.create_task(compile_ahead())]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    log.info("stopping; jobs save what they did")
    await readiness.stop()
    # Together: a worker that has stopped must not be started again while calls end.
    await asyncio.gather(engine.supervisor.shut_down(), server.stop(CALLS_GRACE_S))
    await engine.call_audit.write_counts()
    engine.query_workers.close()
    for task in (*tasks, *in_background):
        task.cancel()
    for ended in await asyncio.gather(*tasks, *in_background, return_exceptions=True):
        if isinstance(ended, Exception):
            raise ended


def _recover(engine: Engine) -> None:
    """Tidies up what an engine that died has left, and queues its jobs again."""
    try:
        tidy(engine.store)
        analyses.tidy()
        learned_faces.tidy()
        recovered = engine.supervisor.recover()
        if recovered:
            log.warning("jobs of an engine that died are queued again", extra={"jobs": recovered})
    except (RecasterError, OSError):  # the supervisor tries again and again; on a full disk, say
        log.exception("what an engine that died has left can't be looked after now")


def _reconcile_audit_log(engine: Engine, policy: Policy) -> None:
    """Makes revocations hold again that only the audit log knows, and notes there that the engine starts."""
    try:
        for name in register_of(engine.store).reconcile():
            log.warning("a revocation that the store had lost holds again", extra={"identity": name})
    except AuditError:  # nothing is put on while the log can't be added to, and its other calls may mend it
        log.exception("the audit log can't be compared with the store")
    try:
        note_start(register_of(engine.store).audit, policy)
    except RecasterError:  # as above; on a full disk, too, things can be deleted
        log.exception("that the engine starts can't be noted in the audit log")


def refuse_open_door(settings: ServeSettings) -> None:
    """Refuse to speak in the clear where others could listen, and what is no address (UsageError)."""
    if settings.listen.startswith("unix:"):
        return
    host, colon, port = settings.listen.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65535:
        raise UsageError(f"{settings.listen!r} is no address to listen on; write HOST:PORT or unix:PATH")
    if settings.tls is None and not loopback_of(host):
        raise UsageError(
            f"{settings.listen}: others could listen in; add --tls-cert and --tls-key "
            "(make them with: recaster certs), or listen on 127.0.0.1"
        )


def _metrics(engine: Engine, settings: ServeSettings) -> list[grpc.aio.ServerInterceptor]:
    """Interceptors that count calls, where numbers are asked for."""
    if settings.metrics_port is None:
        return []
    files = {}
    if settings.tls is not None:
        files["tls"] = settings.tls.certificate
        if settings.tls.client_authority is not None:
            files["client_authority"] = settings.tls.client_authority
    metrics = Metrics(engine, {use: certificate_end(path) for use, path in files.items()})
    metrics.listen(settings.metrics_port)
    return [CallCounter(metrics.registry)]


def _make_server(
    engine: Engine, settings: ServeSettings, interceptors: Sequence[grpc.aio.ServerInterceptor]
) -> tuple[grpc.aio.Server, str]:
    server = grpc.aio.server(
        interceptors=interceptors,
        options=(
            ("grpc.so_reuseport", 0),  # else a second engine would take half of the calls, silently
            ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
            ("grpc.max_send_message_length", MAX_RESPONSE_BYTES),
            ("grpc.max_concurrent_streams", 1000),
            # Whoever only connects, goes soon, and never takes the descriptors that jobs and files need.
            ("grpc.max_allowed_incoming_connections", connections_for(raise_descriptor_limit())),
            ("grpc.server_handshake_timeout_ms", HANDSHAKE_TIMEOUT_MS),
            ("grpc.http2.settings_timeout", HANDSHAKE_TIMEOUT_MS),
            ("grpc.max_connection_idle_ms", IDLE_MS),
            # Clients ask every 30 s whether the line is alive, also during a call that says nothing.
            ("grpc.http2.min_recv_ping_interval_without_data_ms", 10_000),
            # An engine that is kept from its work reads several of those at once, and would end calls for it.
            # Clients are let in by their tokens, and connections are few.
            ("grpc.http2.max_ping_strikes", 0),
        ),
    )
    for add, service in _SERVICES:
        add(service(engine), server)
    names = (*_service_names(), health.SERVICE_NAME, reflection.SERVICE_NAME)
    reflection.enable_server_reflection(names, server)
    return server, _bind(server, settings)


def _service_names() -> list[str]:
    return [f"recaster.v1.{service.__name__}" for _, service in _SERVICES]


def _bind(server: Any, settings: ServeSettings) -> str:
    """Take the address; returns it as clients write it."""
    try:
        if settings.listen.startswith("unix:"):
            path = socket_path(settings.listen)
            _prepare_socket(path)
            server.add_insecure_port(f"unix:{path}")
            return f"unix:{path}"
        if settings.tls is not None:
            port = server.add_secure_port(settings.listen, settings.tls.credentials())
        else:
            port = server.add_insecure_port(settings.listen)
    except RuntimeError:
        port = 0
    if not port:
        raise UsageError(
            f"{settings.listen}: can't be listened on; is another engine running there? "
            "Choose another port with --listen"
        )
    return f"{settings.listen.rpartition(':')[0]}:{port}"


def _prepare_socket(path: Path) -> None:
    """A socket is for everybody who may enter its folder: that must be its owner alone."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = path.parent.stat()
    if folder.st_mode & 0o077 or folder.st_uid != os.getuid():
        raise UsageError(
            f"{path}: others may enter its folder; put the socket into one of your own (chmod 700)"
        )
    if path.is_socket():
        with socket.socket(socket.AF_UNIX) as tried, contextlib.suppress(ConnectionError):
            tried.connect(str(path))
            raise UsageError(f"{path}: another engine listens there; choose another name")
        path.unlink()  # of an engine that died
    elif path.exists():
        raise UsageError(f"{path}: exists and is no socket; choose another name")


async def _sweep(engine: Engine) -> None:
    store = engine.store
    steps = (
        lambda: expire(store),
        lambda: note_swept(register_of(store).audit, store.blobs.sweep()),
        analyses.tidy,
        learned_faces.tidy,
        register_of(store).documents.end_holds,
        store.database.compact,
        store.database.drop_old_copies,
        store.database.scrub_if_marked,
    )
    while True:
        for step in steps:
            try:
                await run_write(step)
            except (RecasterError, OSError):
                log.exception("what nobody needs any more can't be swept away now")
        await asyncio.sleep(SWEEP_EVERY_S)


def _on_signals(stop: Callable[[], None]) -> None:
    loop = asyncio.get_running_loop()
    numbers = [signal.SIGINT, signal.SIGTERM]
    if sys.platform == "win32":
        numbers.append(signal.SIGBREAK)  # the one that another program can send there
    elif signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # as nohup has it
        numbers.append(signal.SIGHUP)
    for number in numbers:
        if sys.platform == "win32":
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop))
        else:
            loop.add_signal_handler(number, stop)
