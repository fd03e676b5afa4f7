"""Changes of a look, really swapped: where they show, and what of a clip they leave as it was."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from recaster.faces.analysis import analyse
from recaster.media.clip import Clip
from recaster.settings.detection import AnalysisSettings
from recaster.settings.look import LookSettings, MaskSettings
from recaster.settings.look_course import LookChange
from recaster.settings.options import with_values
from recaster.settings.swap import SwapSettings
from recaster.swapping.guided import GuidedSwapper
from recaster.swapping.performer_appearance import add_appearance
from recaster.swapping.render import Renderer
from recaster.swapping.segment_digests import digest_segments
from recaster.swapping.stage_timer import StageTimer
from recaster.swapping.swap_plan import SwapPlan

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.facesets.faceset import Faceset
    from recaster.media.types import Image

FRAMES = range(16)
PARTS = tuple(range(start, start + 4) for start in range(0, 16, 4))
LIGHT = LookSettings()
NO_COLOUR = LookSettings(colour="none")


@pytest.fixture(scope="module")
def studio(few_faces: Faceset, actors: Path) -> tuple[Any, ...]:
    """A clip, its frames, its performer's track, and a real swapper."""
    clip = Clip(actors / "performer.mp4")
    frames = list(clip.read(0, FRAMES.stop))
    [track] = analyse(frames, AnalysisSettings(identify=False)).tracks
    return clip, frames, track, GuidedSwapper.from_faceset(few_faces)


def within(first: int, last: int, **values: Any) -> LookChange:
    return LookChange(range(first, last + 1), tuple(values.items()))


def render(
    studio: Any, *changes: LookChange, look: LookSettings = LIGHT, wanted: range = FRAMES
) -> tuple[list[Image], list[str]]:
    """Renders some frames; returns them, and the digests of all parts."""
    clip, frames, track, swapper = studio
    settings = SwapSettings(look=look, changes=changes, batch=4)
    plan = add_appearance(SwapPlan.of([track], swapper, settings), clip, FRAMES, [FRAMES])
    renderer = Renderer(plan, swapper, settings, StageTimer())
    images = [item.image for item in renderer.render(lambda a, b: frames[a:b], wanted, FRAMES)]
    return images, list(digest_segments(plan, PARTS, FRAMES, settings).values())


def find_stale(mine: list[str], theirs: list[str]) -> set[int]:
    return {at for at, digests in enumerate(zip(mine, theirs, strict=True)) if len(set(digests)) > 1}


def find_different(mine: list[Image], theirs: list[Image]) -> set[int]:
    return {at for at, (one, other) in enumerate(zip(mine, theirs, strict=True)) if (one != other).any()}


def test_masks_and_colours_of_frames_are_those_of_a_swap_with_their_values(studio: Any) -> None:
    values = {"mask": "hull", "erode": 0.1, "colour": "mean", "keep": ("mouth",)}
    plain, parts = render(studio)
    changed, others = render(studio, within(4, 5, **values))
    assert find_stale(parts, others) == {1}
    assert find_different(plain, changed) == {4, 5}
    alone, _ = render(studio, look=with_values(LookSettings(), values), wanted=range(4, 6))
    assert not find_different(changed[4:6], alone)


def test_shapes_of_frames_are_those_of_a_swap_with_their_values(studio: Any) -> None:
    values = {"expression": 0.3, "gaze": 1.2, "strength": 0.6, "keep": ("beard",)}
    whole = LookSettings(colour="none", **values)
    plain, parts = render(studio, look=NO_COLOUR)
    changed, others = render(studio, within(4, 5, **values), look=NO_COLOUR)
    assert find_stale(parts, others) == {0, 1, 2}, "what is before a face is averaged over frames near"
    assert find_different(plain, changed) == {4, 5}
    alone, _ = render(studio, look=whole, wanted=range(4, 6))
    assert not find_different(changed[4:6], alone)


@pytest.mark.parametrize(
    ("look", "values", "stale"),
    [
        (LookSettings(), {"expression": 0.3}, {0, 1, 2}),
        (LookSettings(), {"gaze": 0.3}, {0, 1, 2}),
        (LookSettings(MaskSettings("hull"), "none"), {"gaze": 0.3}, {1}),
        (LookSettings(MaskSettings("hull"), "none"), {"colour": "light"}, {1}),
        (LookSettings(MaskSettings("hull"), "none"), {"mask": "learned"}, {1}),
    ],
)
def test_only_parts_within_reach_of_a_change_are_stale(
    studio: Any, look: LookSettings, values: dict[str, Any], stale: set[int]
) -> None:
    _, _, track, swapper = studio
    digests = []
    for changes in ((), (within(5, 6, **values),)):
        settings = SwapSettings(look=look, changes=changes, batch=4)
        plan = SwapPlan.of([track], swapper, settings)
        digests.append(list(digest_segments(plan, PARTS, FRAMES, settings).values()))
    assert find_stale(*digests) == stale


def test_parts_with_glasses_depend_on_them_whatever_the_mask(studio: Any) -> None:
    _, _, track, swapper = studio
    settings = SwapSettings(look=LookSettings(MaskSettings("hull"), "none", keep=("glasses",)))
    plan = SwapPlan.of([track], swapper, settings)
    digests = []
    for worn in ("round", "square"):
        looks: Any = {0: SimpleNamespace(worn=worn)}
        wearing = dataclasses.replace(plan, appearances=looks)
        digests.append(list(digest_segments(wearing, PARTS, FRAMES, settings).values()))
    assert find_stale(*digests) == {0, 1, 2, 3}
