"""An analysis by segments."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from recaster.faces.analysis import join_segments
from recaster.faces.segments import follow_faces, split_frames, widen_segment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from recaster.faces.types import Analysis
    from recaster.media.types import Frame
    from recaster.settings.detection import AnalysisSettings


def segmented(
    read: Callable[[int, int], Iterable[Frame]], frames: range, settings: AnalysisSettings, rate: float = 25
) -> Analysis:
    """Analyse frames by segments."""
    found = []
    for segment in split_frames(frames):
        wide = widen_segment(segment, frames, rate, settings)
        found.append(follow_faces(read(wide.start, wide.stop), settings, segment, lambda: None))
    return join_segments(found, settings)


def assert_same(one: Analysis, other: Analysis) -> None:
    """To the last bit."""
    assert (one.cuts, one.first_frame, one.frame_count) == (other.cuts, other.first_frame, other.frame_count)
    assert len(one.tracks) == len(other.tracks)
    for mine, yours in zip(one.tracks, other.tracks, strict=True):
        for part in ("frames", "times", "boxes", "landmarks", "scores", "filled", "embedding", "behind"):
            np.testing.assert_array_equal(getattr(mine, part), getattr(yours, part))


def assert_alike(one: Analysis, other: Analysis, within: float = 1e-6) -> None:
    """The same cuts, and tracks of the same frames; landmarks within so many pixels."""
    assert (one.cuts, one.first_frame, one.frame_count) == (other.cuts, other.first_frame, other.frame_count)
    assert len(one.tracks) == len(other.tracks)
    for mine, yours in zip(one.tracks, other.tracks, strict=True):
        for part in ("frames", "times", "filled"):
            np.testing.assert_array_equal(getattr(mine, part), getattr(yours, part))
        assert np.abs(mine.landmarks - yours.landmarks)[..., :2].max() <= within
