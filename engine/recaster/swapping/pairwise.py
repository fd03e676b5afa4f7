"""Swaps with a pairwise model: a shared encoder, and the decoder of the source."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from recaster.errors import ModelError
from recaster.faces.alignment import align_matrix, box_matrix
from recaster.faces.region_masks import fill_face
from recaster.faces.smoothing import smooth
from recaster.faces.types import Box, SwappedFace
from recaster.models.tensors import load_tensors
from recaster.networks.pairwise import PairwiseSwap
from recaster.settings.look_course import PLAIN_COURSE, LookCourse
from recaster.swapping.swapper import TrackPlan

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from recaster.faces.types import FaceTrack, Floats
    from recaster.models.model_folder import ModelFolder
    from recaster.models.presets import Preset
    from recaster.settings.detection import Smoothing
    from recaster.swapping.swapper import PlannedFace


class PairwiseSwapper:
    """A trained pairwise model at work; a ``Swapper``."""

    def __init__(self, preset: Preset, weights: Mapping[str, NDArray[np.float32]], digest: str) -> None:
        self.size = preset.size
        self.digest = digest
        self.can_reshape = False
        self.warnings = ()  # a source's glasses are a part of such a model
        self._preset = preset
        self._network = PairwiseSwap(preset, weights)

    @classmethod
    def from_model(cls, folder: ModelFolder) -> PairwiseSwapper:
        """Reads a trained model (ModelError where the folder holds one of another family)."""
        preset = folder.read().preset
        if preset.family != "pairwise":
            raise ModelError(f"{folder.path}: a {preset.family} model, not a pairwise one")
        weights = load_tensors(folder.weights, PairwiseSwap.expected(preset))
        return cls(preset, weights, folder.digest())

    def plan(self, track: FaceTrack, smoothing: Smoothing, course: LookCourse = PLAIN_COURSE) -> TrackPlan:
        """Cuts the face out as it was in training: by smoothed landmarks, or by the smoothed box."""
        del course  # of a look that asks for another shape nothing gets here
        landmarks = smooth(track.landmarks, track.times, smoothing)
        # A network knows faces only as they were cut out in training.
        if self._preset.crop == "box":
            matrices = self._fit_boxes(smooth(track.boxes, track.times, smoothing))
        else:
            matrices = align_matrix(landmarks, self.size, self._preset.coverage)
        return TrackPlan(track.frames, matrices, landmarks, is_aligned=self._preset.crop == "aligned")

    def swap(self, faces: Sequence[PlannedFace]) -> list[SwappedFace]:
        """Swaps a batch of faces in one call of the network."""
        images = np.stack([face.image for face in faces])
        hulls = np.stack([self._draw_outline(face.landmarks) for face in faces])
        painted, masks = self._network.swap(images, hulls)
        return [
            SwappedFace(image, mask, face.matrix)
            for image, mask, face in zip(painted, masks, faces, strict=True)
        ]

    def _draw_outline(self, landmarks: Floats) -> NDArray[np.float32]:
        """The outline that the light encoder measures colours in; the classic one looks at none."""
        network = self._preset.pairwise
        if network.architecture == "classic":
            return np.zeros((self.size, self.size), np.float32)
        return fill_face(landmarks, self.size, network.hull).astype(np.float32) / np.float32(255)

    def _fit_boxes(self, boxes: Floats) -> Floats:
        return np.stack([box_matrix(Box(*box), self.size, self._preset.trim) for box in boxes.tolist()])
