"""Likeness of the swapped face's motion to the performer's: expression, gaze, pose, steadiness.

All of it is measured by the ``LandmarkJudge``. *Head coordinates* have the head's movement taken out: a
similarity puts points that expression hardly moves onto a fixed template, one unit being the distance
of the eyes' centres. Two faces of different shape have different means there; that is taken out too,
by each sequence's own mean, since another face shape is the point of a swap.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from recaster.evaluation.landmark_judge import INNER
from recaster.evaluation.nan_stats import mean, ratio, relative
from recaster.evaluation.types import FaceObservations, Figure, Mask, Scores
from recaster.faces.alignment import EYE_DISTANCE, TEMPLATE, similarity, transform
from recaster.faces.pose import angles

if TYPE_CHECKING:
    from recaster.faces.types import Floats

STABLE: Final = (27, 28, 29, 30, 33, 36, 39, 42, 45)
"""Bridge, tip and base of the nose, corners of the eyes."""

# Nose and corners of the eyes of the mean mesh of three people, frontal, mirrored and averaged with
# itself: x to the picture's right, y down, z away from the camera, eye distances.
SOLID: Final = (*range(27, 36), 36, 39, 42, 45)
_IN_SPACE: Final = np.array(
    [
        (0.000, -0.153, -0.295), (0.000, 0.048, -0.491), (0.000, 0.226, -0.718), (0.000, 0.346, -0.780),
        (-0.205, 0.551, -0.468), (-0.119, 0.606, -0.520), (0.000, 0.598, -0.546), (0.119, 0.606, -0.520),
        (0.205, 0.551, -0.468), (-0.702, -0.003, 0.044), (-0.298, 0.003, -0.044), (0.298, 0.003, -0.044),
        (0.702, -0.003, 0.044),
    ]
)  # fmt: skip


def motion_scores(
    original: FaceObservations, swapped: FaceObservations, mirrored: FaceObservations
) -> Scores:
    """Scores everything about motion; ``mirrored`` is the judge's second opinion of the original."""
    here = head_coordinates(original.points)
    there = head_coordinates(swapped.points)
    again = head_coordinates(mirrored.points)
    deviation = deviations(here, there)
    noise = mean(deviations(here, again))
    jitter = second_difference(there)
    jitter_original = second_difference(here)
    frozen = mean(deviations(here, np.zeros_like(here)))
    figures = (
        Figure("motion_deviation", mean(deviation), {"frozen": frozen, "noise": noise}),
        _correlation("mouth_correlation", mouth_opening(here), mouth_opening(there), mouth_opening(again)),
        _correlation("eye_correlation", eye_opening(here), eye_opening(there), eye_opening(again)),
        Figure("mouth_range", spread(mouth_opening(there)) / spread(mouth_opening(here))),
        Figure("eye_range", spread(eye_opening(there)) / spread(eye_opening(here))),
        _correlation("gaze_correlation", gaze(original.pupils), gaze(swapped.pupils), gaze(mirrored.pupils)),
        *_gaze_figures(original.pupils, swapped.pupils, mirrored.pupils),
        _pose_figure(original.points, swapped.points, mirrored.points),
        _landmark_figure(here, there, again),
        Figure("jitter", ratio(jitter, jitter_original)),
    )
    frames = {
        "motion_deviation": deviation,
        "mouth_opening": mouth_opening(there),
        "mouth_opening_original": mouth_opening(here),
        "eye_opening": eye_opening(there),
        "eye_opening_original": eye_opening(here),
        "jitter": relative(jitter, jitter_original),
    }
    return Scores(figures, frames)


def head_coordinates(points: Floats) -> Floats:
    """Takes the head's own movement out of points (T, 68, 2), pixels or NaN: eye distances."""
    template = TEMPLATE[np.array(STABLE) - 17] / EYE_DISTANCE
    result = np.full(points.shape, np.nan)
    seen = _known(points)
    if seen.any():
        result[seen] = transform(points[seen], similarity(points[seen][:, STABLE], template))
    return result


def deviations(first: Floats, second: Floats) -> Floats:
    """Computes the distance of two motions, frame by frame (T,), % of the eye distance.

    Mean over the inner points (brows, nose, eyes, mouth) of the distance between what is left when each
    sequence's own mean is taken away. A face without expression (zeros) gives the frozen value.
    """
    return 100 * np.linalg.norm(_centred_difference(first, second)[:, INNER], axis=-1).mean(axis=-1)


def _centred_difference(first: Floats, second: Floats) -> Floats:
    """Subtracts two sequences (T, ...), each one's own mean taken away first; NaN where one is not known."""
    both = _known(first) & _known(second)
    result = np.full(first.shape, np.nan)
    if both.any():
        a = first[both]
        b = second[both]
        result[both] = (a - a.mean(axis=0)) - (b - b.mean(axis=0))
    return result


def _known(sequence: Floats) -> Mask:
    """Mask (T,) of the frames of a sequence (T, ...) in which all is known."""
    return np.asarray(np.isfinite(sequence).all(axis=tuple(range(1, sequence.ndim))))


def second_difference(points: Floats) -> Floats:
    """Computes the mean second difference of the inner points in head coordinates (T,), eye distances."""
    result = np.full(len(points), np.nan)
    if len(points) > 2:
        bend = points[2:, INNER] - 2 * points[1:-1, INNER] + points[:-2, INNER]
        result[1:-1] = np.linalg.norm(bend, axis=-1).mean(axis=-1)
    return result


def mouth_opening(points: Floats) -> Floats:
    """Computes the mean distance of the inner lips' three pairs of points (T,), in the points' unit."""
    return np.linalg.norm(points[:, (61, 62, 63)] - points[:, (67, 66, 65)], axis=-1).mean(axis=-1)


def eye_opening(points: Floats) -> Floats:
    """Computes the distance of the lids (T,), mean of two pairs in each eye, in the points' unit."""
    upper = points[:, (37, 38, 43, 44)]
    lower = points[:, (41, 40, 47, 46)]
    return np.linalg.norm(upper - lower, axis=-1).mean(axis=-1)


def gaze(pupils: Floats) -> Floats:
    """Computes the eyes' direction to the side (T,), eye widths; of one eye where the other shows nothing."""
    across = pupils[..., 0]
    seen = np.isfinite(across)
    count = seen.sum(axis=1)
    return np.where(count > 0, np.where(seen, across, 0).sum(axis=1) / np.maximum(count, 1), np.nan)


def gaze_offset(first: Floats, second: Floats) -> Floats:
    """Computes how far pupils (T, 2, 2) are off those of a first sequence, (2,): across and down, eye widths.

    The mean over eyes and frames in which both are seen; NaN where none is.
    """
    return np.array([mean((second - first)[..., axis]) for axis in (0, 1)])


def squint(first: Floats, second: Floats) -> float:
    """Computes how differently two sequences' pupils (T, 2, 2) stand apart across, mean over the frames."""
    apart = [pupils[:, 1, 0] - pupils[:, 0, 0] for pupils in (first, second)]
    return mean(np.abs(apart[1] - apart[0]))


def correlation(first: Floats, second: Floats) -> float:
    """Computes Pearson's correlation of two series (T,) over the frames in which both are known.

    NaN with fewer than three such frames, or where the first doesn't change; 0 where only the second
    doesn't.
    """
    both = np.isfinite(first) & np.isfinite(second)
    if both.sum() < 3 or np.std(first[both]) < 1e-9:
        return float("nan")
    if np.std(second[both]) < 1e-9:
        return 0.0
    return float(np.corrcoef(first[both], second[both])[0, 1])


def spread(series: Floats) -> float:
    """Computes the range from the 5th to the 95th percentile of a series' known values (T,), else NaN."""
    known = series[np.isfinite(series)]
    return float(np.subtract(*np.percentile(known, (95, 5)))) or float("nan") if len(known) else float("nan")


def poses(points: Floats) -> Floats:
    """Computes head poses (T, 3) from 68 points (T, 68, 2): yaw, pitch, roll in degrees, as in ``Pose``.

    The nose and the corners of the eyes against a mean face in space, seen from afar (scaled
    orthographic projection; Dementhon and Davis, "Model-based object pose in 25 lines of code", 1995).
    The mean face is nobody's: angles are right up to a constant that differs from person to person.
    """
    result = np.full((len(points), 3), np.nan)
    seen = _known(points)
    if not seen.any():
        return result
    flat = points[seen][:, SOLID]
    flat = flat - flat.mean(axis=1, keepdims=True)
    rows = np.swapaxes(np.linalg.pinv(_IN_SPACE - _IN_SPACE.mean(axis=0)) @ flat, 1, 2)
    u, _, vt = np.linalg.svd(rows, full_matrices=False)
    level = u @ vt
    turn = np.concatenate([level, np.cross(level[:, 0], level[:, 1])[:, None]], axis=1)
    result[seen] = angles(turn)
    return result


def _pose_figure(original: Floats, swapped: Floats, mirrored: Floats) -> Figure:
    here = poses(original)

    def distance(other: Floats) -> float:
        """Mean distance of the three angles, degrees."""
        return mean(np.abs(_centred_difference(here, other)).mean(axis=1))

    references = {"noise": distance(poses(mirrored)), "frozen": distance(np.zeros_like(here))}
    return Figure("pose_difference", distance(poses(swapped)), references)


def _gaze_figures(original: Floats, swapped: Floats, mirrored: Floats) -> tuple[Figure, ...]:
    off = gaze_offset(original, swapped)
    noise = gaze_offset(original, mirrored)
    return (
        Figure("gaze_offset", float(np.hypot(*off)), {"noise": float(np.hypot(*noise))}),
        Figure("gaze_across", float(off[0]), {"noise": float(noise[0])}),
        Figure("gaze_down", float(off[1]), {"noise": float(noise[1])}),
        Figure("gaze_range", spread(gaze(swapped)) / spread(gaze(original))),
        Figure("squint", squint(original, swapped), {"noise": squint(original, mirrored)}),
    )


def _landmark_figure(here: Floats, there: Floats, again: Floats) -> Figure:
    """Plain distances: a perfect retarget of another face isn't 0, so say what it would be."""

    def plain(first: Floats, second: Floats) -> float:
        return 100 * mean(np.linalg.norm(first[:, INNER] - second[:, INNER], axis=-1).mean(axis=-1))

    both = _known(here) & _known(there)
    if not both.any():
        return Figure("landmark_deviation", float("nan"))
    shape = there[both].mean(axis=0)
    references = {
        "perfect retarget": plain(here[both], here[both] + shape - here[both].mean(axis=0)),
        "frozen": plain(here[both], np.broadcast_to(shape, here[both].shape)),
        "noise": plain(here, again),
    }
    return Figure("landmark_deviation", plain(here, there), references)


def _correlation(name: str, first: Floats, second: Floats, again: Floats) -> Figure:
    return Figure(name, correlation(first, second), {"noise": correlation(first, again)})
