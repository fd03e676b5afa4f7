"""Frames of a crowd: expressions, gazes and poses that have nothing to do with each other."""

from __future__ import annotations

import numpy as np
from crowd import random_of
from motion import SIDES, Frame


class _Face:
    """An expression in the making: weights add up, and the two sides differ a little."""

    def __init__(self, random: np.random.Generator) -> None:
        self.random = random
        self.weights: dict[str, float] = {}

    def add(self, name: str, low: float, high: float) -> None:
        """More of one shape."""
        self.weights[name] = self.weights.get(name, 0.0) + float(self.random.uniform(low, high))

    def pair(self, name: str, low: float, high: float, uneven: float = 0.15) -> None:
        """More of a shape on both sides."""
        weight = self.random.uniform(low, high)
        lean = self.random.uniform(-uneven, uneven)
        for side, sign in zip(SIDES, (1, -1), strict=True):
            self.weights[name + side] = self.weights.get(name + side, 0.0) + float(weight * (1 + sign * lean))


def _speech(face: _Face) -> None:
    opened = face.random.uniform(0.05, 1)
    spread = face.random.uniform()
    face.add("jawOpen", 0.4 * opened, 0.7 * opened)
    face.add("mouthFunnel", 0, 0.7 * opened * (1 - spread))
    face.add("mouthPucker", 0, 0.8 * max(0.0, 0.5 - spread))
    face.pair("mouthStretch", 0, 0.4 * opened * spread)
    face.pair("mouthUpperUp", 0, 0.7 * opened * spread)
    face.pair("mouthLowerDown", 0, 0.5 * opened * spread)


def _closed(face: _Face) -> None:
    face.pair("mouthPress", 0, 0.4)
    face.add("mouthRollLower", 0, 0.35)
    face.add("mouthRollUpper", 0, 0.2)
    face.add("mouthShrugUpper", 0, 0.25)
    face.add("mouthShrugLower", 0, 0.3)


def _smile(face: _Face) -> None:
    face.pair("mouthSmile", 0.25, 0.95, 0.3)
    face.pair("cheekSquint", 0, 0.6)
    face.pair("eyeSquint", 0, 0.4)
    face.pair("mouthDimple", 0, 0.2)


def _grin(face: _Face) -> None:
    _smile(face)
    face.pair("mouthUpperUp", 0.2, 0.6)
    face.pair("mouthLowerDown", 0, 0.4)
    face.add("jawOpen", 0, 0.35)


def _frown(face: _Face) -> None:
    face.pair("mouthFrown", 0.2, 0.8, 0.3)
    face.pair("browDown", 0.1, 0.8)
    face.pair("noseSneer", 0, 0.4, 0.5)
    face.add("mouthShrugLower", 0, 0.5)


def _wide(face: _Face) -> None:
    face.add("jawOpen", 0.55, 1.0)
    face.pair("mouthUpperUp", 0, 0.35)
    face.pair("mouthStretch", 0, 0.4)
    face.pair("eyeWide", 0, 0.5)


def _teeth(face: _Face) -> None:
    face.pair("mouthUpperUp", 0.3, 0.8, 0.3)
    face.pair("mouthLowerDown", 0.2, 0.7, 0.3)
    face.pair("mouthStretch", 0, 0.5)
    face.pair("noseSneer", 0, 0.5, 0.3)
    face.add("jawOpen", 0, 0.15)


def _pursed(face: _Face) -> None:
    face.add("mouthPucker", 0.3, 0.95)
    face.add("mouthFunnel", 0, 0.5)
    face.add("jawOpen", 0, 0.1)


def _odd(face: _Face) -> None:
    side = str(face.random.choice(SIDES))
    face.add("mouth" + side, 0.1, 0.5)
    face.add("jaw" + side, 0, 0.5)
    face.add("mouthSmile" + side, 0, 0.7)
    face.add("cheekPuff", 0, 0.5)
    face.add("jawOpen", 0, 0.2)


MOUTHS = {_speech: 0.30, _closed: 0.10, _smile: 0.10, _grin: 0.15, _frown: 0.08, _wide: 0.09, _teeth: 0.08}
MOUTHS |= {_pursed: 0.06, _odd: 0.04}


def _brows_and_eyes(face: _Face) -> None:
    random = face.random
    if random.uniform() < 0.6:
        raised = random.uniform() < 0.6
        face.pair("browOuterUp" if raised else "browDown", 0, 0.8, 0.6 if raised else 0.2)
        face.add("browInnerUp", 0, 0.8 if raised else 0.3)
    kind = random.uniform()
    if kind < 0.09:
        face.pair("eyeBlink", 0.93, 0.98, 0.01)
    elif kind < 0.22:
        face.pair("eyeBlink", 0.1, 0.8, 0.1)
    elif kind < 0.27:
        face.add("eyeBlink" + str(random.choice(SIDES)), 0.8, 0.97)
    elif kind < 0.40:
        face.pair("eyeSquint", 0.1, 0.8)
    else:
        face.pair("eyeWide", 0.05, 0.5)


def _looking(face: _Face, yaw: float, pitch: float) -> tuple[float, float]:
    """Half of the time at the camera, else anywhere that eyes can look; the lids follow."""
    random = face.random
    if random.uniform() < 0.5:
        aim = np.array([-0.9 * yaw, 0.6 * pitch]) + random.normal(0, 3, 2)
    else:
        aim = random.uniform([-26, -15], [26, 13])
    across, upward = np.clip(aim, [-26, -15], [26, 13])
    blink = max(face.weights.get("eyeBlink" + side, 0.0) for side in SIDES)
    for side in SIDES:
        face.weights["eyeLookUp" + side] = float(np.clip(upward / 25, 0, 1) * 0.9)
        face.weights["eyeLookDown" + side] = float(np.clip(-upward / 25, 0, 1) * 0.9 * (1 - blink))
    return float(across), float(upward)


def _calm(random: np.random.Generator) -> Frame:
    """Towards the camera, mouth closed, eyes open."""
    face = _Face(random)
    face.pair("eyeWide", 0.1, 0.35)
    face.pair("mouthSmile", 0, 0.15)
    yaw, pitch, roll = random.uniform(-4, 4, 3)
    across, upward = _looking(face, yaw, pitch) if random.uniform() < 0.3 else (-0.9 * yaw, 0.6 * pitch)
    return Frame(float(yaw), float(pitch), float(roll), (float(across), float(upward)), face.weights)


def _any(random: np.random.Generator) -> Frame:
    face = _Face(random)
    makers = list(MOUTHS)
    makers[random.choice(len(makers), p=list(MOUTHS.values()))](face)
    _brows_and_eyes(face)
    yaw = random.uniform(-25, 25)
    if random.uniform() < 0.2:
        yaw = random.choice([-1, 1]) * random.uniform(25, 45)
    pitch, roll = np.clip(random.normal(0, [8, 5]), [-18, -12], [18, 12])
    gaze = _looking(face, yaw, pitch)
    weights = {name: min(weight, 1.0) for name, weight in face.weights.items() if weight > 0.01}
    return Frame(float(yaw), float(pitch), float(roll), gaze, weights)


def random_frames(seed: int, count: int, calm: int = 4) -> list[Frame]:
    """``count`` frames that have nothing to do with each other; the first ``calm`` are calm and frontal."""
    return [(_calm if number < calm else _any)(random_of(seed, 3, number)) for number in range(count)]
