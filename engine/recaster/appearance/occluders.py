"""What is in front of a performer's face: hands, microphones, hair.

A face is compared with how it usually looks: the median of its own frames, drawn onto the mesh of the
moment and brought into its light. A small network tells what comes before it from what a face does by
itself. What is there all the time (glasses, a microphone, somebody who stands before it) is a part of that
usual look: a second network knows such things by their own look, and is believed where it finds something in
most frames, so that no grimace is taken for one. Both learned on rendered people (scripts/occluders).
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from recaster.appearance.glasses import find_glasses
from recaster.appearance.light import normalize_lighting, relight
from recaster.appearance.uv_layout import (
    UVLayout,
    WarpMap,
    apply_warp,
    apply_warp_nearest,
    compute_warp_map,
    face_mask,
    make_uv_layout,
    texture_vertices,
    unwrap,
)
from recaster.appearance.uv_masks import lenses
from recaster.faces import topology, weights
from recaster.faces.neutral_shape import align_to_canonical, compute_canonical_mesh, learn_neutral_shape
from recaster.networks.litert import LiteRtModel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from recaster.appearance.glasses import Glasses
    from recaster.faces.types import Floats
    from recaster.media.types import Image

COARSE_PX: Final = 128
"""Side of the pictures that are compared, in pixels."""
FINE_PX: Final = 2 * COARSE_PX
"""Side of the picture in which the edges of what was found are looked for: rims of glasses are thin."""
FACE: Final = 7
CHANNELS: Final = FACE + 1 + 4 * 3
"""Picture RGB 0-2, usual look RGB 3-5, how much that varies 6, where the face is 7 (``FACE``), and the four
pixels of the fine picture that lie in each, RGB 8-19."""
_SKIN: Final = np.array([150.0, 115.0, 100.0])
"""Skin of a middle tone in plain light, grey levels."""
_SOME: Final = 3
"""Every so many pixels say enough of a face's colour."""
_PLAIN: Final = 1.0
"""Skins in plain light, and cameras, differ from it by so much (natural logarithm) in each channel."""
_CHANGED: Final = 0.5
"""Light changes by so much that ``relight`` follows well."""
_VARIATION: Final = 8
"""Deviations of grey levels are stored so many times larger."""
_CERTAIN, _LIKELY = 0.6, 0.15
"""What is this likely is in front; what is less likely if it touches that."""
_PLAIN_THERE, _PLAIN_SURE = 0.5, 0.8
"""The same for what is always there: where the second network sees it, and where it is sure."""
_AS_THE_OTHER = np.log(_LIKELY) / np.log(_PLAIN_THERE)
"""To this power the second network's chances have the first one's limits."""
_ALIKE, _MIDDLE = 0.38, (9, topology.NOSE_TIP, topology.CHIN)
"""Of what is seen of a beard so much is in its mirror picture, too; points of the mesh in its middle."""
_OWN = 100
"""The value of a beard in ``FaceAppearance.persistent``."""
_INSIDE, _SPECK = 27, 25
"""Fewer texels than the second, farther inside the face than half of the first, are hair beside it."""
_MOSTLY, _NEAR = 0.5, 7
"""What is in front in this share of the frames is always there, give or take half of so many pixels."""
_MOVES = 49
"""What is always there moves by half of so many pixels at most, or what hangs together with it is not it."""
_LEAST = 240
"""Fewer pixels are no hand."""
_RIM = 9
"""So wide a brush is drawn around the lips, in pixels."""
_WITHIN = 0.9
"""What lies within the lips by this share is the mouth itself; a finger or a straw reaches beyond."""
_GAP = 13
"""Gaps narrower than this are closed, in pixels."""
_BRUSH = 3
"""What was found is made so much broader, in pixels: soft edges must leave thin rims whole."""
_SOFT = 1.0
"""Standard deviation of the edge, in pixels."""


@dataclass(frozen=True, eq=False)
class FaceAppearance:
    """How a performer usually looks.

    Attributes:
        layout: where the mesh lies in the texture.
        texture: (SIZE, SIZE, 4) uint8: median colours, and their median deviation times 8.
        always: (SIZE, SIZE) uint8, 255 where something is in front in most frames, 100 where a beard may
            grow; None for nowhere.
        glasses: what the performer wears before the eyes; None for nothing that could be followed.
        lost: whether glasses were seen that can't be kept.
    """

    layout: UVLayout
    texture: NDArray[np.uint8]
    persistent: NDArray[np.uint8] | None = None
    glasses: Glasses | None = None
    lost: bool = False


def compute_reference_appearance(crops: NDArray[np.uint8], points: Floats) -> FaceAppearance:
    """The usual look of one performer, from frames of which most show the bare face.

    Args:
        crops: (N, SIZE, SIZE, 3) uint8 RGB.
        points: (N, 478, 3), the meshes in the crops' pixels.
    """
    mesh = compute_canonical_mesh(points)
    expressions, _ = align_to_canonical(points, mesh)
    layout = make_uv_layout(learn_neutral_shape(expressions).neutral, COARSE_PX)
    textures = np.stack([unwrap(crop, one, layout) for crop, one in zip(crops, points, strict=True)])
    lit = normalize_lighting(textures, face_mask(layout))
    usual = np.median(lit, 0).astype(np.uint8)
    deviation = np.median(np.abs(lit.astype(np.int16) - usual), 0).mean(-1)
    varying = np.clip(_VARIATION * deviation, 0, 255).astype(np.uint8)
    return FaceAppearance(layout, np.dstack([usual, varying]))


def resize_crop(crop: Image, points: Floats, side: int = COARSE_PX) -> tuple[Image, Floats]:
    """A crop (size, size, 3) and its mesh (478, 3) with another side."""
    scale = side / len(crop)
    if scale == 1:
        return crop, points
    filtering = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    moved = points * scale
    moved[:, :2] += (scale - 1) / 2
    return np.asarray(cv2.resize(crop, (side, side), interpolation=filtering)), moved


def make_network_input(
    look: FaceAppearance, crop: Image, points: Floats, warp_map: WarpMap | None = None
) -> NDArray[np.uint8]:
    """A face beside its usual look, (SIZE, SIZE, CHANNELS) uint8: what the networks are shown.

    Args:
        look: the performer's.
        crop: (FINE, FINE, 3) uint8 RGB.
        points: (478, 3), the mesh in the crop's pixels.
        warp_map: where the look's texture lies in it, if that is known.
    """
    warp_map = map_appearance(look, points) if warp_map is None else warp_map
    small, inside = resize_crop(crop, points)[0], warp_map.inside[..., None]
    usual = apply_warp(look.texture, warp_map) * inside
    gains = neutral_light_gains(np.ascontiguousarray(usual[..., :3]), small, warp_map.inside > 0)
    colours = _gained(np.ascontiguousarray(usual[..., :3]), gains[0])
    seen, fine = _gained(small, gains[1]), _gained(crop, gains[1])
    lit = relight(colours, seen, warp_map.inside.astype(np.float32)) * inside
    four = fine.reshape(COARSE_PX, 2, COARSE_PX, 2, 3).swapaxes(1, 2).reshape(COARSE_PX, COARSE_PX, 12)
    return np.concatenate([seen, lit, usual[..., 3:], inside * np.uint8(255), four], -1)


def map_appearance(look: FaceAppearance, points: Floats) -> WarpMap:
    """Where a look's texture lies in a picture of SIZE; the face's mesh (478, 3) is in pixels of FINE."""
    moved = points * (COARSE_PX / FINE_PX)
    moved[:, :2] += (COARSE_PX / FINE_PX - 1) / 2
    return compute_warp_map(texture_vertices(moved), look.layout.points, look.layout.triangles, COARSE_PX)


def neutral_light_gains(usual: Image, seen: Image, inside: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Gains that take darkness and colour off two pictures of a face, as far as no plain light makes them.

    A network that learned on people in plain light takes deep blue for an object.

    Args:
        usual: (H, W, 3) uint8 RGB, how the face usually looks.
        seen: the same face now.
        inside: (H, W), where it is.

    Returns:
        The logarithms of the gains of each channel (3,) of either picture; zeros where the light is plain.
    """
    some = (slice(None, None, _SOME), slice(None, None, _SOME))
    if not inside[some].any():
        return np.zeros(3), np.zeros(3)
    colours = [np.log(np.median(one[some][inside[some]], axis=0) + 1) for one in (usual, seen)]
    plain = -_beyond(colours[0] - np.log(_SKIN), _PLAIN)
    return plain, plain - _beyond(colours[1] - colours[0], _CHANGED)


def _beyond(values: Floats, reach: float) -> Floats:
    """By how much values leave -reach to reach."""
    return values - np.clip(values, -reach, reach)


def _gained(picture: Image, gains: Floats) -> Image:
    """A picture with the logarithms of gains applied to its channels."""
    if not gains.any():
        return picture
    return np.clip(np.rint(picture * np.exp(gains).astype(np.float32)), 0, 255).astype(np.uint8)


class Occluders:
    """Finds what is in front of faces."""

    def __init__(self) -> None:
        self._coming = LiteRtModel(weights.read(weights.OCCLUDERS))
        self._always = LiteRtModel(weights.read(weights.ALWAYS))

    def occlusion_probability(self, look: FaceAppearance, crop: Image, points: Floats) -> Floats:
        """How likely each part of a face is hidden, (FINE, FINE) float64, 0 to 1.

        Args:
            look: how the performer usually looks.
            crop: (size, size, 3) uint8 RGB.
            points: (478, 3), the mesh in the crop's pixels.
        """
        fine, moved = resize_crop(crop, points, FINE_PX)
        warp_map = map_appearance(look, moved)
        shown = make_network_input(look, fine, moved, warp_map)
        found = _chances(self._coming, shown[..., : FACE + 1], COARSE_PX)
        found = cv2.resize(found, (FINE_PX, FINE_PX), interpolation=cv2.INTER_LINEAR)
        if look.persistent is not None:
            belongs = _belonging(_chances(self._always, shown, FINE_PX), look.persistent, warp_map)
            if look.glasses is not None:
                belongs[look.glasses.about(moved, FINE_PX)] = 0  # their own lines are finer
            found = np.maximum(found, belongs)
        return _besides_mouth(np.asarray(found), moved)

    def add_persistent(
        self, look: FaceAppearance, crops: Sequence[Image], points: Sequence[Floats]
    ) -> FaceAppearance:
        """A look that knows where something is in front in most frames.

        Args:
            look: the performer's.
            crops: (FINE, FINE, 3) uint8 RGB, frames from all over the clip.
            points: (478, 3), their meshes in the crops' pixels.
        """
        sums, about = np.zeros((COARSE_PX, COARSE_PX, 3)), np.ones((_NEAR, _NEAR), np.uint8)
        for crop, mesh in zip(crops, points, strict=True):
            found = _besides_mouth(
                _chances(self._always, make_network_input(look, crop, mesh), FINE_PX), mesh
            )
            near = cv2.dilate(np.where(found > _PLAIN_THERE, 255, 0).astype(np.uint8), about)
            likely = np.rint(255 * found).astype(np.uint8)
            small, moved = resize_crop(np.dstack([near, likely, likely]), mesh)
            sums += unwrap(small, moved, look.layout)
        share, likely, _ = np.moveaxis(sums / (255 * len(crops)), -1, 0)
        persistent = np.where(share > _MOSTLY, 255, 0).astype(np.uint8)
        persistent[_beard(likely, look.layout)] = _OWN
        inner = cv2.erode(face_mask(look.layout), np.ones((_INSIDE, _INSIDE), np.uint8)) > 0
        # Of 13 bare faces with hair beside them the most had 7, of five things before one the least 48.
        there = (inner & (persistent == 255)).sum() > _SPECK
        glasses, seen = find_glasses(crops, points)
        kept = (lenses(look.layout) > 0) & (persistent == 255)
        lost = seen and glasses is None and kept.sum() <= _SPECK
        return dataclasses.replace(look, persistent=persistent if there else None, glasses=glasses, lost=lost)


def _chances(network: LiteRtModel, shown: NDArray[np.uint8], side: int) -> Floats:
    """What a network says, (side, side), 0 to 1."""
    found = network.run_image(shown)[side * side].reshape(side, side)
    return np.asarray(1 / (1 + np.exp(-found)))


def _beard(likely: Floats, layout: UVLayout) -> NDArray[np.bool_]:
    """Where a beard grows: below the nose, if what is seen there is alike on both sides.

    Args:
        likely: (SIZE, SIZE), how likely something is there in the layout, 0 to 1: the mean of some frames.
        layout: where the mesh lies in it.
    """
    face = face_mask(layout) > 0
    face[: int(layout.points[topology.NOSE_TIP, 1])] = False
    middle = float(layout.points[list(_MIDDLE), 0].mean())
    shift = np.array([[1.0, 0, 2 * middle - (COARSE_PX - 1)], [0, 1.0, 0]])
    low = (likely * face).astype(np.float32)
    mirrored = cv2.warpAffine(np.asarray(cv2.flip(low, 1)), shift, (COARSE_PX, COARSE_PX)) * face
    alike = np.minimum(low, mirrored).sum() > _ALIKE * np.maximum(low, mirrored).sum()
    return face & bool(alike)


def _belonging(occlusion_probability: Floats, persistent: NDArray[np.uint8], warp_map: WarpMap) -> Floats:
    """Chances without what has nothing to do with the places where something is in front in most frames."""
    face = cv2.dilate(warp_map.inside, np.ones((_NEAR, _NEAR), np.uint8))
    here = apply_warp_nearest(persistent, warp_map) * warp_map.inside
    face, here = (
        cv2.resize(one, (FINE_PX, FINE_PX), interpolation=cv2.INTER_NEAREST) for one in (face, here)
    )
    occlusion_probability = np.where(here == _OWN, 0.0, occlusion_probability * face)
    _, labels = cv2.connectedComponents((occlusion_probability > _PLAIN_THERE).astype(np.uint8))
    kept = (
        np.bincount(labels[(here == 255) & (occlusion_probability > _PLAIN_SURE)], minlength=labels.max() + 1)
        > 0
    )
    kept[0] = False
    around = cv2.dilate(np.where(here == 255, 1, 0).astype(np.uint8), np.ones((_MOVES, _MOVES), np.uint8))
    # As likely as the other network says it, whose limits ``occlusion_mask`` knows.
    return np.where(kept[labels] & (around > 0), occlusion_probability**_AS_THE_OTHER, 0)


def _besides_mouth(occlusion_probability: Floats, points: Floats) -> Floats:
    """Without what lies within the lips: teeth and tongue come and go, and are no hand."""
    mouth = np.zeros((FINE_PX, FINE_PX), np.uint8)
    cv2.fillPoly(mouth, [np.rint(points[list(topology.LIPS_OUTER), :2]).astype(np.int32)], 1)
    mouth = cv2.dilate(mouth, np.ones((_RIM, _RIM), np.uint8))
    _, labels = cv2.connectedComponents((occlusion_probability > _LIKELY).astype(np.uint8))
    counts = np.bincount(labels.ravel())
    within = np.bincount(labels[mouth > 0], minlength=len(counts)) > _WITHIN * counts
    within[0] = False
    return np.where(within[labels], 0.0, occlusion_probability)


def glasses_mask(look: FaceAppearance, crop: Image, points: Floats) -> NDArray[np.float32] | None:
    """Where a performer's glasses are, (size, size) float32, 0 to 1; None where none are worn.

    Args:
        look: the performer's.
        crop: (size, size, 3) uint8 RGB.
        points: (478, 3), the mesh in the crop's pixels.
    """
    return (
        None if look.glasses is None else look.glasses.drawn(*resize_crop(crop, points, FINE_PX), len(crop))
    )


def occlusion_mask(occlusion_probability: Floats, size: int) -> NDArray[np.float32]:
    """What is hidden of a face, (size, size) float32, 0 to 1, with a soft edge.

    Whatever hangs together with something certain is taken for a part of it (hysteresis; Canny, 1986):
    half a hand would be worse than none.

    Args:
        occlusion_probability: (FINE, FINE), 0 to 1.
        size: side of the crop in pixels.
    """
    _, labels = cv2.connectedComponents((occlusion_probability > _LIKELY).astype(np.uint8))
    counts = np.bincount(labels.ravel())
    sure = np.bincount(labels[occlusion_probability > _CERTAIN], minlength=len(counts)) > 0
    sure[0] = False
    whole = (sure & (counts >= _LEAST))[labels].astype(np.uint8)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (_GAP, _GAP))
    whole = cv2.morphologyEx(whole, cv2.MORPH_CLOSE, disc)
    broad = cv2.dilate(whole, np.ones((_BRUSH, _BRUSH), np.uint8))
    soft = cv2.GaussianBlur(broad.astype(np.float32), (0, 0), _SOFT)
    return np.asarray(cv2.resize(soft, (size, size), interpolation=cv2.INTER_LINEAR))
