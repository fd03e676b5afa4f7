"""Softness and grain of a target, and a face made so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from recaster.appearance.softness import Softness
from recaster.faces import topology

if TYPE_CHECKING:
    from recaster.facesets.faceset import Faceset

SIZE = 256


@pytest.fixture(scope="module")
def material(actor_faceset: Faceset) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A sharp face, where it is, and its mesh."""
    records = actor_faceset.records
    meshes = np.array([record.landmarks for record in records], float)
    at = int(np.abs(meshes[:, topology.EARS, 2] @ [1, -1]).argmin())
    crop = actor_faceset.crop(records[at])
    scale = SIZE / len(crop)
    points = meshes[at] * scale
    mask = np.zeros((SIZE, SIZE), np.float32)
    cv2.fillPoly(mask, [points[list(topology.OVAL), :2].astype(np.int32)], 1)
    return cv2.resize(crop, (SIZE, SIZE), interpolation=cv2.INTER_AREA), mask, points


def measure(material: tuple[np.ndarray, ...], target: np.ndarray) -> Softness:
    face, mask, points = material
    found = Softness.measure(face, target, mask, points)
    assert found is not None
    return found


def test_a_picture_as_sharp_and_clean_asks_for_nothing(material: tuple[np.ndarray, ...]) -> None:
    found = measure(material, material[0])
    assert not found.blur.any()
    assert found.grain == found.colour_grain == 0
    plain = material[0].astype(np.float32)
    assert np.array_equal(found.add_grain(found.soften(plain), 1), plain)


@pytest.mark.parametrize("sigma", [1.5, 2.5, 4.0])
def test_defocus_is_followed(material: tuple[np.ndarray, ...], sigma: float) -> None:
    target = cv2.GaussianBlur(material[0], (0, 0), sigma)
    found = measure(material, target)
    assert np.sqrt(found.blur[:2]) == pytest.approx(sigma, rel=0.35)
    soft = found.soften(material[0].astype(np.float32))
    inside = material[1] > 0
    assert (
        np.abs(soft - target)[inside].mean() < 0.4 * np.abs(material[0].astype(float) - target)[inside].mean()
    )


def line(length: int, degrees: float) -> np.ndarray:
    """The blur of a picture that moves evenly."""
    kernel = np.zeros((63, 63), np.float32)
    x, y = (
        32 * 16
        + np.outer([-0.5, 0.5], length * 16 * np.r_[np.cos(turn := np.deg2rad(degrees)), np.sin(turn)]).T
    )
    cv2.line(kernel, (int(x[0]), int(y[0])), (int(x[1]), int(y[1])), 1.0, 1, cv2.LINE_AA, 4)
    return kernel / kernel.sum()


@pytest.mark.parametrize("degrees", [0, 45, 90, 150])
@pytest.mark.parametrize("length", [15, 27])
def test_another_face_is_blurred_as_far_and_in_the_direction_as_the_target_moves(
    material: tuple[np.ndarray, ...], length: int, degrees: float
) -> None:
    face, mask, points = material
    other = np.ascontiguousarray(face[:, ::-1])  # nobody's face is symmetrical
    inside = np.minimum(mask, mask[:, ::-1])
    target = cv2.filter2D(other, -1, line(length, degrees))
    found = Softness.measure(face, target, inside, points)
    assert found is not None
    along = np.array([np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))])
    blur = np.array([[found.blur[0], found.blur[2]], [found.blur[2], found.blur[1]]])
    assert along @ blur @ along > 5 * (along[::-1] * (1, -1)) @ blur @ (along[::-1] * (1, -1))
    soft = found.soften(face.astype(np.float32))
    core = cv2.erode(inside, np.ones((9, 9))) > 0
    for fine, coarse in ((0.7, 1.4), (1.4, 2.8), (2.8, 5.6)):
        has, wants = (
            (cv2.GaussianBlur(one, (0, 0), fine) - cv2.GaussianBlur(one, (0, 0), coarse))[core].std()
            for one in (soft, target.astype(np.float32))
        )
        assert 0.7 < has / wants < 1.4


@pytest.mark.parametrize("strength", [4.0, 12.0])
def test_grain_is_followed_and_the_same_frame_has_the_same(
    material: tuple[np.ndarray, ...], strength: float
) -> None:
    noise = np.random.default_rng(3).normal(0, strength, (SIZE, SIZE, 1))
    found = measure(material, np.clip(material[0] + noise, 0, 255).astype(np.uint8))
    assert found.grain == pytest.approx(strength, rel=0.3)
    assert found.colour_grain < 0.3 * strength
    plain = material[0].astype(np.float32)
    add_grain = found.add_grain(plain, 7)
    assert (add_grain - plain).std() == pytest.approx(found.grain, rel=0.1)
    assert np.array_equal(add_grain, found.add_grain(plain, 7))
    assert not np.array_equal(add_grain, found.add_grain(plain, 8))


def test_texture_of_skin_is_no_grain(material: tuple[np.ndarray, ...]) -> None:
    """Pores and shading are coarser than the grain of the whole picture, and don't make it stronger."""
    face, mask, _ = material
    rng = np.random.default_rng(0)
    texture = cv2.GaussianBlur(rng.standard_normal(mask.shape), (0, 0), 2) * 30 * mask
    grain = rng.normal(0, 1.5, mask.shape)
    plain = cv2.GaussianBlur(face, (0, 0), 1.5).astype(float)
    target = np.clip(np.rint(plain + (texture + grain)[..., None]), 0, 255).astype(np.uint8)
    assert measure(material, target).brightness_grain == pytest.approx(1.5, rel=0.35)


def test_coloured_grain_is_known_from_grain_of_brightness(material: tuple[np.ndarray, ...]) -> None:
    noise = np.random.default_rng(3).normal(0, 10, (SIZE, SIZE, 3))
    found = measure(material, np.clip(material[0] + noise, 0, 255).astype(np.uint8))
    assert found.colour_grain == pytest.approx(10, rel=0.3)
    assert found.grain < 5


def test_small_crops_and_hidden_faces_say_nothing(material: tuple[np.ndarray, ...]) -> None:
    face, mask, points = material
    small = [cv2.resize(part, (64, 64)) for part in (face, face, mask)]
    assert Softness.measure(*small, points / 4) is None
    assert Softness.measure(face, face, np.zeros_like(mask), points) is None
    assert Softness.average([None, None], np.ones(2)) is None
