"""Addresses that an engine listens on: who may reach it there, TLS, and what it prints about it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from certificates import certificate
from cryptography.hazmat.primitives import serialization
from serving import Served

from recaster.client import Address, Client, UnreachableError
from recaster.provenance.certificates import make_certificates
from recaster.service.server import _on_signals

if TYPE_CHECKING:
    from collections.abc import Callable


def refused(tmp_path: Path, *options: str) -> str:
    command = [sys.executable, "-m", "recaster.cli.main", "serve", "--data", tmp_path / "data", *options]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode in (2, 3), ended.stderr
    assert "Traceback" not in ended.stderr
    return ended.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signal")
def test_a_closed_terminal_stops_an_engine_as_ctrl_c_does() -> None:
    async def stop() -> None:
        is_stopped = asyncio.Event()
        _on_signals(is_stopped.set)
        assert callable(signal.getsignal(signal.SIGHUP))  # else it would end the tests
        signal.raise_signal(signal.SIGHUP)
        await is_stopped.wait()

    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # whoever runs the tests may ignore it
    try:
        asyncio.run(stop())
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("listen", ["0.0.0.0:0", "192.0.2.1:0", "[::]:0", "example.org:0"])
def test_no_open_door(tmp_path: Path, listen: str) -> None:
    assert "others could listen in" in refused(tmp_path, "--listen", listen)
    assert not (tmp_path / "data").exists()


def test_addresses_that_can_not_be(tmp_path: Path, served: Served) -> None:
    assert "no address" in refused(tmp_path, "--listen", "nonsense")
    assert "no address" in refused(tmp_path, "--listen", "127.0.0.1:99999")
    assert "another engine running there" in refused(tmp_path, "--listen", served.address)
    assert "go together" in refused(tmp_path, "--tls-cert", "x")
    assert "cannot be read" in refused(tmp_path, "--tls-cert", "/nowhere", "--tls-key", "/nowhere")
    command = [sys.executable, "-m", "recaster.cli.main", "serve", "--data", served.data]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 2
    assert "another engine serves this folder" in ended.stderr


def test_a_socket_of_ones_own(serve: Callable[..., Served], tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    assert "others may enter" in refused(tmp_path, "--listen", f"unix:{tmp_path}/socket")
    place = tmp_path / "mine" / "socket"
    served = serve("--listen", f"unix:{place}")
    with served.client(patience_s=5) as client:
        assert client.info().api_version == "v1"
    assert "another engine listens there" in refused(tmp_path / "other", "--listen", f"unix:{place}")
    served.kill()
    served.start()  # the socket of the dead one is in nobody's way
    with served.client(patience_s=5) as client:
        assert client.info().api_version == "v1"
    assert served.stop() == 0


def test_tls_and_certificates_of_clients(serve: Callable[..., Served], tmp_path: Path) -> None:
    make_certificates(tmp_path, ["localhost", "127.0.0.1"], ["anna"])
    own = ("--tls-cert", f"{tmp_path}/engine.pem", "--tls-key", f"{tmp_path}/engine.key")
    served = serve(*own, "--client-ca", f"{tmp_path}/ca.pem")
    port = served.address.rpartition(":")[2]
    known = Address(
        f"localhost:{port}", served.token, tmp_path / "ca.pem", tmp_path / "anna.pem", tmp_path / "anna.key"
    )
    with Client(known, patience_s=5) as client:
        assert client.info().api_version == "v1"
    stranger = Address(f"localhost:{port}", served.token, tmp_path / "ca.pem")
    with Client(stranger, patience_s=1) as client, pytest.raises(UnreachableError, match="no engine answers"):
        client.info()
    clear = Address(f"127.0.0.1:{port}", served.token)
    with Client(clear, patience_s=1) as client, pytest.raises(UnreachableError, match="no engine answers"):
        client.info()
    make_certificates(tmp_path / "other", ["localhost"])
    wrong = Address(f"localhost:{port}", served.token, tmp_path / "other" / "ca.pem")
    with Client(wrong, patience_s=1) as client, pytest.raises(UnreachableError, match="no engine answers"):
        client.info()
    assert (tmp_path / "engine.key").stat().st_mode & 0o777 == 0o600
    served.kill()


def tls_files(tmp_path: Path, wrong: str) -> tuple[Path, Path, Path]:
    """An engine's certificate and key, and an authority, of which one isn't what it should be."""
    make_certificates(tmp_path / "tls", ["localhost"])
    make_certificates(tmp_path / "other", ["localhost"])
    pem, key, authority = (tmp_path / "tls" / name for name in ("engine.pem", "engine.key", "ca.pem"))
    if wrong == "another's key":
        key = tmp_path / "other" / "engine.key"
    elif wrong == "swapped":
        pem, key = key, pem
    elif wrong == "no key":
        key.write_text("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
    elif wrong == "locked":
        locked = serialization.BestAvailableEncryption(b"secret")
        form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked
        key.write_bytes(serialization.load_pem_private_key(key.read_bytes(), None).private_bytes(*form))
    elif wrong == "no certificate":
        pem.write_text("nothing")
    elif wrong == "unreadable":
        key.unlink()
        key.mkdir()
    elif wrong in ("over", "not yet"):
        pem, key = certificate(tmp_path, *((-9, -2) if wrong == "over" else (2, 9)))
    else:
        authority.write_text("nothing")
    return pem, key, authority


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ("another's key", r"engine\.key isn't the key of the certificate in .*engine\.pem"),
        ("swapped", "the two files are swapped"),
        ("no key", r"engine\.key: is no private key in PEM form"),
        ("locked", "is locked with a passphrase"),
        ("no certificate", r"engine\.pem: holds no certificate"),
        ("unreadable", r"engine\.key: cannot be read"),
        ("over", "was valid until"),
        ("not yet", "is valid from .* on only"),
        ("no authority", r"ca\.pem: holds no certificate"),
    ],
)
def test_tls_files_that_are_of_no_use(tmp_path: Path, wrong: str, says: str) -> None:
    pem, key, authority = tls_files(tmp_path, wrong)
    said = refused(
        *(tmp_path, "--listen", "127.0.0.1:0", "--tls-cert", str(pem), "--tls-key", str(key)),
        *("--client-ca", str(authority)),
    )
    assert re.search(says, said), said
    assert "another engine" not in said


def started(tmp_path: Path, *options: str | Path, terminal: bool) -> str:
    """Standard output of a new engine before it serves; it is ended."""
    command = [sys.executable, "-m", "recaster.cli.main", "serve", "--data", tmp_path / "data", *options]
    ours, its = os.openpty() if terminal else os.pipe()
    with subprocess.Popen(command, stdout=its, stderr=subprocess.PIPE, text=True) as engine:
        os.close(its)
        assert engine.stderr is not None
        said = ""
        while "serving on" not in said:
            line = engine.stderr.readline()
            assert line, said
            said += line
        engine.terminate()
        with contextlib.suppress(OSError):  # what a terminal says at its end
            while came := os.read(ours, 4096):
                said += came.decode().replace("\r\n", "\n")
        os.close(ours)
    assert engine.returncode == 0
    return said


def test_the_line_to_paste_is_for_other_machines(tmp_path: Path) -> None:
    make_certificates(tmp_path, ["localhost"])
    own = ("--tls-cert", tmp_path / "engine.pem", "--tls-key", tmp_path / "engine.key")
    said = started(tmp_path, "--listen", "0.0.0.0:0", *own, terminal=True)
    [line] = [line for line in said.splitlines() if "RECASTER_TOKEN" in line]
    assert line.startswith("export RECASTER_ENGINE=")
    assert not line.startswith("export RECASTER_ENGINE=0")
    assert line.endswith(f" RECASTER_TOKEN={(tmp_path / 'data' / 'token').read_text().strip()}")


def test_a_log_never_holds_the_token(tmp_path: Path) -> None:
    said = started(tmp_path, "--listen", "127.0.0.1:0", terminal=False)
    assert (tmp_path / "data" / "token").read_text().strip() not in said
    assert f"clients need the token, which is in {tmp_path / 'data' / 'token'}" in said


def test_a_user_finds_their_own_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory(prefix="own-") as short:  # a socket's path must be
        monkeypatch.setenv("RECASTER_DATA", f"{short}/data")
        monkeypatch.delenv("RECASTER_ENGINE", raising=False)
        own = Served(Path(short) / "data", "--listen", "")
        assert own.address == f"unix:{Path(short).resolve()}/data/run/engine.sock"
        for path in (Path(short) / "data", Path(short) / "data" / "run"):
            assert path.stat().st_mode & 0o777 == 0o700
        with Client(Address.from_environment(), patience_s=5) as client:
            assert client.info().api_version == "v1"
        own.stop()
