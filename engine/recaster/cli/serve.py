"""``recaster serve``: the engine as a service, for the add-on and for any gRPC client."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recaster.cli.display import say, say_error
from recaster.cli.flags import add_options, number
from recaster.settings.paths import LOOPBACK, PORT_BOUNDS
from recaster.settings.serve import ServeLimits

if TYPE_CHECKING:
    import argparse

OWN_ADDRESS_HELP = f"a socket in the data folder; with TLS, and on Windows, {LOOPBACK}"
DESCRIPTION = """Serve the engine over gRPC. It listens on a socket in the data folder, where this user's
clients find it and its token by themselves. Where it is told to listen elsewhere, they need the token, which
is kept in the data folder. Jobs outlive clients, connections and this process: stop it and start it again,
and they go on. docs/api.md describes the interface."""


def add(commands: Any, common: argparse.ArgumentParser) -> None:
    """Adds this command's parser."""
    parser = commands.add_parser(
        "serve", parents=[common], help="serve the engine to clients", description=DESCRIPTION
    )
    parser.set_defaults(run=run)
    parser.add_argument(
        "--data", type=Path, metavar="FOLDER", help="where everything is kept (default: RECASTER_DATA)"
    )
    parser.add_argument(
        "--listen",
        default="",
        metavar="ADDRESS",
        help=f"HOST:PORT or unix:PATH (default: {OWN_ADDRESS_HELP})",
    )
    tls = parser.add_argument_group("TLS, needed for other machines (make the files with: recaster certs)")
    tls.add_argument("--tls-cert", type=Path, metavar="FILE", help="the engine's certificate")
    tls.add_argument("--tls-key", type=Path, metavar="FILE", help="its private key")
    tls.add_argument(
        "--client-ca", type=Path, metavar="FILE", help="ask clients for a certificate signed by it"
    )
    limits = parser.add_argument_group("limits")
    add_options(limits, ServeLimits, defaults=True)
    parser.add_argument(
        "--metrics",
        type=number(PORT_BOUNDS),
        metavar="PORT",
        help="tell Prometheus on this port of 127.0.0.1 (default: off)",
    )
    parser.add_argument(
        "--no-drops", action="store_true", help="don't let clients of this machine hand files over"
    )


def run(options: argparse.Namespace) -> None:
    """Serves until stopped."""
    import asyncio

    from recaster.errors import UsageError
    from recaster.jobs.logs import set_up
    from recaster.jobs.worker_process import SchedulerLimits
    from recaster.service.server import ServeSettings, serve
    from recaster.service.tls import Tls
    from recaster.store.blobs import Quota
    from recaster.store.folder import DataFolder

    if (options.tls_cert is None) != (options.tls_key is None):
        raise UsageError("--tls-cert and --tls-key go together")
    if options.client_ca is not None and options.tls_cert is None:
        raise UsageError("--client-ca needs --tls-cert and --tls-key")
    if min(options.quota_gib, options.largest_gib, options.jobs) <= 0 or options.spare_mib < 0:
        raise UsageError("limits must be above 0")
    tls = None if options.tls_cert is None else Tls(options.tls_cert, options.tls_key, options.client_ca)
    settings = ServeSettings(
        data=DataFolder.default() if options.data is None else DataFolder(options.data),
        listen=options.listen,
        tls=tls,
        quota=Quota(
            blob=int(options.largest_gib * 2**30),
            total=int(options.quota_gib * 2**30),
            spare=int(options.spare_mib * 2**20),
        ),
        rules=SchedulerLimits(per_device=options.jobs),
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
            if tls is not None:
                say_error("and the authority's certificate: export RECASTER_TLS_CA=.../ca.pem")
        say_error(f"serving on {address}")

    asyncio.run(serve(settings, ready))


def _reachable(address: str) -> str:
    """The address as other machines write it: 0.0.0.0 and [::] are everywhere, and nowhere to call."""
    import socket

    host, _, port = address.rpartition(":")
    return f"{socket.getfqdn()}:{port}" if host in ("0.0.0.0", "[::]", "") else address  # noqa: S104
