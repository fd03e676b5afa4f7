"""A server that speaks S3 over bad lines, with wrong credentials, and without what is asked for."""

from __future__ import annotations

import http.client
import json
import os
import socket
import threading
import time
import urllib.parse
from typing import TYPE_CHECKING

import pytest
from storage.conftest import BUCKET, call_s3
from storage.faulty_proxy import FaultyProxy, Times, cut, garble, proxy_to, stall

from recaster.errors import NotStoredError, StorageError
from recaster.settings.storage import StorageSettings
from recaster.storage import remote_backend
from recaster.storage.manifests import CHUNK_BYTES
from recaster.storage.storage import Storage, open_storage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


def open_s3(patience_s: float = 30, bucket: str = BUCKET) -> Storage:
    return open_storage(
        f"s3://{bucket}/unit", StorageSettings(storage_cache_gib=0, storage_patience_s=patience_s)
    )


@pytest.fixture
def proxy(s3: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyProxy]:
    with proxy_to(s3) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{proxy.port}")
        yield proxy


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    (tmp_path / "clip").write_bytes(os.urandom(2 * CHUNK_BYTES + 1000))
    return tmp_path / "clip"


@pytest.mark.parametrize("fault", [cut, garble, stall], ids=["cut", "garbled", "stalled"])
def test_answers_that_break_are_asked_for_again(
    proxy: FaultyProxy,
    clip: Path,
    tmp_path: Path,
    fault: Callable[[bytes, int], bytes | None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(remote_backend, "STALL_S", 1)
    storage = open_s3()
    reference = storage.put_file(clip)
    times = Times(1, fault)
    proxy.fault = times
    storage.fetch_file(reference, tmp_path / "copy")
    assert times.left == 0
    assert (tmp_path / "copy").read_bytes() == clip.read_bytes()


@pytest.mark.parametrize("fault", [cut, stall], ids=["cut", "stalled"])
def test_uploads_that_break_go_on(
    proxy: FaultyProxy,
    clip: Path,
    tmp_path: Path,
    fault: Callable[[bytes, int], bytes | None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(remote_backend, "STALL_S", 1)
    times = Times(2, fault)
    proxy.request_fault = times
    storage = open_s3()
    reference = storage.put_file(clip)
    assert times.left == 0
    storage.fetch_file(reference, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == clip.read_bytes()


def test_a_slow_line_is_no_error(proxy: FaultyProxy, clip: Path, tmp_path: Path) -> None:
    def delay(piece: bytes, _: int) -> bytes:
        time.sleep(0.02)
        return piece

    storage = open_s3()
    reference = storage.put_file(clip)
    proxy.fault = delay
    storage.fetch_file(reference, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == clip.read_bytes()


def test_a_line_that_stays_cut_is_one_error(proxy: FaultyProxy, clip: Path, tmp_path: Path) -> None:
    reference = open_s3().put_file(clip)
    proxy.fault = Times(-1, cut)
    with pytest.raises(
        StorageError, match=r"cannot be read: the storage doesn't answer.*, tried for 1 s"
    ) as caught:
        open_s3(patience_s=1).fetch_file(reference, tmp_path / "copy")
    assert caught.value.is_transient
    assert not (tmp_path / "copy").exists()


def test_a_server_that_says_a_byte_now_and_then_is_given_up(
    proxy: FaultyProxy, clip: Path, tmp_path: Path
) -> None:
    reference = open_s3().put_file(clip)
    sent: list[int] = []

    def trickle(piece: bytes, passed: int) -> bytes:
        if passed > 100_000:
            sent.append(passed)
            time.sleep(0.3)
        return piece

    proxy.fault = trickle
    with pytest.raises(StorageError, match="tried for 2 s"):
        open_s3(patience_s=2).fetch_file(reference, tmp_path / "copy")
    assert sent


def test_garbled_answers_for_ever_are_no_result(proxy: FaultyProxy, clip: Path, tmp_path: Path) -> None:
    reference = open_s3().put_file(clip)
    proxy.fault = Times(-1, garble)
    with pytest.raises(StorageError, match=r"cannot be read|is damaged"):
        open_s3(patience_s=1).fetch_file(reference, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_a_server_that_is_away_for_a_while_is_waited_for(
    s3: int, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with proxy_to(s3) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{proxy.port}")
        times = Times(3, cut, after=0)
        proxy.fault = times
        open_s3().put_file(clip)
        assert times.left == 0
    with pytest.raises(StorageError, match="doesn't answer") as caught:
        open_s3(patience_s=0).put_bytes(b"x")
    assert caught.value.is_transient


def test_a_server_that_is_not_there_yet_is_waited_for(s3: int, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    started: list[FaultyProxy] = []
    starting = threading.Timer(1, lambda: started.append(FaultyProxy(s3, port)))
    starting.start()
    storage = open_s3()
    digest = storage.put_bytes(b"x")
    assert storage.get_bytes(digest) == b"x"
    starting.join()
    started[0].close()


@pytest.mark.usefixtures("s3")
def test_a_missing_bucket_is_said_at_once() -> None:
    storage = open_s3(bucket="nobodys")
    calls: tuple[Callable[[], object], ...] = (
        lambda: storage.put_bytes(b"x"),
        lambda: storage.get_bytes("0" * 64),
        storage.check,
    )
    for call in calls:
        with pytest.raises(
            StorageError, match=r"s3://nobodys/unit/.*: there is no such bucket; make it"
        ) as caught:
            call()
        assert not caught.value.is_transient
        assert not isinstance(caught.value, NotStoredError)


@pytest.mark.usefixtures("s3")
def test_missing_credentials_are_said_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(
        StorageError, match=r"no credentials that can be used.*set them on this machine"
    ) as caught:
        open_s3().put_bytes(b"x")
    assert not caught.value.is_transient


@pytest.mark.usefixtures("s3")
def test_a_profile_that_is_missing_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(StorageError, match="no credentials that can be used"):
        open_s3().put_bytes(b"x")


def ask_iam(port: int, **form: str) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    headers = {
        "Authorization": "AWS4-HMAC-SHA256 Credential=test/20261130/us-east-1/iam/aws4_request",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    connection.request("POST", "/", urllib.parse.urlencode(form | {"Version": "2010-05-08"}), headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    assert answer.status == 200, text
    return text


@pytest.fixture
def guarded(s3: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[list[str]], None]]:
    """Lets the server check credentials; returns a function that takes on a user with some rights."""

    def take_on(actions: list[str]) -> None:
        call_s3(s3, "POST", "/moto-api/reset-auth", "inf")
        ask_iam(s3, Action="CreateUser", UserName="node")
        policy = {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}],
        }
        ask_iam(
            s3,
            Action="PutUserPolicy",
            UserName="node",
            PolicyName="rights",
            PolicyDocument=json.dumps(policy),
        )
        key = ask_iam(s3, Action="CreateAccessKey", UserName="node")
        for tag, name in (("AccessKeyId", "AWS_ACCESS_KEY_ID"), ("SecretAccessKey", "AWS_SECRET_ACCESS_KEY")):
            monkeypatch.setenv(name, key.split(f"<{tag}>")[1].split("<")[0])
        call_s3(s3, "POST", "/moto-api/reset-auth", "0")

    call_s3(s3, "POST", "/moto-api/reset-auth", "0")
    yield take_on
    call_s3(s3, "POST", "/moto-api/reset-auth", "inf")


ALL = ["s3:PutObject", "s3:GetObject", "s3:ListBucket", "s3:DeleteObject"]


@pytest.mark.usefixtures("guarded")
def test_wrong_credentials_are_said_at_once() -> None:
    storage = open_s3()
    calls: tuple[tuple[str, Callable[[], object]], ...] = (
        ("looked for", lambda: storage.put_bytes(b"x" * 300_000)),
        ("read", lambda: storage.get_bytes("0" * 64)),
        ("written", storage.check),
    )
    for verb, call in calls:
        with pytest.raises(
            StorageError, match=f"cannot be {verb}: these credentials give no right"
        ) as caught:
            call()
        assert not caught.value.is_transient


def test_right_credentials_are_enough(
    guarded: Callable[[list[str]], None], clip: Path, tmp_path: Path
) -> None:
    guarded(ALL)
    storage = open_s3()
    storage.check()
    reference = storage.put_file(clip)
    storage.fetch_file(reference, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == clip.read_bytes()
    assert storage.sweep((), 0) > 2 * CHUNK_BYTES


@pytest.mark.parametrize(
    ("missing", "verb"),
    [("s3:PutObject", "written"), ("s3:GetObject", "read"), ("s3:DeleteObject", "removed")],
)
def test_a_check_names_the_right_that_is_missing(
    guarded: Callable[[list[str]], None], missing: str, verb: str
) -> None:
    guarded([action for action in ALL if action != missing])
    with pytest.raises(StorageError, match=f"cannot be {verb}: these credentials give no right"):
        open_s3().check()


@pytest.mark.usefixtures("s3")
def test_old_objects_are_renewed_where_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recaster.storage.storage.RENEWED_S", -60.0)
    storage = open_s3()
    data = os.urandom(1 << 20)
    digest = storage.put_bytes(data)
    before = storage.list_objects()
    written: list[str] = []
    monkeypatch.setattr(storage.backend, "write", lambda name, _: written.append(name))
    time.sleep(1.1)  # S3 counts seconds
    assert storage.put_bytes(data) == digest
    assert written == []
    assert storage.list_objects()[0].modified > before[0].modified
    assert storage.get_bytes(digest) == data
