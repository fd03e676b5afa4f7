"""Writer of frames as the pictures of a sequence."""

from __future__ import annotations

import errno
import re
import secrets
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np

from recaster.files import remove_folder, sync, write_error
from recaster.media.colour_tags import LINEAR_TRANSFER, find_numbers
from recaster.media.colour_view import BT709_PRIMARIES
from recaster.media.encoders import ENCODERS, choose_sample_type, choose_shape, keeps_alpha
from recaster.media.lazy_frame import LazyFrame
from recaster.media.painted_picture import paint_file
from recaster.media.patches import paste_patches
from recaster.media.picture import has_alpha
from recaster.media.picture_file import PicturePart, write_picture
from recaster.media.picture_frame import PictureFrame
from recaster.media.picture_join import keeps_files
from recaster.media.picture_values import (
    DTYPES,
    MAX_LEVELS,
    divide_by_alpha,
    make_alpha,
    make_values,
    scale_codes,
)
from recaster.media.still_file import list_carried_attributes, write_still
from recaster.media.stored_patches import to_stored
from recaster.media.timecode import move_timecode, pack_smpte_word
from recaster.media.types import Patch, Rect
from recaster.settings.encoding import WriterOptions

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from types import TracebackType

    from numpy.typing import NDArray

    from recaster.media.picture_file import Attribute
    from recaster.media.types import ClipInfo, Frame, Shape

_DATE: Final = r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)"
MAX_RATIONAL: Final = 100_000
"""Largest denominator of a rate in a header."""
_MAX_TRIES: Final = 10
_FILM_TRANSFERS: Final = {
    "bt709": "ITU-R 709-4",
    "iec61966-2-1": "ITU-R 709-4",
    "smpte170m": "ITU-R 601-5 525",
    "bt470bg": "ITU-R 601-5 625",
    "linear": "Linear",
}
"""DPX's names of transfers (SMPTE ST 268-1)."""


class PictureWriter:
    """Writes frames as pictures into a folder, each named by its frame's index; a context manager.

    The folder appears when the block ends well, and not at all when it does not. Pictures are as large as the
    clip's are stored, but upright; the shape of their pixels is stated where the format has a place for it.
    The same frames give the same bytes.

    Args:
        folder: its suffix is that of the pictures.
        info: the clip whose pictures they are.

    Raises:
        UsageError: options and codec do not go together.
        OutputError: the pictures cannot be written.
    """

    def __init__(self, folder: Path, info: ClipInfo, options: WriterOptions | None = None) -> None:
        self.folder = folder
        self._info = info
        self._options = options or WriterOptions()
        self._codec = ENCODERS[self._options.codec]
        self._type = choose_sample_type(info, self._options)
        self._is_integer = self._type in MAX_LEVELS
        self._keeps_files = keeps_files(info, self._options)
        self._keeps_alpha = keeps_alpha(info, self._options)
        self._shape = choose_shape(info, self._options)

    def __enter__(self) -> Self:
        name = f".{self.folder.stem}.{secrets.token_hex(4)}{self.folder.suffix}"
        self._aside = self.folder.with_name(name)
        try:
            self._aside.mkdir(parents=True)
        except OSError as error:
            raise write_error(self.folder, error) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self._put_in_place()
                sync(self.folder.parent)
        except OSError as problem:
            raise write_error(self.folder, problem) from problem
        finally:
            remove_folder(self._aside, quietly=True)

    def _put_in_place(self) -> None:
        """Replaces what is there: pictures whose record is gone, or those that another process made."""
        for is_last in (*[False] * _MAX_TRIES, True):
            remove_folder(self.folder)
            try:
                self._aside.replace(self.folder)
            except OSError as error:  # another process was faster
                if is_last or error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                    raise
            else:
                return

    def write_painted(self, frame: Frame, patches: Sequence[Patch]) -> None:
        """Writes a frame of the clip with what was painted over it; the patches' places don't meet."""
        shape = self._shape
        is_as_stored = shape == self._info.shape or self._info.shape.is_plain
        placed = [to_stored(patch, shape) for patch in patches]
        if isinstance(frame, PictureFrame) and is_as_stored and self._keeps_files:
            parts = paint_file(frame, placed, self._options.profile)
            write = write_still if self._info.reading.stills else write_picture
            write(self._name_file(frame), parts, like=frame.path)
            return
        alpha = None
        is_multiplied = False
        if isinstance(frame, PictureFrame) and is_as_stored:
            plate = paste_patches(frame.stored_plate, placed)
            alpha = frame.stored_alpha if self._keeps_alpha else None
            if alpha is not None and frame.layer.is_premultiplied:
                # From light to light nothing is divided: flames have colour where they have no alpha.
                is_multiplied = not self._is_integer and _is_linear(frame)
                plate = plate if is_multiplied else divide_by_alpha(plate, alpha)
        elif isinstance(frame, LazyFrame) and is_as_stored and _has_size(frame.picture, shape):
            plate = paste_patches(frame.stored_plate, placed)
            alpha = frame.stored_alpha if has_alpha(frame.picture) else None
        else:
            plate = _squeeze(paste_patches(frame.plate, patches), shape)
        is_light = self._info.colour.transfer == LINEAR_TRANSFER
        if frame.view is not None and is_light and self._is_integer:
            plate = frame.view.decode_picture(np.asarray(plate, np.float32))
        values = make_values(turn_upright(plate, shape), self._type, frame.view)
        if alpha is None or not self._keeps_alpha:
            self._write(frame, ("R", "G", "B"), values)
        else:
            upright = turn_upright(alpha, shape)
            self._write(
                frame, ("R", "G", "B", "A"), self._add_alpha(values, upright, is_multiplied=is_multiplied)
            )

    def write_matte(self, frame: Frame, matte: NDArray[np.uint8]) -> None:
        """Writes where faces show in a frame, (info.height, info.width), as one channel."""
        grey = turn_upright(_squeeze(matte, self._shape), self._shape)
        if not self._is_integer:
            values = np.asarray(grey * np.float32(1 / 255), DTYPES[self._type])
        else:
            values = scale_codes(grey, self._type)
        self._write(frame, ("Y",), values[..., None])

    def _add_alpha(
        self, values: NDArray[Any], alpha: NDArray[np.uint16], *, is_multiplied: bool
    ) -> NDArray[Any]:
        opacity = make_alpha(alpha, self._type)[..., None]
        if not self._is_integer and not is_multiplied:  # OpenEXR's colours are multiplied by it
            values = (values * opacity.astype(np.float32)).astype(values.dtype)
        return np.concatenate([values, opacity], axis=-1)

    def write_channels(
        self, frame: Frame, channels: tuple[str, ...], pixels: NDArray[Any], types: tuple[str, ...]
    ) -> None:
        """Writes channels (H, W, C) of a frame, as large as its pictures are, "half" or "float" each."""
        if len(set(types)) == 1:
            pixels = pixels.astype(DTYPES[types[0]])
            types = ()
        self._write(frame, channels, pixels, types)

    def _write(
        self, frame: Frame, channels: tuple[str, ...], pixels: NDArray[Any], types: tuple[str, ...] = ()
    ) -> None:
        attributes = self._describe(frame)
        if self._info.reading.stills and isinstance(frame, PictureFrame):
            carried = list_carried_attributes(frame.path)
            stated = {name for name, _, _ in carried}
            attributes = [each for each in attributes if each[0] not in stated] + carried
        part = PicturePart(channels, pixels, types=types, attributes=tuple(attributes))
        write_picture(self._name_file(frame), [part])

    def _name_file(self, frame: Frame) -> Path:
        return self._aside / f"{frame.index:08}{self.folder.suffix}"

    def _describe(self, frame: Frame) -> list[Attribute]:
        """Lists what a picture's header says."""
        options = self._options
        # Without a date OpenImageIO writes that of now, and every run would make other bytes.
        listed: list[Attribute] = [("DateTime", "string", format_date(self._info))]
        if options.codec == "exr":
            listed += [
                ("compression", "string", options.profile or "zip"),
                ("chromaticities", "float[8]", BT709_PRIMARIES),
                ("colorInteropID", "string", "lin_rec709_scene"),
            ]
        elif options.codec == "dpx":
            transfer = _FILM_TRANSFERS.get(self._info.colour.transfer or "bt709", "User defined")
            bits = 10 if self._type == "uint10" else 16
            listed += [("oiio:BitsPerSample", "int", bits), ("dpx:Transfer", "string", transfer)]
        elif options.codec == "png":
            numbers = find_numbers(self._info.colour)
            if self._info.colour.primaries and self._info.colour.transfer:
                listed.append(("CICP", "int[4]", (numbers["primaries"], numbers["transfer"], 0, 1)))
        elif options.codec == "jpeg":
            quality = 100 - options.quality // 3
            listed += [("compression", "string", f"jpeg:{quality}"), ("jpeg:subsampling", "string", "4:4:4")]
        elif options.codec == "webp":
            listed.append(("compression", "string", f"webp:{100 - options.quality // 3}"))
        if options.codec in ("tiff", "png", "webp"):
            listed.append(("oiio:UnassociatedAlpha", "int", 1))
        aspect = self._shape.sample_aspect
        if self._shape.rotation in (90, 270):
            aspect = 1 / aspect
        if aspect != 1:
            listed.append(("PixelAspectRatio", "float", float(aspect)))
        return listed + (self._describe_times(frame) if self._codec.holds_times else [])

    def _describe_times(self, frame: Frame) -> list[Attribute]:
        """Lists rate, timecode and reel, as OpenEXR and DPX have them."""
        info = self._info
        metadata = info.metadata
        is_exr = self._options.codec == "exr"
        listed: list[Attribute] = []
        if is_exr and metadata.reel is not None:
            listed.append(("reelName", "string", metadata.reel))
        if is_exr:
            rate = info.rate.limit_denominator(MAX_RATIONAL)
            listed.append(("framesPerSecond", "rational", (rate.numerator, rate.denominator)))
        else:
            names = ("dpx:FrameRate", "dpx:TemporalFrameRate")
            listed += [(name, "float", float(info.rate)) for name in names]
        rate = metadata.timecode_rate or info.rate
        if metadata.timecode is not None:
            timecode = move_timecode(metadata.timecode, round(frame.time * rate), rate)
            if timecode is not None:
                listed.append(("smpte:TimeCode", "timecode", (pack_smpte_word(timecode, rate), 0)))
        return listed


def format_date(info: ClipInfo) -> str:
    """Formats a clip's creation date as pictures have it, "2024:05:01 10:00:00"; "" where it has none."""
    matched = re.match(_DATE, info.metadata.tags.get("creation_time", ""))
    return "" if matched is None else f"{matched[1].replace('-', ':')} {matched[2]}"


def turn_upright(picture: NDArray[Any], shape: Shape) -> NDArray[Any]:
    """Turns a stored picture as it is shown, without changing the shape of its pixels."""
    if shape.mirrored:
        picture = picture[:, ::-1]
    return np.rot90(picture, -shape.rotation // 90)


def _is_linear(frame: Frame) -> bool:
    return frame.view is not None and frame.view.transfer == LINEAR_TRANSFER


def _has_size(picture: Any, shape: Shape) -> bool:
    return (picture.width, picture.height) == shape.stored


def squeeze_channels(pixels: NDArray[Any], shape: Shape) -> NDArray[Any]:
    """Turns channels (shape.height, shape.width, C), as they are shown, into those that are stored."""
    if shape.is_plain:
        return pixels
    count = pixels.shape[2]
    # OpenCV warps at most four at a time.
    parts = [_squeeze(pixels[..., at : at + 4], shape) for at in range(0, count, 4)]
    return np.concatenate([part.reshape(*part.shape[:2], -1) for part in parts], axis=-1)


def _squeeze(picture: Any, shape: Shape) -> Any:
    """Turns a picture as it is shown into one as it is stored."""
    height, width = picture.shape[:2]
    whole = np.ones((height, width), bool)
    return to_stored(Patch(Rect(0, 0, width, height), picture, whole, whole.astype(np.uint8)), shape).image
