"""People that are drawn: faces with a mesh that fits them, as real facesets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from recaster.faces import topology
from recaster.faces.alignment import INNER, TEMPLATE
from recaster.faces.types import Box, Pose
from recaster.facesets.face_records import COVERAGE, FaceRecord, FacesetSettings, SourceRecord
from recaster.facesets.faceset import Faceset

if TYPE_CHECKING:
    from pathlib import Path

SIZE = 96


def drawn_mesh(mouth: float, turn: float) -> np.ndarray:
    """(478, 3) in unit coordinates of the template; ``mouth`` opens it, ``turn`` moves the irises."""
    mesh = np.full((topology.POINTS, 3), 0.5)
    mesh[:, 2] = 0
    angle = np.linspace(-np.pi / 2, 1.5 * np.pi, len(topology.OVAL), endpoint=False)
    mesh[list(topology.OVAL), :2] = np.stack([0.5 + 0.36 * np.cos(angle), 0.5 + 0.44 * np.sin(angle)], 1)
    mesh[INNER, :2] = TEMPLATE
    for outline, x in ((topology.EYE_LEFT, 0.334), (topology.EYE_RIGHT, 0.666)):
        angle = np.linspace(0, 2 * np.pi, len(outline), endpoint=False)
        mesh[list(outline), :2] = np.stack([x + 0.07 * np.cos(angle), 0.36 + 0.03 * np.sin(angle)], 1)
    angle = np.linspace(0, 2 * np.pi, len(topology.LIPS_OUTER), endpoint=False)
    lips = np.stack([0.5 + 0.14 * np.cos(angle), 0.69 + (0.03 + mouth) * np.sin(angle)], 1)
    mesh[list(topology.LIPS_OUTER), :2] = lips
    mesh[[topology.IRIS_LEFT, topology.IRIS_RIGHT], :2] = [(0.334 + turn, 0.36), (0.666 + turn, 0.36)]
    return mesh


def drawn_face(mesh: np.ndarray, skin: tuple[int, int, int]) -> np.ndarray:
    image = np.full((SIZE, SIZE, 3), (60, 90, 120), np.uint8)
    for outline, colour in (
        (topology.OVAL, skin),
        (topology.EYE_LEFT, (250, 250, 250)),
        (topology.EYE_RIGHT, (250, 250, 250)),
        (topology.LIPS_OUTER, (150, 30, 40)),
    ):
        cv2.fillPoly(image, [np.rint(mesh[list(outline), :2] * 16).astype(np.int32)], colour, cv2.LINE_AA, 4)
    for iris in (topology.IRIS_LEFT, topology.IRIS_RIGHT):
        x, y = np.rint(mesh[iris, :2] * 16).astype(int)
        cv2.circle(image, (int(x), int(y)), 24, (20, 20, 20), -1, cv2.LINE_AA, 4)
    return image


def draw_person(folder: Path, skin: tuple[int, int, int], count: int = 16, seed: int = 0) -> Faceset:
    """Draw a person's faceset."""
    faceset = Faceset.create(folder, FacesetSettings(SIZE, COVERAGE, "made up"))
    faceset.add_source(SourceRecord(0, "clip.mp4", f"{seed:02}" * 32, "clip", ("all",), {"kept": count}))
    random = np.random.default_rng(seed)
    faces = []
    for frame in range(count):
        unit = drawn_mesh(random.uniform(0, 0.06), random.uniform(-0.03, 0.03))
        mesh = unit.copy()
        mesh[:, :2] = ((unit[:, :2] - 0.5) / COVERAGE + 0.5) * SIZE - 0.5
        record = FaceRecord(
            id=0, file="", source="clip.mp4", source_id=1, frame=frame, time=frame / 25, track=0,
            box=Box(20.0, 18.0, 76.0, 80.0), score=0.99, sharpness=40.0, pose=Pose(0.0, 0.0, 0.0),
            landmarks=mesh, embedding=np.eye(128)[seed], matrix=np.eye(2, 3),
        )  # fmt: skip
        faces.append((record, drawn_face(mesh, skin)))
    faceset.add(faces)
    return faceset
