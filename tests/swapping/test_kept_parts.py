"""Parts of the performer's own face that stay, and what is painted beside them."""

from __future__ import annotations

import itertools
from fractions import Fraction
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest
from layered_swaps import follow

from recaster.errors import UsageError
from recaster.faces import topology
from recaster.media.clip import Clip
from recaster.media.types import Frame
from recaster.settings.choices import PARTS
from recaster.settings.detection import AnalysisSettings
from recaster.settings.look import LookSettings
from recaster.settings.swap import SwapSettings
from recaster.swapping.kept_parts import mask_kept_parts
from recaster.swapping.render import RenderedFrame, Renderer
from recaster.swapping.request import SwapRequest
from recaster.swapping.stage_timer import StageTimer
from recaster.swapping.swap_plan import SwapPlan

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SIZE = 256
PLACES = {
    "mouth": (topology.LIP_TOP, 0, 17),
    "inner-mouth": (),
    "eyes": (topology.IRIS_LEFT, topology.IRIS_RIGHT),
    "brows": (52, 105, 282, 334),
    "nose": (topology.NOSE_TIP,),
    "lower": (topology.LIP_TOP, 199, topology.CHIN, 58, 288),
    "upper": (9, 105, topology.IRIS_RIGHT, topology.FOREHEAD),
    "beard": (199, topology.CHIN, 136, 365),
}
"""Points of a mesh that lie well within each part but glasses."""
SHARED = {
    "mouth": {"lower"}, "nose": set(), "eyes": {"upper"}, "brows": {"upper"}, "upper": {"eyes", "brows"},
    "lower": {"mouth", "beard"}, "beard": {"lower"}, "inner-mouth": {"mouth", "lower"},
}  # fmt: skip


@pytest.fixture
def large(mesh: np.ndarray) -> np.ndarray:
    """A face's mesh in the middle of a crop."""
    return mesh * 4 + np.array([SIZE / 2, SIZE / 2, 0])


def at(mask: np.ndarray, points: np.ndarray, chosen: Any) -> np.ndarray:
    columns, rows = np.rint(points[list(chosen), :2]).astype(int).T
    return mask[rows, columns]


def test_glasses_are_kept_where_they_are_and_nowhere_else(large: np.ndarray) -> None:
    rims = np.zeros((SIZE, SIZE), np.float32)
    for eye in (topology.IRIS_LEFT, topology.IRIS_RIGHT):
        cv2.circle(rims, tuple(np.rint(large[eye, :2]).astype(int).tolist()), 20, 1.0, 3)
    kept = mask_kept_parts(["glasses"], 0.05, [large], SIZE, rims)
    assert (kept[rims > 0] > 0.99).all()
    assert not kept[cv2.dilate(rims, np.ones((17, 17))) == 0].any()
    assert set(PARTS) == {*PLACES, "glasses"}
    assert not mask_kept_parts(["glasses"], 0.05, [large], SIZE).any(), "nothing is kept of a bare face"
    with_nose = mask_kept_parts(["glasses", "nose"], 0.05, [large], SIZE, rims)
    assert (with_nose == np.maximum(kept, mask_kept_parts(["nose"], 0.05, [large], SIZE))).all()


@pytest.mark.parametrize("part", PLACES)
def test_a_part_is_kept_whole_and_nothing_else(part: str, large: np.ndarray) -> None:
    mask = mask_kept_parts([part], 0.05, [large], SIZE)
    assert (at(mask, large, PLACES[part]) > 0.99).all()
    others = {p for name in PLACES if name not in {part} | SHARED[part] for p in PLACES[name]}
    assert (at(mask, large, others - set(PLACES[part])) < 0.2).all()


def test_a_beard_has_no_lips(large: np.ndarray) -> None:
    mask = mask_kept_parts(["beard"], 0.05, [large], SIZE)
    assert (at(mask, large, [0, 17, topology.LIP_TOP]) < 0.7).all()
    assert at(mask, large, [18]) > 0.9


def test_what_is_painted_broader_is_covered_too(large: np.ndarray) -> None:
    middle = large.mean(0)
    broad = middle + (large - middle) * [1.3, 1, 1]
    for part in ("nose", "mouth"):
        one, both = (mask_kept_parts([part], 0.05, meshes, SIZE) for meshes in ([large], [large, broad]))
        assert (both >= one).all()
        assert both.sum() > 1.15 * one.sum()


@pytest.mark.parametrize("part", PLACES)
def test_a_border_follows_the_mesh_by_parts_of_a_pixel(part: str, large: np.ndarray) -> None:
    masks = [mask_kept_parts([part], 0.05, [large + np.array([step / 8, 0, 0])], SIZE) for step in range(9)]
    whole = np.abs(masks[8] - np.roll(masks[0], 1, axis=1)).max()
    assert whole < 0.01
    steps = [np.abs(after - before).max() for before, after in itertools.pairwise(masks)]
    assert max(steps) < 0.2  # a step of a whole pixel changes hard borders by 1


def render(fake: Any, tracks: list[Any], **look: Any) -> list[RenderedFrame]:
    settings = SwapSettings(look=LookSettings(colour="mean", **look), batch=4)
    swapper = fake.FakeSwapper()

    def read(start: int, stop: int) -> Iterator[Frame]:
        return (Frame(at, at, Fraction(at, 25), fake.picture(at)) for at in range(start, stop))

    renderer = Renderer(SwapPlan.of(tracks, swapper, settings), swapper, settings, StageTimer())
    return list(renderer.render(read, range(8), range(12)))


def test_kept_parts_are_the_frames_and_all_else_is_painted_as_before(fake: Any, mesh: np.ndarray) -> None:
    tracks = [follow(fake, mesh, range(12), 0, (60.0, 45.0))]
    plain, kept = (render(fake, tracks, keep=keep) for keep in ((), ("upper",)))
    for before, after in zip(plain, kept, strict=True):
        points = tracks[0].landmarks[after.frame.index]
        assert (at(after.image, points, [9, 107, 336]) == at(after.frame.image, points, [9, 107, 336])).all()
        assert (at(after.matte, points, [9, 107, 336]) == 0).all()
        low = np.s_[int(points[topology.LIP_TOP, 1]) :]
        # Patches of other sizes may round otherwise.
        assert np.abs(after.image[low].astype(int) - before.image[low]).max() <= 1
        [whole], [rest] = before.faces, after.faces
        assert whole.kept == 0
        assert "kept" not in whole.to_json()
        assert 0.2 < rest.kept < 0.7
        assert rest.area == whole.area
        assert rest.reason is None


@pytest.mark.parametrize(
    ("look", "landmarker", "words"),
    [
        ({"keep": ("nose",)}, "dlib-68", "--landmarker mesh"),
        ({"strength": 0.5}, "mesh", "pairwise"),
        ({"gaze": 0.0}, "mesh", "pairwise"),
    ],
)
def test_looks_that_nothing_can_be_done_for_are_refused(
    look: Any, landmarker: str, words: str, tmp_path: Path
) -> None:
    settings = SwapSettings(look=LookSettings(**look), analysis=AnalysisSettings(landmarker=landmarker))
    swapper: Any = SimpleNamespace(can_reshape=False)
    request = SwapRequest(Clip(tmp_path / "a.mp4"), tmp_path / "b.mp4", swapper, settings)
    with pytest.raises(UsageError, match=words):
        request.check_look()
