from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import pytest

from recaster.errors import TrainingError, UsageError
from recaster.faces.alignment import EYE_DISTANCE
from recaster.faces.region_masks import fill_eyes_and_mouth, fill_face
from recaster.models.presets import Augmentation, Preset, overridden, preset
from recaster.training.pairwise_data import augmentation_margin, load_faces

if TYPE_CHECKING:
    from collections.abc import Callable

    from recaster.facesets.faceset import Faceset
    from recaster.progress import Update


def test_aligned_faces_fill_the_crop_as_the_template_says(light_person: Faceset, tiny: Preset) -> None:
    heard: list[Update] = []
    faces = load_faces(light_person, tiny, heard.append)
    side = tiny.size + 2 * faces.margin
    assert faces.canvases.shape == (16, side, side, 5)
    assert (len(faces), heard[-1].done, heard[-1].total) == (16, 16, 16)
    assert faces.eyes[1, 0] - faces.eyes[0, 0] == pytest.approx(EYE_DISTANCE * tiny.size, rel=0.1)
    crop = faces.crops(np.array([3]))[0].astype(int)
    assert crop.shape == (tiny.size, tiny.size, 5)
    middle = crop[16, 16]
    corner = crop[0, 0]
    np.testing.assert_allclose(middle[:3], (225, 180, 150), atol=6)
    np.testing.assert_allclose(corner[:3], (60, 90, 120), atol=6)
    assert (middle[3], corner[3]) == (255, 0)
    x, y = np.rint(faces.eyes[0]).astype(int)
    assert crop[y, x, 4] == 255
    assert middle[4] == 0


def test_wider_coverage_makes_the_face_smaller(light_person: Faceset, tiny: Preset) -> None:
    near = load_faces(light_person, tiny)
    far = load_faces(light_person, overridden(tiny, coverage=1.3))
    distances = [np.linalg.norm(faces.eyes[1] - faces.eyes[0]) for faces in (near, far)]
    assert distances[0] / distances[1] == pytest.approx(1.3)


def test_box_crops_show_the_trimmed_box(light_person: Faceset, tiny_classic: Preset) -> None:
    faces = load_faces(light_person, overridden(tiny_classic, trim=0.1, rotation=0.0))
    record = light_person.records[0]
    left = record.box.left
    width = record.box.width
    corners = record.landmarks[[33, 133], 0].mean()
    inside = (corners + 0.5 - left - 0.1 * width) / (0.8 * width) * 32 - 0.5
    assert faces.eyes[0, 0] == pytest.approx(inside, abs=0.1)


def test_too_few_faces(make_set: Callable[..., Faceset], tiny: Preset) -> None:
    few = make_set((200, 150, 120), count=3, seed=5)
    with pytest.raises(TrainingError, match="only 3 faces"):
        load_faces(few, tiny)


def test_reach_covers_what_the_presets_do() -> None:
    assert augmentation_margin(Augmentation(rotation=0, zoom=0, shift=0, warp=0)) == pytest.approx(0)
    for name in ("fast-96", "classic-64"):
        assert 0.03 < augmentation_margin(preset(name).augmentation) < 0.4
    turned = dataclasses.replace(Augmentation(), rotation=45.0, zoom=0.0, shift=0.0, warp=0.0)
    assert augmentation_margin(turned) == pytest.approx(0.5 * (np.sqrt(2) - 1))


def test_regions(light_person: Faceset) -> None:
    mesh = light_person.records[0].landmarks
    oval = fill_face(mesh, 96)
    inner = fill_face(mesh, 96, "inner")
    seen = fill_eyes_and_mouth(mesh, 96)
    rows = [np.flatnonzero(region.any(1))[0] for region in (oval, inner)]
    assert rows[0] < rows[1]
    assert (seen > 0).sum() < (inner > 0).sum() < (oval > 0).sum()
    assert not seen[oval == 0].any()
    with pytest.raises(UsageError, match="--landmarker mesh"):
        fill_face(mesh[:68], 96)
    assert fill_face(mesh[:68], 96, "inner").any()
