"""An analysis that is interrupted again and again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from recaster.faces import analysis_journal
from recaster.faces.analysis import analyse
from recaster.settings.detection import AnalysisSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from recaster.faces.types import Analysis
    from recaster.media.types import Frame
    from recaster.settings.detection import AnalysisSettings


def interrupted(
    frames: Callable[[int], Iterable[Frame]],
    first: int,
    settings: AnalysisSettings,
    folder: Path,
    every: int = 7,
) -> Analysis:
    """Analyse, with a new tracker for every few frames; ``frames`` reads those from an index on."""
    while True:
        left = [every]

        def stop(_: object, left: list[int] = left) -> None:
            left[0] -= 1
            if left[0] == 0:
                raise KeyboardInterrupt

        with analysis_journal.open_journal(folder, first) as begun:
            assert begun is not None
            try:
                return analyse(frames(begun.begin), settings, None, stop, begun)
            except KeyboardInterrupt:
                continue


def assert_same(one: Analysis, other: Analysis) -> None:
    """To the last bit."""
    assert (one.cuts, one.first_frame, one.frame_count) == (other.cuts, other.first_frame, other.frame_count)
    assert len(one.tracks) == len(other.tracks)
    for mine, yours in zip(one.tracks, other.tracks, strict=True):
        for part in ("frames", "times", "boxes", "landmarks", "scores", "filled", "embedding", "behind"):
            np.testing.assert_array_equal(getattr(mine, part), getattr(yours, part))
