"""Likenesses of one picture or two, and what is said of these."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from recaster.faces import neutral_shape
from recaster.faces.geometry import eye_distance
from recaster.likeness.few_pictures import describe_gaps, settle_lids
from recaster.likeness.likeness import Likeness
from recaster.likeness.references import choose_references, measure_features
from recaster.swapping.guided import GuidedSwapper

if TYPE_CHECKING:
    from recaster.faces.types import Floats, Image
    from recaster.facesets.face_records import FaceRecord
    from recaster.facesets.faceset import Faceset


class Pictures:
    """Some faces of a faceset."""

    def __init__(self, faceset: Faceset, *rows: int) -> None:
        self.folder = faceset.folder
        self.records = [faceset.records[row] for row in rows]
        self._faceset = faceset

    def crop(self, record: FaceRecord) -> Image:
        return self._faceset.crop(record)


def turned(mesh: Floats, degrees: float) -> Floats:
    """A mesh with its head turned to the picture's right, (1, 478, 3)."""
    angle = np.radians(degrees)
    turn = np.array([[np.cos(angle), 0, -np.sin(angle)], [0, 1, 0], [np.sin(angle), 0, np.cos(angle)]])
    return (mesh @ turn.T)[None]


def test_one_picture_is_a_likeness_near_that_of_all(actor_faceset: Faceset, clean: Likeness) -> None:
    likeness = Likeness.from_faceset(Pictures(actor_faceset, 10))
    assert len(likeness.textures) == 1
    aligned, _ = neutral_shape.align_to_canonical(likeness.neutral_shape.neutral[None], clean.mesh)
    away = np.linalg.norm(aligned[0] - clean.neutral_shape.neutral, axis=-1)
    assert away.mean() < 0.08 * eye_distance(clean.mesh)
    shades = [each.textures.mean(0)[clean.own > 200].mean() for each in (likeness, clean)]
    assert shades[0] == pytest.approx(shades[1], abs=15)
    swapper = GuidedSwapper(likeness, 128, "")
    assert swapper.warnings == (likeness.gaps,)
    assert likeness.gaps.startswith("the source is known by 1 picture, which shows no face from the side")


def test_of_enough_pictures_nothing_is_said(clean: Likeness) -> None:
    assert clean.gaps == ""


def test_every_one_of_a_few_pictures_is_shown(actor_faceset: Faceset) -> None:
    points = np.stack([record.landmarks for record in actor_faceset.records[:12:4]]).astype(np.float64)
    features = measure_features(points, neutral_shape.compute_canonical_mesh(points))
    assert sorted(choose_references(features, np.array([1.0, 2.0, 3.0]), 24)) == [0, 1, 2]


def test_what_pictures_do_not_show_is_said(clean: Likeness) -> None:
    calm = clean.neutral_shape.neutral
    gaping = calm.copy()
    gaping[14, 1] += 0.1
    shut = calm.copy()
    shut[[145, 374], 1] = shut[[159, 386], 1] + 0.002
    pairs = [
        (turned(calm, 35), calm[None], "only the side of the face on the picture's left"),
        (turned(calm, -35), calm[None], "only the side of the face on the picture's right"),
        (turned(calm, 0), calm[None], "no teeth, no open mouth"),
        (turned(calm, 0), gaping[None], "no shut mouth"),
        (turned(calm, 0), shut[None], "no open eyes"),
    ]
    for points, expressions, words in pairs:
        assert words in describe_gaps(points, expressions)
    closed = calm.copy()
    closed[14] = closed[13]
    both = np.concatenate([turned(calm, 35), turned(calm, -35)])
    assert describe_gaps(both, np.stack([closed, gaping])).startswith(
        "the source is known by 2 pictures; more"
    )


def test_lids_that_are_wide_open_are_not_taken_for_usual(clean: Likeness) -> None:
    shape = clean.neutral_shape
    wide = settle_lids(replace(shape, lids=np.array([0.25, 0.05]), closed=np.array([0.05, 0.01])))
    assert wide.lids == pytest.approx([0.175, 0.11])
    assert wide.closed == pytest.approx([0.035, 0.022])
    assert settle_lids(wide).lids == pytest.approx(wide.lids)
