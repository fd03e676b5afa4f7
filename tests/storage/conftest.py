"""A real server that speaks S3, on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from moto.server import ThreadedMotoServer

from recaster.settings.storage import StorageSettings
from recaster.storage.node_cache import NodeCache
from recaster.storage.storage import Storage, open_storage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BUCKET = "studio"


@pytest.fixture(scope="session")
def s3_port() -> Iterator[int]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    yield server.get_host_and_port()[1]
    server.stop()


def call_s3(port: int, method: str, path: str = "", data: bytes | str = b"") -> int:
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", port)
    headers = {"Authorization": "AWS4-HMAC-SHA256 Credential=test/20261130/us-east-1/s3/aws4_request"}
    connection.request(method, path, data, headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status


@pytest.fixture
def s3(s3_port: int, monkeypatch: pytest.MonkeyPatch) -> int:
    """Port of a server with one empty bucket, to which this process has credentials."""
    call_s3(s3_port, "POST", "/moto-api/reset")
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{s3_port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    assert call_s3(s3_port, "PUT", f"/{BUCKET}") == 200
    return s3_port


def url_of(kind: str, tmp_path: Path) -> str:
    if kind == "folder":
        (tmp_path / "storage").mkdir()
        return str(tmp_path / "storage")
    if kind == "memory":
        return f"memory://{tmp_path.name}/{tmp_path.parent.name}"
    return f"s3://{BUCKET}/unit"


@pytest.fixture(params=["folder", "memory", "s3"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    """A storage behind each protocol, without a cache."""
    if request.param == "s3":
        request.getfixturevalue("s3")
    settings = StorageSettings(storage_cache_gib=0, storage_patience_s=10)
    return open_storage(url_of(request.param, tmp_path), settings)


@pytest.fixture
def cached(storage: Storage, tmp_path: Path) -> Storage:
    """The same with a cache of its own."""
    return Storage(storage.url, storage.settings, NodeCache(tmp_path / "cache", 1 << 30))
