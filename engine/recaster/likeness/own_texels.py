"""The texels that are a source's own face, and a whole face made of them.

Hair over forehead and cheeks, the background beside them and whatever a turned head hides are none of its
skin. Where one frame does not show a texel, what is usual in the others is shown in that frame's light; where
none does, the skin around it goes on, with the fine detail of the other side of the face.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from recaster.appearance.rasterizer import rasterize
from recaster.appearance.uv_layout import texture_vertices
from recaster.appearance.uv_masks import (
    UPPER_CHEEKS,
    brows,
    continued,
    drawn,
    features,
    filled,
    grown,
    lenses,
    shrunk,
)
from recaster.faces import topology
from recaster.faces.geometry import eye_distance
from recaster.likeness.brow_ends import BrowEnds
from recaster.likeness.texture_glasses import remove_glasses, rims

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from recaster.appearance.uv_layout import UVLayout
    from recaster.faces.types import Floats

    Picture = NDArray[np.float32]

_FACING: Final = 0.15, 0.4
"""What turns away from the camera further than that, as the cosine of the angle, may show the background."""
_DARKER, _LIGHTER, _TINTED = 0.3, 0.25, 9.0
"""Skin differs from the skin around it by less: natural logarithms of lightness, and CIE Lab's a and b."""
_SHADED: Final = 0.45
"""Below the tops of the brows, where a face turns away from the light, likewise."""
_BLACK: Final = 8.0
"""Added to lightness before its logarithm is taken: in the dark that would be of noise."""
_FIRST: Final = 1.5
"""Skin differs from a person's usual skin by so many times more."""
_CERTAIN, _SHARE = 2.0, 0.1
"""A patch of which that share differs so many times more is no skin; others are shades or flushes of it."""
_HAIRY: Final = 1.2
"""Where hair grows, beside and above the eyes, so many times more is enough."""
_GLARE, _DIMMER = 0.7, 0.9
"""A reflection differs so much, and is no darker than that share of the skin."""
_ROUNDS: Final = 4
_RIM: Final = 0.3
"""Hair and background reach so far over cheeks and jaw, in eye distances; over the forehead anywhere."""
_CHIN: Final = (18, 83, 201, 208, 199, 428, 421, 313)
_BEARDED: Final = 0.75
"""A chin less than this light beside the upper cheeks grows a beard: below the eyes dark is its own."""
_AROUND: Final = 0.12
"""Standard deviation of the average over the skin around, in eye distances."""
_NOISE: Final = 0.02
"""Standard deviation of the blur before colours are compared, in eye distances."""
_EDGE: Final = 0.06
"""So wide is the edge of what is no skin, in eye distances."""
_SHADOW: Final = 0.12
"""So near to hair lies its shadow, which doesn't go on, in eye distances."""
_OUTLINE: Final = 0.04
"""So much along the outline is mixed with what lies beside the face, in eye distances."""
_LITTLE: Final = 0.4
"""A texel around which less than that share is foreign is the face's own."""
_TOUCHING: Final = 0.1
"""What is perhaps no skin and so near to what certainly is none belongs to it, in eye distances."""
_PERHAPS: Final = 0.5
_APART: Final = 60.0
"""What differs more from the median of all frames, in grey levels, is not averaged with the rest."""
_FINE: Final = 0.1
"""Standard deviation of the blur that tells detail of skin from its form, in eye distances."""
_MOVING: Final = 3.0
"""What glasses cover in a third of the frames is none of the face's own: they move on it."""
_BROW: Final = 0.05
"""How far around the mesh's brows theirs may be, in eye distances."""
_FAR: Final = 0.2, 0.5
"""Above the eyes the target is shown where the nearest skin is farther than that, in eye distances."""
_BROWS: Final = 0.3
"""So far around the source's brows the target's own may lie, in eye distances."""
_SHADE: Final = 0.25
"""Along the outline skin differs from that further in by up to so much, natural logarithm of lightness."""
_STUBBLE: Final = 0.35
"""Below the lips, where stubble grows, by more."""
_BAND: Final = 0.025
"""Standard deviation of the blur before that is compared, in eye distances."""
_LEAST: Final = 1e-6


def complete_textures(
    textures: NDArray[np.uint8],
    layout: UVLayout,
    seen: Sequence[Picture] | None = None,
    covered: Sequence[Picture] | None = None,
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Textures with the source's face where they showed something else.

    Args:
        textures: (K, S, S, 3) uint8 RGB, the references in one light.
        layout: where the mesh lies in them.
        seen: for each reference (S, S), 0 to 1: how well it shows each texel (``facing``); None for well.
        covered: for each (S, S), 0 to 1: where something is in front (``SourceOcclusion``); None for nowhere.

    Returns:
        The textures, and (S, S) uint8, 0 to 255: how far each texel is the source's own.
    """
    face, kept, distance = filled(layout, topology.OVAL), features(layout), float(eye_distance(layout.points))
    exact, middle = features(layout, exact=True).astype(np.float32), shrunk(face, _RIM * distance)
    skin = (face * (1 - kept)).astype(np.float32)
    # The underjaw is made steady by itself, and eyes, brows and lips are taken as they are.
    always = np.maximum(kept, shrunk(drawn(layout), 1) * (1 - face)).astype(np.float32)
    well = [np.maximum(one * face, always) for one in seen or [np.ones_like(always)] * len(textures)]
    faced = (np.max(well, 0) > 0.5) | (middle > 0)
    worn = rims(textures, layout)
    textures = remove_glasses(textures, worn, layout)
    if covered is not None:
        well = [one * (1 - other) for one, other in zip(well, covered, strict=True)]
    usual = _usual(textures, well, skin)
    own = _own(usual, layout, np.max(worn, 0).any()) * faced
    clear = shrunk(own, _SHADOW * distance) * skin
    ends = BrowEnds(usual, own, layout)
    exact = np.maximum(exact, brows(layout, _BROW * distance))
    own = np.maximum(_faded(own, distance), cv2.GaussianBlur(exact, (0, 0), _NOISE * distance))
    own *= 1 - ends.buried
    usual = _completed(usual, own, clear, layout)
    expected = _in_lab(usual, layout)
    limit = np.where(middle, _CERTAIN, 1)
    limit[: _brows_top(layout)] = _PERHAPS
    limit[always > 0] = np.inf
    rim, shown = _rim(expected, skin, layout), []
    for texture, here in zip(textures, well, strict=True):
        other = _edged(_unlike(_in_lab(texture, layout), expected), limit, layout)
        known = np.minimum(own, here * np.maximum(_faded(1 - other, distance), always))
        whole = usual + _known_and_on(texture - usual, known, clear)
        shown.append(ends.drawn_on(_without_shades(whole, rim, clear * middle, layout)))
    own *= 1 - np.minimum(_MOVING * np.mean(worn, 0), 1)
    return np.clip(np.rint(shown), 0, 255).astype(np.uint8), np.rint(255 * own).astype(np.uint8)


def _rim(usual: Picture, skin: Picture, layout: UVLayout) -> Picture:
    """(S, S), 0 to 1: skin along the outline, where no beard grows.

    Args:
        usual: (S, S, 3), a texture in CIE Lab.
        skin: (S, S), 1 where skin is.
        layout: where the mesh lies in them.
    """
    distance, face = float(eye_distance(layout.points)), filled(layout, topology.OVAL)
    away = cv2.distanceTransform(face, cv2.DIST_L2, cv2.DIST_MASK_5) / distance
    rim = np.clip((_RIM - away) / (_RIM / 2), 0, 1)
    rim = np.where(face, rim * skin, drawn(layout)).astype(np.float32)
    if _bearded(usual, layout):
        rim[round(layout.points[topology.NOSE_TIP, 1]) :] = 0
    return np.asarray(cv2.GaussianBlur(rim, (0, 0), _NOISE * distance))


def _without_shades(texture: Picture, rim: Picture, known: Picture, layout: UVLayout) -> Picture:
    """A texture (S, S, 3) in which skin along the outline is about as light as that further in.

    What is darker there is the shadow of hair, hair or a wall seen through the mesh, or the source's light;
    what is lighter a wall.
    """
    sigma = _BAND * float(eye_distance(layout.points))
    logarithm = np.log(np.maximum(texture, 0) + np.float32(_BLACK))
    off = cv2.GaussianBlur(logarithm, (0, 0), sigma) - continued(logarithm, known)
    lips = layout.points[list(topology.MOUTH_CORNERS), 1].mean()
    least = np.where(np.arange(layout.size) < lips, _SHADE, _STUBBLE)[:, None]
    wrong = (np.clip(np.abs(off.mean(-1)) / least - 1, 0, 1) * rim).astype(np.float32)
    wrong = cv2.GaussianBlur(wrong, (0, 0), sigma)[..., None]
    return np.asarray(np.exp(logarithm - wrong * off) - np.float32(_BLACK))


def _bearded(lab: Picture, layout: UVLayout) -> bool:
    chin, cheeks = (float(np.median(lab[filled(layout, some) > 0, 0])) for some in (_CHIN, UPPER_CHEEKS))
    return chin < _BEARDED * cheeks


def facing(points: Floats, layout: UVLayout) -> Picture:
    """Computes how well a picture of a mesh (478, 3) shows each texel, (S, S), 0 (turned away) to 1."""
    places, triangles = texture_vertices(points), layout.triangles
    corners = places[triangles]
    across = np.cross(corners[:, 2] - corners[:, 0], corners[:, 1] - corners[:, 0])
    parts = [np.bincount(triangles.ravel(), np.repeat(part, 3), len(places)) for part in across.T]
    sums = np.stack(parts, -1)
    normals = (sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-9)).astype(np.float32)
    picture, _ = rasterize(layout.points, normals, triangles, layout.size)
    return np.clip((-picture[..., 2] - _FACING[0]) / np.ptp(_FACING), 0, 1).astype(np.float32)


def compute_visible_texels(own: NDArray[np.uint8], layout: UVLayout) -> NDArray[np.uint8]:
    """Computes how far each texel may be shown, (S, S) uint8, 0 to 255.

    A forehead under hair, far from any skin that is seen, is left to the target; but not next to the brows,
    where the target's own would show.

    Args:
        own: (S, S) uint8, 0 to 255, how far each texel is the source's own.
        layout: where the mesh lies in it.
    """
    distance = float(eye_distance(layout.points))
    away = cv2.distanceTransform((own < 128).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5) / distance
    shown = 1 - np.clip((away - _FAR[0]) / np.ptp(_FAR), 0, 1)
    eyes = layout.points[[*topology.EYE_CORNERS_LEFT, *topology.EYE_CORNERS_RIGHT], 1]
    shown[round(float(eyes.mean())) :] = 1
    shown = np.maximum(shown, brows(layout, _BROWS * distance)).astype(np.float32)
    return np.round(cv2.GaussianBlur(shown, (0, 0), _EDGE * distance) * 255).astype(np.uint8)


def _usual(textures: NDArray[np.uint8], well: Sequence[Picture], skin: Picture) -> Picture:
    """(S, S, 3): the mean of what textures show well, without what is far from their median."""
    middle = np.median(
        [_known_and_on(one.astype(np.float32), here, skin) for one, here in zip(textures, well, strict=True)],
        0,
    ).astype(np.float32)
    total, sums = np.full(middle.shape[:2], 1e-3, np.float32), 1e-3 * middle
    for texture, here in zip(textures, well, strict=True):
        apart = np.linalg.norm(texture - middle, axis=-1) / _APART
        weight = here * np.clip(1 - apart * apart, 0, 1)
        total += weight
        sums += weight[..., None] * texture
    return np.asarray(sums / total[..., None])


def _own(usual: Picture, layout: UVLayout, glasses: np.bool_) -> Picture:
    """(S, S), 0 or 1: the skin, features, beard and underjaw of a texture.

    Skin is what is like the skin next to it, from the middle of the face outwards. Behind ``glasses`` what is
    light or tinted is a reflection.
    """
    lab, face = _in_lab(usual, layout), filled(layout, topology.OVAL)
    skin, distance = face * (1 - features(layout)), float(eye_distance(layout.points))
    middle = shrunk(face, _RIM * distance)
    core = middle * skin
    darker = np.where(np.arange(len(lab)) < _brows_top(layout), _DARKER, _SHADED)[:, None]
    known = core * (_unlike(lab, np.median(lab[core > 0], 0), darker) < _FIRST)
    for _ in range(_ROUNDS):
        expected = cv2.GaussianBlur(continued(lab, known.astype(np.float32)), (0, 0), _AROUND * distance)
        off = _unlike(lab, expected, darker)
        known = _touching(skin * (off < 1), core)
    eyes = round(float(layout.points[[*topology.EYE_CORNERS_LEFT, *topology.EYE_CORNERS_RIGHT], 1].mean()))
    if _bearded(lab, layout):
        off[eyes:] *= lab[eyes:, :, 0] > expected[eyes:, :, 0]
    middle[: _brows_top(layout)] = 0
    off = np.where(features(layout, exact=True), 0, off * face)
    nose = layout.points[topology.NOSE_TIP, 1]
    certain = off > np.where(np.arange(len(off)) < nose, _HAIRY, _CERTAIN)[:, None]
    rim = face * (1 - shrunk(face, _EDGE * distance))
    odd = _certain_patches(off >= np.where(middle, _CERTAIN, 1), certain & (skin > middle), rim > 0)
    if glasses:
        odd |= (off >= _GLARE) & (lenses(layout) > 0) & (lab[..., 0] > expected[..., 0] * _DIMMER)
    foreign = _edged(off, np.where(odd, 0, np.inf), layout)
    even = cv2.GaussianBlur(foreign, (0, 0), _EDGE * distance)
    whole = shrunk(drawn(layout), _OUTLINE * distance)
    return whole * (even < _LITTLE).astype(np.float32)


def _certain_patches(
    odd: NDArray[np.bool_], certain: NDArray[np.bool_], rim: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """The patches of a mask that begin at the rim and of which enough is certain."""
    _, patches = cv2.connectedComponents(odd.astype(np.uint8))
    sizes = np.maximum(np.bincount(patches.ravel()), 1)
    wanted = np.bincount(patches[certain], minlength=len(sizes)) > _SHARE * sizes
    wanted &= np.bincount(patches[rim], minlength=len(sizes)) > 0
    wanted[0] = False
    return np.asarray(wanted[patches])


def _touching(mask: NDArray[np.uint8], other: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The parts of a mask that hang together with another."""
    _, parts = cv2.connectedComponents(mask.astype(np.uint8))
    wanted = np.bincount(parts[other > 0], minlength=int(parts.max()) + 1) > 0
    wanted[0] = False
    return wanted[parts].astype(np.uint8)


def _completed(usual: Picture, own: Picture, clear: Picture, layout: UVLayout) -> Picture:
    """A texture whose skin goes on where it is not its own, with the fine detail of the other side."""
    blur = _FINE * float(eye_distance(layout.points))
    there = own * clear
    weight = cv2.GaussianBlur(there, (0, 0), blur)[..., None]
    form = cv2.GaussianBlur(usual * there[..., None], (0, 0), blur) / np.maximum(weight, _LEAST)
    detail = _mirrored((usual - form) * there[..., None], layout)
    share = own[..., None]
    return share * usual + (1 - share) * (continued(usual, there) + detail)


def _mirrored(picture: Picture, layout: UVLayout) -> Picture:
    """A picture of a face with its sides exchanged."""
    middle = layout.points[[*topology.EARS, *topology.MOUTH_CORNERS], 0].mean()
    flip = np.array([[-1, 0, 2 * middle], [0, 1, 0]])
    return np.asarray(cv2.warpAffine(picture, flip, (layout.size, layout.size)))


def _known_and_on(picture: Picture, known: Picture, skin: Picture) -> Picture:
    """A picture where it is known; where it is not, the skin that is known goes on smoothly."""
    share = known[..., None]
    return share * picture + (1 - share) * continued(picture, known * skin)


def _unlike(lab: Picture, expected: Picture, darker: float | Floats = _DARKER) -> Picture:
    """(S, S): how far colours are from the skin that is expected there, 1 where skin ends."""
    light = np.log((lab[..., 0] + _BLACK) / (expected[..., 0] + _BLACK))
    tint = np.linalg.norm(lab[..., 1:] - expected[..., 1:], axis=-1) / _TINTED
    return np.hypot(np.where(light < 0, light / darker, light / _LIGHTER), tint)


def _in_lab(picture: NDArray[np.floating] | NDArray[np.uint8], layout: UVLayout) -> Picture:
    """A picture (S, S, 3), 0 to 255, in CIE Lab without its noise."""
    lab = cv2.cvtColor(picture.astype(np.float32) / np.float32(255), cv2.COLOR_RGB2Lab)
    return np.asarray(cv2.GaussianBlur(lab, (0, 0), _NOISE * float(eye_distance(layout.points))))


def _edged(off: Picture, limit: NDArray[np.floating], layout: UVLayout) -> Picture:
    """(S, S), 0 or 1: what is off by its limit, and what belongs to it or is its edge."""
    distance = float(eye_distance(layout.points))
    over = (off >= limit).astype(np.uint8)
    along = grown(over, _TOUCHING * distance) * (off >= _PERHAPS)
    return np.maximum(grown(over, _EDGE * distance), grown(along.astype(np.uint8), 0)).astype(np.float32)


def _faded(mask: Picture, distance: float) -> Picture:
    """A mask that rises from 0 at its edge to 1 a little inside."""
    return np.clip(2 * cv2.GaussianBlur(mask, (0, 0), _EDGE * distance) - 1, 0, 1) * mask


def _brows_top(layout: UVLayout) -> int:
    return round(float(layout.points[[*topology.BROW_LEFT, *topology.BROW_RIGHT], 1].min()))
