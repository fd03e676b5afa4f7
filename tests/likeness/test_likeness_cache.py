"""A likeness is learned once of the same faces, and anew of any others."""

from __future__ import annotations

import dataclasses
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from recaster.facesets.faceset import Faceset, encode_crop
from recaster.likeness import likeness_cache
from recaster.likeness.few_pictures import FEW_PICTURES
from recaster.likeness.likeness import Likeness
from recaster.likeness.likeness_cache import learn_likeness

if TYPE_CHECKING:
    from pathlib import Path

LEARNED = Likeness.from_faceset


@pytest.fixture
def learned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The facesets that likenesses are learned of, as it happens."""
    monkeypatch.setenv("RECASTER_CACHE", str(tmp_path / "cache"))
    folders = []

    def from_faceset(faceset: Faceset, **_options: Any) -> Likeness:
        folders.append(faceset.folder)
        return LEARNED(faceset)

    monkeypatch.setattr(Likeness, "from_faceset", from_faceset)
    return folders


@pytest.fixture
def faces(actor_faceset: Faceset, tmp_path: Path) -> Faceset:
    """A faceset of a dozen faces, which may be changed."""
    shutil.copytree(actor_faceset.folder, tmp_path / "faces")
    faceset = Faceset.open(tmp_path / "faces")
    faceset.mark({record.id: "by hand" for record in faceset.records[12:]})
    return faceset


def values_of(likeness: Likeness) -> dict[str, Any]:
    return {
        f"{part}.{name}": value
        for part, owner in {"": likeness, "shape": likeness.neutral_shape, "layout": likeness.layout}.items()
        for name, value in {
            field.name: getattr(owner, field.name) for field in dataclasses.fields(owner)
        }.items()
        if isinstance(value, np.ndarray | float | int | str)
    } | {
        f"features.{field.name}": getattr(likeness.features, field.name)
        for field in dataclasses.fields(likeness.features)
    }


def test_a_kept_likeness_is_the_learned_one_to_the_bit(faces: Faceset, learned: list[Path]) -> None:
    first = values_of(learn_likeness(faces))
    second = values_of(learn_likeness(Faceset.open(faces.folder)))
    assert len(learned) == 1
    assert first.keys() == second.keys()
    for name, value in first.items():
        np.testing.assert_array_equal(value, second[name], err_msg=name, strict=True)


def test_other_faces_are_learned_anew(faces: Faceset, learned: list[Path]) -> None:
    learn_likeness(faces)
    crop = faces.folder / faces.records[3].file
    whole = crop.read_bytes()
    crop.write_bytes(encode_crop(np.zeros_like(faces.crop(faces.records[3]))))
    learn_likeness(faces)  # the index says nothing of it
    crop.write_bytes(whole)
    faces.mark({faces.records[0].id: "by hand"})
    learn_likeness(faces)
    assert len(learned) == 3
    kept = [*(faces.folder.parent / "cache").rglob("*.safetensors")]
    assert len(kept) == 1  # of a faceset as it was before nothing stays


def test_another_way_of_learning_learns_anew(
    faces: Faceset, learned: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    learn_likeness(faces)
    monkeypatch.setattr(likeness_cache, "LEARNING_FORMAT", likeness_cache.LEARNING_FORMAT + 1)
    learn_likeness(faces)
    assert len(learned) == 2


@pytest.mark.parametrize("content", [b"", b"no likeness", None], ids=["empty", "no tensors", "cut"])
def test_a_damaged_likeness_is_learned_anew(
    content: bytes | None, faces: Faceset, learned: list[Path]
) -> None:
    learn_likeness(faces)
    [kept] = (faces.folder.parent / "cache").rglob("*.safetensors")
    kept.write_bytes(kept.read_bytes()[:-1000] if content is None else content)
    learn_likeness(faces)
    learn_likeness(faces)
    assert len(learned) == 2


def test_a_few_pictures_are_learned_each_time_and_leave_nothing(faces: Faceset, learned: list[Path]) -> None:
    faces.mark({record.id: "by hand" for record in faces.records[FEW_PICTURES - 1 :]})
    gaps = [learn_likeness(faces).gaps for _ in range(2)]
    assert gaps[0] == gaps[1] != ""
    assert len(learned) == 2
    assert not [*(faces.folder.parent / "cache").rglob("*")]


def test_where_nothing_can_be_kept_it_is_learned(
    faces: Faceset, learned: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("RECASTER_CACHE", str(tmp_path / "file"))
    assert len(learn_likeness(faces).records)
    assert len(learned) == 1
