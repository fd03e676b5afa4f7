"""Things that come before a face, drawn from nothing: hands, objects, strands of hair.

Each is a picture of SIDE x SIDE pixels, (SIDE, SIDE, 3) float32 RGB 0 to 255 on black, and where it
covers, (SIDE, SIDE, 1) float32. Hands are rounded limbs, shaded as if a light fell on them from the side.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

SIDE = 256

Random = np.random.Generator
if TYPE_CHECKING:
    Floats = NDArray[np.float32]
    Drawn = tuple[Floats, Floats]


def occluder(random: Random, skin: Floats, patches: Sequence[NDArray[np.uint8]]) -> Drawn:
    """Something to hold before a face.

    Args:
        random: what it is follows from this alone.
        skin: (3,), the colour of the face.
        patches: pictures to cover objects with, (H, W, 3) uint8.
    """
    kind = random.random()
    if kind < 0.7:
        return hand(random, skin)
    if kind < 0.9:
        return thing(random, skin, patches)
    return strands(random)


def hand(random: Random, skin: Floats) -> Drawn:
    """A hand with three to five fingers showing, stretched or bent to a fist, from any side."""
    picture = np.zeros((SIDE, SIDE, 3), np.float32)
    covers = np.zeros((SIDE, SIDE, 1), np.float32)
    light = lamp(random)
    colour = _hand_colour(random, skin)
    shade = random.uniform(0.15, 0.6)
    seams = random.uniform(0.1, 0.6)
    size = random.uniform(0.75, 1.3) * SIDE * 0.42
    turn = random.uniform(0, 2 * np.pi) if random.random() < 0.3 else random.normal(-np.pi / 2, 0.8)
    along = direction(turn)
    side = random.choice([-1, 1])
    across = side * np.array([-along[1], along[0]])
    tip = random.uniform((0.15, 0.2), (0.85, 0.95)) * SIDE
    palm = tip - along * size
    width = 0.2 * size
    thick = size * random.uniform(0.085, 0.12)

    def limb(points: Sequence[Floats], radii: Sequence[float], tint: float) -> None:
        _lay_limb(picture, covers, points, radii, colour * tint, light, shade, seams)

    limb([palm - along * size * 1.5, palm - along * size * 0.4], [width * 1.5, width * 1.7], 1.0)
    for _ in range(3):
        pad = palm + across * random.uniform(-1, 1) * width * 0.7
        ends = [pad - along * size * 0.35, pad + along * size * 0.02]
        limb(ends, [width, width * 0.9], random.uniform(0.95, 1.02))
    bend = random.normal(0, 0.5)
    spread = abs(random.normal(0.1, 0.12))
    fist = random.random() < 0.25
    for finger in random.permutation(4):
        base = palm + across * (finger - 1.5) * width * 0.85
        reach = random.uniform(0.35, 0.6) if fist else random.uniform(0.85, 1)
        length = size * (0.85, 1.0, 0.95, 0.75)[finger] * reach
        angle = turn + (finger - 1.5) * spread * side
        joints, angle = _finger(random, base, length, angle, bend)
        joints[0] = base - along * size * 0.1
        limb(joints, [thick * 1.15, thick * 1.1, thick, thick * 0.8], random.uniform(0.93, 1.05))
        if random.random() < 0.4:
            _lay_nail(picture, random, joints[-1], angle, thick, colour)
    if random.random() < 0.6:
        thumb = direction(turn + random.choice([-1, 1]) * 0.7)
        base = palm - along * size * 0.2 + across * random.choice([-1, 1]) * width
        joints = [base, base + thumb * size * 0.35, base + thumb * size * 0.6]
        limb(joints, [thick * 1.3, thick * 1.2, thick], 1.0)
    cells = int(random.integers(6, 60))
    mottled = cv2.resize(random.normal(0, 0.04, (cells, cells)).astype(np.float32), (SIDE, SIDE))
    return picture * (1 + mottled[..., None]), covers


def _hand_colour(random: Random, skin: Floats) -> Floats:
    """Draws the colour of a hand: mostly the performer's own."""
    if random.random() < 0.75:
        return skin * np.exp(random.normal(0.03, 0.13)) * random.uniform(0.97, 1.03, 3)
    return skin * random.uniform(0.7, 1.35) * random.uniform(0.93, 1.07, 3)


def thing(random: Random, skin: Floats, patches: Sequence[NDArray[np.uint8]]) -> Drawn:
    """A disc, a stick, a box or a lump: of one colour, grained, or covered with a part of a picture."""
    size = random.uniform(0.05, 0.35) * SIDE
    shape = _outline(random, size)
    if random.random() < 0.3:
        colour = skin * random.uniform(0.6, 1.4) * random.uniform(0.85, 1.15, 3)
    else:
        colour = random.uniform(0, 255, 3) * (random.uniform(0.1, 1) if random.random() < 0.7 else 1)
    if random.random() < 0.4:
        colour = colour.mean() * random.uniform(0.9, 1.1, 3)
    picture = np.ones((SIDE, SIDE, 3), np.float32) * colour.astype(np.float32)
    surface = random.random()
    if surface < 0.45:
        patch = patches[random.integers(len(patches))]
        middle = patch.shape[1] / 2, patch.shape[0] / 2
        matrix = cv2.getRotationMatrix2D(middle, random.uniform(0, 360), random.uniform(1, 4))
        patch = cv2.warpAffine(patch, matrix, patch.shape[1::-1], borderMode=cv2.BORDER_REFLECT)
        picture = cv2.resize(patch, (SIDE, SIDE)).astype(np.float32) * np.float32(random.uniform(0.3, 1.3))
    elif surface < 0.72:
        grains = int(random.integers(4, 100))
        grain = cv2.resize(random.normal(0, 1, (grains, grains)).astype(np.float32), (SIDE, SIDE))
        picture *= 1 + 0.25 * grain[..., None]
    if random.random() < 0.5:
        picture *= shading(shape, size * 0.6 + 3, lamp(random))[..., None]
    covers = shape.astype(np.float32)[..., None] / 255
    return picture * covers, covers


def strands(random: Random) -> Drawn:
    """Some strands of dark hair, falling from above."""
    covers = np.zeros((SIDE, SIDE), np.float32)
    for _ in range(random.integers(2, 14)):
        place = random.uniform((0.05, -0.1), (0.95, 0.15)) * SIDE
        step = np.array([random.normal(0, 2), random.uniform(3, 6)])
        points = [place]
        for _ in range(random.integers(8, 40)):
            step = step + random.normal(0, 0.5, 2)
            place = place + step
            points.append(place)
        one = np.zeros((SIDE, SIDE), np.uint8)
        thickness = int(random.integers(1, 6))
        cv2.polylines(one, [np.array(points).astype(np.int32)], False, 255, thickness, cv2.LINE_AA)
        covers = np.maximum(covers, one / np.float32(255) * random.uniform(0.5, 1))
    colour = random.uniform(5, 90) * random.uniform(0.8, 1.2, 3)
    return (covers[..., None] * colour).astype(np.float32), covers[..., None].astype(np.float32)


def folds(random: Random) -> Floats:
    """Draws wrinkles of a face as a gain, (SIDE, SIDE, 1): a gain, below 1 in soft dark lines."""
    gain = np.ones((SIDE, SIDE), np.float32)
    for _ in range(random.integers(1, 6)):
        place = random.uniform(0.15, 0.85, 2) * SIDE
        angle = random.uniform(0, 2 * np.pi)
        points = [place]
        for _ in range(random.integers(4, 14)):
            place = place + 5 * direction(angle)
            angle = angle + random.normal(0, 0.15)
            points.append(place)
        line = np.zeros((SIDE, SIDE), np.uint8)
        thickness = int(random.integers(1, 7))
        cv2.polylines(line, [np.array(points).astype(np.int32)], False, 255, thickness, cv2.LINE_AA)
        soft = cv2.GaussianBlur(line, (0, 0), random.uniform(1, 4)).astype(np.float32) / 255
        gain *= 1 - soft * random.uniform(0.1, 0.7)
    return gain[..., None]


def direction(angle: float) -> Floats:
    """(2,): a step of one to where an angle points, right and down."""
    return np.array([np.cos(angle), np.sin(angle)])


def _finger(
    random: Random, base: Floats, length: float, angle: float, bend: float
) -> tuple[list[Floats], float]:
    """The joints of a finger from its base on, and where it points in the end."""
    joints = [base]
    for _ in range(3):
        joints.append(joints[-1] + direction(angle) * length / 3)
        angle += bend * 0.4 + random.normal(0, 0.06)
    return joints, angle


def lamp(random: Random) -> Floats:
    """A direction that light comes from, (3,), mostly from above."""
    light = np.array([random.normal(0, 0.6), random.normal(-0.3, 0.5), 1.0])
    return light / np.linalg.norm(light)


def _outline(random: Random, size: float) -> NDArray[np.uint8]:
    """Mask (SIDE, SIDE) uint8 of an object's outline."""
    shape = np.zeros((SIDE, SIDE), np.uint8)
    centre = random.uniform(0, SIDE, 2)
    kind = random.integers(4)
    turn = float(random.uniform(0, 180))
    if kind == 0:
        sides = (2 * size, size * random.uniform(0.6, 2.5))
        cv2.ellipse(shape, (centre.tolist(), sides, turn), 255, -1, cv2.LINE_AA)
    elif kind == 1:
        end = centre + direction(random.uniform(0, 2 * np.pi)) * SIDE
        cv2.line(
            shape,
            centre.astype(int).tolist(),
            end.astype(int).tolist(),
            255,
            max(2, int(size / 2)),
            cv2.LINE_AA,
        )
    elif kind == 2:
        box = cv2.boxPoints((centre.tolist(), (2 * size, size * random.uniform(0.4, 3)), turn))
        cv2.fillPoly(shape, [box.astype(np.int32)], 255, cv2.LINE_AA)
    else:
        count = random.integers(5, 10)
        angles = np.sort(random.uniform(0, 2 * np.pi, count))
        lump = centre + np.stack([np.cos(angles), np.sin(angles)], 1) * (
            size * random.uniform(0.5, 1.3, (count, 1))
        )
        cv2.fillPoly(shape, [lump.astype(np.int32)], 255, cv2.LINE_AA)
    return shape


def shading(shape: NDArray[np.uint8], radius: float, light: Floats, shade: float = 0.55) -> Floats:
    """(H, W): how bright a shape (H, W) is that is as round as a tube of this radius at its rim."""
    inwards = cv2.distanceTransform((shape > 127).astype(np.uint8), cv2.DIST_L2, 5)
    height = np.sqrt(np.clip(1 - (1 - np.clip(inwards / radius, 0, 1)) ** 2, 0, 1)) * radius
    height = cv2.GaussianBlur(height, (0, 0), 1.5)
    down, across = np.gradient(height)
    facing = (light[2] - across * light[0] - down * light[1]) / np.sqrt(across**2 + down**2 + 1)
    return (1 - shade + shade * np.clip(facing, 0, None)).astype(np.float32)


def _lay_limb(
    picture: Floats,
    covers: Floats,
    points: Sequence[Floats],
    radii: Sequence[float],
    colour: Floats,
    light: Floats,
    shade: float,
    seams: float,
) -> None:
    """Lay a rounded limb over what is drawn, in place; it darkens what is close beside it.

    ``shade`` is how dark its unlit side is, ``seams`` how dark what it touches, 0 to 1.
    """
    margin = max(radii) + 8
    left, top = np.clip(np.floor(np.min(points, 0) - margin), 0, SIDE).astype(int)
    right, bottom = np.clip(np.ceil(np.max(points, 0) + margin), 0, SIDE).astype(int)
    if min(right - left, bottom - top) < 2:  # out of sight
        return
    picture = picture[top:bottom, left:right]
    covers = covers[top:bottom, left:right]
    shape = np.zeros(picture.shape[:2], np.uint8)
    for start, end, first, last in zip(points[:-1], points[1:], radii[:-1], radii[1:], strict=True):
        for share in np.linspace(0, 1, max(2, int(np.linalg.norm(end - start) / 2))):
            x, y = (start + (end - start) * share - (left, top)) * 4
            cv2.circle(
                shape, (int(x), int(y)), int((first + (last - first) * share) * 4), 255, -1, cv2.LINE_AA, 2
            )
    over = shape.astype(np.float32)[..., None] / 255
    lit = colour * shading(shape, float(np.mean(radii)), light, shade)[..., None]
    beside = cv2.GaussianBlur(over, (0, 0), 3)[..., None] * (1 - over)
    picture *= 1 - seams * beside * (covers > 0)
    picture[:] = picture * (1 - over) + lit * over
    covers[:] = np.maximum(covers, over)


def _lay_nail(
    picture: Floats, random: Random, tip: Floats, angle: float, thick: float, colour: Floats
) -> None:
    nail = np.zeros((SIDE, SIDE), np.uint8)
    axes = max(2, int(thick * 0.6)), max(1, int(thick * 0.45))
    cv2.ellipse(nail, tip.astype(int).tolist(), axes, float(np.degrees(angle)), 0, 360, 255, -1, cv2.LINE_AA)
    over = nail.astype(np.float32)[..., None] / 255 * 0.6
    polish = random.choice([0, 1]) * random.uniform(0.3, 1, 3)
    picture[:] = picture * (1 - over) + over * colour * np.clip(polish + 1.1, 0, 1.4)
