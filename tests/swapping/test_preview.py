"""A swapped frame as a picture."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from recaster.errors import FaceNotFoundError, UsageError
from recaster.media.clip import Clip
from recaster.media.reader import read_frames
from recaster.media.sheet import load_image
from recaster.settings.swap import SwapSettings
from recaster.swapping import pipeline, preview
from recaster.swapping.request import SwapRequest
from recaster.swapping.result import LOST_GLASSES

if TYPE_CHECKING:
    from pathlib import Path

COUNT = 40


@pytest.fixture
def show(fake: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Preview a frame of a clip whose face is there in frames 4 to 35; tells what was analysed."""
    clip = fake.make_clip(tmp_path / "target.mp4", COUNT)
    analysed: list[range] = []
    kept: list[range | None] = []

    def analyse(_: Any, __: Any, frames: range | None = None, *___: Any, **____: Any) -> Any:
        analysed.append(frames or range(COUNT))
        seen = [i for i in range(4, 36) if i in analysed[-1]]
        return fake.analysis([fake.track(seen)], len(analysed[-1]))

    def cached(_: Any, __: Any, frames: range | None = None, **___: Any) -> Any:
        return analyse(None, None, frames) if frames in kept else None

    monkeypatch.setattr(preview, "analyse_clip", analyse)
    monkeypatch.setattr(preview, "cached_analysis", cached)
    monkeypatch.setattr(pipeline, "analyse_clip", analyse)

    def run(frame: int, **settings: Any) -> Any:
        out = tmp_path / f"{frame}.png"
        request = SwapRequest(Clip(clip), out, fake.FakeSwapper(), SwapSettings(**settings))
        result = preview.preview_frame(request, frame)
        return result, load_image(out), analysed[-1]

    run.clip = clip
    run.kept = kept  # type: ignore[attr-defined]
    return run


def test_preview_is_the_frame_of_the_swapped_clip_before_encoding(
    show: Any, fake: Any, tmp_path: Path
) -> None:
    result, image, analysed = show(20)
    assert analysed == range(5, 36)
    assert (result.frames, result.swapped, result.tracks) == (1, 1, (0,))
    out = tmp_path / "out.mp4"
    pipeline.swap_clip(SwapRequest(Clip(show.clip), out, fake.FakeSwapper(), SwapSettings()))
    encoded = next(frame.image for frame in read_frames(out, 20, 21))
    assert np.abs(image.astype(int) - encoded).mean() < 2.5
    before = next(frame.image for frame in read_frames(show.clip, 20, 21))
    assert np.array_equal(image[:10], before[:10])
    assert np.abs(image.astype(int) - before)[40:50, 60:70].mean() > 5


def test_preview_stays_inside_the_clip_and_the_range(show: Any) -> None:
    assert show(5)[2] == range(21)
    assert show(34, frames=range(30, 38))[2] == range(30, 38)


def test_a_clip_that_was_analysed_is_not_analysed_again(show: Any) -> None:
    show.kept.append(None)
    assert show(20)[2] == range(COUNT)
    assert show(20, frames=range(2, 30))[2] == range(5, 30), "of this range it was not"
    show.kept.append(range(2, 30))
    assert show(20, frames=range(2, 30))[2] == range(2, 30)


def test_a_preview_is_named_as_a_picture(show: Any, fake: Any, tmp_path: Path) -> None:
    request = SwapRequest(Clip(show.clip), tmp_path / "out.mp4", fake.FakeSwapper(), SwapSettings())
    with pytest.raises(UsageError, match=r"named \.png"):
        preview.preview_frame(request, 20)


def test_a_frame_of_which_too_little_is_swapped_says_so(show: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recaster.swapping.coverage.MIN_COVERED", 0.99)
    result, _, _ = show(20)
    assert result.swapped == 0
    assert result.warnings[-1] == "a third of the face could not be painted"


def test_glasses_that_cannot_be_kept_are_told_of(show: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def add_appearance(plan: Any, *_: Any, **__: object) -> Any:
        return dataclasses.replace(plan, appearances={99: SimpleNamespace(lost=True)})  # of no painted face

    monkeypatch.setattr(preview, "add_appearance", add_appearance)
    assert show(20)[0].warnings == (LOST_GLASSES,)


def test_frames_that_cannot_be_shown(show: Any, tmp_path: Path) -> None:
    with pytest.raises(FaceNotFoundError, match="frame 38 shows no face"):
        show(38)
    with pytest.raises(UsageError, match="none of 0 to 39"):
        show(40)
    with pytest.raises(UsageError, match="none of 0 to 39"):
        show(-1)
    with pytest.raises(UsageError, match="leave the matte, the report and the overlay out"):
        show(20, matte=tmp_path / "matte.mov")
    with pytest.raises(UsageError, match="leave the layers out"):
        show(20, layers=("face",), layers_out=tmp_path / "face.mov")
