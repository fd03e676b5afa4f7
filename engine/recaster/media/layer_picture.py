"""Pictures of a layer: only what was painted, transparent elsewhere, as clips with transparency hold it.

Opacity is straight (colours aren't multiplied by it) unless asked for otherwise: FFmpeg and older Blenders
take a ProRes 4444 clip for that, others ask, and integers keep the colours of faint edges only so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import av
import cv2
import numpy as np

from recaster.media.deep_colour import make_picture
from recaster.media.lazy_frame import sample_planes
from recaster.media.picture import bit_depth

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from recaster.media.types import Patch


def make_layer_picture(
    patches: Sequence[Patch],
    size: tuple[int, int],
    pixel_format: str,
    matrix: int,
    *,
    full: bool,
    premultiplied: bool = False,
) -> Any:
    """Makes a picture of the layers of stored patches.

    Args:
        size: stored width and height.
        pixel_format: YUV with a sample of colour for every pixel, and alpha, of 10 bits or more.
        matrix: swscale's number of its colour matrix.
        full: whether its samples have full range.
        premultiplied: whether colours are multiplied by their opacity.
    """
    picture = av.VideoFrame(*size, pixel_format)
    bits = bit_depth(picture)
    planes = sample_planes(picture)
    black = 0 if full else 16 << bits - 8
    for plane, level in zip(planes, (black, 1 << bits - 1, 1 << bits - 1, 0), strict=True):
        plane[:] = level
    for patch in patches:
        if patch.layer is None:
            continue
        alone = patch.layer[..., :3] if premultiplied else to_straight(patch.layer)
        colours = make_picture(alone, bits, matrix, full=full)
        for plane, new in zip(planes[:3], sample_planes(colours), strict=True):
            patch.place.crop(plane)[...] = new
        opacity = np.rint(np.clip(patch.layer[..., 3], 0, 1) * np.float32((1 << bits) - 1))
        patch.place.crop(planes[3])[...] = opacity
    return picture


def to_straight(layer: NDArray[np.float32]) -> NDArray[np.float32]:
    """Divides the colours of a layer, (H, W, 4), by its opacity: (H, W, 3) RGB.

    Where it is transparent it has the colour of the nearest place where it isn't: an edge from a face to
    black would ring in lossy codecs, and mix into the face wherever the picture is scaled.
    """
    opacity = layer[..., 3]
    shown = opacity > 0
    colours = np.zeros((*opacity.shape, 3), np.float32)
    if not shown.any():
        return colours
    np.divide(layer[..., :3], opacity[..., None], out=colours, where=shown[..., None])
    hidden = ~shown
    # Each place that shows has a number of its own, in the order of rows.
    _, nearest = cv2.distanceTransformWithLabels(
        hidden.astype(np.uint8), cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL
    )
    colours[hidden] = colours[shown][nearest[hidden] - 1]
    return colours
