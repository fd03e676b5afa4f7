"""The two rendered clips that demo and tests use are what their README says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from recaster.faces.detectors import make_detector
from recaster.media.probe import probe
from recaster.media.reader import read_frames

ACTORS = Path(__file__).resolve().parents[2] / "scripts" / "actors"
CLIPS = ("performer", "likeness")


@pytest.mark.parametrize("name", CLIPS)
def test_the_clip_has_pictures_and_sound_of_one_length(name: str) -> None:
    info = probe(ACTORS / f"{name}.mp4")
    assert info.frame_count >= 240
    assert min(info.width, info.height) >= 320
    assert (info.rate, info.variable) == (25, False)
    assert (info.codec, info.pixel_format) == ("h264", "yuv420p")
    assert info.warnings == ()
    (sound,) = info.audio
    assert abs(sound.offset) < 0.05
    assert sound.duration is not None
    assert abs(sound.duration - info.duration) < 0.2


@pytest.mark.parametrize("name", CLIPS)
def test_every_twentieth_frame_shows_one_large_face(name: str) -> None:
    detector = make_detector("yunet")
    boxes = []
    for frame in read_frames(ACTORS / f"{name}.mp4"):
        if frame.index % 20 == 0:
            found = detector.detect(frame.image)
            assert len(found) == 1, f"frame {frame.index}"
            boxes.append(found[0].box)
    assert min(box.height for box in boxes) > 80
    assert np.ptp([box.centre[0] for box in boxes]) > 20, "the head hardly moves"


@pytest.mark.parametrize("name", CLIPS)
def test_the_clip_is_small_enough_to_be_committed(name: str) -> None:
    assert (ACTORS / f"{name}.mp4").stat().st_size < 600_000
