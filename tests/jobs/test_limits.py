"""What a worker may take."""

from __future__ import annotations

import socket
import subprocess
import sys
import textwrap

import pytest


def run(body: str, *arguments: str) -> str:
    script = "import sys\nfrom recaster.jobs import limits\nfrom recaster.jobs.task import Limits\n"
    command = [sys.executable, "-c", script + textwrap.dedent(body), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60).stdout.strip()


def test_memory() -> None:
    body = """
        limits.apply(Limits(memory_bytes=1 << 30))
        try:
            bytearray(2 << 30)
        except MemoryError:
            print("refused")
    """
    assert run(body) == "refused"


def test_files(tmp_path) -> None:
    body = """
        limits.apply(Limits(file_bytes=1000))
        try:
            with open(sys.argv[1], "wb") as file:
                file.write(bytes(2000))
        except OSError as error:
            print(error.strerror)
    """
    assert run(body, str(tmp_path / "big")) == "File too large"


def test_time() -> None:
    body = """
        limits.apply(Limits(cpu_s=1))
        print("works", flush=True)
        while True:
            pass
    """
    assert run(body) == "works"  # and then the system ended it


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
