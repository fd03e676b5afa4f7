from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest

from recaster.errors import InputError
from recaster.evaluation.ground_truth import Truth
from recaster.faces.analysis_cache import analyse_clip
from recaster.faces.pose import head_poses
from recaster.media.clip import Clip
from recaster.media.probe import probe
from recaster.media.reader import read_frames
from recaster.settings.detection import AnalysisSettings

if TYPE_CHECKING:
    from pathlib import Path

PAIRS = ("far", "close")


@pytest.mark.parametrize("pair", PAIRS)
def test_the_truth_fits_its_clip_and_the_performers(actors: Path, pair: str) -> None:
    truth = Truth.load(actors / "truth" / f"{pair}.mp4")
    info = probe(truth.clip)
    performer = probe(actors / "performer.mp4")
    assert len(truth) == info.frame_count == performer.frame_count
    assert truth.size == (info.width, info.height) == (performer.width, performer.height)
    assert truth.expressions.shape == (len(truth), len(truth.expression_names))


@pytest.mark.parametrize("pair", PAIRS)
def test_the_truth_differs_from_the_performer_in_the_face(actors: Path, pair: str) -> None:
    truth = Truth.load(actors / "truth" / f"{pair}.mp4")
    for index in (0, 77, 180):
        true = next(iter(read_frames(truth.clip, index, index + 1))).image.astype(float)
        same = next(iter(read_frames(actors / "performer.mp4", index, index + 1))).image
        mask = truth.mask(index)
        apart = np.abs(true - same).mean(axis=2)
        assert 0.08 < mask.mean() < 0.35
        assert apart[mask].mean() > 4 * apart[~mask].mean()


@pytest.mark.parametrize("pair", PAIRS)
def test_landmarks_lie_on_the_face(actors: Path, pair: str) -> None:
    truth = Truth.load(actors / "truth" / f"{pair}.mp4")
    for index in (0, 77, 180):
        ys, xs = np.nonzero(truth.mask(index))
        inner = truth.landmarks[index, 17:]
        assert (inner >= (xs.min() - 4, ys.min() - 4)).all()
        assert (inner <= (xs.max() + 4, ys.max() + 4)).all()


def test_poses_have_our_signs(actors: Path) -> None:
    truth = Truth.load(actors / "truth" / "far.mp4")
    frames = range(80)
    (track,) = analyse_clip(Clip(truth.clip), AnalysisSettings(identify=False), frames).tracks
    found = head_poses(track.landmarks)
    for axis in range(3):
        assert np.corrcoef(found[:, axis], truth.poses[track.frames, axis])[0, 1] > 0.9


def test_what_is_missing_or_damaged_is_named(actors: Path, tmp_path: Path) -> None:
    clip = tmp_path / "far.mp4"
    shutil.copy(actors / "truth" / "far.mp4", clip)
    with pytest.raises(InputError, match="arrays beside its clip"):
        Truth.load(clip)
    whole = (actors / "truth" / "far.npz").read_bytes()
    clip.with_suffix(".npz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="damaged"):
        Truth.load(clip)
    np.savez(clip.with_suffix(".npz"), mask=np.zeros(3))
    with pytest.raises(InputError, match="damaged or incomplete"):
        Truth.load(clip)
