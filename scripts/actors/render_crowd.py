"""Render random people: a folder of unrelated pictures for each. See README.md."""

from __future__ import annotations

import argparse
import dataclasses
import json
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

import crowd
import crowd_frames
import numpy as np
import scene
from actor import Actor
from landmarks import LANDMARKS

if TYPE_CHECKING:
    from motion import Frame

LEVELS = 1
STRANDS = 2600
"""Both are enough for pictures this small."""

CHIN = 8
BROWS = (19, 24)
INNER = slice(17, 68)
BROWS_TO_CHIN = 0.46
"""Share of the picture's height; the whole face up to the hairline is about 1.4 times as high."""


def options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, help="folder for the people's folders")
    parser.add_argument("--first", type=int, default=0, help="number (and seed) of the first person")
    parser.add_argument("--count", type=int, default=1, help="how many people")
    parser.add_argument("--frames", type=int, default=40, help="pictures per person")
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--samples", type=int, default=2)
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


class Framing:
    """Keeps a camera on a person's face, wherever the head turns."""

    def __init__(self, actor: Actor, seed: int) -> None:
        marks = actor.points[list(LANDMARKS)]
        height = float(marks[list(BROWS), 1].mean() - marks[CHIN, 1])
        self.span = height / BROWS_TO_CHIN
        self.distance = crowd.random_distance(seed)
        self.middle = np.array([0, marks[list(BROWS), 1].mean() - 0.42 * height, marks[INNER, 2].mean()])
        self.pivot = actor.pivot

    def aim(self, actor: Actor, view: crowd.View) -> None:
        """Follow the head, but for the frame's own shift and zoom."""
        centre = (self.middle - self.pivot) @ actor.turn.T + self.pivot
        span = self.span / view.zoom
        scene.aim_camera(centre - span * np.array([*view.shift, 0]), span, self.distance)


def render_person(folder: Path, seed: int, frames: list[Frame], chosen: argparse.Namespace) -> None:
    """All pictures of one person, in a scene of their own."""
    person = crowd.random_person(seed)
    conditions = crowd.random_conditions(seed, person.skin)
    scene.build(chosen.size, chosen.samples, chosen.threads, conditions)
    scene.hurry()
    scene.write_masks_to(folder)
    actor = Actor(person, person, LEVELS, STRANDS)
    framing = Framing(actor, seed)
    for number, frame in enumerate(frames):
        actor.pose(frame)
        framing.aim(actor, crowd.random_view(seed, number))
        scene.render_frame(number, folder / f"frame_{number:04d}.png")
    told = {"person": person, "conditions": conditions}
    told = {name: dataclasses.asdict(value) for name, value in told.items()}
    (folder / "truth.json").write_text(json.dumps(told | {"frames": [dataclasses.asdict(f) for f in frames]}))


def main() -> None:
    """Render everybody who is not there yet."""
    chosen = options()
    for seed in range(chosen.first, chosen.first + chosen.count):
        folder = chosen.out.resolve() / f"p{seed:04d}"
        if (folder / "done").exists():
            continue
        began = time.process_time()
        passed = time.monotonic()
        unfinished = folder.with_name(folder.name + ".part")
        for stale in (unfinished, folder):
            shutil.rmtree(stale, ignore_errors=True)
        unfinished.mkdir(parents=True)
        render_person(unfinished, seed, crowd_frames.random_frames(seed, chosen.frames), chosen)
        (unfinished / "done").touch()
        unfinished.rename(folder)
        cpu = time.process_time() - began
        wall = time.monotonic() - passed
        print(f"{folder.name}: {cpu:.1f} CPU-s, {wall:.1f} s", flush=True)


if __name__ == "__main__":
    main()
