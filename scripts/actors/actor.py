"""An actor in the scene: built once from one or two people, then posed frame by frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

import materials
import mpfb
import numpy as np
import parts
import scene
from geometry import affine, homogeneous, partial_rotations, rotation, similarity, smoothstep
from hair import Strands, grow_brows, grow_hair
from people import LIKENESS, NEIGHBOUR, PERFORMER, Person
from regions import Regions, body_part, face_weight, find_regions, scalp
from surfaces import Part

if TYPE_CHECKING:
    from motion import Frame

CAST = {
    "A": (PERFORMER, PERFORMER),
    "B": (LIKENESS, LIKENESS),
    "C": (NEIGHBOUR, NEIGHBOUR),
    "AB": (PERFORMER, LIKENESS),
    "AC": (PERFORMER, NEIGHBOUR),
}
"""Per actor whose head and whose face it has; AB is what a perfect swap of B onto A looks like."""

JAW_HINGE = np.array([0.0, 7.46, 0.30])
JAW_TURN = 14.0
"""Degrees the jaw turns about its hinge at jawOpen = 1: fitted to how the data moves the chin."""

SIDES = ("l", "r")

STRANDS = 5200
"""Of head hair; where there are fewer, they are thicker."""


def body_points(head: Person, face: Person) -> np.ndarray:
    """Base points (19158, 3) of a head wearing a face, stood on a common spot."""

    def shaped(person: Person) -> np.ndarray:
        offsets = (weight * mpfb.shape_offsets(name) for name, weight in person.shape.items())
        return mpfb.base_mesh().points + sum(offsets)

    points = shaped(head)
    if face is not head:
        worn = shaped(face)
        weight = face_weight()
        on_body = weight * (np.arange(mpfb.VERTICES) < mpfb.BODY.stop)
        core = on_body > 0.5
        scale, matrix, offset = similarity(worn[core], points[core], on_body[core])
        points = points + weight[:, None] * (scale * worn @ matrix.T + offset - points)
    joint = mpfb.group("joint-head")
    return points + mpfb.base_mesh().points[joint].mean(0) - points[joint].mean(0)


def skin_colours(person: Person, where: Regions) -> np.ndarray:
    """(N, 3): make-up, so to speak: redness, shadows, lips, brows' ground and the mouth's inside."""
    skin = np.array(person.skin)
    colour = np.tile(skin, (len(where.rest), 1))

    def paint(share: np.ndarray, target: np.ndarray) -> None:
        colour[:] += share[:, None] * (target - colour)

    red = np.array([0.50, 0.13, 0.10]) * skin[0] / 0.5
    for mask, strength in ((where.cheek, 0.42), (where.nose, 0.45), (where.ears, 0.4), (where.chin, 0.2)):
        paint(mask * strength * person.flush, red)
    paint(where.under_eye * 0.34 + where.eye_crease * 0.28, colour * np.array([0.62, 0.55, 0.56]))
    paint(where.brow * 0.32 * person.brow, np.array(person.hair) * 0.5 + skin * 0.25)
    lips = smoothstep(0.15, 0.75, where.lips)
    paint(lips, np.array(person.lips))
    paint(where.mouth * (1 - lips), np.array([0.42, 0.10, 0.09]))
    paint(where.eye_rim * 0.6, np.array([0.36, 0.13, 0.11]))
    return np.clip(colour, 0, 1)


class Actor:
    """Meshes and strands in the open scene; ``pose`` moves them and returns where the base points went."""

    def __init__(self, head: Person, face: Person, levels: int = 2, strands: int = STRANDS) -> None:
        self.head = head
        self.face = face
        self.body = body_part(levels)
        self.where = find_regions(self.body)
        self.points = body_points(self.head, self.face)
        self.pivot = self.points[mpfb.group("joint-neck")].mean(0)
        self.turn = np.eye(3)
        rest = self.body(self.points)
        self.pushed = self.body.normals(rest) * (0.05 * smoothstep(-0.02, 0.03, self.where.shirt))[:, None]
        self._build_body(rest, bumps=levels > 1)
        self._build_eyes()
        self._build_mouth()
        self._build_hair(rest, strands)

    def _blend(self, of_head: np.ndarray | float, of_face: np.ndarray | float) -> np.ndarray:
        """A body value that changes from the head's to the face's person."""
        share = (
            np.clip(self.body(face_weight()), 0, 1)
            if self.head is not self.face
            else np.ones(self.body.count)
        )
        share = share[:, None] if np.ndim(of_face) == 2 else share
        return of_head * (1 - share) + of_face * share

    def _build_body(self, rest: np.ndarray, bumps: bool) -> None:
        where = self.where
        head = self.head
        face = self.face
        count = self.body.count
        thing = scene.add_mesh("body", rest, self.body.faces, materials.skin(bumps))
        self.scalp = scalp(where.rest, where.ears, head.hairline)
        forehead = where.forehead * (0.6 if face.stubble else 0.15)
        y = where.rest[:, 1] + 0.02 * np.sin(9 * where.rest[:, 0])
        values = {
            "colour": self._blend(skin_colours(head, where), skin_colours(face, where)),
            "growth": np.stack(
                [
                    where.beard * self._blend(head.stubble, face.stubble),
                    self._blend(head.freckles, face.freckles) * (1 - where.lips),
                    self.scalp * (0.25 if head.hairstyle == "bald" else 0.90),
                ],
                1,
            ),
            "surface": np.stack(
                [
                    np.clip(where.eye_rim + where.mouth + 0.5 * where.lips + 0.15 * where.nose, 0, 1),
                    np.clip(where.nose + where.forehead + 0.6 * where.cheek, 0, 1),
                    where.face,
                ],
                1,
            ),
            "pores": np.clip(0.25 + where.nose + where.cheek + 0.4 * where.forehead + 0.3 * where.chin, 0, 1)
            * (1 - where.lips),
            "lines": forehead * np.sin(y * 2 * np.pi / 0.115),
            "shirt": where.shirt,
            "hair_colour": np.tile(np.array(head.hair) * 0.9, (count, 1)),
            "shirt_colour": np.tile(np.array(head.shirt), (count, 1)),
        }
        for name, value in values.items():
            scene.set_attribute(thing, name, value)
        scene.set_attribute(thing, "place", where.rest + np.array([head.seed * 3.1, 0, 0]), vector=True)
        self.skin = thing

    def _build_eyes(self) -> None:
        self.eye_shape, quads, theta, phi = parts.eyeball()
        material = materials.eye()
        self.eyes = []
        for side in SIDES:
            thing = scene.add_mesh("eye_" + side, self.eye_shape, quads, material)
            scene.set_attribute(thing, "colour", parts.eye_colours(theta, phi, self.face.iris))
            self.eyes.append(thing)
        lashes = materials.lash()
        mesh = mpfb.base_mesh()
        self.lashes: list[tuple[object, Part]] = []
        for side in SIDES:
            centre = mesh.points[mpfb.group(f"helper-{side}-eye")].mean(0)
            for row, strength in (("1", 1.0), ("2", 0.5)):
                part = Part(mesh.faces[f"helper-{side}-eyelashes-{row}"], 1)
                points = part(mesh.points)
                away = np.linalg.norm(points - centre, axis=1)
                thing = scene.add_mesh(f"lash_{side}{row}", points, part.faces, lashes)
                opacity = strength * (away.max() - away) / np.ptp(away)
                scene.set_attribute(thing, "opacity", opacity)
                self.lashes.append((thing, part))

    def _build_mouth(self) -> None:
        """Teeth, gums and tongue, fitted to this mouth; all but the upper jaw's turn with the jaw."""
        ivory = materials.plain("teeth", (0.47, 0.385, 0.28), 0.3, 0.25, 0.1)
        flesh = materials.plain("gums", (0.36, 0.12, 0.11), 0.35, 0.3, 0.3)
        tongue_flesh = materials.plain("tongue", (0.40, 0.13, 0.12), 0.4, 0.3, 0.3)
        neutral = mpfb.base_mesh().points
        self.mouth = []
        for upper, helper in ((True, "helper-upper-teeth"), (False, "helper-lower-teeth")):
            ids = mpfb.group(helper)
            fit = affine(neutral[ids], self.points[ids])
            for kind, make, material in (("teeth", parts.teeth, ivory), ("gums", parts.gums, flesh)):
                points, quads = make(upper)
                points = homogeneous(points) @ fit
                thing = scene.add_mesh(f"{kind}_{helper[7:12]}", points, quads, material)
                self.mouth.append((thing, points, 0.0 if upper else 1.0))
        part = Part(mpfb.base_mesh().faces["helper-tongue"], 1)
        points = part(self.points) + np.array([0, -0.05, -0.06])
        self.mouth.append((scene.add_mesh("tongue", points, part.faces, tongue_flesh), points, 0.72))

    def _build_hair(self, rest: np.ndarray, count: int) -> None:
        self.strands: list[tuple[object, Strands]] = []
        count = 0 if self.head.hairstyle == "bald" else count
        grown = grow_hair(self.head, self.body, rest, self.scalp, count)
        thicker = (STRANDS / max(count, 1)) ** 0.5
        brows = grow_brows(self.face, self.body, self.where.rest)
        brow_colour = tuple(0.75 * h + 0.14 * s for h, s in zip(self.face.hair, self.face.skin, strict=True))
        for name, strands, radius, material in (
            (
                "hair",
                grown,
                (0.00042 if self.head.hairstyle == "short" else 0.0006) * thicker,
                materials.hair("hair", self.head.hair, 0.0),
            ),
            ("brows", brows, 0.00017, materials.hair("brows", brow_colour, 1.0)),
        ):
            if not len(strands.triangle):
                continue
            points = strands.roots(self.body, rest)[:, None] + strands.offsets
            self.strands.append((scene.add_strands(name, points, radius, material), strands))

    def _with_head(self, points: np.ndarray) -> np.ndarray:
        """Points that sit rigidly on the head."""
        return (points - self.pivot) @ self.turn.T + self.pivot

    def deform(self, frame: Frame) -> np.ndarray:
        """Base points (19158, 3) in a frame's expression and head pose."""
        points = self.points.copy()
        for name, weight in frame.expression.items():
            points += weight * mpfb.expression_offsets(name)
        follow = mpfb.head_weight()
        moving = follow > 0
        turns = partial_rotations(rotation(frame.yaw, frame.pitch, frame.roll), follow[moving])
        points[moving] = np.einsum("nij,nj->ni", turns, points[moving] - self.pivot) + self.pivot
        return points

    def pose(self, frame: Frame) -> np.ndarray:
        """Move everything to a frame; returns the body's points (N, 3), decimetres, without the shirt."""
        self.turn = rotation(frame.yaw, frame.pitch, frame.roll)
        points = self.deform(frame)
        skin = self.body(points)
        scene.move_mesh(self.skin, skin + self.pushed)
        self._pose_eyes(frame)
        for thing, part in self.lashes:
            scene.move_mesh(thing, part(points))
        opened = frame.expression.get("jawOpen", 0.0) * JAW_TURN
        for thing, still, follows in self.mouth:
            jaw = rotation(0, opened * follows, 0)
            scene.move_mesh(thing, self._with_head((still - JAW_HINGE) @ jaw.T + JAW_HINGE))
        for thing, strands in self.strands:
            roots = strands.roots(self.body, skin)
            scene.move_strands(thing, roots[:, None] + strands.offsets @ self.turn.T)
        return skin

    def _pose_eyes(self, frame: Frame) -> None:
        down = max(0.0, -frame.gaze[1]) / 60
        for thing, side, inward in zip(self.eyes, SIDES, (-1.4, 1.4), strict=True):
            socket = self.points[mpfb.group(f"helper-{side}-eye")]
            low = socket.min(0)
            high = socket.max(0)
            aim = rotation(frame.gaze[0] + inward, -frame.gaze[1], 0)
            turned = self.eye_shape @ aim.T
            scene.set_attribute(thing, "shade", parts.lid_shadow(turned, down))
            radius = (high - low).mean() / 2 * 0.985
            scene.move_mesh(
                thing, self._with_head(turned * radius + (low + high) / 2 - np.array([0, 0, 0.004]))
            )
