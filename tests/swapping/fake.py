"""A clip, an analysis and a swapper that need no face and no network.

Also a program, ``fake.py CLIP OUT [FRAMES]``: swaps the clip; once so many frames are rendered it writes a
line and waits for one, so that it can be killed in the middle.
"""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import av
import numpy as np

from recaster.faces.alignment import box_matrix
from recaster.faces.types import Analysis, Box, FaceTrack, SwappedFace
from recaster.media.clip import Clip
from recaster.media.sequence_name import choose_picture_codec
from recaster.settings.encoding import WriterOptions
from recaster.settings.swap import SwapSettings
from recaster.swapping import pipeline
from recaster.swapping.request import SwapRequest
from recaster.swapping.swapper import TrackPlan

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from recaster.progress import Update
    from recaster.swapping.swap_plan import SwapPlan

WIDTH = 128
HEIGHT = 96
RATE = 25
FACE = 40.0
"""Side of the face in pixels."""

LOOK = SimpleNamespace(glasses=None, lost=False)
"""The usual look of somebody without glasses, as far as a render looks into it."""


def picture(index: int) -> np.ndarray:
    """One frame of the clip: soft shapes that move."""
    x = np.arange(WIDTH)[None]
    y = np.arange(HEIGHT)[:, None]
    layers = [120 + 60 * np.sin((x * a + y * b + index * 4) / 30) for a, b in ((1, 2), (2, -1), (-1, 1))]
    return np.stack(layers, axis=-1).astype(np.uint8)


def make_clip(path: Path, count: int, *, sound: bool = False) -> Path:
    """A clip of ``count`` frames, with a tone where ``sound`` is asked for."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=RATE, options={"crf": "8", "preset": "ultrafast"})
        video.width = WIDTH
        video.height = HEIGHT
        video.pix_fmt = "yuv420p"
        audio = container.add_stream("aac", rate=48000, layout="mono") if sound else None
        for index in range(count):
            container.mux(video.encode(av.VideoFrame.from_ndarray(picture(index), format="rgb24")))
        container.mux(video.encode(None))
        if audio is not None:
            tone = np.sin(np.arange(48000 * count // RATE) / 20).astype(np.float32)[None] * 0.3
            frame = av.AudioFrame.from_ndarray(tone, format="fltp", layout="mono")
            frame.sample_rate = 48000
            container.mux(audio.encode(frame))
            container.mux(audio.encode(None))
    return path


def track(frames: Iterable[int], number: int = 0, centre: tuple[float, float] = (60.0, 45.0)) -> FaceTrack:
    """A round face that drifts to the right."""
    indices = np.array(list(frames), np.int64)
    turn = np.linspace(0, 2 * np.pi, 478, endpoint=False)
    oval = np.stack([np.cos(turn), np.sin(turn) * 1.2, 0 * turn], axis=1) * FACE / 2
    middle = np.stack([centre[0] + 0.3 * indices, np.full(len(indices), centre[1]), 0.0 * indices], axis=1)
    corners = middle[:, [0, 1, 0, 1]] + np.array([-FACE, -FACE, FACE, FACE]) * 0.75
    return FaceTrack(
        track=number,
        frames=indices,
        times=indices / RATE,
        boxes=corners,
        landmarks=middle[:, None] + oval,
        scores=np.ones(len(indices)),
        filled=np.zeros(len(indices), bool),
    )


def analysis(tracks: Sequence[FaceTrack], count: int) -> Analysis:
    """An analysis that found ``tracks``."""
    return Analysis(tuple(tracks), (), count)


def with_look(plan: SwapPlan) -> SwapPlan:
    """The plan as if the usual look of its first face were known."""
    return dataclasses.replace(plan, appearances={0: LOOK})


class FakeSwapper:
    """Turns faces into their negatives, under a disc.

    Its crops follow the boxes; ``aligned`` says that they don't, so that occluders are looked for.
    """

    size = 64
    warnings = ()

    def __init__(self, digest: str = "f00d", *, aligned: bool = False) -> None:
        self.digest = digest
        self.aligned = aligned
        self.batches: list[int] = []

    def plan(self, track: FaceTrack, smoothing: object, *_: object) -> TrackPlan:
        """The track's boxes."""
        del smoothing
        matrices = np.stack([box_matrix(Box(*box), self.size) for box in track.boxes.tolist()])
        aux = {"frame": track.frames.astype(float)}
        return TrackPlan(track.frames, matrices, track.landmarks, aux, is_aligned=self.aligned)

    def swap(self, faces: Sequence[object]) -> list[SwappedFace]:
        """The negative of each face."""
        self.batches.append(len(faces))
        grid = np.linspace(-1, 1, self.size)
        mask = (np.hypot(grid[None], grid[:, None]) < 0.7).astype(np.float32)
        return [SwappedFace(255 - face.image, mask, face.matrix) for face in faces]


def main(clip: Path, out: Path, held_at: int = -1) -> None:
    """Swap ``clip``, whose face is there from the first frame to the last, and wait at a frame."""
    pipeline.analyse_clip = lambda *_: analysis([track(range(40))], 40)

    def hold(update: Update) -> None:
        if (update.stage, update.done) == ("swapping", held_at):
            print("held", flush=True)
            sys.stdin.readline()

    writer = WriterOptions(choose_picture_codec(out) or WriterOptions.codec)
    request = SwapRequest(Clip(clip), out, FakeSwapper(), SwapSettings(chunk=8, batch=4, writer=writer))
    pipeline.swap_clip(request, hold)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *map(int, sys.argv[3:]))
