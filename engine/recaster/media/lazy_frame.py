"""Lazy frames: they stay as they are stored, but where they are looked at or painted over."""

from __future__ import annotations

import threading
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from recaster.media.picture import RgbConverter, build_filter_graph
from recaster.media.types import Frame, Rect

if TYPE_CHECKING:
    from fractions import Fraction

    from numpy.typing import NDArray

    from recaster.media.colour_view import ColourView
    from recaster.media.types import Image, Plate

MARGIN_PX: Final = 8
"""Pixels around a part that are converted with it: its colours depend on its neighbours'."""
GRID_PX: Final = 32
"""Parts begin and end at multiples of this: for every size a converter is set up."""
_MAX_GRAPHS: Final = 32
_BLOCK_PX: Final = 64


class LazyFrame(Frame):
    """A frame whose image is made when it is asked for, and of which parts can be made alone.

    Parts are equal to those of the image, to the bit; they cost less where the clip's pictures are shown as
    they are stored and hold whole samples of colour. ``picture`` is the decoded one.
    """

    picture: Any
    _converter: RgbConverter
    _cropper: PictureCropper
    _made: list[tuple[Rect, Image]]

    def __init__(
        self,
        index: int,
        pts: int,
        time: Fraction,
        picture: Any,
        converter: RgbConverter,
        cropper: PictureCropper,
    ) -> None:
        for name, value in (("index", index), ("pts", pts), ("time", time)):
            object.__setattr__(self, name, value)
        self.__dict__.update(picture=picture, _converter=converter, _cropper=cropper, _made=[])

    @cached_property
    def image(self) -> Image:
        """The whole picture, (height, width, 3) uint8 RGB."""
        return self._converter(self.picture)

    @cached_property
    def _is_deep(self) -> bool:
        return self._converter.paints_deep(self.picture)

    @cached_property
    def plate(self) -> Plate:
        """The whole picture to paint on."""
        return self._converter.convert_plate(self.picture) if self._is_deep else self.image

    @property
    def view(self) -> ColourView | None:
        """The view of an HDR clip that ``image`` shows."""
        return self._converter.view

    @property
    def stored_plate(self) -> Plate:
        """The plate as it is stored, neither stretched nor turned."""
        return self._converter.convert_plate_part(self.picture)

    @property
    def stored_alpha(self) -> NDArray[np.uint16]:
        """The opacity of the picture as it is stored, (height, width) of 16 bits."""
        return np.asarray(self.picture.reformat(format="rgba64le").to_ndarray()[..., 3], np.uint16)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        shape = self._converter.shape
        return shape.width, shape.height

    @cached_property
    def _has_parts(self) -> bool:
        """True where a part of the picture, converted alone, equals that part of the image."""
        return self._converter.shows_as_stored(self.picture) and has_whole_chroma_samples(self.picture.format)

    def part(self, place: Rect) -> Image:
        """Crops the image to a place, converting no more; the result is not to be changed."""
        if "image" in self.__dict__ or not self._has_parts:
            return super().part(place)
        for known, image in self._made:
            if known.contains(place):
                return place.relative_to(known).crop(image)
        wide = place.expand(MARGIN_PX, GRID_PX, self.size)
        image = self._converter.convert_part(self._cropper(self.picture, wide))
        self._made.append((wide, image))
        return place.relative_to(wide).crop(image)

    def plate_part(self, place: Rect) -> Plate:
        """Crops the plate to a place, converting no more; the result is not to be changed."""
        if not self._is_deep:
            return self.part(place)
        if "plate" in self.__dict__ or not self._has_parts:
            return super().plate_part(place)
        wide = place.expand(MARGIN_PX, GRID_PX, self.size)
        plate = self._converter.convert_plate_part(self._cropper(self.picture, wide))
        return place.relative_to(wide).crop(plate)


class PictureCropper:
    """Cuts rectangles out of decoded pictures of any format without copying them; safe between threads."""

    def __init__(self) -> None:
        self._graphs: dict[tuple[Any, ...], tuple[Any, list[Any]]] = {}
        self._lock = threading.Lock()

    def __call__(self, picture: Any, place: Rect) -> Any:
        """Crops a picture to a place; its corner must lie on whole pixels of colour."""
        key = (picture.format.name, picture.width, picture.height, place.width, place.height)
        with self._lock:
            if key not in self._graphs:
                if len(self._graphs) >= _MAX_GRAPHS:
                    self._graphs.clear()
                size = f"{place.width}:{place.height}:0:0:exact=1"
                self._graphs[key] = build_filter_graph(picture, ("crop", size))
            graph, [crop] = self._graphs[key]
            crop.process_command("x", str(place.left))
            crop.process_command("y", str(place.top))
            graph.vpush(picture)
            return graph.vpull()


def has_whole_chroma_samples(shape: Any) -> bool:
    """Tells whether a video format's size holds whole samples of colour: else they are stretched a little."""
    across = _BLOCK_PX // shape.chroma_width(_BLOCK_PX)
    down = _BLOCK_PX // shape.chroma_height(_BLOCK_PX)
    return shape.width % max(across, 1) == 0 and shape.height % max(down, 1) == 0


def sample_planes(picture: Any) -> list[NDArray[Any]]:
    """Lists the planes of a planar picture: views (height, width) of uint8, or uint16 where it is deeper."""
    dtype = np.dtype(np.uint16 if picture.format.name.endswith("le") else np.uint8)
    return [
        np.frombuffer(plane, dtype).reshape(plane.height, plane.line_size // dtype.itemsize)[:, : plane.width]
        for plane in picture.planes
    ]
