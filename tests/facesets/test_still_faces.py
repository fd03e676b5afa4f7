"""Faces of still images, and the person that a picture means."""

from __future__ import annotations

import numpy as np
import pytest

from recaster.faces.types import Box
from recaster.facesets import still_faces
from recaster.facesets.crops import FoundFace
from recaster.facesets.face_records import SourceRecord
from recaster.facesets.still_faces import take_still
from recaster.settings.extract import ExtractSettings


class Finder:
    """Finds the same two faces of a picture, in the order that is asked for."""

    def __init__(self, faces: list[FoundFace]) -> None:
        self.faces = faces

    def find(self, _: np.ndarray) -> list[FoundFace]:
        return self.faces


@pytest.fixture
def pair(draw) -> list[FoundFace]:
    points = [draw.landmarks(160, (x, 120.0)) for x in (110.0, 290.0)]
    return [
        FoundFace(0, 0.0, number, Box(*one.min(axis=0)[:2].tolist(), *one.max(axis=0)[:2].tolist()), one, 1.0)
        for number, one in enumerate(points)
    ]


def test_what_another_detector_calls_first_is_not_taken_for_the_first(
    small_set, pair, draw, monkeypatch
) -> None:
    monkeypatch.setattr(still_faces, "identify", lambda *_, **__: draw.person(0))
    image = np.full((240, 400, 3), 90, np.uint8)
    source = small_set.add_source(SourceRecord(0, "photo.jpg", "cd" * 32, "image"))
    before = len(small_set)

    def taken(faces: list[FoundFace], **settings: bool) -> int:
        take_still(small_set, source, image, Finder(faces), ExtractSettings(**settings), None)
        return len(small_set) - before

    assert taken(pair) == 1
    assert taken(pair) == 1
    assert taken(pair[::-1]) == 2
    assert taken(pair, everyone=True) == 2
