"""Frames that are judged in pieces, by any number of processes: the same values to the bit."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import pytest

from recaster.errors import ClipError
from recaster.evaluation import observe as observing
from recaster.evaluation.ground_truth import Truth
from recaster.evaluation.observe import Observations, observe
from recaster.evaluation.sface import SFace
from recaster.faces.analysis_cache import analyse_clip
from recaster.media.clip import Clip
from recaster.processes.executor import LocalExecutor, use_executor
from recaster.settings.detection import AnalysisSettings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import Any

    from recaster.evaluation.types import FaceObservations, Scores
    from recaster.faces.types import FaceTrack
    from recaster.processes.executor import Work

FRAMES = range(122, 144)
FACELESS = (128, 129, 136)
"""Frames without a face: at the border of some pieces, and inside others."""
IDENTITY_EVERY = 3


class Seam(LocalExecutor):
    """An executor that isn't this process: real processes, or this one where there are to be none."""

    is_local = False

    def __init__(self, processes: int) -> None:
        self.processes = processes
        self.items = 0

    def limit(self, *_: Any, **__: Any) -> int:
        return self.processes

    def run(self, work: Work, items: Sequence[Any], *rest: Any, **options: Any) -> list[Any]:
        self.items = len(items)
        if self.processes > 1:
            return super().run(work, items, *rest, **options)
        prepared = work.prepare(work.shared)
        return [work.do(prepared, item, lambda: None) for item in reversed(items)]


@pytest.fixture(scope="module")
def tracks(actors: Path) -> tuple[FaceTrack, ...]:
    found = analyse_clip(Clip(actors / "performer.mp4"), AnalysisSettings(), FRAMES).tracks
    cut = []
    for track in found:
        kept = ~np.isin(track.frames, FACELESS)
        values = {name: value for name, value in vars(track).items() if np.shape(value)[:1] == kept.shape}
        cut.append(dataclasses.replace(track, **{name: value[kept] for name, value in values.items()}))
    return tuple(cut)


def judge(actors: Path, tracks: Sequence[FaceTrack]) -> Observations:
    """As if the clip's first frames were a swap of later ones."""
    truth = Truth.load(actors / "truth" / "far.mp4")
    clips = [Clip(actors / "performer.mp4"), Clip(actors / "performer.mp4"), Clip(truth.clip)]
    return observe(clips, truth, tracks, FRAMES, SFace(), IDENTITY_EVERY)


def assert_equal(here: Observations, there: Observations) -> None:
    def list_faces(seen: Observations) -> list[FaceObservations]:
        return [seen.original, seen.mirrored, *(face for face, _ in seen.swaps)]

    def list_scores(seen: Observations) -> list[Scores]:
        assert seen.against is not None
        return [*(scores for _, scores in seen.swaps), seen.against]

    for one, other in zip(list_faces(here), list_faces(there), strict=True):
        for name, values in vars(one).items():
            np.testing.assert_array_equal(values, getattr(other, name), name)
    for mine, theirs in zip(list_scores(here), list_scores(there), strict=True):
        for figure, same in zip(mine.figures, theirs.figures, strict=True):
            assert repr(figure) == repr(same)
        for name, values in mine.frames.items():
            np.testing.assert_array_equal(values, theirs.frames[name], name)


@pytest.fixture(scope="module")
def whole(actors: Path, tracks: Sequence[FaceTrack]) -> Observations:
    return judge(actors, tracks)


@pytest.mark.parametrize("length", [1, 7])
def test_pieces_give_what_the_whole_gives(
    actors: Path,
    tracks: Sequence[FaceTrack],
    whole: Observations,
    monkeypatch: pytest.MonkeyPatch,
    length: int,
) -> None:
    monkeypatch.setattr(observing, "PIECE_FRAMES", length)
    with use_executor(seam := Seam(1)):
        assert_equal(judge(actors, tracks), whole)
    assert seam.items == -(-len(FRAMES) // length)


def test_processes_give_what_one_gives(
    actors: Path, tracks: Sequence[FaceTrack], whole: Observations, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(observing, "PIECE_FRAMES", 6)
    with use_executor(Seam(2)):
        assert_equal(judge(actors, tracks), whole)


def test_clips_of_different_lengths_are_refused_wherever_they_are_read(
    actors: Path, tracks: Sequence[FaceTrack], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(observing, "PIECE_FRAMES", 7)
    clip = Clip(actors / "performer.mp4")
    short = range(clip.info.frame_count - 10, clip.info.frame_count + 4)
    with (
        use_executor(Seam(1)),
        pytest.raises(ClipError, match=r"performer\.mp4 and neighbour\.mp4 hold different numbers"),
    ):
        observe([clip, Clip(actors / "neighbour.mp4")], None, tracks, short, SFace(), IDENTITY_EVERY)
