"""In real Blenders: results are part of the edit, strips and jobs are listed, renders are signed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from tests.addon.conftest import Blender


def test_earlier_results_are_shown_again_and_cleaned_up(
    blender: Blender, facts: dict[str, Any], tmp_path: Path
) -> None:
    found = blender.run("versions", tmp_path, **facts, folder=tmp_path)
    assert "Mask Face Only" in found["told"]
    assert "Feather 0.06" in found["told"]
    assert "Draft" in found["told"]
    assert found["left"] == ["12345678.mp4", "matte_draft.mp4", "results.json"]
