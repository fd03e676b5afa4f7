"""Cutting of a clip's faces by several processes: the same faceset, to the bit, and nothing left behind."""

from __future__ import annotations

import contextlib
import itertools
import multiprocessing
import sqlite3
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from recaster.errors import ClipError
from recaster.faces.types import Box
from recaster.facesets import clip_crops, clip_faces
from recaster.facesets.clip_crops import PART_BATCHES, crops_folder, cut_part, make_part, split_batches
from recaster.facesets.crop_plan import BATCH_SIZE, Batch
from recaster.facesets.crops import FoundFace
from recaster.facesets.extraction import extract
from recaster.facesets.face_records import FacesetSettings
from recaster.facesets.faceset import Faceset
from recaster.media.clip import Clip
from recaster.processes.executor import LocalExecutor
from recaster.settings.extract import ExtractSettings

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.progress import Update

SETTINGS = ExtractSettings(size=128, frames="3-92", everyone=True)


def contents(folder: Path) -> dict[str, Any]:
    """All that a faceset holds, by name: files as bytes, the index as statements."""
    files: dict[str, Any] = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".sqlite"
    }
    with contextlib.closing(sqlite3.connect(folder / "faceset.sqlite")) as index:
        return files | {"index": list(index.iterdump())}


@pytest.fixture
def two_processes(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Has short parts cut by two processes; counts how often that was done."""
    used: Counter[str] = Counter()
    run = LocalExecutor.run

    def count(self: LocalExecutor, work: Any, *rest: Any, **options: Any) -> list[Any]:
        used[work.do.__name__] += 1
        return run(self, work, *rest, **options)

    monkeypatch.setattr(LocalExecutor, "run", count)
    monkeypatch.setattr(LocalExecutor, "limit", lambda *_, **__: 2)
    monkeypatch.setattr(clip_crops, "PART_BATCHES", 1)
    return used


@pytest.fixture(scope="module")
def alone(actors: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A faceset whose faces were cut by one process."""
    folder = tmp_path_factory.mktemp("alone") / "out"
    assert len(extract([actors / "performer.mp4"], folder, SETTINGS)) == 90
    return folder


def test_the_faceset_is_the_same(
    actors: Path, alone: Path, two_processes: Counter[str], tmp_path: Path
) -> None:
    told: list[Update] = []
    extract([actors / "performer.mp4"], tmp_path / "out", SETTINGS, told.append)
    assert two_processes["cut"] == 1
    assert contents(tmp_path / "out") == contents(alone)
    steps = [update for update in told if update.stage == "extracting"]
    assert [step.done for step in steps] == sorted(step.done for step in steps)
    assert (steps[-1].done, steps[-1].total, steps[-1].detail) == (90, 90, "90 faces")
    assert not multiprocessing.active_children()
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["faces", "faceset.sqlite"]


def test_interrupted_it_goes_on(
    actors: Path, alone: Path, two_processes: Counter[str], tmp_path: Path
) -> None:
    """Added faces stay, whichever parts had come, and aren't cut again."""
    out = tmp_path / "out"

    def stop(update: Update) -> None:
        if update.stage == "extracting" and len(Faceset.open(out)) > 0:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        extract([actors / "performer.mp4"], out, SETTINGS, stop)
    assert two_processes["cut"] == 1
    assert sorted(path.name for path in out.iterdir()) == ["faces", "faceset.sqlite"]
    added = len(Faceset.open(out))
    assert added % BATCH_SIZE == 0 or added == 90
    extract([actors / "performer.mp4"], out, SETTINGS)
    assert contents(out) == contents(alone)


def test_few_faces_need_no_process(
    actors: Path, alone: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[int] = []
    monkeypatch.setattr(LocalExecutor, "limit", lambda _, useful, *__, **___: asked.append(useful) or 1)
    extract([actors / "performer.mp4"], tmp_path / "out", SETTINGS)
    assert asked[-1] == 90 // clip_faces.MIN_FACES_PER_PROCESS == 0
    assert contents(tmp_path / "out") == contents(alone)


@pytest.mark.parametrize("count", [1, 2])
def test_progress_ends_at_its_total(
    actors: Path, two_processes: Counter[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, count: int
) -> None:
    """Frames that are left out between parts count for one process only, which reads them."""
    monkeypatch.setattr(LocalExecutor, "limit", lambda *_, **__: count)
    told: list[Update] = []
    settings = ExtractSettings(size=128, frames="3-92", every=2)
    extract([actors / "performer.mp4"], tmp_path / "out", settings, told.append)
    assert two_processes["cut"] == count - 1
    last = [update for update in told if update.stage == "extracting"][-1]
    assert last.done == last.total
    assert last.detail == "45 faces"


def test_leftovers_of_a_killed_run_are_swept_and_what_another_uses_is_not(
    actors: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    settings = ExtractSettings(size=128, frames="0-2")
    extract([actors / "performer.mp4"], out, settings)
    with crops_folder(out) as used:
        left = out / f"{used.parent.name}x"
        (left / "crops").mkdir(parents=True)
        (left / "crops" / "00000000.npz").write_bytes(b"half")
        extract([actors / "performer.mp4"], out, settings)
        assert not left.exists()
        assert used.is_dir()
    assert sorted(path.name for path in out.iterdir()) == ["faces", "faceset.sqlite"]


def batch(first: int, count: int, every: int = 1) -> Batch:
    frames = range(first, first + count * every, every)
    found = [FoundFace(n, n / 25, 0, Box(0, 0, 9, 9), np.zeros((478, 3)), 1.0) for n in frames]
    return Batch(tuple(found), count // 2)


@pytest.mark.parametrize("every", [1, 5])
def test_parts(every: int) -> None:
    """No frame counts twice, and parts are the same where the first batches are there already."""
    length = BATCH_SIZE * every
    batches = [batch(7 + number * length, BATCH_SIZE, every) for number in range(3 * PART_BATCHES)]
    parts = split_batches(batches, every)
    assert [each for part in parts for each in part.batches] == batches
    gaps = [after.frames.start - before.frames.stop for before, after in itertools.pairwise(parts)]
    assert gaps == [every - 1] * len(gaps)
    assert parts[0].frames.start == 7
    assert parts[-1].frames.stop == batches[-1].faces[-1].frame + 1
    assert all(part.first <= part.frames.start for part in parts)
    again = split_batches(batches[5:], every)
    assert [part.batches for part in again[1:]] == [part.batches for part in parts[1:]]


def test_frames_between_that_nobody_needs_are_not_read() -> None:
    parts = split_batches([batch(0, 20), batch(90_000, 20)], 1)
    assert [part.frames for part in parts] == [range(20), range(90_000, 90_020)]


def test_a_clip_that_has_become_shorter(actors: Path) -> None:
    clip = Clip(actors / "performer.mp4")
    part = make_part([batch(clip.info.frame_count + 5, 3)])
    with pytest.raises(ClipError, match="was changed while"):
        list(cut_part(clip, FacesetSettings(), part, lambda: None))
