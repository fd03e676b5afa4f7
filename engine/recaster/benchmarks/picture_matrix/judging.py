"""Figures of one shot of the picture matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from recaster.evaluation.evaluate import evaluate
from recaster.evaluation.feature_judge import FeatureJudge
from recaster.evaluation.landmarks import Judge, face_box
from recaster.evaluation.look_judge import LookJudge
from recaster.evaluation.means import mean
from recaster.evaluation.pixels import VISIBLE, difference, difference_within
from recaster.evaluation.regions import eye_distance, filled, grown
from recaster.evaluation.truth_judge import decibels, squared
from recaster.faces.topology import OVAL
from recaster.settings.evaluate import EvaluateSettings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from recaster.benchmarks.picture_matrix.rows import Row
    from recaster.evaluation.feature_judge import SourceLook
    from recaster.evaluation.types import Figure
    from recaster.faces.types import Floats
    from recaster.media.types import Image

    Mask = NDArray[np.bool_]

CORE: Final = -0.15
"""The face that has to be covered: the oval, shrunk by this share of the eye distance."""
CLEAR: Final = 0.4
"""Grown by so much, it holds all that a swap may change."""
NEAR: Final = 0.03
"""How far from a thing in front the target may show without harm, in eye distances."""
HARMED: Final = 16
"""Levels from which a pixel of something in front has changed: thin and shiny things take on a little."""
FOUND: Final = 0.5
"""A face counts as swapped where so much of its core was."""
PAINTED: Final = 96
"""A matte's level from which a pixel is the swapped face's."""
LOOKED_EVERY: Final = 2
"""Frames from one look at light, detail, features and angle to the next: neighbours hardly differ in them."""
EYES: Final = (slice(36, 42), slice(42, 48))
MIN_MOTION_FRAMES: Final = 30
"""With fewer, correlations over time say nothing."""
MOTION: Final = (
    "identity_margin", "retrieval", "mouth_correlation", "eye_correlation", "gaze_correlation", "jitter",
    "flicker", "seam",
)  # fmt: skip
"""Figures of ``recaster evaluate`` that plain shots are judged by as well."""


class ShotJudge:
    """Takes frame after frame with ``add``; ``figures`` sums up.

    Args:
        source: whose face is put on; None where nobody knows.
    """

    def __init__(self, source: SourceLook | None = None) -> None:
        self._look, self._features, self._points = LookJudge(), FeatureJudge(source), Judge()
        self._covered: list[float] = []
        self._rolls: list[float] = []
        self._errors: list[float] = []
        self._beside: list[float] = []
        self._harmed: list[float] = []
        self._shared, self._either = 0, 0

    def add(
        self,
        original: Image,
        swapped: Image,
        matte: Image,
        mesh: Floats | None,
        truth: Image | None = None,
        known: Mask | None = None,
        protected: Mask | None = None,
        clouded: Mask | None = None,
    ) -> None:
        """Judge one frame, all of it in the geometry of the plain shot.

        Args:
            original: (H, W, 3) uint8 RGB, under the condition.
            swapped: the same frame, swapped.
            matte: (H, W, 3) uint8, where the swap says that its face shows.
            mesh: (478, 3) of the plain shot's face, pixels; None where there is none.
            truth: the true swap under the condition.
            known: (H, W), where the face is in the truth.
            protected: (H, W), what belongs to another person, or is before the face.
            clouded: (H, W), what is so in part, and isn't judged.
        """
        if protected is not None and protected.any():
            apart = difference_within(original, swapped, protected)
            self._harmed.append(100 * float((apart > HARMED).mean()))
            if protected.all():
                return
        if mesh is None:
            return
        size, eyes = original.shape[1::-1], eye_distance(mesh)
        outline = mesh[list(OVAL), :2]
        hidden = _either(protected, clouded)
        face, clear = filled(outline, size, CORE * eyes), ~filled(outline, size, CLEAR * eyes)
        core = face if hidden is None else face & ~hidden
        if not core.any():
            return
        painted = matte[..., 0] >= PAINTED
        covered = float(painted[core].mean())
        self._covered.append(covered)
        if protected is not None and hidden is not None:
            self._compare(face & ~painted, face & protected, hidden, NEAR * eyes)
            clear &= ~hidden
        if clear.any():
            self._beside.append(100 * float((difference(original, swapped) > VISIBLE)[clear].mean()))
        if truth is not None and known is not None:
            self._errors.append(squared(swapped, truth, known))
        if covered < FOUND or len(self._covered) % LOOKED_EVERY == 0:
            return
        self._look.add(original, swapped, mesh, hidden)
        points = self._points.points(swapped, face_box(mesh))
        self._features.add(original, swapped, matte, mesh, points, hidden)
        reference = self._points.points(original if truth is None else truth, face_box(mesh))
        self._rolls.append(_turned(reference, points))

    def _compare(self, kept: Mask, front: Mask, hidden: Mask, near: float) -> None:
        """Note how much of the face was left unpainted, of what is before it, and of what is not."""
        if front.any():
            self._shared += int((kept & front).sum())
            self._either += int((front | (kept & ~grown(hidden, near))).sum())

    def figures(self) -> dict[str, float]:
        """Name to value; NaN for what could not be measured."""
        covered, rolls = np.array(self._covered), np.array(self._rolls)
        found = {figure.name: figure.value for figure in self._look.scores().figures}
        found |= self._features.figures()
        found["found"] = 100 * float((covered >= FOUND).mean()) if len(covered) else float("nan")
        found["coverage"] = mean(covered[covered >= FOUND])
        found["roll_95"] = float(np.percentile(rolls, 95)) if len(rolls) else float("nan")
        found["bleed"] = mean(np.array(self._beside))
        if self._harmed:
            found["harm"] = mean(np.array(self._harmed))
        if self._either:
            found["front_iou"] = self._shared / self._either
        if self._errors:
            found["psnr_inside"] = decibels(mean(np.array(self._errors)))
        return found


def judge_shot(frames: Iterable[Mapping[str, object]], source: SourceLook | None = None) -> dict[str, float]:
    """The figures of a shot of a source's face, from the arguments of ``ShotJudge.add`` for its frames."""
    judge = ShotJudge(source)
    for frame in frames:
        judge.add(**frame)  # type: ignore[arg-type]
    return judge.figures()


def judge_motion(
    row: Row, target: Path, swapped: Path, faceset: Path
) -> tuple[dict[str, float], dict[str, float]]:
    """Judges identity and motion of a plain swap and of its true one.

    Args:
        row: of the matrix.
        target: its plain shot.
        swapped: the swap of that.
        faceset: of the source.

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
    figures = {one.name: one for one in evaluate(target, swapped, faceset, settings=settings).scores.figures}
    own = {name: figures[name].value for name in MOTION}
    true = {name: figures[name].references.get("truth", float("nan")) for name in MOTION}
    ceiling = figures["mouth_correlation"].references["noise"]
    for values in (own, true):
        values["mouth_ceiling"] = ceiling
        values["mouth_share"] = values["mouth_correlation"] / ceiling
        values["identity_ceiling"] = _of_itself(figures)
    return own, {} if row.truth is None else true


def _turned(reference: Floats, points: Floats) -> float:
    """Degrees between the lines through both eyes of dlib's points (68, 2)."""
    lines = [one[EYES[1]].mean(axis=0) - one[EYES[0]].mean(axis=0) for one in (reference, points)]
    first, second = (float(np.degrees(np.arctan2(y, x))) for x, y in lines)
    return abs((second - first + 180) % 360 - 180)


def _of_itself(figures: Mapping[str, Figure]) -> float:
    """The identity margin of the source's own faces."""
    likeness, other = (figures[f"cosine_{who}"].references["source itself"] for who in ("source", "target"))
    return likeness - other


def _either(first: Mask | None, second: Mask | None) -> Mask | None:
    return first if second is None else second if first is None else first | second
