"""Ground truth of a rendered swap (the performer's head wearing the source's face), and the judge by it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from zipfile import BadZipFile

import cv2
import numpy as np

from recaster.errors import InputError
from recaster.evaluation.face_window import luma
from recaster.evaluation.landmark_judge import EYES, INNER
from recaster.evaluation.nan_stats import mean
from recaster.evaluation.sface import SFace, cut_chip
from recaster.evaluation.types import Figure, Mask, Scores

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from recaster.faces.types import Floats
    from recaster.media.types import Image

ARRAYS: Final = ("mask", "size", "pose", "gaze", "expression", "expression_names", "landmarks")
OCCLUSION_ARRAYS: Final = ("front", "clouded")
"""Arrays that only clips with something before the face have."""
PERCEPTUAL_EVERY: Final = 5
"""Frames from one look to the next: it costs more than all else here."""
PEAK: Final = 255.0
MIN_ERROR: Final = 1e-3
"""Mean squared error, levels squared, that counts as none: 78 dB."""


@dataclass(frozen=True, eq=False)
class Truth:
    """Known pose, gaze, expression, landmarks and masks of every frame of a rendered clip.

    Attributes:
        clip: the true swap, T frames of ``size`` (width, height).
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
        """Reads the arrays beside a clip: ``NAME.npz`` of ``NAME.mp4`` (InputError)."""
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

    def digest(self) -> str:
        """Computes a SHA-256, hex, of all that the clip's judge looks at besides the clip."""
        return hashlib.sha256(self._packed.tobytes()).hexdigest()

    def mask(self, index: int) -> Mask:
        """Mask (height, width) of the source's face in a frame; hair in front of it is not face."""
        return self._unpack(self._packed[index])

    def occluders(self, index: int) -> tuple[Mask, Mask] | None:
        """Masks (height, width) of a frame's occluders, whole and in part (edges, lenses), or None."""
        if not self._occluders:
            return None
        front, clouded = self._occluders
        return self._unpack(front[index]), self._unpack(clouded[index])

    def _unpack(self, packed: NDArray[np.uint8]) -> Mask:
        return np.unpackbits(packed, axis=-1, count=self.size[0]).astype(bool)


def truth_scores(truth: Truth, frames: range, points: Floats, true_points: Floats) -> Scores:
    """Scores the points (T, 68, 2) of T frames of the swap against their true places.

    ``true_points`` are those of the same judge in the true swap: the judge's own error.
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


class GroundTruthJudge:
    """Comparison with the truth inside its face mask, frame after frame, of whose notes scores are made."""

    def __init__(self, sface: SFace) -> None:
        self._sface = sface
        self._rows: list[tuple[float, ...]] = []

    def add(
        self, swapped: Image, truth: Image, original: Image, mask: Mask, points: Floats, place: int
    ) -> None:
        """Judges one frame.

        Args:
            mask: the truth's face.
            points: (68, 2) of the truth's face, or NaN.
            place: of the frame among those that are judged.
        """
        sees_layers = np.isfinite(points).all() and mask.any() and place % PERCEPTUAL_EVERY == 0
        row = []
        for image in (swapped, original):
            row += [mean_squared_error(image, truth, mask), structural_similarity(image, truth, mask)]
            row.append(perceptual(self._sface, image, truth, mask, points) if sees_layers else np.nan)
        row.append(mean_squared_error(swapped, original, ~mask))
        self._rows.append(tuple(row))

    def notes(self) -> dict[str, Floats]:
        """All that was measured, frame by frame."""
        return {"truth": np.array(self._rows, np.float64).reshape(-1, 7)}

    @staticmethod
    def scores_of(notes: Mapping[str, Floats]) -> Scores:
        """Sums up all frames."""
        error, like, far, error0, like0, far0, beside = notes["truth"].T
        figures = (
            Figure("psnr_inside", decibels(mean(error)), {"no swap": decibels(mean(error0))}),
            Figure("ssim_inside", mean(like), {"no swap": mean(like0)}),
            Figure("perceptual_inside", mean(far), {"no swap": mean(far0)}),
            Figure("psnr_outside", decibels(mean(beside))),
        )
        frames = {"psnr_inside": np.array([*map(decibels, error)]), "ssim_inside": like}
        return Scores(figures, frames)


def mean_squared_error(first: Image, second: Image, mask: Mask) -> float:
    """Computes the mean squared difference of a region's channels, levels squared; NaN for an empty one."""
    if not mask.any():
        return float("nan")
    apart = first[mask].astype(np.float64) - second[mask]
    return float(np.mean(apart**2))


def decibels(error: float) -> float:
    """Computes the peak signal-to-noise ratio of a mean squared error; at most 78 dB."""
    return float(10 * np.log10(PEAK**2 / max(error, MIN_ERROR))) if np.isfinite(error) else float("nan")


def structural_similarity(first: Image, second: Image, mask: Mask) -> float:
    """Computes the structural similarity of brightness in a region, -1 to 1.

    Wang et al., "Image quality assessment: from error visibility to structural similarity", 2004:
    Gaussian windows of sigma 1.5.
    """
    if not mask.any():
        return float("nan")
    a, b = (luma(image).astype(np.float64) for image in (first, second))

    def local(values: Floats) -> Floats:
        return cv2.GaussianBlur(values, (11, 11), 1.5)

    mean_a = local(a)
    mean_b = local(b)
    var_a = local(a * a) - mean_a**2
    var_b = local(b * b) - mean_b**2
    both = local(a * b) - mean_a * mean_b
    c1 = (0.01 * PEAK) ** 2
    c2 = (0.03 * PEAK) ** 2
    ssim = (
        (2 * mean_a * mean_b + c1) * (2 * both + c2) / ((mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2))
    )
    return float(ssim[mask].mean())


def perceptual(sface: SFace, first: Image, second: Image, mask: Mask, points: Floats) -> float:
    """Computes the distance of two pictures in the inner layers of a network, 0 for equal ones.

    As LPIPS does it (Zhang et al., "The unreasonable effectiveness of deep features as a perceptual
    metric", CVPR 2018), without learned weights and with SFace's layers: feature vectors at length 1,
    squared differences, mean over the region (H, W) and over four depths. ``points`` (68, 2), pixels, are
    the face's in both.
    """
    layers = [sface.features(cut_chip(image, points)) for image in (first, second)]
    region = cut_chip(mask.astype(np.float32), points)
    apart = []
    for one, other in zip(*layers, strict=True):
        weight = cv2.resize(region, one.shape[:0:-1], interpolation=cv2.INTER_AREA)
        distance = ((_unit(one) - _unit(other)) ** 2).sum(axis=0)
        apart.append(float((distance * weight).sum() / max(weight.sum(), 1e-6)))
    return float(np.mean(apart))


def _unit(features: Floats) -> Floats:
    return features / (np.linalg.norm(features, axis=0, keepdims=True) + 1e-6)
