"""Ground truth of a rendered swap: the performer's head wearing the source's face, and its arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from zipfile import BadZipFile

import numpy as np

from recaster.errors import InputError
from recaster.evaluation.nan_stats import mean
from recaster.evaluation.types import Figure, Scores

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from recaster.faces.types import Floats

ARRAYS: Final = ("mask", "size", "pose", "gaze", "expression", "expression_names", "landmarks")
OCCLUSION_ARRAYS: Final = ("front", "clouded")
"""Arrays that only clips with something before the face have."""
EYES: Final = (slice(36, 42), slice(42, 48))
INNER: Final = slice(17, 68)


@dataclass(frozen=True, eq=False)
class Truth:
    """Known pose, gaze, expression, landmarks and masks of every frame of a rendered clip.

    Attributes:
        clip: the true swap, T frames.
        size: (width, height) of its frames.
        poses: (T, 3) float64, yaw, pitch, roll in degrees, signs as in ``Pose``.
        gaze: (T, 2) float64, degrees across and up, against the head.
        expressions: (T, E) float64, weights 0 to 1.
        expression_names: their E names (ARKit's).
        landmarks: (T, 68, 2) float64, frame pixels, iBUG's order; the jaw's are spots on the skin.
    """

    clip: Path
    size: tuple[int, int]
    poses: Floats
    gaze: Floats
    expressions: Floats
    expression_names: tuple[str, ...]
    landmarks: Floats
    _packed: NDArray[np.uint8]
    _occluders: tuple[NDArray[np.uint8], ...] = ()

    @classmethod
    def load(cls, clip: Path) -> Truth:
        """Reads the arrays beside a clip: ``NAME.npz`` of ``NAME.mp4``.

        Raises:
            InputError: there are none, or they are damaged.
        """
        path = clip.with_suffix(".npz")
        try:
            with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
                arrays = {name: file[name] for name in ARRAYS}
                occluders = tuple(file[name] for name in OCCLUSION_ARRAYS if name in file)
        except FileNotFoundError as error:
            raise InputError(f"{path}: a truth has its arrays beside its clip, and there are none") from error
        except (OSError, KeyError, ValueError, EOFError, BadZipFile) as error:
            raise InputError(f"{path}: the truth's arrays are damaged or incomplete ({error})") from error
        width, height = map(int, arrays["size"])
        count = len(arrays["pose"])
        if (
            arrays["mask"].shape != (count, height, -(-width // 8))
            or arrays["landmarks"].shape != (count, 68, 2)
            or len(occluders) not in (0, len(OCCLUSION_ARRAYS))
            or any(mask.shape != arrays["mask"].shape for mask in occluders)
            or not clip.is_file()
        ):
            raise InputError(f"{path}: the truth's arrays don't fit each other, or the clip is missing")
        return cls(
            clip=clip,
            size=(width, height),
            poses=arrays["pose"].astype(np.float64),
            gaze=arrays["gaze"].astype(np.float64),
            expressions=arrays["expression"].astype(np.float64),
            expression_names=tuple(arrays["expression_names"].tolist()),
            landmarks=arrays["landmarks"].astype(np.float64),
            _packed=arrays["mask"],
            _occluders=occluders,
        )

    def __len__(self) -> int:
        return len(self.poses)

    def mask(self, index: int) -> NDArray[np.bool_]:
        """Mask (height, width) of the source's face in a frame; hair in front of it is not face."""
        return self._unpack(self._packed[index])

    def occluders(self, index: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]] | None:
        """Masks (height, width) of a frame's occluders, whole and in part (edges, lenses), or None."""
        if not self._occluders:
            return None
        front, clouded = self._occluders
        return self._unpack(front[index]), self._unpack(clouded[index])

    def _unpack(self, packed: NDArray[np.uint8]) -> NDArray[np.bool_]:
        return np.unpackbits(packed, axis=-1, count=self.size[0]).astype(bool)


def truth_scores(truth: Truth, frames: range, points: Floats, true_points: Floats) -> Scores:
    """Scores the swapped face's landmarks against their true places.

    Args:
        frames: indices of T frames.
        points: (T, 68, 2) by the judge, in the swap.
        true_points: (T, 68, 2) by the same judge, in the true swap: the judge's own error.
    """
    known = truth.landmarks[frames.start : frames.stop]
    error = landmark_errors(points, known)
    own = mean(landmark_errors(true_points, known))
    return Scores((Figure("landmark_error", mean(error), {"truth": own}),), {"landmark_error": error})


def landmark_errors(points: Floats, known: Floats) -> Floats:
    """Computes the mean distance of the inner points from the truth (T,), % of the eye distance."""
    eyes = np.linalg.norm(known[:, EYES[0]].mean(axis=1) - known[:, EYES[1]].mean(axis=1), axis=-1)
    away: Floats = np.linalg.norm(points[:, INNER] - known[:, INNER], axis=-1).mean(axis=-1)
    return 100 * away / eyes
