"""Paths of this user's data and cache, and the address of their engine on this machine."""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path
from typing import Final

from recaster.errors import UsageError
from recaster.settings.choices import Bounds

DATA_VARIABLE: Final = "RECASTER_DATA"
CACHE_VARIABLE: Final = "RECASTER_CACHE"
DEFAULT_PORT: Final = 50551
PORT_BOUNDS: Final = Bounds(0, 65_535)
LOOPBACK: Final = f"127.0.0.1:{DEFAULT_PORT}"
MAX_SOCKET_BYTES: Final = 103
"""Bytes of a socket's path that every system takes."""
HAS_SOCKETS: Final = sys.platform != "win32"
"""Whether a socket can lie in a folder of one's own here."""


def data_folder() -> Path:
    """Finds the data folder: what RECASTER_DATA names, else the platform's for a user's application data."""
    named = os.environ.get(DATA_VARIABLE)
    if named:
        return Path(named)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")) / "Recaster"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "Recaster"
    return Path(os.environ.get("XDG_DATA_HOME", Path.home() / ".local" / "share")) / "recaster"


def cache_folder() -> Path:
    """Finds the folder of what can be made again: RECASTER_CACHE, else the platform's cache folder."""
    named = os.environ.get(CACHE_VARIABLE)
    if named:
        return Path(named)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")) / "recaster" / "cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "recaster"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "recaster"


def lock_path_of(path: Path) -> Path:
    """Finds the lock file that stands for a file or folder of the user's, which has none beside it."""
    name = hashlib.sha256(os.fsencode(path.resolve())).hexdigest()[:32]
    return cache_folder() / "locks" / name


def own_address(data: Path) -> str:
    """Names where the engine of a data folder listens unless it is told otherwise.

    That is a socket in a folder that only its user may enter, so nobody else can answer there; on Windows
    it is a port of this machine.
    """
    if not HAS_SOCKETS:
        return LOOPBACK
    return f"unix:{data.absolute() / 'run' / 'engine.sock'}"


def socket_path(address: str) -> Path:
    """Reads the path of "unix:PATH", which gRPC also writes "unix:///PATH" (UsageError: none can be)."""
    if not HAS_SOCKETS:
        raise UsageError(f"{address}: there are no such sockets on this system; use HOST:PORT")
    name = address.removeprefix("unix:")
    path = Path(name.removeprefix("//") if name.startswith("///") else name).absolute()
    if len(os.fsencode(path)) > MAX_SOCKET_BYTES:
        raise UsageError(
            f"{path}: a socket's path may have {MAX_SOCKET_BYTES} bytes; choose a data folder with a shorter "
            "one, or let the engine listen elsewhere (--listen)"
        )
    return path
