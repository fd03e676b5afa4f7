"""A register of one's own, and a real clip to be signed."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest

from recaster.provenance.provenance_mark import ProvenanceMark
from recaster.provenance.register import Register, open_register
from recaster.provenance.vetting import VettingRules
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
    with open_register(DataFolder(tmp_path / "data")) as register:
        yield register


@pytest.fixture
def vetting(register: Register) -> VettingRules:
    """Policy for swaps, where whatever this machine has signed is its own."""
    return dataclasses.replace(
        VettingRules.of(register, ()), trust=register.folder.path / "signing" / "authority.pem"
    )


@pytest.fixture
def mark(register: Register) -> ProvenanceMark:
    """Mark of a swap of a face that is nobody's."""
    return ProvenanceMark.of(register, [register.add_stated("nobody", "synthetic")], "0" * 64)
