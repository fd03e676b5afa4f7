"""Places of faces in the preview, and what dragging does to them, without Blender."""

from __future__ import annotations

import importlib.util
import math
import sys
from pathlib import Path
from typing import Any

import pytest

ADDON = Path(__file__).resolve().parents[2] / "addon"


def load(name: str) -> Any:
    """Load a module of the add-on that imports nothing of Blender's."""
    spec = importlib.util.spec_from_file_location(f"addon_{name.replace('/', '_')}", ADDON / f"{name}.py")
    module: Any = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look for it
    spec.loader.exec_module(module)
    return module


geometry = load("mend/geometry")
Placement = load("picture_place").Placement

BOX = geometry.FaceBox(100, 50, 40, 60)


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"image": (640, 360), "offset": (30, -20), "scale": (1.5, 0.5), "rotation": 0.4},
        {"origin": (0, 1), "scale": (-2, 2), "flip": (True, True), "aspect": 1.5, "rotation": -2.0},
    ],
)
def test_what_the_preview_shows_is_found_in_the_clip(how: dict[str, Any]) -> None:
    placement = Placement(**{"clip": (320, 180), "image": (320, 180), **how})
    for point in ((0, 0), (17.5, 140), (320, 180)):
        assert placement.to_clip(placement.to_view(point)) == pytest.approx(point)


def test_a_plain_strip_lies_about_the_middle() -> None:
    placement = Placement(clip=(320, 180), image=(640, 360), offset=(10, 0))
    assert placement.to_view((160, 90)) == pytest.approx((10, 0))
    assert placement.to_view((0, 0)) == pytest.approx((-310, 180))


@pytest.mark.parametrize(
    ("point", "part"),
    [
        ((120, 80), "move"),
        ((101, 52), "nw"),
        ((139, 109), "se"),
        ((120, 35), "rotate"),
        ((90, 80), ""),
    ],
)
def test_parts_of_a_box_are_taken_hold_of(point: tuple[float, float], part: str) -> None:
    assert geometry.find_part(BOX, point, 5) == part


def test_boxes_are_moved_scaled_and_turned() -> None:
    drag = geometry.drag_box
    assert drag(BOX, "move", (120, 80), (125, 70)) == geometry.FaceBox(105, 40, 40, 60)
    assert drag(BOX, "se", (140, 110), (150, 100)) == geometry.FaceBox(100, 50, 50, 50)
    assert drag(BOX, "nw", (100, 50), (90, 60)) == geometry.FaceBox(90, 60, 50, 50)
    assert drag(BOX, "nw", (100, 50), (900, 50)) == geometry.FaceBox(132, 50, 8, 60)
    turned = drag(BOX, "rotate", (120, 35), (165, 80))
    assert turned.angle == pytest.approx(90)
    assert turned.handle == pytest.approx((165, 80))
    assert geometry.span_box((30, 40), (10, 100)) == geometry.FaceBox(10, 40, 20, 60)


def test_points_come_along_softly() -> None:
    points = [(float(x), 0.0) for x in range(0, 100, 10)]
    assert geometry.find_point(points, (42, 3), 5) == 4
    assert geometry.find_point(points, (42, 8), 5) is None
    moved = geometry.drag_points(points, 4, (40, 10), 100)
    assert moved[4] == (40, 10)
    shares = [moved.get(at, points[at])[1] for at in range(len(points))]
    assert shares[4] > shares[5] > shares[6] > 0
    assert shares[3] == pytest.approx(shares[5])
    assert [at for at, share in enumerate(shares) if share == 0] == [0, 8, 9]
    assert all(math.isclose(moved[at][0], points[at][0]) for at in moved)
