"""Colours of more than 8 bits: between YUV samples and RGB in floats, by the formulas of ITU-T H.273.

swscale's own conversion to and from 48 bits of RGB is up to a level of 8 bits off.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import av
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from recaster.media.types import Plate

LUMA_WEIGHTS: Final = {
    1: (0.2126, 0.0722),
    4: (0.30, 0.11),
    5: (0.299, 0.114),
    7: (0.212, 0.087),
    9: (0.2627, 0.0593),
}
"""Shares of red and blue in luma, by swscale's number of the matrix."""
MIN_DEEP_BITS: Final = 10


def deep_format(bits: int) -> str:
    """Names FFmpeg's format with all samples of colour, of at least so many bits."""
    return f"yuv444p{max(bits, MIN_DEEP_BITS)}le"


def planes_of(picture: Any) -> list[NDArray[np.uint16]]:
    """Lists Y, U and V of a picture in a ``deep_format``, (height, width) each: views."""
    return [
        np.frombuffer(plane, np.uint16).reshape(plane.height, plane.line_size // 2)[:, : plane.width]
        for plane in picture.planes
    ]


def read_rgb(picture: Any, matrix: int, *, full: bool) -> NDArray[np.float32]:
    """Reads RGB, (height, width, 3), black at 0 and white at 255; what lies beyond stays beyond.

    Args:
        picture: in a ``deep_format``.
        full: whether its samples have full range.
    """
    black, contrast, chroma = _levels(picture, full=full)
    middle = 1 << int(picture.format.components[0].bits) - 1
    luma, blueness, redness = (plane.astype(np.float32) for plane in planes_of(picture))
    red, blue = LUMA_WEIGHTS[matrix]
    grey = (luma - black) * np.float32(255 / contrast)
    rgb = np.empty((*luma.shape, 3), np.float32)
    rgb[..., 0] = grey + (redness - middle) * np.float32(510 * (1 - red) / chroma)
    rgb[..., 2] = grey + (blueness - middle) * np.float32(510 * (1 - blue) / chroma)
    rgb[..., 1] = (grey - red * rgb[..., 0] - blue * rgb[..., 2]) / (1 - red - blue)
    return rgb


def write_rgb(rgb: NDArray[np.float32], picture: Any, matrix: int, *, full: bool) -> None:
    """Inverts ``read_rgb``: writes RGB into a picture of its size."""
    black, contrast, chroma = _levels(picture, full=full)
    bits = int(picture.format.components[0].bits)
    red, blue = LUMA_WEIGHTS[matrix]
    grey = red * rgb[..., 0] + (1 - red - blue) * rgb[..., 1] + blue * rgb[..., 2]
    samples = (
        black + grey * np.float32(contrast / 255),
        (rgb[..., 2] - grey) * np.float32(chroma / (510 * (1 - blue))) + (1 << bits - 1),
        (rgb[..., 0] - grey) * np.float32(chroma / (510 * (1 - red))) + (1 << bits - 1),
    )
    for plane, values in zip(planes_of(picture), samples, strict=True):
        plane[:] = np.clip(np.rint(values), 0, (1 << bits) - 1)


def make_picture(rgb: NDArray[np.float32], bits: int, matrix: int, *, full: bool) -> Any:
    """Makes a picture in the ``deep_format`` of so many bits."""
    picture = av.VideoFrame(rgb.shape[1], rgb.shape[0], deep_format(bits))
    write_rgb(rgb, picture, matrix, full=full)
    return picture


def make_rgb_picture(rgb: Plate, alpha: NDArray[np.uint16] | None, pixel_format: str) -> Any:
    """Makes a picture in a format of RGB, whose samples are those that the colours were read from.

    Args:
        alpha: (height, width), of 16 bits; None for an opaque picture.
    """
    bits = max(int(component.bits) for component in av.VideoFormat(pixel_format, 16, 16).components)
    deep = bits > 8
    scale = ((1 << bits) - 1) / 255
    rgba = np.empty((*rgb.shape[:2], 4), np.uint16 if deep else np.uint8)
    levels = np.clip(np.rint(rgb * np.float32(scale)), 0, (1 << bits) - 1).astype(rgba.dtype)
    # Of 16 bits, those that the format lacks are dropped again.
    rgba[..., :3] = levels << (16 - bits) if deep else levels
    if alpha is None:
        rgba[..., 3] = np.iinfo(rgba.dtype).max
    else:
        rgba[..., 3] = alpha if deep else alpha >> 8
    made = av.VideoFrame.from_ndarray(rgba, format="rgba64le" if deep else "rgba")
    return made.reformat(format=pixel_format)


def _levels(picture: Any, *, full: bool) -> tuple[int, int, int]:
    """Finds black, the span from there to white, and that of chroma, in the samples of a picture."""
    bits = int(picture.format.components[0].bits)
    if full:
        return 0, (1 << bits) - 1, (1 << bits) - 1
    unit = 1 << bits - 8
    return 16 * unit, 219 * unit, 224 * unit
