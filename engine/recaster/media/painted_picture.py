"""Pictures of a sequence with patches over them: all else that is in their files stays as it is.

Parts, channels, data windows and headers are kept; of the layer that is the clip only painted pixels change.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from recaster.media.types import Rect

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from recaster.media.picture_file import Attribute, PicturePart
    from recaster.media.picture_frame import PictureFrame
    from recaster.media.types import Patch

LOSSLESS_COMPRESSIONS: Final = ("none", "rle", "zip", "zips", "piz", "lzw", "packbits")
MIN_BITS: Final = 8
"""Of a sample: fewer are read as 8."""
_LUMA: Final = np.array([0.2126, 0.7152, 0.0722], np.float32)
"""Shares of red, green and blue in grey (ITU-R BT.709)."""


def paint_file(frame: PictureFrame, patches: Sequence[Patch], profile: str | None) -> tuple[PicturePart, ...]:
    """Reads a frame's file and paints over it; returns all its parts (ClipError where it can't be read).

    Args:
        patches: as they are stored; their places don't meet.
        profile: OpenEXR's compression; None for the file's own if it loses nothing, else zip.
    """
    parts = list(frame.read_parts())
    part = parts[frame.layer.part]
    for patch in patches:
        _paint(part, frame, patch)
    return tuple(replace(each, attributes=_settle_attributes(each.attributes, profile)) for each in parts)


def _paint(part: PicturePart, frame: PictureFrame, patch: Patch) -> None:
    height, width = part.pixels.shape[:2]
    window = part.place or Rect(0, 0, width, height)
    place = Rect(
        max(patch.place.left, window.left),
        max(patch.place.top, window.top),
        min(patch.place.right, window.right),
        min(patch.place.bottom, window.bottom),
    )
    if place.width <= 0 or place.height <= 0:
        return
    inside = place.relative_to(patch.place)
    image = inside.crop(patch.image)
    if frame.layer.is_grey:
        image = np.repeat((np.asarray(image, np.float32) @ _LUMA)[..., None], 3, axis=-1)
    values = _make_values(image, part)
    painted = inside.crop(patch.painted)
    pixels = place.relative_to(window).crop(part.pixels)
    for source, channel in enumerate(frame.layer.colours):
        np.copyto(pixels[..., channel], values[..., source], where=painted, casting="same_kind")


def _make_values(image: NDArray[Any], part: PicturePart) -> NDArray[Any]:
    """Turns values from 0 to 255 into a part's, of its depth."""
    dtype = part.pixels.dtype
    if np.issubdtype(dtype, np.floating):
        return (image * np.float32(1 / 255)).astype(dtype)
    bits = 8 * dtype.itemsize
    if dtype == np.uint16:  # of 10 and 12 bits the lowest ones repeat the highest
        stated = {name: value for name, _, value in part.attributes}
        bits = min(int(stated.get("oiio:BitsPerSample", bits)), bits)
    levels = np.rint(np.clip(image, 0, 255) * np.float32(((1 << bits) - 1) / 255)).astype(dtype)
    spare = 8 * dtype.itemsize - bits
    return np.asarray(levels << spare | levels >> (bits - spare), dtype) if spare else levels


def _settle_attributes(attributes: Sequence[Attribute], profile: str | None) -> tuple[Attribute, ...]:
    """Sets the compression, and a date where there is none: OpenImageIO would write that of now."""
    settled = []
    for name, stored_kind, value in attributes:
        # OpenImageIO reads EXIF's orientation as 16 bits, and writes none but that of 32.
        kind = "int" if name == "Orientation" else stored_kind
        chosen = value
        if name == "compression" and kind == "string":
            own = value if str(value).split(":")[0] in LOSSLESS_COMPRESSIONS else "zip"
            chosen = profile or own
        elif name == "oiio:BitsPerSample":  # what is painted on pictures of black and white is neither
            chosen = max(value, MIN_BITS)
        settled.append((name, kind, chosen))
    if not any(name == "DateTime" for name, _, _ in settled):
        settled.append(("DateTime", "string", ""))
    return tuple(settled)
