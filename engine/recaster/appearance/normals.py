"""Normals of a face on the grid of its light."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np

from recaster.faces import topology
from recaster.faces.mesh_surface import TRIANGLES

if TYPE_CHECKING:
    from recaster.faces.types import Floats

_NEIGHBOUR_SIGMA: Final = 0.0375
"""Standard deviation of the average over neighbouring points, as a share of the crop's side."""

_TRIANGLES: Final = TRIANGLES[(TRIANGLES < topology.MESH_POINTS).all(1)]
_CORNERS: Final = _TRIANGLES.ravel()


def compute_normals(points: Floats, size: int, cells: int) -> Floats | None:
    """Computes normals of a face on a grid over its crop, (cells * cells, 3), smoothly continued around it.

    They are one long; x points right, y down and z away from the camera, as the mesh has them.

    Args:
        points: (478, 3), the mesh in the crop's pixels.
        size: side of the crop in pixels.
        cells: along each side of the grid.

    Returns:
        None where the points are not the mesh's.
    """
    if len(points) != topology.POINTS:
        return None
    corners = points[_TRIANGLES]
    # Cross products are twice as long as triangles are large, so each point's normal is a mean by area.
    across = np.cross(corners[:, 2] - corners[:, 0], corners[:, 1] - corners[:, 0])
    sums = [np.bincount(_CORNERS, np.repeat(part, 3), topology.MESH_POINTS) for part in across.T]
    at_points = np.stack(sums, -1, dtype=np.float64)
    at_points /= np.maximum(np.linalg.norm(at_points, axis=1, keepdims=True), 1e-9)
    places = (points[: topology.MESH_POINTS, :2] + 0.5) / size
    x, y = (np.square(_centres(cells)[:, None] - places[:, axis]) for axis in (0, 1))
    # A Gaussian falls apart into one across and one down; a little is left of it far from all points.
    wide, high = (np.exp(-part / (2 * _NEIGHBOUR_SIGMA**2)) + 1e-6 / (1e-3 + part) for part in (x, y))
    on_grid = np.stack([(high * part) @ wide.T for part in at_points.T], -1).reshape(-1, 3)
    return np.asarray(on_grid / np.maximum(np.linalg.norm(on_grid, axis=1, keepdims=True), 1e-9))


@lru_cache(maxsize=2)
def _centres(cells: int) -> Floats:
    return (np.arange(cells) + 0.5) / cells
