"""Render faces of people who don't exist: performances in even light. See README.md."""

from __future__ import annotations

import argparse
from pathlib import Path

import crowd
import scene
from actor import Actor
from crowd import View
from motion import FRAMES, perform
from render_crowd import Framing

FPS = 25
VIEW = View((0.0, 0.0), 1.0)


def options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, help="folder for the people's folders")
    parser.add_argument("people", type=int, nargs="+", help="numbers of the people, as of the crowd")
    parser.add_argument("--step", type=int, default=10, help="of the performance, every so many frames")
    parser.add_argument("-n", "--frames", type=int, default=FRAMES, help="of the performance")
    parser.add_argument("--size", type=int, default=320)
    parser.add_argument("--samples", type=int, default=2)
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


def render_face(folder: Path, seed: int, chosen: argparse.Namespace) -> None:
    """All pictures of one person."""
    folder.mkdir(parents=True)
    scene.build(chosen.size, chosen.samples, chosen.threads)
    scene.write_masks_to(folder)
    person = crowd.random_person(seed)
    actor = Actor(person, person)
    framing = Framing(actor, seed)
    framing.distance = scene.DISTANCE
    performance = perform(FRAMES, FPS, seed)
    for number in range(0, chosen.frames, chosen.step):
        actor.pose(performance[number])
        framing.aim(actor, VIEW)
        scene.render_frame(number, folder / f"frame_{number:04d}.png")


def main() -> None:
    """Render everybody who is not there yet."""
    chosen = options()
    for seed in chosen.people:
        folder = chosen.out.resolve() / f"p{seed:04d}"
        if not folder.exists():
            render_face(folder, seed, chosen)


if __name__ == "__main__":
    main()
