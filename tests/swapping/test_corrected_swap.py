"""A swap after corrections: only parts near them are rendered anew, and the result is that from scratch."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from recaster.media.clip import Clip
from recaster.settings.encoding import WriterOptions
from recaster.settings.look import LookSettings
from recaster.settings.swap import SwapSettings
from recaster.swapping import pipeline
from recaster.swapping.corrected_plan import REACH_FRAMES, plan_track
from recaster.swapping.request import SwapRequest

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.faces.types import Analysis, FaceTrack
    from recaster.swapping.swapper import TrackPlan

COUNT = 320
CHUNK = 64
MENDED = range(140, 160)
SETTINGS = SwapSettings(
    writer=WriterOptions(quality=4, preset="ultrafast"),
    look=LookSettings(colour="mean"),
    chunk=CHUNK,
    batch=8,
)


@pytest.fixture(scope="module")
def clip(fake: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fake.make_clip(tmp_path_factory.mktemp("clips") / "target.mp4", COUNT)


@pytest.fixture(scope="module")
def swapper(fake: Any) -> Any:
    """A swapper whose plans depend on the whole track, as neutral shapes do."""

    class Swapper(fake.FakeSwapper):  # type: ignore[misc, name-defined]
        def plan(self, track: FaceTrack, smoothing: object, *_: object) -> TrackPlan:
            plan = super().plan(track, smoothing)
            offset = track.boxes.mean(0) @ np.array([1, 0, 0, 0]) / 50
            return dataclasses.replace(plan, matrices=plan.matrices + np.array([[0, 0, offset], [0, 0, 0]]))

    return Swapper()


@pytest.fixture(scope="module")
def found(fake: Any) -> Analysis:
    """A face that stays in the picture."""
    drifting = fake.track(range(COUNT))
    shift = -0.3 * drifting.frames[:, None]
    track = dataclasses.replace(
        drifting,
        boxes=drifting.boxes + shift * (1, 0, 1, 0),
        landmarks=drifting.landmarks + shift[..., None] * (1, 0, 0),
    )
    return fake.analysis([track], COUNT)


def mend(found: Analysis, frames: range, by: float = 3.0) -> Analysis:
    """Moves the face in some frames."""
    [track] = found.tracks
    inside = np.isin(track.frames, frames)[:, None]
    mended = dataclasses.replace(
        track,
        boxes=track.boxes + np.where(inside, by, 0),
        landmarks=track.landmarks + np.where(inside, by, 0)[..., None],
    )
    return dataclasses.replace(found, tracks=(mended,), uncorrected=found)


def swap(monkeypatch: pytest.MonkeyPatch, analysis: Analysis, clip: Path, out: Path, swapper: Any) -> Any:
    monkeypatch.setattr(pipeline, "analyse_clip", lambda *_, **__: analysis)
    return pipeline.swap_clip(SwapRequest(Clip(clip), out, swapper, SETTINGS, keeps_segments=True))


def parts(out: Path) -> dict[int, bytes]:
    folder = out.with_name(out.name + ".parts")
    return {int(path.name[:8]): path.read_bytes() for path in sorted(folder.glob("*.clip.*"))}


def test_only_parts_near_corrections_are_rendered_anew_and_as_from_scratch(
    clip: Path, swapper: Any, found: Analysis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out.mp4"
    swap(monkeypatch, found, clip, out, swapper)
    before = parts(out)
    whole = out.read_bytes()
    mended = mend(found, MENDED)
    result = swap(monkeypatch, mended, clip, out, swapper)
    touched = {frame // CHUNK * CHUNK for frame in MENDED}
    near = {start + by for start in touched for by in (-CHUNK, 0, CHUNK)}
    assert result.resumed >= COUNT - CHUNK * len(near)
    after = parts(out)
    changed = {start for start in before if before[start] != after[start]}
    assert touched <= changed <= near
    swap(monkeypatch, mended, clip, tmp_path / "scratch.mp4", swapper)
    assert parts(tmp_path / "scratch.mp4") == after
    assert (tmp_path / "scratch.mp4").read_bytes() == out.read_bytes()
    assert swap(monkeypatch, mended, clip, out, swapper).resumed == COUNT
    swap(monkeypatch, found, clip, out, swapper)
    assert out.read_bytes() == whole, "corrections that are taken back leave no trace"


def test_a_plan_goes_from_the_corrected_track_to_the_one_that_was_found(
    swapper: Any, found: Analysis
) -> None:
    mended = mend(found, MENDED)
    plan, earlier = plan_track(mended.tracks[0], found, swapper, SETTINGS.smoothing)
    assert earlier is not None
    own = swapper.plan(mended.tracks[0], SETTINGS.smoothing).matrices
    before = swapper.plan(found.tracks[0], SETTINGS.smoothing).matrices
    assert np.ptp(own - before, axis=0)[0, 2] > 0
    same = (plan.matrices == before).all((1, 2))
    assert np.flatnonzero(~same).tolist() == list(
        range(MENDED.start - REACH_FRAMES + 1, MENDED.stop + REACH_FRAMES - 1)
    )
    assert (plan.matrices[MENDED.start : MENDED.stop] == own[MENDED.start : MENDED.stop]).all()
    steps = np.abs(np.diff(plan.matrices[100:132], axis=0)).max()
    assert steps < 0.01, "nothing pops on the way"


def test_a_track_that_was_mostly_corrected_is_another(swapper: Any, found: Analysis) -> None:
    mended = mend(found, range(100))
    plan, earlier = plan_track(mended.tracks[0], found, swapper, SETTINGS.smoothing)
    assert earlier is None
    assert (plan.matrices == swapper.plan(mended.tracks[0], SETTINGS.smoothing).matrices).all()
