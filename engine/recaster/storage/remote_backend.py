"""Objects behind what fsspec speaks: S3 and the like."""

from __future__ import annotations

import datetime as dt
import importlib
from typing import TYPE_CHECKING, Any, Final

from recaster.errors import UsageError
from recaster.storage.backend import StoredObject

if TYPE_CHECKING:
    from collections.abc import Iterator

CONNECT_S: Final = 10
"""Seconds until a server that doesn't answer a connection is asked again."""
STALL_S: Final = 30
"""Seconds without a byte until a request is sent again."""
CONNECTIONS: Final = 32
_S3: Final = ("s3", "s3a")
_WITHOUT_FOLDERS: Final = (*_S3, "gs", "gcs", "abfs", "az", "oss", "oci")
_TIME_KEYS: Final = ("LastModified", "last_modified", "mtime", "updated", "modified", "created")
_EXTRA: Final = 'install what it needs: pip install "recaster[ray]"'


class RemoteBackend:
    """Reads and writes objects through a filesystem of fsspec; credentials are what its library finds.

    Args:
        timeout_s: seconds that one request may take.
    """

    def __init__(self, url: str, timeout_s: float) -> None:
        self.url = url
        self._timeout_s = max(timeout_s, 1.0)
        self._protocol = url.partition("://")[0]
        self._filesystem, self._root = _open_filesystem(url)

    def __str__(self) -> str:
        return self.url

    def read(self, name: str) -> bytes:
        """An object's bytes."""
        data = self._call("cat_file", self._path(name))
        return data if isinstance(data, bytes) else bytes(data)

    def write(self, name: str, data: bytes) -> None:
        """Writes an object; where a storage has folders, they are made."""
        path = self._path(name)
        try:
            self._call("pipe_file", path, data)
        except FileNotFoundError:
            if self._protocol in _WITHOUT_FOLDERS:
                raise
            self._filesystem.makedirs(path.rpartition("/")[0], exist_ok=True)
            self._call("pipe_file", path, data)

    def find(self, name: str) -> StoredObject | None:
        """Looks for an object; None where it isn't there."""
        try:
            about = self._call("info", self._path(name))
        except FileNotFoundError:
            return None
        return StoredObject(name, int(about["size"]), _read_time(about))

    def touch(self, name: str) -> bool:
        """Copies an S3 object onto itself, which makes it as young as a new one; False elsewhere."""
        if self._protocol not in _S3:
            return False
        path = self._path(name)
        self._call("cp_file", path, path, MetadataDirective="REPLACE")
        return True

    def list_objects(self, top: str) -> Iterator[StoredObject]:
        """Lists the objects below a name."""
        self._filesystem.invalidate_cache()
        found = self._call("find", self._path(top), detail=True)
        within = f"{self._path(top)}/".lstrip("/")
        for path, about in sorted(found.items()):
            name = f"{top}/{path.lstrip('/').removeprefix(within)}"
            yield StoredObject(name, int(about["size"]), _read_time(about))

    def remove(self, name: str) -> None:
        """Removes an object, if it is there."""
        try:
            self._call("rm_file", self._path(name))
        except FileNotFoundError:
            return

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"

    def _call(self, name: str, *arguments: Any, **options: Any) -> Any:
        """Calls a method of the filesystem; one that is asynchronous inside ends after the time allowed."""
        filesystem = self._filesystem
        if not filesystem.async_impl:
            return getattr(filesystem, name)(*arguments, **options)
        sync = importlib.import_module("fsspec.asyn").sync
        method = getattr(filesystem, f"_{name}")
        return sync(filesystem.loop, method, *arguments, timeout=self._timeout_s, **options)


def _read_time(about: dict[str, Any]) -> float | None:
    """Reads when an object was written, as libraries say it in one way or another."""
    value = next((about[key] for key in _TIME_KEYS if about.get(key) is not None), None)
    if isinstance(value, str):
        value = dt.datetime.fromisoformat(value)
    if isinstance(value, dt.datetime):
        return (value if value.tzinfo else value.replace(tzinfo=dt.UTC)).timestamp()
    return float(value) if isinstance(value, int | float) else None


def _open_filesystem(url: str) -> tuple[Any, str]:
    """Opens the filesystem of a URL; returns it and its name for the place (UsageError)."""
    protocol = url.partition("://")[0]
    try:
        core = importlib.import_module("fsspec.core")
    except ImportError as error:
        raise UsageError(f"{url}: a storage at {protocol}:// needs fsspec; {_EXTRA}") from error
    options: dict[str, Any] = {"skip_instance_cache": True}
    if protocol in _WITHOUT_FOLDERS:
        options["use_listings_cache"] = False  # another machine writes and removes objects, too
    if protocol in _S3:
        timeouts = {"connect_timeout": CONNECT_S, "read_timeout": STALL_S}
        # Requests are repeated in one place, and a chunk is one request.
        options |= {
            "config_kwargs": timeouts | {"retries": {"total_max_attempts": 1}},
            "max_concurrency": 1,
        }
    try:
        filesystem, root = core.url_to_fs(url, **options)
    except ImportError as error:
        extra = _EXTRA if protocol in _S3 else f"install that library ({error})"
        raise UsageError(
            f"{url}: a library for {protocol}:// isn't installed on this machine; {extra}"
        ) from error
    except ValueError as error:
        raise UsageError(
            f"{url}: no storage that is known ({error}); give a folder, s3:// or what else fsspec speaks"
        ) from error
    if protocol in _S3:
        filesystem.retries = 1
    return filesystem, str(root).rstrip("/")
