"""Models are trained from a real Blender."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from recaster.media.reader import read_frames

if TYPE_CHECKING:
    from pathlib import Path

    from tests.addon.conftest import Blender


@pytest.fixture
def blender(newest_blender: Blender) -> Blender:
    """In one version only."""
    return newest_blender


def test_from_strips_to_a_model(
    blender: Blender, facts: dict[str, Any], tmp_path: Path, actors: Path
) -> None:
    folder = tmp_path / "stills"
    folder.mkdir()
    for frame in read_frames(actors / "rehearsal.mp4", 0, 5):
        Image.fromarray(frame.image).save(folder / f"{frame.index}.png")
    (folder / "notes.txt").write_text("not a picture")
    values = {name: facts[name] for name in ("engine", "token", "clip")}
    blender.run("trained", tmp_path, **values, source=actors / "likeness.mp4", folder=folder)


def test_a_loss_curve(blender: Blender, tmp_path: Path) -> None:
    assert blender.run("drawn_curve", tmp_path)["shape"] == [384, 512, 4]
