"""An analysis is made once for a clip's bytes, settings and range, and again where it is damaged."""

from __future__ import annotations

import sys
from fractions import Fraction
from typing import TYPE_CHECKING

import pytest

from recaster.errors import OutputError, UsageError
from recaster.faces import analysis_cache
from recaster.faces.types import Analysis
from recaster.media.clip import Clip
from recaster.media.types import ClipInfo, ColourTags, Shape
from recaster.settings.detection import AnalysisSettings
from recaster.settings.paths import cache_folder

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """The ranges that were really analysed; clips are plain files of 20 frames."""
    ranges: list[tuple[int, int]] = []
    monkeypatch.setenv("RECASTER_CACHE", str(tmp_path / "cache"))

    def analyse(
        _clip: Clip, _settings: AnalysisSettings, frames: range, *_: object, **__: object
    ) -> Analysis:
        ranges.append((frames.start, frames.stop))
        return Analysis((), (frames.start + 1,), len(frames), frames.start)

    monkeypatch.setattr(analysis_cache, "analyse_segments", analyse)
    monkeypatch.setattr("recaster.media.clip.probe", info)
    return ranges


def info(path: Path, _options: object) -> ClipInfo:
    one = Fraction(1)
    return ClipInfo(
        path, Shape.plain(64, 48), 20, one, False, one, one, "h264", "yuv420p", 8, False, ColourTags()
    )


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"pictures")
    return path


def test_the_same_question_is_answered_once(clip: Path, done: list[tuple[int, int]]) -> None:
    first = analysis_cache.analyse_clip(Clip(clip))
    second = analysis_cache.analyse_clip(Clip(clip))
    assert done == [(0, 20)]
    assert (first.cuts, second.cuts) == ((1,), (1,))


def test_a_renamed_clip_is_known_again(clip: Path, done: list[tuple[int, int]]) -> None:
    analysis_cache.analyse_clip(Clip(clip))
    analysis_cache.analyse_clip(Clip(clip.rename(clip.with_name("other.mp4"))))
    assert len(done) == 1


def test_other_frames_settings_or_bytes_are_another_question(clip: Path, done: list[tuple[int, int]]) -> None:
    analysis_cache.analyse_clip(Clip(clip))
    analysis_cache.analyse_clip(Clip(clip), frames=range(5, 9))
    analysis_cache.analyse_clip(Clip(clip), AnalysisSettings(min_face=50))
    clip.write_bytes(b"changed")
    analysis_cache.analyse_clip(Clip(clip))
    assert done == [(0, 20), (5, 9), (0, 20), (0, 20)]


def test_a_range_ends_with_the_clip(clip: Path, done: list[tuple[int, int]]) -> None:
    analysis_cache.analyse_clip(Clip(clip), frames=range(15, 99))
    analysis_cache.analyse_clip(Clip(clip), frames=range(15, 20))
    assert done == [(15, 20)]


def test_a_damaged_entry_is_made_anew(clip: Path, done: list[tuple[int, int]], tmp_path: Path) -> None:
    analysis_cache.analyse_clip(Clip(clip))
    [kept] = (tmp_path / "cache" / "analysis").glob("*/*")
    kept.write_bytes(b"rubbish")
    assert analysis_cache.analyse_clip(Clip(clip)).frame_count == 20
    assert len(done) == 2
    assert analysis_cache.analyse_clip(Clip(clip)).frame_count == 20
    assert len(done) == 2


def test_a_kept_analysis_is_found_without_analysing(clip: Path, done: list[tuple[int, int]]) -> None:
    assert analysis_cache.cached_analysis(Clip(clip)) is None
    analysis_cache.analyse_clip(Clip(clip))
    kept = analysis_cache.cached_analysis(Clip(clip))
    assert kept is not None
    assert kept.frame_count == 20
    assert analysis_cache.cached_analysis(Clip(clip), frames=range(5, 9)) is None
    assert analysis_cache.cached_analysis(Clip(clip), AnalysisSettings(min_face=50)) is None
    assert len(done) == 1


def test_a_cache_that_cannot_be_written_is_told_before_the_work(
    clip: Path, done: list[tuple[int, int]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("RECASTER_CACHE", str(tmp_path / "file"))
    with pytest.raises(OutputError, match="RECASTER_CACHE"):
        analysis_cache.analyse_clip(Clip(clip))
    assert done == []


def test_the_platforms_folder_is_the_default(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("RECASTER_CACHE")
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "recaster"


@pytest.mark.parametrize(
    "wrong",
    [
        {"detector": "x"},
        {"landmarker": "x"},
        {"detect_every": 0},
        {"min_face": 3},
        {"presence": 0.0},
        {"gap": -1.0},
    ],
)
def test_settings_refuse_nonsense(wrong: dict[str, object]) -> None:
    with pytest.raises(
        UsageError,
        match=r"unknown detector|unknown landmarker|every 0 frames|min face must be|presence lies between",
    ):
        AnalysisSettings(**wrong)  # type: ignore[arg-type]
