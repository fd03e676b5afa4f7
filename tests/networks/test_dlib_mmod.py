"""dlib's detector run by TensorFlow, beside dlib's own run of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import dlib
import numpy as np
import pytest

from recaster.errors import WeightsError
from recaster.media.reader import read_frames
from recaster.networks.dlib_mmod import DlibMmod, Tile, lay_out_pyramid
from recaster.networks.dlib_weights import locate
from recaster.weights_registry import DLIB_DETECTOR, DLIB_IDENTITY

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.media.types import Image


@pytest.fixture(scope="module")
def ours() -> DlibMmod:
    return DlibMmod()


@pytest.fixture(scope="module")
def theirs() -> dlib.cnn_face_detection_model_v1:
    return dlib.cnn_face_detection_model_v1(str(locate(DLIB_DETECTOR.file)))


def same(ours: DlibMmod, theirs: dlib.cnn_face_detection_model_v1, image: Image, upsample: int = 0) -> int:
    """Check that both find the same faces; how many."""
    found = ours.find(image, upsample)
    expected = list(theirs(image, upsample))
    corners = [(one.rect.left(), one.rect.top(), one.rect.right(), one.rect.bottom()) for one in expected]
    assert [(one.left, one.top, one.right, one.bottom) for one in found] == corners
    scores = [one.confidence for one in expected]
    np.testing.assert_allclose([one.score for one in found], scores, atol=1e-3)
    return len(found)


def pair(actors: Path, height: int) -> Image:
    """Two faces of different sizes, the right one half beyond the picture."""
    first, second = (
        next(iter(read_frames(actors / f"{name}.mp4", 10, 11))).image for name in ("performer", "neighbour")
    )
    small = cv2.resize(second, None, fx=0.75, fy=0.75, interpolation=cv2.INTER_AREA)
    picture = np.full((first.shape[0], first.shape[1] + small.shape[1] // 2, 3), 90, np.uint8)
    picture[:, : first.shape[1]] = first
    picture[: small.shape[0], first.shape[1] :] = small[:, : small.shape[1] // 2]
    scale = height / len(picture)
    return cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)


def test_the_same_boxes_as_dlib(
    ours: DlibMmod, theirs: dlib.cnn_face_detection_model_v1, actors: Path
) -> None:
    assert same(ours, theirs, pair(actors, 240)) >= 1


def test_the_same_boxes_in_a_doubled_picture(
    ours: DlibMmod, theirs: dlib.cnn_face_detection_model_v1, actors: Path
) -> None:
    assert same(ours, theirs, pair(actors, 141), upsample=1) >= 1


def test_a_tall_picture_and_one_that_is_hardly_there(
    ours: DlibMmod, theirs: dlib.cnn_face_detection_model_v1, actors: Path
) -> None:
    tall = np.ascontiguousarray(pair(actors, 240)[:, 80:232])
    assert same(ours, theirs, tall) == 1
    assert same(ours, theirs, np.full((24, 60, 3), 128, np.uint8)) == 0
    for side in (1, 8, 19):
        assert ours.find(np.full((side, 60, 3), 128, np.uint8)) == []


@pytest.mark.footage
def test_the_same_boxes_in_a_photograph(
    ours: DlibMmod, theirs: dlib.cnn_face_detection_model_v1, footage: Path
) -> None:
    picture = cv2.cvtColor(cv2.imread(str(footage / "stills" / "dlib_2008_002506.jpg")), cv2.COLOR_BGR2RGB)
    assert same(ours, theirs, picture) >= 1


def test_levels_do_not_touch_and_lie_on_the_canvas() -> None:
    placed = lay_out_pyramid(360, 640)
    used = np.zeros((placed.height, placed.width), int)
    for tile in placed.tiles:
        used[tile.top : tile.top + tile.height, tile.left : tile.left + tile.width] += 1
    assert used.max() == 1
    assert used.sum() == sum(tile.height * tile.width for tile in placed.tiles)
    assert placed.tiles[:2] == (Tile(11, 11, 360, 640), Tile(381, 11, 300, 533))
    assert 0 < placed.turn < len(placed.tiles)


def test_other_weights_are_refused() -> None:
    with pytest.raises(WeightsError, match="not dlib's face detector"):
        DlibMmod(locate(DLIB_IDENTITY.file))
