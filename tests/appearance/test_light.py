"""The light of one face on another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from recaster.appearance.eye_whites import EyeWhite
from recaster.appearance.light import (
    CELLS,
    match_detail,
    median,
    normalize_lighting,
    percentile,
    symmetrize_lighting,
)
from recaster.appearance.relighting import Relighting
from recaster.appearance.softness import draw_features
from recaster.faces import topology

if TYPE_CHECKING:
    from recaster.facesets.faceset import Faceset

SIZE = 96


def face(seed: int = 0, grain: float = 6.0) -> np.ndarray:
    """Skin with a soft pattern and some grain."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:SIZE, :SIZE] / SIZE
    form = 150 + 10 * np.sin(9 * x) * np.cos(7 * y)
    return np.clip(form[..., None] * [1.0, 0.8, 0.7] + rng.normal(0, grain, (SIZE, SIZE, 1)), 0, 255).astype(
        np.uint8
    )


def inside() -> np.ndarray:
    y, x = np.mgrid[:SIZE, :SIZE] / SIZE - 0.5
    return (np.hypot(x, 0.8 * y) < 0.38).astype(np.float32)


def side_lit(image: np.ndarray) -> np.ndarray:
    gain = np.linspace(0.6, 1.2, SIZE)[None, :, None] * [1.0, 0.95, 0.85]
    return np.clip(image * gain, 0, 255).astype(np.uint8)


def off(picture: np.ndarray, truth: np.ndarray) -> float:
    return float(np.abs(picture.astype(float) - truth)[inside() > 0].mean())


def test_light_from_the_side_is_taken_on() -> None:
    light = Relighting.measure(face(), side_lit(face(1)), inside())
    assert light is not None
    same = side_lit(face())
    assert off(light.apply(face()), same) < 0.12 * off(face(), same)


def test_a_face_in_its_own_light_is_left_alone() -> None:
    light = Relighting.measure(face(), face(), inside())
    assert light is not None
    assert off(light.apply(face()), face()) < 0.1


def test_a_soft_picture_becomes_as_fine_as_another() -> None:
    x = np.arange(SIZE)
    lines = 16 * np.sin(2 * np.pi * x / 3)[None, :, None] * np.sin(2 * np.pi * x / 3)[:, None, None]
    skin = face(grain=0).astype(float)
    sharp, soft = ((skin + share * lines).astype(np.uint8) for share in (1, 0.5))
    crisp = match_detail(soft, sharp).astype(float)
    rest = (crisp - skin)[20:-20, 20:-20].std() / lines[20:-20, 20:-20].std()
    assert 0.7 < rest < 1.05
    assert np.abs(cv2.GaussianBlur(crisp, (0, 0), 3) - cv2.GaussianBlur(skin, (0, 0), 3)).max() < 2


def test_what_is_fine_enough_is_left_as_it_is() -> None:
    sharp = face()
    assert np.array_equal(match_detail(sharp, sharp), sharp)
    assert np.array_equal(match_detail(sharp, cv2.GaussianBlur(sharp, (0, 0), 2)), sharp)


def test_a_beard_is_not_taken_for_shade() -> None:
    bearded = face(1)
    bearded[62:] = bearded[62:] // 3
    light = Relighting.measure(face(), bearded, inside())
    assert light is not None
    painted = light.apply(face())
    assert np.abs(painted[:58].mean() - face()[:58].mean()) < 4
    assert painted[62:80, 30:66].mean() > 0.8 * face()[62:80, 30:66].mean(), "the chin stays light"


@pytest.mark.parametrize(("grain", "wanted"), [(2.0, 0.6), (14.0, 2.0)])
def test_detail_follows_the_target(grain: float, wanted: float) -> None:
    light = Relighting.measure(face(), face(1, grain), inside())
    assert light is not None
    shown = inside()[:, 1:] > 0
    fine = [np.diff(one.astype(float), axis=1)[shown].std() for one in (light.apply(face()), face())]
    assert fine[0] / fine[1] == pytest.approx(wanted, rel=0.25)


@pytest.mark.parametrize("level", [0.5, 1.5])
def test_light_lifts_detail_only_once(level: float) -> None:
    target = np.clip(face(1) * level, 0, 255).astype(np.uint8)
    light = Relighting.measure(face(), target, inside())
    assert light is not None
    shown = inside()[:, 1:] > 0
    fine = [np.diff(one.astype(float), axis=1)[shown].std() for one in (light.apply(face()), target)]
    assert fine[0] / fine[1] == pytest.approx(1, rel=0.15)


@pytest.mark.parametrize(
    "gains", [(0.12, 0.12, 0.12), (0.1, 0.15, 0.9), (0.9, 0.12, 0.1), (1.5, 1.5, 1.5)], ids=str
)
def test_any_light_is_taken_on(gains: tuple[float, float, float]) -> None:
    target = np.clip(face(1) * gains, 0, 255).astype(np.uint8)
    light = Relighting.measure(face(), target, inside())
    assert light is not None
    assert off(light.apply(face()), np.clip(face() * gains, 0, 255)) < 3


@pytest.mark.parametrize("tint", [(1.0, 1.0, 1.0), (1.2, 1.0, 0.8)], ids=["grey", "sepia"])
def test_a_target_without_colours_leaves_the_face_none(tint: tuple[float, float, float]) -> None:
    source = face()
    source[56:64, 36:60] = (190, 60, 70)  # lips
    target = np.clip(cv2.cvtColor(face(1), cv2.COLOR_RGB2GRAY)[..., None] * tint, 0, 255).astype(np.uint8)
    light = Relighting.measure(source, target, inside())
    assert light is not None
    painted = light.apply(source)
    ratios = (painted / np.maximum(painted.mean(-1, keepdims=True), 1))[inside() > 0]
    assert np.abs(ratios - np.array(tint)).max() < 0.07


def test_coloured_lips_stay_coloured_on_a_target_with_pale_ones() -> None:
    source = face()
    target = face(1)
    source[56:64, 36:60] = (190, 60, 70)
    target[56:64, 36:60] = (160, 110, 105)
    light = Relighting.measure(source, target, inside())
    assert light is not None
    assert off(light.apply(source), source) < 2


def test_a_flash_stays_in_its_frame_and_a_flicker_is_averaged() -> None:
    def seen(level: float) -> Relighting:
        light = Relighting.measure(face(), np.clip(face(1) * level, 0, 255).astype(np.uint8), inside())
        assert light is not None
        return light

    flash = Relighting.average([seen(0.7), seen(1.4), seen(0.7)], 1, 1.0)
    assert flash is not None
    assert np.exp(flash.gains[16, 16]).mean() == pytest.approx(1.4, rel=0.03)
    flicker = Relighting.average([seen(1.0), seen(1.03), seen(1.0)], 1, 1.0)
    assert flicker is not None
    assert np.exp(flicker.gains[16, 16]).mean() < 1.02
    assert Relighting.average([None, None, None], 1, 1.0) is None


def test_where_hardly_any_face_shows_nothing_is_measured() -> None:
    mask = np.zeros((SIZE, SIZE), np.float32)
    mask[40:50, 40:50] = 1
    assert Relighting.measure(face(), face(1), mask) is None


def test_pictures_of_one_face_come_into_one_light() -> None:
    pictures = np.stack([face(), side_lit(face(1)), face(2)])
    even = normalize_lighting(pictures, inside())
    assert off(even[1], face()) < 0.5 * off(pictures[1], face())
    assert even.dtype == np.uint8


@pytest.mark.parametrize("paint", [(0.55, 0.9, 1.5), (1.3, 0.6, 0.8)], ids=["blue", "red"])
def test_painted_lids_and_lips_say_nothing_of_the_light(
    actor_faceset: Faceset, paint: tuple[float, float, float]
) -> None:
    record = actor_faceset.records[0]
    side = 256
    crop = actor_faceset.crop(record)
    points = np.array(record.landmarks, float) * side / len(crop)
    target = cv2.resize(crop, (side, side), interpolation=cv2.INTER_AREA)
    mask = np.zeros((side, side), np.float32)
    cv2.fillPoly(mask, [points[list(topology.OVAL), :2].astype(np.int32)], 1)
    own = draw_features(points, side, 15)
    other = target * np.where(own[..., None], paint, (1.08, 1.0, 0.88))
    light = Relighting.measure(np.clip(other, 0, 255).astype(np.uint8), target, mask, None, points)
    assert light is not None
    lit = light.apply(np.clip(other, 0, 255).astype(np.uint8))
    skin = (cv2.erode(mask, np.ones((25, 25))) > 0) & ~draw_features(points, side, 31)
    away = np.abs(lit - target)[skin].mean(axis=1)
    assert np.median(away) < 1.2


def eyes_of(points: np.ndarray, side: int) -> np.ndarray:
    mask = np.zeros((side, side), np.uint8)
    for outline in (topology.EYE_LEFT, topology.EYE_RIGHT):
        cv2.fillPoly(mask, [np.rint(points[list(outline), :2]).astype(np.int32)], 1)
    return mask > 0


def test_another_skin_does_not_tint_the_whites_of_eyes(actor_faceset: Faceset) -> None:
    record = actor_faceset.records[0]
    side = 256
    crop = actor_faceset.crop(record)
    points = np.array(record.landmarks, float) * side / len(crop)
    target = cv2.resize(crop, (side, side), interpolation=cv2.INTER_AREA)
    mask = np.zeros((side, side), np.float32)
    cv2.fillPoly(mask, [points[list(topology.OVAL), :2].astype(np.int32)], 1)
    eyes = eyes_of(points, side)
    skin = np.where(eyes[..., None], 1.0, (1.1, 1.0, 0.8))
    skin[:, : side // 2][eyes[:, : side // 2]] = (
        0.85,
        1.0,
        1.25,
    )  # one eye behind a lens that reflects the sky
    other = np.clip(target * skin, 0, 255).astype(np.uint8)
    within = cv2.erode(eyes.astype(np.uint8), np.ones((5, 5))) > 0

    def away(hidden: bool) -> float:
        seen = np.where(eyes & hidden, 0, mask).astype(np.float32)
        light = Relighting.measure(other, target, seen, None, points)
        assert light is not None
        lit = light.apply(other)
        return float(np.linalg.norm(tints_of(lit[within]) - tints_of(target[within]), axis=-1).mean())

    assert away(hidden=False) < 0.25 * away(hidden=True)


def test_eyes_that_are_shut_leave_their_tint_to_the_frames_beside() -> None:
    eye = np.ones((4, 4, 1), np.float32)
    wide = EyeWhite(np.array([0.1, 0.0, -0.1]), 60, eye, (0, 0))
    shut = EyeWhite(np.zeros(3), 0, eye[:1], (2, 0))
    assert EyeWhite.average(shut, [wide, shut], np.array([0.5, 0.5])).tint == pytest.approx(wide.tint)
    assert EyeWhite.average(shut, [shut, shut], np.array([0.5, 0.5])) is shut


def tints_of(pixels: np.ndarray) -> np.ndarray:
    return np.log((pixels + 2.0) / (pixels + 2.0).mean(axis=-1, keepdims=True))


def tints(picture: np.ndarray) -> np.ndarray:
    """(SIZE, SIZE, 3), logarithm of each channel over brightness, where things change slowly."""
    soft = cv2.GaussianBlur(picture.astype(np.float64) + 1, (0, 0), 4)
    return np.log(soft / soft.mean(axis=-1, keepdims=True))


def test_what_is_too_dark_to_be_lit_whole_gets_no_tint_from_that() -> None:
    dark = (face(grain=1) * [0.2, 0.1, 0.03]).astype(np.uint8)
    light = Relighting.measure(dark, face(1, grain=1), inside())
    assert light is not None
    away = np.linalg.norm(tints(light.apply(dark)) - tints(face()), axis=-1)
    assert np.percentile(away[inside() > 0], 90) < 0.03


def test_a_colour_on_one_cheek_of_the_source_does_not_come_along() -> None:
    y, x = np.mgrid[:SIZE, :SIZE] / SIZE - 0.5
    cheek = np.hypot(x + 0.18, y - 0.1) < 0.2
    lamp = np.clip(face() * np.where(cheek[..., None], (0.5, 0.8, 2.0), 1), 0, 255).astype(np.uint8)
    light = Relighting.measure(lamp, face(1), inside())
    assert light is not None
    away = np.linalg.norm(tints(light.apply(lamp)) - tints(face()), axis=-1)
    assert np.median(away[cheek & (inside() > 0)]) < 0.035
    assert np.median(away[~cheek & (inside() > 0)]) < 0.01


def even_face() -> np.ndarray:
    """Skin that is as light on both sides."""
    skin = face(grain=0).astype(float)
    return np.rint((skin + skin[:, ::-1]) / 2)


@pytest.mark.parametrize("hardness", [2.0, 8.0])
def test_a_source_lit_from_one_side_is_lit_evenly(hardness: float) -> None:
    across = np.arange(SIZE) / SIZE - 0.5
    light = 0.3 + 0.9 / (1 + np.exp(-hardness * across / 0.2))
    warm = np.stack([light**0.9, light, light**1.1], -1)[None]
    lit = np.clip(even_face() * warm, 0, 255).astype(np.uint8)
    [even] = symmetrize_lighting(lit[None], inside(), SIZE / 2 - 0.5)
    apart = [np.abs(one.astype(float) - one[:, ::-1])[inside() > 0].mean() for one in (lit, even)]
    assert apart[1] < 0.12 * apart[0]


def test_hair_on_one_side_of_an_even_face_changes_neither() -> None:
    haired = even_face()
    haired[10:60, 12:24] = (30, 25, 22)
    [kept] = symmetrize_lighting(haired[None].astype(np.uint8), inside(), SIZE / 2 - 0.5)
    assert np.abs(kept - haired)[inside() > 0].max() <= 3


def test_a_target_with_one_side_in_the_dark_gives_that_to_the_face() -> None:
    along = (np.arange(CELLS) + 0.5) / CELLS - 0.5
    down, across = np.meshgrid(along / 0.5, along / 0.42, indexing="ij")
    depth = -np.sqrt(np.clip(1 - across**2 - 0.5 * down**2, 0.02, 1))
    normals = np.stack([across, 0.7 * down, depth], -1)
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True)
    light = 0.1 + 0.9 / (1 + np.exp(-14 * normals[..., :1]))
    light = cv2.resize(light, (SIZE, SIZE))[..., None]
    dark = np.clip(face(1) * light, 0, 255).astype(np.uint8)
    found = Relighting.measure(face(), dark, inside(), normals.reshape(-1, 3))
    assert found is not None
    lit, truth = (np.log(one.astype(float).mean(-1) + 4) for one in (found.apply(face()), face() * light))
    away = np.abs(cv2.GaussianBlur(lit - truth, (0, 0), 2))[inside() > 0]
    assert np.percentile(away, 90) < 0.3


@pytest.mark.parametrize("count", [1, 2, 7, 600, 601])
def test_medians_and_percentiles_are_numpys(count: int) -> None:
    values = np.random.default_rng(count).normal(size=count) ** 3
    for some in (values, np.repeat(values, 2)):
        assert median(some) == np.median(some)
        assert [percentile(some, share) for share in (0, 33, 60, 85, 100)] == [
            np.percentile(some, share) for share in (0, 33, 60, 85, 100)
        ]
