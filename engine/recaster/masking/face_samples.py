"""Faces with known masks as examples for a classifier of pixels: features, and variations of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from recaster import weights_registry
from recaster.appearance import face_appearance
from recaster.appearance.face_appearance import FINE_PX
from recaster.appearance.occluders import CHANNELS, make_network_input
from recaster.faces.weights import read_weights
from recaster.networks.occluder_features import SIDE_PX, OccluderFeatures
from recaster.swapping.masks import outline_face

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from recaster.appearance.face_appearance import FaceAppearance
    from recaster.appearance.uv_layout import WarpMap
    from recaster.faces.types import Floats, Floats32, Uint8s
    from recaster.media.types import Image

WIDER: Final = 2
"""Side of a crop and its surroundings over the crop's: what is beside a face may come before it."""
SHARPER: Final = 2
"""Side of a crop in which edges are looked for over that of one in which things are."""
PIXELS_PER_FACE: Final = 2000
_EDGE_PX: Final = 13
"""Width of the band about a mask's edge from which more pixels are taken."""
_EDGE_WEIGHT: Final = 5.0
_MARGIN_PX: Final = 9
"""Width by which the face's outline is widened, outside of which few are."""
_PASTED: Final = 0.6
"""Share of examples in which what is in front is laid over once more, elsewhere: it may move."""
_WAVES: Final = (2, 4)
"""Of positions, half waves across the face."""
_RAW_WEIGHT: Final = 3


@dataclass(frozen=True, eq=False)
class MaskedFace:
    """A face in its crop, whose ``side`` is FINE_PX, or SHARPER times that.

    Attributes:
        appearance: how the performer usually looks.
        image: (side, side, 3) uint8 RGB.
        points: (478, 3) float64, its mesh in the pixels of a crop of FINE_PX.
        mask: (side, side) float32, 0 to 1, what is in front of it.
        wide_image: (WIDER * side, WIDER * side, 3) uint8, the same with its surroundings, at the same scale.
        wide_mask: (WIDER * side, WIDER * side) float32.
    """

    appearance: FaceAppearance
    image: Image
    points: Floats
    mask: Floats32
    wide_image: Image
    wide_mask: Floats32


class PixelFeatures:
    """Features of the pixels of a face's crop, four at a time: two networks', colours, and positions."""

    def __init__(self) -> None:
        registered = (weights_registry.OCCLUDERS, weights_registry.ALWAYS)
        self._networks = [OccluderFeatures(read_weights(each), CHANNELS) for each in registered]

    def find(self, appearance: FaceAppearance, image: Image, points: Floats) -> Floats32:
        """Computes them of a crop (FINE_PX, FINE_PX, 3), (SIDE_PX * SIDE_PX, F)."""
        warp_map = face_appearance.map_appearance(appearance, points)
        shown = make_network_input(appearance, image, points, warp_map)
        parts = [network.find(shown) for network in self._networks]
        parts += [_RAW_WEIGHT * _find_colours(shown), *_find_positions(warp_map)]
        return np.concatenate(parts, -1).reshape(SIDE_PX * SIDE_PX, -1)


def _find_colours(shown: Uint8s) -> Floats32:
    """Colours, usual colours and their difference, the finer picture, and what is around and how rough."""
    unit = shown.astype(np.float32) / np.float32(255)
    seen = unit[..., :3]
    rough = np.abs(seen - cv2.GaussianBlur(seen, (0, 0), 1.5))
    around = [cv2.GaussianBlur(seen, (0, 0), sigma) for sigma in (2, 6)]
    return np.dstack(
        [unit[..., :6], seen - unit[..., 3:6], unit[..., 6:], *around, cv2.GaussianBlur(rough, (0, 0), 2)]
    )


def _find_positions(warp_map: WarpMap) -> list[Floats32]:
    """Positions on the face and in the crop, 0 to 1, and waves of them."""
    inside = (warp_map.inside > 0).astype(np.float32)
    on_face = [place / np.float32(SIDE_PX) * inside for place in warp_map.maps]
    across, down = np.meshgrid(*[np.arange(SIDE_PX, dtype=np.float32) / SIDE_PX] * 2)
    places = np.dstack([*on_face, across, down])
    waves = [wave(np.float32(np.pi * count) * places) for count in _WAVES for wave in (np.sin, np.cos)]
    return [places, *waves, inside[..., None]]


def split_pixels(mask: Floats32) -> Floats32:
    """Splits a mask (FINE_PX, FINE_PX) into the four pixels of each coarse one, (SIDE_PX * SIDE_PX, 4)."""
    return mask.reshape(SIDE_PX, 2, SIDE_PX, 2).swapaxes(1, 2).reshape(SIDE_PX * SIDE_PX, 4)


def join_pixels(values: Floats32) -> Floats32:
    """The mask that ``split_pixels`` splits."""
    return values.reshape(SIDE_PX, SIDE_PX, 2, 2).swapaxes(1, 2).reshape(FINE_PX, FINE_PX)


def outline_region(points: Floats, margin: int) -> Uint8s:
    """Draws the outline of a face and a margin around it, (FINE_PX, FINE_PX) uint8, 1 inside."""
    inside = np.zeros((FINE_PX, FINE_PX), np.uint8)
    cv2.fillConvexPoly(inside, np.rint(outline_face(points)).astype(np.int32), 1)
    return np.asarray(cv2.dilate(inside, np.ones((margin, margin))), np.uint8)


def choose_pixels(face: MaskedFace, random: np.random.Generator) -> NDArray[np.int64]:
    """Chooses coarse pixels of a face to learn from: of the face, and most about the mask's edge."""
    brush = np.ones((_EDGE_PX, _EDGE_PX))
    edge = (cv2.dilate(face.mask, brush) - cv2.erode(face.mask, brush))[::2, ::2] > 0.3
    chance = outline_region(face.points, _MARGIN_PX)[::2, ::2] * (1 + _EDGE_WEIGHT * edge) + 0.05
    return random.choice(chance.size, PIXELS_PER_FACE, p=(chance / chance.sum()).ravel())


def vary(faces: Sequence[MaskedFace], random: np.random.Generator) -> MaskedFace:
    """One of the faces in another light and place, perhaps with what is in front of another one, too."""
    face = faces[int(random.integers(len(faces)))]
    image = face.image.astype(np.float32)
    mask = face.mask
    if random.random() < _PASTED:
        image, mask = _paste(image, mask, faces[int(random.integers(len(faces)))], random)
    moved = _place(random, turn=4, size=0.04, shift=4)
    enlarged = _enlarge(moved, len(image) / FINE_PX)
    image = _warp(image, enlarged)
    mask = cv2.warpAffine(mask, enlarged, mask.shape)
    points = face.points.copy()
    points[:, :2] = points[:, :2] @ moved[:, :2].T + moved[:, 2] + _jitter(points, random)
    image *= np.exp(random.normal(0, 0.06) + random.normal(0, 0.025, 3))
    if random.random() < 0.3:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), random.uniform(0.4, 1.2)), np.float32)
    image += random.normal(0, random.uniform(0, 3), image.shape)
    return replace(
        face,
        image=np.clip(np.rint(image), 0, 255).astype(np.uint8),
        points=points,
        mask=np.asarray(mask, np.float32),
    )


def _paste(
    image: Floats32, mask: Floats32, other: MaskedFace, random: np.random.Generator
) -> tuple[Floats32, Floats32]:
    """Lays over a picture what is in front of another face, moved, turned, perhaps mirrored."""
    side = len(image)
    moved = _enlarge(_place(random, turn=14, size=0.1, shift=34), side / FINE_PX)
    moved[:, 2] -= moved[:, :2] @ np.full(2, (WIDER - 1) * side / 2)
    step = random.choice([1, -1])
    over = cv2.warpAffine(np.ascontiguousarray(other.wide_mask[:, ::step]), moved, (side, side))
    there = _warp(np.ascontiguousarray(other.wide_image[:, ::step]).astype(np.float32), moved, side)
    return image + over[..., None] * (there - image), np.maximum(mask, over)


def _place(random: np.random.Generator, turn: float, size: float, shift: float) -> Floats:
    """A random similarity about the middle of a crop of FINE_PX: deviations in degrees, shares and pixels."""
    middle = (FINE_PX / 2, FINE_PX / 2)
    moved = cv2.getRotationMatrix2D(middle, random.normal(0, turn), np.exp(random.normal(0, size)))
    moved[:, 2] += random.normal(0, shift, 2)
    return np.asarray(moved, np.float64)


def _enlarge(matrix: Floats, scale: float) -> Floats:
    """A map between crops of FINE_PX for crops larger by ``scale``."""
    return np.hstack([matrix[:, :2], scale * matrix[:, 2:]])


def _warp(image: Floats32, matrix: Floats, side: int | None = None) -> Floats32:
    side = side or len(image)
    warped = cv2.warpAffine(image, matrix, (side, side), borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(warped, np.float32)


def _jitter(points: Floats, random: np.random.Generator) -> Floats:
    """Smooth errors of a mesh, (478, 2) pixels: landmarks are off by that before something."""
    field = cv2.resize(
        random.normal(0, 1.2, (4, 4, 2)).astype(np.float32), (FINE_PX, FINE_PX), interpolation=cv2.INTER_CUBIC
    )
    columns, rows = np.clip(np.rint(points[:, :2]).astype(int), 0, FINE_PX - 1).T
    return np.asarray(field[rows, columns], np.float64)
