"""Detectors by name, and the faces that each of them finds."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from recaster.errors import UsageError
from recaster.faces.detectors import make_detector
from recaster.faces.landmarkers import make_landmarker
from recaster.faces.types import Box
from recaster.media.reader import read_frames
from recaster.settings.detection import DETECTORS, LANDMARKERS

if TYPE_CHECKING:
    from pathlib import Path


def test_an_unknown_detector_is_refused_and_the_known_ones_are_named() -> None:
    with pytest.raises(UsageError, match="yunet, dlib-cnn, dlib-hog, dlib-cnn-original"):
        make_detector("haar")


def test_a_tiny_smallest_face_is_refused() -> None:
    with pytest.raises(UsageError, match="min face must be 10 to"):
        make_detector("yunet", min_face=4)


def test_an_unknown_landmarker_is_refused() -> None:
    with pytest.raises(UsageError, match="mesh, dlib-68"):
        make_landmarker("dlib-5")


@pytest.mark.parametrize("name", DETECTORS)
def test_nothing_is_found_where_nothing_is(name: str) -> None:
    detector = make_detector(name, min_face=160)
    assert detector.name == name
    assert detector.detect(np.full((90, 170, 3), 128, np.uint8)) == []


@pytest.mark.parametrize("name", LANDMARKERS)
def test_landmarkers_give_their_points_even_beyond_the_border(name: str) -> None:
    landmarker = make_landmarker(name)
    image = np.random.default_rng(0).integers(0, 255, (80, 90, 3), np.uint8)
    face = landmarker.locate(image, Box(-20, 10, 70, 130))
    assert face.points.shape == (landmarker.points, 3)
    assert face.points.dtype == np.float64
    assert np.isfinite(landmarker.follow(image, face.points).points).all()


def test_noise_is_no_face_to_the_mesh() -> None:
    image = np.random.default_rng(0).integers(0, 255, (200, 200, 3), np.uint8)
    assert make_landmarker("mesh").locate(image, Box(20, 20, 180, 180)).presence < 0.1


def test_a_collapsed_face_does_not_stop_the_mesh() -> None:
    image = np.zeros((60, 60, 3), np.uint8)
    assert make_landmarker("mesh").follow(image, np.full((478, 3), 30.0)).presence < 0.5


def test_the_licence_of_68_points_is_said_aloud() -> None:
    assert "commercial" in make_landmarker("dlib-68").notice
    assert make_landmarker("mesh").notice == ""


def test_loading_the_models_is_quiet_and_leaves_no_stand_in_behind() -> None:
    program = (
        "import sys, PIL.ImageFile\n"
        "from recaster.faces.dlib_adapters import face_recognition\n"
        "from recaster.faces.landmarkers import make_landmarker\n"
        "from recaster.faces.detectors import make_detector\n"
        "face_recognition(); make_landmarker('mesh'); make_detector('yunet')\n"
        "assert 'pkg_resources' not in sys.modules\n"
        "assert not PIL.ImageFile.LOAD_TRUNCATED_IMAGES\n"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@pytest.mark.parametrize("width", [1500, 2200, 3000])
def test_a_face_that_fills_a_large_picture_is_one_face_and_small_ones_beside_it_are_found(
    actors: Path, width: int
) -> None:
    detector = make_detector("yunet")
    image = next(iter(read_frames(actors / "likeness.mp4", 40, 41))).image
    face = detector.detect(image)[0].box
    picture = np.full((2160, 3840, 3), 90, np.uint8)
    places = []
    for middle, wide in ((2300, width), (200, 60)):
        scale = wide / face.width
        matrix = np.array([[scale, 0, middle], [0, scale, 1080]])
        matrix[:, 2] -= scale * np.array(face.centre)
        shown = cv2.warpAffine(image, matrix, (3840, 2160), flags=cv2.INTER_AREA)
        mask = cv2.warpAffine(np.ones_like(image), matrix, (3840, 2160), flags=cv2.INTER_NEAREST)
        picture = np.where(mask > 0, shown, picture)
        half = wide / 2, wide * face.height / face.width / 2
        places.append(Box(middle - half[0], 1080 - half[1], middle + half[0], 1080 + half[1]))
    found = [one.box for one in detector.detect(picture)]
    assert len(found) == 2
    assert all(max(place.iou(box) for box in found) > 0.5 for place in places), found
