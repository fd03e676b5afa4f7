"""Corrections of an analysis: what each kind does, and that they mean the same faces in another analysis."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from recaster.errors import UsageError
from recaster.faces import correction_making as making
from recaster.faces.analysis_cache import analyse_clip, cached_analysis
from recaster.faces.corrections import apply_correction, move_points
from recaster.faces.people import group_people
from recaster.faces.track_pieces import find_changed_frames
from recaster.media.clip import Clip
from recaster.settings.corrections import (
    Correction,
    Corrections,
    default_path,
    parse_corrections,
    write_corrections,
)
from recaster.settings.detection import AnalysisSettings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from recaster.faces.types import Analysis, FaceTrack

SETTINGS = AnalysisSettings(identify=False)


def spans(analysis: Analysis) -> dict[int, tuple[int, int]]:
    return {track.track: (int(track.frames[0]), int(track.frames[-1])) for track in analysis.tracks}


def correct(analysis: Analysis, *corrections: Correction) -> Analysis:
    """Corrects without a clip, through the text that a file holds."""
    items = parse_corrections(Corrections("clip", corrections).to_text()).items
    current = dataclasses.replace(analysis, uncorrected=analysis)
    for number, correction in enumerate(items):
        current = apply_correction(None, current, SETTINGS, number, correction)  # type: ignore[arg-type]
    return move_points(current, [each for each in enumerate(items) if each[1].kind == "points"])


def moved(track: FaceTrack, by: float) -> FaceTrack:
    return dataclasses.replace(
        track, boxes=track.boxes + by, landmarks=track.landmarks + np.array([by, by, 0])
    )


@pytest.fixture
def found(track_of: Callable[..., FaceTrack], analysis_of: Callable[..., Analysis]) -> Analysis:
    """Two shots of 50 frames; in the first two faces, the first of which is lost for four frames."""
    return analysis_of(
        track_of(0, range(20), who=None),
        moved(track_of(1, range(50), who=None), 300),
        track_of(2, range(24, 50), who=None),
        track_of(3, range(50, 90), who=None),
    )


def test_a_track_is_split_and_its_longer_piece_keeps_the_number(found: Analysis) -> None:
    after = correct(found, making.make_split(found, 1, 10))
    assert spans(after) == {0: (0, 19), 1: (10, 49), 2: (24, 49), 3: (50, 89), 4: (0, 9)}
    assert after.warnings == ()
    with pytest.raises(UsageError, match=r"track 1 \(frames 0-49\) can't be parted before frame 50"):
        making.make_split(found, 1, 50)


def test_tracks_are_joined_and_the_gap_is_filled(found: Analysis) -> None:
    after = correct(found, making.make_join(found, 2, 0))
    assert spans(after) == {1: (0, 49), 2: (0, 49), 3: (50, 89)}
    joined = after.track(2)
    assert joined.filled.tolist() == [20 <= frame < 24 for frame in range(50)]
    np.testing.assert_allclose(np.diff(joined.boxes[:, 0]), 1, atol=1e-9)
    assert joined.landmarks[24:].tolist() == found.track(2).landmarks.tolist()
    with pytest.raises(UsageError, match="a cut lies between"):
        making.make_join(found, 2, 3)
    with pytest.raises(UsageError, match="both faces are in the same frames"):
        making.make_join(found, 0, 1)


def test_tracks_and_parts_of_them_are_dropped(found: Analysis) -> None:
    after = correct(found, making.make_drop(found, 0, None), making.make_drop(found, 1, range(10, 15)))
    assert spans(after) == {1: (15, 49), 2: (24, 49), 3: (50, 89), 4: (0, 9)}
    with pytest.raises(UsageError, match="has none of the frames 60-69"):
        making.make_drop(found, 1, range(60, 70))
    with pytest.raises(UsageError, match="there is no track 7; there are: 0, 1, 2, 3"):
        making.make_drop(found, 7, None)


def test_a_wrong_person_is_put_right(
    track_of: Callable[..., FaceTrack], analysis_of: Callable[..., Analysis]
) -> None:
    found = analysis_of(
        track_of(0, range(50), who=0.0),
        moved(track_of(1, range(50), who=1.0), 300),
        track_of(2, range(50, 90), who=1.0),
    )
    assert group_people(found) == ((0,), (1, 2)) or group_people(found) == ((1, 2), (0,))
    person = next(n for n, tracks in enumerate(group_people(found)) if tracks == (0,))
    after = correct(found, making.make_assign(found, 2, str(person)))
    assert set(group_people(after)) == {(0, 2), (1,)}
    assert {track.track: track.person for track in after.tracks} == {0: "P0", 1: "", 2: "P0"}
    named = correct(found, making.make_assign(found, 2, "Anna"))
    assert set(group_people(named)) == {(0,), (1,), (2,)}
    with pytest.raises(UsageError, match="there is no person 9: people are numbered from 0 to 1"):
        making.make_assign(found, 2, "9")
    with pytest.raises(UsageError, match="1 to 64 printable characters"):
        making.make_assign(found, 2, "9" * 5000)
    for name in ("Anna/Bea", "anna.png"):
        with pytest.raises(UsageError, match="names hold no / and don't end like pictures"):
            making.make_assign(found, 2, name)
    with pytest.raises(UsageError, match="give a name to tell them apart"):
        making.make_assign(found, 0, str(person))


def test_tracks_with_different_names_are_different_people(
    track_of: Callable[..., FaceTrack], analysis_of: Callable[..., Analysis]
) -> None:
    found = analysis_of(track_of(0, range(50), who=0.0), track_of(1, range(50, 90), who=0.0))
    assert group_people(found) == ((0, 1),)
    after = correct(found, making.make_assign(found, 0, "Anna"), making.make_assign(found, 1, "Bea"))
    assert group_people(after) == ((0,), (1,))


def test_moved_points_fade_to_where_they_were_found(found: Analysis) -> None:
    mesh = found.track(1).landmarks[30]
    x, y, z = mesh[7].tolist()
    after = correct(found, making.make_points(found, 30, [(7, x + 6, y), (8, *(mesh[8] + 1).tolist())]))
    offsets = after.track(1).landmarks - found.track(1).landmarks
    np.testing.assert_allclose(offsets[30, 7], (6, 0, 0), atol=1e-9)
    np.testing.assert_allclose(offsets[30, 8], 1, atol=1e-9)
    np.testing.assert_allclose(offsets[26:35, 7, 0], [1.2, 2.4, 3.6, 4.8, 6, 4.8, 3.6, 2.4, 1.2], atol=1e-9)
    assert not offsets[:26].any()
    assert not offsets[35:].any()
    assert np.flatnonzero(offsets.any((0, 2))).tolist() == [7, 8]
    assert find_changed_frames(after.track(1), found.track(1)).tolist() == list(range(26, 35))
    assert z == mesh[7, 2]


def test_between_two_corrections_points_go_from_one_to_the_other(found: Analysis) -> None:
    track = found.track(1)
    items = [
        making.make_points(found, frame, [(7, *(track.landmarks[frame, 7, :2] + (by, 0)).tolist())])
        for frame, by in ((10, 2.0), (18, 4.0))
    ]
    after = correct(found, *items)
    offsets = (after.track(1).landmarks - track.landmarks)[10:19, 7, 0]
    np.testing.assert_allclose(offsets, np.linspace(2, 4, 9), atol=1e-9)


def test_corrections_mean_the_same_faces_in_another_analysis(
    found: Analysis, track_of: Callable[..., FaceTrack]
) -> None:
    """Another detector sees the second face first, a little elsewhere, and in two pieces."""
    items = [
        making.make_drop(found, 1, range(10, 40)),
        making.make_split(found, 3, 60),
        making.make_join(found, 0, 2),
    ]
    second = moved(track_of(0, range(50), who=None), 304)
    other = dataclasses.replace(
        found,
        tracks=(
            dataclasses.replace(
                second,
                **{
                    name: getattr(second, name)[:30]
                    for name in ("frames", "times", "boxes", "landmarks", "scores", "filled")
                },
            ),
            track_of(1, range(50), who=None),
            dataclasses.replace(
                second,
                track=2,
                **{
                    name: getattr(second, name)[30:]
                    for name in ("frames", "times", "boxes", "landmarks", "scores", "filled")
                },
            ),
            track_of(3, range(50, 90), who=None, side=110),
        ),
    )
    after = correct(other, *items)
    assert after.warnings == ()
    assert spans(after) == {0: (0, 9), 1: (0, 49), 2: (40, 49), 3: (60, 89), 4: (50, 59)}


def test_what_cannot_be_applied_is_said(found: Analysis) -> None:
    items = [
        making.make_split(found, 1, 10),
        making.make_drop(found, 0, None),
        making.make_join(found, 0, 2),
        making.make_points(found, 5, [(477, 10.0, 20.0)], 0),
    ]
    empty = dataclasses.replace(found, tracks=found.tracks[3:])
    after = correct(empty, *items)
    assert [warning.partition(" (")[0] for warning in after.warnings] == [
        f"correction {number} was not applied" for number in range(4)
    ]
    assert after.warnings[0].endswith("there is no face")
    coarse = [dataclasses.replace(track, landmarks=track.landmarks[:, :68]) for track in found.tracks]
    after = correct(dataclasses.replace(found, tracks=tuple(coarse)), items[3])
    assert "the face has 68 points and not these" in after.warnings[0]


def test_corrections_of_frames_that_were_not_looked_at_say_nothing(found: Analysis) -> None:
    part = dataclasses.replace(found, tracks=found.tracks[3:], first_frame=50, frame_count=50)
    after = correct(part, making.make_split(found, 1, 10), making.make_drop(found, 0, None))
    assert (after.warnings, spans(after)) == ((), {3: (50, 89)})


@pytest.fixture
def performer(actors: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A rendered performer, under a name of the test's own."""
    monkeypatch.setenv("RECASTER_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "performer.mp4"
    path.symlink_to(actors / "performer.mp4")
    return path


def test_a_face_comes_back_where_a_box_says(performer: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frames = range(12)
    settings = AnalysisSettings()
    found = analyse_clip(Clip(performer), settings, frames)
    [track] = found.tracks
    lost = making.make_drop(found, 0, range(4, 8))
    left, top, right, bottom = (track.boxes[5] + (9, -7, -6, 5)).tolist()
    box = making.make_box(found, 5, (left, top, right - left, bottom - top), 8.0)
    digest = Clip(performer).digest
    write_corrections(default_path(performer), Corrections(digest, (lost,)))
    gap = analyse_clip(Clip(performer), settings, frames)
    assert spans(gap) == {0: (0, 3), 1: (8, 11)}
    write_corrections(default_path(performer), Corrections(digest, (lost, box)))
    after = analyse_clip(Clip(performer), settings, frames)
    assert after.warnings == ()
    assert [(int(each.frames[0]), int(each.frames[-1])) for each in after.tracks] == [(0, 11)]
    apart = np.abs(after.tracks[0].landmarks - track.landmarks)[..., :2].max((1, 2))
    assert apart[:4].max() == apart[8:].max() == 0
    width = track.boxes[5, 2] - track.boxes[5, 0]
    assert apart.max() < 0.05 * width, "it is found as it was, and followed to both sides"
    monkeypatch.setattr("recaster.faces.analysis_cache.apply_correction", None)
    kept = cached_analysis(Clip(performer), settings, frames)
    assert kept is not None
    assert kept.tracks[0].landmarks.tolist() == after.tracks[0].landmarks.tolist(), "it is kept"


def test_a_box_without_a_face_is_said(performer: Path) -> None:
    found = analyse_clip(Clip(performer), None, range(6))
    box = making.make_box(found, 3, (0.0, 0.0, 30.0, 30.0), 0.0)
    write_corrections(default_path(performer), Corrections(Clip(performer).digest, (box,)))
    after = analyse_clip(Clip(performer), None, range(6))
    assert spans(after) == spans(found) == {0: (0, 5)}
    [warning] = after.warnings
    assert "no face can be made out in the box" in warning


def test_pieces_of_a_split_track_have_identities_of_their_own(performer: Path) -> None:
    found = analyse_clip(Clip(performer), None, range(12))
    split = making.make_split(found, 0, 6)
    write_corrections(default_path(performer), Corrections(Clip(performer).digest, (split,)))
    first, second = analyse_clip(Clip(performer), None, range(12)).tracks
    assert first.embedding.shape == second.embedding.shape == (128,)
    assert not np.array_equal(first.embedding, second.embedding)


def test_corrections_of_another_clip_are_not_applied(performer: Path) -> None:
    found = analyse_clip(Clip(performer), None, range(6))
    drop = making.make_drop(found, 0, None)
    write_corrections(default_path(performer), Corrections("0" * 64, (drop,)))
    after = analyse_clip(Clip(performer), None, range(6))
    assert len(after.tracks) == 1
    assert "its corrections are of another clip" in after.warnings[0]


def test_a_course_shows_where_a_face_went(
    track_of: Callable[..., Any], analysis_of: Callable[..., Any]
) -> None:
    still = track_of(0, range(50), who=None)
    jump = dataclasses.replace(still, boxes=still.boxes + np.where(np.arange(50) < 20, 0, 70)[:, None])
    [straight, bent] = (making.make_drop(analysis_of(each), 0, None).face for each in (still, jump))
    assert [place.frame for place in straight] == [0, 49]
    assert {0, 19, 20, 49} <= {place.frame for place in bent}
