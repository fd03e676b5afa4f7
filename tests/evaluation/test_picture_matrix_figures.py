"""The figures of the picture matrix: what is spoilt moves its figure, and the true swap does not."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from recaster.benchmarks.picture_matrix.conditions import PLAIN, condition
from recaster.benchmarks.picture_matrix.figures import ShotFrame, judge_motion, judge_shot
from recaster.benchmarks.picture_matrix.rows import Row, read_rows
from recaster.benchmarks.picture_matrix.shots import faces_of, make_shot
from recaster.evaluation.feature_judge import SourceFeatures
from recaster.evaluation.ground_truth import Truth
from recaster.media.reader import read_frames

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from recaster.facesets.faceset import Faceset

    from .conftest import Material

EVERY = 6
"""Of the performer's frames, one in so many is judged here."""


def judged(
    material: Material, kind: str = "true", matte: str = "whole", source: SourceFeatures | None = None
) -> dict[str, float]:
    def frames() -> Iterator[ShotFrame]:
        for at in range(0, len(material.truth), EVERY):
            whole = np.full_like(material.truth[at], 255)
            if matte == "scraps":
                whole[:, ::16] = whole[:, 1::16] = whole[:, 2::16] = whole[:, 3::16] = 0
            yield ShotFrame(
                original=material.performer[at],
                swapped=getattr(material, kind)(at),
                matte=whole,
                mesh=material.points[at],
                truth=material.truth[at],
                known=material.masks[at],
            )

    return judge_shot(frames(), source)


@pytest.fixture(scope="module")
def true(material: Material) -> dict[str, float]:
    return judged(material)


def test_a_true_swap_covers_the_face_straight_and_nothing_else(true: dict[str, float]) -> None:
    assert true["found"] == 100
    assert true["coverage"] == 1
    assert true["roll_95"] < 1
    assert true["bleed"] < 4, "the other jaw is wider"
    assert true["psnr_inside"] > 70
    assert "front_iou" not in true


@pytest.mark.parametrize(
    ("kind", "matte", "figure", "by"),
    [
        ("true", "scraps", "coverage", -0.2),
        ("beside", "whole", "bleed", 2),
        ("tilted", "whole", "roll_95", 4),
        ("yellowed", "whole", "tint_95", 3),
        ("shaded", "whole", "light_95", 3),
        ("blurred", "whole", "detail_fine", -0.3),
        ("noisy", "whole", "detail_fine", 0.5),
        ("half_swapped", "whole", "psnr_inside", -20),
    ],
)
def test_what_is_spoilt_moves_its_figure(
    material: Material, true: dict[str, float], kind: str, matte: str, figure: str, by: float
) -> None:
    moved = judged(material, kind, matte)[figure] - true[figure]
    assert moved > by if by > 0 else moved < by


@pytest.fixture(scope="module")
def look(actor_faceset: Faceset) -> SourceFeatures:
    return SourceFeatures.measure(actor_faceset)


@pytest.fixture(scope="module")
def true_of_source(material: Material, look: SourceFeatures) -> dict[str, float]:
    return judged(material, source=look)


def test_a_true_swap_has_its_source_s_features_and_no_smears(true_of_source: dict[str, float]) -> None:
    assert true_of_source["brows"] > 0.75
    assert true_of_source["brows_least"] > 0.6
    assert true_of_source["lids"] > 0.75
    assert true_of_source["smears"] < 2
    assert true_of_source["unsteady"] < 10


@pytest.mark.parametrize(
    ("kind", "figure", "by"),
    [
        ("bitten", "brows", -0.05),
        ("bitten", "brows_least", -0.12),
        ("unswapped", "lids", -0.1),
        ("outlined", "jaw", 3),
        ("blotched", "smears", 0.8),
        ("with_lock", "smears", 1.5),
        ("with_lock", "unsteady", 5),
    ],
)
def test_a_feature_that_is_spoilt_and_a_blotch_move_their_figures(
    material: Material,
    look: SourceFeatures,
    true_of_source: dict[str, float],
    kind: str,
    figure: str,
    by: float,
) -> None:
    moved = judged(material, kind, source=look)[figure] - true_of_source[figure]
    assert moved > by if by > 0 else moved < by


def test_features_of_nobody_are_not_judged(true: dict[str, float]) -> None:
    assert np.isnan([true[name] for name in ("brows", "brows_least", "brows_change", "lids", "lips")]).all()
    assert np.isfinite([true[name] for name in ("temples", "jaw", "smears", "unsteady")]).all()


@dataclasses.dataclass(frozen=True, eq=False)
class Worn:
    """A performer with glasses, the true swap, and what is known of its frames."""

    frames: list[ShotFrame]

    def judged(self, **changed: Any) -> dict[str, float]:
        """The figures when some of what is told is made of a frame in another way."""
        return judge_shot(
            dataclasses.replace(frame, **{name: make(frame) for name, make in changed.items()})
            for frame in self.frames
        )


@pytest.fixture(scope="module")
def worn(actors: Path, tmp_path_factory: pytest.TempPathFactory) -> Worn:
    row = next(row for row in read_rows(actors / "matrix.toml") if row.name == "thick-glasses")
    assert row.truth is not None
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("RECASTER_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
        meshes = faces_of(row, row.target, None)
    truth = Truth.load(row.truth)
    frames = []
    for here, there in zip(read_frames(row.target, 0, 6), read_frames(row.truth, 0, 6), strict=True):
        before = truth.occluders(here.index)
        assert before is not None
        frames.append(
            ShotFrame(
                original=here.image,
                swapped=there.image,
                matte=np.full_like(here.image, 255),
                mesh=meshes[here.index],
                truth=there.image,
                known=truth.mask(here.index),
                protected=before[0],
                clouded=before[1],
            )
        )
    return Worn(frames)


def around_glasses(frame: ShotFrame, pixels: int) -> np.ndarray:
    """A matte that leaves the glasses, and what is near them, as they are."""
    kernel = np.ones((2 * pixels + 1, 2 * pixels + 1), np.uint8)
    kept = cv2.dilate(frame.protected.astype(np.uint8), kernel)
    return np.repeat(np.where(kept[..., None] > 0, 0, 255).astype(np.uint8), 3, axis=2)


def without_glasses(frame: ShotFrame) -> np.ndarray:
    whole = cv2.dilate((frame.protected | frame.clouded).astype(np.uint8), np.ones((3, 3), np.uint8))
    return cv2.inpaint(frame.swapped, whole, 5, cv2.INPAINT_TELEA)


def test_glasses_that_stay_are_no_harm_and_painted_ones_are(worn: Worn) -> None:
    kept = worn.judged()
    lost = worn.judged(swapped=without_glasses)
    assert kept["harm"] < 8
    assert lost["harm"] > 60


def test_a_matte_around_glasses_has_their_shape(worn: Worn) -> None:
    close, wide, none = (
        worn.judged(matte=lambda frame, pixels=pixels: around_glasses(frame, pixels))["front_iou"]
        for pixels in (1, 7, 0)
    )
    assert min(close, none) > 0.9
    assert wide < 0.6
    assert worn.judged()["front_iou"] == 0, "all of the face was painted"


def test_what_is_before_a_face_is_not_judged_as_its_skin(worn: Worn) -> None:
    def blue(frame: ShotFrame) -> np.ndarray:
        image = frame.swapped.copy()
        image[frame.protected | frame.clouded] = (60, 90, 200)
        return image

    plain = worn.judged()
    painted = worn.judged(swapped=blue)
    assert abs(painted["tint_95"] - plain["tint_95"]) < 1.5
    seen = worn.judged(swapped=blue, protected=lambda _: None, clouded=lambda _: None)
    assert abs(seen["colour"] - plain["colour"]) > 10


@pytest.fixture(scope="module")
def row(actors: Path) -> Row:
    rows = read_rows(actors / "matrix.toml")
    return dataclasses.replace(next(row for row in rows if row.name == "far"), frames=range(122, 154))


def test_identity_and_mouth_are_judged_against_what_can_be_reached(
    row: Row, actor_faceset: Faceset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECASTER_CACHE", str(tmp_path / "cache"))
    assert row.truth is not None
    target = tmp_path / "target.mp4"
    swapped = tmp_path / "swapped.mp4"
    make_shot(row, row.target, condition(PLAIN), 25, target)
    make_shot(row, row.truth, condition(PLAIN), 25, swapped)
    found, true = judge_motion(row, target, swapped, actor_faceset.folder)
    for values in (found, true):
        assert 0.15 < values["identity_margin"] < values["identity_ceiling"]
        assert values["mouth_share"] > 0.9
        assert values["mouth_share"] == pytest.approx(values["mouth_correlation"] / values["mouth_ceiling"])
    unswapped, nobody = judge_motion(
        dataclasses.replace(row, truth=None), target, target, actor_faceset.folder
    )
    assert nobody == {}
    assert unswapped["identity_margin"] < 0
    assert unswapped["mouth_correlation"] == pytest.approx(1)
    short = dataclasses.replace(row, frames=range(122, 130))
    assert judge_motion(short, target, swapped, actor_faceset.folder) == ({}, {})
