"""The one place that opens still images: their format and size are checked before a pixel is decoded.

A picture is data from a stranger, and a few bytes of it can ask for any amount of memory. Pillow knows many
more formats than people take pictures in, one of which is a program that another program runs (PostScript).
What a file is decides its content, not its name. Of a file with several pictures the first is taken.
"""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from recaster.errors import ImageError

if TYPE_CHECKING:
    import numpy as np
    import PIL.Image
    from numpy.typing import NDArray

    from recaster.errors import InputError

FORMATS: Final = ("PNG", "JPEG", "WEBP", "TIFF", "BMP")
HEIF: Final = "HEIF"
"""The format of HEIC, which another package than Pillow reads."""
HEIC_SUFFIXES: Final = (".heic", ".heif")
MAX_PIXELS: Final = 110_000_000
"""Of one picture: the largest sensors that are not put together of several pictures."""
MAX_SIDE: Final = 32_768
"""Pixels of either side."""


class NotAnImageError(ImageError):
    """The bytes are no picture of a known format."""


class TooManyPixelsError(ImageError):
    """The picture is larger than the limit."""


def list_photograph_formats() -> tuple[str, ...]:
    """Lists Pillow's names of the formats in which people may be shown: HEIC's, too, where it can be read."""
    try:
        import pillow_heif
    except ModuleNotFoundError:
        return FORMATS
    pillow_heif.register_heif_opener(thumbnails=False)
    return (*FORMATS, HEIF)


def open_image(
    source: Path | bytes, name: str = "", *, max_pixels: int = MAX_PIXELS, formats: tuple[str, ...] = FORMATS
) -> PIL.Image.Image:
    """Opens a picture without decoding it; close it, as a context or by ``close``.

    Args:
        name: what messages call it; the file's path where nothing is given.
        max_pixels: width x height of the largest picture.
        formats: Pillow's names of the formats that are taken.

    Raises:
        NotAnImageError: it is of none of the formats.
        TooManyPixelsError: it is larger than allowed.
        OSError: it cannot be read.
        SyntaxError, ValueError: it is damaged.
    """
    import PIL.Image

    called = name or (str(source) if isinstance(source, Path) else "this picture")
    opened = io.BytesIO(source) if isinstance(source, bytes) else source
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PIL.Image.DecompressionBombWarning)  # the size is checked below
            picture = PIL.Image.open(opened, formats=formats)
    except PIL.Image.DecompressionBombError:
        raise _too_large(called, max_pixels) from None
    except PIL.UnidentifiedImageError:
        known = ", ".join(formats)
        raise NotAnImageError(f"{called}: this is not an image that can be read; give {known}") from None
    width, height = picture.size
    if width * height > max_pixels or max(width, height) > MAX_SIDE:
        picture.close()
        raise _too_large(called, max_pixels, f", and this one has {width}x{height} pixels")
    return picture


def image_size(
    data: bytes,
    name: str,
    *,
    max_pixels: int = MAX_PIXELS,
    formats: tuple[str, ...] = FORMATS,
    error: type[InputError] = ImageError,
) -> tuple[int, int] | None:
    """Width and height of a picture by its header, before it is decoded; None if it is none of ``formats``.

    Raises:
        InputError: (``error``) it is larger than allowed.
    """
    try:
        with open_image(data, name, max_pixels=max_pixels, formats=formats) as picture:
            width, height = picture.size
    except TooManyPixelsError as refused:
        raise error(str(refused)) from refused
    except (NotAnImageError, OSError, ValueError, SyntaxError):
        return None
    return width, height


def decode_array(
    data: bytes, name: str, flags: int, *, max_pixels: int = MAX_PIXELS, formats: tuple[str, ...] = FORMATS
) -> NDArray[np.uint8] | None:
    """Decodes a picture as OpenCV does it, with one of its ``IMREAD_`` flags; None where it is damaged.

    Raises:
        ImageError: it is of none of the formats, or larger than allowed.
    """
    import cv2
    import numpy as np

    try:
        with open_image(data, name, max_pixels=max_pixels, formats=formats):
            pass
    except (OSError, SyntaxError, ValueError):
        return None
    pixels: Any = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    return None if pixels is None else np.asarray(pixels, np.uint8)


def holds_several_pictures(path: Path) -> bool:
    """Tells whether a picture holds others beside the one that is taken, if it can be opened at all."""
    try:
        with open_image(path, formats=list_photograph_formats()) as picture:
            return int(getattr(picture, "n_frames", 1)) > 1
    except (ImageError, OSError, SyntaxError, ValueError):
        return False


def is_srgb_profile(profile: bytes) -> bool:
    """Tells whether an ICC profile calls itself sRGB's."""
    import PIL.ImageCms

    try:
        opened = PIL.ImageCms.ImageCmsProfile(io.BytesIO(profile))
        return "srgb" in PIL.ImageCms.getProfileDescription(opened).lower()
    except (OSError, TypeError, ValueError, PIL.ImageCms.PyCMSError):
        return False


def _too_large(name: str, max_pixels: int, details: str = "") -> TooManyPixelsError:
    return TooManyPixelsError(
        f"{name}: the image is too large to be opened safely: at most {max_pixels} pixels are allowed, and "
        f"{MAX_SIDE} to a side{details}; scale it down"
    )
