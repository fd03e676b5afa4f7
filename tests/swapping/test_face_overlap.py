"""Faces in front of faces: whoever was not chosen is not touched, and a nearer face is not painted over."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from recaster.faces.analysis import analyse
from recaster.media.reader import read_frames
from recaster.media.types import Frame
from recaster.settings.detection import Smoothing
from recaster.settings.look import LookSettings, MaskSettings
from recaster.settings.swap import SwapSettings
from recaster.swapping.face_overlap import draw_outlines, outline_head, outline_nearer_faces
from recaster.swapping.masks import outline_face
from recaster.swapping.render import Renderer
from recaster.swapping.stage_timer import StageTimer
from recaster.swapping.swap_plan import SwapPlan

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from recaster.swapping.render import RenderedFrame

COUNT = 12


def sized(track: Any, factor: float) -> Any:
    """A track whose face is larger by a factor."""
    middle = track.landmarks.mean(1, keepdims=True)
    return dataclasses.replace(track, landmarks=middle + factor * (track.landmarks - middle))


def render(
    fake: Any, chosen: Sequence[Any], everybody: Sequence[Any], kind: str = "learned"
) -> list[RenderedFrame]:
    """The frames with the chosen faces swapped."""
    asked = SwapSettings(look=LookSettings(MaskSettings(kind), "none"))
    plan = SwapPlan.of(chosen, fake.FakeSwapper(), asked, fake.analysis(everybody, COUNT))
    renderer = Renderer(plan, fake.FakeSwapper(), asked, StageTimer())
    frames = [Frame(i, i, Fraction(i, 25), fake.picture(i)) for i in range(COUNT)]
    return list(renderer.render(lambda a, b: frames[a:b], range(COUNT), range(COUNT)))


def inside(track: Any, index: int, shape: tuple[int, int], margin: float) -> np.ndarray:
    """Mask of a round face of ``fake.track``, shrunk by a margin in pixels."""
    points = track.landmarks[index, :, :2]
    y, x = np.mgrid[: shape[0], : shape[1]]
    across, down = np.ptp(points, axis=0) / 2 - margin
    middle = points.mean(0)
    return ((x - middle[0]) / across) ** 2 + ((y - middle[1]) / down) ** 2 < 1


@pytest.mark.parametrize("kind", ["learned", "hull", "box"])
@pytest.mark.parametrize("factor", [0.9, 1.3])
def test_who_was_not_chosen_is_not_touched(fake: Any, kind: str, factor: float) -> None:
    mine = fake.track(range(COUNT))
    other = sized(fake.track(range(COUNT), 1, (82.0, 45.0)), factor)
    alone, both = (render(fake, [mine], tracks, kind) for tracks in ([mine], [mine, other]))
    for index, (before, after) in enumerate(zip(alone, both, strict=True)):
        theirs = inside(other, index, after.matte.shape, 2.0)
        left = int(outline_head(other.landmarks[index])[..., 0].min()) - 2
        assert before.matte[theirs].any()
        assert not after.matte[theirs].any()
        assert np.array_equal(after.image[theirs], after.frame.image[theirs])
        assert np.array_equal(after.image[:, :left], before.image[:, :left])


def test_who_is_far_behind_hides_nothing(fake: Any) -> None:
    mine = fake.track(range(COUNT))
    other = sized(fake.track(range(COUNT), 1, (75.0, 45.0)), 0.5)
    alone, both = (render(fake, [mine], tracks) for tracks in ([mine], [mine, other]))
    assert all(np.array_equal(a.image, b.image) for a, b in zip(alone, both, strict=True))


def test_of_two_swapped_faces_the_nearer_is_in_front(fake: Any) -> None:
    near = sized(fake.track(range(COUNT)), 1.2)
    far = fake.track(range(COUNT), 1, (85.0, 45.0))
    found = outline_nearer_faces([near, far], [near, far], Smoothing())
    assert set(found) == {(1, frame) for frame in range(COUNT)}
    assert {len(outlines) for outlines in found.values()} == {1}
    as_large = fake.track(range(COUNT), 1, (85.0, 45.0))
    found = outline_nearer_faces(
        [as_large, fake.track(range(COUNT))], [as_large, fake.track(range(COUNT))], Smoothing()
    )
    assert {number for number, _ in found} == {1}


def test_only_frames_in_which_faces_meet(fake: Any) -> None:
    mine = fake.track(range(COUNT))
    apart = fake.track(range(COUNT), 1, (160.0, 45.0))
    later = fake.track(range(COUNT, 2 * COUNT), 2)
    assert outline_nearer_faces([mine], [mine, apart, later], Smoothing()) == {}
    part = fake.track(range(5, 9), 1, (82.0, 45.0))
    assert set(outline_nearer_faces([mine], [mine, part], Smoothing())) == {
        (0, frame) for frame in range(5, 9)
    }
    hair = fake.track(range(COUNT), 1, (108.0, 45.0))  # its ears and hair meet the face, its own points don't
    assert len(outline_nearer_faces([mine], [mine, hair], Smoothing())) == COUNT


def test_one_track_is_in_front_in_all_frames_or_in_none(fake: Any) -> None:
    mine = fake.track(range(COUNT))
    other = fake.track(range(COUNT), 1, (82.0, 45.0))
    factors = np.where(np.arange(COUNT) % 3 == 0, 0.7, 1.0)[:, None, None]
    middle = other.landmarks.mean(1, keepdims=True)
    other = dataclasses.replace(other, landmarks=middle + factors * (other.landmarks - middle))
    assert len(outline_nearer_faces([mine], [mine, other], Smoothing("none"))) == COUNT


def test_an_outline_in_a_crop() -> None:
    outline = np.array([[[20, 10]], [[60, 10]], [[60, 50]], [[20, 50]]], np.float32)
    covered = draw_outlines([outline], np.array([[2.0, 0, -40], [0, 2.0, -20]]), 64)
    assert covered.shape == (64, 64)
    assert covered[2:, 2:].min() == 1
    assert draw_outlines([outline], np.array([[2.0, 0, 200], [0, 2.0, 0]]), 64).max() == 0


@pytest.mark.parametrize("factor", [0.9, 1.1])
def test_who_was_seen_to_be_behind_is_behind_whatever_its_size(fake: Any, factor: float) -> None:
    mine = dataclasses.replace(fake.track(range(COUNT)), behind=np.full(COUNT, 0.05))
    other = sized(fake.track(range(COUNT), 1, (82.0, 45.0)), factor)
    behind, front = (dataclasses.replace(other, behind=np.full(COUNT, signs)) for signs in (0.2, 0.01))
    assert outline_nearer_faces([mine], [mine, behind], Smoothing()) == {}
    assert len(outline_nearer_faces([mine], [mine, front], Smoothing())) == COUNT
    late = dataclasses.replace(other, behind=np.where(np.arange(COUNT) < COUNT - 2, 0.04, 0.2))
    assert outline_nearer_faces([mine], [mine, late], Smoothing()) == {}


def test_ears_and_hair_belong_to_a_face(actors: Path) -> None:
    [track] = analyse(read_frames(actors / "performer.mp4", 30, 34)).tracks
    points = track.landmarks[0]
    plain = outline_face(track.landmarks[0])
    head = outline_head(points)
    (width, height), (wide, high) = (np.ptp(one, axis=(0, 1)) for one in (plain, head))
    assert 1.15 * width < wide < 1.5 * width
    assert 1.15 * height < high < 1.5 * height
    assert all(cv2.pointPolygonTest(head, tuple(map(float, corner)), True) > -0.01 for corner in plain[:, 0])
    assert np.array_equal(outline_head(points[:68]), outline_face(points[:68]))
