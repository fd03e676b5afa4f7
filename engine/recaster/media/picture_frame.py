"""Frames of picture sequences: they stay as they are stored, but where they are looked at or painted over."""

from __future__ import annotations

import itertools
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import cv2
import numpy as np

from recaster.errors import ClipError
from recaster.media.picture_file import read_channels, read_header, read_picture
from recaster.media.picture_layer import choose_layer
from recaster.media.types import Frame, Rect
from recaster.progress import step

if TYPE_CHECKING:
    from collections.abc import Container, Iterator
    from fractions import Fraction
    from pathlib import Path

    from numpy.typing import NDArray

    from recaster.media.colour_view import ColourView
    from recaster.media.picture_file import PicturePart
    from recaster.media.picture_layer import PictureLayer
    from recaster.media.sequence_name import SequenceName
    from recaster.media.types import ClipInfo, Image, Plate, Scan

READERS: Final = 4
"""Pictures that are read side by side."""
MAX_AHEAD_BYTES: Final = 256 << 20
"""Of pictures that are read before somebody asks for them."""
_WHITE_16: Final = 65535


class PictureFrame(Frame):
    """A picture of a sequence as a frame.

    Attributes:
        path: its file.
        number: its number in the sequence.
        layer: the layer of the file that is seen.
        pixels: (H, W, 3) of its colours as they are stored, uint8, uint16, float16 or float32, of the picture
            as shown but neither stretched nor turned: black where the file has none, without what lies
            outside.
        stored_alpha: (H, W) uint16, how opaque they are; None for wholly.
    """

    path: Path
    number: int
    layer: PictureLayer
    pixels: NDArray[Any]
    stored_alpha: NDArray[np.uint16] | None
    _info: ClipInfo
    _view: ColourView | None
    _whole: PicturePart | None

    def __init__(
        self,
        index: int,
        pts: int,
        time: Fraction,
        path: Path,
        layer: PictureLayer,
        info: ClipInfo,
        view: ColourView | None,
    ) -> None:
        for name, value in (("index", index), ("pts", pts), ("time", time)):
            object.__setattr__(self, name, value)
        part, is_whole = read_channels(path, layer.part, *layer.span)
        if part.size != info.shape.stored:
            raise ClipError(f"{path}: its size has changed; did the file change?")
        alpha = layer.pick_alpha(part.pixels)
        number = pts + (info.first_number or 0)
        self.__dict__.update(
            path=path,
            number=number,
            layer=layer,
            pixels=_place_in_window(layer.pick_colours(part.pixels), part),
            stored_alpha=None if alpha is None else _widen_alpha(_place_in_window(alpha, part)),
            _info=info,
            _view=view,
            _whole=part if is_whole else None,
        )

    @property
    def view(self) -> ColourView | None:
        """The view of HDR, log and linear pictures that ``image`` shows."""
        return self._view

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self._info.shape.width, self._info.shape.height

    def read_parts(self) -> tuple[PicturePart, ...]:
        """Reads all that is in its file: parts, channels, attributes (ClipError where it can't be read).

        Their pixels are the caller's own.
        """
        if self._whole is not None:
            return (replace(self._whole, pixels=self._whole.pixels.copy()),)
        return read_picture(self.path)

    @cached_property
    def image(self) -> Image:
        """The whole picture, (height, width, 3) uint8 RGB."""
        image: Image = self._present(_show(self.pixels, self._view))
        return image

    @cached_property
    def plate(self) -> Plate:
        """The whole picture to paint on."""
        if not self._is_deep:
            return self.image
        plate: Plate = self._present(_deepen(self.pixels))
        return plate

    @property
    def stored_plate(self) -> Plate:
        """The plate as it is stored, neither stretched nor turned."""
        return _deepen(self.pixels) if self._is_deep else self.pixels

    @property
    def _is_deep(self) -> bool:
        return self._view is not None or self.pixels.dtype != np.uint8

    def part(self, place: Rect) -> Image:
        """Crops the image to a place, converting no more; the result is not to be changed."""
        if "image" in self.__dict__ or not self._info.shape.is_plain:
            return super().part(place)
        return _show(place.crop(self.pixels), self._view)

    def plate_part(self, place: Rect) -> Plate:
        """Crops the plate to a place, converting no more; the result is not to be changed."""
        if not self._is_deep:
            return self.part(place)
        if "plate" in self.__dict__ or not self._info.shape.is_plain:
            return super().plate_part(place)
        return _deepen(place.crop(self.pixels))

    def _present(self, picture: NDArray[Any]) -> NDArray[Any]:
        """Stretches a stored picture to square pixels and turns it upright."""
        shape = self._info.shape
        if shape.stored != shape.scaled:
            stretched = cv2.resize(picture, shape.scaled, interpolation=cv2.INTER_CUBIC)
            # Cubic filters reach beyond what they are given.
            picture = stretched.clip(picture.min(), picture.max())
        if shape.mirrored:
            picture = picture[:, ::-1]
        return np.ascontiguousarray(np.rot90(picture, -shape.rotation // 90))


def read_pictures(
    sequence: SequenceName,
    seen: Scan,
    start: int,
    stop: int | None,
    wanted: Container[int] | None = None,
    *,
    fast: bool = False,
) -> Iterator[Frame]:
    """Reads frames of a sequence, in order, some ahead in threads.

    Args:
        wanted: indices of those to read; all from ``start`` to ``stop`` where None.
        fast: yield frames that hold their image alone.
    """
    info = seen.info
    first = sequence.picture_path(info.first_number or 0)
    layer = choose_layer(first, read_header(first), info.reading.layer)

    def read(index: int) -> Frame:
        pts = int(seen.pts[index])
        path = sequence.picture_path(pts + (info.first_number or 0))
        frame = PictureFrame(index, pts, pts * info.time_base, path, layer, info, info.view)
        return Frame(index, pts, frame.time, frame.image) if fast else frame

    last = len(seen.pts) if stop is None else min(stop, len(seen.pts))
    indices = (index for index in range(start, last) if wanted is None or index in wanted)
    frame_bytes = info.shape.stored[0] * info.shape.stored[1] * 3 * np.dtype(layer.dtype).itemsize
    ahead = max(1, min(2 * READERS, MAX_AHEAD_BYTES // max(frame_bytes, 1)))
    pool = ThreadPoolExecutor(min(READERS, ahead))
    try:
        coming = deque(pool.submit(read, index) for index in itertools.islice(indices, ahead))
        while coming:
            frame = coming.popleft().result()
            coming.extend(pool.submit(read, index) for index in itertools.islice(indices, 1))
            step()
            yield frame
    finally:
        pool.shutdown(cancel_futures=True)


def _place_in_window(pixels: NDArray[Any], part: PicturePart) -> NDArray[Any]:
    """Places pixels of a data window in the picture as shown; black outside of them."""
    width, height = part.size or pixels.shape[1::-1]
    place = part.place or Rect(0, 0, width, height)
    if place == Rect(0, 0, width, height):
        return pixels
    shown = np.zeros((height, width, *pixels.shape[2:]), pixels.dtype)
    common = Rect(max(place.left, 0), max(place.top, 0), min(place.right, width), min(place.bottom, height))
    if common.width > 0 and common.height > 0:
        common.crop(shown)[...] = common.relative_to(place).crop(pixels)
    return shown


def _show(pixels: NDArray[Any], view: ColourView | None) -> Image:
    """Turns stored values into 8 bits, or the view's."""
    if view is not None and pixels.dtype in (np.float16, np.float32):
        return view.show_floats(pixels)
    image = pixels if pixels.dtype == np.uint8 else cv2.convertScaleAbs(pixels, alpha=255 / _WHITE_16)
    return np.asarray(image, np.uint8) if view is None else view.show(np.asarray(image, np.uint8))


def _deepen(pixels: NDArray[Any]) -> NDArray[np.float32]:
    """Turns stored values into those of a plate: 0 to 255 with fractions; floats may lie beyond."""
    scale = {np.dtype(np.uint8): 1, np.dtype(np.uint16): 255 / _WHITE_16}.get(pixels.dtype, 255)
    with np.errstate(invalid="ignore", over="ignore"):  # floats may be no numbers, or too large ones
        return pixels.astype(np.float32) * np.float32(scale)


def _widen_alpha(alpha: NDArray[Any]) -> NDArray[np.uint16]:
    if alpha.dtype == np.uint8:
        return alpha.astype(np.uint16) * np.uint16(257)
    if alpha.dtype == np.uint16:
        return np.asarray(alpha, np.uint16)
    return (np.nan_to_num(alpha.astype(np.float32)).clip(0, 1) * _WHITE_16 + 0.5).astype(np.uint16)
