"""Triangles of a face: MediaPipe's face mesh with eyes and mouth filled, and a strip under the chin.

Vertices are ordered as ``texture_vertices`` gives them: 468 mesh points, both iris centres, three rows of
seven points between the lips, and the points under the chin.
"""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from recaster.faces import topology

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from recaster.faces.types import Floats

    _Triangle = tuple[int, int, int]

# Facing points of the inner lips.
UPPER_LIP: Final = (191, 80, 81, 82, 13, 312, 311, 310, 415)
LOWER_LIP: Final = (95, 88, 178, 87, 14, 317, 402, 318, 324)

# Rows of the lips without their corners, from the inner edge to the outer one, and how far each follows the
# inner edge.
LIP_ROWS: Final = (
    (1.0, UPPER_LIP, LOWER_LIP),
    (0.85, (183, 42, 41, 38, 12, 268, 271, 272, 407), (96, 89, 179, 86, 15, 316, 403, 319, 325)),
    (0.7, (184, 74, 73, 72, 11, 302, 303, 304, 408), (77, 90, 180, 85, 16, 315, 404, 320, 307)),
    (0.5, topology.LIPS_OUTER[:10:-1], topology.LIPS_OUTER[1:10]),
)

JAW: Final = list(topology.OVAL[10:27])  # edge of the jaw, from one side to the other

IRISES: Final = (topology.MESH_POINTS, topology.MESH_POINTS + 1)
BETWEEN_LIPS: Final = topology.MESH_POINTS + 2
"""First vertex of the rows between the lips."""
UNDER_CHIN: Final = BETWEEN_LIPS + 3 * (len(UPPER_LIP) - 2)  # first vertex under the chin

_FILE: Final = Path(topology.__file__).parent / "mesh_triangles.csv"
INNER_CORNERS: Final = (78, 308)
_FOLDED_AREA: Final = 0.004
"""Share of the mean area below which a triangle of a layout counts as folded over."""
_MAX_ROUNDS: Final = 500


def _strip(above: Sequence[int], below: Sequence[int]) -> Iterator[_Triangle]:
    """Triangles of a strip between two rows of vertices."""
    for (a, b), (c, d) in zip(itertools.pairwise(above), itertools.pairwise(below), strict=True):
        yield a, b, d
        yield a, d, c


def _eye_triangles() -> Iterator[_Triangle]:
    # The left one's outline runs the other way round than the right one's.
    outlines = topology.EYE_LEFT[::-1], topology.EYE_RIGHT
    for outline, iris in zip(outlines, IRISES, strict=True):
        for index, point in enumerate(outline):
            yield point, outline[(index + 1) % len(outline)], iris


def _mouth_triangles() -> Iterator[_Triangle]:
    width = len(UPPER_LIP) - 2
    rows = [[BETWEEN_LIPS + width * row + column for column in range(width)] for row in range(3)]
    grid = [list(UPPER_LIP[1:-1]), *rows, list(LOWER_LIP[1:-1])]
    for above, below in itertools.pairwise(grid):
        yield from _strip(above, below)
    for end, corner in ((0, INNER_CORNERS[0]), (-1, INNER_CORNERS[1])):
        column = [row[end] for row in grid]
        upper = UPPER_LIP[end]
        lower = LOWER_LIP[end]
        fan = [(column[0], column[1], upper), (column[1], column[2], upper), (upper, column[2], lower)]
        fan += [(column[2], column[3], lower), (column[3], column[4], lower), (corner, upper, lower)]
        yield from fan if end == 0 else ((c, b, a) for a, b, c in fan)


def _chin_triangles() -> Iterator[_Triangle]:
    """Triangles of the strip under the chin, which at both ears begins on the jaw itself."""
    below = [JAW[0], *range(UNDER_CHIN + 1, UNDER_CHIN + len(JAW) - 1), JAW[-1]]
    return (triangle for triangle in _strip(below, JAW) if len(set(triangle)) == 3)


def _read_triangles() -> NDArray[np.int64]:
    mesh = np.loadtxt(_FILE, np.int64, delimiter=",")
    filled = np.array([*_eye_triangles(), *_mouth_triangles(), *_chin_triangles()])
    return np.concatenate([mesh, filled])


def _neighbour_means(triangles: NDArray[np.int64]) -> Floats:
    """Matrix (V, V) that averages over the vertices that share a triangle with each."""
    count = UNDER_CHIN + len(JAW)
    joined = np.zeros((count, count))
    for a, b in ((0, 1), (1, 2), (2, 0)):
        joined[triangles[:, a], triangles[:, b]] = joined[triangles[:, b], triangles[:, a]] = 1
    return joined / np.maximum(joined.sum(1, keepdims=True), 1)


TRIANGLES: Final = _read_triangles()  # (M, 3) int64, indices of vertices; all wound alike

_NEIGHBOURS: Final = _neighbour_means(TRIANGLES)


def unfold(points: Floats) -> Floats:
    """Moves vertices (V, 2) in pixels a little where triangles are folded over in this flat view.

    Beside the nostrils and in the corners of the mouth a face covers itself; in a texture every part
    needs a place of its own.
    """
    points = points.copy()
    fixed = np.zeros(len(points), bool)
    fixed[[*topology.OVAL, *range(UNDER_CHIN, len(points))]] = True
    for _ in range(_MAX_ROUNDS):
        areas = _areas(points)
        folded = areas < _FOLDED_AREA * areas.mean()
        if not folded.any():
            break
        moving = np.unique(TRIANGLES[folded])
        moving = moving[~fixed[moving]]
        points[moving] = (points[moving] + _NEIGHBOURS[moving] @ points) / 2
    return points


def _areas(points: Floats) -> Floats:
    """Signed areas of all triangles, doubled, (M,)."""
    first, second, third = np.moveaxis(points[TRIANGLES], 1, 0)
    ax, ay = (second - first).T
    bx, by = (third - first).T
    return ax * by - ay * bx


def vertex_normals(points: Floats, triangles: NDArray[np.int64]) -> Floats:
    """Normals (V, 3) of vertices (V, 3), each the mean of its triangles' by their areas, of length 1.

    x points right, y down and z away from the camera, as the mesh has them.
    """
    corners = points[triangles]
    # Cross products are as long as triangles are large, so their sum is a mean by area.
    across = np.cross(corners[:, 2] - corners[:, 0], corners[:, 1] - corners[:, 0])
    sums = [np.bincount(triangles.ravel(), np.repeat(part, 3), len(points)) for part in across.T]
    normals = np.stack(sums, -1)
    return normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
