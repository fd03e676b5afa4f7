"""Choice of tracks by person, by track, or of the one who fills most of the clip."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from recaster.errors import FaceNotFoundError, UsageError
from recaster.faces.people import group_people
from recaster.faces.track_choice import choose_tracks
from recaster.faces.types import Analysis, FaceTrack

Track = Callable[..., FaceTrack]
Whole = Callable[..., Analysis]


@pytest.fixture
def clip(track_of: Track, analysis_of: Whole) -> Analysis:
    """Two people: 0.0 in tracks 0 and 2, 1.0 (larger, but shorter) in track 1, and a stranger in 3."""
    return analysis_of(
        track_of(0, range(50), 100, who=0.0),
        track_of(1, range(10), 150, who=1.0),
        track_of(2, range(60, 100), 100, who=0.2),
        track_of(3, range(70, 80), 50, who=3.0),
    )


def numbers(tracks: tuple[FaceTrack, ...]) -> list[int]:
    return [one.track for one in tracks]


def test_people_are_grouped_by_identity_the_most_visible_first(clip: Analysis) -> None:
    assert group_people(clip) == ((0, 2), (1,), (3,))


def test_two_faces_in_one_frame_are_two_people(track_of: Track, analysis_of: Whole) -> None:
    assert group_people(analysis_of(track_of(0, range(9)), track_of(1, range(5, 20)))) == ((1,), (0,))


def test_without_identities_every_track_stands_for_itself(track_of: Track, analysis_of: Whole) -> None:
    clip = analysis_of(track_of(0, range(9), who=None), track_of(1, range(20, 40), who=None))
    assert group_people(clip) == ((1,), (0,))
    assert numbers(choose_tracks(clip)) == [1]


def test_the_default_is_the_person_who_fills_most_of_the_clip(clip: Analysis) -> None:
    assert numbers(choose_tracks(clip)) == [0, 2]


def test_a_track_stands_for_its_person(clip: Analysis) -> None:
    assert numbers(choose_tracks(clip, track=2)) == [0, 2]
    assert numbers(choose_tracks(clip, track=3)) == [3]


def test_everyone(clip: Analysis) -> None:
    assert numbers(choose_tracks(clip, everyone=True)) == [0, 1, 2, 3]


def test_a_person_is_found_by_embedding(clip: Analysis) -> None:
    assert numbers(choose_tracks(clip, person=np.full(128, 1.1 / np.sqrt(128)))) == [1]
    assert numbers(choose_tracks(clip, person=np.full(128, 0.45 / np.sqrt(128)))) == [0, 2]


def test_somebody_else_is_not_found_and_the_message_says_who_is_there(clip: Analysis) -> None:
    with pytest.raises(FaceNotFoundError, match=r"1\.00 away.*track 3 \(frames 70-79\)"):
        choose_tracks(clip, person=np.full(128, 2.0 / np.sqrt(128)))


def test_an_unknown_track_is_not_found(clip: Analysis) -> None:
    with pytest.raises(FaceNotFoundError, match="no track 9; found: track 0"):
        choose_tracks(clip, track=9)


def test_no_face_at_all(analysis_of: Whole) -> None:
    with pytest.raises(FaceNotFoundError, match="no face was found in 100 frames"):
        choose_tracks(analysis_of())


def test_wishes_exclude_each_other(clip: Analysis) -> None:
    with pytest.raises(UsageError, match="either a person, or a track"):
        choose_tracks(clip, track=1, everyone=True)


def test_a_person_needs_identities(track_of: Track, analysis_of: Whole) -> None:
    with pytest.raises(UsageError, match="without identities"):
        choose_tracks(analysis_of(track_of(0, range(9), who=None)), person=np.zeros(128))
