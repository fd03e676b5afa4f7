"""Real engines in processes of their own, and bad connections to them; for tests and scripts/faults."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import select
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.request
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from recaster.api.v1 import job_pb2
    from recaster.client import Client
    from recaster.jobs.worker_process import SchedulerLimits
    from recaster.store.store import Store

MAX_WAIT_S = 600
"""Seconds that a job may take to come where a test waits for it, on a machine that is busy with others."""


class Served:
    """A real engine in a process of its own, that can be killed and started again."""

    at_work: ClassVar[weakref.WeakSet[Served]] = weakref.WeakSet()
    """Those that no test has ended."""

    def __init__(self, data: Path, *options: str, files: int = 0) -> None:
        """``files`` is how many the engine may open; 0 for as many as this process."""
        self.data = data
        self.prefix = ["sh", "-c", 'ulimit -n "$0"; exec "$@"', str(files)] if files else []
        self.options = options
        self.starts = 0
        self.address = ""
        self.token = ""
        self.process: subprocess.Popen[str] | None = None
        self.start()

    def start(self) -> None:
        """Start it; where it was before, if it was."""
        listen = () if "--listen" in self.options else ("--listen", self.address or "127.0.0.1:0")
        with (self.data.parent / f"{self.data.name}.log").open("a") as log:
            command = [*self.prefix, sys.executable, "-m", "recaster.cli.main", "serve", "--data", self.data]
            self.process = subprocess.Popen(
                [*command, *listen, *self.options],
                stderr=log,
                stdout=subprocess.DEVNULL,
                text=True,
            )
        self.at_work.add(self)
        deadline = time.monotonic() + 60
        serving = re.compile(r"serving on (\S+)\n")
        while not (found := serving.findall(self.log())[self.starts :]):
            assert self.process.poll() is None, self.log()
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.05)
        self.starts += 1
        self.address = found[-1]
        self.token = (self.data / "token").read_text().strip()

    def log(self) -> str:
        """All that it ever logged."""
        return (self.data.parent / f"{self.data.name}.log").read_text()

    def account(self) -> str:
        """The newest of its jobs, with what clients want of them, and the last lines of its log."""
        from recaster.api.v1 import job_pb2

        store = f"file:{self.data}/store.sqlite?mode=ro"
        query = "select body, wish, failures from job order by number desc limit 10"
        assert self.process is not None
        told = [f"exit code: {self.process.poll()}"]
        with (
            contextlib.suppress(sqlite3.Error),
            contextlib.closing(sqlite3.connect(store, uri=True)) as opened,
        ):
            for body, wish, failures in opened.execute(query):
                job = job_pb2.Job.FromString(body)
                told.append(
                    f"job {job.job_id}: {job_pb2.JobKind.Name(job.kind)} {job_pb2.JobState.Name(job.state)}, "
                    f"wish {wish}, attempt {job.attempts}, {failures} crashes, {job.progress.stage} "
                    f"{job.progress.done:g} of {job.progress.total:g} {job.error.message}"
                )
        with contextlib.suppress(OSError):
            told += self.log().splitlines()[-20:]
        return "\n".join(told)

    def kill(self) -> None:
        """As a power cut would."""
        assert self.process is not None
        self.at_work.discard(self)
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """As a user would."""
        assert self.process is not None
        self.at_work.discard(self)
        self.process.terminate()
        return self.process.wait(90)

    @property
    def pid(self) -> int:
        """Its process."""
        assert self.process is not None
        return self.process.pid

    def workers(self) -> list[int]:
        """The processes of its workers."""
        command = ["pgrep", "-P", str(self.pid), "-f", "recaster.jobs.worker"]
        found = subprocess.run(command, capture_output=True, text=True, check=False)
        return [int(one) for one in found.stdout.split()]

    def client(self, **how: Any) -> Client:
        """Somebody who has its token."""
        from recaster.client import Address, Client

        return Client(Address(self.address, self.token), **how)


def done(store: Store, spec: job_pb2.JobSpec, kind: job_pb2.JobKind) -> job_pb2.Job:
    """Run a job by a supervisor in this process, to its end."""
    from recaster.store.job_store import ENDED

    job, _ = store.jobs.create(spec, kind, "", {})
    return run_until(store, job.job_id, lambda job: job.state in ENDED)


def run_until(
    store: Store, job_id: str, reached: Callable[[job_pb2.Job], bool], limits: SchedulerLimits | None = None
) -> job_pb2.Job:
    """Run a supervisor in this process until a job is where it should come; returns the job as it is then."""
    from recaster.jobs.supervisor import Supervisor

    async def work() -> None:
        arrived = asyncio.Event()
        loop = asyncio.get_running_loop()

        def look(_: str) -> None:
            if reached(store.jobs.get(job_id)):
                loop.call_soon_threadsafe(arrived.set)

        store.jobs.on_event = look
        look(job_id)
        supervisor = Supervisor(store, limits)
        running = asyncio.create_task(supervisor.run())
        await arrived.wait()
        store.jobs.on_event = listener
        await supervisor.close()
        await running

    listener = store.jobs.on_event
    asyncio.run(work())
    return store.jobs.get(job_id)


def wait_for(client: Client, job_id: str, *states: job_pb2.JobState, done: float = 0) -> job_pb2.Job:
    """Wait until a job is in one of the states, and its progress that far, or has ended; returns it then."""
    from recaster.store.job_store import ENDED

    deadline = time.monotonic() + MAX_WAIT_S
    while True:
        job = client.jobs.get(job_id)
        if job.state in ENDED or (job.state in states and job.progress.done >= done):
            return job
        assert time.monotonic() < deadline, f"after {MAX_WAIT_S} s a job isn't where it should be: {job}"
        time.sleep(0.05)


def wait_ended(process: int, timeout_s: float = 60) -> bool:
    """Wait for the end of a process that isn't this one's child; False where it goes on."""
    try:
        handle = os.pidfd_open(process)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([handle], [], [], timeout_s)[0])
    finally:
        os.close(handle)


def alive(process: int) -> bool:
    """True while a process is there and isn't a zombie."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def free_port() -> int:
    """A port of 127.0.0.1 on which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def scrape(port: int) -> dict[str, float]:
    """An engine's numbers, as Prometheus asks for them, by name and labels."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        lines = answer.read().decode().splitlines()
    found = (line.rpartition(" ") for line in lines if not line.startswith("#"))
    return {name: float(value) for name, _, value in found}


class Cutter:
    """A way to an engine that is cut again and again: after so many bytes, up or down."""

    def __init__(self, target: str, after: int, cuts: int) -> None:
        host, _, port = target.rpartition(":")
        self._target = (host, int(port))
        self._after = after
        self.left = cuts
        self.cut = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """Take no more calls."""
        self._socket.close()

    def _serve(self) -> None:
        while True:
            try:
                near, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._connect, args=(near,), daemon=True).start()

    def _connect(self, near: socket.socket) -> None:
        with near, socket.create_connection(self._target) as far:
            count = [0]
            back = threading.Thread(target=self._pump, args=(far, near, count), daemon=True)
            back.start()
            self._pump(near, far, count)
            back.join()

    def _pump(self, one: socket.socket, other: socket.socket, count: list[int]) -> None:
        try:
            while data := one.recv(65536):
                other.sendall(data)
                count[0] += len(data)
                if self.left and count[0] > self._after:
                    self.left -= 1
                    self.cut += 1
                    break
        except OSError:
            pass
        for end in (one, other):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
