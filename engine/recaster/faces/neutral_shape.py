"""Neutral shape of one identity in canonical space: its mesh at rest and the usual opening of its eyes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from recaster.errors import FaceNotFoundError
from recaster.faces import alignment, geometry, topology
from recaster.faces.expressions import relax_mouth
from recaster.faces.pose import head_poses

if TYPE_CHECKING:
    from recaster.faces.geometry import Rigid
    from recaster.faces.types import Floats

_ROUNDS: Final = 3
_SHUT_SHARE: Final = 0.02
"""Share of the frames in which a mouth is shut, in speech at least."""
_CALM_SHARE: Final = 0.3  # share of the frames whose mouth is least open: calm ones, if their eyes are open
_BLINK_SHARE: Final = 0.01  # share of the frames in which lids are closed
_MAX_CLOSED: Final = 0.3
"""Opening over the usual of lids that read closed; a clip without a blink shows nothing smaller."""
_HALF_PIXEL: Final = np.array([0.5, 0.5, 0.0])


@dataclass(frozen=True, eq=False)
class NeutralShape:
    """Build of one identity's face in canonical units: the unit square of an aligned crop, head frontal."""

    neutral: Floats  # (478, 3), closed mouth and open eyes
    lids: Floats  # (2,), median lid openings of the left and right eye, share of the eye distance
    closed: Floats  # (2,), what the landmarker says of them when they are closed, in the same unit
    # How much farther the inner lips are apart where the mouth is least open than in the neutral mesh, in the
    # same unit; below 0 where they are closer.
    shut: float


def compute_canonical_mesh(points: Floats) -> Floats:
    """Computes the mean mesh (478, 3) of one person's frames (T, 478, 3), frontal, in canonical units.

    Generalised Procrustes analysis on the stable points, begun with the frame nearest to the usual
    pose; then turned until both halves of the face lie at the same depth.

    Raises:
        FaceNotFoundError: there are no frames.
    """
    if not len(points):
        raise FaceNotFoundError("no face to learn a form from: extract more frames of this person")
    poses = head_poses(points)
    mean = _place_in_crop(points[np.linalg.norm(poses - np.median(poses, 0), axis=-1).argmin()])
    # Each round fits the frames to a mean that is less one frame's own.
    for _ in range(_ROUNDS):
        mean = geometry.fit_rigid(points, mean).apply(points).mean(0)
        mean = _place_in_crop(_turn_frontal(mean))
    return mean


def mesh_to_crop(mesh: Floats, size: int) -> Floats:
    """Brings a canonical mesh (478, 3) to the pixels of an aligned crop of ``size``."""
    return mesh * size - _HALF_PIXEL


def learn_neutral_shape(expressions: Floats) -> NeutralShape:
    """Learns the neutral shape behind one person's canonical meshes (T, 478, 3).

    Neutral is the median of the frames whose mouth is among the least open and whose eyes are open, its mouth
    freed of the expression that these show, too.
    """
    gaps = geometry.mouth_gap(expressions)
    lids = geometry.lid_openings(expressions)
    shut = gaps <= np.quantile(gaps, _CALM_SHARE)
    calm = shut & (lids.mean(-1) >= np.quantile(lids.mean(-1), _CALM_SHARE))
    if not calm.any():  # then a shut mouth tells more than open eyes
        calm = shut
    usual = np.median(lids, 0)
    neutral = relax_mouth(expressions, calm, np.median(expressions[calm], 0))
    farther = float(np.quantile(gaps, _SHUT_SHARE) - geometry.mouth_gap(neutral))
    return NeutralShape(neutral, usual, closed_lids(lids, usual), farther)


def closed_lids(lids: Floats, usual: Floats) -> Floats:
    """Opening that closed lids read, (2,): the least of openings (T, 2), if that is small beside ``usual``.

    The same share of the usual for both eyes, which close together: the one that is farther from the
    camera reads worse.
    """
    share = float((np.quantile(lids, _BLINK_SHARE, axis=0) / np.maximum(usual, 1e-6)).min())
    return min(share, _MAX_CLOSED) * usual


def align_to_canonical(points: Floats, mesh: Floats) -> tuple[Floats, Rigid]:
    """Brings one person's frames (T, 478, 3) to the canonical space of ``mesh``; also returns the fits."""
    fits = geometry.fit_rigid(points, mesh)
    return fits.apply(points), fits


def _place_in_crop(mesh: Floats) -> Floats:
    """Places a mesh in any pixels in the unit square as an aligned crop shows it."""
    return alignment.transform(mesh, alignment.align_matrix(mesh, 1)) + _HALF_PIXEL


def _turn_frontal(mesh: Floats) -> Floats:
    """Turns a mesh about the vertical axis until the outer points of both halves are equally deep."""
    left = mesh[[*topology.EYE_CORNERS_LEFT, 127, 234]].mean(0)
    right = mesh[[*topology.EYE_CORNERS_RIGHT, 356, 454]].mean(0)
    angle = np.arctan2(right[2] - left[2], right[0] - left[0])
    cosine = np.cos(angle)
    sine = np.sin(angle)
    turn = np.array([[cosine, 0, sine], [0, 1, 0], [-sine, 0, cosine]])
    centre = mesh[list(topology.STABLE)].mean(0)
    return (mesh - centre) @ turn.T + centre
