"""``recaster serve``, ``drain`` and ``certs``: the engine as a service, its rest and its certificates."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from recaster.cli.cluster_options import add_cluster, use_chosen_cluster
from recaster.cli.display import say, say_error
from recaster.cli.flags import add_options, fill_options, number
from recaster.cli.parsers import (
    Commands,
    Options,
    add_data,
    add_path,
    add_running_engine,
    add_switch,
    data_folder_of,
)
from recaster.errors import UsageError
from recaster.settings.cluster import ClusterSettings
from recaster.settings.paths import LOOPBACK, PORT_BOUNDS
from recaster.settings.serve import ServeLimits
from recaster.settings.storage import StorageSettings

if TYPE_CHECKING:
    from recaster.api.internal.v1 import worker_pb2

DRAIN_INTERVAL_S = 1.0
SERVE = """Serve the engine over gRPC. It listens on a socket in the data folder, where this user's
clients find it and its token by themselves. Where it is told to listen elsewhere, they need the token, which
is kept in the data folder. Jobs outlive clients, connections and this process: stop it and start it again,
and they go on. docs/api.md describes the interface."""
DRAIN = """Let an engine take no new jobs and start none that wait; those that run go on to their end.
What waits goes on after the next start, or after --undo. Asks the engine that RECASTER_ENGINE names, else
your own on this machine, and needs the role operator."""
CERTS = """Make certificates for an engine that other machines may use, signed by an authority made for
just this. Give ca.pem to the clients (RECASTER_TLS_CA=ca.pem)."""


def add_serve(commands: Commands) -> None:
    """Adds this command's parser."""
    parser = commands.add("serve", _serve, "serve the engine to clients", SERVE)
    add_data(parser, "where everything is kept")
    own = f"a socket in the data folder; with TLS, and on Windows, {LOOPBACK}"
    text = f"HOST:PORT or unix:PATH (default: {own})"
    parser.add_argument("--listen", default="", metavar="ADDRESS", help=text)
    tls = parser.add_argument_group("TLS, needed for other machines (make the files with: recaster certs)")
    add_path(tls, "--tls-cert", "FILE", "the engine's certificate")
    add_path(tls, "--tls-key", "FILE", "its private key")
    add_path(tls, "--client-ca", "FILE", "ask clients for a certificate signed by it")
    add_options(parser.add_argument_group("limits"), ServeLimits, defaults=True)
    add_cluster(parser)
    text = "tell Prometheus on this port of 127.0.0.1 (default: off)"
    parser.add_argument("--metrics", type=number(PORT_BOUNDS), metavar="PORT", help=text)
    add_switch(parser, "--no-drops", "don't let clients of this machine hand files over")


def _serve(options: Options) -> None:
    import asyncio

    from recaster.jobs.logs import set_up
    from recaster.jobs.worker_process import SchedulerLimits
    from recaster.service.server import ServeSettings, serve
    from recaster.service.tls import Tls
    from recaster.store.blobs import Quota

    if (options.tls_cert is None) != (options.tls_key is None):
        raise UsageError("--tls-cert and --tls-key go together")
    if options.client_ca is not None and options.tls_cert is None:
        raise UsageError("--client-ca needs --tls-cert and --tls-key")
    settings = ServeSettings(
        data=data_folder_of(options),
        listen=options.listen,
        tls=Tls(options.tls_cert, options.tls_key, options.client_ca) if options.tls_cert else None,
        quota=Quota(
            blob=int(options.largest_gib * 2**30),
            total=int(options.quota_gib * 2**30),
            spare=int(options.spare_mib * 2**20),
        ),
        rules=SchedulerLimits(per_device=options.jobs, cluster=_check_cluster(options)),
        local_drops=not options.no_drops,
        metrics_port=options.metrics,
    )
    set_up()

    def ready(address: str, token: str, new: bool) -> None:
        if new and settings.listen:  # the log may be kept where others read it
            say_error(f"clients need the token, which is in {settings.data.token_file.absolute()}")
            if sys.stdout.isatty():
                say(f"export RECASTER_ENGINE={_reachable(address)} RECASTER_TOKEN={token}")
                sys.stdout.flush()
            if settings.tls is not None:
                say_error("and the authority's certificate: export RECASTER_TLS_CA=.../ca.pem")
        say_error(f"serving on {address}")

    asyncio.run(serve(settings, ready))


def _check_cluster(options: Options) -> worker_pb2.Cluster | None:
    """Checks that the chosen cluster and storage can be used; None where this machine works."""
    from recaster.api.internal.v1 import worker_pb2

    with use_chosen_cluster(options):  # to find out before somebody's job does
        if options.executor == "local":
            return None
    return fill_options(worker_pb2.Cluster(), options, ClusterSettings, StorageSettings)


def _reachable(address: str) -> str:
    """The address as other machines write it: 0.0.0.0 and [::] are everywhere, and nowhere to call."""
    import socket

    host, _, port = address.rpartition(":")
    return f"{socket.getfqdn()}:{port}" if host in ("0.0.0.0", "[::]", "") else address  # noqa: S104


def add_drain(commands: Commands) -> None:
    """Adds this command's parser."""
    parser = commands.add("drain", _drain, "let an engine come to rest before it is stopped", DRAIN)
    add_running_engine(parser)
    how = parser.add_mutually_exclusive_group()
    add_switch(how, "--wait", "end when no job runs any more")
    add_switch(how, "--undo", "let it take and start jobs again")


def _drain(options: Options) -> None:
    from recaster.client import Address, Client

    with Client(Address.from_environment(options.engine)) as engine:
        if options.undo:
            engine.undrain()
            say("the engine takes jobs again")
            return
        info = engine.drain()
        say(f"the engine takes no new jobs; {info.jobs_at_work} still run")
        while options.wait and info.jobs_at_work:
            time.sleep(DRAIN_INTERVAL_S)
            info = engine.info()
        if options.wait:
            say("no job runs any more")


def add_certs(commands: Commands) -> None:
    """Adds this command's parser."""
    parser = commands.add("certs", _certs, "make TLS certificates for an engine", CERTS)
    add_path(parser, "folder", "FOLDER", "where to write them")
    text = "a name or address that clients know the engine by; may be given again"
    parser.add_argument("--host", action="append", required=True, metavar="NAME", help=text)
    text = "also a certificate for this client, for an engine that asks for one (serve --client-ca)"
    parser.add_argument("--client", action="append", default=[], metavar="NAME", help=text)


def _certs(options: Options) -> None:
    from recaster.provenance.certificates import make_certificates

    folder = options.folder
    say(*make_certificates(folder, options.host, options.client))
    if not options.quiet:
        only = f" --client-ca {folder}/ca.pem" if options.client else ""
        say(f"engine:  recaster serve --tls-cert {folder}/engine.pem --tls-key {folder}/engine.key{only}")
        say(f"clients: export RECASTER_TLS_CA={folder}/ca.pem")
        for name in options.client:
            say(f"{name}: export RECASTER_TLS_CERT={folder}/{name}.pem RECASTER_TLS_KEY={folder}/{name}.key")
