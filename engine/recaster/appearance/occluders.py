"""Occluders, things in front of a performer's face: hands, microphones, hair.

A face is compared with how it usually looks: the median of its own frames, drawn onto the mesh of the
moment and brought into its light. A small network tells what comes before it from what a face does by
itself. What is there all the time (glasses, a microphone, somebody who stands before it) is a part of that
usual look: a second network knows such things by their own look, and is believed where it finds something in
most frames, so that no grimace is taken for one. Both learned on rendered people (scripts/occluders).
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from recaster import weights_registry
from recaster.appearance import face_appearance
from recaster.appearance.face_appearance import COARSE_PX, FINE_PX, FaceAppearance, resize_crop
from recaster.appearance.glasses import UNCLEAR_SCORE, WornGlasses, find_glasses
from recaster.appearance.light import relight
from recaster.appearance.uv_layout import UVLayout, WarpMap, apply_warp, mask_face, unwrap
from recaster.appearance.uv_masks import keep_touching, mask_lenses
from recaster.faces import topology
from recaster.faces.region_masks import fill_polygon
from recaster.faces.weights import read_weights
from recaster.networks.litert import LiteRtModel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recaster.faces.types import Bools, Floats, Floats32, Uint8s
    from recaster.media.types import Image

FACE: Final = 7
CHANNELS: Final = FACE + 1 + 4 * 3
"""Picture RGB 0-2, usual look RGB 3-5, its deviation 6, mask of the face 7 (``FACE``), and the four pixels of
the fine picture that lie in each, RGB 8-19."""
BEARD: Final = 100  # value of a beard in ``FaceAppearance.persistent``
_SKIN: Final = np.array([150.0, 115.0, 100.0])  # skin of a middle tone in plain light, grey levels
_SAMPLED_EVERY: Final = 3  # pixels along each side of which one tells a face's colour
_PLAIN_RANGE: Final = 1.0
"""Difference from it (natural logarithm) in each channel of skins in plain light, and of cameras."""
_RELIGHT_RANGE: Final = 0.5  # change of light (natural logarithm) that ``relight`` follows well
_CERTAIN: Final = 0.6
_LIKELY: Final = 0.15
"""Probability from which on something is in front, and from which on if it touches that."""
_PERSISTENT_LIKELY: Final = 0.5
_PERSISTENT_CERTAIN: Final = 0.8
"""The same of the second network, for what is always there."""
_TO_FIRST_LIMITS: Final = np.log(_LIKELY) / np.log(_PERSISTENT_LIKELY)
"""Power of the second network's probabilities that have the first one's limits."""
_BEARD_SYMMETRY: Final = 0.38  # share of what is seen of a beard that is in its mirror picture, too
_MIDLINE: Final = (9, topology.NOSE_TIP, topology.CHIN)  # points of the mesh in the middle of a face
_INSIDE_TEXELS: Final = 27
_MIN_INSIDE: Final = 25
"""Fewer texels than the second, farther inside the face than half of the first, are hair beside it."""
_MOSTLY: Final = 0.5  # share of the frames from which on what is in front is always there
_NEAR_PX: Final = 7  # width of the places that count as one, as meshes are off by some
_MOVES_PX: Final = 49
"""Twice the way that what is always there may move; what hangs together with it farther away is not it."""
_MIN_PIXELS: Final = 240  # pixels of the smallest hand
_LIPS_BRUSH_PX: Final = 9  # width of the brush that is drawn around the lips
_WITHIN_LIPS: Final = 0.9
"""Share within the lips from which on it is the mouth itself; a finger or a straw reaches beyond."""
_MIN_WANTED_SCORE: Final = 0.5
"""Score of the outline of glasses that are kept by choice, if the network sees them, too."""
_MIN_WANTED_SHARE: Final = 0.5
"""Mean probability of the rims, or of the lenses, from which on it sees them, or can't see through."""
_MAX_GAP_PX: Final = 13  # gaps that are closed
_GROWTH_PX: Final = 3  # width by which what was found is broadened: soft edges must leave thin rims whole
_EDGE_SIGMA_PX: Final = 1.0  # standard deviation of the edge
_REACH_PX: Final = 16  # more than all of that reaches


def make_network_input(
    appearance: FaceAppearance,
    crop: Image,
    points: Floats,
    warp_map: WarpMap | None = None,
    channels: int = CHANNELS,
) -> Uint8s:
    """Puts a face (FINE, FINE, 3) beside its usual look for the networks: (COARSE_PX, COARSE_PX, channels).

    The mesh is in the crop's pixels; ``warp_map`` says where the look's texture lies in it, if that is known.
    ``channels`` is CHANNELS, or FACE + 1 without the fine picture.
    """
    warp_map = face_appearance.map_appearance(appearance, points) if warp_map is None else warp_map
    small, _ = resize_crop(crop, points)
    # Masked, converted and put together by OpenCV: NumPy takes four times as long.
    usual = cv2.copyTo(apply_warp(appearance.texture, warp_map), warp_map.inside)
    colours = cv2.cvtColor(usual, cv2.COLOR_RGBA2RGB)
    gains = neutral_light_gains(colours, small, warp_map.inside > 0)
    colours = _apply_gains(colours, gains[0])
    seen = _apply_gains(small, gains[1])
    lit = cv2.copyTo(relight(colours, seen, warp_map.inside.astype(np.float32)), warp_map.inside)
    planes = [seen, lit, usual[..., 3], warp_map.inside * np.uint8(255)]
    if channels == CHANNELS:
        fine = _apply_gains(crop, gains[1])
        planes.append(
            fine.reshape(COARSE_PX, 2, COARSE_PX, 2, 3).swapaxes(1, 2).reshape(COARSE_PX, COARSE_PX, 12)
        )
    return np.asarray(cv2.merge(planes), np.uint8)


def neutral_light_gains(usual: Image, seen: Image, inside: Bools) -> tuple[Floats, Floats]:
    """Computes gains that take off two pictures of a face the darkness and colour that no plain light makes.

    A network that learned on people in plain light takes deep blue for an object. Returns the logarithms of
    the gains of each channel (3,) of how the face usually looks and of how it is seen now, both (H, W, 3);
    zeros where the light is plain.
    """
    some = np.s_[::_SAMPLED_EVERY, ::_SAMPLED_EVERY]
    if not inside[some].any():
        return np.zeros(3), np.zeros(3)
    colours = [np.log(np.median(picture[some][inside[some]], axis=0) + 1) for picture in (usual, seen)]
    plain = -_excess(colours[0] - np.log(_SKIN), _PLAIN_RANGE)
    return plain, plain - _excess(colours[1] - colours[0], _RELIGHT_RANGE)


def _excess(values: Floats, reach: float) -> Floats:
    """Parts of values beyond -reach and reach."""
    return values - np.clip(values, -reach, reach)


def _apply_gains(picture: Image, gains: Floats) -> Image:
    """Applies the logarithms of gains to a picture's channels."""
    if not gains.any():
        return picture
    return np.clip(np.rint(picture * np.exp(gains).astype(np.float32)), 0, 255).astype(np.uint8)


class Occluders:
    """Finds what is in front of faces."""

    def __init__(self) -> None:
        self._passing = LiteRtModel(read_weights(weights_registry.OCCLUDERS))
        self._persistent = LiteRtModel(read_weights(weights_registry.ALWAYS))

    def occlusion_probability(self, appearance: FaceAppearance, crop: Image, points: Floats) -> Floats:
        """Computes the probability that each part of a face in a crop is hidden, (FINE_PX, FINE_PX)."""
        fine, moved = resize_crop(crop, points, FINE_PX)
        warp_map = face_appearance.map_appearance(appearance, moved)
        channels = FACE + 1 if appearance.persistent is None else CHANNELS
        shown = make_network_input(appearance, fine, moved, warp_map, channels)
        probability = _run_network(self._passing, shown[..., : FACE + 1], COARSE_PX)
        probability = cv2.resize(probability, (FINE_PX, FINE_PX), interpolation=cv2.INTER_LINEAR)
        if appearance.persistent is not None:
            belongs = _run_network(self._persistent, shown, FINE_PX)
            belongs = _keep_persistent(belongs, appearance.persistent, warp_map)
            if appearance.glasses is not None:
                belongs[appearance.glasses.surroundings(moved, FINE_PX)] = 0  # their own lines are finer
            probability = np.maximum(probability, belongs)
        return _exclude_mouth(probability, moved)

    def add_persistent(
        self, appearance: FaceAppearance, crops: Sequence[Image], points: Sequence[Floats]
    ) -> FaceAppearance:
        """Adds to an appearance what is in front in most crops (FINE, FINE, 3), from all over the clip."""
        sums = np.zeros((COARSE_PX, COARSE_PX, 3))
        about = np.ones((_NEAR_PX, _NEAR_PX), np.uint8)
        for crop, mesh in zip(crops, points, strict=True):
            shown = make_network_input(appearance, crop, mesh)
            probability = _exclude_mouth(_run_network(self._persistent, shown, FINE_PX), mesh)
            near = cv2.dilate(np.where(probability > _PERSISTENT_LIKELY, 255, 0).astype(np.uint8), about)
            likely = np.rint(255 * probability).astype(np.uint8)
            small, moved = resize_crop(np.dstack([near, likely, likely]), mesh)
            sums += unwrap(small, moved, appearance.layout)
        share, likely, _ = np.moveaxis(sums / (255 * len(crops)), -1, 0)
        persistent = np.where(share > _MOSTLY, 255, 0).astype(np.uint8)
        persistent[_find_beard(likely, appearance.layout)] = BEARD
        brush = np.ones((_INSIDE_TEXELS, _INSIDE_TEXELS), np.uint8)
        inner = cv2.erode(mask_face(appearance.layout), brush) > 0
        # Of 13 bare faces with hair beside them the most had 7, of five things before one the least 48.
        there = (inner & (persistent == 255)).sum() > _MIN_INSIDE
        glasses, seen = find_glasses(crops, points)
        kept = (mask_lenses(appearance.layout) > 0) & (persistent == 255)
        lost = bool(seen and glasses is None and kept.sum() <= _MIN_INSIDE)
        return dataclasses.replace(
            appearance, persistent=persistent if there else None, glasses=glasses, lost=lost
        )

    def add_worn(
        self, appearance: FaceAppearance, crops: Sequence[Image], points: Sequence[Floats]
    ) -> FaceAppearance:
        """Adds to an appearance the glasses that are kept by choice, from crops as for ``add_persistent``.

        Who says that glasses are worn is believed where they are seen less clearly than they must be by
        themselves.
        """
        glasses = appearance.glasses or find_glasses(crops, points, _MIN_WANTED_SCORE)[0]
        if glasses is None:
            return appearance
        shares = []
        for crop, mesh in zip(crops, points, strict=True):
            probability = _run_network(self._persistent, make_network_input(appearance, crop, mesh), FINE_PX)
            areas = glasses.draw(crop, mesh, FINE_PX) > 0, glasses.mask_lenses(crop, mesh)
            shares.append([probability[area].mean() if area.any() else 0.0 for area in areas])
        rims, lenses = np.median(shares, 0)
        if glasses.score < UNCLEAR_SCORE and max(rims, lenses) < _MIN_WANTED_SHARE:
            return appearance
        worn = WornGlasses(glasses, bool(lenses > _MIN_WANTED_SHARE))
        return dataclasses.replace(appearance, worn=worn, lost=False)


def _run_network(network: LiteRtModel, shown: Uint8s, side: int) -> Floats:
    """Probabilities (side, side) of a network, whose outputs are logits."""
    logits = network.run_image(shown)[side * side].reshape(side, side)
    return 1 / (1 + np.exp(-logits))


def _find_beard(likely: Floats, layout: UVLayout) -> Bools:
    """Finds a beard: below the nose, if how ``likely`` something is there (S, S) is alike on both sides."""
    face = mask_face(layout) > 0
    face[: int(layout.points[topology.NOSE_TIP, 1])] = False
    middle = float(layout.points[list(_MIDLINE), 0].mean())
    shift = np.array([[1.0, 0, 2 * middle - (COARSE_PX - 1)], [0, 1.0, 0]])
    low = (likely * face).astype(np.float32)
    mirrored = cv2.warpAffine(cv2.flip(low, 1), shift, (COARSE_PX, COARSE_PX)) * face
    alike = np.minimum(low, mirrored).sum() > _BEARD_SYMMETRY * np.maximum(low, mirrored).sum()
    return face & bool(alike)


def _keep_persistent(occlusion_probability: Floats, persistent: Uint8s, warp_map: WarpMap) -> Floats:
    """Chances without what has nothing to do with the places where something is in front in most frames."""
    face = cv2.dilate(warp_map.inside, np.ones((_NEAR_PX, _NEAR_PX), np.uint8))
    here = apply_warp(persistent, warp_map, cv2.INTER_NEAREST) * warp_map.inside
    face, here = (
        cv2.resize(mask, (FINE_PX, FINE_PX), interpolation=cv2.INTER_NEAREST) for mask in (face, here)
    )
    occlusion_probability = np.where(here == BEARD, 0.0, occlusion_probability * face)
    certain = (here == 255) & (occlusion_probability > _PERSISTENT_CERTAIN)
    kept = keep_touching(occlusion_probability > _PERSISTENT_LIKELY, certain)
    around = cv2.dilate((here == 255).astype(np.uint8), np.ones((_MOVES_PX, _MOVES_PX), np.uint8))
    # As likely as the other network says it, whose limits ``occlusion_mask`` knows.
    return np.where(kept & (around > 0), occlusion_probability**_TO_FIRST_LIMITS, 0)


def _exclude_mouth(occlusion_probability: Floats, points: Floats) -> Floats:
    """Excludes what lies within the lips: teeth and tongue come and go, and are no hand."""
    mouth = fill_polygon(points[list(topology.LIPS_OUTER)], FINE_PX)
    mouth = cv2.dilate(mouth, np.ones((_LIPS_BRUSH_PX, _LIPS_BRUSH_PX), np.uint8))
    likely = (occlusion_probability > _LIKELY).astype(np.uint8)
    if not (likely & mouth).any():
        return occlusion_probability
    _, labels = cv2.connectedComponents(likely)
    counts = np.bincount(labels.ravel())
    within = np.bincount(labels[mouth > 0], minlength=len(counts)) > _WITHIN_LIPS * counts
    within[0] = False
    return np.where(np.take(within, labels), 0.0, occlusion_probability)


def glasses_mask(appearance: FaceAppearance, crop: Image, points: Floats) -> Floats32 | None:
    """Masks a performer's glasses in a crop, (size, size), 0 to 1; None where none are worn."""
    if appearance.glasses is None:
        return None
    return appearance.glasses.draw(*resize_crop(crop, points, FINE_PX), len(crop))


def worn_glasses_mask(appearance: FaceAppearance, crop: Image, points: Floats) -> Floats32 | None:
    """Masks the glasses that are kept by choice in a crop, (size, size), 0 to 1; None for none."""
    if appearance.worn is None:
        return None
    return appearance.worn.draw(*resize_crop(crop, points, FINE_PX), len(crop))


def occlusion_mask(occlusion_probability: Floats, size: int) -> Floats32:
    """Masks what is hidden of a face, (size, size) float32, 0 to 1, with a soft edge.

    Whatever hangs together with something certain is taken for a part of it (hysteresis; Canny, 1986):
    half a hand would be worse than none.
    """
    certain = occlusion_probability > _CERTAIN
    found = keep_touching(occlusion_probability > _LIKELY, certain, _MIN_PIXELS).view(np.uint8)
    soft = np.zeros(found.shape, np.float32)
    left, top, width, height = cv2.boundingRect(found)
    if width:
        # Only around what was found: everywhere else it is 0.
        box = np.s_[
            max(top - _REACH_PX, 0) : top + height + _REACH_PX,
            max(left - _REACH_PX, 0) : left + width + _REACH_PX,
        ]
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (_MAX_GAP_PX, _MAX_GAP_PX))
        whole = cv2.morphologyEx(found[box], cv2.MORPH_CLOSE, disc)
        broad = cv2.dilate(whole, np.ones((_GROWTH_PX, _GROWTH_PX), np.uint8))
        soft[box] = cv2.GaussianBlur(broad.astype(np.float32), (0, 0), _EDGE_SIGMA_PX)
    return cv2.resize(soft, (size, size), interpolation=cv2.INTER_LINEAR)
