"""The hand-over from a swapped face to the original while a head turns away.

A face that is drawn from frontal frames has no side to show: from some angle on the performer's own profile
is nearer to the true swap than what can be drawn. Measured with rendered actors whose true swap is known:
both are equally far from it at a yaw of 53 degrees (docs/robustness.md).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from recaster.faces.pose import head_poses
from recaster.faces.topology import POINTS

if TYPE_CHECKING:
    from recaster.faces.types import Floats

HANDOVER_YAW_DEG: Final = (44.0, 56.0)
"""Degrees to either side up to which a face is shown whole, and from which on it isn't."""
HANDOVER_S: Final = 0.4
"""A face comes and goes in no less than this."""


def profile_opacity(landmarks: Floats, times: Floats) -> Floats:
    """Computes the share of each frame's face that is shown, (T,) from 0 (the target stays) to 1.

    Args:
        landmarks: (T, N, 3), smoothed, of one track; all of it is shown where they aren't the mesh's.
        times: (T,) seconds, ascending.
    """
    if landmarks.shape[1] != POINTS:
        return np.ones(len(times))
    yaw = np.abs(head_poses(landmarks)[:, 0])
    steps = np.clip((HANDOVER_YAW_DEG[1] - yaw) / (HANDOVER_YAW_DEG[1] - HANDOVER_YAW_DEG[0]), 0, 1)
    wanted = steps * steps * (3 - 2 * steps)
    return _no_faster(wanted, times / HANDOVER_S)


def _no_faster(shares: Floats, times: Floats) -> Floats:
    """Shares lowered where they would change by more than 1 in a unit of time."""
    slow = shares.copy()
    for order in (range(1, len(slow)), range(len(slow) - 2, -1, -1)):
        for at in order:
            beside = at - 1 if order.step > 0 else at + 1
            slow[at] = min(slow[at], slow[beside] + abs(times[at] - times[beside]))
    return slow
