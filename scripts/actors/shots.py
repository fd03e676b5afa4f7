"""Render the shots of the picture matrix that no filter can make, and their true swaps. See README.md."""

from __future__ import annotations

import argparse
import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import bpy
import numpy as np
import props
import scene
from actor import CAST, Actor
from conditions import STUDIO, Conditions, Light
from motion import FRAMES, Frame, perform
from render import write_truth

if TYPE_CHECKING:
    from collections.abc import Callable

SEED = 2
FPS = 25.0
SIDE_LIGHT = Conditions(
    lights=(Light((-1.45, -0.30, 0.95), 0.12, 24, (1, 0.95, 0.88)),),
    world=(0.32, 0.36, 0.42),
    strength=0.04,
    backdrop=((0.02, 0.025, 0.03), (0.10, 0.08, 0.06)),
)
BESIDE = (0.095, -0.16, -0.004)
"""Where somebody stands who hides half of the actor: Blender's metres."""


@dataclass(frozen=True)
class Shot:
    """The performer's motion from a frame on, with something in front or other light.

    Attributes:
        start: first frame of the performance.
        things: makes what is in front.
        conditions: the light.
        yaws: degrees from the first frame to the last, instead of the performance's.
        guest: an actor who stands half in front; None where nobody does.
    """

    start: int
    things: Callable[[], list[props.Thing]] = list
    conditions: Conditions = STUDIO
    yaws: tuple[float, float] | None = None
    guest: str | None = None


SHOTS = {
    "thin-glasses": Shot(30, lambda: props.glasses(props.THIN)),
    "thick-glasses": Shot(60, lambda: props.glasses(props.THICK)),
    "tinted-glasses": Shot(110, lambda: props.glasses(props.TINTED)),
    "microphone": Shot(140, props.microphone),
    "spoon": Shot(165, props.spoon),
    "hand": Shot(200, props.hand),
    "hair": Shot(85, props.lock),
    "guest": Shot(40, guest="B"),
    "side-light": Shot(30, conditions=SIDE_LIGHT),
    "turned": Shot(140, yaws=(-62, 62)),
}


def frames_of(shot: Shot, count: int) -> list[Frame]:
    """The actor's motion, frame by frame."""
    frames = perform(FRAMES, FPS, SEED)[shot.start : shot.start + count]
    if shot.yaws is None:
        return frames
    yaws = np.linspace(*shot.yaws, count)
    return [
        dataclasses.replace(frame, yaw=float(yaw), gaze=(float(np.clip(-0.4 * yaw, -18, 18)), 0.0))
        for frame, yaw in zip(frames, yaws, strict=True)
    ]


def _guest(name: str) -> Actor:
    """Another actor half in front, whose face is not the one that is swapped."""
    objects = set(bpy.data.objects)
    materials = set(bpy.data.materials)
    actor = Actor(*CAST[name])
    for thing in set(bpy.data.objects) - objects:
        thing.location = BESIDE
    for material in set(bpy.data.materials) - materials:
        scene.put_in_front(material)
    return actor


def main() -> None:
    """Render one shot of one actor."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("shot", choices=SHOTS)
    parser.add_argument("actor", choices=CAST)
    parser.add_argument("out", type=Path, help="folder for the frames")
    parser.add_argument("-n", "--frames", type=int, default=20)
    parser.add_argument("--step", type=int, default=1)
    parser.add_argument("--size", type=int, default=400)
    parser.add_argument("--samples", type=int, default=2)
    chosen = parser.parse_args()
    shot = SHOTS[chosen.shot]
    folder = chosen.out.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    scene.build(chosen.size, chosen.samples, 1, shot.conditions)
    scene.write_masks_to(folder)
    actor = Actor(*CAST[chosen.actor])
    things = shot.things()
    guest = None if shot.guest is None else _guest(shot.guest)
    guest_frames = perform(FRAMES, FPS, SEED + 1)
    for number, frame in enumerate(frames_of(shot, chosen.frames)):
        path = folder / f"frame_{number:04d}.png"
        if number % chosen.step or path.exists():
            continue
        actor.pose(frame)
        for thing in things:
            moved = thing.points + number * thing.drift
            if thing.on_head:
                moved = (moved - actor.pivot) @ actor.turn.T + actor.pivot
            thing.move(moved)
        if guest is not None:
            guest.pose(guest_frames[number])
        scene.render_frame(number, path)
        write_truth(folder, number, frame, actor, chosen.size)


if __name__ == "__main__":
    main()
