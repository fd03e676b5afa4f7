"""Mixture of two people's faces on one mesh: a person between both, as sharp as they are.

A plain average of two skins has less texture than either, as their pores and hairs don't coincide, and looks
like a double exposure. So each band of detail is averaged by itself, and brought to the strength that lies
between the two, place by place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from recaster.appearance.uv_layout import apply_warp_cubic, compute_warp_map, texture_vertices
from recaster.faces.mesh_surface import TRIANGLES
from recaster.media.masked_copy import copy_masked

if TYPE_CHECKING:
    from recaster.faces.types import Floats, Floats32
    from recaster.media.types import Image

_BAND_SIGMAS: Final = 1 / 256, 2 / 256, 4 / 256  # of the blurs between bands, as shares of the crop's side
_REACH: Final = 2.0  # sigma of the average that tells a band's strength in a place, in the band's own
_NOISE: Final = np.float32(0.5)  # strength of detail, in grey levels, up to which it is noise
_MAX_GAIN: Final = 1.5  # what two equally strong textures that have nothing in common need is 1.41


def warp_face(image: Image, seen: Floats, wanted: Floats) -> Image:
    """Warps a performer's face in a crop from its own mesh onto another, (478, 3) each, in its pixels."""
    goal = texture_vertices(wanted)
    warp_map = compute_warp_map(goal, texture_vertices(seen), TRIANGLES, len(image))
    warped = image.copy()
    copy_masked(apply_warp_cubic(image, warp_map), warp_map.inside, warped)
    return warped


def mix_faces(performer: Image, source: Floats32, strength: float) -> Floats32:
    """Mixes two faces (size, size, 3) on one mesh; ``strength`` is 0 for the performer's to 1."""
    size = len(source)
    ours = source
    theirs = performer.astype(np.float32)
    mixed = np.zeros_like(source)
    for share in _BAND_SIGMAS:
        smooth = [cv2.GaussianBlur(part, (0, 0), share * size) for part in (theirs, ours)]
        first = theirs - smooth[0]
        second = ours - smooth[1]
        band = first + np.float32(strength) * (second - first)
        before, after, now = (_strength(part, _REACH * share * size) for part in (first, second, band))
        wanted = before + np.float32(strength) * (after - before)
        mixed += band * np.clip((wanted + _NOISE) / (now + _NOISE), 1, _MAX_GAIN)[..., None]
        theirs, ours = smooth
    mixed += theirs + np.float32(strength) * (ours - theirs)
    return mixed


def _strength(band: Floats32, sigma: float) -> Floats32:
    """Root mean square of a band of detail around each pixel, grey levels, (size, size)."""
    grey = cv2.transform(band, np.full((1, 3), 1 / 3))
    return np.sqrt(cv2.GaussianBlur(grey * grey, (0, 0), sigma))
