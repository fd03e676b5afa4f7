"""Figures of one shot of the picture matrix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from recaster.evaluation.evaluate import evaluate
from recaster.evaluation.face_window import filled, grown
from recaster.evaluation.feature_judge import FeatureJudge, SourceFeatures
from recaster.evaluation.ground_truth import decibels, mean_squared_error
from recaster.evaluation.landmark_judge import EYES, LandmarkJudge, face_box
from recaster.evaluation.look_judge import LookJudge
from recaster.evaluation.nan_stats import mean
from recaster.evaluation.pixel_judge import (
    MIN_VISIBLE_LEVELS,
    UNTOUCHED_GROWTH,
    difference,
    difference_within,
)
from recaster.faces.geometry import eye_distance_3d
from recaster.faces.topology import OVAL
from recaster.settings.evaluate import EvaluateSettings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from recaster.benchmarks.picture_matrix.rows import Row
    from recaster.evaluation.types import Figure, Mask
    from recaster.faces.types import Floats
    from recaster.media.types import Image

CORE_GROWTH: Final = -0.15
"""The face that has to be covered: the oval, shrunk by this share of the eye distance."""
FRONT_MARGIN: Final = 0.03
"""The target may show this far around an occluder without harm, in eye distances."""
MIN_HARM_LEVELS: Final = 16
"""A pixel of an occluder that changed by this is harmed: thin and shiny things take on a little."""
MIN_CORE_COVERAGE: Final = 0.5
"""A face counts as swapped from this share of its core."""
MIN_PAINTED_LEVEL: Final = 96
"""Level of a matte from which a pixel is the swapped face's."""
LOOK_EVERY: Final = 2
"""Frames from one look at light, detail, features and angle to the next: neighbours hardly differ in them."""
MIN_MOTION_FRAMES: Final = 30
"""With fewer, correlations over time say nothing."""
MOTION: Final = (
    "identity_margin", "retrieval", "mouth_correlation", "eye_correlation", "gaze_correlation", "gaze_offset",
    "jitter", "flicker", "seam",
)  # fmt: skip
"""Figures of ``recaster evaluate`` that plain shots are judged by as well."""


@dataclass(frozen=True, eq=False)
class ShotFrame:
    """One frame of a shot, all of it in the geometry of the plain shot.

    Attributes:
        original, swapped, truth: (H, W, 3) uint8 RGB, under the condition; the last is the true swap.
        matte: (H, W, 3) uint8, the swap's own matte of its face.
        mesh: (478, 3) of the plain shot's face, pixels; None where there is none.
        known: (H, W), the face in the truth.
        protected: (H, W), another person, or occluders before the face.
        clouded: (H, W), pixels that are so in part, and aren't judged.
    """

    original: Image
    swapped: Image
    matte: Image
    mesh: Floats | None
    truth: Image | None = None
    known: Mask | None = None
    protected: Mask | None = None
    clouded: Mask | None = None


class ShotJudge:
    """Judge that takes frame after frame with ``add``, and sums up with ``figures``."""

    def __init__(self, source: SourceFeatures | None) -> None:
        self._look = LookJudge()
        self._features = FeatureJudge(source)
        self._points = LandmarkJudge()
        self._covered: list[float] = []
        self._rolls: list[float] = []
        self._errors: list[float] = []
        self._beside: list[float] = []
        self._harmed: list[float] = []
        self._shared = 0
        self._either = 0

    def add(self, frame: ShotFrame) -> None:
        """Judges one frame."""
        protected = frame.protected
        if protected is not None and protected.any():
            apart = difference_within(frame.original, frame.swapped, protected)
            self._harmed.append(100 * float((apart > MIN_HARM_LEVELS).mean()))
            if protected.all():
                return
        if frame.mesh is None:
            return
        size = frame.original.shape[1::-1]
        eyes = eye_distance_3d(frame.mesh)
        outline = frame.mesh[list(OVAL), :2]
        hidden = _union(protected, frame.clouded)
        face = filled(outline, size, CORE_GROWTH * eyes)
        untouched = ~filled(outline, size, UNTOUCHED_GROWTH * eyes)
        core = face if hidden is None else face & ~hidden
        if not core.any():
            return
        painted = frame.matte[..., 0] >= MIN_PAINTED_LEVEL
        covered = float(painted[core].mean())
        self._covered.append(covered)
        if protected is not None and hidden is not None:
            self._compare(face & ~painted, face & protected, hidden, FRONT_MARGIN * eyes)
            untouched &= ~hidden
        if untouched.any():
            changed = difference(frame.original, frame.swapped) > MIN_VISIBLE_LEVELS
            self._beside.append(100 * float(changed[untouched].mean()))
        if frame.truth is not None and frame.known is not None:
            self._errors.append(mean_squared_error(frame.swapped, frame.truth, frame.known))
        if covered >= MIN_CORE_COVERAGE and len(self._covered) % LOOK_EVERY:
            self._look_at(frame, frame.mesh, hidden)

    def _look_at(self, frame: ShotFrame, mesh: Floats, hidden: Mask | None) -> None:
        """Judges light, detail, features and angle of one frame."""
        self._look.add(frame.original, frame.swapped, mesh, hidden)
        points = self._points.points(frame.swapped, face_box(mesh))
        self._features.add(frame.original, frame.swapped, frame.matte, mesh, points, hidden)
        truth = frame.original if frame.truth is None else frame.truth
        self._rolls.append(_roll_between(self._points.points(truth, face_box(mesh)), points))

    def _compare(self, kept: Mask, front: Mask, hidden: Mask, near: float) -> None:
        """Counts unpainted pixels of the face before which something is, and before which nothing is."""
        if front.any():
            self._shared += int((kept & front).sum())
            self._either += int((front | (kept & ~grown(hidden, near))).sum())

    def figures(self) -> dict[str, float]:
        """Maps the figures' names to values; NaN for what could not be measured."""
        covered = np.array(self._covered)
        rolls = np.array(self._rolls)
        figures = {figure.name: figure.value for figure in self._look.scores().figures}
        figures |= self._features.figures()
        figures["found"] = 100 * mean((covered >= MIN_CORE_COVERAGE).astype(np.float64))
        figures["coverage"] = mean(covered[covered >= MIN_CORE_COVERAGE])
        figures["roll_95"] = float(np.percentile(rolls, 95)) if len(rolls) else float("nan")
        figures["bleed"] = mean(self._beside)
        if self._harmed:
            figures["harm"] = mean(self._harmed)
        if self._either:
            figures["front_iou"] = self._shared / self._either
        if self._errors:
            figures["psnr_inside"] = decibels(mean(self._errors))
        return figures


def judge_shot(frames: Iterable[ShotFrame], source: SourceFeatures | None = None) -> dict[str, float]:
    """Computes the figures of a shot of a source's face; None where nobody knows its features."""
    judge = ShotJudge(source)
    for frame in frames:
        judge.add(frame)
    return judge.figures()


def judge_motion(
    row: Row, target: Path, swapped: Path, faceset: Path
) -> tuple[dict[str, float], dict[str, float]]:
    """Judges identity and motion of a plain swap and of its true one.

    Returns:
        Name to value, of the swap and of the true swap. The ceilings are what nobody exceeds: the source
        itself, and the judge of points when it looks at the target twice. Nothing of a short shot.
    """
    if len(row.frames) < MIN_MOTION_FRAMES:
        return {}, {}
    settings = EvaluateSettings(person=row.person)
    if row.truth is not None:
        target = row.target
        settings = EvaluateSettings(truth=row.truth, frames=row.frames, person=row.person)
    result = evaluate(target, swapped, faceset, settings=settings)
    figures = {figure.name: figure for figure in result.scores.figures}
    own = {name: figures[name].value for name in MOTION}
    true = {name: figures[name].references.get("truth", float("nan")) for name in MOTION}
    ceiling = figures["mouth_correlation"].references["noise"]
    for values in (own, true):
        values["mouth_ceiling"] = ceiling
        values["mouth_share"] = values["mouth_correlation"] / ceiling
        values["identity_ceiling"] = _identity_ceiling(figures)
    return own, {} if row.truth is None else true


def _roll_between(reference: Floats, points: Floats) -> float:
    """Computes the angle, degrees, between the lines through both eyes of dlib's points (68, 2)."""
    lines = [face[EYES[1]].mean(axis=0) - face[EYES[0]].mean(axis=0) for face in (reference, points)]
    first, second = (float(np.degrees(np.arctan2(y, x))) for x, y in lines)
    return abs((second - first + 180) % 360 - 180)


def _identity_ceiling(figures: Mapping[str, Figure]) -> float:
    """Computes the identity margin of the source's own faces."""
    likeness, other = (figures[f"cosine_{who}"].references["source itself"] for who in ("source", "target"))
    return likeness - other


def _union(first: Mask | None, second: Mask | None) -> Mask | None:
    return first if second is None else second if first is None else first | second
