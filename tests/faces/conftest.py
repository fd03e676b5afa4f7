"""Faces made of numbers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from recaster.faces.alignment import TEMPLATE
from recaster.faces.topology import IBUG68, OVAL
from recaster.faces.types import Analysis, FaceTrack

Points = Callable[[float, float, float], np.ndarray]


@pytest.fixture(scope="session")
def points_at() -> Points:
    """(478, 3) of a face: its crop's top left corner and side in pixels."""

    def points(x: float, y: float, side: float) -> np.ndarray:
        result = np.full((478, 3), 0.5)
        around = np.linspace(0, 2 * np.pi, len(OVAL), endpoint=False)
        result[list(OVAL), :2] = 0.5 + 0.4 * np.stack([np.sin(around), -np.cos(around)], axis=1)
        result[list(IBUG68[17:]), :2] = TEMPLATE
        return result * side + (x, y, 0)

    return points


@pytest.fixture(scope="session")
def track_of(points_at: Points) -> Callable[..., FaceTrack]:
    """A track: its number, frames, size of the face, and a vector that stands for who it is."""

    def track(number: int, frames: range, side: float = 100.0, who: float | None = 0.0) -> FaceTrack:
        landmarks = np.stack([points_at(10.0 + i, 20.0, side) for i in frames])
        low = landmarks[:, :468, :2].min(axis=1)
        high = landmarks[:, :468, :2].max(axis=1)
        return FaceTrack(
            track=number,
            frames=np.arange(frames.start, frames.stop),
            times=np.arange(frames.start, frames.stop) / 25,
            boxes=np.concatenate([low, high], axis=1),
            landmarks=landmarks,
            scores=np.full(len(frames), 0.9),
            filled=np.zeros(len(frames), bool),
            embedding=np.zeros(0) if who is None else np.full(128, who / np.sqrt(128)),
        )

    return track


@pytest.fixture(scope="session")
def analysis_of() -> Callable[..., Analysis]:
    """An analysis of 100 frames with these tracks."""

    def analysis(*tracks: FaceTrack) -> Analysis:
        return Analysis(tracks=tracks, cuts=(50,), frame_count=100, first_frame=0)

    return analysis
