"""The performer's own inside of the mouth, between lips of the source's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from recaster.faces import geometry, topology
from recaster.faces.mesh_surface import LOWER_LIP, UPPER_LIP
from recaster.faces.neutral_shape import align_to_canonical, mesh_to_crop
from recaster.likeness.likeness import Likeness
from recaster.likeness.mouth import clear_mouths, transfer_mouth_interior
from recaster.likeness.references import measure_lip_gaps

if TYPE_CHECKING:
    from recaster.facesets.faceset import Faceset

SIZE = 128


@pytest.fixture(scope="module")
def likeness(actor_faceset: Faceset) -> Likeness:
    return Likeness.from_faceset(actor_faceset, references=8)


def mouth(likeness: Likeness, gap: float) -> np.ndarray:
    """The neutral mesh with lips this many eye distances apart, in a crop."""
    mesh = mesh_to_crop(likeness.neutral_shape.neutral, SIZE)
    upper = list(UPPER_LIP)
    lower = list(LOWER_LIP)
    down = np.array([0, gap / 2 * geometry.eye_distance(mesh), 0])
    middle = (mesh[upper] + mesh[lower]) / 2
    mesh[upper], mesh[lower] = middle - down, middle + down
    return mesh


def painted(points: np.ndarray, size: int, image: np.ndarray) -> np.ndarray:
    """A picture with teeth (blue) above a tongue (green) between the lips."""
    image = image.copy()
    top = points[topology.LIP_TOP, :2]
    bottom = points[topology.LIP_BOTTOM, :2]
    polygon = np.round(points[list(topology.LIPS_INNER), :2]).astype(np.int32)
    inside = cv2.fillPoly(np.zeros((size, size), np.uint8), [polygon], 1) > 0
    above = np.mgrid[:size, :size][0] < (top + bottom)[1] / 2
    image[inside & above], image[inside & ~above] = (0, 0, 255), (0, 255, 0)
    return image


def test_teeth_and_tongue_come_to_where_the_wanted_lips_are(likeness: Likeness) -> None:
    seen = mouth(likeness, 0.4)
    wanted = mouth(likeness, 0.4) + np.array([9.0, -6.0, 0.0])
    inlay = transfer_mouth_interior(painted(seen, SIZE, np.full((SIZE, SIZE, 3), 90, np.uint8)), seen, wanted)
    assert inlay is not None
    top = wanted[topology.LIP_TOP, :2]
    bottom = wanted[topology.LIP_BOTTOM, :2]
    for share, colour in ((0.25, (0, 0, 255)), (0.75, (0, 255, 0))):
        x, y = np.round(top + share * (bottom - top)).astype(int)
        assert np.abs(inlay.image[y, x].astype(int) - colour).max() < 20
        assert inlay.share[y, x] > 0.95
    x, y = np.round(wanted[topology.LIPS_OUTER[5], :2] + [0, 3]).astype(int)
    assert inlay.share[y, x] == 0


def test_nothing_shows_between_lips_that_touch(likeness: Likeness) -> None:
    image = np.full((SIZE, SIZE, 3), 255, np.uint8)
    shut = transfer_mouth_interior(image, mouth(likeness, 0.02), mouth(likeness, 0.0))
    assert shut is None


def test_lips_are_cleared_of_teeth_that_lie_on_them(likeness: Likeness) -> None:
    layout = likeness.layout
    inner, outer = (layout.points[list(row)] for row in (topology.LIPS_INNER, topology.LIPS_OUTER))
    texture = np.full((layout.size, layout.size, 3), (200, 150, 130), np.uint8)
    bared = inner + 0.4 * (outer - inner)
    for polygon, colour in ((outer, (170, 80, 80)), (bared, (235, 230, 220))):
        cv2.fillPoly(texture, [np.round(polygon).astype(np.int32)], colour)
    textures = np.stack([texture, texture])
    shown = clear_mouths(textures, layout, np.array([0.3, 0.01]))
    place = np.round(inner[15] + 0.35 * (outer[15] - inner[15])).astype(int)
    assert texture[place[1], place[0]].min() > 200
    assert np.abs(shown[0][place[1], place[0]].astype(int) - (170, 80, 80)).max() < 15
    seam, lip = (int(shown[0][round(y), place[0]].sum()) for y in (inner[15, 1], inner[15, 1] - 4))
    assert seam < 0.8 * lip, "lips are darker where they touch"
    skin = cv2.fillPoly(np.zeros(texture.shape[:2], np.uint8), [np.round(outer).astype(np.int32)], 1) == 0
    assert (shown[0][skin] == texture[skin]).mean() > 0.99
    assert (shown[1] == texture).all()  # what is seen where lips touch is where they touch


def test_gaps_are_read_from_the_shapes_of_mouths(likeness: Likeness, actor_faceset: Faceset) -> None:
    landmarks = {record.id: record.landmarks for record in actor_faceset.records}
    meshes = np.stack([landmarks[int(record)] for record in likeness.records])
    expressions, _ = align_to_canonical(meshes.astype(np.float64), likeness.mesh)
    assert np.allclose(
        measure_lip_gaps(likeness.features.mouth)[:, 4], geometry.mouth_gap(expressions), atol=0.03
    )
