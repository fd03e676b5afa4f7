"""Painting over parts of a picture and leaving all else as it is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from recaster.media.picture import QUICK_SCALING
from recaster.media.stored import Cutter, samples
from recaster.media.types import Place

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from recaster.media.types import Image, Patch


def pasted(image: Image, patches: Sequence[Patch]) -> Image:
    """An image with patches; the same array where there are none."""
    if not patches:
        return image
    result = image.copy()
    for patch in patches:
        np.copyto(patch.place.of(result), patch.image, where=patch.painted[..., None])
    return result


class Painter:
    """Paints over decoded pictures: samples that nobody painted over stay equal to the bit.

    Args:
        pixel_format: of the results; planar.
        stored: turns an RGB picture into one of that format.
    """

    def __init__(self, pixel_format: str, stored: Callable[[Any], Any]) -> None:
        self._format, self._stored = pixel_format, stored
        self._converter, self._cutter = VideoReformatter(), Cutter()

    def takes(self, picture: Any) -> bool:
        """Whether a picture holds the samples of a result."""
        return _samples_of(picture.format.name) == _samples_of(self._format)

    def __call__(self, picture: Any, patches: Sequence[Patch]) -> Any:
        """A copy of a picture with patches, whose places don't meet."""
        result = av.VideoFrame(picture.width, picture.height, self._format)
        planes = samples(result)
        for plane, old in zip(planes, samples(picture), strict=True):
            plane[:] = old
        for patch in patches:
            for plane, new in zip(planes, samples(self._patch(picture, patch)), strict=True):
                across, down = picture.width // plane.shape[1], picture.height // plane.shape[0]
                left, top = patch.place.left // across, patch.place.top // down
                place = Place(left, top, left + new.shape[1], top + new.shape[0])
                np.copyto(place.of(plane), new, where=_any_of(patch.painted, across, down))
        return result

    def _patch(self, picture: Any, patch: Patch) -> Any:
        """A patch in the result's format."""
        # Made of a part of the picture, it knows where the picture's samples of colour lie.
        rgb = self._converter.reformat(
            self._cutter(picture, patch.place), format="rgb24", interpolation=QUICK_SCALING, threads=1
        )
        [plane] = rgb.planes
        rows = np.frombuffer(memoryview(plane), np.uint8).reshape(rgb.height, plane.line_size)
        rows[:, : 3 * rgb.width] = patch.image.reshape(rgb.height, -1)
        return self._stored(rgb)


def _samples_of(pixel_format: str) -> str:
    """A format without what its name says of the range."""
    return pixel_format.replace("yuvj", "yuv")


def _any_of(mask: NDArray[np.bool_], across: int, down: int) -> NDArray[np.bool_]:
    """(H / down, W / across): whether any of so many pixels is set."""
    rows = np.logical_or.reduce([mask[at::down] for at in range(down)])
    return np.asarray(np.logical_or.reduce([rows[:, at::across] for at in range(across)]))
