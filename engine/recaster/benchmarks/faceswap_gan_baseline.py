"""Pipeline of faceswap-GAN, the baseline of every speed figure.

What shaoanlu's faceswap-GAN did for each frame (v1 notebooks, 2017, with v2's alpha mask), written anew
from its facts: dlib's CNN through face_recognition at its defaults, a box smoothed over time, the classic
network through ``predict``, a feathered rectangle, moviepy for reading and writing. It keeps the original's
one smoothed box for all faces and its fixed-pixel feather: that is what it costs, and how it looks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import cv2
import numpy as np

from recaster.faces.dlib_adapters import face_recognition
from recaster.models.presets import preset
from recaster.models.tensors import load_tensors
from recaster.networks.pairwise import PairwiseSwap
from recaster.swapping.stage_timer import StageTimer

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.media.types import Image
    from recaster.models.model_folder import ModelFolder

PRESET: Final = "classic-64"
BOX_MOMENTUM: Final = 0.65
"""Share of the box so far in the smoothed box."""
TRIM_DIVISOR: Final = 15
"""One part in so many is cut from each side of the box, and again inside it before the feather."""
FEATHER_KERNEL: Final = (15, 15)
FEATHER_SIGMA_PX: Final = 10.0

Sides = tuple[int, int, int, int]
"""Top, right, bottom, left, in whole pixels, as face_recognition gives them."""


class FaceswapGanPipeline:
    """Swaps the faces of one frame after another; call it with each frame.

    Attributes:
        watch: wall seconds of "detect", "predict" and "blend".

    Args:
        model: a trained ``classic-64`` model (WeightsError where it is another network's); None for an
            untrained network, which takes as long.
    """

    def __init__(self, model: ModelFolder | None = None) -> None:
        classic = preset(PRESET) if model is None else model.read().preset
        self.size = classic.size
        self.watch = StageTimer()
        network = PairwiseSwap.built(classic)
        if model is not None:
            network.load(load_tensors(model.weights, PairwiseSwap.expected(classic)))
        self._network = network.as_model()
        self._recognition = face_recognition()
        self._box: Sides | None = None

    def warm_up(self) -> None:
        """Builds the network's graph before anything is timed."""
        self._predict(np.zeros((self.size, self.size, 3), np.uint8))

    def __call__(self, frame: Image) -> Image:
        """Swaps every face that is found in a frame (H, W, 3) uint8 RGB."""
        with self.watch.timing("detect"):
            found = self._recognition.face_locations(frame, model="cnn")
        for box in found:
            self._box = smooth_box(self._box, box)
            part = trim_box(self._box)
            face = frame[part[0] : part[2], part[3] : part[1]]
            if face.shape[0] < TRIM_DIVISOR or face.shape[1] < TRIM_DIVISOR:
                continue
            with self.watch.timing("predict"):
                painted = self._predict(cv2.resize(face, (self.size, self.size)))
            with self.watch.timing("blend"):
                frame = paste_face(frame, painted, part)
        return frame

    def _predict(self, face: Image) -> Image:
        """Puts a face (size, size, 3) uint8 through the network, alone, by Keras's ``predict``."""
        seen = face[None].astype(np.float32) / 127.5 - 1
        decoded: Any = self._network.predict(seen, verbose=0)[0]
        mask = decoded[..., 3:] if decoded.shape[-1] == 4 else np.ones_like(decoded[..., :1])
        mixed = mask * decoded[..., :3] + (1 - mask) * seen[0]
        return np.clip((mixed + 1) * 127.5, 0, 255).astype(np.uint8)


def smooth_box(before: Sides | None, box: Sides) -> Sides:
    """Computes the moving average of boxes, cut to whole pixels as faceswap-GAN did."""
    if before is None:
        return box
    top, right, bottom, left = (
        int(BOX_MOMENTUM * old + (1 - BOX_MOMENTUM) * new) for old, new in zip(before, box, strict=True)
    )
    return top, right, bottom, left


def trim_box(box: Sides) -> Sides:
    """Cuts a fifteenth of its size off each side of a box."""
    top, right, bottom, left = box
    high = (bottom - top) // TRIM_DIVISOR
    wide = (right - left) // TRIM_DIVISOR
    return max(top + high, 0), right - wide, bottom - high, max(left + wide, 0)


def paste_face(frame: Image, painted: Image, part: Sides) -> Image:
    """Blends the painted face into its place by a blurred inner rectangle."""
    top, right, bottom, left = part
    under = frame[top:bottom, left:right]
    high, wide = under.shape[:2]
    rim_y = high // TRIM_DIVISOR
    rim_x = wide // TRIM_DIVISOR
    mask = np.zeros((high, wide, 1), np.float32)
    mask[rim_y : high - rim_y, rim_x : wide - rim_x] = 1
    mask = cv2.GaussianBlur(mask, FEATHER_KERNEL, FEATHER_SIGMA_PX)[..., None]
    result = frame.copy()
    result[top:bottom, left:right] = mask * cv2.resize(painted, (wide, high)) + (1 - mask) * under
    return result


def swap_clip(clip: Path, out: Path, pipeline: FaceswapGanPipeline, frames: int) -> int:
    """Swaps a clip's first frames with moviepy, without sound; returns how many, which moviepy decides."""
    from moviepy import VideoFileClip

    written = 0

    def counted(frame: Image) -> Image:
        nonlocal written
        written += 1
        return pipeline(frame)

    with VideoFileClip(str(clip), audio=False) as film:
        part = film.subclipped(0, min(film.duration, (frames - 0.5) / film.fps))
        part.image_transform(counted).write_videofile(
            str(out), codec="libx264", audio=False, logger=None, threads=1
        )
    return written
