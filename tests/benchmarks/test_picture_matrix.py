"""The picture matrix: conditions, rows, and shots from swap to page."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from recaster.benchmarks.picture_matrix import benchmark
from recaster.benchmarks.picture_matrix.benchmark import (
    faceset_of,
    measure_pictures,
    read_results,
    swapper_of,
)
from recaster.benchmarks.picture_matrix.conditions import CONDITIONS, Moment
from recaster.benchmarks.picture_matrix.results_page import format_table, write_page
from recaster.benchmarks.picture_matrix.rows import Row, read_rows
from recaster.benchmarks.picture_matrix.sheets import OVERVIEW, SHEET, STRIP
from recaster.benchmarks.picture_matrix.shots import faces_of
from recaster.errors import InputError, UsageError
from recaster.evaluation.ground_truth import Truth
from recaster.faces.geometry import eye_distance_3d
from recaster.faces.topology import EYE_CORNERS_LEFT, EYE_CORNERS_RIGHT
from recaster.media.probe import probe
from recaster.models.presets import overridden, preset

if TYPE_CHECKING:
    from recaster.facesets.faceset import Faceset
    from recaster.progress import Update

ROW = """
[[row]]
name = "one"
source = "neighbour.mp4"
target = "performer.mp4"
truth = "truth/close.mp4"
other = "likeness.mp4"
frames = [30, 42]
"""


def picture(size: tuple[int, int] = (96, 80)) -> np.ndarray:
    x, y = np.meshgrid(np.arange(size[0]), np.arange(size[1]))
    channels = [128 + 60 * np.sin(x / 9), 128 + 60 * np.cos(y / 7), 90 + x]
    return np.stack(channels, -1).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("name", CONDITIONS)
def test_a_condition_changes_its_frame_the_same_way_twice_and_what_it_moves_it_moves_back(name: str) -> None:
    condition = CONDITIONS[name]
    image = picture()
    moment = Moment(20, 40, other=np.full_like(image, 40))
    changed = condition.change(image, moment)
    assert changed.dtype == np.uint8
    assert np.array_equal(changed, condition.change(image, moment))
    if condition.undo is None:
        assert changed.shape == image.shape
        return
    back = condition.undo(changed, (96, 80))
    assert back.shape == image.shape
    inner = (slice(16, -16), slice(16, -16))
    assert np.abs(back[inner].astype(int) - image[inner]).mean() < 12


def test_conditions_but_plain_and_those_of_the_encoder_or_of_moments_change_a_picture() -> None:
    image = picture()
    moment = Moment(0, 40, other=np.full_like(image, 40))
    same = {name for name, one in CONDITIONS.items() if np.array_equal(one.change(image, moment), image)}
    assert same == {"plain", "starved", "dissolve"}


def test_a_dissolve_ends_with_the_other_person_alone() -> None:
    image = picture()
    condition = CONDITIONS["dissolve"]
    last = Moment(39, 40, other=np.full_like(image, 40))
    assert np.array_equal(condition.change(image, last), last.other)
    assert condition.protected is not None
    protected = condition.protected((96, 80), last)
    assert protected is not None
    assert protected.all()
    assert condition.protected((96, 80), Moment(0, 40)) is None


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[[row]]", "no matrix"),
        (ROW + "extra = 1\n", "unknown key 'extra'"),
        (ROW.replace("[30, 42]", "[42, 30]"), "frames 42 to 30"),
        (ROW.replace('"one"', '"../one"'), "no name"),
        (ROW + ROW, "two rows"),
        (ROW.replace("neighbour", "nobody"), "isn't there"),
        (ROW.replace('other = "likeness.mp4"', 'conditions = ["behind"]'), "`other`"),
        (ROW.replace("[30, 42]", '"all"'), "no matrix"),
        (ROW + "train = 0\n", "number of steps"),
        (ROW + 'train = 9\nmodel = "truth"\n', "number of steps"),
        (ROW + 'bare = ["nobody.mp4", 0]\n', "isn't there"),
        (ROW + 'bare = "performer.mp4"\n', "no matrix"),
        (ROW + 'person = "nobody.png"\n', "isn't there"),
        ("\x00", "no matrix"),
    ],
)
def test_a_matrix_that_cannot_be_done_is_refused(tmp_path: Path, actors: Path, text: str, named: str) -> None:
    path = tmp_path / "matrix.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=named):
        read_rows(path, actors)


def test_an_unknown_condition_is_named_with_those_there_are(tmp_path: Path, actors: Path) -> None:
    path = tmp_path / "matrix.toml"
    path.write_text(ROW + 'conditions = ["underwater"]\n')
    with pytest.raises(UsageError, match=r"'underwater'.*defocus"):
        read_rows(path, actors)


def test_the_actors_matrix_is_whole(actors: Path) -> None:
    rows = {row.name: row for row in read_rows(actors / "matrix.toml")}
    assert {name for name, row in rows.items() if row.conditions == tuple(CONDITIONS)} == {"close", "far"}
    for row in rows.values():
        assert row.truth is not None
        truth = Truth.load(row.truth)
        info = probe(row.target)
        true = probe(row.truth)
        assert (true.width, true.height) == (info.width, info.height) == truth.size
        assert min(info.frame_count, true.frame_count, len(truth)) >= row.frames.stop
        small = [row.target, row.truth, row.truth.with_suffix(".npz")]
        assert max(path.stat().st_size for path in small) < 400_000


def test_the_real_pairs_are_there(footage: Path) -> None:
    rows = read_rows(Path(__file__).parents[1] / "data" / "real_pairs.toml", footage / "clips")
    at_once = [row for row in rows if row.train is None]
    assert len(at_once) >= 14
    assert len(rows) > len(at_once)
    assert all(probe(row.target).frame_count >= row.frames.stop >= row.frames.start + 60 for row in rows)


def test_a_face_with_something_before_it_is_where_the_bare_one_moves(
    tmp_path: Path, actors: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECASTER_CACHE", str(tmp_path / "cache"))
    rows = read_rows(actors / "matrix.toml")
    row = next(row for row in rows if row.name == "thin-glasses")
    assert row.truth is not None
    faces = faces_of(row, row.target, None)
    truth = Truth.load(row.truth)
    assert sorted(faces) == list(range(len(row.frames)))
    corners = [list(part) for part in (EYE_CORNERS_RIGHT, EYE_CORNERS_LEFT)]
    for index, mesh in faces.items():
        eyes = np.array([mesh[part, :2].mean(axis=0) for part in corners])
        known = np.array(
            [truth.landmarks[index, part].mean(axis=0) for part in (slice(36, 42), slice(42, 48))]
        )
        away = np.abs(eyes[np.argsort(eyes[:, 0])] - known[np.argsort(known[:, 0])])
        assert away.max() < 0.15 * eye_distance_3d(mesh)


def test_a_model_is_trained_once_for_all_rows_of_its_source_and_goes_on_after_a_stop(
    tmp_path: Path, actor_faceset: Faceset, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny = overridden(
        preset("guided-128"), widths=(8, 8, 8, 8), critic_widths=(8, 8), references=2, start="none", batch=2
    )
    monkeypatch.setattr(benchmark, "preset", lambda _: tiny)
    clip = tmp_path / "anna.mp4"
    row = Row("one", (clip,), clip, range(12), train=2)

    def stop(update: Update) -> None:
        if update.stage == "training" and update.done == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        swapper_of(row, actor_faceset.folder, tmp_path, stop)
    (model,) = (tmp_path / "models").iterdir()
    told: list[Update] = []
    for again in (row, dataclasses.replace(row, name="two")):
        assert swapper_of(again, actor_faceset.folder, tmp_path, told.append) is not None
    assert [*(tmp_path / "models").iterdir()] == [model]
    assert [one.done for one in told if one.stage == "training"][-1] == 2


def test_a_faceset_that_a_stop_left_half_made_is_made_again(
    tmp_path: Path, actors: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = Row("one", (actors / "likeness.mp4",), actors / "performer.mp4", range(12))
    half = tmp_path / "facesets" / "likeness.part"
    half.mkdir(parents=True)
    (half / "left").touch()

    def made(_: list[Path], out: Path, *__: object, **___: object) -> None:
        assert not out.exists()
        out.mkdir(parents=True)

    monkeypatch.setattr(benchmark, "extract", made)
    assert [*faceset_of(row, tmp_path).iterdir()] == []
    monkeypatch.setattr(benchmark, "extract", None)
    assert faceset_of(row, tmp_path) == tmp_path / "facesets" / "likeness"


def test_shots_are_swapped_judged_shown_and_not_done_twice(
    tmp_path: Path, actors: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECASTER_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "matrix.toml"
    out = tmp_path / "out"
    path.write_text(ROW + 'conditions = ["grey", "roll30", "behind", "roll180"]\n')
    results = measure_pictures(read_rows(path, actors), out)
    by = {one.condition: one for one in results}
    grey = by["grey"]
    assert grey.figures["found"] == 100
    assert grey.figures["colour"] < 3, "nothing is coloured in a black and white clip"
    assert grey.true["tint_95"] < 1
    assert by["roll30"].figures["roll_95"] < 4
    assert by["behind"].figures["harm"] >= 0
    assert by["behind"].true["harm"] == 0
    assert probe(out / "shots" / "one-roll30" / "target.mp4").width > probe(actors / "performer.mp4").width
    lines = format_table(results, results)
    assert len(lines) == 1 + sum(2 + bool(one.true) for one in results) + 4
    assert lines[-1].split()[:2] == ["all:", "worst"]
    page = write_page(out, results).read_text()
    assert all(f"shots/{one.name}/{picture}" in page for one in results for picture in (SHEET, STRIP))
    assert all(
        (out / "shots" / one.name / picture).is_file() for one in results for picture in (SHEET, STRIP)
    )
    assert (out / OVERVIEW).is_file()
    written = (out / "matrix.md").read_text().splitlines()
    assert len(written) == 2 + len(results)
    assert written[2].startswith("| one-grey | 100 | ")
    assert [one.as_json() for one in read_results(out)] == [one.as_json() for one in results]

    kept = out / "shots" / "one-grey" / "matrix.json"
    value = json.loads(kept.read_text())
    value["note"] = "kept"
    kept.write_text(json.dumps(value))
    assert measure_pictures(read_rows(path, actors), out)[0].note == "kept"
    kept.write_text("[]")
    with pytest.raises(InputError, match="damaged"):
        measure_pictures(read_rows(path, actors), out)
