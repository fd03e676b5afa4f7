"""A voice that follows the mouth: glottal pulses through formant filters (Fant 1960, source and filter)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.signal import lfilter

if TYPE_CHECKING:
    from motion import Frame

RATE = 16000
BLOCK = 400
"""Samples between two settings of the formants (25 ms)."""


def _curve(frames: list[Frame], fps: float, name: str, times: np.ndarray) -> np.ndarray:
    values = [frame.expression.get(name, 0.0) for frame in frames]
    return np.interp(times, np.arange(len(frames)) / fps, values)


def _pulses(times: np.ndarray, pitch: float) -> np.ndarray:
    melody = pitch * (1 + 0.12 * np.sin(2 * np.pi * 0.7 * times) + 0.05 * np.sin(2 * np.pi * 2.1 * times))
    opened = np.diff(np.floor(np.cumsum(melody / RATE)), prepend=0) > 0
    breath = 0.01 * np.random.default_rng(0).normal(0, 1, len(times))
    return lfilter([1], [1, -0.95], opened.astype(float)) + breath


def speak(frames: list[Frame], fps: float, pitch: float) -> np.ndarray:
    """16 kHz mono int16; ``pitch`` in Hz. An open jaw is loud and raises the first formant."""
    times = np.arange(int(len(frames) / fps * RATE)) / RATE
    jaw, round_lips = (_curve(frames, fps, name, times) for name in ("jawOpen", "mouthFunnel"))
    sound = _pulses(times, pitch)
    states = [np.zeros(2) for _ in range(3)]
    for start in range(0, len(sound), BLOCK):
        block = sound[start : start + BLOCK]
        opening = jaw[start]
        rounding = round_lips[start]
        formants = ((300 + 550 * opening, 80), (1900 - 900 * rounding - 500 * opening, 110), (2600, 160))
        for number, (frequency, width) in enumerate(formants):
            radius = np.exp(-np.pi * width / RATE)
            poles = [1, -2 * radius * np.cos(2 * np.pi * frequency / RATE), radius**2]
            block, states[number] = lfilter([sum(poles)], poles, block, zi=states[number])
        sound[start : start + BLOCK] = block
    sound = sound * np.clip(2.2 * jaw, 0, 1)
    return (sound / (abs(sound).max() + 1e-9) * 0.7 * 32767).astype(np.int16)
