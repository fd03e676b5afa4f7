"""Connection to a Ray cluster: only to one that asks for a token, on a network that isn't the public one."""

from __future__ import annotations

import contextlib
import importlib
import os
import signal
import socket
import threading
from typing import TYPE_CHECKING, Final

from recaster.cluster.private_addresses import refuse_public
from recaster.errors import ClusterError, UsageError
from recaster.processes.executor import use_executor
from recaster.settings.options import own_options
from recaster.stderr_filter import filter_stderr

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recaster.settings.cluster import ClusterSettings
    from recaster.settings.storage import StorageSettings

INSTALL: Final = "pip install 'recaster[ray]'"
HEAD_TIMEOUT_S: Final = 10.0
"""Until a head that doesn't take a connection isn't there."""


@contextlib.contextmanager
def use_cluster(cluster: ClusterSettings, stored: StorageSettings) -> Iterator[None]:
    """Lets the executor that settings choose do the work of this process while the block lasts.

    Raises:
        UsageError: the settings don't go together, Ray isn't installed, or it asks for no token.
        ClusterError: the cluster can't be reached, or is open to the public.
        StorageError: the storage can't be used.
    """
    check_settings(cluster, stored)
    if cluster.executor == "local":
        yield
        return
    from recaster.cluster.ray_executor import RayExecutor
    from recaster.storage.storage import open_storage

    assert stored.storage is not None  # noqa: S101 - checked above
    storage = open_storage(stored.storage, stored)
    storage.check()
    with connect(cluster), use_executor(RayExecutor(storage, cluster)):
        yield


def _try_head(address: str) -> None:
    """Refuses a cluster's head that isn't there, or has another token, at once: Ray tries for minutes.

    Raises:
        ClusterError: nobody answers there, or the token is another one.
    """
    import ray

    place = importlib.import_module("ray._private.services").canonicalize_bootstrap_address(address)
    if not place:  # none is on this machine, as Ray will say
        return
    host, _, port = place.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), HEAD_TIMEOUT_S).close()
        with filter_stderr(b"["):  # lines of Ray's log
            importlib.import_module("ray._raylet").GcsClient(address=place)
    except ray.exceptions.AuthenticationError as error:
        raise ClusterError(
            f"the cluster {place} has another token than this machine: give both the same one "
            "(RAY_AUTH_TOKEN, or ~/.ray/auth_token; see docs/scale.md)"
        ) from error
    except (OSError, ValueError, ray.exceptions.RayError) as error:
        raise ClusterError(
            f"the cluster {place} can't be reached ({error}); see whether its head works there, and give "
            "HOST:PORT of that (--ray-address)"
        ) from error


def check_settings(cluster: ClusterSettings, stored: StorageSettings) -> None:
    """Refuses settings that don't go together (UsageError)."""
    if cluster.executor == "local":
        for settings in (cluster, stored):
            for option in own_options(type(settings)):
                if getattr(settings, option.name) != option.default:
                    raise UsageError(f"--{option.flag.replace('_', '-')} is for --executor ray")
    elif stored.storage is None:
        raise UsageError("--executor ray needs --storage: a folder that all nodes see, or s3://BUCKET/PREFIX")
    for label in cluster.ray_labels:
        if "=" not in label:
            raise UsageError(f"--ray-labels: {label!r} is no NAME=VALUE")


@contextlib.contextmanager
def connect(settings: ClusterSettings) -> Iterator[None]:
    """Joins a cluster as long as the block lasts.

    Raises:
        UsageError: Ray isn't installed, or asks for no token.
        ClusterError: the cluster can't be reached, or is open to the public.
    """
    if os.environ.get("RAY_AUTH_MODE") != "token":
        raise UsageError(
            "a Ray cluster without a token takes commands from anybody: set RAY_AUTH_MODE=token on every "
            "machine of it, and give all the same token (ray get-auth-token --generate; see docs/scale.md)"
        )
    address = settings.ray_address or os.environ.get("RAY_ADDRESS") or "auto"
    if address != "auto":
        refuse_public(address)
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nobody was asked
    try:
        import ray
    except ImportError:
        raise UsageError(f"Ray isn't installed: {INSTALL}") from None
    from recaster.cluster.node_room import list_nodes
    from recaster.cluster.ray_tasks import NAMESPACE

    before = signal.getsignal(signal.SIGTERM)  # Ray takes it for itself
    _try_head(address)
    try:
        ray.init(address, namespace=NAMESPACE, log_to_driver=False, configure_logging=False)
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)
    except Exception as error:
        place = "of this machine" if address == "auto" else address
        raise ClusterError(
            f"the cluster {place} can't be joined ({error}); start Ray on this machine as a node of it "
            "(ray start --address=HEAD:6379 --num-cpus=0), with its token"
        ) from error
    try:
        list_nodes()
        yield
    finally:
        ray.shutdown()
