"""Compositing of swapped faces over a frame; pixels outside their masks are not touched at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from recaster.faces.alignment import invert, scale
from recaster.media.types import Patch, Rect
from recaster.swapping.head_cover import bound_cover, draw_covers
from recaster.swapping.label import draw_label, place_label

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from recaster.faces.types import Floats
    from recaster.media.types import Frame, Plate
    from recaster.settings.swap import LabelSettings
    from recaster.swapping.head_cover import HeadCover

MIN_SHARP_ZOOM: Final = 0.7
"""Below this many frame pixels a crop pixel, the crop is blurred before it is sampled."""
BLUR_SIGMA_PX: Final = 0.4
"""Standard deviation of that blur, in frame pixels."""
PATCH_MARGIN_PX: Final = 8
PATCH_GRID_PX: Final = 8
"""Patches are larger than what was painted by at least the margin, and begin and end on the grid, for colours
are stored for several pixels together."""


@dataclass(frozen=True, eq=False)
class Layer:
    """One face that is ready to be laid over its frame.

    Attributes:
        image: (size, size, 3) float32 RGB, 0 to 255.
        mask: (size, size) float32, 0 to 1, 0 along the border.
        matrix: (2, 3) float64, frame pixels to crop pixels.
        is_unbounded: whether the image may go beyond 0 and 255, as light and log do.
    """

    image: NDArray[np.float32]
    mask: NDArray[np.float32]
    matrix: Floats
    is_unbounded: bool = False

    @property
    def limits(self) -> tuple[float, float]:
        """The least and the greatest value that it paints."""
        if not self.is_unbounded:
            return 0, 255
        return min(0, float(self.image.min())), max(255, float(self.image.max()))

    @property
    def zoom(self) -> float:
        """Frame pixels a crop pixel: the larger, the nearer the face."""
        return 1 / scale(self.matrix)


@dataclass(frozen=True, eq=False)
class PaintedFace:
    """A face as it was painted, in the pixels of its crop but for the mesh; masks are 0 to 1.

    Attributes:
        plan: number of its plan.
        image: (size, size, 3) float32, before mask and colours, in the values of the plate.
        shown: (size, size) float32, how much of it was laid over the frame.
        hidden: (size, size) float32, how much of the face is behind something.
        matrix: (2, 3) float64, frame pixels to crop pixels.
        mesh: (478, 3) float64, frame pixels; None where no mesh drives it.
        is_unbounded: as of ``Layer``.
    """

    plan: int
    image: NDArray[np.float32]
    shown: NDArray[np.float32]
    hidden: NDArray[np.float32]
    matrix: Floats
    mesh: Floats | None
    is_unbounded: bool = False

    @property
    def crop(self) -> Layer:
        """All of the crop, as a layer."""
        return Layer(self.image, np.ones_like(self.shown), self.matrix, self.is_unbounded)


def composite(
    frame: Frame,
    layers: Sequence[Layer],
    label: LabelSettings | None = None,
    *,
    has_layer: bool = False,
    covers: Sequence[HeadCover] = (),
) -> list[Patch]:
    """Lays faces over a frame, the nearest (largest) last, covers over them, and a label over all.

    Args:
        frame: it is not changed.
        layers: the faces; they may reach beyond the frame.
        has_layer: whether patches also hold what was painted without the frame.
        covers: over heads, which no layer may show.

    Returns:
        What was painted, in places that don't meet. Its matte is 0 where no face shows, 255 where only
        swapped faces do; where neither face nor label shows it equals the frame.
    """
    # The larger the crop's pixels in the frame, the nearer the face: it hides those behind it.
    ordered = sorted(layers, key=lambda layer: layer.zoom)
    painters = [(place, layer) for layer in ordered if (place := bound_layer(layer, frame.size)) is not None]
    hidden = [(place, cover) for cover in covers if (place := bound_cover(cover, frame.size)) is not None]
    sign = None if label is None else place_label(label, frame.size)
    places = [place for place, _ in (*painters, *hidden)] + ([sign] if sign else [])
    patches = []
    wide = [place.expand(PATCH_MARGIN_PX, PATCH_GRID_PX, frame.size) for place in places]
    for whole in _join_overlapping(wide):
        image = frame.plate_part(whole).copy()
        matte = np.zeros(image.shape[:2], dtype=np.float32)
        alone = np.zeros((*image.shape[:2], 4), np.float32) if has_layer else None
        for place, layer in painters:
            if whole.contains(place):
                _blend(image, matte, alone, layer, place, whole)
        faces = cv2.convertScaleAbs(matte, alpha=255)
        # A label is painted, too, but the matte shows faces alone.
        painted = (faces > 0) | draw_covers(image, whole, hidden, frame)
        if label is not None and sign is not None and whole.contains(sign):
            there = sign.relative_to(whole)
            drawn = _draw_label(there.crop(image), label, frame)
            there.crop(painted)[drawn] = True
            if alone is not None:
                # What shines through a label is part of it.
                there.crop(alone)[drawn, :3] = there.crop(image)[drawn]
                there.crop(alone)[drawn, 3] = 1
        if alone is not None:
            alone[~painted] = 0
        patches.append(Patch(whole, image, painted, faces, alone))
    return patches


def draw_mattes(
    size: tuple[int, int], layers: Sequence[Layer], groups: Sequence[int], wanted: Sequence[int]
) -> dict[int, NDArray[np.uint8]]:
    """Draws where the faces of each group show, (height, width) uint8: less where a nearer one is over them.

    Args:
        size: width and height of the frame.
        groups: of each layer.
        wanted: the groups that are drawn.
    """
    if not wanted:
        return {}
    mattes = {group: np.zeros(size[::-1], np.float32) for group in wanted}
    for layer, group in sorted(zip(layers, groups, strict=True), key=lambda pair: pair[0].zoom):
        place = bound_layer(layer, size)
        if place is None:
            continue
        _, weight = sample_layer(layer, place)
        for other, matte in mattes.items():
            shown = place.crop(matte)
            if other == group:
                shown += (1 - shown) * weight
            else:
                shown *= 1 - weight
    return {group: np.rint(matte * 255).astype(np.uint8) for group, matte in mattes.items()}


def _draw_label(there: Plate, label: LabelSettings, frame: Frame) -> NDArray[np.bool_]:
    """Draws the label into its part of a plate, in the colours of its view; returns where it is."""
    if frame.view is None:
        return draw_label(there, label, frame.size)
    shown = frame.view.decode(np.asarray(there, np.float32))
    where = draw_label(shown, label, frame.size)
    there[where] = frame.view.encode(shown[where])
    return where


def _join_overlapping(places: Sequence[Rect]) -> list[Rect]:
    """Joins places that meet into one."""
    joined: list[Rect] = []
    for place in places:
        whole = place
        rest = joined
        # What was joined is larger and may meet others that neither of its parts does.
        while meeting := [other for other in rest if other.intersects(whole)]:
            rest = [other for other in rest if other not in meeting]
            for other in meeting:
                whole = whole.union(other)
        joined = [*rest, whole]
    return joined


def _blend(
    image: Plate,
    matte: NDArray[np.float32],
    alone: NDArray[np.float32] | None,
    layer: Layer,
    place: Rect,
    whole: Rect,
) -> None:
    """Blends one face, at its place, into a part of the frame, its matte and what is painted, in place."""
    face, weight = sample_layer(layer, place)
    there = place.relative_to(whole)
    here = there.crop(image)
    if here.dtype == np.float32:
        # No share of an infinite value, or of none, is a number: a face covers it, and nothing else does.
        broken = np.unravel_index(np.flatnonzero(~np.isfinite(here)), here.shape)
        mended = np.where(weight[broken[:2]] > 0, face[broken], here[broken])
        with np.errstate(invalid="ignore"):
            here += weight[..., None] * (face - here)
        here[broken] = mended
    else:
        # blendLinear divides by the sum of the weights + 1e-5, which rounding takes back.
        here[...] = cv2.convertScaleAbs(cv2.blendLinear(face, here.astype(np.float32), weight, 1 - weight))
    shown = there.crop(matte)
    # Faces that overlap cover as layers of paint do.
    shown += (1 - shown) * weight
    if alone is not None:
        paint = there.crop(alone)
        paint[..., :3] += weight[..., None] * (face - paint[..., :3])
        paint[..., 3] = shown


def sample_layer(layer: Layer, place: Rect) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Samples a layer at a place of the frame: its image (H, W, 3), and its mask (H, W)."""
    picture, mask, filtering = _prefilter(layer)
    size = (place.width, place.height)
    to_crop = invert(layer.matrix)
    to_crop[:, 2] -= (place.left, place.top)  # counts from the place's corner, not from the frame's
    face = cv2.warpAffine(picture, to_crop, size, flags=filtering, borderMode=cv2.BORDER_REPLICATE)
    np.clip(face, *layer.limits, out=face)  # cubic filters reach beyond
    weight = cv2.warpAffine(mask, to_crop, size, flags=cv2.INTER_LINEAR)
    return np.asarray(face, np.float32), np.asarray(weight, np.float32)


def _prefilter(layer: Layer) -> tuple[NDArray[np.float32], NDArray[np.float32], int]:
    """Prepares a layer to be sampled so that it neither aliases nor smears.

    A crop that shrinks is blurred first; any other is sampled with a cubic filter. Returns image, mask, and
    OpenCV's interpolation for the image.
    """
    if layer.zoom >= MIN_SHARP_ZOOM:
        return layer.image, layer.mask, cv2.INTER_CUBIC
    sigma = BLUR_SIGMA_PX / layer.zoom
    image = cv2.GaussianBlur(layer.image, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
    # The image goes on beyond the crop, the mask ends there.
    mask = cv2.GaussianBlur(layer.mask, (0, 0), sigma, borderType=cv2.BORDER_CONSTANT)
    # Blurred outwards, the mask would paint where the face isn't to show at all.
    return image, np.where(layer.mask > 0, mask, np.float32(0)), cv2.INTER_LINEAR


def bound_layer(layer: Layer, size: tuple[int, int]) -> Rect | None:
    """Bounds the part of a frame of this size that the mask reaches; None if there is none."""
    x, y, width, height = cv2.boundingRect((layer.mask > 0).astype(np.uint8))
    if not width:
        return None
    # One pixel more on each side: filters mix in the neighbours.
    corners = np.array([(x + i, y + j, 1) for i in (-1, width) for j in (-1, height)])
    reach = corners @ invert(layer.matrix).T
    left, top = np.maximum(np.floor(reach.min(axis=0)).astype(int), 0)
    right, bottom = np.minimum(np.ceil(reach.max(axis=0)).astype(int) + 1, size)
    if left >= right or top >= bottom:
        return None
    return Rect(int(left), int(top), int(right), int(bottom))
