"""Limits of a worker."""

from __future__ import annotations

import socket
import subprocess
import sys
import textwrap

import pytest

from recaster.jobs import limits
from recaster.processes.spawn import environment


def run(body: str, *arguments: str) -> str:
    script = "import sys\nfrom recaster.jobs import limits\n"
    script += "from recaster.api.internal.v1.worker_pb2 import ProcessLimits\n"
    command = [sys.executable, "-c", script + textwrap.dedent(body), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60).stdout.strip()


def test_memory() -> None:
    body = """
        limits.apply(ProcessLimits(memory_bytes=1 << 30))
        try:
            bytearray(2 << 30)
        except MemoryError:
            print("refused")
    """
    assert run(body) == "refused"


def test_files(tmp_path) -> None:
    body = """
        limits.apply(ProcessLimits(file_bytes=1000))
        try:
            with open(sys.argv[1], "wb") as file:
                file.write(bytes(2000))
        except OSError as error:
            print(error.strerror)
    """
    assert run(body, str(tmp_path / "big")) == "File too large"


def test_time() -> None:
    body = """
        limits.apply(ProcessLimits(cpu_s=1))
        print("works", flush=True)
        while True:
            pass
    """
    assert run(body) == "works"  # and then the system ended it


def test_time_of_one_answer() -> None:
    """Each may take its own; one that takes more is ended, whatever was left over before."""
    body = """
        limits.allow_cpu(30)
        limits.allow_cpu(1)
        print("works", flush=True)
        while True:
            pass
    """
    assert run(body) == "works"


def test_query_workers_are_limited() -> None:
    """Limits of a process that answers questions, as the system tells them."""
    body = """
        import os, subprocess
        from recaster.api.internal.v1 import query_pb2
        from recaster.processes.channel import pack, receive
        nothing = query_pb2.DescribeQuestion(folder=b"/nowhere/faces")
        question = query_pb2.Question(scratch=b"/nowhere", describe=nothing)
        command = [sys.executable, "-m", "recaster.jobs.query_worker"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL) as one:
            one.stdin.write(pack(question))
            one.stdin.flush()
            assert receive(one.stdout, query_pb2.Answer).HasField("error")
            for line in open(f"/proc/{one.pid}/limits"):
                if line.startswith(("Max cpu time", "Max data size", "Max file size")):
                    print(line.split()[3] != "unlimited")
            one.stdin.close()
    """
    if sys.platform != "linux":
        pytest.skip("only Linux tells it")
    assert run(body).split() == ["True"] * 3


def test_network() -> None:
    body = """
        import socket
        if not limits.go_offline():
            print("not here")
            sys.exit()
        try:
            socket.create_connection(("127.0.0.1", int(sys.argv[1])), 2)
            print("connected")
        except OSError:
            print("refused")
    """
    with socket.create_server(("127.0.0.1", 0)) as server:
        answer = run(body, str(server.getsockname()[1]))
    if answer == "not here":
        pytest.skip("this system lets nobody leave the network")
    assert answer == "refused"


@pytest.mark.skipif(sys.platform != "linux", reason="a limit of Linux")
def test_privileges() -> None:
    body = """
        limits.apply(ProcessLimits(offline=True))
        print([line.split()[1] for line in open("/proc/self/status") if line.startswith("NoNewPrivs")])
    """
    assert run(body) == "['1']"


def test_workers_get_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = (
        "RECASTER_TOKEN", "RECASTER_ENGINE", "RECASTER_TLS_KEY", "RECASTER_TLS_CA",
        "OTEL_EXPORTER_OTLP_HEADERS",
        "AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "GOOGLE_APPLICATION_CREDENTIALS", "SSH_AUTH_SOCK",
        "GITHUB_TOKEN", "HF_TOKEN", "DATABASE_URL", "DBUS_SESSION_BUS_ADDRESS", "DISPLAY", "LD_PRELOAD",
        "TF_API_TOKEN", "KERAS_SECRET", "http_proxy",
    )  # fmt: skip
    needed = (
        "PATH",
        "HOME",
        "LANG",
        "LC_ALL",
        "RECASTER_CACHE",
        "PYTHONPATH",
        "TF_CPP_MIN_LOG_LEVEL",
        "XDG_CACHE_HOME",
    )
    for name in (*secrets, *needed):
        monkeypatch.setenv(name, "value")
    found = environment()
    assert not found.keys() & set(secrets)
    assert found.keys() >= set(needed)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a process leave the network")
def test_a_worker_that_keeps_the_network_says_so():
    body = """
        limits.go_offline = lambda: False
        print(limits.apply(ProcessLimits()), *limits.apply(ProcessLimits(offline=True)))
    """
    assert run(body) == f"[] {limits.KEEPS_NETWORK}"
