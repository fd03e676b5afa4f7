"""Cleaning drops blurred, doubled and foreign faces, and undoes it."""

from __future__ import annotations

import numpy as np
import pytest

from recaster.errors import FacesetError, UsageError
from recaster.facesets.clean import (
    BLURRED,
    DUPLICATE,
    WRONG_PERSON,
    clean,
    find_blurred,
    find_wrong_people,
    person_centre,
    restore,
)
from recaster.facesets.duplicates import group_alike
from recaster.facesets.face_records import FacesetSettings, SourceRecord
from recaster.facesets.faceset import Faceset
from recaster.settings.extract import CleanSettings

SEED = 3


@pytest.fixture
def mixed(tmp_path, make_face, draw) -> Faceset:
    """20 faces: 12-14 of someone else, 5 blurred, 8 and 9 repeat 7 (9 is the sharpest)."""
    faceset = Faceset.create(tmp_path / "mixed", FacesetSettings(size=draw.size))
    faceset.add_source(SourceRecord(0, "clip.mp4", "ab" * 32, "clip"))
    random = np.random.default_rng(SEED)
    faces = []
    for number in range(20):
        who = 1 if number in (12, 13, 14) else 0
        embedding = 0.5 * draw.person(who) + random.normal(0, 0.01, 128)
        sharpness = 4.0 if number == 5 else 45.0 if number == 9 else 40 + random.normal()
        seed = 7 if number in (8, 9) else number
        face = make_face(number, embedding=embedding, sharpness=sharpness)
        faces.append((face, draw.crop(seed)))
    faceset.add(faces)
    return faceset


def numbers(faceset: Faceset, reason: str) -> list[int]:
    return [one.id - 1 for one in faceset.all_records if (one.dropped or "").startswith(reason)]


def test_each_kind_of_bad_face_is_found_and_nothing_else(mixed: Faceset) -> None:
    result = clean(mixed)
    assert numbers(mixed, WRONG_PERSON) == [12, 13, 14]
    assert numbers(mixed, BLURRED) == [5]
    assert numbers(mixed, DUPLICATE) == [7, 8]
    assert result.kept == len(mixed) == 14
    assert result.of(DUPLICATE) == [8, 9]
    assert result.reasons[8] == "duplicate: of face 10"
    assert Faceset.open(mixed.folder).digest() == mixed.digest()


def test_cleaning_twice_is_cleaning_once(mixed: Faceset) -> None:
    first = clean(mixed)
    assert clean(mixed) == first


def test_a_looser_cleaning_takes_faces_back(mixed: Faceset) -> None:
    clean(mixed)
    clean(mixed, CleanSettings(blur=0, duplicates=0))
    assert [one.id - 1 for one in mixed.all_records if one.dropped] == [12, 13, 14]


def test_dry_run_changes_nothing_and_undo_restores(mixed: Faceset) -> None:
    whole = mixed.digest()
    assert clean(mixed, dry_run=True).kept == 14
    assert len(mixed) == 20
    clean(mixed)
    assert restore(mixed) == 6
    assert mixed.digest() == whole
    assert len(list((mixed.folder / "faces").iterdir())) == 20


def test_the_person_given_decides(mixed: Faceset, draw) -> None:
    other = CleanSettings(person=0.5 * draw.person(1))
    with pytest.raises(
        FacesetError, match=r"would drop 17 of 20 faces \(17 wrong people, 0 blurred\).*--force"
    ):
        clean(mixed, other)
    assert len(mixed) == 20
    clean(mixed, CleanSettings(person=0.5 * draw.person(1), force=True, blur=0, duplicates=0))
    assert [one.id - 1 for one in mixed.records] == [12, 13, 14]


def test_an_empty_set_is_refused(tmp_path) -> None:
    with pytest.raises(FacesetError, match="empty"):
        clean(Faceset.create(tmp_path / "none"))


def test_negative_settings_are_refused(mixed: Faceset) -> None:
    with pytest.raises(UsageError, match=r"are 0 \(keep all\) or more"):
        clean(mixed, CleanSettings(blur=-1))


def test_the_centre_is_the_majoritys(draw) -> None:
    random = np.random.default_rng(SEED)
    most = 0.5 * draw.person(0) + random.normal(0, 0.01, (11, 128))
    some = 0.5 * draw.person(1) + random.normal(0, 0.01, (9, 128))
    centre = person_centre(np.concatenate([some, most]))
    assert np.linalg.norm(centre - 0.5 * draw.person(0)) < 0.1
    assert np.array_equal(person_centre(most[:1]), most[0])


def test_distance_zero_keeps_everybody(mixed: Faceset) -> None:
    assert find_wrong_people(mixed.all_records, CleanSettings(distance=0)) == {}


def test_blur_is_judged_against_the_set(make_face) -> None:
    even = [make_face(sharpness=value) for value in np.linspace(38, 42, 9)]
    assert find_blurred([*even, make_face(sharpness=25)], 3) == {}  # off by far, but not half as sharp
    assert len(find_blurred([*even, make_face(sharpness=15)], 3)) == 1
    uneven = [make_face(sharpness=value) for value in (10, 20, 40, 80, 160)]
    assert find_blurred(uneven, 3) == {}
    assert find_blurred([*even, make_face(sharpness=0)], 0) == {}


def test_a_blink_is_no_duplicate(draw) -> None:
    landmarks = np.stack([draw.landmarks()] * 3)
    landmarks[1, [160, 158, 153, 144], 1] = landmarks[1, 33, 1]
    pictures = np.tile(np.random.default_rng(0).normal(size=(1, 64)), (3, 1))
    assert group_alike(landmarks, pictures, 0.02) == [[0, 2], [1]]


def test_other_light_is_no_duplicate(draw) -> None:
    landmarks = np.stack([draw.landmarks()] * 3)
    pictures = np.tile(np.random.default_rng(0).normal(size=(1, 64)), (3, 1))
    pictures[1] = -pictures[1]
    assert group_alike(landmarks, pictures, 0.02) == [[0, 2], [1]]


def test_other_tracks_are_not_compared_but_stills_are(tmp_path, make_face, draw) -> None:
    faceset = Faceset.create(tmp_path / "set", FacesetSettings(size=draw.size))
    for name, kind in (("a.mp4", "clip"), ("b.mp4", "clip"), ("a.jpg", "image"), ("b.jpg", "image")):
        faceset.add_source(SourceRecord(0, name, name * 8, kind))
    crop = draw.crop(1)
    faceset.add(
        [
            (make_face(source_id=number, source=name), crop)
            for number, name in enumerate(("a.mp4", "b.mp4", "a.jpg", "b.jpg"), 1)
        ]
    )
    assert list(clean(faceset).reasons) == [4]


def test_a_damaged_crop_is_named(mixed: Faceset) -> None:
    (mixed.folder / mixed.records[3].file).write_bytes(b"nothing of a picture")
    with pytest.raises(FacesetError, match=r"000004\.jpg: this crop is damaged"):
        clean(mixed)
    assert len(mixed) == 20
