"""The token goes to this user or the system, on this machine, or to whoever has a certificate."""

from __future__ import annotations

import os
import socket
import struct
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from recaster.client import Address, Client, StrangerError, UnreachableError
from recaster.client import peer_check as module
from recaster.client.connection import Connection
from recaster.client.peer_check import LoopbackPeer, SocketPeer, loopback_of, peer_at
from recaster.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

STRANGER = 54321


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as made:
        yield made


@pytest.fixture
def private() -> Iterator[Path]:
    """A socket that somebody listens on, in a folder for its owner alone; its path is short enough."""
    with tempfile.TemporaryDirectory(prefix="peer-") as above, socket.socket(socket.AF_UNIX) as made:
        folder = Path(above).resolve() / "run"
        folder.mkdir(mode=0o700)
        made.bind(str(folder / "s"))
        made.listen()
        yield folder / "s"


@pytest.mark.parametrize(
    "target",
    [
        "10.1.2.3:50551", "192.0.2.1:50551", "0.0.0.0:50551", "[::]:50551", "[2001:db8::1]:50551",
        "[::ffff:10.1.2.3]:50551", "nowhere.invalid:50551", "dns:127.0.0.1:50551", "ipv4:10.1.2.3:50551",
        "xds:///127.0.0.1:50551", "unix-abstract:recaster", "127.0.0.1@10.1.2.3:50551", "127.0.0.1", ":50551",
        "127.0.0.1:0", "127.0.0.1:70000", "127.0.0.1:https",
    ],
)  # fmt: skip
def test_nothing_goes_to_another_machine_in_the_clear(target: str) -> None:
    for kind in (Connection, Client):
        with pytest.raises(UsageError, match=r"no engine's address|is not this machine"):
            kind(Address(target, "secret"))


def test_a_name_must_be_this_machine_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def answers(*addresses: str) -> None:
        found = [(0, 0, 0, "", (one, 0)) for one in addresses]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)

    answers("127.0.0.1", "::1")
    assert [str(one) for one in loopback_of("localhost")] == ["127.0.0.1", "::1"]
    assert peer_at("localhost:50551").target == "ipv4:127.0.0.1:50551"  # it isn't looked up again
    answers("::1")
    assert peer_at("localhost:50551").target == "ipv6:[::1]:50551"
    for others in (("10.1.2.3",), ("127.0.0.1", "10.1.2.3"), ("::ffff:127.0.0.1",)):
        answers(*others)
        with pytest.raises(UsageError, match="is not this machine"):
            peer_at("localhost:50551")


def test_no_proxy_is_asked(listener: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        for name in ("http_proxy", "grpc_proxy", "https_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.getsockname()[1]}")
        proxy.settimeout(0.3)
        with Client(Address(f"127.0.0.1:{listener.getsockname()[1]}", "t"), patience_s=0) as client:
            call = client.connection.channel.unary_unary("/x/y")
            call.future(b"", metadata=client.connection.metadata, timeout=5)
            listener.settimeout(5)
            with listener.accept()[0] as came:
                came.settimeout(5)
                assert came.recv(3) == b"PRI"  # HTTP/2 itself, not CONNECT
            with pytest.raises(TimeoutError, match="timed out"):
                proxy.accept()


def test_a_port_of_another_user_gets_nothing(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = peer_at(f"127.0.0.1:{listener.getsockname()[1]}")
    assert isinstance(found, LoopbackPeer)
    found.check()
    monkeypatch.setattr(module, "_trusted_users", lambda: frozenset({STRANGER}))
    with pytest.raises(StrangerError, match="nothing was sent"):
        found.check()
    connection = Connection(Address(f"127.0.0.1:{listener.getsockname()[1]}", "secret"), patience_s=0)
    with pytest.raises(StrangerError, match="nothing was sent"):
        _ = connection.metadata


@pytest.mark.parametrize(
    ("family", "place", "dual"),
    [
        (socket.AF_INET, "0.0.0.0", False),  # noqa: S104
        (socket.AF_INET6, "::", True),
        (socket.AF_INET6, "::ffff:127.0.0.1", True),
    ],
)
def test_whoever_could_get_it_is_looked_at(family: int, place: str, dual: bool) -> None:
    with socket.socket(family) as made:
        if dual:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        made.bind((place, 0))
        made.listen()
        here = loopback_of("127.0.0.1")[0]
        assert module._listening_users(here, made.getsockname()[1]) == {os.getuid()}


def test_where_nobody_listens_nothing_is_sent(listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    listener.close()
    with pytest.raises(UnreachableError, match="no engine answers"):
        peer_at(f"127.0.0.1:{port}").check()


def test_a_socket_in_a_folder_of_ones_own(private: Path) -> None:
    found = peer_at(f"unix:{private}")
    found.check()
    assert found.target == f"unix:{private}"
    assert peer_at(f"unix://{private}") == found
    private.unlink()
    with pytest.raises(UnreachableError, match="no engine answers"):
        found.check()


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777, 0o1777])
def test_a_folder_that_others_write_to(private: Path, mode: int) -> None:
    private.parent.chmod(mode)
    with pytest.raises(StrangerError, match="others may write"):
        peer_at(f"unix:{private}").check()


def test_a_folder_above_that_others_write_to(private: Path) -> None:
    private.parent.parent.chmod(0o777)
    with pytest.raises(StrangerError, match="others may write"):
        peer_at(f"unix:{private}").check()


def test_who_listens_at_a_socket_is_asked_of_the_system(
    private: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = SocketPeer(private)
    asked = []

    def listener(_: SocketPeer) -> int:
        asked.append(1)
        return STRANGER

    monkeypatch.setattr(SocketPeer, "_listener", listener)
    with pytest.raises(StrangerError, match="another user"):
        found.check()
    monkeypatch.setattr(SocketPeer, "_listener", lambda _: os.getuid())
    found.check()
    monkeypatch.setattr(SocketPeer, "_listener", listener)
    found.check()  # the same socket: it was looked at
    private.unlink()
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(private))
        made.listen()
        with pytest.raises(StrangerError, match=r"others may write|another user"):
            found.check()


def xucred(user: int, version: int = 0) -> bytes:
    """Answer of macOS about a peer: struct xucred of its sys/ucred.h, with one group."""
    return struct.pack("@IIh16I", version, user, 1, 20, *[0] * 15)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (xucred(os.getuid()), ""),
        (xucred(0), ""),
        (xucred(STRANGER), f"another user .number {STRANGER}. answers"),
        (xucred(os.getuid(), version=1), "doesn't say who listens"),
        (xucred(os.getuid())[:8], "doesn't say who listens"),
        (b"", "doesn't say who listens"),
    ],
)
def test_who_listens_at_a_socket_of_macos(
    private: Path, monkeypatch: pytest.MonkeyPatch, said: bytes, why: str
) -> None:
    """As unix(4) and sys/un.h have it: SOL_LOCAL is 0, LOCAL_PEERCRED 1, and the structure has 76 bytes."""

    class Mac(socket.socket):
        def getsockopt(self, *asked: int) -> bytes:  # type: ignore[override]
            assert asked == (0, 1, 76)
            return said

    monkeypatch.setattr(module.socket, "socket", Mac)
    monkeypatch.setattr(module.sys, "platform", "darwin")
    found = SocketPeer(private)
    if why:
        with pytest.raises(StrangerError, match=why):
            found.check()
    else:
        found.check()


def test_a_structure_of_macos_is_as_long_as_that() -> None:
    assert len(xucred(1)) == 76


def test_what_is_no_socket(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir(mode=0o700)
    (folder / "s").touch()
    with pytest.raises(StrangerError, match="is no socket"):
        peer_at(f"unix:{folder / 's'}").check()
    with pytest.raises(UsageError, match="103 bytes"):
        peer_at(f"unix:{tmp_path}/{'x' * 120}")
