"""A lock that another process keeps, and descriptors that are all in use, disturb only who needs them."""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import grpc
import pytest

from recaster.api.v1 import identity_pb2, job_pb2
from recaster.client.errors import CallError
from recaster.errors import LockedError, OutputError
from recaster.files import write_error
from recaster.jobs.rights import register_of
from recaster.locks import LOCK_TIMEOUT_S, lock, try_lock
from recaster.service.rpc_errors import to_rpc_error
from recaster.store.database import Database
from recaster.store.folder import DataFolder
from recaster.store.store import MAX_HOLD_S, Store
from recaster.store.uploads import storage_error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from serving import Served

    from recaster.client import Client


@contextlib.contextmanager
def log_held(data: Path) -> Iterator[None]:
    with try_lock(data / "audit.lock") as alone:
        assert alone
        yield


@contextlib.contextmanager
def store_held(data: Path) -> Iterator[None]:
    with contextlib.closing(sqlite3.connect(data / "store.sqlite", isolation_level=None)) as other:
        other.execute("begin immediate")
        yield


@pytest.fixture(scope="module")
def own(serve: Callable[..., Served]) -> Served:
    """An engine whose locks are held."""
    return serve()


def create(client: Client) -> identity_pb2.Identity:
    request = identity_pb2.CreateIdentityRequest(display_name="Anna")
    made: identity_pb2.Identity = client.connection.call(client.identities.CreateIdentity, request)
    return made


@pytest.mark.parametrize("holding", [log_held, store_held])
def test_who_waits_for_a_lock_waits_alone_and_may_ask_again(
    own: Served, holding: Callable[[Path], AbstractContextManager[None]]
) -> None:
    own_data = own.data
    with own.client(patience_s=0) as waiting, own.client(patience_s=0) as other:
        other.info()
        with ThreadPoolExecutor(20) as threads, holding(own_data):
            writes = [threads.submit(create, waiting) for _ in range(20)]
            other.info()
            list(other.jobs.listed())
            assert not all(one.done() for one in writes)
            for one in writes:
                with pytest.raises(CallError, match="the engine is busy") as caught:
                    one.result()
                assert caught.value.code is grpc.StatusCode.UNAVAILABLE
                assert caught.value.reason == "BUSY"
                assert str(own_data) not in str(caught.value)
        assert create(other).display_name == "Anna"
    with own.client(patience_s=60) as patient, ThreadPoolExecutor(1) as threads:
        with holding(own_data):
            again = threads.submit(create, patient)
            other_client_asked(own)
        assert again.result().display_name == "Anna"


def other_client_asked(served: Served) -> None:
    with served.client(patience_s=0) as client:
        client.info()


def test_what_can_t_be_noted_is_not_handed_out(own: Served, tmp_path: Path) -> None:
    (tmp_path / "face").write_bytes(b"a face, say")
    with own.client(patience_s=0) as client:
        digest = client.transfer.upload(tmp_path / "face", local=False)
        with log_held(own.data):
            with pytest.raises(CallError, match="the engine is busy") as caught:
                client.transfer.read(digest)
            other_client_asked(own)
        assert caught.value.reason == "BUSY"
        assert client.transfer.read(digest) == b"a face, say"


def test_jobs_wait_for_the_store_without_an_attempt(own: Served) -> None:
    spec = job_pb2.JobSpec(sign=job_pb2.SignSpec(digest="0" * 64, display_name="x.mp4", swaps=["1" * 64]))
    with own.client(patience_s=0) as client:
        with store_held(own.data), pytest.raises(CallError, match="the engine is busy") as caught:
            client.jobs.create(spec)
        assert caught.value.code is grpc.StatusCode.UNAVAILABLE
        assert list(client.jobs.listed()) == []


def test_readers_wait_for_no_writer(tmp_path: Path) -> None:
    database = Database(tmp_path / "store.sqlite")
    writing = threading.Event()
    done = threading.Event()

    def write() -> None:
        with database.transaction():
            writing.set()
            done.wait()

    writer = threading.Thread(target=write)
    writer.start()
    writing.wait()
    assert database.rows("select * from job") == []
    token = LOCK_TIMEOUT_S.set(0.01)
    with pytest.raises(LockedError, match="store is busy"), database.transaction():
        pass
    LOCK_TIMEOUT_S.reset(token)
    done.set()
    writer.join()
    with database.transaction() as opened:
        opened.execute("delete from job")
    database.close()


def test_who_waits_for_the_audit_log_keeps_the_store_from_others_for_a_moment_only(tmp_path: Path) -> None:
    store = Store.open(DataFolder(tmp_path / "data"))
    with store.database.transaction():
        assert LOCK_TIMEOUT_S.get() <= MAX_HOLD_S
        with store.database.transaction():
            assert LOCK_TIMEOUT_S.get() <= MAX_HOLD_S
    assert LOCK_TIMEOUT_S.get() > MAX_HOLD_S
    with log_held(store.folder.path), pytest.raises(LockedError, match="another process holds this lock"):
        register_of(store).add_stated("Anna", "synthetic")
    assert store.catalog.identities.list_all() == []
    store.close()


def test_locks_are_waited_for_as_long_as_who_asks_has_patience(tmp_path: Path) -> None:
    token = LOCK_TIMEOUT_S.set(0)
    with (
        try_lock(tmp_path / "lock"),
        pytest.raises(LockedError, match="another process holds this lock"),
        lock(tmp_path / "lock"),
    ):
        pass
    LOCK_TIMEOUT_S.reset(token)


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE])
def test_no_descriptor_left_is_no_fault_of_the_engine(tmp_path: Path, number: int) -> None:
    error = OSError(number, os.strerror(number))
    for shown in (error, write_error(tmp_path, error), storage_error(error)):
        refusal = to_rpc_error(shown)
        assert refusal.code is grpc.StatusCode.UNAVAILABLE
        assert str(tmp_path) not in refusal.message
    assert to_rpc_error(OutputError("x")).code is grpc.StatusCode.INTERNAL


@pytest.mark.skipif(os.name == "nt", reason="locks of Windows say nothing of that")
def test_a_disk_without_locks_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("fcntl.flock", refuse)
    with (
        pytest.raises(OutputError, match=r"a\.lock: this disk has no locks for files"),
        lock(tmp_path / "a.lock"),
    ):
        pass
