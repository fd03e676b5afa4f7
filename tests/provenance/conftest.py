"""A register of one's own, and a real clip to be signed."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest

from recaster.provenance.marking import Marking
from recaster.provenance.register import Register, opened
from recaster.provenance.vouching import Vetting
from recaster.store.folder import DataFolder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def nobody_said_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    """Here, a right to a face has to be stated."""
    monkeypatch.delenv("RECASTER_BASIS")


@pytest.fixture
def register(tmp_path: Path) -> Iterator[Register]:
    with opened(DataFolder(tmp_path / "data")) as register:
        yield register


@pytest.fixture
def vetting(register: Register) -> Vetting:
    """What swaps must be, where whatever this machine has signed is its own."""
    return dataclasses.replace(
        Vetting.of(register, ()), trust=register.folder.path / "signing" / "authority.pem"
    )


@pytest.fixture
def marking(register: Register) -> Marking:
    """How a swap of a face that is nobody's is marked."""
    return Marking.of(register, register.stated("nobody", "synthetic"), "0" * 64)
