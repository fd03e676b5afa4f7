"""An actor's likeness, learned once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from recaster.likeness.likeness import Likeness

if TYPE_CHECKING:
    from recaster.appearance.uv_layout import UVLayout
    from recaster.facesets.faceset import Faceset


@pytest.fixture(scope="session")
def clean(actor_faceset: Faceset) -> Likeness:
    return Likeness.from_faceset(actor_faceset, references=12)


@pytest.fixture(scope="session")
def layout(clean: Likeness) -> UVLayout:
    return clean.layout
