"""Things that are held before a face or stand before it: cutlery, microphones, cups, cables, other people.

Each is drawn as ``shapes`` draws: a picture (SIDE, SIDE, 3) float32 RGB on black and where it covers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
from shapes import SIDE, Random, direction, lamp, shading

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from shapes import Drawn, Floats


def held(random: Random, people: Sequence[NDArray[np.uint8]]) -> Drawn:
    """Something of those.

    Args:
        random: what it is follows from this alone.
        people: pictures of other people, (H, W, 3) uint8.
    """
    kind = random.random()
    if kind < 0.22:
        return cutlery(random)
    if kind < 0.45:
        return microphone(random)
    if kind < 0.55:
        return cup(random)
    if kind < 0.7:
        return cable(random)
    return neighbour(random, people)


def cutlery(random: Random) -> Drawn:
    """A spoon, a fork, a knife or chopsticks, of metal, wood or plastic, pointing at the mouth."""
    tip = np.array([0.5, 0.68]) * SIDE + random.normal(0, 0.07 * SIDE, 2)
    angle = random.uniform(0, 2 * np.pi) if random.random() < 0.4 else random.uniform(-0.3, np.pi + 0.3)
    along = direction(angle)
    thick = random.uniform(0.012, 0.035) * SIDE
    shape = np.zeros((SIDE, SIDE), np.uint8)
    kind = random.integers(4)
    if kind == 0:
        axes = SIDE * random.uniform(0.05, 0.1) * np.array([2, random.uniform(0.6, 1.5)])
        cv2.ellipse(shape, (tip.tolist(), axes.tolist(), float(np.degrees(angle))), 255, -1, cv2.LINE_AA)
    elif kind == 1:
        across = np.array([-along[1], along[0]])
        length = SIDE * random.uniform(0.08, 0.14)
        for tooth in np.linspace(-1, 1, random.integers(3, 5)):
            root = tip + across * tooth * thick * 1.3
            _stroke(shape, root, root - along * length, max(1, thick * 0.4))
        _stroke(shape, tip - across * thick * 1.3, tip + across * thick * 1.3, thick)
    elif kind == 2:
        _stroke(shape, tip, tip - along * SIDE * random.uniform(0.05, 0.25), thick * random.uniform(1.2, 2.5))
    else:
        beside = tip + random.normal(0, 0.05 * SIDE, 2)
        _stroke(shape, beside, beside + direction(angle + random.normal(0, 0.15)) * SIDE * 1.5, thick)
    _stroke(shape, tip, tip + along * SIDE * 1.5, thick)
    tone = random.random()
    if tone < 0.6:
        colour = random.uniform(110, 235) * random.uniform(0.95, 1.05, 3)
    elif tone < 0.8:
        colour = np.array([150, 105, 65]) * random.uniform(0.4, 1.3)
    else:
        colour = random.uniform(10, 250, 3)
    picture = np.ones((SIDE, SIDE, 3), np.float32) * colour * _mirrored(random)
    picture *= shading(shape, thick + 4, lamp(random), random.uniform(0.3, 0.9))[..., None]
    return _over(picture, shape)


def microphone(random: Random) -> Drawn:
    """A microphone from below or from a side: a head of mesh or foam on a handle."""
    head = np.array([random.uniform(0.15, 0.85), random.uniform(0.6, 0.98)]) * SIDE
    radius = random.uniform(0.05, 0.17) * SIDE
    angle = random.normal(np.pi / 2, 0.7)
    shape = np.zeros((SIDE, SIDE), np.uint8)
    axes = (2 * radius * random.uniform(1, 1.6), 2 * radius)
    cv2.ellipse(shape, (head.tolist(), axes, float(np.degrees(angle))), 255, -1, cv2.LINE_AA)
    foam = random.random() < 0.5
    level = random.uniform(5, 70) if random.random() < 0.7 else random.uniform(70, 210)
    tint = random.uniform(0.3, 1.5, 3) if foam and random.random() < 0.3 else random.uniform(0.95, 1.05, 3)
    grain = random.normal(0, 0.25, (SIDE, SIDE)).astype(np.float32)
    if not foam:  # a mesh of wires
        y, x = np.mgrid[:SIDE, :SIDE] * (2 * np.pi / random.uniform(3, 8))
        grain = (np.sin(x + y) * np.sin(x - y)).astype(np.float32) * random.uniform(0.2, 0.7)
    grain = cv2.GaussianBlur(grain, (0, 0), random.uniform(0.3, 1.5))[..., None]
    picture = np.ones((SIDE, SIDE, 3), np.float32) * level * tint * np.exp(grain)
    picture *= shading(shape, radius, lamp(random), random.uniform(0.3, 0.8))[..., None]
    picture, covers = _over(picture, shape)
    handle = np.zeros((SIDE, SIDE), np.uint8)
    start = head + direction(angle) * radius
    _stroke(handle, start, start + direction(angle) * SIDE, radius * random.uniform(0.5, 1.5))
    lit = shading(handle, radius * 0.7, lamp(random), 0.6)[..., None]
    under, below = _over(np.ones((SIDE, SIDE, 3), np.float32) * random.uniform(5, 120) * lit, handle)
    return under * (1 - covers) + picture, np.maximum(covers, below)


def cup(random: Random) -> Drawn:
    """A cup, a glass or a can before mouth and chin."""
    middle = np.array([random.uniform(0.3, 0.7), random.uniform(0.75, 1.1)]) * SIDE
    sides = np.array([random.uniform(0.2, 0.5), random.uniform(0.3, 0.7)]) * SIDE
    shape = np.zeros((SIDE, SIDE), np.uint8)
    box = cv2.boxPoints((middle.tolist(), sides.tolist(), float(random.normal(0, 15))))
    cv2.fillPoly(shape, [box.astype(np.int32)], 255, cv2.LINE_AA)
    colour = random.uniform(10, 250, 3) if random.random() < 0.6 else random.uniform(60, 250) * np.ones(3)
    picture = np.ones((SIDE, SIDE, 3), np.float32) * colour * _mirrored(random)
    picture *= shading(shape, sides[0] / 2, lamp(random), random.uniform(0.2, 0.8))[..., None]
    return _over(picture, shape)


def cable(random: Random) -> Drawn:
    """A thin straight or bent thing: a straw, a cable, a pen, a rope, a branch."""
    start = random.uniform(0, SIDE, 2)
    angle = random.uniform(0, 2 * np.pi)
    points = [start]
    bend = random.normal(0, 0.04)
    for _ in range(40):
        start = start + 8 * direction(angle)
        angle = angle + bend + random.normal(0, 0.02)
        points.append(start)
    shape = np.zeros((SIDE, SIDE), np.uint8)
    thick = int(random.integers(2, 14))
    cv2.polylines(shape, [np.array(points).astype(np.int32)], False, 255, thick, cv2.LINE_AA)
    colour = random.uniform(5, 250, 3) if random.random() < 0.4 else random.uniform(5, 250) * np.ones(3)
    picture = np.ones((SIDE, SIDE, 3), np.float32) * colour
    picture *= shading(shape, thick / 2 + 1, lamp(random), random.uniform(0.2, 0.9))[..., None]
    return _over(picture, shape)


def neighbour(random: Random, people: Sequence[NDArray[np.uint8]]) -> Drawn:
    """Another person's picture from a side on, as large or larger, cut along a line that is hardly bent."""
    patch = people[random.integers(len(people))]
    zoom = SIDE / len(patch) * random.uniform(0.8, 1.6)
    matrix = cv2.getRotationMatrix2D((patch.shape[1] / 2, patch.shape[0] / 2), random.normal(0, 12), zoom)
    matrix[:, 2] += SIDE / 2 - np.array(patch.shape[1::-1]) / 2 + random.normal(0, 0.3, 2) * SIDE
    picture = cv2.warpAffine(patch, matrix, (SIDE, SIDE), borderMode=cv2.BORDER_REFLECT).astype(np.float32)
    picture *= random.uniform(0.6, 1.2)
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float32) / SIDE - 0.5
    turn = random.choice([0, np.pi]) + random.normal(0, 0.35)
    beside = x * np.cos(turn) + y * np.sin(turn)
    bow = random.normal(0, 0.5) * (-x * np.sin(turn) + y * np.cos(turn)) ** 2
    edge = (beside + bow - random.uniform(-0.05, 0.38)) * SIDE
    covers = np.clip(edge / random.uniform(1, 3) + 0.5, 0, 1).astype(np.float32)[..., None]
    return picture * covers, covers


def _mirrored(random: Random) -> Floats:
    """(SIDE, SIDE, 1): bright and dark bands, as metal and glazes mirror."""
    angle = random.uniform(0, np.pi)
    y_x = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    along = (y_x[1] * np.cos(angle) + y_x[0] * np.sin(angle)) * (2 * np.pi / random.uniform(20, 200))
    return (1 + random.uniform(0, 0.5) * np.sin(along + random.uniform(0, 6)))[..., None].astype(np.float32)


def _stroke(shape: NDArray[np.uint8], start: Floats, end: Floats, thick: float) -> None:
    corners = (np.rint(np.stack([start, end]) * 16)).astype(np.int32)
    cv2.polylines(shape, [corners], False, 255, max(1, round(float(thick))), cv2.LINE_AA, 4)


def _over(picture: Floats, shape: NDArray[np.uint8]) -> Drawn:
    covers = shape.astype(np.float32)[..., None] / 255
    return (picture * covers).astype(np.float32), covers
