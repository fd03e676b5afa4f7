"""Scenarios of ``fault_harness.py`` with many clients: how soon one is answered beside all others."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from serving import Served

from recaster.api.v1 import blob_pb2, blob_pb2_grpc, identity_pb2, job_pb2

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from recaster.client import Client

WATCHERS = 500
JOBS = 1000
FILES = 150_000
SILENT = 1100
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
CALLS = 400
HOLD = """
import fcntl, os, signal, sqlite3, sys
if sys.argv[1] == "log":
    held = open(sys.argv[2] + "/audit.lock", "a")
    fcntl.flock(held, fcntl.LOCK_EX)
else:
    held = sqlite3.connect(sys.argv[2] + "/store.sqlite", isolation_level=None)
    held.execute("begin immediate")
print("held", flush=True)
os.kill(os.getpid(), signal.SIGSTOP)
"""


def crowd(folder: Path) -> dict[str, Any]:
    """Time calls of each kind beside many watchers, jobs and files."""
    data = folder / "crowd"
    for number in range(FILES // 5000):
        crops = data / "facesets" / f"{number:012x}" / "crops"
        crops.mkdir(parents=True)
        for face in range(5000):
            (crops / f"{face}.jpg").touch()
    data.chmod(0o700)
    served = Served(data)
    client = served.client(patience_s=60)
    while not (data / "usage.json").is_file():  # all files were counted
        time.sleep(0.2)
    watched = _queue(client, folder)
    for _ in range(WATCHERS):
        threading.Thread(target=_watch, args=(served, watched), daemon=True).start()
    time.sleep(10)
    found = {name: timed(do) for name, do in _calls(client).items()}
    served.kill()
    return {"watchers": WATCHERS, "jobs": JOBS, "files": FILES, **found, "losses": []}


def _queue(client: Client, folder: Path) -> str:
    """Jobs that wait, the last of them watched; returns its id."""
    (folder / "x.mp4").write_bytes(b"no clip at all")
    digest = client.transfer.upload(folder / "x.mp4", local=False)
    ingest = job_pb2.IngestSpec(digest=digest, kind=job_pb2.INGEST_KIND_CLIP, display_name="x.mp4")
    spec = job_pb2.JobSpec(ingest=ingest)
    for _ in range(JOBS):
        job_id = client.jobs.create(spec).job_id
        client.jobs.pause(job_id)  # else workers would keep the cores busy
    return job_id


def _watch(served: Served, job_id: str) -> None:
    with contextlib.suppress(Exception), served.client() as client:
        for _ in client.jobs.watch(job_id):
            pass


def _calls(client: Client) -> dict[str, Callable[[], Any]]:
    starts = iter(range(10**6))
    blobs = blob_pb2_grpc.BlobServiceStub(client.connection.channel)

    def start_upload() -> None:
        request = blob_pb2.StartUploadRequest(digest=f"{next(starts):064x}", size=1000)
        client.connection.call(blobs.StartUpload, request)
        cancel = blob_pb2.CancelUploadRequest(digest=request.digest)
        client.connection.call(blobs.CancelUpload, cancel)

    job_id = next(iter(client.jobs.listed(page_size=1))).job_id
    return {
        "GetJob": lambda: client.jobs.get(job_id),
        "GetServerInfo": client.info,
        "StartUpload and CancelUpload": start_upload,
        "ListIdentities": lambda: client.connection.call(
            client.identities.ListIdentities, identity_pb2.ListIdentitiesRequest()
        ),
    }


def silence(folder: Path) -> dict[str, Any]:
    """Time calls of a connected client while others connect and say nothing, where few files may be open."""
    served = Served(folder / "silence", files=1024)
    client = served.client(patience_s=0)
    before = timed(client.info)
    found = {}
    for name, says in (("nothing", b""), ("preface", PREFACE)):
        host, _, port = served.address.rpartition(":")
        with contextlib.ExitStack() as stack:
            for _ in range(SILENT):
                with contextlib.suppress(OSError):
                    one = stack.enter_context(socket.create_connection((host, int(port))))
                    one.sendall(says)
            found[f"beside {SILENT} that say {name}"] = timed(client.info)
    traces = served.log().count("Traceback")
    served.kill()
    losses = [f"{traces} tracebacks"] if traces else []
    return {"alone": before, **found, "losses": losses}


def locks(folder: Path) -> dict[str, Any]:
    """Time calls while a stopped process holds a lock that others wait for."""
    served = Served(folder / "locks")
    client = served.client(patience_s=0)
    waiting = served.client(patience_s=0)
    found = {"alone": timed(client.info)}
    for what in ("log", "store"):
        with _held(what, served.data), ThreadPoolExecutor(4) as threads:
            stop = threading.Event()
            for _ in range(4):
                threads.submit(_create, waiting, stop)
            found[f"while the {what}'s lock is held"] = timed(client.info)
            stop.set()
    served.kill()
    return found | {"losses": []}


@contextlib.contextmanager
def _held(what: str, data: Path) -> Iterator[None]:
    command = [sys.executable, "-c", HOLD, what, str(data)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None  # noqa: S101 - asked for above
        holder.stdout.readline()
        try:
            yield
        finally:
            os.kill(holder.pid, signal.SIGKILL)


def _create(client: Client, stop: threading.Event) -> None:
    request = identity_pb2.CreateIdentityRequest(display_name="Anna")
    while not stop.is_set():
        with contextlib.suppress(Exception):
            client.connection.call(client.identities.CreateIdentity, request)


def timed(do: Callable[[], Any]) -> str:
    """Milliseconds that a call takes: p50, p95 and the longest, of the best of three rounds."""
    rounds = []
    for _ in range(3):
        times = []
        for _ in range(CALLS // 3):
            began = time.monotonic()
            do()
            times.append(1000 * (time.monotonic() - began))
            time.sleep(0.01)
        shares = statistics.quantiles(times, n=100)
        rounds.append((shares[94], shares[49], max(times)))
    p95, p50, longest = min(rounds)
    return f"p50 {p50:.1f}, p95 {p95:.1f}, longest {longest:.0f} ms (load {os.getloadavg()[0]:.1f})"
