"""Everything a guided swap needs to know of one source identity besides network weights."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from recaster.appearance.light import normalize_lighting, symmetrize_lighting
from recaster.appearance.rasterizer import EdgePadding, rasterize
from recaster.appearance.uv_layout import UVLayout, face_mask, make_uv_layout, texture_vertices, unwrap
from recaster.appearance.uv_masks import filled
from recaster.errors import FaceNotFoundError, ModelError
from recaster.faces import geometry, topology
from recaster.faces.mesh_surface import UNDER_CHIN
from recaster.faces.neutral_shape import (
    NeutralShape,
    align_to_canonical,
    compute_canonical_mesh,
    learn_neutral_shape,
)
from recaster.likeness.bare_frames import SourceOcclusion
from recaster.likeness.mouth import clear_mouths
from recaster.likeness.own_texels import complete_textures, compute_visible_texels, facing
from recaster.likeness.references import (
    REGIONS,
    ExpressionFeatures,
    choose_references,
    compute_blend_weights,
    measure_features,
    measure_lip_gaps,
)
from recaster.likeness.under_chin import steady_under_chin
from recaster.models.tensors import load_metadata, load_tensors, save_tensors

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from recaster.faces.types import Floats
    from recaster.facesets.faceset import Faceset

FEWEST_FACES = 5
_FORMAT = "recaster-likeness-3"
_RAW = "recaster-likeness-2"
"""The format of earlier models, whose textures hold what was in front of the face and no ``own``."""

_BRIDGE = (6, 122, 193, 168, 417, 351)
"""Points around the bridge of the nose."""
_COVERED = 150


@dataclass(frozen=True, eq=False)
class Likeness:
    """One source identity: its geometry and textures unwrapped from its own frames.

    Attributes:
        mesh: (478, 3) float64, canonical mean mesh (unit square of an aligned crop).
        form: neutral mesh and usual openings, in the same space.
        layout: where the mesh lies in a texture.
        textures: (K, S, S, 3) uint8 RGB, one per reference frame.
        shapes: what each reference shows, for choosing among them.
        records: (K,) int64, ids of the faceset records behind the references.
        own: (S, S) uint8, 0 to 255, 0 where a texel is made up (``complete_textures``).
    """

    mesh: Floats
    form: NeutralShape
    layout: UVLayout
    textures: NDArray[np.uint8]
    shapes: ExpressionFeatures
    records: NDArray[np.int64]
    own: NDArray[np.uint8]

    @classmethod
    def from_faceset(cls, faceset: Faceset, references: int = 24, texture_size: int = 256) -> Likeness:
        """Learn an identity from its faces; takes about a second for some hundred faces.

        Raises:
            FaceNotFoundError: there are fewer than ``FEWEST_FACES`` faces.
        """
        records = faceset.records
        if len(records) < FEWEST_FACES:
            raise FaceNotFoundError(
                f"{faceset.folder}: holds {len(records)} faces and a likeness needs {FEWEST_FACES} or more: "
                "extract more frames of this person"
            )
        points = np.stack([record.landmarks for record in records]).astype(np.float64)
        mesh = compute_canonical_mesh(points)
        expressions, _ = align_to_canonical(points, mesh)
        form = learn_neutral_shape(expressions)
        shapes = measure_features(points, mesh)
        layout = make_uv_layout(form.neutral, texture_size)
        covered = SourceOcclusion(faceset, points, layout)
        sharpness = np.array([record.sharpness for record in records])
        chosen = choose_references(shapes, sharpness, references, covered.bare)
        textures = np.stack([unwrap(faceset.crop(records[i]), points[i], layout) for i in chosen])
        shapes = shapes[chosen]
        turned = np.abs(shapes.turn - np.median(shapes.turn))
        seen = [facing(points[i], layout) for i in chosen]
        middle = float(layout.points[[topology.EYE_CORNERS_LEFT[0], topology.EYE_CORNERS_RIGHT[1]], 0].mean())
        textures = symmetrize_lighting(
            normalize_lighting(textures, face_mask(layout)), face_mask(layout), middle
        )
        textures, own = complete_textures(textures, layout, seen, [covered.texels(i) for i in chosen])
        textures = steady_under_chin(textures, layout, turned)
        return cls(mesh, form, layout, textures, shapes, np.array([records[i].id for i in chosen]), own)

    def save(self, path: Path) -> None:
        """Write everything to one safetensors file, atomically."""
        tensors: dict[str, NDArray[Any]] = {
            "mesh": self.mesh,
            "neutral": self.form.neutral,
            "lids": self.form.lids,
            "closed": self.form.closed,
            "shut": np.array(self.form.shut),
            "layout": self.layout.points,
            "triangles": self.layout.triangles,
            "textures": self.textures,
            "records": self.records,
            "own": self.own,
            **{f"shapes.{region}": self.shapes.of(region) for region in REGIONS},
        }
        save_tensors(path, tensors, {"format": _FORMAT})

    @classmethod
    def load(cls, path: Path) -> Likeness:
        """Read what ``save`` wrote.

        Raises:
            ModelError: the file is not a likeness, or one of another version, or contradicts itself.
            WeightsError: it is missing or damaged, or an array has another name, shape or dtype.
        """
        kind = load_metadata(path).get("format")
        if kind not in (_FORMAT, _RAW):
            raise ModelError(f"{path}: not a likeness of this version; train the model anew")
        read = load_tensors(path)
        load_tensors(path, _expected(read, raw=kind == _RAW))
        triangles = read["triangles"]
        if not triangles.size or triangles.min() < 0 or triangles.max() >= len(read["layout"]):
            raise ModelError(f"{path}: its triangles name points that do not exist; train the model anew")
        layout = UVLayout(read["textures"].shape[1], read["layout"], triangles)
        shapes = ExpressionFeatures(*(read[f"shapes.{region}"] for region in REGIONS))
        form = NeutralShape(read["neutral"], read["lids"], read["closed"], float(read["shut"]))
        textures, own = read["textures"], read.get("own")
        if own is None:
            textures, own = complete_textures(textures, layout)
        return cls(read["mesh"], form, layout, textures, shapes, read["records"], own)

    def texture(self, weights: Floats) -> NDArray[np.uint8]:
        """The references blended region by region, (S, S, 3) uint8.

        Args:
            weights: (len(REGIONS), K), rows summing to 1.
        """
        blend = self._mix(weights[0])
        for region, share in zip(REGIONS[1:], weights[1:], strict=True):
            for rows, columns, soft in self._patches[region]:
                patch = self._mix(share, rows, columns)
                blend[rows, columns] += soft * (patch - blend[rows, columns])
        return np.clip(np.round(blend), 0, 255).astype(np.uint8)

    def weights(self, points: Floats, excluded: NDArray[np.bool_] | None = None) -> Floats:
        """How much of each reference to show in each frame, (T, len(REGIONS), K).

        Args:
            points: (T, 478, 3), meshes of the source's face in any pixels.
            excluded: (T, K), references that may not be used.
        """
        wanted = measure_features(points, self.mesh)
        parts = [compute_blend_weights(wanted.of(name), self.shapes.of(name), excluded) for name in REGIONS]
        return np.stack(parts, 1)

    def _mix(
        self, shares: Floats, rows: slice = slice(None), columns: slice = slice(None)
    ) -> NDArray[np.float32]:
        first, *others = np.flatnonzero(shares)
        blend, total = self._shown[first, rows, columns].astype(np.float32), shares[first]
        for k in others:
            total += shares[k]
            cv2.accumulateWeighted(self._shown[k, rows, columns], blend, shares[k] / total)
        return blend

    @cached_property
    def positions(self) -> NDArray[np.uint8]:
        """(S, S, 3) uint8: each texel's place on the neutral face, 0..255 over its extent."""
        neutral, layout = texture_vertices(self.form.neutral), self.layout
        low, high = neutral.min(0), neutral.max(0)
        places = ((neutral - low) / (high - low)).astype(np.float32)
        picture, inside = rasterize(layout.points, places, layout.triangles, layout.size)
        return EdgePadding.of(inside).filled(np.clip(np.round(255 * picture), 0, 255).astype(np.uint8))

    @cached_property
    def under_chin(self) -> NDArray[np.uint8]:
        """(S, S) uint8: 1 for texels of the underjaw, which is no part of the face."""
        layout = self.layout
        below = np.repeat(np.arange(len(layout.points)) >= UNDER_CHIN, 3).reshape(-1, 3)
        picture, _ = rasterize(layout.points, below.astype(np.float32), layout.triangles, layout.size)
        return (picture[..., 0] > 0).astype(np.uint8)

    @cached_property
    def glasses(self) -> bool:
        """Whether glasses were taken off the source: nothing else covers the bridge of the nose."""
        return float(self.own[filled(self.layout, _BRIDGE) > 0].mean()) < _COVERED

    @cached_property
    def visible_texels(self) -> NDArray[np.uint8]:
        """(S, S) uint8: how far each texel may be shown (``compute_visible_texels``)."""
        return compute_visible_texels(self.own, self.layout)

    @cached_property
    def _shown(self) -> NDArray[np.uint8]:
        return clear_mouths(self.textures, self.layout, measure_lip_gaps(self.shapes.mouth)[:, 4])

    @cached_property
    def _patches(self) -> dict[str, list[tuple[slice, slice, NDArray[np.float32]]]]:
        """For each region its rectangles in the texture with a soft mask (h, w, 1)."""
        outlines = {
            "mouth": [list(topology.LIPS_OUTER)],
            "eyes": [list(topology.EYE_LEFT), list(topology.EYE_RIGHT)],
        }
        return {name: [self._patch(outline) for outline in lists] for name, lists in outlines.items()}

    def _patch(self, outline: list[int]) -> tuple[slice, slice, NDArray[np.float32]]:
        size, distance = self.layout.size, float(geometry.eye_distance(self.layout.points))
        mask = np.zeros((size, size), np.uint8)
        cv2.fillPoly(mask, [np.round(self.layout.points[outline]).astype(np.int32)], 255)
        reach = max(3, round(0.16 * distance))
        mask = cv2.dilate(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1)))
        soft = cv2.GaussianBlur(mask.astype(np.float32) / 255, (0, 0), reach / 2)
        rows, columns = np.flatnonzero(soft.max(1) > 0.01), np.flatnonzero(soft.max(0) > 0.01)
        box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
        return (*box, soft[box][..., None])


def _expected(read: Mapping[str, NDArray[Any]], *, raw: bool) -> dict[str, tuple[tuple[int, ...], str]]:
    """Name, shape and dtype of every array of a likeness with as many references and triangles."""
    count, side = (*read["textures"].shape, 0, 0)[:2] if "textures" in read else (0, 0)
    triangles = len(read["triangles"]) if "triangles" in read else 0
    blank = np.arange(topology.POINTS * 3, dtype=np.float64).reshape(topology.POINTS, 3)
    shapes = measure_features(blank[None], blank)
    return {
        "mesh": ((topology.POINTS, 3), "float64"),
        "neutral": ((topology.POINTS, 3), "float64"),
        "lids": ((2,), "float64"),
        "closed": ((2,), "float64"),
        "shut": ((), "float64"),
        "layout": ((len(texture_vertices(blank)), 2), "float64"),
        "triangles": ((triangles, 3), "int64"),
        "textures": ((count, side, side, 3), "uint8"),
        "records": ((count,), "int64"),
        **({} if raw else {"own": ((side, side), "uint8")}),
        **{f"shapes.{name}": ((count, shapes.of(name).shape[1]), "float64") for name in REGIONS},
    }
