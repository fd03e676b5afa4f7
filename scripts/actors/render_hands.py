"""Render hands in random poses and light, on nothing, for scripts/occluders. See README.md."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import bpy
import crowd
import materials
import mpfb
import numpy as np
import scene
from surfaces import Part

SPAN_DM = 2.0
"""Width of the picture."""
DISTANCE_M = 0.7
"""From the hand to the camera."""
MIDDLE = np.array([0, 7.2, 1.2])
"""Middle of the hand, where the lights are, decimetres."""
LOWER_DM = 0.15
"""The camera looks at a point this far below the middle."""
REACH = 2.0
"""What is nearer to the wrist is the hand, decimetres."""
ELBOW = 2.2
"""What is farther from the middle of the body is rendered, decimetres."""
FLEXION = (70, 95, 60)
"""Degrees that the joints of a finger bend by at most, from its root on."""
PALE = np.array([0.62, 0.40, 0.30])
"""Skin, linear RGB; what learns from these pictures gives it other tones."""


class Hand:
    """A left hand and its bones."""

    def __init__(self) -> None:
        mesh = mpfb.base_mesh()
        self.points = mesh.points
        self.part = Part([face for face in mesh.faces["body"] if mesh.points[face, 0].min() > ELBOW], 1)
        self.wrist = self._joint("joint-l-hand")
        self.across = self._joint("joint-l-finger-2-1") - self._joint("joint-l-finger-5-1")
        self.along = self._joint("joint-l-finger-3-1") - self.wrist
        self.palm = _unit(np.cross(self.across, self.along))
        path = mpfb.data_folder() / "mpfb2/rigs/standard/weights.default.json"
        self._weights = json.loads(path.read_text())["weights"]

    def _joint(self, name: str) -> np.ndarray:
        return self.points[mpfb.group(name)].mean(0)

    def posed(self, random: np.random.Generator) -> np.ndarray:
        """The part's points, from the wrist: stretched, relaxed, pointing or a fist."""
        fist = random.beta(0.8, 1.2)
        moved = self.points.copy()
        for finger in range(1, 6):
            bend = np.clip(fist + random.normal(0, 0.13), 0, 1)
            if random.random() < 0.12:
                bend = random.uniform(0, 0.15)
            spread = random.normal(0, 9) * (1 - bend)
            moved = self._finger(moved, finger, bend, spread)
        return self.part(moved) - self.wrist

    def _finger(self, points: np.ndarray, finger: int, bend: float, spread: float) -> np.ndarray:
        joints = [self._joint(f"joint-l-finger-{finger}-{i}") for i in range(1, 5)]
        axis = _unit(np.cross(self.palm, joints[3] - joints[0]))
        if finger == 1:  # a thumb bends across the palm
            axis = _unit(0.5 * axis + self.palm * 0.8)
            bend = 0.45 * bend
        out = points.copy()
        turn = np.eye(3)
        moved = np.zeros(3)
        for bone in range(3):
            step = _turned(axis, np.radians(FLEXION[bone] * bend))
            if bone == 0:
                step = _turned(self.palm, np.radians(spread)) @ step
            moved = moved + turn @ (joints[bone] - step @ joints[bone])
            turn = turn @ step
            index, share = np.array(self._weights[f"finger{finger}-{bone + 1}.L"]).T
            index = index.astype(int)
            out[index] += share[:, None] * (points[index] @ turn.T + moved - points[index])
        return out


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)


def _turned(axis: np.ndarray, angle: float) -> np.ndarray:
    """(3, 3): a turn about an axis (Rodrigues)."""
    x, y, z = axis
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def _seen_from(random: np.random.Generator, hand: Hand) -> np.ndarray:
    """(3, 3): fingers up in the picture, give or take; palm, back or a side towards the camera."""
    along = _unit(hand.along)
    palm = _unit(hand.palm - along * (hand.palm @ along))
    here = np.stack([np.cross(along, palm), along, palm])
    about = random.choice([0, 180, 90, -90], p=[0.35, 0.35, 0.15, 0.15]) + random.normal(0, 25)
    tilt = random.normal(0, 25)
    return (
        _turned(np.array([1.0, 0, 0]), np.radians(tilt))
        @ _turned(np.array([0, 1.0, 0]), np.radians(about))
        @ here
    )


def main() -> None:
    """Render hands that are not there yet: ``hand_NNNN.png`` with an alpha channel, fingers mostly up."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, help="folder for the pictures")
    parser.add_argument("--first", type=int, default=0, help="number (and seed) of the first hand")
    parser.add_argument("--count", type=int, default=240)
    parser.add_argument("--size", type=int, default=320)
    parser.add_argument("--samples", type=int, default=3)
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    hand = Hand()
    for number in range(chosen.first, chosen.first + chosen.count):
        path = chosen.out.resolve() / f"hand_{number:04d}.png"
        if not path.exists():
            scene.build(chosen.size, chosen.samples, 1, crowd.random_conditions(number))
            scene.hurry()
            _show(hand, np.random.default_rng((number, 31)))
            scene.render_frame(number, path)


def _show(hand: Hand, random: np.random.Generator) -> None:
    """Put a hand before the camera, with nothing behind it."""
    render = bpy.context.scene.render
    render.film_transparent = True
    render.image_settings.color_mode = "RGBA"
    bpy.data.objects["wall"].hide_render = True
    points = hand.posed(random) @ _seen_from(random, hand).T
    points *= np.exp(random.normal(0, 0.08, 3))
    near = np.abs(points).max(1) < REACH
    points += MIDDLE - [*points[near, :2].mean(0), 0]
    thing = scene.add_mesh("hand", points, hand.part.faces, materials.skin())
    polish = random.uniform(0, 1, 3) if random.random() < 0.2 else PALE * [1.2, 1.1, 1.1]
    nails = np.clip(hand.part(mpfb.region("fingernails"))[:, None], 0, 1)
    scene.set_attribute(thing, "colour", PALE * (1 - nails) + polish * nails)
    scene.set_attribute(thing, "place", hand.part(hand.points), vector=True)
    scene.set_attribute(thing, "pores", np.full(hand.part.count, 0.5))
    freckles = np.tile([0, random.uniform(0, 0.5), 0], (hand.part.count, 1))
    scene.set_attribute(thing, "growth", freckles)
    scene.aim_camera(MIDDLE - [0, LOWER_DM, 0], SPAN_DM, DISTANCE_M)


if __name__ == "__main__":
    main()
