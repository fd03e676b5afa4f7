from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from clips import write_clip

from recaster.errors import FacesetError, InputError, UsageError
from recaster.evaluation.evaluate import evaluate, matching_frames
from recaster.evaluation.evaluation_result import EvaluationResult
from recaster.evaluation.identity_scores import IdentityReferences, identity_scores, unit
from recaster.evaluation.stills import worst_frames
from recaster.evaluation.types import FaceObservations, Figure, Scores
from recaster.media.probe import probe
from recaster.media.reader import read_frames
from recaster.settings.evaluate import EvaluateSettings

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.facesets.faceset import Faceset


def outcome() -> EvaluationResult:
    figures = (Figure("jitter", 1.5, {"noise": math.nan}), Figure("seam", math.nan))
    return EvaluationResult(
        {"source": {"path": "x"}}, np.arange(3, 6), Scores(figures, {"seam": np.array([1, np.nan, 2])})
    )


def test_an_outcome_comes_back_as_it_was(tmp_path: Path) -> None:
    outcome().save(tmp_path)
    back = EvaluationResult.load(tmp_path)
    assert back.value("jitter") == 1.5
    assert math.isnan(back.value("seam"))
    assert math.isnan(back.value("never measured"))
    assert math.isnan(back.scores.figures[0].references["noise"])
    assert back.index.tolist() == [3, 4, 5]
    assert back.scores.frames["seam"] == pytest.approx([1, np.nan, 2], nan_ok=True)
    assert back.about == {"source": {"path": "x"}}
    assert "NaN" not in (tmp_path / "evaluation.json").read_text()


@pytest.mark.parametrize("spoilt", ["{", "{}", '{"format": 2}', "[]"])
def test_a_damaged_outcome_is_named(tmp_path: Path, spoilt: str) -> None:
    (tmp_path / "evaluation.json").write_text(spoilt)
    with pytest.raises(InputError, match=r"evaluation\.json"):
        EvaluationResult.load(tmp_path)


def test_per_frame_values_of_another_length_are_damage(tmp_path: Path) -> None:
    outcome().save(tmp_path)
    told = json.loads((tmp_path / "evaluation.json").read_text())
    told["frames"]["seam"].append(1)
    (tmp_path / "evaluation.json").write_text(json.dumps(told))
    with pytest.raises(InputError, match="not an evaluation of format"):
        EvaluationResult.load(tmp_path)


def test_clips_that_are_no_pair_are_refused(actors: Path, tmp_path: Path) -> None:
    performer = probe(actors / "performer.mp4")
    short = tmp_path / "short.mp4"
    write_clip(read_frames(performer.path, 10, 20), performer, short, range(10, 20))
    with pytest.raises(InputError, match="--range"):
        matching_frames(performer, probe(short), None)
    assert matching_frames(performer, probe(short), range(10, 20)) == range(10, 20)
    with pytest.raises(UsageError, match="250 frames"):
        matching_frames(performer, probe(short), range(245, 255))


def test_a_gallery_with_the_source_in_it_is_refused(actors: Path, actor_faceset: Faceset) -> None:
    clip = actors / "performer.mp4"
    folder = actor_faceset.folder
    with pytest.raises(FacesetError, match="gallery"):
        evaluate(clip, clip, folder, settings=EvaluateSettings(gallery=(folder,)))


def test_identity_among_made_up_people() -> None:
    people = np.eye(128)[:4]
    source = people[0] + 0.1 * np.random.default_rng(0).normal(0, 1, (20, 128))
    swapped = np.stack([unit(person) for person in (*source[:15], *(people[1] + source[:5] * 0.1))])
    nothing = np.full((20, 68, 2), np.nan)
    here = FaceObservations(nothing, nothing[:, :2], np.repeat(people[1:2], 20, axis=0))
    there = FaceObservations(nothing, nothing[:, :2], swapped)
    references = IdentityReferences.of(source, None, [people[2:3], people[3:4]])
    values = {one.name: one for one in identity_scores(there, here, references).figures}
    assert values["retrieval"].value == 0.75
    assert values["retrieval"].references == {"no swap": 0, "people": 4}
    assert values["cosine_target"].references["no swap"] == pytest.approx(1)


def test_the_worst_frames_lie_apart_and_say_why() -> None:
    seam = np.ones(60)
    likeness = np.full(60, 0.6)
    seam[20:24] += (3, 9, 8, 2)
    likeness[50] = 0.1
    found = worst_frames({"seam": seam, "cosine_source": likeness, "no measure": seam}, range(100, 160))
    assert {(one.frame, one.because) for one in found[:2]} == {(121, "seam"), (150, "cosine_source")}
    assert worst_frames({}, range(10)) == ()
