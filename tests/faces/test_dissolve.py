"""A track shows one person, whatever becomes of the picture."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from recaster.faces.analysis import analyse
from recaster.faces.embedding import SAME_IN_CLIP, distance
from recaster.media.reader import read_frames
from recaster.media.types import Frame

if TYPE_CHECKING:
    from pathlib import Path


def test_a_dissolve_to_another_person_is_no_longer_the_first(actors: Path) -> None:
    """Both faces lie in one place, so the mesh slides from one to the other without a break."""
    pairs = zip(
        read_frames(actors / "performer.mp4", 30, 70),
        read_frames(actors / "likeness.mp4", 0, 40),
        strict=True,
    )
    frames = []
    for index, (one, other) in enumerate(pairs):
        share = float(np.clip((index - 14) / 12, 0, 1))
        image = np.rint(one.image * (1 - share) + other.image * share).astype(np.uint8)
        frames.append(Frame(index, index, Fraction(index, 25), image))
    found = analyse(frames)
    assert len(found.tracks) == 2
    first, second = found.tracks
    assert 14 <= first.frames[-1] <= 24
    assert second.frames[0] == first.frames[-1] + 1
    assert second.frames[-1] == 39
    assert distance(first.embedding, second.embedding) > SAME_IN_CLIP
