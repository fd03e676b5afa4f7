"""Still images: files in and out, and contact sheets."""

from __future__ import annotations

import functools
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import PIL.Image
import PIL.ImageCms
import PIL.ImageDraw
import PIL.ImageFont
import PIL.ImageOps

from recaster.errors import ImageError, OutputError, UsageError
from recaster.files import write_bytes
from recaster.still_images import (
    HEIC_SUFFIXES,
    HEIF,
    is_srgb_profile,
    list_photograph_formats,
    open_image,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recaster.media.types import Image

BACKGROUND = (24, 24, 24)
INK = (235, 235, 235)
GAP = 6
JPEG = {"format": "JPEG", "quality": 95, "subsampling": 0}
FORMATS: dict[str, dict[str, Any]] = {".png": {"format": "PNG"}, ".jpg": JPEG, ".jpeg": JPEG}
_WIDE_GREY = ("I", "I;16", "I;16B", "I;16L", "I;16N")
_TOO_WIDE = 255


def load_image(path: Path) -> Image:
    """Loads an image file as (height, width, 3) uint8 RGB.

    EXIF rotation is applied, colours of another ICC profile become sRGB's, alpha is dropped (not blended),
    grey becomes RGB, 16-bit grey is brought to 8 bits.

    Raises:
        ImageError: missing, no image of the kinds that are read, too large, damaged, or floating-point.
    """
    path = Path(path)
    formats = list_photograph_formats()
    if path.is_dir():
        raise ImageError(f"{path}: this is a folder; give an image file")
    if not path.exists():
        raise ImageError(f"{path}: no such file")
    if path.suffix.lower() in HEIC_SUFFIXES and HEIF not in formats:
        raise ImageError(
            f"{path}: HEIC is read by a package that isn't installed: pip install 'recaster[heic]'; or "
            "export it as PNG, TIFF or JPEG"
        )
    try:
        with open_image(path, formats=formats) as picture:
            PIL.ImageOps.exif_transpose(picture, in_place=True)
            return _to_rgb(picture, path)
    except PermissionError as error:
        raise ImageError(f"{path}: cannot be read ({error.strerror}); check its permissions") from error
    except (OSError, SyntaxError, ValueError, PIL.Image.DecompressionBombError) as error:
        raise ImageError(f"{path}: the image is damaged ({error}); export it again") from error


def _to_rgb(picture: PIL.Image.Image, path: Path) -> Image:
    if picture.mode == "F":
        raise ImageError(f"{path}: this image has floating-point pixels; save it as PNG or JPEG")
    if picture.mode in _WIDE_GREY:
        grey = np.asarray(picture).astype(np.float64)
        scale = 257.0 if grey.max(initial=0) > _TOO_WIDE else 1.0
        narrow = np.clip(np.rint(grey / scale), 0, 255).astype(np.uint8)
        return np.repeat(narrow[:, :, None], 3, axis=2)
    if picture.mode in ("LA", "La"):
        picture = picture.getchannel("L")
    if picture.mode == "P" and "transparency" in picture.info:
        picture = picture.convert("RGBA")
    upright = picture if picture.mode == "RGB" else picture.convert("RGB")
    return np.array(_convert_profile(upright, picture.info.get("icc_profile")))


def _convert_profile(picture: PIL.Image.Image, profile: bytes | None) -> PIL.Image.Image:
    """Converts RGB of an ICC profile to sRGB; one for other colours, or that is none, is as if unsaid."""
    if not profile or is_srgb_profile(profile):
        return picture
    try:
        stated = PIL.ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if stated.profile.xcolor_space.strip() != "RGB":
            return picture
        srgb = PIL.ImageCms.createProfile("sRGB")
        intent = PIL.ImageCms.Intent.RELATIVE_COLORIMETRIC
        converted = PIL.ImageCms.profileToProfile(picture, stated, srgb, renderingIntent=intent)
    except (OSError, ValueError, TypeError, PIL.ImageCms.PyCMSError):  # a profile that is damaged
        return picture
    return picture if converted is None else converted


def save_image(path: Path, image: Image) -> None:
    """Writes an image as PNG or JPEG (quality 95, 4:4:4), atomically.

    Raises:
        UsageError: a suffix that is none of ``FORMATS``.
        OutputError: the file cannot be written.
    """
    path = Path(path)
    if path.suffix.lower() not in FORMATS:
        raise UsageError(f"{path}: an image is named {', '.join(FORMATS)}")
    if path.is_dir():
        raise OutputError(f"{path}: this is a folder; choose another name")
    buffer = io.BytesIO()
    PIL.Image.fromarray(image).save(buffer, **FORMATS[path.suffix.lower()])
    write_bytes(path, buffer.getvalue())


def contact_sheet(
    images: Sequence[Image], columns: int, cell: tuple[int, int], captions: Sequence[str] | None = None
) -> Image:
    """Lays images out in a grid on a dark ground, each fitted into its cell, with a line of text below.

    Args:
        images: at least one, of any sizes.
        columns: images in a row.
        cell: (width, height) in pixels of the place for one image.
        captions: one for each image, cut where it is too long for the cell; None for no text.
    """
    width, height = cell
    line = 0 if captions is None else max(14, min(height // 12, width // 9))
    rows = -(-len(images) // columns)
    size = (rows * (height + line + GAP) + GAP, columns * (width + GAP) + GAP)
    sheet = np.full((*size, 3), BACKGROUND, np.uint8)
    for index, image in enumerate(images):
        row, column = divmod(index, columns)
        top = GAP + row * (height + line + GAP)
        left = GAP + column * (width + GAP)
        sheet[top : top + height, left : left + width] = fit_image(image, width, height)
        if captions is not None:
            below = top + height
            sheet[below : below + line, left : left + width] = draw_caption(captions[index], width, line)
    return sheet


def fit_image(image: Image, width: int, height: int) -> Image:
    """Scales an image to fit, its proportions kept, in the middle of (height, width, 3)."""
    scale = min(width / image.shape[1], height / image.shape[0])
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    if size == (width, height) == image.shape[1::-1]:
        return image
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    place = np.full((height, width, 3), BACKGROUND, np.uint8)
    top = (height - size[1]) // 2
    left = (width - size[0]) // 2
    place[top : top + size[1], left : left + size[0]] = small
    return place


@functools.lru_cache(maxsize=256)
def draw_caption(text: str, width: int, height: int) -> Image:
    """Draws a line of text in the middle of (height, width, 3), in Pillow's own font; cut with "…"."""
    ground = PIL.Image.new("RGB", (width, height), BACKGROUND)
    font = PIL.ImageFont.load_default(size=height * 0.72)
    length = len(text)
    shown = text
    while length and font.getlength(shown) > width - 4:
        length -= 1
        shown = f"{text[:length]}…"
    PIL.ImageDraw.Draw(ground).text((width / 2, height / 2), shown, fill=INK, font=font, anchor="mm")
    return np.asarray(ground)
