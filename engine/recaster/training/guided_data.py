"""Training faces of guided models: a source's own frames, and its warped pixels to paint them from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from recaster.appearance.light import relight
from recaster.errors import FaceNotFoundError, ModelError, UsageError
from recaster.faces import alignment, geometry
from recaster.faces.neutral_shape import align_to_canonical, mesh_to_crop
from recaster.likeness.conditioning import FACE, Drawing, draw
from recaster.likeness.few_pictures import FEW_PICTURES
from recaster.likeness.likeness import Likeness
from recaster.progress import Report, Update, silent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from recaster.faces.types import Floats
    from recaster.facesets.face_records import FaceRecord
    from recaster.facesets.faceset import Faceset
    from recaster.media.types import Image
    from recaster.models.model_folder import ModelFolder
    from recaster.models.presets import Augmentation, Preset

MAX_FACES_BYTES = 400_000_000
"""Faces that would take more memory than this are thinned out evenly: more add little."""
_MIN_REFERENCE_DISTANCE_S = 0.4  # around a reference within which it may not be shown for a training face
_MAX_EXPRESSION_MODES = 20
_EXPRESSION_NOISE = 0.12  # of each mode, in its standard deviations
_POINT_NOISE = 0.2 / 128  # of each point, as a share of the crop


@dataclass(frozen=True, eq=False)
class SourceFaces:
    """The source's training faces in memory.

    Attributes:
        crops: (N, S, S, 3), stored crops reduced to what training needs.
        points: (N, 478, 3), meshes in the crops' pixels.
        near: (N, K) bool, which references are too close in time to be shown for a face.
    """

    crops: NDArray[np.uint8]
    points: Floats
    near: NDArray[np.bool_]


def load_faces(faceset: Faceset, likeness: Likeness, size: int, report: Report = silent) -> SourceFaces:
    """Reads a faceset's faces at about the resolution of a training crop of side ``size``, a part of them."""
    records = faceset.records
    side = min(faceset.size, 3 * size // 2)
    most = MAX_FACES_BYTES // (3 * side * side)
    if len(records) > most:
        records = tuple(records[i] for i in np.linspace(0, len(records) - 1, most).astype(int))
    shrink = side / faceset.size
    matrix = np.array([[shrink, 0.0, (shrink - 1) / 2], [0.0, shrink, (shrink - 1) / 2]])
    points = np.stack([alignment.transform(record.landmarks, matrix) for record in records])
    crops = np.empty((len(records), side, side, 3), np.uint8)
    for index, record in enumerate(records):
        crops[index] = alignment.warp(faceset.crop(record), matrix, side)
        report(Update("loading faces", index + 1, len(records), "faces"))
    known = {record.id: record for record in faceset.records}
    shown = tuple(known[int(identifier)] for identifier in likeness.records)
    return SourceFaces(crops, points, _too_near(records, shown))


def _too_near(records: Sequence[FaceRecord], references: Sequence[FaceRecord]) -> NDArray[np.bool_]:
    """(N, K): which references may not be shown for which face: those of the same moment of a clip.

    Where that leaves none, as in a clip of less than a second, only a reference itself is left out,
    and nothing at all where it is the only one.
    """
    times, moments = (np.array([face.time for face in group]) for group in (records, references))
    sources, origins = (np.array([face.source_id for face in group]) for group in (records, references))
    same = np.equal.outer([face.id for face in records], [face.id for face in references])
    close = np.abs(np.subtract.outer(times, moments)) <= _MIN_REFERENCE_DISTANCE_S
    near = same | (close & np.equal.outer(sources, origins))
    near = np.where(near.all(1, keepdims=True), same, near)
    return near & ~near.all(1, keepdims=True)


class Source:
    """One source identity in training: its likeness, and faces of the same faceset to be painted from it.

    Attributes:
        size: side of the training crops in pixels.
    """

    def __init__(self, likeness: Likeness, faces: SourceFaces, size: int) -> None:
        self.likeness = likeness
        self.size = size
        self._faces = faces
        self._crop = mesh_to_crop(likeness.mesh, size)
        self._expressions, self._fits = align_to_canonical(faces.points, likeness.mesh)
        self._modes = _expression_modes(self._expressions - likeness.neutral_shape.neutral)

    @classmethod
    def of(cls, preset: Preset, faceset: Faceset, folder: ModelFolder, report: Report = silent) -> Source:
        """The source of a model: its likeness is read if the model was begun, and made otherwise.

        Raises:
            FaceNotFoundError: too few faces.
            ModelError: the folder's likeness is broken or of other faces.
            UsageError: the folder's model was begun with another size or number of references.
        """
        likeness = _read_or_make_likeness(preset, faceset, folder)
        side = preset.size * preset.guided.detail
        return cls(likeness, load_faces(faceset, likeness, side, report), side)

    def __len__(self) -> int:
        return len(self._faces.crops)

    def draw(
        self, index: int, amounts: Augmentation, random: np.random.Generator | None = None
    ) -> tuple[NDArray[np.uint8], Image]:
        """One face as the network is shown it, (size, size, CHANNELS), and as it should paint it.

        It is varied if ``random`` is given.
        """
        points = self._faces.points[index]
        matrix = geometry.fit_crop(points, self._crop)
        if random is not None:
            matrix = alignment.compose(_jitter(amounts, self.size, random), matrix)
            points = self._perturb(index, random)
        weights = self.likeness.weights(points[None], self._faces.near[index][None])[0]
        moved = alignment.transform(points, matrix)
        drawing = draw(self.likeness, moved, weights, self.size)
        truth = alignment.warp(self._faces.crops[index], matrix, self.size)
        return drawing.conditioning, _compose_truth(drawing, truth)

    def _perturb(self, index: int, random: np.random.Generator) -> Floats:
        """A face's mesh with a little of another expression: what a landmarker might have said."""
        shift = random.normal(0, _EXPRESSION_NOISE, len(self._modes)) @ self._modes
        jitter = random.normal(0, _POINT_NOISE, self._expressions.shape[1:])
        moved = self._expressions[index] + shift.reshape(-1, 3) + jitter
        fit = geometry.Rigid(self._fits.linear[index], self._fits.offset[index])
        return fit.undo(moved)


def _read_or_make_likeness(preset: Preset, faceset: Faceset, folder: ModelFolder) -> Likeness:
    """The likeness that the folder's model was begun with, or a new one.

    One without a model beside it is what an earlier attempt left, perhaps of other faces: it is replaced.
    """
    if folder.exists() and folder.likeness.is_file():
        begun = folder.read().preset
        if _likeness_key(begun) != _likeness_key(preset):
            raise UsageError(
                f"{folder.path}: was begun with size {begun.size}, detail {begun.guided.detail} and "
                f"{begun.guided.references} references; resume without such flags, or train a new model"
            )
        likeness = Likeness.load(folder.likeness)
        missing = set(likeness.records.tolist()) - {record.id for record in faceset.records}
        if missing:
            raise ModelError(
                f"{folder.likeness}: was made from other faces than this faceset's; "
                "train into a new model folder, or with the faceset it was begun with"
            )
        return likeness
    count = len(faceset.records)
    if count < FEW_PICTURES:
        raise FaceNotFoundError(
            f"{faceset.folder}: holds {count} faces and training needs {FEW_PICTURES} or more: "
            "extract more frames of this person, or swap without training (--source)"
        )
    likeness = Likeness.from_faceset(faceset, preset.guided.references, preset.size * preset.guided.detail)
    likeness.save(folder.likeness)
    return likeness


def _likeness_key(preset: Preset) -> tuple[int, int, int]:
    """The hyperparameters that a likeness is made for."""
    return preset.size, preset.guided.detail, preset.guided.references


def _expression_modes(offsets: Floats) -> Floats:
    """(M, 478 * 3): principal directions of a person's expressions, one standard deviation long."""
    flat = (offsets - offsets.mean(0)).reshape(len(offsets), -1)
    _, singular, directions = np.linalg.svd(flat, full_matrices=False)
    count = min(_MAX_EXPRESSION_MODES, len(singular))
    return directions[:count] * (singular[:count] / np.sqrt(len(flat)))[:, None]


def _compose_truth(drawing: Drawing, truth: Image) -> Image:
    """The target image: the true face in the light of the warp, and the warp itself where no face is.

    A swap takes on the target's light in the end: to guess the light of each moment isn't asked of the
    network. Below the jaw the source's frames show clothes and walls, beside the cheeks perhaps hair.
    """
    warp = drawing.picture
    face = drawing.conditioning[..., FACE].astype(np.float32) / np.float32(255)
    lit = relight(truth, warp, face)
    other = np.maximum(drawing.visible_mask * (1 - face), drawing.inpainted_mask)[..., None]
    return np.rint(lit + other * (warp.astype(np.float32) - lit)).astype(np.uint8)


def _jitter(amounts: Augmentation, size: int, random: np.random.Generator) -> Floats:
    """A small turn, zoom and shift of the crop about its centre, (2, 3)."""
    turn = np.radians(random.uniform(-amounts.rotation, amounts.rotation))
    zoom = 1 + random.uniform(-amounts.zoom, amounts.zoom)
    shift = random.uniform(-amounts.shift, amounts.shift, 2) * size
    linear = zoom * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    centre = np.full(2, (size - 1) / 2)
    return np.concatenate([linear, (centre + shift - linear @ centre)[:, None]], -1)
