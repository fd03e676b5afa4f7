"""Figures of one shot of the picture matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from recaster.evaluation.landmarks import Judge, face_box
from recaster.evaluation.look_judge import LookJudge
from recaster.evaluation.means import mean
from recaster.evaluation.pixels import VISIBLE, difference
from recaster.evaluation.regions import eye_distance, filled
from recaster.evaluation.truth_judge import decibels, squared
from recaster.faces.topology import OVAL

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from recaster.faces.types import Floats
    from recaster.media.types import Image

    Mask = NDArray[np.bool_]

CORE: Final = -0.15
"""The face that has to be covered: the oval, shrunk by this share of the eye distance."""
CLEAR: Final = 0.4
"""Grown by so much, it holds all that a swap may change."""
FOUND: Final = 0.5
"""A face counts as swapped where so much of its core was."""
PAINTED: Final = 96
"""A matte's level from which a pixel is the swapped face's."""
EYES: Final = (slice(36, 42), slice(42, 48))


class ShotJudge:
    """Takes frame after frame with ``add``; ``figures`` sums up."""

    def __init__(self) -> None:
        self._look, self._points = LookJudge(), Judge()
        self._covered: list[float] = []
        self._rolls: list[float] = []
        self._errors: list[float] = []
        self._beside: list[float] = []
        self._harmed: list[float] = []

    def add(
        self,
        original: Image,
        swapped: Image,
        matte: Image,
        mesh: Floats | None,
        truth: Image | None = None,
        known: Mask | None = None,
        protected: Mask | None = None,
    ) -> None:
        """Judge one frame, all of it in the geometry of the plain shot.

        Args:
            original: (H, W, 3) uint8 RGB, under the condition.
            swapped: the same frame, swapped.
            matte: (H, W, 3) uint8, where the swap says that its face shows.
            mesh: (478, 3) of the plain shot's face, pixels; None where there is none.
            truth: the true swap under the condition.
            known: (H, W), where the face is in the truth.
            protected: (H, W), what belongs to another person.
        """
        if protected is not None:
            changed = difference(original, swapped) > VISIBLE
            self._harmed.append(100 * float(changed[protected].mean()))
            if protected.all():
                return
        if mesh is None:
            return
        size, eyes = original.shape[1::-1], eye_distance(mesh)
        outline = mesh[list(OVAL), :2]
        core, clear = filled(outline, size, CORE * eyes), ~filled(outline, size, CLEAR * eyes)
        if protected is not None:
            core, clear = core & ~protected, clear & ~protected
        if not core.any():
            return
        covered = float((matte[..., 0] >= PAINTED)[core].mean())
        self._covered.append(covered)
        if clear.any():
            self._beside.append(100 * float((difference(original, swapped) > VISIBLE)[clear].mean()))
        if truth is not None and known is not None:
            self._errors.append(squared(swapped, truth, known))
        if covered < FOUND:
            return
        self._look.add(original, swapped, mesh)
        reference = original if truth is None else truth
        self._rolls.append(self._rolled(reference, swapped, mesh))

    def _rolled(self, reference: Image, swapped: Image, mesh: Floats) -> float:
        """Degrees between the lines through both eyes."""
        angles = []
        for image in (reference, swapped):
            points = self._points.points(image, face_box(mesh))
            x, y = points[EYES[1]].mean(axis=0) - points[EYES[0]].mean(axis=0)
            angles.append(float(np.degrees(np.arctan2(y, x))))
        return abs((angles[1] - angles[0] + 180) % 360 - 180)

    def figures(self) -> dict[str, float]:
        """Name to value; NaN for what could not be measured."""
        covered, rolls = np.array(self._covered), np.array(self._rolls)
        found = {figure.name: figure.value for figure in self._look.scores().figures}
        found["found"] = 100 * float((covered >= FOUND).mean()) if len(covered) else float("nan")
        found["coverage"] = mean(covered[covered >= FOUND])
        found["roll_95"] = float(np.percentile(rolls, 95)) if len(rolls) else float("nan")
        found["bleed"] = mean(np.array(self._beside))
        if self._harmed:
            found["harm"] = mean(np.array(self._harmed))
        if self._errors:
            found["psnr_inside"] = decibels(mean(np.array(self._errors)))
        return found


def judge_shot(frames: Iterable[Mapping[str, object]]) -> dict[str, float]:
    """The figures of a shot, from the arguments of ``ShotJudge.add`` for each of its frames."""
    judge = ShotJudge()
    for frame in frames:
        judge.add(**frame)  # type: ignore[arg-type]
    return judge.figures()
