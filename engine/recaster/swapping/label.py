"""A label in the picture that says what it is: letters or a badge in a corner, the same in every frame."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final

import numpy as np
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont

from recaster.media.types import Rect

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from recaster.media.types import Plate
    from recaster.settings.swap import LabelSettings

WORDS: Final = {
    "de": ("KI", "Gesicht mit KI ersetzt"),
    "en": ("AI", "Face replaced with AI"),
    "es": ("IA", "Rostro sustituido con IA"),
    "fr": ("IA", "Visage fait par IA"),
    "it": ("IA", "Volto sostituito con IA"),
    "nl": ("AI", "Gezicht vervangen met AI"),
    "pt": ("IA", "Rosto trocado com IA"),
}
"""The letters of the badge, and the sentence. Pillow's own font has no accents, so none needs any."""
MIN_LETTERS_PX: Final = 10
"""Height of letters that are still read."""
MAX_WIDTH_SHARE: Final = 0.95
"""Share of the picture's width that a label takes: smaller letters are used where it would take more."""
INK: Final = (255, 255, 255)
GROUND: Final = (0, 0, 0, 170)


def place_label(settings: LabelSettings, size: tuple[int, int]) -> Rect | None:
    """Places the label in a picture of this size (width, height); None where there is none to draw."""
    if settings.kind == "none":
        return None
    width, height = size
    ink, _ = _fit_label(settings, width, height)
    rows = min(len(ink), height)
    columns = min(ink.shape[1], width)
    usual = round(0.6 * settings.size * min(width, height))
    margin = min(usual, (height - rows) // 2, (width - columns) // 2)
    top = margin if settings.corner.startswith("top") else height - rows - margin
    left = margin if settings.corner.endswith("left") else width - columns - margin
    return Rect(left, top, left + columns, top + rows)


def draw_label(there: Plate, settings: LabelSettings, size: tuple[int, int]) -> NDArray[np.bool_]:
    """Draws the label into what a picture of this size shows at ``place_label``; returns where it shows."""
    ink, cover = _fit_label(settings, *size)
    rows, columns = there.shape[:2]
    shown = cover[:rows, :columns]
    there[...] = np.rint(ink[:rows, :columns] * shown + there * (1 - shown))
    return np.asarray(shown[..., 0] > 0)


@functools.lru_cache(maxsize=4)  # every frame of a clip has the same label
def _fit_label(settings: LabelSettings, width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
    """Draws a label for a picture of this size: (h, w, 3) colours and (h, w, 1) opacity, 0 to 1."""
    letters = max(round(settings.size * min(width, height)), MIN_LETTERS_PX)
    while True:
        ink, cover = _rasterize_label(settings, letters)
        if ink.shape[1] <= MAX_WIDTH_SHARE * width or letters <= MIN_LETTERS_PX:
            return ink, cover
        letters = max(MIN_LETTERS_PX, int(letters * MAX_WIDTH_SHARE * width / ink.shape[1]))


def _rasterize_label(settings: LabelSettings, letters: int) -> tuple[np.ndarray, np.ndarray]:
    """Draws a label with letters of so many pixels, as ``_fit_label``."""
    # Drawn four times as large: edges come out smooth in any font engine.
    font = PIL.ImageFont.load_default(size=4 * letters)
    short, sentence = WORDS[settings.language]
    text = sentence if settings.kind == "text" else short
    left, top, right, bottom = font.getbbox(text)
    across = right - left
    down = bottom - top
    pad = round(2 * letters)
    wide = across + 2 * pad
    high = 4 * letters + 2 * pad
    if settings.kind == "icon":
        wide = high = round(max(np.hypot(across, down) * 1.35, high))
    canvas = PIL.Image.new("RGBA", (int(wide), int(high)), (0, 0, 0, 0))
    drawing = PIL.ImageDraw.Draw(canvas)
    if settings.kind == "icon":
        edge = round(0.4 * letters)
        drawing.ellipse((0, 0, wide - 1, high - 1), fill=GROUND)
        drawing.ellipse((edge, edge, wide - 1 - edge, high - 1 - edge), outline=INK, width=edge)
    else:
        drawing.rounded_rectangle((0, 0, wide - 1, high - 1), radius=high // 4, fill=GROUND)
    drawing.text(((wide - across) / 2 - left, (high - down) / 2 - top), text, font=font, fill=INK)
    small = canvas.resize((-(-int(wide) // 4), -(-int(high) // 4)), PIL.Image.Resampling.BOX)
    pixels = np.asarray(small, dtype=np.float32)
    return pixels[:, :, :3], pixels[:, :, 3:] / 255
