"""Values of the pictures of a sequence: code values as integers, or linear light as floats.

Light is relative to white, or to the diffuse white of HDR, in the primaries of BT.709: what compositing
programs take OpenEXR for.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from recaster.media.colour_view import ColourView
    from recaster.media.types import Plate

MAX_LEVELS: Final = {"uint8": 255, "uint10": 1023, "uint16": 65535}
"""White in each type of integers."""
DTYPES: Final = {
    "uint8": np.uint8,
    "uint10": np.uint16,
    "uint16": np.uint16,
    "half": np.float16,
    "float": np.float32,
}
"""Types of samples as arrays have them: 10 bits are the upper ones of 16."""
_TABLE_BELOW: Final = 0.5
_TABLE_STEPS: Final = 1 << 15
"""Steps of the table from black to white, finer than half floats near white and than any clip's."""


def make_values(plate: Plate, sample_type: str, view: ColourView | None) -> NDArray[Any]:
    """Turns a plate into the values of a picture's samples, (H, W, 3).

    Args:
        sample_type: one of ``DTYPES``.
        view: that of the plate's values; None where those are sRGB's or BT.709's.
    """
    if sample_type in MAX_LEVELS:
        return scale_codes(plate, sample_type)
    if sample_type == "half" and view is None:
        return _convert_by_table(plate)
    values = np.asarray(plate, np.float32) / np.float32(255)
    light = _to_light(values) if view is None else view.to_light(values)
    return np.asarray(light, DTYPES[sample_type])


def scale_codes(codes: NDArray[Any], sample_type: str) -> NDArray[Any]:
    """Scales code values from 0 to 255 to a type of integers; what lies beyond is cut off."""
    if codes.dtype == np.uint8 and sample_type == "uint8":
        return codes
    highest = MAX_LEVELS[sample_type]
    levels = np.rint(np.clip(np.asarray(codes, np.float32), 0, 255) * np.float32(highest / 255))
    return spread_levels(levels.astype(np.uint16), sample_type)


def spread_levels(levels: NDArray[np.uint16], sample_type: str) -> NDArray[Any]:
    """Spreads levels of a type over the whole range of the array that stands for it."""
    if sample_type == "uint10":  # its lowest bits repeat the highest: white is white in any depth
        return np.asarray(levels << 6 | levels >> 4, np.uint16)
    return levels.astype(DTYPES[sample_type])


def make_alpha(alpha: NDArray[np.uint16], sample_type: str) -> NDArray[Any]:
    """Turns opacity of 16 bits into the values of a picture's alpha, (H, W)."""
    if sample_type in MAX_LEVELS:
        return scale_codes(alpha * np.float32(255 / 65535), sample_type)
    return np.asarray(alpha * np.float32(1 / 65535), DTYPES[sample_type])


def divide_by_alpha(plate: Plate, alpha: NDArray[np.uint16]) -> NDArray[np.float32]:
    """Divides colours that are multiplied by their alpha; black where that is none."""
    opacity = alpha[..., None] * np.float32(1 / 65535)
    return np.divide(plate, opacity, out=np.zeros(plate.shape, np.float32), where=opacity > 0)


def _convert_by_table(plate: Plate) -> NDArray[np.float16]:
    if plate.dtype == np.uint8:
        return np.asarray(_byte_table()[plate])
    scaled = np.asarray(plate, np.float32) * np.float32(_TABLE_STEPS / 255)
    scaled += np.float32(_TABLE_BELOW * _TABLE_STEPS + 0.5)
    places = np.clip(scaled, 0, 2 * _TABLE_STEPS - 1).astype(np.uint16)
    return np.asarray(_light_table()[places])


@functools.lru_cache(maxsize=1)
def _byte_table() -> NDArray[np.float16]:
    return _to_light(np.arange(256, dtype=np.float32) / np.float32(255)).astype(np.float16)


@functools.lru_cache(maxsize=1)
def _light_table() -> NDArray[np.float16]:
    """(65536,): the light of values from half of white below black to half of it beyond white."""
    values = np.arange(2 * _TABLE_STEPS, dtype=np.float32) / np.float32(_TABLE_STEPS) - _TABLE_BELOW
    return _to_light(values.astype(np.float32)).astype(np.float16)


def _to_light(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Inverts sRGB's curve (IEC 61966-2-1), which goes on below black and beyond white."""
    curved = np.power(np.maximum((values + np.float32(0.055)) / np.float32(1.055), 0), np.float32(2.4))
    return np.where(values <= 0.04045, values / np.float32(12.92), curved)
