"""Texels that are a source's own face, and a whole face made of them.

Hair over forehead and cheeks, the background beside them and whatever a turned head hides are none of its
skin. Where one frame does not show a texel, what is usual in the others is shown in that frame's light; where
none does, the skin around it goes on, with the fine detail of the other side of the face.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from recaster.appearance import uv_masks
from recaster.appearance.light import rgb_to_lab
from recaster.appearance.picture_arithmetic import compute_lengths, median_picture, repeat_channels
from recaster.appearance.rasterizer import rasterize
from recaster.appearance.uv_layout import texture_vertices
from recaster.appearance.uv_masks import UPPER_CHEEKS, dilate, erode, mask_outline, pull_push
from recaster.faces import topology
from recaster.faces.mesh_surface import vertex_normals
from recaster.likeness.brow_ends import BrowEnds
from recaster.likeness.texture_glasses import find_rims, remove_glasses

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from recaster.appearance.uv_layout import UVLayout
    from recaster.faces.types import Bools, Floats, Floats32, Uint8s

# Lengths are in eye distances.
_FACING: Final = 0.15, 0.4
"""Cosines of the angle to the camera up to which the background may show, and from which on it doesn't."""
_MAX_DARKER: Final = 0.3
_MAX_LIGHTER: Final = 0.25
_MAX_TINTED: Final = 9.0
"""Differences of skin from the skin around it: natural logarithms of lightness, and CIE Lab's a and b."""
_MAX_SHADED: Final = 0.45
"""How much darker it may be below the tops of the brows, where a face turns away from the light."""
_DARK_OFFSET: Final = 8.0  # added before a logarithm is taken: in the dark that would be of noise
_USUAL_FACTOR: Final = 1.5  # factor by which skin may differ more from a person's usual skin
_CERTAIN: Final = 2.0
_CERTAIN_SHARE: Final = 0.1
"""A patch of which that share differs so many times more is no skin; others are shades or flushes of it."""
_CERTAIN_HAIR: Final = 1.2  # the factor where hair grows, beside and above the eyes
_MIN_GLARE: Final = 0.7
_MIN_GLARE_LIGHT: Final = 0.9
"""Difference of a reflection, and its lightness over the skin's."""
_ROUNDS: Final = 4  # rounds in which skin is told from what is none
_RIM_WIDTH: Final = 0.3  # reach of hair and background over cheeks and jaw; over the forehead it is any
_CHIN: Final = (18, 83, 201, 208, 199, 428, 421, 313)
_BEARD_LIGHT: Final = 0.75
"""Lightness of a chin over the upper cheeks' below which a beard grows: below the eyes dark is its own."""
_SKIN_SIGMA: Final = 0.12  # sigma of the average over the skin around
_NOISE_SIGMA: Final = 0.02  # sigma of the blur before colours are compared
_EDGE_WIDTH: Final = 0.06  # width of the edge of what is no skin
_SHADOW_WIDTH: Final = 0.12  # reach of the shadow of hair, which doesn't go on
_OUTLINE_WIDTH: Final = 0.04  # width along the outline that is mixed with what lies beside the face
_MAX_FOREIGN: Final = 0.4  # share of what is foreign around a texel of the face's own
_TOUCHING: Final = 0.1
_PERHAPS: Final = 0.5
"""Reach in which what is perhaps no skin belongs to what certainly is none."""
_MAX_APART: Final = 60.0
"""Difference from the median of all frames, grey levels, beyond which nothing is averaged with the rest."""
_DETAIL_SIGMA: Final = 0.1  # sigma of the blur that tells detail of skin from its form
_GLASSES_FACTOR: Final = 3.0
"""What glasses cover in a third of the frames is none of the face's own: they move on it."""
_BROW_MARGIN: Final = 0.05  # width around the mesh's brows in which a person's own may be
_FOREHEAD: Final = 0.2, 0.5  # distance of the nearest skin over which a forehead gives way to the target's
_TARGET_BROWS: Final = 0.3  # width around the source's brows in which the target's own may lie
_MAX_SHADE: Final = 0.25
_MAX_STUBBLE: Final = 0.35
"""Differences of skin along the outline from that further in, natural logarithm of lightness: above the lips,
and below, where stubble grows."""
_BAND_SIGMA: Final = 0.025  # sigma of the blur before that is compared
_TINY: Final = 1e-6


def complete_textures(
    textures: Uint8s,
    layout: UVLayout,
    seen: Sequence[Floats32] | None = None,
    covered: Sequence[Floats32] | None = None,
) -> tuple[Uint8s, Uint8s]:
    """Completes textures with the source's face where they show something else.

    Args:
        textures: (K, S, S, 3), the references in one light.
        seen: for each (S, S), 0 to 1: how well it shows texels (``compute_facing``); None for well.
        covered: for each (S, S), 0 to 1: where something is in front (``SourceOcclusion``); None for nowhere.

    Returns:
        The textures, and (S, S) uint8, 0 to 255: how far each texel is the source's own.
    """
    face = mask_outline(layout, topology.OVAL)
    kept = uv_masks.mask_features(layout)
    distance = layout.eye_distance
    middle = erode(face, _RIM_WIDTH * distance)
    skin = (face * (1 - kept)).astype(np.float32)
    # What is under the chin is made steady by itself, and eyes, brows and lips are taken as they are.
    always = np.maximum(kept, erode(uv_masks.mask_surface(layout), 1) * (1 - face)).astype(np.float32)
    well = [np.maximum(shown * face, always) for shown in seen or [np.ones_like(always)] * len(textures)]
    faced = (np.max(well, 0) > 0.5) | (middle > 0)
    worn = find_rims(textures, layout)
    textures = remove_glasses(textures, worn, layout)
    if covered is not None:
        well = [shown * (1 - hidden) for shown, hidden in zip(well, covered, strict=True)]
    usual = _average_known(textures, well, skin)
    own = _find_own(usual, layout, np.max(worn, 0).any()) * faced
    # Only what is clear of hair goes on elsewhere: its shadow would, too.
    clear = erode(own, _SHADOW_WIDTH * distance) * skin
    ends = BrowEnds(usual, own, layout)
    own = _keep_features(own, layout) * (1 - ends.buried)
    usual = _complete(usual, own, clear, layout)
    expected = _to_smooth_lab(usual, layout)
    limit = _foreign_limit(middle, always, layout)
    rim = _outline_skin(expected, skin, layout)
    shown = []
    # Each reference keeps what it shows of the face in its own light: the rest is the usual face's.
    for texture, here in zip(textures, well, strict=True):
        other = _grow_foreign(_skin_difference(_to_smooth_lab(texture, layout), expected), limit, layout)
        known = np.minimum(own, here * np.maximum(_fade_edge(1 - other, distance), always))
        whole = usual + _continue(texture - usual, known, clear)
        shown.append(ends.draw_on(_remove_shades(whole, rim, clear * middle, layout)))
    own *= 1 - np.minimum(_GLASSES_FACTOR * np.mean(worn, 0), 1)
    return np.clip(np.rint(shown), 0, 255).astype(np.uint8), np.rint(255 * own).astype(np.uint8)


def _foreign_limit(middle: Uint8s, always: Floats32, layout: UVLayout) -> Floats:
    """Difference (S, S) from the expected skin from which on a texel of a reference is none."""
    limit = np.where(middle, _CERTAIN, 1.0)
    limit[: _brows_top(layout)] = _PERHAPS
    limit[always > 0] = np.inf
    return limit


def _keep_features(own: Floats32, layout: UVLayout) -> Floats32:
    """Fades the edge of what is a face's own, (S, S), but for its eyes, lips, nostrils and brows."""
    distance = layout.eye_distance
    exact = uv_masks.mask_features(layout, exact=True).astype(np.float32)
    exact = np.maximum(exact, uv_masks.mask_brows(layout, _BROW_MARGIN * distance))
    return np.maximum(_fade_edge(own, distance), cv2.GaussianBlur(exact, (0, 0), _NOISE_SIGMA * distance))


def _outline_skin(usual: Floats32, skin: Floats32, layout: UVLayout) -> Floats32:
    """Mask of skin along the outline of a texture (S, S, 3) in CIE Lab, where no beard grows, 0 to 1."""
    distance = layout.eye_distance
    face = mask_outline(layout, topology.OVAL)
    away = cv2.distanceTransform(face, cv2.DIST_L2, cv2.DIST_MASK_5) / distance
    rim = np.clip((_RIM_WIDTH - away) / (_RIM_WIDTH / 2), 0, 1)
    rim = np.where(face, rim * skin, uv_masks.mask_surface(layout)).astype(np.float32)
    # A beard is darker than the skin further in, and no shade.
    if _has_beard(usual, layout):
        rim[round(layout.points[topology.NOSE_TIP, 1]) :] = 0
    return cv2.GaussianBlur(rim, (0, 0), _NOISE_SIGMA * distance)


def _remove_shades(texture: Floats32, rim: Floats32, known: Floats32, layout: UVLayout) -> Floats32:
    """Makes skin of a texture (S, S, 3) along the outline about as light as that further in.

    What is darker there is the shadow of hair, hair or a wall seen through the mesh, or the source's light;
    what is lighter a wall.
    """
    sigma = _BAND_SIGMA * layout.eye_distance
    logarithm = np.log(np.maximum(texture, 0) + np.float32(_DARK_OFFSET))
    off = cv2.GaussianBlur(logarithm, (0, 0), sigma) - pull_push(logarithm, known)
    lips = layout.points[list(topology.MOUTH_CORNERS), 1].mean()
    least = np.where(np.arange(layout.size) < lips, _MAX_SHADE, _MAX_STUBBLE)[:, None]
    # What is within the limit stays as it is; beyond it all of the difference goes.
    wrong = (np.clip(np.abs(off.mean(-1)) / least - 1, 0, 1) * rim).astype(np.float32)
    wrong = cv2.GaussianBlur(wrong, (0, 0), sigma)[..., None]
    return np.exp(logarithm - wrong * off) - np.float32(_DARK_OFFSET)


def _has_beard(lab: Floats32, layout: UVLayout) -> bool:
    chin, cheeks = (
        float(np.median(lab[mask_outline(layout, part) > 0, 0])) for part in (_CHIN, UPPER_CHEEKS)
    )
    return chin < _BEARD_LIGHT * cheeks


def compute_facing(points: Floats, layout: UVLayout) -> Floats32:
    """Computes how well a picture of a mesh (478, 3) shows each texel, (S, S), 0 (turned away) to 1."""
    places = texture_vertices(points)
    triangles = layout.triangles
    normals = vertex_normals(places, triangles).astype(np.float32)
    picture, _ = rasterize(layout.points, normals, triangles, layout.size)
    return np.clip((-picture[..., 2] - _FACING[0]) / np.ptp(_FACING), 0, 1).astype(np.float32)


def compute_visible_texels(own: Uint8s, layout: UVLayout) -> Uint8s:
    """Computes how far each texel may be shown, by how far it is the source's own: both (S, S), 0 to 255.

    A forehead under hair, far from any skin that is seen, is left to the target; but not next to the brows,
    where the target's own would show.
    """
    distance = layout.eye_distance
    away = cv2.distanceTransform((own < 128).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5) / distance
    shown = 1 - np.clip((away - _FOREHEAD[0]) / np.ptp(_FOREHEAD), 0, 1)
    # Below the eyes it is the source's throughout: a cheek under hair goes on from the skin beside it.
    shown[round(layout.eye_row) :] = 1
    shown = np.maximum(shown, uv_masks.mask_brows(layout, _TARGET_BROWS * distance)).astype(np.float32)
    return np.round(cv2.GaussianBlur(shown, (0, 0), _EDGE_WIDTH * distance) * 255).astype(np.uint8)


def _average_known(textures: Uint8s, well: Sequence[Floats32], skin: Floats32) -> Floats32:
    """Mean of what textures show well, without what is far from their median, (S, S, 3)."""
    pairs = list(zip(textures, well, strict=True))
    continued = [_continue(texture.astype(np.float32), here, skin) for texture, here in pairs]
    middle = median_picture(np.stack(continued)).astype(np.float32)
    total = np.full(middle.shape[:2], 1e-3, np.float32)
    sums = 1e-3 * middle
    # What is far from the median, a lock that moves say, is not averaged.
    for texture, here in pairs:
        apart = compute_lengths(texture - middle) / _MAX_APART
        weight = here * np.clip(1 - apart * apart, 0, 1)
        total += weight
        sums += repeat_channels(weight) * texture
    return np.asarray(sums / total[..., None])


def _find_own(usual: Floats32, layout: UVLayout, glasses: np.bool_) -> Floats32:
    """Finds skin, features, beard and what is under the chin of a texture, (S, S), 0 or 1.

    Skin is what is like the skin next to it, from the middle of the face outwards. Behind ``glasses`` what is
    light or tinted is a reflection.
    """
    lab = _to_smooth_lab(usual, layout)
    face = mask_outline(layout, topology.OVAL)
    skin = face * (1 - uv_masks.mask_features(layout))
    distance = layout.eye_distance
    middle = erode(face, _RIM_WIDTH * distance)
    core = middle * skin
    darker = np.where(np.arange(len(lab)) < _brows_top(layout), _MAX_DARKER, _MAX_SHADED)[:, None]
    known = core * (_skin_difference(lab, np.median(lab[core > 0], 0), darker) < _USUAL_FACTOR)
    # From the middle outwards, in rounds: what hangs together with the core by like colours is skin, too.
    for _ in range(_ROUNDS):
        expected = cv2.GaussianBlur(pull_push(lab, known.astype(np.float32)), (0, 0), _SKIN_SIGMA * distance)
        off = _skin_difference(lab, expected, darker)
        known = uv_masks.keep_touching((skin > 0) & (off < 1), core > 0)
    eyes = round(layout.eye_row)
    # Below the eyes of a bearded face only what is lighter than skin can be foreign.
    if _has_beard(lab, layout):
        off[eyes:] *= lab[eyes:, :, 0] > expected[eyes:, :, 0]
    middle[: _brows_top(layout)] = 0
    off = np.where(uv_masks.mask_features(layout, exact=True), 0, off * face)
    nose = layout.points[topology.NOSE_TIP, 1]
    certain = off > np.where(np.arange(len(off)) < nose, _CERTAIN_HAIR, _CERTAIN)[:, None]
    rim = face * (1 - erode(face, _EDGE_WIDTH * distance))
    # Hair and background come in from the outline; what lies within is a flush or a shade.
    odd = _keep_certain(off >= np.where(middle, _CERTAIN, 1), certain & (skin > middle), rim > 0)
    if glasses:
        odd |= (
            (off >= _MIN_GLARE)
            & (uv_masks.mask_lenses(layout) > 0)
            & (lab[..., 0] > expected[..., 0] * _MIN_GLARE_LIGHT)
        )
    foreign = _grow_foreign(off, np.where(odd, 0, np.inf), layout)
    even = cv2.GaussianBlur(foreign, (0, 0), _EDGE_WIDTH * distance)
    whole = erode(uv_masks.mask_surface(layout), _OUTLINE_WIDTH * distance)
    return whole * (even < _MAX_FOREIGN).astype(np.float32)


def _keep_certain(odd: Bools, certain: Bools, rim: Bools) -> Bools:
    """Keeps the patches of a mask that begin at the rim and of which enough is certain."""
    _, patches = cv2.connectedComponents(odd.astype(np.uint8))
    sizes = np.maximum(np.bincount(patches.ravel()), 1)
    wanted = np.bincount(patches[certain], minlength=len(sizes)) > _CERTAIN_SHARE * sizes
    wanted &= np.bincount(patches[rim], minlength=len(sizes)) > 0
    wanted[0] = False
    return wanted[patches]


def _complete(usual: Floats32, own: Floats32, clear: Floats32, layout: UVLayout) -> Floats32:
    """Continues a texture's skin where it is not its own, with the fine detail of the other side."""
    blur = _DETAIL_SIGMA * layout.eye_distance
    # Form and detail apart: the form of the skin around goes on, its detail is the other side's.
    there = own * clear
    weight = cv2.GaussianBlur(there, (0, 0), blur)[..., None]
    form = cv2.GaussianBlur(usual * there[..., None], (0, 0), blur) / np.maximum(weight, _TINY)
    detail = _swap_sides((usual - form) * there[..., None], layout)
    share = own[..., None]
    return share * usual + (1 - share) * (pull_push(usual, there) + detail)


def _swap_sides(picture: Floats32, layout: UVLayout) -> Floats32:
    """Exchanges the sides of a picture of a face."""
    middle = layout.points[[*topology.EARS, *topology.MOUTH_CORNERS], 0].mean()
    flip = np.array([[-1, 0, 2 * middle], [0, 1, 0]])
    return cv2.warpAffine(picture, flip, (layout.size, layout.size))


def _continue(picture: Floats32, known: Floats32, skin: Floats32) -> Floats32:
    """Continues the skin of a picture smoothly where it is not known."""
    share = repeat_channels(known)
    return share * picture + (1 - share) * pull_push(picture, known * skin)


def _skin_difference(lab: Floats32, expected: Floats32, darker: float | Floats = _MAX_DARKER) -> Floats32:
    """Difference of colours from the skin that is expected there, (S, S), 1 where skin ends."""
    light = np.log((lab[..., 0] + _DARK_OFFSET) / (expected[..., 0] + _DARK_OFFSET))
    tint = compute_lengths(lab[..., 1:] - expected[..., 1:]) / _MAX_TINTED
    return np.hypot(np.where(light < 0, light / darker, light / _MAX_LIGHTER), tint)


def _to_smooth_lab(picture: NDArray[np.floating] | Uint8s, layout: UVLayout) -> Floats32:
    """Converts a picture (S, S, 3), 0 to 255, to CIE Lab without its noise."""
    return cv2.GaussianBlur(
        rgb_to_lab(picture.astype(np.float32)), (0, 0), _NOISE_SIGMA * layout.eye_distance
    )


def _grow_foreign(off: Floats32, limit: NDArray[np.floating], layout: UVLayout) -> Floats32:
    """Mask (S, S), 0 or 1, of what is off by its limit, and what belongs to it or is its edge."""
    distance = layout.eye_distance
    over = (off >= limit).astype(np.uint8)
    along = dilate(over, _TOUCHING * distance) * (off >= _PERHAPS)
    grown = np.maximum(dilate(over, _EDGE_WIDTH * distance), dilate(along.astype(np.uint8), 0))
    return grown.astype(np.float32)


def _fade_edge(mask: Floats32, distance: float) -> Floats32:
    """Fades a mask so that it rises from 0 at its edge to 1 a little inside."""
    return np.clip(2 * cv2.GaussianBlur(mask, (0, 0), _EDGE_WIDTH * distance) - 1, 0, 1) * mask


def _brows_top(layout: UVLayout) -> int:
    return round(float(layout.points[[*topology.BROW_LEFT, *topology.BROW_RIGHT], 1].min()))
