"""Smooth pieces of the base mesh: Catmull-Clark subdivision as one sparse matrix per piece."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from geometry import triangle_normals
from mpfb import VERTICES, Faces


class _Rows:
    """Collects the entries of a sparse matrix."""

    def __init__(self) -> None:
        self.row: list[int] = []
        self.column: list[int] = []
        self.weight: list[float] = []

    def add(self, row: int, column: int, weight: float) -> None:
        self.row.append(row)
        self.column.append(column)
        self.weight.append(weight)

    def matrix(self, shape: tuple[int, int]) -> sp.csr_matrix:
        return sp.csr_matrix((self.weight, (self.row, self.column)), shape=shape)


class _Topology:
    """Edges of a quad mesh and what touches what."""

    def __init__(self, count: int, faces: Faces) -> None:
        self.count = count
        self.faces = faces
        self.edges: dict[tuple[int, int], int] = {}
        self.faces_of_edge: list[list[int]] = []
        self.edges_of_face: list[list[int]] = []
        self.faces_of_point: list[list[int]] = [[] for _ in range(count)]
        self.edges_of_point: list[list[tuple[int, int]]] = [[] for _ in range(count)]
        for number, face in enumerate(faces):
            self.edges_of_face.append(
                [self._edge(a, b, number) for a, b in zip(face, face[1:] + face[:1], strict=True)]
            )
            for point in face:
                self.faces_of_point[point].append(number)
        for (a, b), edge in self.edges.items():
            self.edges_of_point[a].append((edge, b))
            self.edges_of_point[b].append((edge, a))

    def _edge(self, a: int, b: int, face: int) -> int:
        key = (a, b) if a < b else (b, a)
        if key not in self.edges:
            self.edges[key] = len(self.edges)
            self.faces_of_edge.append([])
        self.faces_of_edge[self.edges[key]].append(face)
        return self.edges[key]


def _edge_points(mesh: _Topology, rows: _Rows, first: int) -> None:
    for (a, b), edge in mesh.edges.items():
        sides = mesh.faces_of_edge[edge]
        inner = len(sides) == 2
        for end in (a, b):
            rows.add(first + edge, end, 0.25 if inner else 0.5)
        if inner:
            for face in sides:
                for corner in mesh.faces[face]:
                    rows.add(first + edge, corner, 0.25 / len(mesh.faces[face]))


def _old_point(mesh: _Topology, rows: _Rows, point: int) -> None:
    edges = mesh.edges_of_point[point]
    faces = mesh.faces_of_point[point]
    border = [other for edge, other in edges if len(mesh.faces_of_edge[edge]) == 1]
    if not edges or (border and len(border) != 2):
        rows.add(point, point, 1.0)
        return
    if border:
        rows.add(point, point, 0.75)
        for other in border:
            rows.add(point, other, 0.125)
        return
    count = len(faces)
    for face in faces:
        for corner in mesh.faces[face]:
            rows.add(point, corner, 1 / (count * count * len(mesh.faces[face])))
    for _, other in edges:
        rows.add(point, point, 1 / (count * len(edges)))
        rows.add(point, other, 1 / (count * len(edges)))
    rows.add(point, point, (count - 3) / count)


def subdivide(count: int, faces: Faces) -> tuple[sp.csr_matrix, Faces]:
    """One Catmull-Clark step: the matrix that makes the new points, and the new quads."""
    mesh = _Topology(count, faces)
    rows = _Rows()
    first_face = count
    first_edge = count + len(faces)
    for number, face in enumerate(faces):
        for corner in face:
            rows.add(first_face + number, corner, 1 / len(face))
    _edge_points(mesh, rows, first_edge)
    for point in range(count):
        _old_point(mesh, rows, point)
    quads = [
        [corner, first_edge + edges[i], first_face + number, first_edge + edges[i - 1]]
        for number, (face, edges) in enumerate(zip(faces, mesh.edges_of_face, strict=True))
        for i, corner in enumerate(face)
    ]
    return rows.matrix((count + len(faces) + len(mesh.edges), count)), quads


class Part:
    """A cropped, subdivided piece of the base mesh.

    ``part(values)`` carries (19158, ...) values of the base mesh to the part's ``count`` points.
    """

    def __init__(self, faces: Faces, levels: int) -> None:
        used = np.unique(np.concatenate([np.array(face) for face in faces]))
        number = np.full(VERTICES, -1)
        number[used] = np.arange(len(used))
        ones = np.ones(len(used))
        matrix = sp.csr_matrix((ones, (np.arange(len(used)), used)), shape=(len(used), VERTICES))
        own = [[int(number[point]) for point in face] for face in faces]
        for _ in range(levels):
            step, own = subdivide(matrix.shape[0], own)
            matrix = step @ matrix
        self.matrix = matrix.tocsr()
        self.faces = own
        self.count = matrix.shape[0]
        quads = np.array(own)
        self.triangles = np.stack([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]], 1).reshape(-1, 3)

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Values of the base points as values of this part's points."""
        return self.matrix @ values

    def normals(self, points: np.ndarray) -> np.ndarray:
        """Unit normals (count, 3) for the part's points."""
        flat = triangle_normals(points[self.triangles])
        total = np.zeros((self.count, 3))
        for corner in range(3):
            np.add.at(total, self.triangles[:, corner], flat)
        return total / (np.linalg.norm(total, axis=1, keepdims=True) + 1e-12)


def anchor(part: Part, points: np.ndarray, places: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points where rays along z at ``places`` (N, 2) meet the front of a surface.

    Returns:
        The indices of the places that hit, their triangles, and barycentric weights (N, 3).
    """
    corners = points[part.triangles]
    corners_at = np.flatnonzero(corners[:, :, 2].min(1) > 1.0)
    corners = corners[corners_at]
    a = corners[:, 0]
    b = corners[:, 1] - corners[:, 0]
    c = corners[:, 2] - corners[:, 0]
    area = b[:, 0] * c[:, 1] - b[:, 1] * c[:, 0]
    area = np.where(abs(area) < 1e-12, np.inf, area)
    hit = []
    triangle = []
    weights = []
    for number, place in enumerate(places):
        d = place - a[:, :2]
        u = (d[:, 0] * c[:, 1] - d[:, 1] * c[:, 0]) / area
        v = (b[:, 0] * d[:, 1] - b[:, 1] * d[:, 0]) / area
        inside = np.flatnonzero((u >= 0) & (v >= 0) & (u + v <= 1) & np.isfinite(area))
        if len(inside):
            depth = a[inside, 2] + u[inside] * b[inside, 2] + v[inside] * c[inside, 2]
            best = inside[depth.argmax()]
            hit.append(number)
            triangle.append(corners_at[best])
            weights.append((1 - u[best] - v[best], u[best], v[best]))
    return np.array(hit), np.array(triangle), np.array(weights)
