"""Traces by which a faceset's faces are known again."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from recaster.facesets import faceset_traces


@pytest.mark.parametrize("every", range(2, 6))
def test_nobody_hides_between_the_crops_that_are_looked_at(
    every: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever packs a faceset orders it: others where a look is foreseen, her in between."""
    count = faceset_traces.MAX_CROPS * every
    records = [SimpleNamespace(landmarks=None, is_her=at % every != 0) for at in range(count)]

    def cut_portrait(crop: Any, _: Any) -> Any:
        return SimpleNamespace(embedding=np.full(traces_length, 0.05 if crop.is_her else 0.0))

    traces_length = 128
    monkeypatch.setattr(faceset_traces, "cut_portrait", cut_portrait)
    faceset: Any = SimpleNamespace(records=records, crop=lambda record: record, digest=lambda: "a" * 64)
    found = faceset_traces.faceset_traces(faceset).faces
    assert any(numbers[0] > 0 for numbers, _ in found)
