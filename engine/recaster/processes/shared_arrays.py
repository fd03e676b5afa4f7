"""Work for processes of our own: how they get it, and how they end."""

from __future__ import annotations

import contextlib
import mmap
import multiprocessing
import os
import pickle
import signal
import threading
from typing import TYPE_CHECKING, Any, Final

from recaster.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

_ALIGNED: Final = 64


def cores() -> int:
    """CPU cores that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity is not None else os.cpu_count() or 1


def check_threads(count: int) -> None:
    """Refuses a number of threads that this machine has no cores for.

    Raises:
        UsageError: it is less than 1 or more than there are.
    """
    if count < 1:
        raise UsageError(f"{count} threads are none; give at least 1")
    if count > cores():
        raise UsageError(f"{count} threads are more than the {cores()} cores that there are; give fewer")


def share_arrays(value: Any, folder: Path) -> None:
    """Write anything that can be pickled so that processes share the pages of its arrays."""
    arrays: list[pickle.PickleBuffer] = []
    head = pickle.dumps(value, protocol=5, buffer_callback=arrays.append)
    places = []
    with (folder / "arrays").open("wb") as file:
        for array in arrays:
            start = file.seek(-(-file.tell() // _ALIGNED) * _ALIGNED)
            file.write(array.raw())
            places.append((start, file.tell()))
        file.write(b"\0")  # nothing can't be mapped
    (folder / "head").write_bytes(pickle.dumps((head, places)))


def attach_arrays(folder: Path) -> Any:
    """What ``share_arrays`` wrote; its arrays can't be written to."""
    head, places = pickle.loads((folder / "head").read_bytes())  # noqa: S301 - this very program wrote it
    with (folder / "arrays").open("rb") as file:
        view = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    return pickle.loads(head, buffers=[view[start:stop] for start, stop in places])  # noqa: S301


def begin() -> None:
    """Make a process ready that works for another: it ends with that one, however that ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the other, which ends this process
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        with contextlib.suppress(OSError):
            parent.join()
        os._exit(0)
