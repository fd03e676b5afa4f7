"""Models are trained from a real Blender."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image
from serving import Served

from recaster.media.reader import read_frames

if TYPE_CHECKING:
    from tests.addon.conftest import Blender

OLD = Path(__file__).parents[1] / "data" / "engine-3df4141.zip"
MODEL = "8e9628d54fce"


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


def test_a_model_of_an_earlier_release_says_what_to_do(blender: Blender, tmp_path: Path) -> None:
    with zipfile.ZipFile(OLD) as packed:
        packed.extractall(tmp_path / "data")
    card = tmp_path / "data" / "models" / MODEL / "model.json"
    card.write_text(json.dumps(json.loads(card.read_bytes()) | {"format": 3}))
    served = Served(tmp_path / "data")
    shown = blender.run("outdated", tmp_path, engine=served.address, token=served.token, model=MODEL)
    served.kill()
    why = "Trained by an earlier Recaster (format 3; this one uses 4): train it anew"
    assert f"Mira: {why}" in shown["RECASTER_PT_face_grid"]
    assert why in shown["RECASTER_PT_course"]
    assert not any("More Minute" in text or "ready to swap" in text for text in shown["RECASTER_PT_course"])


def test_faces_are_found_by_name(newest_blender: Blender, tmp_path: Path) -> None:
    found = newest_blender.run("face_search", tmp_path)
    newest = ["model:m", *(f"faceset:s{at}" for at in range(30))]
    assert found["all"] == newest
    assert found["chosen"] == ["faceset:s38", *newest]
    assert found["search"] == ["model:m", "faceset:s3", *(f"faceset:s{at}" for at in range(30, 40))]
    assert found["none"] == []
    assert "250 faces" in found["cell"], "longer texts are cut in columns as wide as a portrait"
