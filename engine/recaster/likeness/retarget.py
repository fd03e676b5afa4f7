"""Retargeting of the target's motion to the source's face: pose and expression of one, build of the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from recaster.faces import topology
from recaster.faces.geometry import eye_distance, lid_openings, measure_distances, mouth_gap
from recaster.faces.mesh_surface import LIP_ROWS, LOWER_LIP, UPPER_LIP
from recaster.faces.neutral_shape import NeutralShape, align_to_canonical, closed_lids, learn_neutral_shape
from recaster.likeness.iris_warp import measure_irises

if TYPE_CHECKING:
    from recaster.faces.types import Floats

# Facing points of the lids (upper, lower; left eye then right).
_CONTOURS = (topology.EYE_LEFT_CONTOUR, topology.EYE_RIGHT_CONTOUR)
_UPPER_LIDS = [contour[9:] for contour in _CONTOURS]
_LOWER_LIDS = [contour[1:8] for contour in _CONTOURS]
# The two rows of points above the upper lids, that follow them by these shares.
_FOLDS = (
    (0.6, ((247, 30, 29, 27, 28, 56, 190), (467, 260, 259, 257, 258, 286, 414))),
    (0.25, ((113, 225, 224, 223, 222, 221, 189), (342, 445, 444, 443, 442, 441, 413))),
)
_EYES = (
    (topology.EYE_CORNERS_LEFT, topology.IRIS_LEFT),
    (topology.EYE_CORNERS_RIGHT, topology.IRIS_RIGHT),
)
_IRIS_POINTS: Final = 5  # the centre of an iris and its rim
_LIPS: Final = sorted(
    {*topology.LIPS_INNER, *(point for _, *rows in LIP_ROWS for row in rows for point in row)}
    | {*topology.LIPS_OUTER}
)
_MAX_LID_OPENING: Final = 1.6  # opening of lids over the usual: beyond it the mesh is noise
_MIN_USUAL_LIDS: Final = 0.5  # usual opening of lids over the source's: below it they are shut, not narrow
_PULL_REACH: Final = 0.45
_PULL_SIGMA: Final = 0.15
"""Distance from leading points up to which others follow them, and smoothness of that, in eye distances."""
_MAX_SHUT_GAP: Final = 0.03  # gap that is seen between lips that touch, in eye distances
MAX_LEARNED_FRAMES: Final = 4000
"""Frames, evenly spread over a track, that tell a performer's build; of more its statistics don't change."""
_MIN_FRAMES: Final = 25
"""Frames of a track from which on its calm ones tell the performer's build from the expression."""


@dataclass(frozen=True, eq=False)
class Gains:
    """Gains of a performer's motion in each frame, (T,); 1 for as it is."""

    expression: Floats
    gaze: Floats

    @property
    def are_plain(self) -> bool:
        """True where nothing is changed."""
        return bool((self.expression == 1).all() and (self.gaze == 1).all())

    @classmethod
    def alike(cls, gains: tuple[float, float], count: int) -> Gains:
        """The same gains, of expression and gaze, in every frame."""
        expression, gaze = gains
        return cls(np.full(count, expression), np.full(count, gaze))

    def of(self, rows: slice) -> Gains:
        """Gains of some of the frames."""
        return Gains(self.expression[rows], self.gaze[rows])


def retarget(
    points: Floats,
    mesh: Floats,
    source: NeutralShape,
    gains: Gains | None = None,
    performer: NeutralShape | None = None,
) -> Floats:
    """Makes the source's face move as the target does, in the target's frames.

    The target's offsets from its own neutral are added to the source's neutral in the canonical
    space, and the target's pose is put back. Whoever looks to one side throughout has that in the neutral:
    the usual gaze is the target's. Lids keep their place between closed and usual for each person, so that
    closed stays closed; lips part as far as the target's do, and never cross. The outline is the target's,
    what is near it following. In a track of a few frames build and expression cannot be told apart: the
    fewer, the more of the target's build is kept. Lids that close do so whatever the gain of expressions:
    half a blink would look drowsy.

    Args:
        points: (T, 478, 3), one performer's meshes in frame pixels, smoothed; so is what is returned.
        mesh: (478, 3), the source's canonical mesh.
        source: in the space of that.
        performer: as of ``learn_performer``; learned of these meshes where None.
    """
    expressions, fits = align_to_canonical(points, mesh)
    target = learn_performer(points, mesh, source) if performer is None else performer
    offsets = expressions - target.neutral
    # By what is shut and what is usual for each of them, so that shut stays shut.
    share = (lid_openings(expressions) - target.closed) / (target.lids - target.closed)
    apart = _lip_offsets(expressions, target)
    if gains is not None and not gains.are_plain:
        offsets = _scale_offsets(offsets, gains)
        share += np.maximum(share - 1, 0) * (gains.expression[:, None] - 1)
        apart *= gains.expression[:, None, None]
    moved = source.neutral + offsets
    wanted = source.closed + np.clip(share, 0.0, _MAX_LID_OPENING) * (source.lids - source.closed)
    moved = _set_lids(moved, source.neutral, wanted / lid_openings(source.neutral))
    moved = _set_lips(moved, apart)
    moved = _turn_eyes(moved, _gaze(target.neutral) - _gaze(source.neutral))
    placed = fits.undo(moved)
    # The target's head stays: a narrower face would leave the target's jaw, and its beard, beside it, and a
    # wider one would be cut off.
    oval = list(topology.OVAL)
    return placed + _pull(source.neutral, oval) @ (points[:, oval] - placed[:, oval])


def _gaze(neutral: Floats) -> float:
    """Gaze of a mesh (478, 3) to the picture's right: its irises from the eyes' middles, in eye widths.

    The mean of both eyes, in which it cancels out that irises sit nearer to one corner: faces are symmetric.
    Nothing tells so of up and down, where corners lie at different heights in different people.
    """
    left, right = measure_irises(neutral)
    return float(left - right) / 2


def _turn_eyes(points: Floats, shift: float) -> Floats:
    """Moves irises of meshes (T, 478, 3) to the picture's right, in eye widths."""
    points = points.copy()
    for (left, right), iris in _EYES:
        points[:, iris : iris + _IRIS_POINTS] += shift * (points[:, right] - points[:, left])[:, None]
    return points


def _scale_offsets(offsets: Floats, gains: Gains) -> Floats:
    """Scales offsets (T, 478, 3) from a neutral mesh: the irises' in their eyes by the gaze's gain."""
    scaled = offsets * gains.expression[:, None, None]
    eyes = ((topology.EYE_LEFT, topology.IRIS_LEFT), (topology.EYE_RIGHT, topology.IRIS_RIGHT))
    for outline, first in eyes:
        iris = slice(first, first + _IRIS_POINTS)
        before, after = (each[:, list(outline)].mean(1, keepdims=True) for each in (offsets, scaled))
        scaled[:, iris] = after + (offsets[:, iris] - before) * gains.gaze[:, None, None]
    return scaled


def morph_shape(performer: Floats, wanted: Floats, strength: Floats) -> Floats:
    """Shapes (T, 478, 3) between a performer's meshes and those of the source's face in the same frames.

    ``strength`` (T,) is 0 for the performer's to 1.
    """
    between = performer + strength[:, None, None] * (wanted - performer)
    # To the bit: a whole swap doesn't depend on whether another frame's is one.
    return np.where(strength[:, None, None] == 1, wanted, between)


def fit_lips(meshes: Floats, performer: Floats, source: NeutralShape) -> Floats:
    """Moves lips of the source's meshes (T, 478, 3) to the performer's, what is near them following."""
    return meshes + _pull(source.neutral, _LIPS) @ (performer[:, _LIPS] - meshes[:, _LIPS])


def _pull(neutral: Floats, leading: list[int]) -> Floats:
    """Shares (478, K) by which each point follows each of K leading ones, those themselves wholly."""
    places = neutral[leading, :2]
    away = measure_distances(neutral[:, :2], places) / eye_distance(neutral)
    shares = np.exp(-((away / _PULL_SIGMA) ** 2))
    shares /= shares.sum(1, keepdims=True)
    pull = np.clip(1 - away.min(1) / _PULL_REACH, 0, 1)[:, None] ** 2 * shares
    pull[leading] = np.eye(len(places))
    return pull


def learn_performer(points: Floats, mesh: Floats, source: NeutralShape) -> NeutralShape:
    """Learns the performer's neutral shape from a track; in short ones the source's stands in for some of it.

    Args:
        points, mesh, source: as of ``retarget``.
    """
    step = max(1, len(points) // MAX_LEARNED_FRAMES)
    expressions, _ = align_to_canonical(points[::step], mesh)
    learned = learn_neutral_shape(expressions)
    # A short shot may show one expression throughout: it would be taken for the performer's build.
    share = min(1.0, len(expressions) / _MIN_FRAMES)
    lids = np.maximum(share * learned.lids + (1 - share) * source.lids, _MIN_USUAL_LIDS * source.lids)
    return NeutralShape(
        neutral=share * learned.neutral + (1 - share) * source.neutral,
        lids=lids,
        closed=closed_lids(lid_openings(expressions), lids),
        shut=share * learned.shut + (1 - share) * source.shut,
    )


def _lip_offsets(expressions: Floats, performer: NeutralShape) -> Floats:
    """Offsets from the points of a performer's inner upper lip to those below (T, 9, 3); 0 where lips touch.

    What the landmarker sees between lips that touch is taken away, and less of it the farther they part.
    """
    apart = expressions[:, list(LOWER_LIP)] - expressions[:, list(UPPER_LIP)]
    seen = np.maximum(apart[..., 1:2], 1e-6)
    least = np.clip(mouth_gap(performer.neutral) + performer.shut, 1e-6, _MAX_SHUT_GAP)
    touching = least * eye_distance(performer.neutral)
    beyond = np.maximum(seen - touching, 0)
    return apart * np.maximum(1 - touching / seen * np.exp(-beyond / (2 * touching)), 0)


def _set_lips(points: Floats, apart: Floats) -> Floats:
    """Sets the inner lips of meshes (T, 478, 3) ``apart`` (T, 9, 3), around where they would meet."""
    points = points.copy()
    farther = apart - (points[:, list(LOWER_LIP)] - points[:, list(UPPER_LIP)])
    for share, upper, lower in LIP_ROWS:  # rows farther out follow less
        points[:, list(upper)] -= share / 2 * farther
        points[:, list(lower)] += share / 2 * farther
    return points


def _set_lids(points: Floats, neutral: Floats, shares: Floats) -> Floats:
    """Sets upper lids above the lower ones at ``shares`` (T, 2) of the neutral opening, folds with them."""
    points = points.copy()
    for eye, (upper, lower) in enumerate(zip(_UPPER_LIDS, _LOWER_LIDS, strict=True)):
        opening = neutral[list(upper)] - neutral[list(lower)]
        wanted = points[:, lower] + shares[:, eye, None, None] * opening
        shift = wanted - points[:, upper]
        points[:, upper] = wanted
        for share, rows in _FOLDS:
            points[:, rows[eye]] += share * shift
    return points
