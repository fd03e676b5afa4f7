"""The target's motion on the source's face: pose and expression of one, build of the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial.distance import cdist

from recaster.faces import topology
from recaster.likeness.form import Form, canonical_expressions, closed_lids, learn_form
from recaster.likeness.geometry import eye_distance, lid_openings
from recaster.likeness.surface import LOWER_LIP, UPPER_LIP

if TYPE_CHECKING:
    from recaster.faces.types import Floats

# Facing points of the lids (upper, lower; left eye then right).
_UPPER_LIDS = ((246, 161, 160, 159, 158, 157, 173), (466, 388, 387, 386, 385, 384, 398))
_LOWER_LIDS = ((7, 163, 144, 145, 153, 154, 155), (249, 390, 373, 374, 380, 381, 382))
# The lips' outer edge without its corners.
_UPPER_EDGE, _LOWER_EDGE = topology.LIPS_OUTER[11:], topology.LIPS_OUTER[1:10]
# The two rows of points above the upper lids, that follow them by these shares.
_FOLDS = (
    (0.6, ((247, 30, 29, 27, 28, 56, 190), (467, 260, 259, 257, 258, 286, 414))),
    (0.25, ((113, 225, 224, 223, 222, 221, 189), (342, 445, 444, 443, 442, 441, 413))),
)
_WIDEST = 1.6
"""Lids open at most this many times as wide as usual: beyond it the mesh is noise."""
_NARROWEST = 0.5
"""Nobody's usual lids are taken for narrower than this share of the source's: they are shut, not narrow."""
_OUTLINE_REACH, _OUTLINE_SPREAD = 0.45, 0.15
"""How far from the outline points follow it, and how smoothly, in eye distances."""
_TELLING = 25
"""Frames of a track from which on its calm ones tell the performer's build from the expression."""


def retarget(points: Floats, mesh: Floats, source: Form) -> Floats:
    """The source's face making the target's movements, in the target's frames.

    The target's offsets from its own neutral are added to the source's neutral in the canonical
    space, and the target's pose is put back. Lids keep their place between closed and usual for
    each person, and lips too, so that closed stays closed; they never cross. The outline is the
    target's. In a track of a few frames build and expression cannot be told apart: the fewer, the more
    of the target's build is kept, so that an open mouth stays open.

    Args:
        points: (T, 478, 3), one performer's meshes in frame pixels, smoothed.
        mesh: (478, 3), the source's canonical mesh.
        source: the source's form in that space.

    Returns:
        (T, 478, 3) in frame pixels.
    """
    expressions, fits = canonical_expressions(points, mesh)
    target = _usual(expressions, source)
    moved = source.neutral + (expressions - target.neutral)
    share = (lid_openings(expressions) - target.closed) / (target.lids - target.closed)
    wanted = source.closed + np.clip(share, 0.0, _WIDEST) * (source.lids - source.closed)
    moved = _set_lips(moved, source.shut - target.shut)
    moved = _set_lids(moved, source.neutral, wanted / lid_openings(source.neutral))
    return _within(points, fits.undo(_part_lips(moved)), _outline_pull(source.neutral))


def _within(points: Floats, wanted: Floats, pull: Floats) -> Floats:
    """The wanted meshes (T, 478, 3) with the target's own outline, what is near it following.

    The target's head stays: a narrower face would leave the target's jaw, and its beard, beside it, and
    a wider one would be cut off.
    """
    oval = list(topology.OVAL)
    return wanted + pull @ (points[:, oval] - wanted[:, oval])


def _outline_pull(neutral: Floats) -> Floats:
    """(478, 36): how far each point follows each point of the outline."""
    outline = neutral[list(topology.OVAL), :2]
    away = cdist(neutral[:, :2], outline) / eye_distance(neutral)
    shares = np.exp(-((away / _OUTLINE_SPREAD) ** 2))
    shares /= shares.sum(1, keepdims=True)
    pull = np.clip(1 - away.min(1) / _OUTLINE_REACH, 0, 1)[:, None] ** 2 * shares
    pull[list(topology.OVAL)] = np.eye(len(outline))
    return pull


def _usual(expressions: Floats, source: Form) -> Form:
    """The performer's form; in short tracks the source's own stands in for some of it."""
    learned = learn_form(expressions)
    share = min(1.0, len(expressions) / _TELLING)
    lids = np.maximum(share * learned.lids + (1 - share) * source.lids, _NARROWEST * source.lids)
    return Form(
        neutral=share * learned.neutral + (1 - share) * source.neutral,
        lids=lids,
        closed=closed_lids(lid_openings(expressions), lids),
        shut=share * learned.shut + (1 - share) * source.shut,
    )


def _set_lips(points: Floats, farther: float) -> Floats:
    """Lips that stand this much (of the eye distance) farther apart than the neutral faces have it."""
    points = points.copy()
    move = farther / 2 * eye_distance(points[0])
    for share, rows in ((1.0, (UPPER_LIP, LOWER_LIP)), (0.5, (_UPPER_EDGE, _LOWER_EDGE))):
        points[:, list(rows[0]), 1] -= share * move
        points[:, list(rows[1]), 1] += share * move
    return points


def _set_lids(points: Floats, neutral: Floats, shares: Floats) -> Floats:
    """Upper lids placed above the lower ones at ``shares`` (T, 2) of the neutral opening, folds with them."""
    points = points.copy()
    for eye, (upper, lower) in enumerate(zip(_UPPER_LIDS, _LOWER_LIDS, strict=True)):
        opening = neutral[list(upper)] - neutral[list(lower)]
        wanted = points[:, lower] + shares[:, eye, None, None] * opening
        shift = wanted - points[:, upper]
        points[:, upper] = wanted
        for share, rows in _FOLDS:
            points[:, rows[eye]] += share * shift
    return points


def _part_lips(points: Floats) -> Floats:
    """Where the inner lips cross, both meet half way."""
    points = points.copy()
    crossed = np.minimum(points[:, list(LOWER_LIP), 1] - points[:, list(UPPER_LIP), 1], 0.0) / 2
    points[:, list(UPPER_LIP), 1] += crossed
    points[:, list(LOWER_LIP), 1] -= crossed
    return points
