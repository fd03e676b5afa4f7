# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures of the people whose faces are swapped, kept in the .blend, too."""

from __future__ import annotations

import base64
import math
from pathlib import Path
from typing import Any

import bpy

from .. import images
from ..config import cache_folder
from ..translations import translate
from .source_range import StripError

MAX_PORTRAIT_BYTES = 256 << 10
"""A picture of a person that is kept in the .blend."""


def portrait_file(own: Any) -> Path:
    """The picture of a person (a strip's settings, or an entry of its cast); made anew where it isn't.

    Raises:
        StripError: it is neither on this machine nor in the .blend.
    """
    from recaster.client.portrait_size import MAX_PICTURE_PIXELS, picture_size

    path = Path(bpy.path.abspath(own.person))
    if path.is_file():
        return path
    try:
        picture = base64.b64decode(own.portrait, validate=True)
    except ValueError:
        picture = b""
    if not 0 < math.prod(picture_size(picture)) <= MAX_PICTURE_PIXELS:
        raise StripError(translate("Press Find People: the picture of whom you chose isn't on this machine"))
    return images.keep(picture, cache_folder() / "people", ".jpg")


def encode_portrait(path: Path) -> str:
    """A person's picture as the .blend keeps it; "" where it can't be kept there."""
    try:
        picture = path.read_bytes() if path.stat().st_size <= MAX_PORTRAIT_BYTES else b""
    except OSError:
        return ""
    return base64.b64encode(picture).decode("ascii")
