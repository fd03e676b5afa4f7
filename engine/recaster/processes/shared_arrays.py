"""Arrays that several processes of this program read without a copy each: mapped from a file."""

from __future__ import annotations

import mmap
import pickle
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from pathlib import Path

_ALIGNMENT_BYTES: Final = 64


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
