from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from recaster.errors import ModelError
from recaster.models.model_folder import ModelCard, ModelFolder
from recaster.models.presets import overridden, preset

if TYPE_CHECKING:
    from pathlib import Path

CARD = ModelCard(overridden(preset("fast-96"), batch=3), "aa", "bb", 12, 3.5, 9)


@pytest.mark.parametrize("card", [CARD, ModelCard(preset("guided-128"), "aa")])
def test_card_round_trip(tmp_path: Path, card: ModelCard) -> None:
    folder = ModelFolder(tmp_path / "model")
    assert not folder.exists()
    folder.write(card)
    assert folder.exists()
    assert folder.read() == card


def test_json_says_what_people_look_for(tmp_path: Path) -> None:
    folder = ModelFolder(tmp_path)
    folder.write(CARD)
    value = json.loads(folder.card.read_text())
    assert (value["format"], value["family"], value["steps"]) == (4, "pairwise", 12)


def test_no_model(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="not a model folder"):
        ModelFolder(tmp_path / "nothing").read()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 3}, "format 3"),
        ({"format": None}, "no format"),
        ({"source": 3}, "source"),
        ({"steps": 1.5}, "steps"),
        ({"preset": {}}, "family"),
    ],
)
def test_broken_cards_name_the_file(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    folder = ModelFolder(tmp_path)
    folder.write(CARD)
    folder.card.write_text(json.dumps(json.loads(folder.card.read_text()) | change))
    with pytest.raises(ModelError, match=rf"model\.json.*{message}"):
        folder.read()


def test_no_json(tmp_path: Path) -> None:
    folder = ModelFolder(tmp_path)
    folder.card.write_text("{")
    with pytest.raises(ModelError, match="not JSON"):
        folder.read()


def test_the_digest_changes_with_all_that_a_swap_reads(tmp_path: Path) -> None:
    folder = ModelFolder(tmp_path)
    seen = set()
    for path in (folder.card, folder.weights, folder.likeness):
        for content in (b"one", b"other"):
            path.write_bytes(content)
            seen.add(folder.digest())
    assert len(seen) == 6
    folder.previews.mkdir()
    assert folder.digest() in seen
