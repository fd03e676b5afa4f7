"""Landmarkers by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from recaster.settings.detection import AnalysisSettings
from recaster.settings.options import check_option

if TYPE_CHECKING:
    from recaster.faces.types import Box, Floats, Landmarks
    from recaster.media.types import Image


class Landmarker(Protocol):
    """Finds the points of one face, and follows them from frame to frame."""

    points: int  # how many points there are, 478 or 68
    # Whether ``Landmarks.presence`` says anything; where it does not, somebody else must tell in every frame
    # whether there still is a face.
    knows_presence: bool
    notice: str  # what a user must be told before the results are used, or ""

    def locate(self, image: Image, box: Box, side: float = 0) -> Landmarks:
        """Locates the face in a detector's box (frame pixels), rolled by so many quarters clockwise."""

    def follow(self, image: Image, previous: Floats) -> Landmarks:
        """Follows the face that was at ``previous`` (N, 3) in the frame before."""


def make_landmarker(name: str) -> Landmarker:
    """Makes a landmarker by name, one of ``LANDMARKERS``.

    "mesh" has 478 points in space and is free to use; "dlib-68" has dlib's 68 points in the plane, whose
    training data exclude commercial use.

    Raises:
        UsageError: an unknown name.
        WeightsError: a model file is missing or damaged.
    """
    check_option(AnalysisSettings, "landmarker", name)
    if name == "mesh":
        from recaster.faces.mesh_landmarker import Mesh

        return Mesh()
    from recaster.faces.dlib_adapters import Dlib68

    return Dlib68()
