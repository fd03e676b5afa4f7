"""Texels that are a source's own face: hair, background and hidden parts give way to skin."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
from tests.likeness.painting import Painted, paired, polygon

from recaster.appearance.uv_layout import mask_face, unwrap
from recaster.appearance.uv_masks import dilate, erode, mask_features, mask_outline
from recaster.faces import topology
from recaster.faces.geometry import eye_distance
from recaster.likeness.likeness import Likeness
from recaster.likeness.own_texels import complete_textures, compute_facing, compute_visible_texels

if TYPE_CHECKING:
    from collections.abc import Callable

    from recaster.appearance.uv_layout import UVLayout
    from recaster.faces.types import Floats
    from recaster.facesets.faceset import Faceset

    Masking = Callable[[Floats, int], np.ndarray]

CHEEK = 234
SKIN = (190, 150, 130)
HAIR = (60, 45, 40)
FRINGE = (10, 338, 297, 332, 284, 251, 301, 334, 151, 108, 69, 103, 67, 109)
"""Points around hair over the forehead, down to one brow."""


def fringe(points: Floats, size: int) -> np.ndarray:
    return polygon(points, size, FRINGE)


def beside_the_cheeks(points: Floats, size: int) -> np.ndarray:
    """All that is not face, and a rim of it: a mesh that is a little too wide."""
    face = polygon(points, size, topology.OVAL)
    narrow = erode(face, 0.07 * float(eye_distance(points)))
    narrow[: round(points[CHEEK, 1])] = 1
    return 1 - np.maximum(narrow, 1 - dilate(face, 0.3 * float(eye_distance(points))))


def beside_the_brows(points: Floats, size: int) -> np.ndarray:
    """Hair over the temples and the ends of the brows, down to the outer corners of the eyes."""
    left, right = points[[topology.EYE_CORNERS_LEFT[0], topology.EYE_CORNERS_RIGHT[1]], 0]
    mask = np.ones((size, size), np.uint8)
    mask[:, max(round(left), 0) : round(right)] = 0
    mask[round(points[CHEEK, 1]) :] = 0
    return mask


@pytest.mark.parametrize(
    ("where", "colour"),
    [
        (fringe, (40, 30, 28)),
        (fringe, (80, 40, 26)),
        (beside_the_cheeks, (245, 245, 240)),
        (beside_the_cheeks, (25, 25, 30)),
        (beside_the_cheeks, (40, 110, 60)),
    ],
    ids=["black fringe", "auburn fringe", "white wall", "dark wall", "green screen"],
)
def test_what_is_painted_over_a_face_is_found_and_gives_way_to_its_skin(
    actor_faceset: Faceset, clean: Likeness, where: Masking, colour: tuple[int, int, int]
) -> None:
    painted = Painted(actor_faceset, where, colour)
    likeness = Likeness.from_faceset(painted, references=12)
    ours, theirs = paired(likeness, clean)
    distance = float(eye_distance(clean.layout.points))
    face = (mask_face(clean.layout) > 0) & ~mask_features(clean.layout).astype(bool)
    there = painted.texels(likeness)
    usually = face & (there.mean(0) > 0.5)
    found = face & (likeness.own < 128) & (clean.own >= 128)
    outline = erode(mask_outline(clean.layout, topology.OVAL), 0.06 * distance) == 0
    assert (found | outline)[usually].mean() > 0.85
    assert not (found & (dilate(usually.astype(np.uint8), 0.25 * distance) == 0)).any(), "but no skin near it"
    off = np.abs(likeness.textures[ours].astype(float) - clean.textures[theirs]).mean(-1)
    was = np.abs(np.array(colour) - clean.textures[theirs].astype(float)).mean(-1)
    there = there[ours]
    assert off[there & face].mean() < 0.6 * was[there & face].mean()
    far = face & (dilate(usually.astype(np.uint8), 0.4 * distance) == 0)
    assert off[:, far].mean() < 3, "the rest of the face is as it was"


def test_brows_stay_whole_up_to_the_hair_beside_them(
    actor_faceset: Faceset, clean: Likeness, layout: UVLayout
) -> None:
    likeness = Likeness.from_faceset(Painted(actor_faceset, beside_the_brows, HAIR), references=12)
    left, right = layout.points[[topology.EYE_CORNERS_LEFT[0], topology.EYE_CORNERS_RIGHT[1]], 0]
    edge = 0.22 * float(eye_distance(layout.points))
    brow = mask_outline(layout, topology.BROW_LEFT) | mask_outline(layout, topology.BROW_RIGHT)
    brow[:, : round(left + edge)] = brow[:, round(right - edge) :] = 0
    off = np.abs(likeness.textures.astype(float) - clean.textures).mean((0, -1))
    assert np.quantile(off[brow > 0], 0.9) < 6
    temples = mask_outline(layout, topology.OVAL) * (1 - mask_features(layout))
    temples[:, round(left) : round(right)] = 0
    temples[round(layout.points[CHEEK, 1]) :] = 0
    assert (likeness.own[temples > 0] < 128).mean() > 0.6, "the hair is found"


def hairs(textures: np.ndarray, layout: UVLayout, brow: np.ndarray) -> np.ndarray:
    """Darkness of a brow over the skin around it in each of some textures: (K,), logarithm."""
    around = dilate(brow, 0.16 * float(eye_distance(layout.points))) - dilate(
        brow, 0.1 * float(eye_distance(layout.points))
    )
    light = np.log(textures[..., 1].astype(float) + 8)
    return np.median(light[:, around > 0], 1) - light[:, brow > 0].mean(1)


@pytest.mark.parametrize("where", [beside_the_brows, fringe])
def test_the_end_of_a_brow_that_is_under_hair_is_drawn(
    actor_faceset: Faceset, clean: Likeness, layout: UVLayout, where: Masking
) -> None:
    likeness = Likeness.from_faceset(Painted(actor_faceset, where, HAIR), references=12)
    end = mask_outline(layout, topology.BROW_RIGHT)
    end[:, : round(layout.points[334, 0])] = 0
    wanted, found = (hairs(one.textures, layout, end) for one in (clean, likeness))
    assert np.median(found) > 0.6 * np.median(wanted), "not bitten off"
    assert found.max() < 1.5 * wanted.max(), "and no hair"
    assert found.std() < 1.2 * wanted.std(), "in every frame"


def test_a_clean_face_is_left_as_it_is(actor_faceset: Faceset, clean: Likeness, layout: UVLayout) -> None:
    inner = erode(mask_outline(layout, topology.OVAL), 0.16 * float(eye_distance(layout.points))) > 0
    assert clean.own[inner].min() > 235
    assert clean.visible_texels[inner].min() > 250
    record = next(one for one in actor_faceset.records if one.id == clean.records[0])
    seen = unwrap(actor_faceset.crop(record), record.landmarks.astype(float), layout).astype(float)
    detail = [one - cv2.GaussianBlur(one, (0, 0), 3) for one in (clean.textures[0].astype(float), seen)]
    alike = np.corrcoef(*(one[inner].ravel() for one in detail))[0, 1]
    assert alike > 0.97, "moles, freckles and wrinkles"


def test_what_one_frame_hides_is_shown_as_the_others_have_it(clean: Likeness) -> None:
    textures = clean.textures.copy()
    layout = clean.layout
    across, down = (int(one) for one in layout.points[CHEEK])
    hand = np.zeros((layout.size, layout.size), bool)
    hand[down : down + 30, across + 9 : across + 26] = True
    textures[3][hand] = (90, 200, 90)
    shown, own = complete_textures(textures, layout)
    assert np.abs(shown[3].astype(float) - clean.textures[3])[hand].mean() < 6
    assert own[hand].mean() > 230, "the other frames show it"


def test_what_is_in_front_gives_way_even_where_it_looks_like_skin(clean: Likeness) -> None:
    textures = clean.textures.copy()
    layout = clean.layout
    across, down = (int(one) for one in layout.points[CHEEK])
    hand = np.zeros((layout.size, layout.size), bool)
    hand[down : down + 30, across + 9 : across + 26] = True
    textures[3][hand] = textures[3][hand] * 0.88
    covered = [np.zeros(hand.shape, np.float32) for _ in textures]
    covered[3][hand] = 1
    off = [
        np.abs(complete_textures(textures, layout, None, some)[0][3].astype(float) - clean.textures[3])[
            hand
        ].mean()
        for some in (covered, None)
    ]
    assert off[0] < 6
    assert off[1] > 1.5 * off[0]


def test_a_face_turned_away_shows_nothing_of_its_far_side(clean: Likeness) -> None:
    mesh = clean.neutral_shape.neutral - clean.neutral_shape.neutral[:468].mean(0)
    layout = clean.layout
    angle = np.radians(50)
    turn = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
    straight, turned = (compute_facing(points, layout) for points in (mesh, mesh @ turn.T))
    left, right = (tuple(np.rint(layout.points[one]).astype(int)[::-1]) for one in (123, 352))
    assert min(straight[left], straight[right]) > 0.9
    assert min(turned[left], turned[right]) < 0.1
    assert max(turned[left], turned[right]) > 0.9


def skin(layout: UVLayout) -> np.ndarray:
    return np.full((3, layout.size, layout.size, 3), SKIN, np.uint8)


def locks(layout: UVLayout) -> np.ndarray:
    """Mask of hair over one cheek and beside it, from the eye down."""
    across, down = layout.points[CHEEK]
    there = np.zeros((layout.size, layout.size), np.uint8)
    top = round(layout.points[list(topology.EYE_LEFT), 1].mean()) + 4
    cv2.rectangle(there, (0, top), (round(across) + 18, round(down) + 40), 1, -1)
    return there.astype(bool)


def test_light_from_one_side_is_no_hair(layout: UVLayout) -> None:
    shade = np.linspace(1, 0.6, layout.size)[None, None, :, None]
    textures = (skin(layout) * shade).astype(np.uint8)
    inner = erode(mask_outline(layout, topology.OVAL), 0.16 * float(eye_distance(layout.points))) > 0
    shown, own = complete_textures(textures, layout)
    assert own[inner].min() > 235
    assert np.abs(shown[:, inner].astype(int) - textures[:, inner]).max() <= 1


def test_the_shade_of_a_chin_stays_and_hair_on_one_side_leaves_the_other_alone(layout: UVLayout) -> None:
    textures = skin(layout)
    hair = locks(layout)
    inner = erode(mask_outline(layout, topology.OVAL), 0.16 * float(eye_distance(layout.points))) > 0
    below = round(layout.points[topology.CHIN, 1]) - 12
    textures[:, below:] = (0.7 * np.array(SKIN)).astype(np.uint8)
    assert complete_textures(textures, layout)[1][inner].min() > 235
    textures[:, hair] = HAIR
    own = complete_textures(textures, layout)[1]
    assert own[hair & inner].mean() < 50
    other = inner & (np.indices(hair.shape)[1] > layout.points[topology.CHIN, 0] - 10)
    assert own[other].min() > 235


def shaded(layout: UVLayout) -> np.ndarray:
    """Skin with a soft shadow, as of hair, beside one cheek and along the jaw."""
    face = mask_outline(layout, topology.OVAL)
    rim = face - erode(face, 0.12 * float(eye_distance(layout.points)))
    rim[: round(layout.points[CHEEK, 1]) - 10] = 0
    soft = cv2.GaussianBlur(rim.astype(np.float32), (0, 0), 2)[..., None]
    return np.repeat((np.array(SKIN) * (1 - 0.35 * soft)).astype(np.uint8)[None], 3, 0)


def test_a_shadow_along_the_outline_is_taken_off_but_not_from_a_beard(layout: UVLayout) -> None:
    textures = shaded(layout)
    was, off = (
        np.abs(np.array(SKIN) - one.astype(float)).mean((0, -1))
        for one in (textures, complete_textures(textures, layout)[0])
    )
    there = (was > 20) & (mask_outline(layout, topology.OVAL) > 0)
    there[round(layout.points[topology.LIP_TOP, 1]) :] = False
    assert off[there].mean() < 0.45 * was[there].mean()
    below = round(layout.points[topology.LIP_BOTTOM, 1])
    textures[:, below:] = np.minimum(textures[:, below:], HAIR)
    whole, _ = complete_textures(textures, layout)
    inner = erode(mask_outline(layout, topology.OVAL), 0.1 * float(eye_distance(layout.points))) > 0
    inner[: below + 4] = False
    assert np.abs(whole[:, inner].astype(float) - textures[:, inner]).mean() < 2


def test_a_beard_is_the_persons_own(layout: UVLayout) -> None:
    textures = skin(layout)
    inner = erode(mask_outline(layout, topology.OVAL), 0.16 * float(eye_distance(layout.points))) > 0
    textures[:, round(layout.points[topology.LIP_BOTTOM, 1]) :] = HAIR
    textures[:, locks(layout)] = HAIR
    assert complete_textures(textures, layout)[1][inner].min() > 235


def test_a_covered_forehead_is_left_to_the_target_but_not_beside_the_brows(layout: UVLayout) -> None:
    own = np.full((layout.size, layout.size), 255, np.uint8)
    brow = layout.points[list(topology.BROW_LEFT + topology.BROW_RIGHT), 1].min()
    own[: round(brow)] = 0
    shown = compute_visible_texels(own, layout)
    top = layout.points[topology.FOREHEAD]
    assert shown[round(top[1]) + 2, round(top[0])] < 128
    assert shown[mask_outline(layout, topology.BROW_LEFT) > 0].min() > 250
    assert shown[round(brow) + 20 :].min() > 250
