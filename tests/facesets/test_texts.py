"""Names that a stranger chose are text that does nothing but be read, as soon as they are taken in."""

from __future__ import annotations

import json
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from recaster.errors import FacesetError, ModelError
from recaster.evaluation.evaluation_result import EvaluationResult
from recaster.evaluation.types import Figure, Scores
from recaster.facesets.faceset_archive import MANIFEST, export_zip, import_faces
from recaster.models.archive import import_model
from recaster.models.model_folder import ModelCard, ModelFolder
from recaster.models.presets import preset
from recaster.texts import has_control_characters

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from recaster.facesets.faceset import Faceset

EVIL = "a\x1b]0;owned\x07\x1b[2J\nfake line\u202egpj.mp4"


def spoilt(value: Any) -> Iterator[tuple[str, Any]]:
    """The document with each of its texts made evil, one at a time, and where that is."""
    if isinstance(value, str):
        yield "", EVIL
    elif isinstance(value, dict):
        for name, one in value.items():
            for where, evil in spoilt(one):
                yield f"{name}.{where}", {**value, name: evil}
            yield f"{name} itself", {**{key: other for key, other in value.items() if key != name}, EVIL: one}
    elif isinstance(value, list):
        for at, one in enumerate(value[:2]):
            for where, evil in spoilt(one):
                yield f"{at}.{where}", [*value[:at], evil, *value[at + 1 :]]


def texts_of(faceset: Faceset) -> list[str]:
    records = faceset.all_records
    found = [faceset.settings.identity, *(text for one in records for text in (one.source, one.file))]
    found += [one.dropped or "" for one in records]
    for source in faceset.sources:
        found += [source.name, source.digest, source.kind, *source.finished, *source.counts]
    return found


def test_facesets(small_set: Faceset, tmp_path: Path) -> None:
    small_set.mark({4: "blurred: sharpness 1, needs 2"})
    export_zip(small_set, tmp_path / "set.zip")
    with zipfile.ZipFile(tmp_path / "set.zip") as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    taken = set[str]()
    tried = 0
    values = json.loads(files[MANIFEST])
    for source in values["sources"]:  # two texts that have to be the same
        source["name"] = EVIL
    for face in values["faces"]:
        face["source"] = EVIL
    for where, manifest in [("names", values), *spoilt(json.loads(files[MANIFEST]))]:
        with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
            for name, data in files.items():
                archive.writestr(name, json.dumps(manifest) if name == MANIFEST else data)
        tried += 1
        try:
            faceset = import_faces(tmp_path / "evil.zip", tmp_path / f"out-{tried}")
        except FacesetError as error:
            assert not has_control_characters(str(error)), where  # noqa: PT017
            continue
        taken.add(where)
        assert not any(map(has_control_characters, texts_of(faceset))), where
    assert taken >= {"names", "faceset.identity.", "sources.0.finished.0.", "sources.0.counts.kept itself"}
    assert tried > 20


def test_pictures_in_a_zip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = list[str]()

    def look(inputs: list[Path], *_: Any, **__: object) -> None:
        seen.extend(path.name for path in inputs[0].iterdir())
        raise FacesetError("that was all")

    monkeypatch.setattr("recaster.facesets.extraction.extract", look)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(f"{EVIL}.jpg", b"x")
    with pytest.raises(FacesetError, match="that was all"):
        import_faces(tmp_path / "a.zip", tmp_path / "out")
    assert len(seen) == 1
    assert not has_control_characters(seen[0])


def test_models(tmp_path: Path) -> None:
    folder = ModelFolder(tmp_path / "model")
    folder.write(ModelCard(preset("guided-128"), "0" * 64, steps=7, seconds=60.0))
    card = json.loads(folder.card.read_bytes())
    moment = {
        "step": 7,
        "seconds": 1.0,
        "seed": 0,
        "loss": 0.5,
        "losses": {"l1": 0.5},
        "schedule": {"steps": 9},
    }
    step = "checkpoints/step-00000007.json"
    cases = [("model.json", where, evil, moment) for where, evil in spoilt(card)]
    cases += [(step, where, card, evil) for where, evil in spoilt(moment)]
    for number, (name, where, described, checkpoint) in enumerate(cases):
        with zipfile.ZipFile(tmp_path / "m.zip", "w") as archive:
            archive.writestr("model.json", json.dumps(described))
            archive.writestr(step, json.dumps(checkpoint))
        with pytest.raises(ModelError, match="holds names with characters") as caught:
            import_model(tmp_path / "m.zip", ModelFolder(tmp_path / f"out-{number}"))
        assert not has_control_characters(str(caught.value)), f"{name} {where}"
        assert not (tmp_path / f"out-{number}").exists()
    with zipfile.ZipFile(tmp_path / "m.zip", "w") as archive:
        archive.writestr("model.json", json.dumps(card))
        archive.writestr(step, json.dumps(moment | {"loss": float("nan")}))
    import_model(tmp_path / "m.zip", ModelFolder(tmp_path / "fine"))


def test_evaluations(tmp_path: Path) -> None:
    import numpy as np

    about = {"original": {"path": "a"}, "notices": ["x"], "versions": {"recaster": "0"}}
    EvaluationResult(about, np.arange(2), Scores((Figure("seam", 1.0, {"noise": 2.0}),), {})).save(tmp_path)
    for where, evil in spoilt(json.loads((tmp_path / "evaluation.json").read_bytes())):
        (tmp_path / "evaluation.json").write_text(json.dumps(evil))
        try:
            found = EvaluationResult.load(tmp_path)
        except Exception as error:  # noqa: BLE001 - see test_loaders
            assert not has_control_characters(str(error)), where  # noqa: PT017
            continue
        texts = json.dumps([found.about, found.pictures, found.as_json()], ensure_ascii=False)
        assert not has_control_characters(texts), where
