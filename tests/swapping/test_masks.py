"""The composite mask: its shape, its soft edge, its limits."""

from __future__ import annotations

import numpy as np
import pytest

from recaster.errors import UsageError
from recaster.settings.look import MaskSettings
from recaster.swapping.masks import compute_face_mask, outline_face

SIZE = 128


def face(width: float = 0.6, height: float = 0.8, count: int = 468) -> np.ndarray:
    """Points of an ellipse in the middle of the crop; sizes are shares of its side."""
    turn = np.linspace(0, 2 * np.pi, count, endpoint=False)
    x = np.cos(turn) * width / 2 + 0.5
    y = np.sin(turn) * height / 2 + 0.5
    return np.stack([x * SIZE, y * SIZE, 0 * x], axis=1)


def full() -> np.ndarray:
    return np.ones((SIZE, SIZE), np.float32)


@pytest.mark.parametrize("kind", ["learned", "hull", "box"])
@pytest.mark.parametrize("feather", [0.0, 0.05, 0.3])
@pytest.mark.parametrize("scale", [1.0, 2.0])
def test_mask_is_exactly_zero_along_the_border_of_the_crop(kind: str, feather: float, scale: float) -> None:
    mask = compute_face_mask(full(), face(1.2, 1.3), MaskSettings(kind, feather, 0, scale))
    border = np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]])
    assert (border == 0).all()
    assert mask.dtype == np.float32
    assert mask.max() == pytest.approx(1, abs=1e-5)
    assert mask.min() >= 0


def test_soft_edge_lies_inside_the_outline() -> None:
    hard = compute_face_mask(full(), face(), MaskSettings("hull", feather=0))
    soft = compute_face_mask(full(), face(), MaskSettings("hull", feather=0.3))
    assert (soft[hard == 0] == 0).all()
    assert (soft < hard).sum() > 0
    row = soft[SIZE // 2, : SIZE // 2]
    assert (np.diff(row) >= -1e-6).all(), "the edge rises steadily"
    assert np.abs(np.diff(row)).max() < 0.2, "and has no step"


def test_feather_and_erosion_are_proportional_to_the_face() -> None:
    def edge(size: float) -> tuple[float, float]:
        soft = compute_face_mask(full(), face(size, size), MaskSettings("hull", feather=0.25))
        eroded = compute_face_mask(full(), face(size, size), MaskSettings("hull", feather=0, erode=0.2))
        row = soft[SIZE // 2]
        return float(((row > 0.02) & (row < 0.98)).sum()), float((eroded[SIZE // 2] > 0.5).sum())

    (small_soft, small_width) = edge(0.4)
    (large_soft, large_width) = edge(0.8)
    assert large_soft == pytest.approx(2 * small_soft, rel=0.15)
    assert large_width == pytest.approx(2 * small_width, rel=0.1)
    assert large_width == pytest.approx(0.8 * SIZE * (1 - 2 * 0.2 * np.sqrt(np.pi) / 2), rel=0.05)


def test_learned_mask_is_kept_within_the_outline_and_keeps_its_holes() -> None:
    learned = full()
    learned[50:60, 50:60] = 0
    mask = compute_face_mask(learned, face(), MaskSettings("learned", feather=0))
    outline = compute_face_mask(learned, face(), MaskSettings("hull", feather=0))
    assert (mask[outline == 0] == 0).all()
    assert (mask[50:60, 50:60] == 0).all()
    assert mask[70, 64] == 1
    assert outline[55, 55] == 1


def test_scale_enlarges_about_the_middle_of_the_face() -> None:
    areas = [
        compute_face_mask(full(), face(0.4, 0.4), MaskSettings(kind, feather=0, scale=1.5)).sum()
        / compute_face_mask(full(), face(0.4, 0.4), MaskSettings(kind, feather=0)).sum()
        for kind in ("hull", "learned")
    ]
    assert areas == pytest.approx([2.25, 2.25], rel=0.02)


def test_box_is_the_seeds_inner_rectangle() -> None:
    mask = compute_face_mask(full(), face(), MaskSettings("box", feather=0))
    assert mask.sum() == pytest.approx((SIZE * 13 / 15) ** 2, rel=0.03)
    assert mask[SIZE // 2, SIZE // 2] == 1


def test_outline_of_68_points_and_of_a_profile() -> None:
    turned = face(0.3)
    turned[0] = (SIZE * 0.9, SIZE / 2, 0)  # a nose beyond the oval
    assert (outline_face(turned)[:, 0, 0] > SIZE * 0.85).any()
    assert compute_face_mask(full(), face(count=68), MaskSettings("hull")).sum() > 0


def test_a_face_without_any_area_has_no_mask() -> None:
    assert not compute_face_mask(full(), np.full((478, 3), 30.0), MaskSettings()).any()


def test_values_out_of_range_are_refused() -> None:
    with pytest.raises(UsageError, match=r"feather must be 0 to 0\.5, not 0\.9"):
        MaskSettings(feather=0.9)
    with pytest.raises(UsageError, match=r"erode must be 0 to 0\.5, not -0\.1"):
        MaskSettings(erode=-0.1)
    with pytest.raises(UsageError, match="choose one of learned, hull, box"):
        MaskSettings(kind="oval")
