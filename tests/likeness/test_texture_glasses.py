"""Glasses in a source's textures are taken off, with their lenses' tint; lines of a bare face stay."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
from tests.likeness.painting import Painted, paired

from recaster.appearance.uv_masks import dilate, mask_features, mask_lenses, mask_outline
from recaster.faces import topology
from recaster.faces.geometry import eye_distance
from recaster.likeness.likeness import Likeness
from recaster.likeness.own_texels import complete_textures
from recaster.likeness.texture_glasses import find_rims
from recaster.swapping.guided import GLASSES, GuidedSwapper

if TYPE_CHECKING:
    from collections.abc import Callable

    from recaster.appearance.uv_layout import UVLayout
    from recaster.faces.types import Floats
    from recaster.facesets.faceset import Faceset

    Masking = Callable[[Floats, int], np.ndarray]


def glasses(thickness: float) -> Masking:
    """Glasses whose lines are so thick, in eye distances: two lenses, the bridge and the temples."""

    def mask(points: Floats, size: int) -> np.ndarray:
        distance = float(eye_distance(points))
        drawn = np.zeros((size, size), np.uint8)
        width = max(1, round(thickness * distance))
        eyes = [
            points[list(pair), :2].mean(0) for pair in (topology.EYE_CORNERS_LEFT, topology.EYE_CORNERS_RIGHT)
        ]
        across = (eyes[1] - eyes[0]) / distance
        down = np.array([-across[1], across[0]])
        for eye, side, ear in zip(eyes, (-1, 1), topology.EARS, strict=True):
            middle = eye + 0.08 * distance * down
            axes = (round(0.4 * distance), round(0.34 * distance))
            angle = float(np.degrees(np.arctan2(across[1], across[0])))
            cv2.ellipse(drawn, np.rint(middle).astype(int).tolist(), axes, angle, 0, 360, 1, width)
            outer = middle + side * 0.4 * distance * across
            cv2.line(drawn, np.rint(outer).astype(int), np.rint(points[ear, :2]).astype(int), 1, width)
            nose = middle - side * 0.4 * distance * across
            cv2.line(drawn, np.rint(nose).astype(int), np.rint(points[6, :2]).astype(int), 1, width)
        return drawn

    return mask


@pytest.mark.parametrize(
    ("thickness", "colour"),
    [(0.025, (215, 210, 205)), (0.04, (35, 30, 30)), (0.07, (20, 18, 20)), (0.05, (120, 20, 25))],
    ids=["metal", "thin and dark", "thick and black", "red"],
)
def test_glasses_are_taken_off(
    actor_faceset: Faceset, clean: Likeness, thickness: float, colour: tuple[int, int, int]
) -> None:
    painted = Painted(actor_faceset, glasses(thickness), colour)
    likeness = Likeness.from_faceset(painted, references=12)
    layout = clean.layout
    there = painted.texels(likeness) & (mask_outline(layout, topology.OVAL) > 0)
    there &= mask_features(layout, exact=True) == 0
    ours, theirs = paired(likeness, clean)
    textures = (painted.seen(likeness)[ours], likeness.textures[ours])
    wanted = clean.textures[theirs]
    was, off = (np.abs(one.astype(float) - wanted).mean(-1)[there[ours]].mean() for one in textures)
    assert off < 0.3 * was
    assert likeness.own[there.mean(0) > 0.5].mean() < 60, "what they cover is not learned from"
    assert GuidedSwapper(likeness, 64, "0").warnings == (GLASSES,)
    eyes = mask_outline(layout, topology.EYE_LEFT) | mask_outline(layout, topology.EYE_RIGHT)
    assert np.abs(likeness.textures[ours].astype(float) - wanted)[:, eyes > 0].mean() < 4


@pytest.mark.parametrize("tint", [(-16, 6, 2), (-2, 10, 14)], ids=["a tint", "a reflection"])
def test_behind_lenses_skin_has_no_tint_of_theirs(
    clean: Likeness, layout: UVLayout, tint: tuple[int, int, int]
) -> None:
    worn = glasses(0.03)(layout.points, layout.size)
    holes, kinds = cv2.findContours(worn, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    behind = np.zeros_like(worn)
    for hole, kind in zip(holes, kinds[0], strict=True):
        cv2.drawContours(behind, [hole], -1, int(kind[3] >= 0), -1)
    textures = clean.textures.astype(float) + behind[..., None] * np.array(tint)
    textures[:, worn > 0] = (40, 35, 35)
    shown, _ = complete_textures(np.clip(textures, 0, 255).astype(np.uint8), layout)
    skin_there = (behind > 0) & (mask_features(layout) == 0) & (dilate(worn, 3) == 0)
    off = (shown.astype(float) - clean.textures)[:, skin_there]
    left = np.ptp(off.mean((0, 1)))
    assert left < 0.4 * np.ptp(tint)
    lids = mask_outline(layout, topology.EYE_LEFT) | mask_outline(layout, topology.EYE_RIGHT)
    assert np.ptp((shown.astype(float) - clean.textures)[:, lids > 0].mean((0, 1))) < 0.7 * np.ptp(tint)


def test_glasses_leave_the_skin_behind_their_lenses(actor_faceset: Faceset, clean: Likeness) -> None:
    likeness = Likeness.from_faceset(Painted(actor_faceset, glasses(0.04), (35, 30, 30)), references=12)
    ours, theirs = paired(likeness, clean)
    around = (mask_lenses(clean.layout) > 0) & (mask_outline(clean.layout, topology.OVAL) > 0)
    off = np.abs(likeness.textures[ours].astype(float) - clean.textures[theirs])[:, around]
    assert off.mean() < 8.5


def test_nobody_without_glasses_loses_lines_around_the_eyes(clean: Likeness) -> None:
    textures = clean.textures.copy()
    assert not np.any(find_rims(textures, clean.layout))
    assert not GuidedSwapper(clean, 64, "0").warnings
    left, right = (clean.layout.points[one] for one in topology.EYE_CORNERS_LEFT)
    for below in (16, 22):  # bags below one eye are no glasses: nothing crosses the nose
        start, end = (np.rint(one + np.array([0, below])).astype(int) for one in (left, right))
        for texture in textures:
            cv2.line(texture, start, end, (90, 60, 45), 2, cv2.LINE_AA)
    assert not np.any(find_rims(textures, clean.layout))
