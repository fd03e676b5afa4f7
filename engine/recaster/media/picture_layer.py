"""Layers of pictures: the channels of one that are seen as red, green, blue and alpha."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from recaster.errors import ClipError, UsageError
from recaster.media.picture_file import PICTURE_FORMATS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from recaster.media.picture_file import PicturePart

USUAL_NAMES: Final = ("rgba", "rgb", "beauty", "combined")
"""Ends of layers' names, in lower case, that stand for the whole picture."""
_COLOURS: Final = {
    "r": "R", "red": "R", "g": "G", "green": "G", "b": "B", "blue": "B", "a": "A", "alpha": "A", "y": "Y",
    "l": "Y", "ry": "C", "by": "C",
}  # fmt: skip
_DTYPES: Final = {"uint8": np.uint8, "uint16": np.uint16, "uint": np.uint32, "half": np.float16}
_MAX_NAMED: Final = 20


@dataclass(frozen=True)
class PictureLayer:
    """One layer of a file.

    Attributes:
        name: as it is asked for; "" for that without a name.
        part: the number of the part that it is in.
        colours: the places of red, green and blue among the part's channels; of grey three times the same.
        alpha: the place of the channel that says how opaque it is; None where there is none.
        dtype: numpy's name of its values' type: uint8, uint16, float16 or float32.
        is_premultiplied: whether its colours are stored multiplied by its alpha.
    """

    name: str
    part: int
    colours: tuple[int, int, int]
    alpha: int | None
    dtype: str
    is_premultiplied: bool

    @property
    def span(self) -> tuple[int, int]:
        """The first of its channels, and the one after the last: what is read of a file."""
        places = [*self.colours, *([] if self.alpha is None else [self.alpha])]
        return min(places), max(places) + 1

    @property
    def is_grey(self) -> bool:
        """True where one channel is all of its colours."""
        return len(set(self.colours)) == 1

    def pick_colours(self, pixels: NDArray[np.generic]) -> NDArray[np.generic]:
        """Picks (H, W, 3) of the channels in ``span``: a view where they lie side by side."""
        begin, _ = self.span
        red, green, blue = (place - begin for place in self.colours)
        if (green, blue) == (red + 1, red + 2):
            return pixels[..., red : red + 3]
        return np.ascontiguousarray(pixels[..., [red, green, blue]])

    def pick_alpha(self, pixels: NDArray[np.generic]) -> NDArray[np.generic] | None:
        """Picks (H, W) of the channels in ``span``; None without alpha."""
        return None if self.alpha is None else pixels[..., self.alpha - self.span[0]]


def choose_layer(path: Path, parts: Sequence[PicturePart], name: str | None) -> PictureLayer:
    """Chooses the layer of a picture that is asked for, or the one that is the picture.

    Raises:
        UsageError: there is none of that name, or several may be meant.
        ClipError: the picture has no layer with colours.
    """
    layers = list_layers(path, parts)
    if not layers:
        channels = ", ".join(channel for part in parts for channel in part.channels[:_MAX_NAMED])
        raise ClipError(f"{path}: this picture has no colours, only the channels {channels}")
    names = ", ".join(layer.name or "(none)" for layer in layers[:_MAX_NAMED])
    if name is not None:
        asked = name.lower()
        chosen = [each for each in layers if asked in (each.name.lower(), parts[each.part].name.lower())]
        if not chosen:
            raise UsageError(f"{path}: there is no layer {name!r}; its layers are {names}")
        return chosen[0]
    nameless = [layer for layer in layers if not layer.name]
    usual = [layer for layer in layers if layer.name.lower().rpartition(".")[2] in USUAL_NAMES]
    for candidates in (nameless, layers, usual):
        if len(candidates) == 1:
            return candidates[0]
    raise UsageError(f"{path}: several layers may be meant, {names}; choose one with --input-layer")


def list_layers(path: Path, parts: Sequence[PicturePart]) -> list[PictureLayer]:
    """Lists the layers of a file that have colours, or grey.

    A layer's name is what stands before the last dot of its channels' names; of a later part whose channels
    have plain names, the part's.
    """
    layers = []
    for number, part in enumerate(parts):
        groups: dict[str, dict[str, int]] = defaultdict(dict)
        for place, channel in enumerate(part.channels):
            prefix, _, last = channel.rpartition(".")
            if last.lower() in _COLOURS:
                name = prefix or (part.name if number else "")
                groups[name].setdefault(_COLOURS[last.lower()], place)
        for name, places in groups.items():
            if {"R", "G", "B"} <= places.keys():
                colours = (places["R"], places["G"], places["B"])
            elif "Y" in places and not {"R", "G", "B", "C"} & places.keys():
                colours = (places["Y"],) * 3
            else:
                continue
            alpha = places.get("A")
            is_multiplied = alpha is not None and _is_premultiplied(path, part)
            dtype = _find_type(part, colours)
            layers.append(PictureLayer(name, number, colours, alpha, dtype, is_multiplied))
    return layers


def _find_type(part: PicturePart, places: Sequence[int]) -> str:
    if not part.types:
        return str(part.pixels.dtype)
    kinds = {part.types[place] for place in places}
    return str(np.dtype(_DTYPES.get(kinds.pop(), np.float32))) if len(kinds) == 1 else "float32"


def _is_premultiplied(path: Path, part: PicturePart) -> bool:
    """Tells whether colours are multiplied by alpha: always in OpenEXR, unless it says otherwise in TIFF."""
    stored = PICTURE_FORMATS[path.suffix.lower()]
    is_straight = any(name == "oiio:UnassociatedAlpha" and value for name, _, value in part.attributes)
    return stored == "openexr" or (stored == "tiff" and not is_straight)
