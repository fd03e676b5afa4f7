"""Faces of rendered people with something before them, and where it is."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from shapes import Random, folds, occluder

from recaster.faces import alignment
from recaster.facesets.faceset import Faceset
from recaster.likeness import geometry
from recaster.likeness.form import canonical_mesh, mesh_in_crop
from recaster.likeness.occluders import SIZE, Look, compared, usual_look

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Person:
    """One rendered person.

    Attributes:
        crops: (N, SIZE, SIZE, 3) uint8 RGB.
        points: (N, 478, 3), meshes in the crops' pixels.
        look: how the person usually looks.
    """

    crops: NDArray[np.uint8]
    points: NDArray[np.float64]
    look: Look


def person_in(folder: Path) -> Person:
    """The person of a faceset."""
    faceset = Faceset.open(folder)
    points = np.stack([record.landmarks for record in faceset.records]).astype(np.float64)
    matrices = geometry.fit_crop(points, mesh_in_crop(canonical_mesh(points), SIZE))
    crops = np.stack(
        [alignment.warp(faceset.crop(r), m, SIZE) for r, m in zip(faceset.records, matrices, strict=True)]
    )
    moved = np.stack([alignment.transform(p, m) for p, m in zip(points, matrices, strict=True)])
    return Person(crops, moved, usual_look(crops, moved))


def example(people: Sequence[Person], random: Random) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """What the network is shown, (SIZE, SIZE, CHANNELS), and what it should say, (SIZE, SIZE, 1); uint8."""
    person = people[random.integers(len(people))]
    chosen = random.integers(len(person.crops))
    face = person.crops[chosen]
    hull = cv2.convexHull(person.points[chosen, :468, :2].astype(np.float32)).astype(np.int32)
    picture = _misfitting(_in_other_light(face, random), random)
    inside = cv2.fillConvexPoly(np.zeros((SIZE, SIZE), np.uint8), hull, 1) > 0
    skin = np.quantile(picture[inside], random.uniform(0.4, 0.75), 0)
    others = people[random.integers(len(people))].crops
    covered = np.zeros((SIZE, SIZE, 1), np.float32)
    if random.random() < 0.15:  # a shadow is no occluder
        _, shadow = _at_size(occluder(random, skin, others))
        shadow = cv2.GaussianBlur(shadow, (0, 0), random.uniform(1, 8))[..., None]
        picture = picture * (1 - shadow * random.uniform(0.1, 0.6))
    if random.random() < 0.4:
        picture = picture * cv2.resize(folds(random), (SIZE, SIZE), interpolation=cv2.INTER_AREA)[..., None]
    if random.random() < 0.72:
        for _ in range(1 if random.random() < 0.8 else 2):
            drawn, over = _at_size(occluder(random, skin, others))
            if random.random() < 0.3:  # moving, or out of focus
                sigma = random.uniform(0.5, 2.5)
                drawn = cv2.GaussianBlur(drawn, (0, 0), sigma)
                over = cv2.GaussianBlur(over, (0, 0), sigma)[..., None]
            moved = np.hstack([np.eye(2), random.integers(-4, 5, (2, 1))])
            shade = cv2.warpAffine(over, moved, (SIZE, SIZE))
            shade = cv2.GaussianBlur(shade, (0, 0), random.uniform(2, 6))[..., None] * random.uniform(0, 0.6)
            picture = picture * (1 - shade * (1 - over)) * (1 - over) + drawn * np.exp(random.normal(0, 0.08))
            covered = np.maximum(covered, over)
    look = person.look
    if random.random() < 0.5:
        blurred = cv2.GaussianBlur(look.texture, (0, 0), random.uniform(0.3, 1.5))
        look = dataclasses.replace(look, texture=blurred)
    shown = compared(look, _filmed(picture, random), person.points[chosen])
    wanted = np.rint(covered * 255).astype(np.uint8)
    return (shown[:, ::-1], wanted[:, ::-1]) if random.random() < 0.5 else (shown, wanted)


def _at_size(drawn: tuple[NDArray[np.float32], NDArray[np.float32]]) -> tuple[NDArray[np.float32], ...]:
    picture, over = (cv2.resize(one, (SIZE, SIZE), interpolation=cv2.INTER_AREA) for one in drawn)
    return picture, over[..., None]


def _field(random: Random, cells: int, amount: float) -> NDArray[np.float32]:
    """(SIZE, SIZE): random values that change slowly."""
    coarse = random.normal(0, amount, (cells, cells)).astype(np.float32)
    return cv2.resize(coarse, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC)


def _in_other_light(face: NDArray[np.uint8], random: Random) -> NDArray[np.float32]:
    """A face lit otherwise: brighter or darker, tinted, from another side."""
    if random.random() < 0.2:
        return face.astype(np.float32)
    gain = _field(random, random.integers(2, 5), random.uniform(0, 0.25))[..., None]
    return face * np.exp(gain + random.normal(0, 0.15) + random.normal(0, 0.04, 3)).astype(np.float32)


def _misfitting(picture: NDArray[np.float32], random: Random) -> NDArray[np.float32]:
    """A picture whose parts lie up to some pixels beside where the mesh says."""
    amount = random.uniform(0, 2.2)
    y, x = np.mgrid[:SIZE, :SIZE].astype(np.float32)
    x += _field(random, random.integers(3, 8), amount)
    y += _field(random, random.integers(3, 8), amount)
    return cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _filmed(picture: NDArray[np.float32], random: Random) -> NDArray[np.uint8]:
    """A picture as a camera, a grade and a codec would leave it: pale, soft, small, noisy, with blocks."""
    if random.random() < 0.5:
        grey = picture.mean(-1, keepdims=True)
        picture = grey + random.uniform(0, 1.3) * (picture - grey)
        picture = 255 * np.clip(picture / 255, 0, 1) ** random.uniform(0.7, 1.4)
    if random.random() < 0.3:
        side = int(random.integers(40, SIZE))
        small = cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)
        picture = cv2.resize(small, (SIZE, SIZE), interpolation=cv2.INTER_LINEAR)
    sigma = random.uniform(0, 1.3)
    if sigma > 0.3:
        picture = cv2.GaussianBlur(picture, (0, 0), sigma)
    noise = random.normal(0, 1, picture.shape).astype(np.float32) * random.uniform(0, 7)
    filmed = np.clip(picture + noise, 0, 255).astype(np.uint8)
    if random.random() < 0.5:
        quality = int(random.uniform(35, 95))
        _, packed = cv2.imencode(".jpg", filmed, [cv2.IMWRITE_JPEG_QUALITY, quality])
        filmed = cv2.imdecode(packed, cv2.IMREAD_COLOR)
    return filmed
