"""Irises by their dark discs in eyes' outlines, and by the edges of these beside and below.

No model of irises is asked, since that one drives the swap.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from recaster.evaluation.face_window import luma
from recaster.faces.region_masks import fill_hull

if TYPE_CHECKING:
    from recaster.evaluation.types import Plane
    from recaster.faces.types import Floats
    from recaster.media.types import Image

MIN_EYE_OPENING: Final = 0.16
"""Height over width of an eye below which no iris is to be seen."""

_MIN_WIDTH_PX: Final = 4.0
_WIDTH: Final = 64
_SIZE: Final = 112
"""Width of an eye from corner to corner, and side of the picture it is looked at in, pixels."""
_RADIUS: Final = 0.22 * _WIDTH
"""Irises' radius: .217 to .224 of the distance of dlib's corners in seven of eight people."""
_BAND: Final = 3.0  # width of either side of an edge
_MIN_CONTRAST: Final = 5.0  # grey levels from dark to bright in an eye
_MAX_ACROSS: Final = 0.36
_USUAL_DOWN: Final = -0.1
_MAX_DOWN: Final = 0.25
"""Places looked at: across from the middle of the corners, and up and down from the usual, in eye widths."""
_MIN_SHOWN: Final = 0.2  # share of the disc that has to be inside the outline
_EDGE_WEIGHT: Final = 0.7
_USUAL_WEIGHT: Final = 3.0
"""Weights against the correlation with a disc; the second is that of squared eye widths up or down."""


def find_iris(image: Image, eye: Floats) -> Floats:
    """Finds the middle of one iris in the eye's own coordinates.

    The disc that correlates best with the dark inside the outline, as masked template matching does it, and
    has the sharpest edges beside and below it, as in Daugman, "High confidence visual recognition of persons
    by a test of statistical independence", 1993: above, lids and lashes are as dark.

    Args:
        eye: (6, 2), its outline in iBUG's order, frame pixels.

    Returns:
        (2,) float64: x along the line between the corners, y at a right angle to it (downwards), from
        their middle, in distances of the corners. NaN for an eye that is closed or outside of the picture.
    """
    along = eye[3] - eye[0]
    width = float(np.hypot(*along))
    down = np.array([-along[1], along[0]]) / max(width, 1e-9)
    height = np.abs((eye[[1, 2]] - eye[[5, 4]]) @ down).mean()
    if width < _MIN_WIDTH_PX or height / width < MIN_EYE_OPENING:
        return np.full(2, np.nan)
    turn = _WIDTH / width**2 * np.array([along, [-along[1], along[0]]])
    matrix = np.column_stack([turn, _SIZE / 2 - turn @ (eye[0] + eye[3]) / 2])
    flags = cv2.INTER_LINEAR if width < _WIDTH else cv2.INTER_AREA
    picture = cv2.warpAffine(image, matrix, (_SIZE, _SIZE), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    inside = (fill_hull(eye @ turn.T + matrix[:, 2], _SIZE) > 0).astype(np.float32)
    dark = _darkness(picture, inside)
    if dark is None:
        return np.full(2, np.nan)
    score = _score(dark, inside)
    return (_peak(score) - _SIZE / 2) / _WIDTH if np.isfinite(score).any() else np.full(2, np.nan)


def _darkness(picture: Image, inside: Plane) -> Plane | None:
    """Darkness of an eye, 1 for pupils and 0 for whites; None where there is nothing to tell apart."""
    values = cv2.GaussianBlur(luma(picture).astype(np.float32), (0, 0), 1.0)
    if not inside.any():
        return None
    dark, bright = np.percentile(values[inside > 0], (5, 75))
    if bright - dark < _MIN_CONTRAST:
        return None
    darkness = (1 - np.clip((values - dark) / (bright - dark), 0, 1)).astype(np.float32)
    # Reflections of lamps are closed.
    return cv2.morphologyEx(darkness, cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5)))


def _score(dark: Plane, inside: Plane) -> Plane:
    """Scores every place as the middle of the iris."""
    area = float(inside.sum())
    total = float((inside * dark).sum())
    spread = float((inside * dark * dark).sum()) - total**2 / area
    shown = _correlate(inside, _DISC)
    variance = _correlate(inside, _DISC**2) - shown * shown / area
    fit = (_correlate(inside * dark, _DISC) - shown * total / area) / np.sqrt(
        np.maximum(variance * spread, 1e-3)
    )
    rows, columns = (np.mgrid[:_SIZE, :_SIZE] - _SIZE / 2) / _WIDTH
    away = rows - _USUAL_DOWN
    score = fit + _EDGE_WEIGHT * _correlate(dark, _EDGE) - _USUAL_WEIGHT * away**2
    outside = (np.abs(columns) > _MAX_ACROSS) | (np.abs(away) > _MAX_DOWN)
    score[outside | (shown < _MIN_SHOWN * _DISC.sum())] = -np.inf
    return np.asarray(score)


def _correlate(plane: Plane, kernel: Plane) -> Plane:
    return cv2.filter2D(plane, cv2.CV_32F, kernel, borderType=cv2.BORDER_CONSTANT)


def _make_kernels() -> tuple[Plane, Plane]:
    """Kernels of an iris's edge, dark less bright beside it, and of its disc."""
    reach = int(np.ceil(_RADIUS + _BAND)) + 1
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1].astype(np.float64)
    away = np.hypot(x, y)
    elevation = np.degrees(np.arctan2(y, np.abs(x)))  # downwards
    # Below, the lid may be the edge; above, nothing is known.
    weight = np.where(elevation > 60, 0.35, np.where(elevation > -15, 1.0, 0.0))
    inner = weight * np.clip(_RADIUS - away + 0.5, 0, 1) * np.clip(away - _RADIUS + _BAND + 0.5, 0, 1)
    outer = weight * np.clip(away - _RADIUS + 0.5, 0, 1) * np.clip(_RADIUS + _BAND - away + 0.5, 0, 1)
    edge = inner / inner.sum() - outer / outer.sum()
    return edge.astype(np.float32), np.clip((_RADIUS - away) / 2 + 0.5, 0, 1).astype(np.float32)


_EDGE, _DISC = _make_kernels()


def _peak(score: Plane) -> Floats:
    """Place (x, y) of the highest score, between pixels by the parabola through its neighbours."""
    row, column = (int(each) for each in np.unravel_index(score.argmax(), score.shape))
    across = score[row, column - 1 : column + 2]
    down = score[row - 1 : row + 2, column]
    return np.array([column + _summit(across), row + _summit(down)])


def _summit(values: Plane) -> float:
    """Summit between -.5 and .5 of the parabola through three values, 0 where one is not known."""
    before, here, after = (float(value) for value in values)
    bend = before - 2 * here + after
    return float(np.clip((before - after) / (2 * bend), -0.5, 0.5)) if -np.inf < bend < 0 else 0.0
