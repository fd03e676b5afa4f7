"""UV layout of a face in which every part has room, and warps from and to it.

Closed lips and lids do not vanish in it. A frame is unwrapped into this layout once; a face is then drawn by
warping a blend of such textures onto its mesh. Besides the 468 mesh points, both iris centres carry the
texture, so that the eyes follow the gaze, and a grid between the lips, so that teeth stretch evenly.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from recaster.appearance.rasterizer import EdgePadding, rasterize
from recaster.appearance.uv_masks import mask_outline
from recaster.faces import topology
from recaster.faces.geometry import eye_distance, eye_distance_3d
from recaster.faces.mesh_surface import JAW, LIP_ROWS, LOWER_LIP, TRIANGLES, UPPER_LIP, unfold

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from recaster.faces.types import Floats, Floats32, Uint8s
    from recaster.media.types import Image


_UNDER_CHIN: Final = 0.09  # reach of the surface below the chin, as a share of the face's height and depth
_JAW_DROP: Final = 0.16  # shift of an open lower lip, in canonical units
_LID_STRETCH: Final = 0.7  # share by which lids are drawn apart
_MARGIN: Final = 0.04  # margin around the face, as a share of the texture's side
_ROWS: Final = np.array([0.25, 0.5, 0.75])  # heights of the rows between the lips
_TEETH_GAP: Final = 0.2
"""Gap of lips, in eye distances, beyond which what is between them keeps its height next to the upper lip."""
_EDGE_ON_AREA: Final = 1e-3  # area, in square pixels, below which triangles are seen edge-on
_MINIFIED: Final = (1.8, 4.0)
"""Pixels that fall into one from which on a blurred picture is read as well, and from which on it alone."""
_BLUR_REACH_PX: Final = 8  # more than that blur reaches


@dataclass(frozen=True, eq=False)
class UVLayout:
    """Places of the mesh in a texture."""

    size: int  # side of a texture in pixels
    points: Floats  # (V, 2) float64, texture pixels, as ``texture_vertices`` orders them
    triangles: NDArray[np.int64]  # (M, 3) int64, indices into ``points``

    @cached_property
    def eye_distance(self) -> float:
        """Distance of the eyes in texels."""
        return float(eye_distance(self.points))

    @cached_property
    def eye_row(self) -> float:
        """Row of the corners of the eyes."""
        corners = [*topology.EYE_CORNERS_LEFT, *topology.EYE_CORNERS_RIGHT]
        return float(self.points[corners, 1].mean())


@dataclass(frozen=True, eq=False)
class WarpMap:
    """Map from each pixel of one picture of the mesh to the place in another that it shows."""

    inside: Uint8s  # (size, size) uint8, 1 where the mesh is
    # Two (size, size) float32, column and row in the other picture; nothing outside the mesh.
    maps: tuple[Floats32, Floats32]
    minified: Floats32  # (size, size) float32, 0 to 1, where many of the other picture's pixels fall into one


def make_uv_layout(neutral: Floats, size: int) -> UVLayout:
    """Lays out a neutral canonical mesh (478, 3): jaw dropped and lids stretched open."""
    points = texture_vertices(_open_eyes(_drop_jaw(neutral[:, :2])))
    low = points.min(0)
    high = points.max(0)
    scale = (1 - 2 * _MARGIN) * size / (high - low).max()
    points = (points - (low + high) / 2) * scale + size / 2
    return UVLayout(size, unfold(points), TRIANGLES)


def _drop_jaw(points: Floats) -> Floats:
    """Opens the mouth of points (478, 2): what lies below the lips' slit goes down, more the farther below.

    Beside the mouth's corners the shift begins at 0, so that the cheeks stretch and nothing folds.
    """
    corners = points[list(topology.MOUTH_CORNERS)]
    middle = corners.mean(0)
    half = np.ptp(corners[:, 0]) / 2
    slit = points[[topology.LIP_TOP, topology.LIP_BOTTOM], 1].mean()
    across = np.clip(1 - ((points[:, 0] - middle[0]) / half) ** 2, 0, 1)
    reach = points[topology.CHIN, 1] - slit
    below = np.clip((points[:, 1] - slit) / reach, 0, 1)
    below = below * below * (3 - 2 * below)
    under = points[:, 1] > slit
    # Lips by the mesh's own rows, on whichever side of the slit they lie.
    for _, upper, lower in LIP_ROWS:
        under[list(lower)] = True
        under[list(upper)] = False
    moved = points.copy()
    moved[:, 1] += _JAW_DROP * np.where(under, 1 - (1 - across) * (1 - below), 0.0)
    return moved


def _open_eyes(points: Floats) -> Floats:
    """Draws the lids of points (478, 2) apart, what is around them following less and less."""
    moved = points.copy()
    for outline, iris in ((topology.EYE_LEFT, topology.IRIS_LEFT), (topology.EYE_RIGHT, topology.IRIS_RIGHT)):
        middle = points[list(outline)].mean(0)
        width = np.ptp(points[list(outline), 0])
        offsets = points - middle
        near = np.exp(-((offsets / (width * np.array([0.9, 0.45]))) ** 2).sum(-1))
        moved[:, 1] += _LID_STRETCH * near * offsets[:, 1]
        moved[iris] = moved[list(outline)].mean(0)
    return moved


def texture_vertices(points: Floats) -> Floats:
    """Vertices that carry the texture of a mesh (478, 2 or 3).

    These are the mesh, the irises, a grid between the lips, and what is under the chin. Iris centres stay
    between the lids. Returns (468 + 2 + 21 + 17, 2 or 3).
    """
    pairs = ((topology.EYE_LEFT, topology.IRIS_LEFT), (topology.EYE_RIGHT, topology.IRIS_RIGHT))
    irises = [_place_iris(points[list(outline)], points[iris]) for outline, iris in pairs]
    # Lips without their corners: there is no room between those.
    upper = points[list(UPPER_LIP[1:-1])]
    lower = points[list(LOWER_LIP[1:-1])]
    grid = _rows_between_lips(upper, lower, eye_distance_3d(points)).reshape(-1, points.shape[1])
    return np.concatenate([points[: topology.MESH_POINTS], irises, grid, extend_under_chin(points)])


def _rows_between_lips(upper: Floats, lower: Floats, distance: float) -> Floats:
    """Rows (3, 7, 2 or 3) of points between the lips: evenly spread, or as high as teeth where lips part far.

    So teeth stay with the upper lip, and a mouth that opens wider than the source's ever did shows what is
    below them stretched, and not the teeth.
    """
    apart = lower - upper
    gaps = np.linalg.norm(apart, axis=-1) / distance
    shares = np.minimum(_ROWS[:, None], _ROWS[:, None] * _TEETH_GAP / np.maximum(gaps, 1e-6))
    return upper + shares[..., None] * apart


def extend_under_chin(points: Floats) -> Floats:
    """Extends meshes (..., 478, 2 or 3) below their jaws: points (..., 17, 2 or 3), farthest at the chin.

    The mesh ends at the edge of the jaw; what grows below it, a beard say, has to be covered too.
    """
    jaw = points[..., JAW, :]
    down = points[..., topology.CHIN, :] - points[..., topology.FOREHEAD, :]
    back = points[..., topology.EARS, :].mean(-2) - points[..., topology.NOSE_TIP, :]
    shift = _UNDER_CHIN * (down + back)[..., None, :] * np.sin(np.linspace(0, np.pi, len(JAW)))[:, None]
    return jaw + shift


def _place_iris(outline: Floats, iris: Floats) -> Floats:
    """Place of an iris along its eye, half way between the lids."""
    middle = (outline[4] + outline[12]) / 2
    across = outline[0, :2] - outline[8, :2]
    along = np.clip((iris[:2] - middle[:2]) @ across / (across @ across), -0.3, 0.3)
    middle[:2] += along * across
    return middle


def compute_warp_map(
    goal: Floats, source: Floats, triangles: NDArray[np.int64], size: int, *, finds_minified: bool = False
) -> WarpMap:
    """Maps a picture of the mesh at ``goal`` to a picture of the same mesh at ``source``.

    Args:
        goal: (V, 3) or (V, 2), pixels of the picture to fill; nearer triangles hide farther ones.
        source: (V, 2 or more), pixels of the picture to read.
        size: side of the picture to fill.
        finds_minified: whether ``WarpMap.minified`` is found, for ``apply_warp_antialiased``; else it is 0.
    """
    # Every triangle with corners of its own: beside one that is squeezed another may be sharp.
    corners = goal[triangles]
    places = source[triangles][..., :2]
    values = np.zeros((*triangles.shape, 3), np.float32)
    values[..., :2] = places
    if finds_minified:
        minified = (_minification(corners[..., :2], places) - _MINIFIED[0]) / np.ptp(_MINIFIED)
        values[..., 2] = np.clip(minified, 0, 1)[:, None]
    apart = np.arange(triangles.size).reshape(-1, 3)
    picture, inside = rasterize(corners.reshape(-1, goal.shape[1]), values.reshape(-1, 3), apart, size)
    column, row, soft = cv2.split(picture)
    return WarpMap(inside, (column, row), soft)


def apply_warp(picture: Image, warp_map: WarpMap, interpolation: int = cv2.INTER_LINEAR) -> Image:
    """Warps a picture: (size, size, channels) uint8, 0 outside the mesh."""
    # Only within the rectangle that the mesh fills: crops show much around it.
    left, top, width, height = cv2.boundingRect(warp_map.inside)
    result = np.zeros(warp_map.inside.shape + picture.shape[2:], picture.dtype)
    if width:
        box = slice(top, top + height), slice(left, left + width)
        column, row = (part[box] for part in warp_map.maps)
        result[box] = cv2.remap(picture, column, row, interpolation, borderMode=cv2.BORDER_REPLICATE)
    return result


def apply_warp_cubic(picture: Image, warp_map: WarpMap) -> Image:
    """Warps a picture by cubic interpolation: a face is resampled several times, and each blurs it."""
    return apply_warp(picture, warp_map, cv2.INTER_CUBIC)


def apply_warp_antialiased(picture: Image, warp_map: WarpMap) -> Image:
    """Warps a picture as sharply, but reads a blurred one where much of it falls into one pixel.

    In closing lips and lids single pixels out of many would sparkle.
    """
    sharp = apply_warp_cubic(picture, warp_map)
    size = len(warp_map.inside)
    minified = np.flatnonzero(warp_map.minified > 0)  # quicker than of floats
    if not len(minified):
        return sharp
    # In rows, the last one filled up: maps of any length would be too long for OpenCV.
    there = np.resize(minified, (-(-len(minified) // size), size))
    column, row = (part.ravel()[there] for part in warp_map.maps)
    # Blurred only where it is read, and as far around as the blur reaches.
    left, top = (max(int(part.min()) - _BLUR_REACH_PX, 0) for part in (column, row))
    right, bottom = (int(part.max()) + _BLUR_REACH_PX + 2 for part in (column, row))
    blurred = cv2.GaussianBlur(picture[top:bottom, left:right], (0, 0), _MINIFIED[1] / 2)
    column -= left
    row -= top
    soft = cv2.remap(blurred, column, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    flat = sharp.reshape(size * size, -1)
    share = warp_map.minified.ravel()[there]
    flat[there] = cv2.blendLinear(soft, flat[there], share, 1 - share)
    return sharp


def mask_face(layout: UVLayout) -> Floats32:
    """Mask of the face inside its outline, (S, S), 0 or 1."""
    return mask_outline(layout, topology.OVAL).astype(np.float32)


def unwrap(crop: Uint8s, points: Floats, layout: UVLayout) -> Uint8s:
    """Unwraps a picture (H, W, 3) of a face into a texture (S, S, 3); the mesh is in its pixels."""
    warp_map = compute_warp_map(layout.points, texture_vertices(points), layout.triangles, layout.size)
    return EdgePadding.of(warp_map.inside).fill(apply_warp_cubic(crop, warp_map))


def _minification(corners: Floats, places: Floats) -> Floats:
    """Pixels (M,) of the other picture that lie along one pixel, in the direction of the most.

    That is the larger singular value of the map that takes triangles ``corners`` to ``places``, (M, 3, 2).
    """
    (across, up), (right, down) = ((part[:, 1:] - part[:, :1]).swapaxes(0, 1) for part in (corners, places))
    area = _cross(across, up)[:, None]
    area = np.where(np.abs(area) < _EDGE_ON_AREA, _EDGE_ON_AREA, area)
    a_column = (right * up[:, 1:] - down * across[:, 1:]) / area
    a_row = (down * across[:, :1] - right * up[:, :1]) / area
    total = (a_column**2 + a_row**2).sum(1)
    root = np.sqrt(np.maximum(total**2 - 4 * _cross(a_column, a_row) ** 2, 0))
    return np.sqrt((total + root) / 2)


def _cross(first: Floats, second: Floats) -> Floats:
    """Signed areas (M,) that vectors (M, 2) span."""
    return first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]
