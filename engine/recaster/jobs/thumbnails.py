"""Small pictures to choose by."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Final

from recaster.files import write_bytes
from recaster.media.reader import read_frames

if TYPE_CHECKING:
    from pathlib import Path

QUALITY: Final = 85


def thumbnail(clip: Path, frame: int, out: Path, width: int) -> None:
    """Write one frame of a clip as a JPEG of at most ``width`` pixels."""
    from PIL import Image

    [middle] = read_frames(clip, frame, frame + 1)
    write_bytes(out, small_jpeg(Image.fromarray(middle.image), width))


def small_jpeg(picture: object, width: int) -> bytes:
    """A Pillow picture as a JPEG of at most ``width`` pixels across."""
    from PIL import Image

    assert isinstance(picture, Image.Image)  # noqa: S101 - for the type checker
    picture.thumbnail((width, 4 * width))
    buffer = io.BytesIO()
    picture.convert("RGB").save(buffer, "JPEG", quality=QUALITY)
    return buffer.getvalue()
