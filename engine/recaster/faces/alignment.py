"""Aligned crops: similarity transforms between frame pixels and crop pixels.

Coordinates follow OpenCV: the centre of the first pixel is (0, 0), so a picture of ``size`` pixels
reaches from -0.5 to ``size - 0.5``. Unit coordinates reach from 0 to 1 between its outer edges. A
matrix is (2, 3) float64 and maps (x, y, 1) to (x, y); most functions also take a whole track at once,
with a leading axis T. Whoever crops and pastes back uses the same matrix, so nothing is lost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from recaster.faces.topology import IBUG68

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

    from recaster.faces.types import Box, Floats

EYE_DISTANCE: Final = 0.338  # distance of the eyes' centres in ``TEMPLATE``, as a share of the crop's side

INNER: Final = np.array(IBUG68[17:])
"""The mesh points that are aligned: brows, nose, eyes and mouth, without the jaw."""

# The generalised Procrustes mean (one vote a person) of the mesh of three people talking to the camera,
# 450 frames in all, mirrored and averaged with itself, eyes level. The eyes' line is at .36 of the
# height, so that the mesh's whole oval is inside: forehead at .07, chin at .94, an open mouth to .99.
TEMPLATE: Final[Floats] = np.array(
    [
        (0.1808, 0.2696), (0.2369, 0.2422), (0.2892, 0.2212), (0.3541, 0.2201), (0.4259, 0.2255),  # brows
        (0.5741, 0.2255), (0.6459, 0.2201), (0.7108, 0.2212), (0.7631, 0.2422), (0.8192, 0.2696),
        (0.5000, 0.3148), (0.5000, 0.3794), (0.5000, 0.4363), (0.5000, 0.4752), (0.4337, 0.5420),  # nose
        (0.4614, 0.5594), (0.5000, 0.5569), (0.5386, 0.5594), (0.5663, 0.5420),
        (0.2621, 0.3623), (0.3033, 0.3434), (0.3554, 0.3402), (0.4063, 0.3618), (0.3562, 0.3761),  # eyes
        (0.3026, 0.3762), (0.5937, 0.3618), (0.6446, 0.3402), (0.6967, 0.3434), (0.7379, 0.3623),
        (0.6974, 0.3762), (0.6438, 0.3761),
        (0.3570, 0.6916), (0.4147, 0.6401), (0.4582, 0.6248), (0.5000, 0.6288), (0.5418, 0.6248),  # mouth
        (0.5853, 0.6401), (0.6430, 0.6916), (0.5800, 0.7426), (0.5427, 0.7550), (0.5000, 0.7582),
        (0.4573, 0.7550), (0.4200, 0.7426), (0.3771, 0.6896), (0.4669, 0.6683), (0.5000, 0.6682),
        (0.5331, 0.6683), (0.6229, 0.6896), (0.5347, 0.7043), (0.5000, 0.7056), (0.4653, 0.7043),
    ]
)  # fmt: skip
"""(51, 2): where the iBUG points 17 to 67 lie in the unit square (x, y)."""

SHRINK: Final = 0.6
"""Below this scale (crop pixels over frame pixels) ``warp`` averages instead of only sampling."""

_MAX_AVERAGED: Final = 16  # pixels along each side that are averaged for one, at most
_MAX_SAMPLED: Final = 2
"""Samples along each pixel's side, above which the picture is averaged and not the crop: in a third of the
time, without aliasing."""


def inner_points(points: Floats) -> Floats:
    """Picks the 51 points of ``TEMPLATE``, (..., 51, 2), of (..., N, 2 or 3).

    Raises:
        ValueError: N is neither 68 (iBUG order) nor 468 or 478 (mesh).
    """
    count = points.shape[-2]
    if count == 68:
        return points[..., 17:, :2]
    if count in (468, 478):
        return points[..., INNER, :2]
    raise ValueError(f"{count} landmarks: only 68 (iBUG) or 468/478 (mesh) can be aligned")


def pick_five(inner: Floats) -> Floats:
    """Eyes' centres, tip of the nose and corners of the mouth (5, 2) of the 51 points of ``TEMPLATE``."""
    return np.stack([inner[19:25].mean(0), inner[25:31].mean(0), inner[13], inner[31], inner[37]])[:, :2]


def similarity(source: Floats, destination: Floats) -> Floats:
    """Least-squares rotation, uniform scale and shift (..., 2, 3) from points (..., N, 2) to others.

    Umeyama, "Least-squares estimation of transformation parameters between two point patterns", PAMI
    1991; in the plane its singular value decomposition has a closed form (one complex factor), which
    never mirrors. The destination may have fewer leading axes.

    Raises:
        ValueError: all source points of a set coincide, or a coordinate is not finite.
    """
    source = np.asarray(source, np.float64)
    destination = np.asarray(destination, np.float64)
    start = source.mean(axis=-2)
    end = destination.mean(axis=-2)
    a = source - start[..., None, :]
    b = destination - end[..., None, :]
    spread = np.sum(a * a, axis=(-2, -1))
    if not np.all(np.isfinite(spread)) or np.any(spread <= 0):
        raise ValueError("landmarks cannot be aligned: they coincide or are not finite")
    real = np.sum(a * b, axis=(-2, -1)) / spread
    imaginary = np.sum(a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0], axis=-1) / spread
    linear = np.stack([np.stack([real, -imaginary], -1), np.stack([imaginary, real], -1)], -2)
    shift = end - np.einsum("...ij,...j->...i", linear, start)
    return np.concatenate([linear, shift[..., None]], axis=-1)


def align_matrix(points: Floats, size: int, coverage: float = 1.0) -> Floats:
    """Computes the similarities (..., 2, 3) from frame to crop pixels that bring faces onto the template.

    ``coverage`` of 1 shows the template as it is (eyes .338 of the crop's side apart), more shows more around
    the face (eyes .338 / coverage apart).

    Raises:
        ValueError: points that coincide, or not as many as ``inner_points`` takes.
    """
    target = ((TEMPLATE - 0.5) / coverage + 0.5) * size - 0.5
    return similarity(inner_points(points), target)


def box_matrix(box: Box, size: int, trim: float = 0.0) -> Floats:
    """Matrix from frame to crop pixels of faceswap-GAN v1: the box itself, stretched to a square of ``size``.

    ``trim`` is the share of the box's width and height cut away at each side (faceswap-GAN: 1/15).

    Raises:
        ValueError: nothing is left of the box.
    """
    width = box.width * (1 - 2 * trim)
    height = box.height * (1 - 2 * trim)
    if width <= 0 or height <= 0:
        raise ValueError(f"an empty box cannot be cropped: {box}, trim {trim}")
    x = size / width
    y = size / height
    left = box.left + box.width * trim - 0.5
    top = box.top + box.height * trim - 0.5
    return np.array([[x, 0.0, -left * x - 0.5], [0.0, y, -top * y - 0.5]])


def warp(image: NDArray[Any], matrix: Floats, size: int) -> NDArray[Any]:
    """Cuts a square (size, size, ...) out of a picture (H, W) or (H, W, C up to 4), uint8 or float32.

    Where the crop is much smaller than what it shows, it is sampled at a multiple of its size and
    averaged, or, smaller still, sampled in averages of the picture, so that fine detail does not alias;
    only the crop's own region is ever touched. Beyond the picture its border is repeated. The matrix (2, 3)
    maps picture pixels to crop pixels.
    """
    channels = image.shape[2:]
    factor, averaged = _sampling(matrix)
    height, width = image.shape[:2]
    place = shown(matrix, size, (width, height))
    if averaged > 1:
        image, matrix = _average(image, matrix, place, averaged)
        place = (0, 0, image.shape[1], image.shape[0])
    # Several samples for each pixel of the crop, which are averaged: one would alias.
    larger = zoom(matrix, factor)
    is_rgb = channels == (3,) and image.dtype == np.uint8
    crop = cv2.warpAffine(
        _add_blank(image, place) if is_rgb else image,
        larger,
        (size * factor, size * factor),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    if factor > 1:
        crop = cv2.resize(crop, (size, size), interpolation=cv2.INTER_AREA)
    return cv2.cvtColor(crop, cv2.COLOR_RGBA2RGB) if is_rgb else crop.reshape(size, size, *channels)


def _add_blank(image: NDArray[Any], place: tuple[int, int, int, int]) -> NDArray[Any]:
    """Adds a fourth channel to a place of a picture (H, W, 3) of uint8; the rest of the result means nothing.

    OpenCV samples four channels in two fifths of the time of three, to the same values.
    """
    left, top, right, bottom = place
    four = np.empty((*image.shape[:2], 4), image.dtype)
    cv2.cvtColor(image[top:bottom, left:right], cv2.COLOR_RGB2RGBA, dst=four[top:bottom, left:right])
    return four


def shown(matrix: Floats, size: int, picture: tuple[int, int]) -> tuple[int, int, int, int]:
    """Part of a picture (width, height) that ``warp`` reads: left, top, right, bottom, in whole averages.

    They are counted from the picture's corner, so that they are the same wherever the crop is.
    """
    _, step = _sampling(matrix)
    ends = (-0.5, size - 0.5)
    corners = np.array([(x, y, 1) for x in ends for y in ends]) @ invert(matrix).T
    low = (np.floor(corners.min(0) / step).astype(int) - 1) * step
    high = (np.ceil(corners.max(0) / step).astype(int) + 2) * step
    # A crop beside the picture shows the picture's border.
    left, top = (np.clip(low, 0, np.array(picture) - 1) // step * step).tolist()
    right, bottom = np.clip(high, (left + 1, top + 1), picture).tolist()
    return left, top, right, bottom


def _sampling(matrix: Floats) -> tuple[int, int]:
    """Samples that a crop takes along each pixel's side, and pixels that are averaged for one."""
    shrinking = 1 / max(scale(matrix), 1e-3)
    factor = max(1, int(np.ceil(SHRINK * shrinking)))
    return (factor, 1) if factor <= _MAX_SAMPLED else (1, min(int(shrinking + 1e-6), _MAX_AVERAGED))


def _average(
    image: NDArray[Any], matrix: Floats, place: tuple[int, int, int, int], factor: int
) -> tuple[NDArray[Any], Floats]:
    """Averages ``factor`` by ``factor`` pixels at a place; also returns the crop's matrix from them."""
    left, top, right, bottom = place
    part = image[top:bottom, left:right]
    down = (bottom - top) % -factor
    across = (right - left) % -factor
    if down or across:
        part = cv2.copyMakeBorder(part, 0, -down, 0, -across, cv2.BORDER_REPLICATE)
    size = (part.shape[1] // factor, part.shape[0] // factor)
    moved = matrix.copy()
    moved[:, :2] *= factor
    moved[:, 2] += matrix[:, :2] @ (np.array([left, top]) + (factor - 1) / 2)
    return cv2.resize(part, size, interpolation=cv2.INTER_AREA), moved


def zoom(matrix: Floats, factor: float) -> Floats:
    """Matrix (..., 2, 3) of the same crop at ``factor`` times the size."""
    # Pixels' centres are whole numbers, so the corner of the first moves by half of what it grows.
    result = matrix * factor
    result[..., 2] += (factor - 1) / 2
    return result


def scale(matrix: Floats) -> float:
    """Crop pixels over frame pixels of a (2, 3) matrix; the geometric mean where sides differ."""
    return float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))


def transform(points: Floats, matrix: Floats) -> Floats:
    """Moves points (..., N, 2 or 3) by matrices (..., 2, 3); depth is scaled with them."""
    moved = np.array(points, np.float64)
    linear = matrix[..., :2]
    moved[..., :2] = points[..., :2] @ np.swapaxes(linear, -1, -2) + matrix[..., None, :, 2]
    if moved.shape[-1] == 3:
        moved[..., 2] *= np.sqrt(np.abs(np.linalg.det(linear)))[..., None]
    return moved


def invert(matrix: Floats) -> Floats:
    """Inverse (..., 2, 3) of a matrix: crop pixels to frame pixels."""
    linear = np.linalg.inv(matrix[..., :2])
    return np.concatenate([linear, -linear @ matrix[..., 2:]], axis=-1)


def compose(second: Floats, first: Floats) -> Floats:
    """Matrix (..., 2, 3) that does ``first`` and then ``second``."""
    linear = second[..., :2] @ first[..., :2]
    return np.concatenate([linear, second[..., :2] @ first[..., 2:] + second[..., 2:]], axis=-1)
