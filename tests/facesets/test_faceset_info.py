"""A faceset in numbers and as a contact sheet."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from recaster.errors import FacesetError
from recaster.facesets.faceset_info import contact_sheet, describe, sample_evenly

if TYPE_CHECKING:
    from recaster.facesets.faceset import Faceset


def test_numbers_of_a_set(small_set: Faceset) -> None:
    small_set.mark({1: "blurred: sharpness 1, needs 2", 2: "blurred: sharpness 1.5, needs 2"})
    info = describe(small_set)
    assert (info.faces, info.kept, info.dropped) == (6, 4, {"blurred": 2})
    assert info.digest == small_set.digest()
    [source] = info.sources
    assert (source.name, source.faces, source.kept, source.distance) == ("clip.mp4", 6, 4, 0.0)
    assert source.counts == {"frames": 9, "kept": 6}
    assert info.yaw is not None
    assert (info.yaw.lowest, info.yaw.highest) == (-13.0, -10.0)
    assert info.yaw_histogram["-15..-5"] == 4
    assert sum(info.yaw_histogram.values()) == 4
    assert info.eyes is not None
    assert info.eyes.median == pytest.approx(0.338 / 1.35 * 128 / np.hypot(0.5, 0.01), rel=0.03)


def test_json_can_be_read_back(small_set: Faceset) -> None:
    values = json.loads(json.dumps(describe(small_set).as_json()))
    assert values["kept"] == 6
    assert values["sharpness"]["median"] == 40.0


def test_a_set_without_kept_faces(small_set: Faceset) -> None:
    small_set.mark(dict.fromkeys(range(1, 7), "blurred"))
    info = describe(small_set)
    assert (info.kept, info.yaw, info.mouth) == (0, None, None)
    assert info.sources[0].distance is None


def test_evenly_shows_both_ends() -> None:
    assert sample_evenly(tuple(range(100)), 4) == [0, 33, 66, 99]
    assert sample_evenly((1, 2), 4) == [1, 2]


def test_contact_sheet_shows_kept_or_dropped(small_set: Faceset, tmp_path) -> None:
    small_set.mark({2: "blurred: sharpness 1, needs 2"})
    assert contact_sheet(small_set, tmp_path / "sheet.png", count=4, columns=2, cell=64) == 4
    picture = cv2.imread(str(tmp_path / "sheet.png"))
    assert picture.shape[1] >= 128
    assert picture.std() > 20
    assert contact_sheet(small_set, tmp_path / "dropped.png", dropped=True) == 1
    small_set.mark({2: None})
    with pytest.raises(FacesetError, match="nothing was dropped"):
        contact_sheet(small_set, tmp_path / "none.png", dropped=True)
