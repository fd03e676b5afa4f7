"""Patches over a picture: all else stays as it is stored."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import av
import numpy as np
from av.video.reformatter import ColorRange, VideoReformatter

from recaster.media.deep_colour import deep_format, write_rgb
from recaster.media.lazy_frame import PictureCropper, sample_planes
from recaster.media.masked_copy import copy_masked
from recaster.media.picture import FAST_SCALING, READ_SCALING, bit_depth, build_filter_graph
from recaster.media.types import Rect

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from recaster.media.types import Patch, Plate


_PLANAR: Final = re.compile(r"yuva?4\d\dp(\d+le)?")
"""Formats with a plane for each component; that of alpha is the last."""
_SITINGS: Final = {"left": (True, False), "topleft": (True, True), "top": (False, True)}
"""FFmpeg's names of where samples of colour lie on pixels, across and down."""
_PROBE_PX: Final = 32
"""Side of what is looked at to see where samples of colour lie, in pixels."""
_ANY_MATRIX: Final = 1


def paste_patches(image: Plate, patches: Sequence[Patch]) -> Plate:
    """Pastes patches into an image or a plate; the same array where there are none."""
    if not patches:
        return image
    result = image.copy()
    for patch in patches:
        painted = patch.image if patch.image.dtype == result.dtype else np.clip(np.rint(patch.image), 0, 255)
        np.copyto(patch.place.crop(result), painted, where=patch.painted[..., None], casting="unsafe")
    return result


class PatchCompositor:
    """Paints over decoded pictures: samples that nobody painted over stay equal to the bit.

    Args:
        sited: whether, across and down, a player takes the results' samples of colour to lie on pixels
            (True) or between them; None where it takes them to lie as the clip's.
        matrix: swscale's number of the clip's colour matrix.
    """

    def __init__(
        self, pixel_format: str, sited: tuple[bool, bool] | None, matrix: int, *, is_full_range: bool
    ) -> None:
        self._format = pixel_format
        self._sited = sited
        self._matrix = matrix
        self._is_full_range = is_full_range
        self._converter = VideoReformatter()
        self._cropper = PictureCropper()
        self._sited_alike: dict[str, bool] = {}

    def accepts(self, picture: Any) -> bool:
        """Tells whether a picture holds the samples of a result, lying where a result's do."""
        name = picture.format.name.replace("yuvj", "yuv")  # which of both says no more than the range
        if name != self._format.replace("yuvj", "yuv") or not is_planar_yuv(name):
            return False
        if self._sited is None:
            return True
        if name not in self._sited_alike:
            self._sited_alike[name] = _is_sited_like(picture, self._sited)
        return self._sited_alike[name]

    def __call__(self, picture: Any, patches: Sequence[Patch], stored: Callable[[Any], Any]) -> Any:
        """Copies a picture that it ``accepts``, with patches whose places don't meet.

        ``stored`` turns a picture of a patch into one of the results' format.
        """
        result = av.VideoFrame(picture.width, picture.height, self._format)
        planes = sample_planes(result)
        for plane, old in zip(planes, sample_planes(picture), strict=True):
            plane[:] = old
        for patch in patches:
            new_planes = sample_planes(stored(self._to_picture(picture, patch)))
            # Alpha stays the clip's.
            for plane, new in zip(planes[:3], new_planes[:3], strict=True):
                across = picture.width // plane.shape[1]
                down = picture.height // plane.shape[0]
                left = patch.place.left // across
                top = patch.place.top // down
                place = Rect(left, top, left + new.shape[1], top + new.shape[0])
                painted = _reduce_any(patch.painted, across, down).view(np.uint8)
                copy_masked(new, painted, place.crop(plane))
        return result

    def _to_picture(self, picture: Any, patch: Patch) -> Any:
        """Turns a patch into a picture: RGB, or deep YUV."""
        is_deep = patch.image.dtype == np.float32
        # Made of a part of the picture, it knows where the picture's samples of colour lie.
        made = self._converter.reformat(
            self._cropper(picture, patch.place),
            format=deep_format(bit_depth(picture)) if is_deep else "rgb24",
            src_colorspace=self._matrix,
            interpolation=FAST_SCALING,
            threads=1,
        )
        if is_deep:
            # Where the format is the same, its samples are the decoded picture's own: other frames are
            # predicted from them, and layers drawn.
            made.make_writable()
            write_rgb(np.asarray(patch.image, np.float32), made, self._matrix, full=self._is_full_range)
            return made
        [plane] = made.planes
        rows = np.frombuffer(memoryview(plane), np.uint8).reshape(made.height, plane.line_size)
        rows[:, : 3 * made.width] = patch.image.reshape(made.height, -1)
        return made


def is_planar_yuv(pixel_format: str) -> bool:
    """Tells whether a format has a plane for each component, luma first."""
    return _PLANAR.fullmatch(pixel_format) is not None


def find_siting(picture: Any) -> str | None:
    """Names where a picture's samples of colour lie, as ffmpeg does; None between pixels or where all do."""
    if _is_sited_like(picture, (False, False)):
        return None
    return next((name for name, sited in _SITINGS.items() if _is_sited_like(picture, sited)), None)


def _is_sited_like(picture: Any, sited: tuple[bool, bool]) -> bool:
    """Tells whether a picture's samples of colour lie where others' do.

    PyAV before 19 has no ``chroma_location``, so swscale is asked: it is shown an edge of colour in a copy of
    a corner. On a pixel the first sample beyond the edge is seen as it is, between pixels it is mixed with
    the one before.
    """
    # Delete this probe once PyAV 19 can be required: then pictures say it themselves.
    if min(picture.width, picture.height) < _PROBE_PX:
        return False
    crop = ("crop", f"{_PROBE_PX}:{_PROBE_PX}:0:0:exact=1")
    copy = ("copy", None)  # the corner is painted over, and the picture is not
    graph, _ = build_filter_graph(picture, crop, copy)
    graph.vpush(picture)
    corner = graph.vpull()
    planes = sample_planes(corner)
    deeper = 1 << (bit_depth(picture) - 8)
    for axis, on_pixels in ((1, sited[0]), (0, sited[1])):
        if planes[1].shape[axis] == _PROBE_PX:
            continue
        for plane in planes:
            plane[:] = 128 * deeper
        np.moveaxis(planes[1], axis, 0)[planes[1].shape[axis] // 2 :] = 235 * deeper
        seen = VideoReformatter().reformat(
            corner,
            format="rgb24",
            src_colorspace=_ANY_MATRIX,
            src_color_range=ColorRange.JPEG,
            dst_color_range=ColorRange.JPEG,
            interpolation=READ_SCALING,
            threads=1,
        )
        blue = np.moveaxis(seen.to_ndarray()[..., 2].astype(int), 1 - axis, 0)[_PROBE_PX // 2]
        before = blue[_PROBE_PX // 2 - 2]
        first = blue[_PROBE_PX // 2 - 1]
        beyond = blue[_PROBE_PX // 2 + 2]
        if (2 * (first - before) > beyond - before) != on_pixels:
            return False
    return True


def _reduce_any(mask: NDArray[np.bool_], across: int, down: int) -> NDArray[np.bool_]:
    """Reduces a mask to (H / down, W / across): True where any of so many pixels is set."""
    rows = np.logical_or.reduce([mask[at::down] for at in range(down)])
    return np.asarray(np.logical_or.reduce([rows[:, at::across] for at in range(across)]))
