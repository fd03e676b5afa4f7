"""Layers of a swapped frame for compositing, as named channels of one picture.

Channels are called as Nuke, Fusion, Blender and FFmpeg tell layers apart: what is before the point is the
layer, a letter after it the channel; those of the frame itself have no layer. Values of colours are the
clip's own code values, 0 to 1. Where several faces are there at once, each has layers of its own, ``raw_1``
and ``raw_2``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from recaster.appearance.rasterizer import rasterize
from recaster.appearance.uv_layout import texture_vertices
from recaster.faces.mesh_surface import TRIANGLES, vertex_normals
from recaster.media.lazy_frame import LazyFrame
from recaster.media.patches import paste_patches
from recaster.media.picture_frame import PictureFrame
from recaster.media.picture_writer import PictureWriter, squeeze_channels, turn_upright
from recaster.media.stored_patches import to_stored
from recaster.media.types import Rect
from recaster.swapping.composite import Layer, PaintedFace, bound_layer, sample_layer
from recaster.swapping.label import draw_label, place_label

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from recaster.faces.types import Floats
    from recaster.media.clip import Clip
    from recaster.media.picture_file import Attribute
    from recaster.media.types import Frame, Plate, Shape
    from recaster.settings.encoding import WriterOptions
    from recaster.settings.swap import LabelSettings
    from recaster.swapping.render import RenderedFrame
    from recaster.swapping.swap_plan import SwapPlan

FACE_LAYERS: Final = {"raw": "RGBA", "st": "RGB", "normals": "XYZ", "depth": "Z"}
"""Channels of layers that each face has for itself."""
MATTES: Final = ("face", "occluders")
"""Mattes that each face has for itself, too."""
VALUES_NOTE: Final = "the clip's own values: integers from 0 to 1, floats as they are"
_LIGHT_ATTRIBUTES: Final = ("chromaticities", "colorInteropID")
FINE_LAYERS: Final = ("st", "depth")
"""Layers in floats of 32 bits: those of 16 know 2048 places between a half and one."""


def assign_slots(plan: SwapPlan) -> tuple[int, ...]:
    """Numbers a plan's tracks from 1 on, with as few numbers as let those that share a frame differ."""
    spans = [(int(each.frames[0]), int(each.frames[-1])) for each in plan.track_plans]
    slots = [0] * len(spans)
    last: list[int] = []  # the frame with which each number's newest track ends
    for number in sorted(range(len(spans)), key=lambda number: spans[number][0]):
        first, end = spans[number]
        slot = next((at for at, ended in enumerate(last) if ended < first), len(last))
        last[slot : slot + 1] = [end]
        slots[number] = slot + 1
    return tuple(slots)


class LayerDrawer:
    """Draws layers of a clip's frames; all frames have the same channels.

    Args:
        names: of ``settings.swap.LAYERS``.
        slots: of each plan's face, as ``assign_slots``.

    Attributes:
        channels: names of channels in order.
        types: "half" or "float", of each.
    """

    def __init__(self, names: Sequence[str], slots: Sequence[int], label: LabelSettings) -> None:
        self._slots = slots
        self._label = label
        count = max(slots, default=1)
        self._suffixes = ("",) if count == 1 else tuple(f"_{slot}" for slot in range(1, count + 1))
        self._names = [name for name in ("frame", "face", "mattes", *FACE_LAYERS) if name in names]
        self._spans: dict[str, slice] = {}
        self.channels: tuple[str, ...] = ()
        self.types: tuple[str, ...] = ()
        for name in self._names:
            for layer, letters in self._list_layers(name):
                begin = len(self.channels)
                dot = "." if layer else ""
                self.channels += tuple(f"{layer}{dot}{letter}" for letter in letters)
                self.types += ("float" if name in FINE_LAYERS else "half",) * len(letters)
                self._spans[layer] = slice(begin, len(self.channels))

    def _list_layers(self, name: str) -> list[tuple[str, str]]:
        """Lists the layers that a name stands for, with the letters of their channels."""
        if name in FACE_LAYERS:
            return [(f"{name}{suffix}", FACE_LAYERS[name]) for suffix in self._suffixes]
        if name == "mattes":
            own = [f"{kind}{suffix}" for kind in MATTES for suffix in ("", *self._suffixes)]
            return [(f"matte_{each}", "A") for each in (*dict.fromkeys(own), "label")]
        return [("", "RGB")] if name == "frame" else [("face", "RGBA")]

    def draw(self, rendered: RenderedFrame, shape: Shape) -> NDArray[np.float32]:
        """Draws the layers of a frame as its pictures are stored, but upright: (height, width, channels)."""
        shown = np.zeros((shape.height, shape.width, len(self.channels)), np.float32)
        # The nearest last, as they are laid over the frame.
        faces = sorted(rendered.painted, key=lambda face: face.crop.zoom)
        layers = self._split(shown)
        if "mattes" in self._names:
            self._draw_mattes((shape.width, shape.height), faces, layers)
        for face in faces:
            if "raw" in self._names:
                _draw_crop(face.crop, layers[self._name_own("raw", face)])
        pixels = turn_upright(squeeze_channels(shown, shape), shape)
        # Shares of opacity may be mixed with nothing; places, directions and distances may not.
        layers = self._split(pixels)
        _draw_painted(rendered, shape, layers.get(""), layers.get("face"))
        to_shown = _map_to_shown(pixels.shape[1::-1], shape)
        for face in faces:
            own = {name: layers.get(self._name_own(name, face)) for name in FACE_LAYERS}
            if (st := own["st"]) is not None:
                _draw_map(Layer(face.image, face.crop.mask, face.matrix @ to_shown), st)
            if face.mesh is not None:
                _draw_mesh(face.mesh, to_shown, own["normals"], own["depth"])
        return pixels

    def _split(self, pixels: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        """Splits channels into layers by their names: views."""
        return {layer: pixels[..., span] for layer, span in self._spans.items()}

    def _name_own(self, name: str, face: PaintedFace) -> str:
        """Names a layer that a face has for itself."""
        return name + (self._suffixes[self._slots[face.plan] - 1] if len(self._suffixes) > 1 else "")

    def _draw_mattes(
        self,
        size: tuple[int, int],
        faces: Sequence[PaintedFace],
        layers: Mapping[str, NDArray[np.float32]],
    ) -> None:
        """Draws the mattes of a picture of a size; where a face is behind a nearer one, its own is less."""
        everything = {kind: layers[f"matte_{kind}"][..., 0] for kind in MATTES}
        drawn: list[NDArray[np.float32]] = []
        for face in faces:
            for kind, mask in zip(MATTES, (face.shown, face.hidden), strict=True):
                layer = Layer(face.image, mask, face.matrix)
                place = bound_layer(layer, size)
                if place is None:
                    continue
                _, weight = sample_layer(layer, place)
                whole = place.crop(everything[kind])
                whole += (1 - whole) * weight
                if len(self._suffixes) > 1:
                    if kind == "face":
                        for farther in drawn:
                            place.crop(farther)[...] *= 1 - weight
                        drawn.append(layers[f"matte_face_{self._slots[face.plan]}"][..., 0])
                    own = layers[f"matte_{kind}_{self._slots[face.plan]}"][..., 0]
                    place.crop(own)[...] = weight
        sign = place_label(self._label, size)
        if sign is not None:
            there = np.zeros((sign.height, sign.width, 3), np.uint8)
            sign.crop(layers["matte_label"])[..., 0] = draw_label(there, self._label, size)


class LayerWriter(PictureWriter):
    """Writes layers of frames as pictures of OpenEXR into a folder, as its base class does frames."""

    def __init__(self, folder: Path, clip: Clip, options: WriterOptions, drawer: LayerDrawer) -> None:
        super().__init__(folder, clip.info, options)
        self._clip = clip
        self._drawer = drawer

    def write_rendered(self, rendered: RenderedFrame) -> None:
        """Writes the layers of a frame."""
        pixels = self._drawer.draw(rendered, self._shape)
        self.write_channels(rendered.frame, self._drawer.channels, pixels, self._drawer.types)

    def _describe(self, frame: Frame) -> list[Attribute]:
        # Its base class writes light, these are code values.
        listed = [each for each in super()._describe(frame) if each[0] not in _LIGHT_ATTRIBUTES]
        colour = self._clip.info.colour
        facts = {
            "recasterClip": self._clip.info.path.name,
            "recasterDigest": self._clip.digest,
            "recasterFrame": str(frame.index),
            "recasterValues": VALUES_NOTE,
            "recasterColourSpace": self._clip.options.colour_space or "",
            "recasterTransfer": colour.transfer or "",
            "recasterPrimaries": colour.primaries or "",
        }
        return listed + [(name, "string", value) for name, value in facts.items() if value]


def map_to_crop(matrix: Floats, size: int, place: Rect) -> NDArray[np.float32]:
    """Maps pixels at a place to a crop of ``size``: (H, W, 3) of u, v and 1, all 0 outside of it.

    u grows from 0 to 1 across the crop, v from its bottom to its top, both 0 and 1 at the very edges: what
    Nuke's STMap looks up.
    """
    x = np.arange(place.left, place.right, dtype=np.float64)[None]
    y = np.arange(place.top, place.bottom, dtype=np.float64)[:, None]
    across, down = ((row[0] * x + row[1] * y + row[2] + 0.5) / size for row in matrix)
    inside = (across >= 0) & (across <= 1) & (down >= 0) & (down <= 1)
    mapped = np.stack([across, 1 - down, np.ones_like(across)], axis=-1)
    mapped[~inside] = 0
    return mapped.astype(np.float32)


def _draw_painted(
    rendered: RenderedFrame,
    shape: Shape,
    result: NDArray[np.float32] | None,
    face: NDArray[np.float32] | None,
) -> None:
    """Draws the result, which is the stored plate where nothing was painted, and what was painted alone."""
    placed = [to_stored(patch, shape) for patch in rendered.patches]
    if result is not None:
        plate = paste_patches(_pick_stored_plate(rendered.frame, shape), placed)
        result[...] = turn_upright(plate, shape)
        result *= np.float32(1 / 255)
    if face is not None:
        width, height = shape.stored
        alone = np.zeros((height, width, 4), np.float32)
        for patch in placed:
            if patch.layer is not None:
                patch.place.crop(alone)[...] = patch.layer * np.array([1 / 255] * 3 + [1], np.float32)
        face[...] = turn_upright(alone, shape)


def _pick_stored_plate(frame: Frame, shape: Shape) -> Plate:
    """Picks the plate of a frame as it is stored; squeezed where its picture has another size."""
    if shape.is_plain:
        return frame.plate
    if isinstance(frame, (LazyFrame, PictureFrame)):
        plate = frame.stored_plate
        if plate.shape[1::-1] == shape.stored:
            return plate
    return squeeze_channels(frame.plate, shape)


def _map_to_shown(size: tuple[int, ...], shape: Shape) -> Floats:
    """Maps pixels of an upright picture, as stored, to those that are shown: (3, 3)."""
    across = shape.width / size[0]
    down = shape.height / size[1]
    # Pixels' centres lie at halves.
    return np.array([[across, 0, (across - 1) / 2], [0, down, (down - 1) / 2], [0, 0, 1]])


def _draw_crop(crop: Layer, layer: NDArray[np.float32]) -> None:
    """Draws a crop with its colours, premultiplied, at its place."""
    place = bound_layer(crop, layer.shape[1::-1])
    if place is not None:
        image, weight = sample_layer(crop, place)
        there = place.crop(layer)
        there[..., :3] = image * (weight[..., None] * np.float32(1 / 255))
        there[..., 3] = weight


def _draw_map(crop: Layer, layer: NDArray[np.float32]) -> None:
    """Draws where the pixels of a layer are in a crop."""
    place = bound_layer(crop, layer.shape[1::-1])
    if place is not None:
        place.crop(layer)[...] = map_to_crop(crop.matrix, len(crop.mask), place)


def _draw_mesh(
    mesh: Floats, to_shown: Floats, normals: NDArray[np.float32] | None, depth: NDArray[np.float32] | None
) -> None:
    """Draws the surface of a mesh in pixels as shown: its directions, and how far away it is."""
    vertices = texture_vertices(mesh)
    points = vertices.copy()
    points[:, :2] = (points[:, :2] - to_shown[:2, 2]) / to_shown[[0, 1], [0, 1]]
    left, top = np.floor(points[:, :2].min(0)).astype(int) - 1
    side = int(np.ceil(np.ptp(points[:, :2], axis=0).max())) + 3
    whole = Rect(int(left), int(top), int(left) + side, int(top) + side)
    points -= (left, top, 0)
    if normals is not None:
        # The mesh's own point right, down and away.
        directions = (vertex_normals(vertices, TRIANGLES) * (1, -1, -1)).astype(np.float32)
        drawn, inside = rasterize(points, directions, TRIANGLES, side)
        drawn /= np.maximum(np.linalg.norm(drawn, axis=-1, keepdims=True), 1e-6)
        _put_where(drawn, inside, whole, normals)
    if depth is not None:
        away = np.repeat(vertices[:, 2:], 3, axis=1).astype(np.float32)
        drawn, inside = rasterize(points, away, TRIANGLES, side)
        _put_where(drawn[..., :1], inside, whole, depth)


def _put_where(
    drawn: NDArray[np.float32], inside: NDArray[np.uint8], whole: Rect, layer: NDArray[np.float32]
) -> None:
    """Puts what was drawn of a place that may reach beyond the picture into a layer, where it shows."""
    height, width = layer.shape[:2]
    seen = Rect(max(whole.left, 0), max(whole.top, 0), min(whole.right, width), min(whole.bottom, height))
    if seen.left < seen.right and seen.top < seen.bottom:
        there = seen.relative_to(whole)
        np.copyto(seen.crop(layer), there.crop(drawn), where=there.crop(inside)[..., None] > 0)
