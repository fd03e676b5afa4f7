"""What of a source's frames is its own face: hair, background and hidden parts give way to skin.

Things are drawn into an actor's frames, so that both where they are and what is behind them is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from recaster.appearance.uv_layout import mask_face, unwrap
from recaster.appearance.uv_masks import dilate, erode, mask_features, mask_lenses, mask_outline
from recaster.faces import topology
from recaster.faces.geometry import eye_distance
from recaster.likeness.likeness import Likeness
from recaster.likeness.own_texels import complete_textures, compute_facing, compute_visible_texels
from recaster.likeness.texture_glasses import find_rims
from recaster.swapping.guided import GLASSES, GuidedSwapper

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from recaster.appearance.uv_layout import UVLayout
    from recaster.faces.types import Floats
    from recaster.facesets.face_records import FaceRecord
    from recaster.facesets.faceset import Faceset

    Masking = Callable[[Floats, int], np.ndarray]

CHEEK = 234
SKIN, HAIR = (190, 150, 130), (60, 45, 40)
FRINGE = (10, 338, 297, 332, 284, 251, 301, 334, 151, 108, 69, 103, 67, 109)
"""Points around hair over the forehead, down to one brow."""


@dataclass(frozen=True)
class Painted:
    """Faces with something painted into their crops."""

    faces: Faceset
    where: Masking
    colour: tuple[int, int, int]

    @property
    def records(self) -> tuple[FaceRecord, ...]:
        return self.faces.records

    @property
    def folder(self) -> Path:
        return self.faces.folder

    def mask(self, record: FaceRecord) -> np.ndarray:
        return self.where(record.landmarks.astype(float), self.faces.size)

    def crop(self, record: FaceRecord) -> np.ndarray:
        crop, random = self.faces.crop(record).astype(float), np.random.default_rng(record.id)
        strands = np.array(self.colour) + random.normal(0, 6, crop.shape)
        share = cv2.GaussianBlur(self.mask(record).astype(float), (0, 0), 1.5)[..., None]
        return np.clip(crop + share * (strands - crop), 0, 255).astype(np.uint8)

    def texels(self, likeness: Likeness) -> np.ndarray:
        """(K, S, S) bool: where it is in each reference."""
        return np.stack([self.unwrapped(one, likeness, self.mask(one)) > 0 for one in self.shown(likeness)])

    def seen(self, likeness: Likeness) -> np.ndarray:
        """(K, S, S, 3): the references as they are."""
        return np.stack([self.unwrapped(one, likeness, self.crop(one)) for one in self.shown(likeness)])

    def shown(self, likeness: Likeness) -> list[FaceRecord]:
        known = {record.id: record for record in self.records}
        return [known[int(one)] for one in likeness.records]

    @staticmethod
    def unwrapped(record: FaceRecord, likeness: Likeness, picture: np.ndarray) -> np.ndarray:
        return unwrap(picture, record.landmarks.astype(float), likeness.layout)


def paired(likeness: Likeness, other: Likeness) -> tuple[list[int], list[int]]:
    """Where the same frames are among the references of either: nearly all of them."""
    theirs = {record: i for i, record in enumerate(other.records.tolist())}
    both = [(i, theirs[record]) for i, record in enumerate(likeness.records.tolist()) if record in theirs]
    assert len(both) >= 0.75 * len(other.records)
    return [i for i, _ in both], [i for _, i in both]


def polygon(points: Floats, size: int, some: tuple[int, ...]) -> np.ndarray:
    mask = np.zeros((size, size), np.uint8)
    cv2.fillPoly(mask, [np.rint(points[list(some), :2]).astype(np.int32)], 1)
    return mask


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


@pytest.fixture(scope="module")
def clean(actor_faceset: Faceset) -> Likeness:
    return Likeness.from_faceset(actor_faceset, references=12)


@pytest.fixture(scope="module")
def layout(clean: Likeness) -> UVLayout:
    return clean.layout


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
    usually, found = face & (there.mean(0) > 0.5), face & (likeness.own < 128) & (clean.own >= 128)
    outline = erode(mask_outline(clean.layout, topology.OVAL), 0.06 * distance) == 0
    assert (found | outline)[usually].mean() > 0.85
    assert not (found & (dilate(usually.astype(np.uint8), 0.25 * distance) == 0)).any(), "but no skin near it"
    off = np.abs(likeness.textures[ours].astype(float) - clean.textures[theirs]).mean(-1)
    was, there = np.abs(np.array(colour) - clean.textures[theirs].astype(float)).mean(-1), there[ours]
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
    """How much darker a brow is than the skin around it, in each of some textures: (K,), logarithm."""
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
    textures, layout = clean.textures.copy(), clean.layout
    across, down = (int(one) for one in layout.points[CHEEK])
    hand = np.zeros((layout.size, layout.size), bool)
    hand[down : down + 30, across + 9 : across + 26] = True
    textures[3][hand] = (90, 200, 90)
    shown, own = complete_textures(textures, layout)
    assert np.abs(shown[3].astype(float) - clean.textures[3])[hand].mean() < 6
    assert own[hand].mean() > 230, "the other frames show it"


def test_what_is_in_front_gives_way_even_where_it_looks_like_skin(clean: Likeness) -> None:
    textures, layout = clean.textures.copy(), clean.layout
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
    mesh, layout = clean.neutral_shape.neutral - clean.neutral_shape.neutral[:468].mean(0), clean.layout
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
    """Where hair falls over one cheek and beside it, from the eye down."""
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
    textures, hair = skin(layout), locks(layout)
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


def glasses(thickness: float) -> Masking:
    """Glasses whose lines are so thick, in eye distances: two lenses, the bridge and the temples."""

    def mask(points: Floats, size: int) -> np.ndarray:
        distance, drawn = float(eye_distance(points)), np.zeros((size, size), np.uint8)
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
    likeness, layout = Likeness.from_faceset(painted, references=12), clean.layout
    there = painted.texels(likeness) & (mask_outline(layout, topology.OVAL) > 0)
    there &= mask_features(layout, exact=True) == 0
    ours, theirs = paired(likeness, clean)
    textures, wanted = (painted.seen(likeness)[ours], likeness.textures[ours]), clean.textures[theirs]
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
