"""Faces of rendered people with something before them, and where it is."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from grown import beard, dark_side, made_up
from hands import rendered_hand
from held import held
from shapes import Random, folds, occluder
from worn import Glasses, boom, laid, strap

from recaster.appearance.face_appearance import (
    COARSE_PX,
    FINE_PX,
    FaceAppearance,
    compute_reference_appearance,
    resize_crop,
)
from recaster.appearance.occluders import make_network_input
from recaster.appearance.uv_layout import unwrap
from recaster.faces import alignment, geometry
from recaster.faces.neutral_shape import compute_canonical_mesh, mesh_to_crop
from recaster.facesets.faceset import Faceset

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from grown import Thing
    from numpy.typing import NDArray

    from recaster.facesets.face_records import FaceRecord

WORN_BY_LOOK = 2
"""Frames with what is always there, of which the usual look is then the median."""


@dataclass(frozen=True, eq=False)
class Person:
    """One rendered person.

    Attributes:
        crops: (N, FINE, FINE, 3) uint8 RGB.
        points: (N, 478, 3), meshes in the crops' pixels.
        own: (N, FINE, FINE) uint8, 255 where the person's own hair may be before the face.
        look: how the person usually looks.
    """

    crops: NDArray[np.uint8]
    points: NDArray[np.float64]
    own: NDArray[np.uint8]
    look: FaceAppearance


def person_in(folder: Path, rendered: Path) -> Person:
    """The person of a faceset, whose pictures were rendered to a folder with masks beside them."""
    faceset = Faceset.open(folder)
    points = np.stack([record.landmarks for record in faceset.records]).astype(np.float64)
    matrices = geometry.fit_crop(points, mesh_to_crop(compute_canonical_mesh(points), FINE_PX))
    pairs = list(zip(faceset.records, matrices, strict=True))
    crops = np.stack([alignment.warp(faceset.crop(record), matrix, FINE_PX) for record, matrix in pairs])
    moved = np.stack([alignment.transform(p, m) for p, m in zip(points, matrices, strict=True)])
    own = np.stack([_own(rendered, record, matrix) for record, matrix in pairs])
    small = [resize_crop(crop, p) for crop, p in zip(crops, moved, strict=True)]
    look = compute_reference_appearance(
        np.stack([crop for crop, _ in small]), np.stack([p for _, p in small])
    )
    return Person(crops, moved, own, look)


def example(
    people: Sequence[Person], hands: Sequence[NDArray[np.uint8]], random: Random
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Draws an input of the network, (SIZE, SIZE, CHANNELS), and its wanted output; uint8.

    The latter is (FINE, FINE, 2): how far each pixel is hidden, and 255 where that matters.
    """
    person = people[random.integers(len(people))]
    others = people[random.integers(len(people))].crops
    chosen = random.integers(len(person.crops))
    face = person.crops[chosen]
    hull = cv2.convexHull(person.points[chosen, :468, :2].astype(np.float32)).astype(np.int32)
    inside = cv2.fillConvexPoly(np.zeros((FINE_PX, FINE_PX), np.uint8), hull, 1) > 0
    picture = _misfitting(_in_other_light(face, random), random)
    skin = np.quantile(picture[inside][::7], random.uniform(0.4, 0.75), 0)
    own = [beard(random)] if random.random() < 0.4 else []
    own += [dark_side(random)] if random.random() < 0.2 else []
    things = _things(random, skin, others, hands)
    always = own + (things if random.random() < 0.55 else [])
    look = _with_always(person, always, random) if always else person.look
    things = own + things
    if random.random() < 0.15:  # a shadow is no occluder
        _, shadow = occluder(random, skin, others)
        shadow = cv2.GaussianBlur(shadow, (0, 0), random.uniform(2, 16))[..., None]
        picture = picture * (1 - shadow * random.uniform(0.1, 0.6))
    if random.random() < 0.25:
        picture = picture * folds(random) ** 0.6
    if random.random() < 0.3:
        picture = made_up(picture, person.points[chosen], random)
    covered = np.zeros((FINE_PX, FINE_PX, 1), np.float32)
    for thing in things:
        picture, over = thing(picture, person.points[chosen])
        covered = np.maximum(covered, over)
    if random.random() < 0.5:
        blurred = cv2.GaussianBlur(look.texture, (0, 0), random.uniform(0.3, 1.5))
        look = dataclasses.replace(look, texture=blurred)
    shown = make_network_input(look, _filmed(picture, random), person.points[chosen])
    matters = np.maximum(255 - person.own[chosen].astype(np.float32), 255 * covered[..., 0])
    wanted = np.rint(np.stack([covered[..., 0] * 255, matters], -1)).astype(np.uint8)
    if random.random() < 0.5:
        return shown, wanted
    mirrored = shown[:, ::-1].copy()
    mirrored[..., 8:] = (
        mirrored[..., 8:]
        .reshape(COARSE_PX, COARSE_PX, 2, 2, 3)[..., ::-1, :]
        .reshape(COARSE_PX, COARSE_PX, 12)
    )
    return mirrored, wanted[:, ::-1]


def _own(rendered: Path, record: FaceRecord, matrix: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Mask of a record's crop where the renderer saw no face."""
    mask = cv2.imread(str(rendered / record.source.replace("frame", "mask")), cv2.IMREAD_GRAYSCALE)
    return cv2.warpAffine(
        255 - mask, alignment.compose(matrix, record.matrix), (FINE_PX, FINE_PX), borderValue=255
    )


def _things(
    random: Random,
    skin: NDArray[np.float64],
    others: NDArray[np.uint8],
    hands: Sequence[NDArray[np.uint8]],
) -> list[Thing]:
    """Draws the occluders of a face: mostly one, in a quarter of the faces none."""
    kind = random.random()
    if kind < 0.24:
        return []
    if kind < 0.46:
        things: list[Thing] = [Glasses.drawn_from(random).worn]
        return things if random.random() < 0.75 else [_held(random, skin, others, hands), *things]
    if kind < 0.52:
        draw = boom if random.random() < 0.6 else strap
        seed = int(random.integers(1 << 30))
        return [lambda picture, points: laid(draw(np.random.default_rng(seed), points), picture, points)]
    return [_held(random, skin, others, hands) for _ in range(1 if random.random() < 0.8 else 2)]


def _held(
    random: Random,
    skin: NDArray[np.float64],
    others: NDArray[np.uint8],
    hands: Sequence[NDArray[np.uint8]],
) -> Thing:
    """A hand or a thing, in about the same place of every picture that it is laid on."""
    kind = random.random()
    if kind < 0.45:
        drawn, over = rendered_hand(random, skin, hands)
    else:
        drawn, over = occluder(random, skin, others) if kind < 0.68 else held(random, others)
    if random.random() < 0.3:  # moving, or out of focus
        sigma = random.uniform(1, 5)
        drawn = cv2.GaussianBlur(drawn, (0, 0), sigma)
        over = cv2.GaussianBlur(over, (0, 0), sigma)[..., None]
    moved = np.hstack([np.eye(2), random.integers(-8, 9, (2, 1))])
    shade = cv2.warpAffine(over, moved, (FINE_PX, FINE_PX))
    shade = cv2.GaussianBlur(shade, (0, 0), random.uniform(4, 12))[..., None] * random.uniform(0, 0.6)
    drawn = drawn * np.float32(np.exp(random.normal(0, 0.08)))
    drift = random.uniform(0, 5)

    def lay(
        picture: NDArray[np.float32], _: NDArray[np.float64]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        step = np.hstack([np.eye(2), random.normal(0, drift, (2, 1))])
        here, dark, there = (
            cv2.warpAffine(one, step, (FINE_PX, FINE_PX), borderMode=cv2.BORDER_REPLICATE).reshape(
                FINE_PX, FINE_PX, -1
            )
            for one in (over, shade, drawn)
        )
        return picture * (1 - dark * (1 - here)) * (1 - here) + there, here

    return lay


def _with_always(person: Person, things: Sequence[Thing], random: Random) -> FaceAppearance:
    """The look of a person before whom, or in whose face, the same things are in most frames."""
    textures = []
    shares = []
    for chosen in random.integers(len(person.crops), size=WORN_BY_LOOK):
        points = person.points[chosen]
        bare = person.crops[chosen].astype(np.float32)
        picture = bare
        for thing in things:
            picture, _ = thing(picture, points)
        small, moved = resize_crop(np.clip(picture, 0, 255).astype(np.uint8), points)
        textures.append(unwrap(small, moved, person.look.layout))
        changed = np.clip(np.abs(picture - bare).max(-1, keepdims=True) * 12, 0, 255).astype(np.uint8)
        changed = cv2.resize(np.repeat(changed, 3, -1), (COARSE_PX, COARSE_PX), interpolation=cv2.INTER_AREA)
        shares.append(unwrap(changed, moved, person.look.layout))
    share = np.clip(1.5 * np.mean(shares, 0) / 255, 0, 1)
    usual = person.look.texture[..., :3]
    varying = person.look.texture[..., 3:]
    worn = (1 - share) * usual + share * np.median(textures, 0)
    more = np.clip(varying + share[..., :1] * random.uniform(0, 60), 0, 255)
    return dataclasses.replace(
        person.look, texture=np.rint(np.concatenate([worn, more], -1)).astype(np.uint8)
    )


def _field(random: Random, cells: int, amount: float) -> NDArray[np.float32]:
    """(FINE, FINE): random values that change slowly."""
    coarse = random.normal(0, amount, (cells, cells)).astype(np.float32)
    return cv2.resize(coarse, (FINE_PX, FINE_PX), interpolation=cv2.INTER_CUBIC)


def _in_other_light(face: NDArray[np.uint8], random: Random) -> NDArray[np.float32]:
    """A face lit otherwise: brighter or darker, tinted, from another side."""
    if random.random() < 0.2:
        return face.astype(np.float32)
    gain = _field(random, random.integers(2, 5), random.uniform(0, 0.25))[..., None]
    return face * np.exp(gain + random.normal(0, 0.15) + random.normal(0, 0.04, 3)).astype(np.float32)


def _misfitting(picture: NDArray[np.float32], random: Random) -> NDArray[np.float32]:
    """A picture whose parts lie up to some pixels beside where the mesh says."""
    amount = random.uniform(0, 4.4)
    y, x = np.mgrid[:FINE_PX, :FINE_PX].astype(np.float32)
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
        side = int(random.integers(80, FINE_PX))
        small = cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)
        picture = cv2.resize(small, (FINE_PX, FINE_PX), interpolation=cv2.INTER_LINEAR)
    sigma = random.uniform(0, 2.2) if random.random() < 0.5 else 0.0
    if sigma > 0.3:
        picture = cv2.GaussianBlur(picture, (0, 0), sigma)
    noise = random.normal(0, 1, picture.shape).astype(np.float32) * random.uniform(0, 7)
    filmed = np.clip(picture + noise, 0, 255).astype(np.uint8)
    if random.random() < 0.5:
        quality = int(random.uniform(35, 95))
        _, packed = cv2.imencode(".jpg", filmed, [cv2.IMWRITE_JPEG_QUALITY, quality])
        filmed = cv2.imdecode(packed, cv2.IMREAD_COLOR)
    return filmed
