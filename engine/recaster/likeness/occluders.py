"""What is in front of a performer's face: hands, microphones, hair.

A face is compared with how it usually looks: the median of its own frames, drawn onto the mesh of the
moment and brought into its light. What belongs to the performer all the time (a beard, glasses, a scar)
is therefore no occluder. A small network tells what is in front from what a face does by itself; it learned
that on rendered people (scripts/occluders).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from recaster.faces import topology, weights
from recaster.faces.litert import Model
from recaster.likeness.form import canonical_expressions, canonical_mesh, learn_form
from recaster.likeness.layout import Layout, cover, face_layout, vertices, wrap
from recaster.likeness.light import evenly_lit, relit
from recaster.likeness.likeness import face_in, unwrap

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from recaster.faces.types import Floats
    from recaster.media.types import Image

SIZE: Final = 128
"""Side of the pictures that are compared, in pixels."""
CHANNELS: Final = 8
"""Picture RGB 0-2, usual look RGB 3-5, how much that varies 6, where the face is 7."""
_SKIN: Final = np.array([150.0, 115.0, 100.0])
"""Skin of a middle tone in plain light, grey levels."""
_SOME: Final = 3
"""Every so many pixels say enough of a face's colour."""
_PLAIN: Final = 1.0
"""Skins in plain light, and cameras, differ from it by so much (natural logarithm) in each channel."""
_CHANGED: Final = 0.5
"""Light changes by so much that ``relit`` follows well."""
_VARIATION: Final = 8
"""Deviations of grey levels are stored so many times larger."""
_CERTAIN, _LIKELY = 0.6, 0.15
"""What is this likely is in front; what is less likely if it touches that."""
_LEAST = 60
"""Fewer pixels are no hand."""
_RIM = 5
"""So wide a brush is drawn around the lips, in pixels."""
_WITHIN = 0.9
"""What lies within the lips by this share is the mouth itself; a finger or a straw reaches beyond."""
_GAP = 7
"""Gaps narrower than this are closed, in pixels."""
_SOFT = 1.0
"""Standard deviation of the edge, in pixels."""


@dataclass(frozen=True, eq=False)
class Look:
    """How a performer usually looks.

    Attributes:
        layout: where the mesh lies in the texture.
        texture: (SIZE, SIZE, 4) uint8: median colours, and their median deviation times 8.
    """

    layout: Layout
    texture: NDArray[np.uint8]


def usual_look(crops: NDArray[np.uint8], points: Floats) -> Look:
    """The usual look of one performer, from frames of which most show the bare face.

    Args:
        crops: (N, SIZE, SIZE, 3) uint8 RGB.
        points: (N, 478, 3), the meshes in the crops' pixels.
    """
    mesh = canonical_mesh(points)
    expressions, _ = canonical_expressions(points, mesh)
    layout = face_layout(learn_form(expressions).neutral, SIZE)
    textures = np.stack([unwrap(crop, one, layout) for crop, one in zip(crops, points, strict=True)])
    lit = evenly_lit(textures, face_in(layout))
    usual = np.median(lit, 0).astype(np.uint8)
    deviation = np.median(np.abs(lit.astype(np.int16) - usual), 0).mean(-1)
    varying = np.clip(_VARIATION * deviation, 0, 255).astype(np.uint8)
    return Look(layout, np.dstack([usual, varying]))


def reduced(crop: Image, points: Floats) -> tuple[Image, Floats]:
    """A crop (size, size, 3) and its mesh (478, 3) at SIZE, as all that follows wants them."""
    scale = SIZE / len(crop)
    small = cv2.resize(crop, (SIZE, SIZE), interpolation=cv2.INTER_AREA) if scale != 1 else crop
    moved = points * scale
    moved[:, :2] += (scale - 1) / 2
    return small, moved


def compared(look: Look, crop: Image, points: Floats) -> NDArray[np.uint8]:
    """A face beside its usual look, (SIZE, SIZE, CHANNELS) uint8: what the network is shown.

    Args:
        look: the performer's.
        crop: (SIZE, SIZE, 3) uint8 RGB.
        points: (478, 3), the mesh in the crop's pixels.
    """
    covering = cover(vertices(points), look.layout.points, look.layout.triangles, SIZE)
    inside = covering.inside[..., None]
    usual = wrap(look.texture, covering) * inside
    colours, seen = in_plain_light(np.ascontiguousarray(usual[..., :3]), crop, covering.inside > 0)
    lit = relit(colours, seen, covering.inside.astype(np.float32)) * inside
    return np.concatenate([seen, lit, usual[..., 3:], inside * np.uint8(255)], -1)


def in_plain_light(usual: Image, seen: Image, inside: NDArray[np.bool_]) -> tuple[Image, Image]:
    """Two pictures of one face, darkness and coloured light taken off as far as no plain light makes them.

    A network that learned on people in plain light takes deep blue for an object.

    Args:
        usual: (H, W, 3) uint8 RGB, how the face usually looks.
        seen: the same face now.
        inside: (H, W), where it is.
    """
    some = (slice(None, None, _SOME), slice(None, None, _SOME))
    if not inside[some].any():
        return usual, seen
    colours = [np.log(np.median(one[some][inside[some]], axis=0) + 1) for one in (usual, seen)]
    plain = -_beyond(colours[0] - np.log(_SKIN), _PLAIN)
    again = plain - _beyond(colours[1] - colours[0], _CHANGED)
    if not again.any() and not plain.any():
        return usual, seen
    return _gained(usual, plain), _gained(seen, again)


def _beyond(values: Floats, reach: float) -> Floats:
    """By how much values leave -reach to reach."""
    return values - np.clip(values, -reach, reach)


def _gained(picture: Image, gains: Floats) -> Image:
    """A picture with the logarithms of gains applied to its channels."""
    return np.clip(np.rint(picture * np.exp(gains).astype(np.float32)), 0, 255).astype(np.uint8)


class Occluders:
    """Finds what is in front of faces."""

    def __init__(self) -> None:
        self._model = Model(weights.OCCLUDERS)

    def chances(self, look: Look, crop: Image, points: Floats) -> Floats:
        """How likely each part of a face is hidden, (SIZE, SIZE) float64, 0 to 1.

        Args:
            look: how the performer usually looks.
            crop: (size, size, 3) uint8 RGB.
            points: (478, 3), the mesh in the crop's pixels.
        """
        small, moved = reduced(crop, points)
        found = self._model.run(compared(look, small, moved))[SIZE * SIZE].reshape(SIZE, SIZE)
        return _besides_mouth(np.asarray(1 / (1 + np.exp(-found))), moved)


def _besides_mouth(chances: Floats, points: Floats) -> Floats:
    """Without what lies within the lips: teeth and tongue come and go, and are no hand."""
    mouth = np.zeros((SIZE, SIZE), np.uint8)
    cv2.fillPoly(mouth, [np.rint(points[list(topology.LIPS_OUTER), :2]).astype(np.int32)], 1)
    mouth = cv2.dilate(mouth, np.ones((_RIM, _RIM), np.uint8))
    _, labels = cv2.connectedComponents((chances > _LIKELY).astype(np.uint8))
    counts = np.bincount(labels.ravel())
    within = np.bincount(labels[mouth > 0], minlength=len(counts)) > _WITHIN * counts
    within[0] = False
    return np.where(within[labels], 0.0, chances)


def hidden(chances: Floats, size: int) -> NDArray[np.float32]:
    """What is hidden of a face, (size, size) float32, 0 to 1, with a soft edge.

    Whatever hangs together with something certain is taken for a part of it (hysteresis; Canny, 1986):
    half a hand would be worse than none.

    Args:
        chances: (SIZE, SIZE), 0 to 1.
        size: side of the crop in pixels.
    """
    _, labels = cv2.connectedComponents((chances > _LIKELY).astype(np.uint8))
    counts = np.bincount(labels.ravel())
    sure = np.bincount(labels[chances > _CERTAIN], minlength=len(counts)) > 0
    sure[0] = False
    whole = (sure & (counts >= _LEAST))[labels].astype(np.uint8)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (_GAP, _GAP))
    whole = cv2.morphologyEx(whole, cv2.MORPH_CLOSE, disc)
    soft = cv2.GaussianBlur(whole.astype(np.float32), (0, 0), _SOFT)
    return np.asarray(cv2.resize(soft, (size, size), interpolation=cv2.INTER_LINEAR))
