"""Sources known by a few pictures: what these don't show of a face, and what stands in for it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np

from recaster.faces import geometry, neutral_shape
from recaster.faces.pose import head_poses

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recaster.faces.neutral_shape import NeutralShape
    from recaster.faces.types import Floats
    from recaster.facesets.faceset import Faceset

FEW_PICTURES: Final = 5
"""Pictures of a face below which its usual look can't be told from what they happen to show."""
_USUAL_LIDS: Final = 0.11, 0.175
"""Usual opening of people's lids, in eye distances: of eight people filmed it lies between .111 and .177."""
_MAX_SHUT_GAP: Final = 0.04
_MIN_OPEN_GAP: Final = 0.1
"""Gaps between the lips, in eye distances, up to which a mouth is shut, and from which on teeth may show."""
_MIN_SEEN_TURN_DEG: Final = 25.0
"""Turn of the head from which on the far side of a face is seen too flat to be drawn from the front."""
_MAX_CLOSED_LIDS: Final = 0.06
"""Opening of lids, in eye distances, below which next to nothing of an eye is seen."""


def settle_lids(shape: NeutralShape) -> NeutralShape:
    """Brings lids that a few pictures show wide open, or narrowed, to what is usual for people."""
    lids = np.clip(shape.lids, *_USUAL_LIDS)
    share = np.minimum(shape.closed / np.maximum(shape.lids, 1e-6), 1)
    return dataclasses.replace(shape, lids=lids, closed=share * lids)


def describe_gaps(points: Floats, expressions: Floats) -> str:
    """Describes in a sentence what pictures of a source don't show, and what is shown instead.

    Args:
        points: (T, 478, 3), the meshes that the pictures show, in any pixels.
        expressions: the same in their canonical space.
    """
    count = len(points)
    missing = list(_list_gaps(head_poses(points)[:, 0], expressions))
    shown = "1 picture, which shows" if count == 1 else f"{count} pictures, which show"
    text = ", ".join(missing[:-1]) + (" and " if missing[:-1] else "") + "".join(missing[-1:])
    known = (
        f"the source is known by {shown} {text}" if missing else f"the source is known by {count} pictures"
    )
    return f"{known}; more pictures, or some seconds of film, make it more like the person"


def describe_faceset_gaps(faceset: Faceset) -> str:
    """Describes what a faceset of a few pictures doesn't show; "" for one of more, or without faces."""
    records = faceset.records
    if not 0 < len(records) < FEW_PICTURES:
        return ""
    points = np.stack([record.landmarks for record in records]).astype(np.float64)
    mesh = neutral_shape.compute_canonical_mesh(points)
    return describe_gaps(points, neutral_shape.align_to_canonical(points, mesh)[0])


def _list_gaps(yaws: Floats, expressions: Floats) -> Iterator[str]:
    if yaws.min() > _MIN_SEEN_TURN_DEG or yaws.max() < -_MIN_SEEN_TURN_DEG:
        side = "left" if yaws.min() > 0 else "right"
        yield f"only the side of the face on the picture's {side} (the other is made up from it)"
    elif np.abs(yaws).max() < _MIN_SEEN_TURN_DEG:
        yield "no face from the side (turned heads are drawn from the front)"
    gaps = geometry.mouth_gap(expressions)
    if gaps.max() < _MIN_OPEN_GAP:
        yield "no teeth, no open mouth (lips that part are drawn from shut ones, teeth are the performer's)"
    elif gaps.min() > _MAX_SHUT_GAP:
        yield "no shut mouth (how it shuts is guessed)"
    if geometry.lid_openings(expressions).mean(-1).max() < _MAX_CLOSED_LIDS:
        yield "no open eyes (they are drawn from shut ones)"
