"""The clients of one engine, for all tests of a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from studio import Studio

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from serving import Served

    from recaster.client import Client


@pytest.fixture(scope="module")
def studio(serve: Callable[..., Served]) -> Iterator[Studio]:
    made = Studio(serve(), {})
    made.clients["owner"] = made.served.client(patience_s=5)
    yield made
    for client in made.clients.values():
        client.close()


@pytest.fixture
def viewer(studio: Studio) -> Client:
    return studio.client("vera", "viewer")


@pytest.fixture
def editor(studio: Studio) -> Client:
    return studio.client("emil", "editor")


@pytest.fixture
def other(studio: Studio) -> Client:
    return studio.client("edda", "editor")


@pytest.fixture
def officer(studio: Studio) -> Client:
    return studio.client("otto", "consent-officer")


@pytest.fixture
def owner(studio: Studio) -> Client:
    return studio.clients["owner"]
