"""Traces by which a faceset's faces are known again."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from recaster.facesets import faceset_traces

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.provenance.face_traces import FaceTraces


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


class Looks:
    """Looks at crops that were made: each face is a number, and the crops that were looked at are noted."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("RECASTER_CACHE", str(folder / "cache"))
        monkeypatch.setattr(faceset_traces, "cut_portrait", self._cut_portrait)
        self._folder = folder / "faces"
        self._folder.mkdir()
        self.seen: list[bytes] = []

    def _cut_portrait(self, crop: bytes, _: Any) -> Any:
        self.seen.append(crop)
        return SimpleNamespace(embedding=np.full(128, 0.05 if crop.startswith(b"her") else 0.0))

    def look(self, crops: list[bytes]) -> FaceTraces:
        """Looks at a faceset of such crops; ``seen`` is of this look then."""
        self.seen.clear()
        records = [SimpleNamespace(landmarks=np.zeros((1, 3)), data=crop) for crop in crops]
        faceset: Any = SimpleNamespace(
            folder=self._folder,
            records=records,
            crop=lambda record: record.data,
            crop_bytes=lambda record: record.data,
            digest=lambda: "a" * 64,  # as where crops were changed, and the index wasn't
        )
        return faceset_traces.remember_traces(faceset)


@pytest.fixture
def looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Looks:
    return Looks(tmp_path, monkeypatch)


def test_crops_are_looked_at_once(looks: Looks) -> None:
    crops = [b"him %d" % number for number in range(20)]
    first = looks.look(crops)
    assert sorted(looks.seen) == sorted(crops)
    assert looks.look(crops) == first
    assert not looks.seen


def test_a_crop_that_changes_is_looked_at_again_whatever_the_index_says(looks: Looks) -> None:
    crops = [b"him %d" % number for number in range(20)]
    looks.look(crops)
    crops[7] = b"her"
    found = looks.look(crops)
    assert looks.seen == [b"her"]
    assert sorted(share for _, share in found.faces) == [0.05, 0.95]


def test_whoever_hides_in_many_crops_is_found_by_and_by(looks: Looks) -> None:
    crops = [b"him %d" % number for number in range(2 * faceset_traces.MAX_CROPS)]
    crops[5] = b"her"
    looks.look(crops)
    assert len(looks.seen) == faceset_traces.MAX_CROPS
    for _ in range(faceset_traces.MAX_CROPS // faceset_traces.MAX_MORE_CROPS):
        found = looks.look(crops)
        assert len(looks.seen) == faceset_traces.MAX_MORE_CROPS
    assert any(numbers[0] > 0 for numbers, _ in found.faces)
    looks.look(crops)
    assert not looks.seen


def test_a_set_that_changes_is_drawn_from_anew(looks: Looks) -> None:
    """Strangers who are known already don't shield her who joins them."""
    known = [b"him %d" % number for number in range(faceset_traces.MAX_CROPS)]
    looks.look(known)
    found = looks.look([crop for each in known for crop in (each, b"her %s" % each)])
    drawn = [crop for crop in looks.seen if crop.startswith(b"her")]
    assert len(drawn) == len(looks.seen) > faceset_traces.MAX_CROPS / 5
    assert any(numbers[0] > 0 for numbers, _ in found.faces)


@pytest.mark.parametrize("content", [b"", b"nothing of ours"])
def test_damaged_embeddings_are_computed_anew(content: bytes, looks: Looks, tmp_path: Path) -> None:
    crops = [b"her %d" % number for number in range(5)]
    first = looks.look(crops)
    [kept] = (tmp_path / "cache").rglob("*.safetensors")
    kept.write_bytes(content)
    assert looks.look(crops) == first
    assert len(looks.seen) == 5
