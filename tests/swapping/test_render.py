"""The second pass, without files: which frames come out, and that they do not depend on the chunk."""

from __future__ import annotations

import dataclasses
import threading
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from recaster.appearance.face_appearance import FINE_PX
from recaster.faces.types import Inlay
from recaster.media.types import Frame
from recaster.settings.look import LookSettings
from recaster.settings.swap import SwapSettings
from recaster.swapping.render import RenderedFrame, Renderer
from recaster.swapping.stage_timer import StageTimer
from recaster.swapping.swap_plan import SwapPlan

if TYPE_CHECKING:
    from collections.abc import Iterator

COUNT = 40
BARE = LookSettings(colour="none")


def render(
    fake: Any,
    tracks: list[Any],
    wanted: range,
    settings: SwapSettings,
    swapper: Any = None,
    looks: dict[int, Any] | None = None,
) -> tuple[list[RenderedFrame], list[int]]:
    """The rendered frames, and the indices of those that were read for them."""
    swapper = swapper or fake.FakeSwapper()
    plan = SwapPlan.of(tracks, swapper, settings)
    plan = dataclasses.replace(plan, appearances=looks or {})
    seen: list[int] = []

    def read(start: int, stop: int) -> Iterator[Frame]:
        for index in range(start, stop):
            seen.append(index)
            yield Frame(index, index, Fraction(index, 25), fake.picture(index))

    renderer = Renderer(plan, swapper, settings, StageTimer())
    return list(renderer.render(read, wanted, range(COUNT))), seen


@pytest.mark.parametrize("colour", ["none", "mean", "hist", "light"])
@pytest.mark.parametrize("batch", [1, 4, 7])
def test_a_frame_is_the_same_wherever_the_render_began(fake: Any, colour: str, batch: int) -> None:
    settings = SwapSettings(look=LookSettings(colour=colour), batch=batch)
    tracks = [fake.track(range(3, COUNT))]
    whole, _ = render(fake, tracks, range(COUNT), settings)
    part, seen = render(fake, tracks, range(17, 29), settings)
    assert [item.frame.index for item in part] == list(range(17, 29))
    for mine, theirs in zip(part, whole[17:29], strict=True):
        assert np.array_equal(mine.image, theirs.image)
        assert np.array_equal(mine.matte, theirs.matte)
    assert len(seen) <= 12 + 2 * 6 + 2 * batch


class FakeOccluders:
    """Says that whoever has a look hides the lower half of the face in bright frames."""

    def occlusion_probability(self, look: Any, crop: np.ndarray, points: np.ndarray) -> np.ndarray:
        assert look.glasses is None
        assert points.shape == (478, 3)
        occlusion_probability = np.zeros((FINE_PX, FINE_PX))
        occlusion_probability[FINE_PX // 2 :] = crop.mean() > 120
        return occlusion_probability


@pytest.mark.parametrize("colour", ["none", "mean"])
def test_what_is_in_front_stays_wherever_the_render_began(
    fake: Any, colour: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recaster.swapping.render.Occluders", FakeOccluders)
    settings = SwapSettings(look=LookSettings(colour=colour), batch=4)
    tracks = [fake.track(range(3, COUNT))]
    bare, _ = render(fake, tracks, range(COUNT), settings)
    whole, _ = render(fake, tracks, range(COUNT), settings, looks={0: fake.LOOK})
    part, _ = render(fake, tracks, range(17, 29), settings, looks={0: fake.LOOK})
    for mine, theirs in zip(part, whole[17:29], strict=True):
        assert np.array_equal(mine.image, theirs.image)
        assert np.array_equal(mine.matte, theirs.matte)
    hidden = []
    for item, before in zip(whole, bare, strict=True):
        assert np.array_equal(item.image[item.matte == 0], item.frame.image[item.matte == 0])
        assert np.array_equal(item.matte[:40], before.matte[:40])
        hidden.append(before.matte[50:].any() and not item.matte[50:].any())
    assert 0 < sum(hidden) < COUNT - 3


def test_one_frame_alone_is_no_hand(fake: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    class Once(FakeOccluders):
        calls = 0

        def occlusion_probability(self, look: Any, crop: np.ndarray, points: np.ndarray) -> np.ndarray:
            del look, crop, points
            self.calls += 1
            return np.full((FINE_PX, FINE_PX), float(self.calls == 10))

    monkeypatch.setattr("recaster.swapping.render.Occluders", Once)
    tracks = [fake.track(range(COUNT))]
    seen, _ = render(fake, tracks, range(COUNT), SwapSettings(look=BARE), looks={0: fake.LOOK})
    bare, _ = render(fake, tracks, range(COUNT), SwapSettings(look=BARE))
    assert all(np.array_equal(a.matte, b.matte) for a, b in zip(seen, bare, strict=True))


def test_batches_are_the_same_wherever_the_render_began(fake: Any) -> None:
    swapper = fake.FakeSwapper()
    render(fake, [fake.track(range(COUNT))], range(16, 32), SwapSettings(batch=8), swapper)
    assert swapper.batches == [8, 8, 8, 8]


def test_frames_without_a_face_pass_untouched(fake: Any) -> None:
    tracks = [fake.track(range(5, 10)), fake.track(range(20, 25), 1)]
    for item in render(fake, tracks, range(COUNT), SwapSettings())[0]:
        index = item.frame.index
        has_face = 5 <= index < 10 or 20 <= index < 25
        assert item.matte.any() == has_face
        assert np.array_equal(item.image[item.matte == 0], item.frame.image[item.matte == 0])
        assert np.array_equal(item.image, item.frame.image) != has_face


def test_several_faces_in_one_frame_all_end_up_in_it(fake: Any) -> None:
    tracks = [fake.track(range(COUNT), i, (x, 45.0)) for i, x in enumerate((15, 60, 105))]
    swapper = fake.FakeSwapper()
    rendered, _ = render(fake, tracks, range(8), SwapSettings(batch=4, look=BARE), swapper)
    for item in rendered:
        assert (item.matte[45, [17, 62, 107]] > 200).all()
        assert item.matte[45, 38] == 0
    assert max(swapper.batches) == 4


def test_frames_that_the_swapper_leaves_out_pass_untouched(fake: Any) -> None:
    class Picky(fake.FakeSwapper):
        def plan(self, track: Any, smoothing: Any, *_: Any) -> Any:
            plan = super().plan(track, smoothing)
            kept = slice(0, None, 2)
            return type(plan)(plan.frames[kept], plan.matrices[kept], plan.landmarks[kept], {})

    rendered, _ = render(fake, [fake.track(range(10))], range(10), SwapSettings(), Picky())
    assert [bool(item.matte.any()) for item in rendered] == [True, False] * 5


def test_the_target_is_cut_from_the_frame_as_it_was(fake: Any) -> None:
    """Two tracks at one place: the second one doesn't see what the first one painted."""
    seen: list[np.ndarray] = []

    class Recording(fake.FakeSwapper):
        def swap(self, faces: Any) -> Any:
            seen.extend(face.image for face in faces)
            return super().swap(faces)

    render(fake, [fake.track(range(1)), fake.track(range(1), 1)], range(1), SwapSettings(), Recording())
    assert np.array_equal(seen[0], seen[1])


def test_extra_arrays_reach_the_swapper_row_by_row(fake: Any) -> None:
    rows: list[float] = []

    class Recording(fake.FakeSwapper):
        def swap(self, faces: Any) -> Any:
            rows.extend(float(face.extra["frame"]) for face in faces)
            return super().swap(faces)

    render(fake, [fake.track(range(2, 9))], range(COUNT), SwapSettings(), Recording())
    assert rows == list(range(2, 9))


def test_the_mouth_shows_in_its_own_light(fake: Any) -> None:
    class Gaping(fake.FakeSwapper):
        def swap(self, faces: Any) -> Any:
            image = np.full((64, 64, 3), (250, 0, 250), np.uint8)
            share = np.zeros((64, 64), np.float32)
            share[24:40, 24:40] = 1
            return [
                dataclasses.replace(face, mouth=Inlay(image, share)) if even else face
                for even, face in zip((True, False) * len(faces), super().swap(faces), strict=False)
            ]

    settings = SwapSettings(look=LookSettings(colour="mean"), batch=2)
    rendered, _ = render(fake, [fake.track(range(COUNT))], range(2), settings, Gaping())
    x = 60
    y = 45  # the middle of the face
    assert np.abs(rendered[0].image[y - 3 : y + 3, x - 3 : x + 3].astype(int) - (250, 0, 250)).max() < 6
    assert np.abs(rendered[1].image[y, x].astype(int) - (250, 0, 250)).max() > 50


def test_an_error_leaves_no_thread_behind(fake: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: Renderer, frame: Any, faces: Any) -> RenderedFrame:
        del self, frame, faces
        raise ValueError("broken")

    monkeypatch.setattr(Renderer, "_composite", broken)
    before = threading.active_count()
    with pytest.raises(ValueError, match="broken") as held:
        render(fake, [fake.track(range(COUNT))], range(COUNT), SwapSettings())
    assert held.tb is not None, "whoever holds the error holds all that was going on"
    assert threading.active_count() == before
