"""Health means ready; refused calls are told of, but don't fill the log."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from recaster.client.errors import TokenError
from recaster.service.readiness import LIVE, NOT_SERVING, SERVING, Readiness
from recaster.store.blobs import Quota
from recaster.store.folder import DataFolder
from recaster.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from serving import Served

SERVICES = ["recaster.v1.BlobService", "recaster.v1.JobService", "recaster.v1.ClipService"]


@dataclass
class Jobs:
    is_alive: bool = True
    recent_trouble: str = ""
    draining: bool = False


@dataclass
class Engine:
    store: Store
    supervisor: Jobs = field(default_factory=Jobs)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    store = Store.open(DataFolder(tmp_path / "data"))
    yield Engine(store)
    store.close()


def ready(readiness: Readiness, *names: str) -> list[str]:
    """Names of these services that are ready, of all where none is named."""

    async def ask() -> list[str]:
        await readiness.check()
        asked = names or ("", *SERVICES, LIVE)
        answers = {
            name: (await readiness._health.Check(health_pb2.HealthCheckRequest(service=name), None)).status
            for name in asked
        }
        assert set(answers.values()) <= {SERVING, NOT_SERVING}
        return [name for name, status in answers.items() if status == SERVING]

    return asyncio.run(ask())


def break_table(engine: Engine) -> None:
    with engine.store.database.transaction() as opened:
        opened.execute("alter table blob_use rename to lost")


def mend_table(engine: Engine) -> None:
    with engine.store.database.transaction() as opened:
        opened.execute("alter table lost rename to blob_use")


def fill_disk(engine: Engine) -> None:
    engine.store.blobs.quota = Quota(spare=1 << 60)


def empty_disk(engine: Engine) -> None:
    engine.store.blobs.quota = Quota(spare=0)


def kill(engine: Engine) -> None:
    engine.supervisor.is_alive = False


def revive(engine: Engine) -> None:
    engine.supervisor.is_alive = True


def keep_workers_away(engine: Engine) -> None:
    engine.supervisor.recent_trouble = "no descriptor left"


def let_workers_start(engine: Engine) -> None:
    engine.supervisor.recent_trouble = ""


@pytest.mark.parametrize(
    ("harm", "mend", "left"),
    [
        (break_table, mend_table, [LIVE]),
        (fill_disk, empty_disk, [SERVICES[2], LIVE]),
        (kill, revive, [SERVICES[0], SERVICES[2], LIVE]),
        (keep_workers_away, let_workers_start, [SERVICES[0], SERVICES[2], LIVE]),
    ],
)
def test_who_is_not_ready_says_so_and_is_ready_again(
    engine: Engine, harm: Callable[[Engine], None], mend: Callable[[Engine], None], left: list[str]
) -> None:
    engine.store.blobs.quota = Quota(spare=0)
    readiness = Readiness(engine, SERVICES)
    assert ready(readiness) == ["", *SERVICES, LIVE]
    harm(engine)
    assert ready(readiness) == left
    mend(engine)
    assert ready(readiness) == ["", *SERVICES, LIVE]


def services() -> set[str]:
    """All services of the interface."""
    import importlib
    import pkgutil

    found = set()
    for one in pkgutil.iter_modules(importlib.import_module("recaster.api.v1").__path__):
        if one.name.endswith("_pb2"):
            file = importlib.import_module(f"recaster.api.v1.{one.name}").DESCRIPTOR
            found |= {service.full_name for service in file.services_by_name.values()}
    return found


def test_every_service_is_in_reflection_and_in_health(served: Served) -> None:
    assert len(services()) > 5
    with grpc.insecure_channel(served.address) as channel:
        token = (("authorization", f"Bearer {served.token}"),)
        ask = [reflection_pb2.ServerReflectionRequest(list_services="")]
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        answer = next(stub.ServerReflectionInfo(iter(ask), metadata=token))
        assert services() <= {one.name for one in answer.list_services_response.service}
        health = health_pb2_grpc.HealthStub(channel)
        for name in (*services(), "", LIVE):
            assert health.Check(health_pb2.HealthCheckRequest(service=name)).status == SERVING
        first = next(health.Watch(health_pb2.HealthCheckRequest()))
        assert first.status == SERVING
        with pytest.raises(grpc.RpcError, match="NOT_FOUND") as caught:
            health.Check(health_pb2.HealthCheckRequest(service="nobody"))
        assert caught.value.code() is grpc.StatusCode.NOT_FOUND


def test_who_asks_for_health_and_says_no_more_is_not_waited_for(served: Served) -> None:
    with grpc.insecure_channel(served.address) as channel:
        call = channel.stream_unary("/grpc.health.v1.Health/Check")
        wait = threading.Event()

        def nothing() -> Iterator[bytes]:
            wait.wait()
            yield b""

        try:
            with pytest.raises(grpc.RpcError, match="the request didn't come") as caught:
                call(nothing(), timeout=60)
        finally:
            wait.set()
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_a_wrong_token_is_in_the_log(served: Served) -> None:
    from recaster.client import Address, Client

    with (
        Client(Address(served.address, "wrong"), patience_s=0) as client,
        pytest.raises(TokenError, match="token is missing or wrong"),
    ):
        client.info()
    assert "a call was refused" in served.log()
    assert "TOKEN_WRONG" in served.log()
