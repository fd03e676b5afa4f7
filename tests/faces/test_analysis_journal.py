"""Analyses that are interrupted find the same; test_tracker does the same with scripted faces."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.faces.interrupting import assert_same, interrupted

from recaster.faces import analysis_cache, analysis_journal
from recaster.faces.analysis import analyse
from recaster.faces.tracker import TrackerState
from recaster.faces.tracklets import Tracklet
from recaster.faces.types import Landmarks
from recaster.media.clip import Clip
from recaster.media.reader import read_frames
from recaster.progress import silent
from recaster.settings.detection import AnalysisSettings

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.progress import Update

LENGTH = 60


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(analysis_journal, "EVERY_S", 0.0)


def test_a_real_clip_is_analysed_alike(actors: Path, tmp_path: Path) -> None:
    clip = actors / "performer.mp4"
    settings = AnalysisSettings()
    undisturbed = analyse(read_frames(clip, 10, LENGTH), settings)
    assert len(undisturbed.tracks) == 1
    again = interrupted(lambda begin: read_frames(clip, begin, LENGTH), 10, settings, tmp_path / "parts", 11)
    assert_same(again, undisturbed)


def test_the_cache_goes_on_and_tidies_up(
    actors: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECASTER_CACHE", str(tmp_path))
    clip = actors / "performer.mp4"
    told = list[float]()

    def stop(update: Update) -> None:
        told.append(update.done)
        if update.done == 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        analysis_cache.analyse_clip(Clip(clip), frames=range(LENGTH), report=stop)
    assert analysis_cache.cached_analysis(Clip(clip), frames=range(LENGTH)) is None
    found = analysis_cache.analyse_clip(
        Clip(clip), frames=range(LENGTH), report=lambda update: told.append(update.done)
    )
    assert told == [*range(1, 21), *range(20, LENGTH + 1)]
    assert [path.suffix for path in (tmp_path / "analysis").glob("*/*")] == [".npz"]
    assert_same(found, analyse(read_frames(clip, 0, LENGTH, fast=True)))


@pytest.mark.parametrize("what", ["cut short", "missing", "of another clip", "of another run"])
def test_a_damaged_journal_is_begun_anew(actors: Path, tmp_path: Path, what: str) -> None:
    clip = actors / "performer.mp4"
    folder = tmp_path / "parts"
    with analysis_journal.open_journal(folder, 0) as begun:
        analyse(read_frames(clip, 0, 12), None, None, silent, begun)
    entries = sorted(folder.glob("*.npz"))
    assert len(entries) == 12
    if what == "cut short":
        entries[5].write_bytes(entries[5].read_bytes()[:-100])
    elif what == "missing":
        entries[5].unlink()
    elif what == "of another run":  # which had come further when it wrote this
        entries[11].replace(entries[5])
        for entry in entries[6:11]:
            entry.unlink()
    with analysis_journal.open_journal(folder, 1 if what == "of another clip" else 0) as begun:
        assert begun is not None
        assert begun.state is None
        assert begun.begin == begun.first
    assert not list(folder.glob("*.npz"))


def test_only_what_is_new_is_written(actors: Path, tmp_path: Path) -> None:
    folder = tmp_path / "parts"
    with analysis_journal.open_journal(folder, 0) as begun:
        analyse(read_frames(actors / "performer.mp4", 0, 12), None, None, silent, begun)
    with np.load(folder / "000011.npz") as arrays:
        assert arrays["0.points"].shape == (1, 478, 3)


def test_a_second_process_keeps_away(tmp_path: Path) -> None:
    with (
        analysis_journal.open_journal(tmp_path / "parts", 0) as one,
        analysis_journal.open_journal(tmp_path / "parts", 0) as other,
    ):
        assert one is not None
        assert other is None


def test_a_face_that_came_to_nothing_leaves_no_gap(tmp_path: Path) -> None:
    def face(count: int) -> Tracklet:
        one = Tracklet(0, 0.0)
        for index in range(count):
            one.append(index, index / 25, Landmarks(np.full((478, 3), float(index)), 0.9))
        return one

    state = TrackerState(5, 0, 3, 0.0, [], [2], [face(5), face(0), face(3)], None)
    with analysis_journal.open_journal(tmp_path / "parts", 0) as begun:
        assert begun is not None
        begun.write(state)
    with analysis_journal.open_journal(tmp_path / "parts", 0) as again:
        assert again is not None
        assert again.state is not None
        assert [len(one.points) for one in again.state.tracklets] == [5, 0, 3]
        assert again.state.active == [2]
