"""Detection, landmarks, identity and tracks on real footage."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from recaster.faces.alignment import inner_points
from recaster.faces.analysis import analyse
from recaster.faces.analysis_cache import analyse_clip
from recaster.faces.detectors import make_detector
from recaster.faces.dlib_adapters import face_recognition
from recaster.faces.embedding import distance, embed
from recaster.faces.landmarkers import make_landmarker
from recaster.faces.people import group_people, portraits
from recaster.faces.pose import head_pose
from recaster.faces.track_choice import choose_tracks
from recaster.faces.types import Box
from recaster.media.clip import Clip
from recaster.media.reader import read_frames
from recaster.settings.detection import DETECTORS, SAME_PERSON, AnalysisSettings

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.media.types import Image

pytestmark = pytest.mark.footage
PERSON_A = "clips/personA_man_beard_720.mp4"
PERSON_B = "clips/personB_man_curly_640.mp4"


@pytest.fixture(scope="session")
def face_a(footage: Path) -> Image:
    return next(iter(read_frames(footage / PERSON_A, 0, 1))).image


@pytest.mark.parametrize("name", DETECTORS)
def test_every_detector_finds_the_face_in_frame_pixels(name: str, face_a: Image) -> None:
    [found] = make_detector(name, min_face=200).detect(face_a)
    x, y = found.box.centre
    assert abs(x - 350) < 30
    assert abs(y - 335) < 50
    assert 180 < found.box.width < 350


def test_the_smallest_face_sets_what_is_found(footage: Path) -> None:
    frame = next(iter(read_frames(footage / "clips/latentsync_demo3_video.mp4", 0, 1))).image
    assert len(make_detector("yunet", min_face=40).detect(frame)) == 1
    assert make_detector("yunet", min_face=2000).detect(frame) == []


def test_the_two_landmarkers_agree_within_a_few_percent_of_the_eyes_distance(face_a: Image) -> None:
    box = make_detector("yunet").detect(face_a)[0].box
    mesh = inner_points(make_landmarker("mesh").locate(face_a, box).points)
    dlib = inner_points(make_landmarker("dlib-68").locate(face_a, box).points)
    eyes = np.linalg.norm(mesh[19:25].mean(axis=0) - mesh[25:31].mean(axis=0))
    assert np.linalg.norm(mesh - dlib, axis=1).mean() / eyes < 0.05


def test_landmarks_follow_a_mirrored_picture(face_a: Image) -> None:
    mesh = make_landmarker("mesh")
    box = make_detector("yunet").detect(face_a)[0].box
    upright = mesh.locate(face_a, box).points
    width = face_a.shape[1]
    turned = Box(width - box.right, box.top, width - box.left, box.bottom)
    mirrored = mesh.locate(np.ascontiguousarray(face_a[:, ::-1]), turned)
    eyes = np.linalg.norm(upright[468] - upright[473])
    # The left iris is the mirrored right one: no half pixel is lost between crops and frames.
    assert abs(mirrored.points[468, 0] + upright[473, 0] - (width - 1)) < 0.03 * eyes
    assert head_pose(upright).yaw == pytest.approx(-head_pose(mirrored.points).yaw, abs=4)
    assert head_pose(upright).roll == pytest.approx(-head_pose(mirrored.points).roll, abs=3)


def test_identity_tells_two_people_apart(footage: Path) -> None:
    detector = make_detector("dlib-hog", min_face=100)
    vectors = {}
    for clip in (PERSON_A, PERSON_B):
        vectors[clip] = [
            embed(image, detector.detect(image)[0].box)
            for image in (next(iter(read_frames(footage / clip, at, at + 1))).image for at in (0, 40))
        ]
    (a, a2), (b, b2) = vectors.values()
    assert max(distance(a, a2), distance(b, b2)) < 0.45
    assert min(distance(a, b), distance(a2, b2)) > SAME_PERSON


def test_identities_are_those_of_face_recognition(face_a: Image) -> None:
    box = make_detector("dlib-hog", min_face=100).detect(face_a)[0].box
    place = tuple(round(v) for v in (box.top, box.right, box.bottom, box.left))
    [theirs] = face_recognition().face_encodings(face_a, [place], model="small")
    np.testing.assert_allclose(embed(face_a, box), theirs, atol=1e-4)


def test_a_hand_over_the_face_does_not_end_the_track(footage: Path) -> None:
    frames = read_frames(footage / "clips/pyfeat_WolfgangLanger_Pexels.mp4", 85, 135)
    found = analyse(frames, AnalysisSettings(identify=False))
    assert [len(track) for track in found.tracks] == [50]
    assert not found.tracks[0].filled.any()


@pytest.mark.parametrize(
    ("clip", "start", "stop", "cuts"),
    [
        ("tears_of_steel_clip_01_tears_of_steel.mp4", 10, 80, (21, 65)),
        ("tears_of_steel_clip_01_tears_of_steel.mp4", 180, 230, (185,)),
        ("face_recognition_short_hamilton_clip.mp4", 10, 30, (20,)),
        ("face_recognition_short_hamilton_clip.mp4", 75, 90, (82,)),
        ("face_recognition_short_hamilton_clip.mp4", 205, 220, (211,)),
    ],
)
def test_cuts_end_every_track(footage: Path, clip: str, start: int, stop: int, cuts: tuple[int, ...]) -> None:
    found = analyse(read_frames(footage / "clips" / clip, start, stop), AnalysisSettings(identify=False))
    assert found.cuts == cuts
    for track in found.tracks:
        assert not any(track.frames[0] < cut <= track.frames[-1] for cut in cuts)


def test_people_who_cross_keep_their_identities(footage: Path) -> None:
    frames = read_frames(footage / "variants/two_people_crossing.mp4", 36, 124)
    found = analyse(frames, AnalysisSettings())
    people = group_people(found)
    assert len(people) == 2
    [front] = (found.tracks[n] for n in people[0])
    assert len(front) == 88
    assert np.abs(np.diff(front.boxes[:, 0])).max() < 15
    before, *_, after = (found.tracks[n] for n in people[1])  # covered for two seconds, then by half
    assert before.boxes[0, 0] < front.boxes[0, 0]
    assert after.boxes[-1, 0] > front.boxes[-1, 0]


def test_two_people_side_by_side_are_two_tracks_and_two_portraits(footage: Path) -> None:
    clip = footage / "variants/two_people_hstack.mp4"
    found = analyse_clip(Clip(clip), frames=range(10, 30))
    assert [len(track) for track in found.tracks] == [20, 20]
    pictures = portraits(Clip(clip), found, size=128)
    assert sorted(picture.tracks for picture in pictures) == [(0,), (1,)]
    assert all(picture.image.shape == (128, 128, 3) and 10 <= picture.frame < 30 for picture in pictures)
    other = found.tracks[1].embedding
    assert [track.track for track in choose_tracks(found, person=other)] == [1]


def test_a_clip_without_a_face_has_no_tracks(footage: Path) -> None:
    frames = read_frames(footage / "variants/no_face_bars.mp4", 0, 15)
    assert analyse(frames).tracks == ()


def test_a_face_that_enters_is_found_in_its_first_frame(footage: Path) -> None:
    frames = read_frames(footage / "clips/pyfeat_noface_face.mov", 88, 105)
    [track] = analyse(frames, AnalysisSettings(identify=False)).tracks
    assert (track.frames[0], track.frames[-1]) == (96, 104)
