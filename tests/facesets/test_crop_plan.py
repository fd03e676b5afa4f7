"""Plans of the faces to cut: batches, reasons, and going on after a stop."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from recaster.faces.alignment import align_matrix, transform
from recaster.faces.types import Analysis, FaceTrack
from recaster.facesets.crop_plan import BATCH_SIZE, plan_crops
from recaster.media.types import ClipInfo, ColourTags, Shape

INFO = ClipInfo(
    path=Path("clip.mp4"), shape=Shape.plain(320, 240), frame_count=60, rate=Fraction(25), variable=False,
    duration=Fraction(60, 25), time_base=Fraction(1, 25), codec="h264",
    pixel_format="yuv420p", bit_depth=8, interlaced=False, colour=ColourTags(),
)  # fmt: skip
EVERYTHING = range(60), 0.0


@pytest.fixture
def make_track(draw):
    def make(number: int = 0, start: int = 0, count: int = 25, centre=(160.0, 120.0)) -> FaceTrack:
        points = draw.landmarks(160, centre)
        left, top = points[:, :2].min(axis=0)
        right, bottom = points[:, :2].max(axis=0)
        return FaceTrack(
            track=number,
            frames=np.arange(start, start + count),
            times=np.arange(start, start + count) / 25,
            boxes=np.tile([left, top, right, bottom], (count, 1)),
            landmarks=np.tile(points, (count, 1, 1)),
            scores=np.full(count, 0.9),
            filled=np.zeros(count, bool),
        )

    return make


def analysis(*tracks: FaceTrack) -> Analysis:
    return Analysis(tracks, (), 60)


def frames_of(planned) -> list[int]:
    return [face.frame for batch in planned.batches for face in batch.faces]


def test_all_faces_in_batches_with_one_identity_each(make_track) -> None:
    track = make_track(start=5)
    planned = plan_crops(analysis(track), [track], INFO, *EVERYTHING)
    assert frames_of(planned) == list(range(5, 30))
    assert [(len(batch.faces), batch.measured) for batch in planned.batches] == [(20, 10), (5, 2)]
    assert planned.counts == {"frames": 60, "no face": 35, "kept": 25}


def test_every_nth_frame_of_a_range(make_track) -> None:
    track = make_track(count=60)
    planned = plan_crops(analysis(track), [track], INFO, range(7, 30)[::10], 0.0)
    assert frames_of(planned) == [7, 17, 27]
    assert planned.counts == {"frames": 3, "kept": 3}


def test_other_people_are_counted(make_track) -> None:
    first = make_track(0)
    second = make_track(1, start=10, count=40)
    planned = plan_crops(analysis(first, second), [first], INFO, *EVERYTHING)
    assert planned.counts == {"frames": 60, "no face": 10, "other people": 40, "kept": 25}


def test_each_face_left_out_has_one_reason(make_track) -> None:
    track = make_track()
    track.filled[:3] = True
    track.scores[2:5] = 0.2
    track.boxes[5] = (0, 0, 30, 30)
    track.landmarks[6, :, 0] -= 150
    planned = plan_crops(analysis(track), [track], INFO, range(60), 0.02)
    assert frames_of(planned) == list(range(7, 25))
    wanted = {"not measured": 3, "uncertain": 2, "too small": 1, "cut off by the frame": 1, "kept": 18}
    assert planned.counts == {"frames": 60, "no face": 35} | wanted


def test_batches_wait_for_their_last_frames(make_track) -> None:
    long = make_track(0, count=30)
    late = make_track(1, start=4, count=8, centre=(70.0, 120.0))
    planned = plan_crops(analysis(long, late), [long, late], INFO, *EVERYTHING)
    assert [batch.faces[-1].frame for batch in planned.batches] == [11, 19, 29]


def test_faces_in_the_set_are_left_out_and_the_other_batches_stay_as_they_were(make_track, make_face) -> None:
    track = make_track()
    matrix = align_matrix(track.landmarks[0], 128, 1.35)
    record = make_face(landmarks=transform(track.landmarks[0], matrix), matrix=matrix, track=99)
    present = [replace(record, frame=frame) for frame in range(BATCH_SIZE)]
    whole = plan_crops(analysis(track), [track], INFO, *EVERYTHING)
    rest = plan_crops(analysis(track), [track], INFO, *EVERYTHING, present)
    assert [[face.frame for face in batch.faces] for batch in rest.batches] == [
        [face.frame for face in batch.faces] for batch in whole.batches[1:]
    ]
    assert rest.counts == whole.counts


def test_another_face_in_the_same_frame_is_not_the_same(make_track, make_face) -> None:
    track = make_track()
    other = make_track(centre=(240.0, 120.0))
    matrix = align_matrix(other.landmarks[0], 128, 1.35)
    present = [make_face(landmarks=transform(other.landmarks[0], matrix), matrix=matrix)]
    assert len(frames_of(plan_crops(analysis(track), [track], INFO, *EVERYTHING, present))) == 25
