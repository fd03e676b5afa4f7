"""Named arrays on disk, as safetensors: plain data, nothing that could run when it is read."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from recaster.errors import OutputError, WeightsError
from recaster.files import atomic_file, write_error

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import DTypeLike


def save_tensors(path: Path, tensors: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> None:
    """Writes ``tensors`` to ``path`` atomically, with ``metadata`` in the file's header.

    Raises:
        OutputError: the folder cannot be written, or the disk is full.
    """
    # safetensors stores the bytes as they lie in memory: anything not contiguous would be scrambled.
    whole = {name: np.asarray(value, order="C") for name, value in tensors.items()}
    with atomic_file(path) as temporary:
        try:
            save_file(whole, temporary, metadata=dict(metadata))
        except SafetensorError as error:
            raise _full(path, error) from error


def load_tensors(
    path: Path, expected: Mapping[str, tuple[tuple[int, ...], DTypeLike]] | None = None
) -> dict[str, np.ndarray]:
    """Reads every array of a safetensors file.

    Args:
        expected: name to (shape, dtype); when given, the file must hold exactly these.

    Raises:
        WeightsError: the file is missing or damaged, differs from ``expected`` (the message names the first
            difference), or holds a number that isn't finite.
    """
    with _open(path) as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
    if expected is not None:
        _compare(path, tensors, expected)
    for name, value in tensors.items():
        if not np.all(np.isfinite(value)):
            raise WeightsError(
                f"{path}: {name!r} holds numbers that aren't finite; what they were is lost: take a copy, an "
                "earlier checkpoint, or train anew"
            )
    return tensors


def load_metadata(path: Path) -> dict[str, str]:
    """Reads the metadata in a safetensors file's header (WeightsError where it is missing or damaged)."""
    with _open(path) as file:
        return dict(file.metadata() or {})


def _open(path: Path) -> Any:
    try:
        return safe_open(path, framework="np")
    except FileNotFoundError:
        raise WeightsError(f"{path}: there is no such file; train first, or check the path") from None
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{path}: not a whole safetensors file ({error})") from None


def _compare(
    path: Path, tensors: Mapping[str, np.ndarray], expected: Mapping[str, tuple[tuple[int, ...], DTypeLike]]
) -> None:
    for name, (shape, kind) in expected.items():
        if name not in tensors:
            raise WeightsError(f"{path}: has no {name!r}; it belongs to another kind of model")
        value = tensors[name]
        if value.shape != tuple(shape) or value.dtype != np.dtype(kind):
            raise WeightsError(
                f"{path}: {name!r} is {value.dtype} {value.shape}, expected {np.dtype(kind)} {tuple(shape)}"
            )
    for name in tensors:
        if name not in expected:
            raise WeightsError(f"{path}: holds {name!r}, which this kind of model does not have")


def _full(path: Path, error: SafetensorError) -> OutputError:
    """The library wraps the system's error in text only."""
    if "No space left" in str(error) or "StorageFull" in str(error):
        return write_error(path, OSError(errno.ENOSPC, "No space left on device"))
    return OutputError(f"{path}: cannot be written ({error})")
