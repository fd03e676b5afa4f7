"""A TCP proxy between a client and a real server, which cuts, stalls, delays or garbles what they say."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Fault = Callable[[bytes, int], bytes | None]

PIECE_BYTES = 1 << 16


class FaultyProxy:
    """Hands on every byte, but answers that ``fault`` changes.

    ``fault`` is called with each piece of an answer and how many bytes of this connection came before it; it
    returns what to hand on, or None to cut the connection.
    """

    def __init__(self, port: int, own_port: int = 0) -> None:
        self.fault: Fault = lambda piece, _: piece
        self.request_fault: Fault = lambda piece, _: piece
        self._target = ("127.0.0.1", port)
        self._listener = socket.create_server(("127.0.0.1", own_port))
        self.port = self._listener.getsockname()[1]
        self._ended = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._ended.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while not self._ended.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, socket.create_connection(self._target) as server:
            asking = threading.Thread(target=self._hand_on, args=(client, server, "request_fault"))
            asking.start()
            self._hand_on(server, client, "fault")
            asking.join()

    def _hand_on(self, source: socket.socket, sink: socket.socket, which: str) -> None:
        passed = 0
        try:
            while piece := source.recv(PIECE_BYTES):
                changed = getattr(self, which)(piece, passed)
                passed += len(piece)
                if changed is None:
                    break
                sink.sendall(changed)
        except OSError:
            pass
        for each in (source, sink):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


class Times:
    """Applies a fault to the first ``count`` large answers only."""

    def __init__(self, count: int, fault: Fault, after: int = 100_000) -> None:
        self.left = count
        self._fault = fault
        self._after = after

    def __call__(self, piece: bytes, passed: int) -> bytes | None:
        if passed < self._after or self.left == 0:
            return piece
        self.left -= 1
        return self._fault(piece, passed)


def cut(_: bytes, __: int) -> None:
    return None


def garble(piece: bytes, _: int) -> bytes:
    return piece[:-1] + bytes([piece[-1] ^ 1])


def stall(piece: bytes, _: int) -> bytes:
    time.sleep(5)
    return piece


@contextlib.contextmanager
def proxy_to(port: int) -> Iterator[FaultyProxy]:
    proxy = FaultyProxy(port)
    try:
        yield proxy
    finally:
        proxy.close()
