"""Arrays in files: those that several processes read without a copy each, and those of long clips."""

from __future__ import annotations

import mmap
import os
import pickle
import tempfile
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from recaster.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

_ALIGNMENT_BYTES: Final = 64
MAX_ROWS: Final = 1000
MIN_MAPPED_BYTES: Final = 64 << 20
"""Size from which an array of a long clip lies in a file: of an hour they are gigabytes."""


def make_array(shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Makes an array of zeros; a large one is a file without a name, which the system keeps in memory or not.

    Raises:
        OutputError: there is no room for the file.
    """
    size = 8 * int(np.prod(shape))
    if size < MIN_MAPPED_BYTES:
        return np.zeros(shape)
    try:
        with tempfile.TemporaryFile(dir=_folder_on_disk()) as file:
            if hasattr(
                os, "posix_fallocate"
            ):  # else a full disk would show as a crash, when it is written to
                os.posix_fallocate(file.fileno(), 0, size)
            # As a plain array, which is pickled beside what holds it and not into it.
            return np.asarray(np.memmap(file, np.float64, "w+", shape=shape))
    except OSError as error:
        raise OutputError(
            f"there is no room for {size >> 20} MiB of temporary files ({error.strerror}); make some, or "
            "name another folder for them in the environment variable TMPDIR"
        ) from error


def split_rows(count: int) -> Iterator[slice]:
    """Splits rows of a large array into parts, of which what is computed fits into memory."""
    for begin in range(0, count, MAX_ROWS):
        yield slice(begin, begin + MAX_ROWS)


def _folder_on_disk() -> str | None:
    """Folder for large temporary files: the one that was chosen, else one that isn't kept in memory."""
    chosen = not {"TMPDIR", "TEMP", "TMP"}.isdisjoint(os.environ) or not os.access("/var/tmp", os.W_OK)  # noqa: S108
    return None if chosen else "/var/tmp"  # noqa: S108


def share_arrays(value: Any, folder: Path) -> None:
    """Writes anything that can be pickled so that processes share the pages of its arrays."""
    arrays: list[pickle.PickleBuffer] = []
    head = pickle.dumps(value, protocol=5, buffer_callback=arrays.append)
    spans = []
    with (folder / "arrays").open("wb") as file:
        for array in arrays:
            start = file.seek(-(-file.tell() // _ALIGNMENT_BYTES) * _ALIGNMENT_BYTES)
            file.write(array.raw())
            spans.append((start, file.tell()))
        file.write(b"\0")  # an empty file can't be mapped
    (folder / "head").write_bytes(pickle.dumps((head, spans)))


def attach_arrays(folder: Path) -> Any:
    """Reads what ``share_arrays`` wrote in this process's parent; its arrays can't be written to."""
    head, spans = pickle.loads((folder / "head").read_bytes())  # noqa: S301 - this very program wrote it
    with (folder / "arrays").open("rb") as file:
        view = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    return pickle.loads(head, buffers=[view[start:stop] for start, stop in spans])  # noqa: S301
