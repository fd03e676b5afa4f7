"""Files and folders on their way to a storage and from it, several chunks at a time."""

from __future__ import annotations

import collections
import contextlib
import itertools
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from recaster.errors import InputError
from recaster.files import atomic_directory, atomic_file, sync, write_error
from recaster.storage.manifests import CHUNK_BYTES, FileManifest, StoredEntry, check_name

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
    from concurrent.futures import Future

    from recaster.storage.manifests import TreeManifest
    from recaster.storage.storage import Storage

T = TypeVar("T")
R = TypeVar("R")

STREAMS: Final = 4
"""Chunks on their way at a time: 32 MiB of memory."""


def map_ahead(
    function: Callable[[T], R], items: Iterable[T], count: int = STREAMS
) -> Generator[R, None, None]:
    """Applies a function to items in ``count`` threads, in order, and takes few more items than are done."""
    futures: collections.deque[Future[R]] = collections.deque()
    with ThreadPoolExecutor(count) as pool:
        try:
            for item in items:
                futures.append(pool.submit(function, item))
                if len(futures) >= count:
                    yield futures.popleft().result()
            while futures:
                yield futures.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def list_files(path: Path, names: Iterable[str] | None = None) -> dict[str, Path]:
    """Lists a folder's files, or those of some names, or one file, by their names with slashes.

    Raises:
        InputError: one isn't there, is no file, or has a name that isn't one on every system.
    """
    if names is not None:
        files = {name: path / name for name in names}
    elif path.is_dir():
        files = {each.relative_to(path).as_posix(): each for each in _walk(path)}
    else:
        files = {path.name: path}
    for name, file in files.items():
        try:
            check_name(name)
        except ValueError as error:
            raise InputError(f"{file}: cannot be stored ({error}); rename it") from error
        if not file.is_file():
            raise InputError(
                f"{file}: {'is no file' if file.exists() else 'no such file'}, so it can't be stored"
            )
    return dict(sorted(files.items()))


def _walk(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder, onerror=_raise_error):
        for name in folders:
            if (Path(place) / name).is_symlink():
                raise InputError(
                    f"{Path(place) / name}: is a link to a folder, which isn't stored; copy the folder there"
                )
        yield from (Path(place) / name for name in names)


def _raise_error(error: OSError) -> None:
    raise InputError(f"{error.filename}: cannot be read ({error.strerror})") from error


def put_files(
    storage: Storage, files: Mapping[str, Path], tick: Callable[[], None] | None
) -> dict[str, StoredEntry]:
    """Keeps files as chunks and manifests; returns their references and bytes by their names (InputError)."""
    chunks: dict[str, list[str]] = {name: [] for name in files}
    sizes = dict.fromkeys(files, 0)

    def put(item: tuple[str, bytes]) -> tuple[str, int, str]:
        name, data = item
        return name, len(data), storage.put_bytes(data)

    pieces = ((name, data) for name, path in files.items() for data in _read_chunks(path))
    for name, size, digest in map_ahead(put, pieces):
        chunks[name].append(digest)
        sizes[name] += size
        if tick is not None:
            tick()
    manifests = [FileManifest(sizes[name], CHUNK_BYTES, tuple(chunks[name])) for name in files]
    references = map_ahead(storage.put_manifest, manifests)
    return {
        name: StoredEntry(reference, sizes[name]) for name, reference in zip(files, references, strict=True)
    }


def _read_chunks(path: Path) -> Iterator[bytes]:
    """Reads a file in chunks (InputError: it can't be read, or changes meanwhile)."""
    try:
        with path.open("rb") as file:
            before = os.fstat(file.fileno())
            while data := file.read(CHUNK_BYTES):
                yield data
            after = os.fstat(file.fileno())
            is_whole = file.tell() == before.st_size
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    if not is_whole or (before.st_mtime_ns, before.st_size) != (after.st_mtime_ns, after.st_size):
        raise InputError(f"{path}: was changed while it was being stored; run the same command again")


def fetch_file(storage: Storage, manifest: FileManifest, path: Path, tick: Callable[[], None] | None) -> None:
    """Writes a file of its chunks; it is whole or absent (OutputError, StorageError)."""
    with atomic_file(path) as temporary:
        _write_chunks(temporary, _read_ahead(storage, manifest, range(len(manifest.chunks))), tick)


def fetch_tree(storage: Storage, tree: TreeManifest, folder: Path, tick: Callable[[], None] | None) -> None:
    """Writes a folder, which is whole or absent (OutputError, StorageError)."""

    def begin(entry: StoredEntry) -> tuple[FileManifest, list[bytes]]:
        """Reads a file's manifest and first chunk: of most files of a folder that is all."""
        manifest = storage.read_file_manifest(entry.reference)
        return manifest, [_read_chunk(storage, manifest, index) for index in range(len(manifest.chunks[:1]))]

    with (
        atomic_directory(folder) as aside,
        contextlib.closing(map_ahead(begin, tree.files.values())) as begun,
    ):
        aside.mkdir()
        for name, (manifest, first) in zip(tree.files, begun, strict=True):
            path = aside / name
            path.parent.mkdir(parents=True, exist_ok=True)
            rest = _read_ahead(storage, manifest, range(1, len(manifest.chunks)))
            _write_chunks(path, itertools.chain(first, rest), tick)
            sync(path)


def _read_chunk(storage: Storage, manifest: FileManifest, index: int) -> bytes:
    return storage.get_chunk(manifest.chunks[index], manifest.chunk_size(index))


def _read_ahead(storage: Storage, manifest: FileManifest, indices: range) -> Iterator[bytes]:
    return map_ahead(lambda index: _read_chunk(storage, manifest, index), indices) if indices else iter(())


def _write_chunks(path: Path, chunks: Iterable[bytes], tick: Callable[[], None] | None) -> None:
    try:
        with path.open("wb") as file:
            for data in chunks:
                file.write(data)
                if tick is not None:
                    tick()
    except OSError as error:
        raise write_error(path, error) from error
