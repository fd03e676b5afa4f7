"""Expressions of meshes, and a mouth without any, told from frames that may all show one."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

import numpy as np
from safetensors.numpy import load

from recaster import weights_registry
from recaster.faces import geometry, topology
from recaster.faces.weights import read_weights
from recaster.networks.litert import LiteRtModel

if TYPE_CHECKING:
    from recaster.faces.types import Bools, Floats

COEFFICIENTS: Final = 52
MAX_FRAMES: Final = 200
"""Frames, spread over all, that are looked at, each in about a millisecond."""

# Points that the network looks at: mediapipe/tasks/cc/vision/face_landmarker/face_blendshapes_graph.cc.
_NETWORK_POINTS: Final = (
    0, 1, 4, 5, 6, 7, 8, 10, 13, 14, 17, 21, 33, 37, 39, 40, 46, 52, 53, 54, 55, 58, 61, 63, 65, 66, 67, 70,
    78, 80, 81, 82, 84, 87, 88, 91, 93, 95, 103, 105, 107, 109, 127, 132, 133, 136, 144, 145, 146, 148, 149,
    150, 152, 153, 154, 155, 157, 158, 159, 160, 161, 162, 163, 168, 172, 173, 176, 178, 181, 185, 191, 195,
    197, 234, 246, 249, 251, 263, 267, 269, 270, 276, 282, 283, 284, 285, 288, 291, 293, 295, 296, 297, 300,
    308, 310, 311, 312, 314, 317, 318, 321, 323, 324, 332, 334, 336, 338, 356, 361, 362, 365, 373, 374, 375,
    377, 378, 379, 380, 381, 382, 384, 385, 386, 387, 388, 389, 390, 397, 398, 400, 402, 405, 409, 415, 454,
    466, 468, 469, 470, 471, 472, 473, 474, 475, 476, 477,
)  # fmt: skip
_OWN_RIDGE: Final = 5.0  # ridge of how a person moves otherwise than everybody, in squared coefficients
_SLACK: Final = 0.01  # difference of coefficients that counts as none
_FREED_NEAR: Final = 0.15
_FREED_REACH: Final = 0.45
"""Eye distances from the lips up to which points are freed of all expression, and from which of none: brows,
lids and noses of the calmest frames are people's own."""
_LIPS: Final = [*topology.LIPS_INNER, *topology.LIPS_OUTER]


def predict_expressions(expressions: Floats) -> Floats:
    """Predicts the strength of each of ARKit's 52 expressions, (T, 52), 0 to 1, in MediaPipe's order.

    Of frontal meshes (T, 478, 3) of one size, as ``align_to_canonical`` gives them. Grishchenko et al.,
    "Blendshapes GHUM: Real-time Monocular Facial Blendshape Prediction", 2023.
    """
    network = LiteRtModel(read_weights(weights_registry.BLENDSHAPES))
    strengths = np.zeros((len(expressions), COEFFICIENTS))
    # The network thinks in pixels of a picture.
    shown = (1000 * expressions[:, _NETWORK_POINTS, :2]).astype(np.float32)
    for row, points in zip(strengths, shown, strict=True):
        row[:] = network.run(points[None]).ravel()
    return strengths


def relax_mouth(expressions: Floats, calm: Bools, neutral: Floats) -> Floats:
    """Frees the mouth of a neutral mesh (478, 3) of its expression, though every frame may show one.

    What every frame shows beside a neutral mouth is taken off: at first by what everybody does, learned from
    rendered people by ridge regression, then by how this person does otherwise, as far as the frames show it.
    What a neutral mouth is: the person's own in calm frames, where it reads as neutral ones of others do.
    Where it doesn't (somebody who never shuts the mouth, or puckers all the time), the nearest that would: a
    build reads as an expression, too, by as much as neutral faces of many people differ.

    Expressions (T, 478, 3) are one person's canonical meshes, ``calm`` (T,) says which are, one at least, and
    ``neutral`` is the mesh of those.
    """
    count = len(expressions)
    chosen = np.linspace(0, count - 1, min(MAX_FRAMES, count)).round().astype(np.int64)
    if not calm[chosen].any():
        chosen = np.append(chosen, np.flatnonzero(calm)[0])
    meshes = expressions[chosen].reshape(len(chosen), -1)
    calm = calm[chosen]
    shown = predict_expressions(expressions[chosen])
    learned = _load_learned()
    band = learned["spread"] + _SLACK
    # A person's own calm mouth, as far as it reads within the band that neutral ones of others do.
    rest = np.clip(shown[calm].mean(0), learned["calm"] - band, learned["calm"] + band)
    varying = shown - shown.mean(0)
    left = meshes - meshes.mean(0) - varying @ learned["offsets"]
    # What everybody's movements leave unexplained is this person's own way to move.
    own = np.linalg.solve(varying.T @ varying + _OWN_RIDGE * np.eye(COEFFICIENTS), varying.T @ left)
    still = meshes.mean(0) - (shown.mean(0) - rest) @ (learned["offsets"] + own)
    away = geometry.measure_nearest(neutral[:, :2], neutral[_LIPS, :2]) / geometry.eye_distance(neutral)
    # Of the whole face freed identity was lost: brows, lids and nose are left alone.
    share = np.clip((_FREED_REACH - away) / (_FREED_REACH - _FREED_NEAR), 0, 1)[:, None] ** 2
    return neutral + share * (still.reshape(topology.POINTS, 3) - neutral)


@cache
def _load_learned() -> dict[str, Floats]:
    """Readings of neutral faces and effects of each expression: see scripts/learn_expressions.py."""
    stored = load(read_weights(weights_registry.EXPRESSIONS))
    learned = {name: array.astype(np.float64) for name, array in stored.items()}
    learned["offsets"] = learned["offsets"].reshape(COEFFICIENTS, -1)
    return learned
