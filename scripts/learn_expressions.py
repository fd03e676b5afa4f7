"""Learn what expressions do to a mesh, from rendered people (scripts/actors/README.md).

    .venv/bin/python scripts/learn_expressions.py CROWD

CROWD holds a folder of pictures per person, as render_crowd.py writes them. What comes out is
engine/recaster/faces/weights/expressions.safetensors; its digest is printed, for engine/recaster/
weights_registry.py and the NOTICE.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from recaster import weights_registry
from recaster.faces.detectors import make_detector
from recaster.faces.expressions import COEFFICIENTS, predict_expressions
from recaster.faces.landmarkers import make_landmarker
from recaster.faces.neutral_shape import align_to_canonical, compute_canonical_mesh
from recaster.faces.pose import head_poses
from recaster.faces.weights import FOLDER
from recaster.files import sha256
from recaster.models.tensors import save_tensors

if TYPE_CHECKING:
    from recaster.faces.types import Floats

CALM = 4
"""So many frames of each person of a crowd come first, calm and frontal."""
RIDGE = 0.1
"""In shares of the variance of the expressions."""
PRESENCE = 0.5
MAX_DEGREES = 45
"""Heads that are turned farther count as turned this far."""
POSE_UNIT_DEGREES = 30


def main() -> None:
    """Look at everybody, solve, and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("crowd", type=Path, metavar="CROWD")
    people = [one for one in sorted(parser.parse_args().crowd.iterdir()) if (one / "done").exists()]
    looks = [look([picture(path) for path in sorted(one.glob("frame_*.png"))]) for one in people]
    looks = [(points, calm) for points, calm in looks if calm.sum() >= CALM / 2]
    mesh = compute_canonical_mesh(np.concatenate([points[calm] for points, calm in looks]))
    learned = [regression_data(points, mesh) for points, _ in looks]
    calms = [shown[calm].mean(0) for (shown, _), (_, calm) in zip(learned, looks, strict=True)]
    read = np.array(calms)[:, :COEFFICIENTS]
    arrays = {
        "calm": read.mean(0).astype(np.float32),
        "spread": read.std(0).astype(np.float32),
        "offsets": fit_expressions(learned).astype(np.float16),
    }
    path = FOLDER / weights_registry.EXPRESSIONS.file
    save_tensors(path, arrays, {"origin": f"{len(looks)} rendered people"})
    print(f"{path}: {sum(len(shown) for shown, _ in learned)} frames, SHA-256 {sha256(path)}")


def picture(path: Path) -> np.ndarray:
    """One rendered picture, (H, W, 3) uint8 RGB."""
    return cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)


def look(images: list[np.ndarray]) -> tuple[Floats, np.ndarray]:
    """The meshes (T, 478, 3) of one person's unrelated pictures, and which of them are calm."""
    detector = make_detector("yunet")
    landmarker = make_landmarker("mesh")
    points = []
    calm = []
    for number, image in enumerate(images):
        faces = detector.detect(image)
        found = landmarker.locate(image, max(faces, key=lambda one: one.score).box) if faces else None
        if found is not None and found.presence >= PRESENCE:
            points.append(found.points)
            calm.append(number < CALM)
    return np.array(points), np.array(calm, bool)


def regression_data(points: Floats, mesh: Floats) -> tuple[Floats, Floats]:
    """Causes of each frame's mesh, (T, 57), and the mesh, (T, 478 * 3).

    Meshes are not quite the same from every side: turns of the head count beside the expressions.
    """
    expressions, _ = align_to_canonical(points, mesh)
    yaw, pitch = np.clip(head_poses(points)[:, :2], -MAX_DEGREES, MAX_DEGREES).T / POSE_UNIT_DEGREES
    turns = np.stack([yaw, pitch, yaw**2, pitch**2, yaw * pitch], -1)
    return np.concatenate([predict_expressions(expressions), turns], -1), expressions.reshape(len(points), -1)


def fit_expressions(learned: list[tuple[Floats, Floats]]) -> Floats:
    """Fits each expression's effect on a mesh (52, 478, 3) by ridge regression, each person centred."""
    shown = np.concatenate([one - one.mean(0) for one, _ in learned])
    moved = np.concatenate([one - one.mean(0) for _, one in learned])
    ridge = RIDGE * shown[:, :COEFFICIENTS].var() * len(shown) * np.eye(shown.shape[1])
    return np.linalg.solve(shown.T @ shown + ridge, shown.T @ moved)[:COEFFICIENTS].reshape(
        COEFFICIENTS, -1, 3
    )


if __name__ == "__main__":
    main()
