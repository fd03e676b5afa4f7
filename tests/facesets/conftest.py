"""Made-up faces: drawn crops with records that fit them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from recaster.faces.alignment import INNER, TEMPLATE
from recaster.faces.topology import IRIS_LEFT, IRIS_RIGHT
from recaster.faces.types import Box, Pose
from recaster.facesets.face_records import FaceRecord, FacesetSettings, SourceRecord
from recaster.facesets.faceset import Faceset

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SIZE = 128


def drawn_crop(seed: int, *, blur: float = 0.0, size: int = SIZE) -> np.ndarray:
    """A textured picture in place of a face; the same seed gives the same picture."""
    random = np.random.default_rng(seed)
    coarse = random.integers(40, 216, (12, 12, 3), dtype=np.uint8)
    image = cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC)
    noise = random.normal(0, 12, image.shape)
    image = np.clip(image + noise, 0, 255).astype(np.uint8)
    return cv2.GaussianBlur(image, (0, 0), blur) if blur else image


def drawn_landmarks(size: float = SIZE, centre: tuple[float, float] | None = None) -> np.ndarray:
    """478 points of a face that fills the middle of a crop of ``size`` pixels, or lies around ``centre``."""
    random = np.random.default_rng(7)
    angle = random.uniform(0, 2 * np.pi, 478)
    radius = np.sqrt(random.uniform(0, 1, 478))
    flat = np.stack([0.5 + 0.36 * radius * np.cos(angle), 0.5 + 0.44 * radius * np.sin(angle)], axis=1)
    flat[INNER] = TEMPLATE
    flat[[IRIS_LEFT, IRIS_RIGHT]] = (0.335, 0.36), (0.665, 0.36)
    flat = (flat - 0.5) / 1.35 + 0.5
    depth = -0.2 * (1 - radius[:, None])
    points = np.concatenate([flat, depth], axis=1) * size
    if centre is not None:
        points[:, :2] += np.array(centre) - size / 2
    return np.round(points, 3)


def person(seed: int) -> np.ndarray:
    """A direction for one made-up identity, of length 1."""
    vector = np.random.default_rng(1000 + seed).normal(size=128)
    return vector / np.linalg.norm(vector)


@pytest.fixture
def draw() -> SimpleNamespace:
    """The functions of this file, for tests."""
    return SimpleNamespace(crop=drawn_crop, landmarks=drawn_landmarks, person=person, size=SIZE)


@pytest.fixture
def make_face() -> Callable[..., FaceRecord]:
    """A function that makes the record of one face."""

    def make(frame: int = 0, **changes: object) -> FaceRecord:
        values: dict[str, object] = {
            "id": 0,
            "file": "",
            "source": "clip.mp4",
            "source_id": 1,
            "frame": frame,
            "time": frame / 25,
            "track": 0,
            "box": Box(20.5, 20.25, 100.0, 110.0),
            "score": 0.99,
            "sharpness": 40.0,
            "pose": Pose(frame % 31 - 15.0, 2.5, -1.0),
            "landmarks": drawn_landmarks(),
            "embedding": person(0),
            "matrix": np.array([[0.5, 0.01, -3.0 - frame], [-0.01, 0.5, 7.25]]),
        }
        return FaceRecord(**(values | changes))  # type: ignore[arg-type]

    return make


@pytest.fixture
def small_set(tmp_path: Path, make_face: Callable[..., FaceRecord]) -> Faceset:
    """Six faces of one clip."""
    faceset = Faceset.create(tmp_path / "set", FacesetSettings(size=SIZE, identity="made up"))
    faceset.add_source(SourceRecord(0, "clip.mp4", "ab" * 32, "clip", ("all",), {"frames": 9, "kept": 6}))
    faceset.add([(make_face(frame), drawn_crop(frame)) for frame in range(6)])
    return faceset
