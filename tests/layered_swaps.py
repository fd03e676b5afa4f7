"""Clips that are swapped with layers, and the pictures of their layers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import av
import numpy as np

from recaster.faces.types import FaceTrack
from recaster.media.clip import Clip
from recaster.media.deep_colour import make_picture
from recaster.media.picture_file import read_picture
from recaster.settings.swap import LabelSettings

if TYPE_CHECKING:
    from fractions import Fraction
    from pathlib import Path

COUNT = 12
ALLOWED = 1 / 1024
"""By which a face over its plate may differ from the result."""
LABEL = LabelSettings("icon", corner="top-right", size=0.1)


def follow(fake: Any, mesh: np.ndarray, frames: range, number: int, centre: tuple[float, float]) -> FaceTrack:
    """The track of a mesh that drifts."""
    track = fake.track(frames, number, centre)
    middle = track.landmarks.mean(1, keepdims=True)
    return FaceTrack(**{**vars(track), "landmarks": middle + mesh})


def make_deep_clip(path: Path, aspect: Fraction | None = None, rotation: int = 0) -> Path:
    """A clip of 10 bits, lossless."""
    with av.open(str(path), "w") as container:
        codec = "ffv1" if path.suffix == ".mkv" else "libx264"
        stream = container.add_stream(codec, rate=25, options={"qp": "0"} if codec == "libx264" else {})
        stream.width, stream.height, stream.pix_fmt = 128, 96, "yuv444p10le"
        if aspect is not None:
            stream.codec_context.sample_aspect_ratio = aspect
        if rotation:
            stream.set_display_rotation(rotation)
        y, x = np.mgrid[0:96, 0:128]
        for index in range(COUNT):
            waves = [np.sin((x * a + y * b + 3 * index) / 17) for a, b in ((1, 2), (2, 1), (1, -1))]
            colours = (120 + 90 * np.stack(waves, -1)).astype(np.float32)
            picture = make_picture(colours, 10, 1, full=False)
            picture.color_range = 1
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path


class Made:
    """A swap of two people, of whom one is there all the time, with all its layers."""

    def __init__(self, folder: Path, clip: Path) -> None:
        self.folder = folder
        self.clip = clip
        self.plates = [np.asarray(frame.plate, np.float32) / 255 for frame in Clip(clip).read(0, COUNT)]
        self.tracking = json.loads((folder / "shot.json").read_text())

    def picture(self, number: int) -> Path:
        return self.folder / f"shot.{number:04}.exr"

    def layer(self, number: int, name: str) -> np.ndarray:
        part = read_picture(self.picture(number))[0]
        places = [at for at, each in enumerate(part.channels) if each.rpartition(".")[0] == name]
        return part.pixels[..., places].astype(np.float32)


def over(face: np.ndarray, plate: np.ndarray) -> np.ndarray:
    return face[..., :3] + (1 - face[..., 3:]) * plate
