"""Checks of the peer behind an address without TLS: this user or the system alone, on this machine.

The token and the faces go over such a connection in the clear, so it may lead nowhere but to a socket in a
folder that nobody else can write to, or to a port of this very machine that no other user listens on. Both
are looked at again before every call, since a client calls again by itself after its engine has gone.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import stat
import struct
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias

import grpc

from recaster.client.errors import StrangerError, UnreachableError
from recaster.errors import UsageError
from recaster.settings.paths import socket_path

IP: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
CONNECT_TIMEOUT_S: Final = 5.0
_NETLINK_SOCK_DIAG: Final = 4
_LISTENING: Final = 1 << 10
_MACOS_PEER_CREDENTIALS: Final = (0, 1, 76)  # SOL_LOCAL, LOCAL_PEERCRED, sizeof(struct xucred): unix(4)
_XUCRED_VERSION: Final = 0


@dataclass
class SocketPeer:
    """An engine behind a socket in the file system."""

    path: Path
    _known: tuple[int, ...] = field(default=(), repr=False, compare=False)

    @property
    def target(self) -> str:
        """As gRPC writes it."""
        return f"unix:{self.path}"

    def check(self) -> None:
        """Refuses whoever isn't this user or root (UnreachableError, StrangerError)."""
        try:
            folder = self.path.parent.stat()
            made = self.path.lstat()
            above = [folder_above.stat() for folder_above in self.path.parent.parents]
        except OSError:
            raise _nobody_answers(self.target) from None
        if not stat.S_ISSOCK(made.st_mode):
            raise StrangerError(f"{self.path}: is no socket; name the one that the engine listens on")
        if (
            folder.st_uid not in _trusted_users()
            or folder.st_mode & 0o022
            or any(map(_is_world_writable, above))
        ):
            raise StrangerError(
                f"{self.path}: others may write to its folder, so anybody could answer there; "
                "let the engine listen in a folder of your own (chmod 700)"
            )
        # Whoever made the socket anew must be looked at anew.
        now = (made.st_dev, made.st_ino, made.st_mtime_ns)
        if now != self._known:
            _refuse_stranger(self.target, made.st_uid)
            _refuse_stranger(self.target, self._listener())
            self._known = now

    def _listener(self) -> int:
        """The user who listens."""
        try:
            with socket.socket(socket.AF_UNIX) as tried:
                tried.settimeout(CONNECT_TIMEOUT_S)
                tried.connect(str(self.path))
                if sys.platform == "darwin":
                    return _macos_user(tried.getsockopt(*_MACOS_PEER_CREDENTIALS))
                if not hasattr(socket, "SO_PEERCRED"):
                    return os.getuid()  # the folder's owner has been looked at
                return int(
                    struct.unpack("=iII", tried.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[1]
                )
        except OSError:
            raise _nobody_answers(self.target) from None


@dataclass(frozen=True)
class LoopbackPeer:
    """An engine at a port of this machine."""

    host: IP
    port: int

    @property
    def target(self) -> str:
        """As gRPC writes it: a number, so that no name is looked up again."""
        if self.host.version == 4:
            return f"ipv4:{self.host}:{self.port}"
        return f"ipv6:[{self.host}]:{self.port}"

    def check(self) -> None:
        """Refuses another user's engine where the system tells whose it is: on Linux."""
        try:
            owners = _listening_users(self.host, self.port)
        except OSError:  # a system that doesn't tell: docs/api.md says so
            return
        if not owners:
            raise _nobody_answers(f"{self.host}:{self.port}")
        for owner in owners:
            _refuse_stranger(f"{self.host}:{self.port}", owner)


def _macos_user(credentials: bytes) -> int:
    """The user in a struct xucred, of the process that called listen (StrangerError where it says none)."""
    if len(credentials) < _MACOS_PEER_CREDENTIALS[2] or struct.unpack_from("=I", credentials) != (
        _XUCRED_VERSION,
    ):
        raise StrangerError(
            "the system doesn't say who listens at that socket; use TLS (see: recaster certs)"
        )
    return int(struct.unpack_from("=I", credentials, 4)[0])


Peer: TypeAlias = SocketPeer | LoopbackPeer


def peer_at(target: str) -> Peer:
    """Finds where an address ("HOST:PORT" or "unix:PATH") leads that is to be spoken to in the clear.

    UsageError where it leads, or could lead, to another machine.
    """
    if target.startswith("unix:"):
        path = socket_path(target)
        return SocketPeer(Path(os.path.realpath(path.parent)) / path.name)  # a link may lead elsewhere later
    host, _, port = target.rpartition(":")
    if not host or not (port.isascii() and port.isdigit()) or not 0 < int(port) < 1 << 16:
        raise UsageError(f"{target!r} is no engine's address; write HOST:PORT or unix:PATH")
    addresses = loopback_of(host)
    if not addresses:
        raise UsageError(
            f"{target}: is not this machine, and without TLS the token and the faces would go there in the "
            "clear; name the certificate of the engine's authority in RECASTER_TLS_CA (see: recaster certs)"
        )
    return LoopbackPeer(addresses[0], int(port))


def loopback_of(host: str) -> list[IP]:
    """The addresses of this very machine that a host stands for; none where any of them is elsewhere."""
    try:
        answers = socket.getaddrinfo(host.removeprefix("[").removesuffix("]"), None, type=socket.SOCK_STREAM)
        addresses = [ipaddress.ip_address(str(address[4][0])) for address in answers]
    except (OSError, ValueError):
        return []
    loopback = all(
        address.is_loopback and getattr(address, "ipv4_mapped", None) is None for address in addresses
    )
    return sorted(set(addresses), key=lambda address: address.version) if loopback else []


def _listening_users(host: IP, port: int) -> set[int]:
    """The users whose sockets may get what is sent to a port (OSError where the system doesn't tell)."""
    family = getattr(socket, "AF_NETLINK", None)
    if family is None:
        raise OSError
    places = {bytes(16), host.packed + bytes(16 - len(host.packed))}
    mapped = ipaddress.ip_address(f"::ffff:{host}").packed if host.version == 4 else host.packed
    owners = set()
    for kind, accepted in ((socket.AF_INET, places), (socket.AF_INET6, {bytes(16), mapped})):
        if kind == socket.AF_INET and host.version != 4:
            continue
        with socket.socket(family, socket.SOCK_RAW, _NETLINK_SOCK_DIAG) as asked:
            asked.settimeout(CONNECT_TIMEOUT_S)
            request = struct.pack("=BBBBI48x", kind, socket.IPPROTO_TCP, 0, 0, _LISTENING)
            asked.send(struct.pack("=IHHII", 16 + len(request), 20, 0x301, 0, 0) + request)  # dump them all
            owners |= {
                owner for at, place, owner in _listening_sockets(asked) if at == port and place in accepted
            }
    return owners


def _listening_sockets(asked: socket.socket) -> list[tuple[int, bytes, int]]:
    """Port, address and owner of all sockets that the kernel's answer lists (sock_diag(7))."""
    sockets: list[tuple[int, bytes, int]] = []
    while True:
        answer = asked.recv(1 << 16)
        at = 0
        while at < len(answer):
            length, kind = struct.unpack_from("=IH", answer, at)
            if kind == 3:  # NLMSG_DONE
                return sockets
            if kind != 20:  # SOCK_DIAG_BY_FAMILY
                raise OSError
            port, place, owner = struct.unpack_from(">4xH2x16s", answer, at + 16) + struct.unpack_from(
                "=I", answer, at + 80
            )
            sockets.append((port, place, owner))
            at += (length + 3) & ~3


def _trusted_users() -> frozenset[int]:
    return frozenset({os.getuid(), 0})


def _is_world_writable(folder: os.stat_result) -> bool:
    return bool(folder.st_mode & stat.S_IWOTH) and not folder.st_mode & stat.S_ISVTX


def _refuse_stranger(target: str, owner: int) -> None:
    if owner not in _trusted_users():
        raise StrangerError(
            f"another user (number {owner}) answers at {target}, who would get the token and the faces in "
            "the clear; nothing was sent. If that engine is to be used, give it TLS (see: recaster certs)"
        )


def _nobody_answers(target: str) -> UnreachableError:
    return UnreachableError(
        f"no engine answers at {target}; is it running? Start one with: recaster serve",
        grpc.StatusCode.UNAVAILABLE,
        "UNAVAILABLE",
    )
