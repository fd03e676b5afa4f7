"""A performance: head, gaze, speech and mood per frame, from one seed. Angles are degrees."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

SIDES = ("Left", "Right")
FRAMES = 250
"""Of every actor's performance: what is random in it depends on their number."""


@dataclass(frozen=True)
class Frame:
    """Pose and expression in one frame: yaw > 0 to the actor's left, pitch > 0 down, roll > 0 leaning right.

    ``gaze`` is (across, up) relative to the head; ``expression`` holds weights by ARKit's names.
    """

    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    gaze: tuple[float, float] = (0.0, 0.0)
    expression: dict[str, float] = field(default_factory=dict)


class _Clock:
    """Times and seeded waves of one performance."""

    def __init__(self, count: int, fps: float, seed: int) -> None:
        self.random = np.random.default_rng(seed)
        self.count = count
        self.times = np.arange(count) / fps

    def wave(self, frequencies: list[float], weights: list[float]) -> np.ndarray:
        """A sum of sines (Hz) with random phases, -1 to 1."""
        phases = self.random.uniform(0, 2 * np.pi, len(frequencies))
        angles = 2 * np.pi * np.outer(frequencies, self.times) + phases[:, None]
        return np.array(weights) @ np.sin(angles) / sum(weights)


def _speech(clock: _Clock) -> dict[str, np.ndarray]:
    phrase = np.clip(0.62 + 0.9 * clock.wave([0.31, 0.7], [1, 0.6]), 0, 1)
    syllable = np.clip(0.45 + 0.95 * clock.wave([2.1, 3.3, 4.6], [1, 0.9, 0.5]), 0, 1) * phrase
    spread = 0.5 + 0.65 * clock.wave([1.3, 2.1], [1, 1])
    closing = np.clip(1 - 4 * syllable, 0, 1) * phrase
    out = {
        "jawOpen": 0.62 * syllable,
        "mouthFunnel": 0.55 * syllable * np.clip(1 - spread, 0, 1),
        "mouthPucker": 0.8 * phrase * np.clip(0.45 - spread, 0, 1),
        "mouthRollLower": 0.25 * closing,
        "mouthShrugUpper": 0.2 * closing,
    }
    spread = np.clip(spread, 0, 1)
    for side in SIDES:
        out["mouthStretch" + side] = 0.3 * syllable * spread
        out["mouthUpperUp" + side] = 0.55 * syllable * spread
        out["mouthLowerDown" + side] = 0.3 * syllable * spread
        out["mouthPress" + side] = 0.3 * closing
    return out


def _mood(clock: _Clock, expression: dict[str, np.ndarray]) -> None:
    smile = np.clip(clock.wave([0.17, 0.4], [1, 0.5]) * 1.2, 0, 1)
    frown = np.clip(clock.wave([0.12, 0.33], [1, 0.6]) - 0.35, 0, 1) * (1 - smile)
    brows = clock.wave([0.23, 0.61], [1, 0.7])
    lean = 0.12 * clock.wave([0.2], [1])
    for side, sign in zip(SIDES, (1, -1), strict=True):
        expression["mouthSmile" + side] = 0.75 * smile * (1 + sign * lean)
        expression["cheekSquint" + side] = 0.5 * smile
        expression["eyeSquint" + side] = 0.3 * smile
        expression["mouthUpperUp" + side] = expression["mouthUpperUp" + side] + 0.35 * smile
        expression["mouthFrown" + side] = 0.6 * frown
        expression["browDown" + side] = 0.55 * np.clip(-brows, 0, 1)
        expression["browOuterUp" + side] = 0.5 * np.clip(brows * (1 + 2 * sign * lean), 0, 1)
    expression["jawOpen"] = np.clip(expression["jawOpen"] + 0.08 * smile, 0, 1)
    expression["browInnerUp"] = 0.65 * np.clip(brows, 0, 1)


def _blinks(clock: _Clock) -> np.ndarray:
    closed = np.zeros(clock.count)
    at = clock.random.uniform(0.5, 1.2)
    while at < clock.times[-1]:
        closed = np.maximum(closed, np.exp(-(((clock.times - at) / 0.075) ** 2) * 1.2))
        at += clock.random.uniform(1.4, 3.4)
    return 0.97 * closed


def _gaze(clock: _Clock, yaw: np.ndarray, pitch: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mostly at the camera, in jumps, with glances aside; limited to what eyes can do."""
    aside = np.zeros((clock.count, 2))
    until = 0.0
    target = np.zeros(2)
    for number, time in enumerate(clock.times):
        if time >= until:
            away = clock.random.uniform() < 0.35
            target = clock.random.uniform([-17, -8], [17, 7]) if away else clock.random.uniform(-1.5, 1.5, 2)
            until = time + (clock.random.uniform(0.3, 0.9) if away else clock.random.uniform(0.8, 2.0))
        aside[number] = target
    across = np.clip(aside[:, 0] - 0.9 * yaw, -24, 24)
    upward = np.clip(aside[:, 1] + 0.6 * pitch, -14, 12)
    quick = [0.15, 0.7, 0.15]
    return tuple(np.convolve(np.pad(x, 1, mode="edge"), quick, "valid") for x in (across, upward))


def perform(
    count: int, fps: float, seed: int, reach: tuple[float, float, float] = (25, 14, 9)
) -> list[Frame]:
    """``count`` frames of talking, smiling, blinking and turning by up to ``reach`` (yaw, pitch, roll)."""
    clock = _Clock(count, fps, seed)
    expression = _speech(clock)
    _mood(clock, expression)
    yaw = reach[0] * np.clip(1.35 * clock.wave([0.13, 0.29, 0.53], [1, 0.5, 0.2]), -1, 1)
    pitch = reach[1] * np.clip(1.2 * clock.wave([0.19, 0.37, 0.9], [1, 0.5, 0.15]), -1, 1)
    roll = reach[2] * np.clip(1.2 * clock.wave([0.11, 0.43], [1, 0.5]), -1, 1)
    across, upward = _gaze(clock, yaw, pitch)
    blink = _blinks(clock)
    for side in SIDES:
        expression["eyeBlink" + side] = blink
        expression["eyeWide" + side] = 0.35 * (1 - blink) * (1 - expression["eyeSquint" + side])
        expression["eyeLookUp" + side] = np.clip(upward / 25, 0, 1) * 0.9
        expression["eyeLookDown" + side] = np.clip(-upward / 25, 0, 1) * 0.9 * (1 - blink)
    return [
        Frame(
            yaw=float(yaw[i]),
            pitch=float(pitch[i]),
            roll=float(roll[i]),
            gaze=(float(across[i]), float(upward[i])),
            expression={name: float(curve[i]) for name, curve in expression.items() if curve[i] > 1e-4},
        )
        for i in range(count)
    ]


def _pair(name: str, weight: float) -> dict[str, float]:
    return {name + side: weight for side in SIDES}


STILLS = (
    Frame(),
    Frame(
        yaw=24,
        expression={
            "jawOpen": 0.12,
            **_pair("mouthSmile", 0.8),
            **_pair("mouthUpperUp", 0.4),
            **_pair("cheekSquint", 0.5),
        },
    ),
    Frame(
        yaw=-15,
        pitch=8,
        gaze=(12, 0),
        expression={"jawOpen": 0.65, "browInnerUp": 0.6, **_pair("mouthUpperUp", 0.2)},
    ),
    Frame(roll=9, expression={**_pair("eyeBlink", 0.97), "mouthFunnel": 0.5, "jawOpen": 0.3}),
)
"""What to look at before a long render: neutral, smile in three quarters, open mouth, blink."""
