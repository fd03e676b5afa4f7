"""Render an actor: pictures, face masks and the truth about every frame. See README.md."""

from __future__ import annotations

import argparse
import dataclasses
import json
import time
from pathlib import Path

import numpy as np
import scene
from actor import CAST, Actor
from motion import FRAMES, STILLS, Frame, perform


def options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("actor", choices=CAST, help="A, B, C, or AB, AC: A's head wearing another's face")
    parser.add_argument("out", type=Path, help="folder for the frames")
    parser.add_argument("-n", "--frames", type=int, default=FRAMES)
    parser.add_argument("--start", type=int, default=0, help="first frame to render")
    parser.add_argument("--step", type=int, default=1)
    parser.add_argument("--fps", type=float, default=25)
    parser.add_argument(
        "--seed", type=int, default=7, help="of the motion; the same seed gives every actor one motion"
    )
    parser.add_argument("--size", type=int, default=384)
    parser.add_argument("--samples", type=int, default=4)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--still", action="store_true", help="four test poses instead of the performance")
    return parser.parse_args()


def write_truth(folder: Path, number: int, frame: Frame, actor: Actor, size: int) -> None:
    """Write what is true of a frame.

    ``points_NNNN.npy``: the base mesh projected (px, m); ``frame_NNNN.json``: pose, gaze, expression.
    """
    points = scene.project(actor.deform(frame), size)
    np.save(folder / f"points_{number:04d}.npy", points.astype(np.float32))
    truth = dataclasses.asdict(frame) | {"rotation": actor.turn.tolist(), "pivot": actor.pivot.tolist()}
    (folder / f"frame_{number:04d}.json").write_text(json.dumps(truth))


def main() -> None:
    """Render what was asked for."""
    chosen = options()
    chosen.out.mkdir(parents=True, exist_ok=True)
    folder = chosen.out.resolve()
    scene.build(chosen.size, chosen.samples, chosen.threads)
    scene.write_masks_to(folder)
    actor = Actor(*CAST[chosen.actor])
    frames = list(STILLS) if chosen.still else perform(chosen.frames, chosen.fps, chosen.seed)
    for number in range(chosen.start, len(frames), chosen.step):
        began = time.process_time()
        actor.pose(frames[number])
        scene.render_frame(number, folder / f"frame_{number:04d}.png")
        write_truth(folder, number, frames[number], actor, chosen.size)
        print(f"frame {number}: {time.process_time() - began:.1f} CPU-s", flush=True)


if __name__ == "__main__":
    main()
