"""Models are trained from a real Blender."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from tests.addon.conftest import Blender


def test_from_strips_to_a_model(
    blender: Blender, facts: dict[str, Any], tmp_path: Path, actors: Path
) -> None:
    folder = tmp_path / "clips"
    folder.mkdir()
    shutil.copy(actors / "rehearsal.mp4", folder)
    (folder / "notes.txt").write_text("not a clip")
    values = {name: facts[name] for name in ("engine", "token", "clip")}
    blender.run("trained", tmp_path, **values, source=actors / "likeness.mp4", folder=folder)


def test_a_loss_curve(blender: Blender, tmp_path: Path) -> None:
    assert blender.run("drawn_curve", tmp_path)["shape"] == [256, 512, 4]
