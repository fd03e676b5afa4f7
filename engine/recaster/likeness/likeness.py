"""Likeness of one source identity: all that a guided swap needs to know of it besides network weights."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import cv2
import numpy as np

from recaster.appearance.light import normalize_lighting, symmetrize_lighting
from recaster.appearance.rasterizer import EdgePadding, rasterize
from recaster.appearance.uv_layout import UVLayout, make_uv_layout, mask_face, texture_vertices, unwrap
from recaster.appearance.uv_masks import dilate, mask_outline
from recaster.errors import FaceNotFoundError, ModelError
from recaster.faces import neutral_shape, topology
from recaster.faces.mesh_surface import UNDER_CHIN
from recaster.faces.neutral_shape import NeutralShape
from recaster.faces.region_masks import fill_polygon
from recaster.likeness.bare_frames import SourceOcclusion
from recaster.likeness.few_pictures import FEW_PICTURES, describe_gaps, settle_lids
from recaster.likeness.mouth import clear_mouths
from recaster.likeness.own_texels import complete_textures, compute_facing, compute_visible_texels
from recaster.likeness.references import (
    REGIONS,
    ExpressionFeatures,
    choose_references,
    compute_blend_weights,
    find_irises,
    measure_features,
    measure_lip_gaps,
)
from recaster.likeness.under_chin import steady_under_chin
from recaster.models.tensors import load_metadata, load_tensors, save_tensors

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from recaster.faces.types import Bools, Floats, Floats32, Uint8s
    from recaster.facesets.faceset import Faceset

_FORMAT: Final = "recaster-likeness-3"
_RAW_FORMAT: Final = "recaster-likeness-2"
"""Format of earlier models, whose textures hold what was in front of the face and no ``own``."""
_NOSE_BRIDGE: Final = (6, 122, 193, 168, 417, 351)  # points around the bridge of the nose
_MIN_OWN_BRIDGE: Final = 150  # mean of ``own`` there, 0 to 255, below which it was covered
_PATCH_REACH: Final = 0.16
"""Width around mouth and eyes over which their own blend gives way to the rest's, in eye distances."""
_SOFTEST: Final = 0.01  # share of a patch below which nothing of it shows


@dataclass(frozen=True, eq=False)
class Likeness:
    """One source identity: its geometry and textures unwrapped from its own frames."""

    mesh: Floats  # (478, 3), canonical mean mesh (unit square of an aligned crop)
    neutral_shape: NeutralShape  # in the same space
    layout: UVLayout
    textures: Uint8s  # (K, S, S, 3), one per reference frame
    features: ExpressionFeatures  # pose and expression of each reference, for choosing among them
    records: NDArray[np.int64]  # (K,), ids of the faceset records behind the references
    own: Uint8s  # (S, S), 0 to 255, 0 where a texel is made up (``complete_textures``)
    gaps: str = ""  # what a few pictures don't show of it, in a sentence; it isn't saved

    @classmethod
    def from_faceset(cls, faceset: Faceset, references: int = 24, texture_size: int = 256) -> Likeness:
        """Learns an identity from its faces; takes about a second for some hundred faces.

        Raises:
            FaceNotFoundError: there is no face.
        """
        records = faceset.records
        if not records:
            raise FaceNotFoundError(f"{faceset.folder}: holds no faces: extract some of this person")
        points = np.stack([record.landmarks for record in records]).astype(np.float64)
        mesh = neutral_shape.compute_canonical_mesh(points)
        expressions, _ = neutral_shape.align_to_canonical(points, mesh)
        shape = neutral_shape.learn_neutral_shape(expressions)
        gaps = ""
        if len(records) < FEW_PICTURES:
            shape = settle_lids(shape)
            gaps = describe_gaps(points, expressions)
        features = measure_features(points, mesh)
        layout = make_uv_layout(shape.neutral, texture_size)
        covered = SourceOcclusion(faceset, points, layout)
        sharpness = np.array([record.sharpness for record in records])
        chosen = choose_references(features, sharpness, references, covered.is_bare)
        textures = np.stack([unwrap(faceset.crop(records[i]), points[i], layout) for i in chosen])
        features = features[chosen]
        turned = np.abs(features.turn - np.median(features.turn))
        seen = [compute_facing(points[i], layout) for i in chosen]
        middle = float(layout.points[[topology.EYE_CORNERS_LEFT[0], topology.EYE_CORNERS_RIGHT[1]], 0].mean())
        # One light first: what is no skin is told by its colour.
        face = mask_face(layout)
        textures = symmetrize_lighting(normalize_lighting(textures, face), face, middle)
        textures, own = complete_textures(textures, layout, seen, [covered.hidden_texels(i) for i in chosen])
        textures = steady_under_chin(textures, layout, turned)
        numbers = np.array([records[i].id for i in chosen])
        return cls(mesh, shape, layout, textures, features, numbers, own, gaps)

    def save(self, path: Path) -> None:
        """Writes everything to one safetensors file, atomically."""
        tensors: dict[str, NDArray[Any]] = {
            "mesh": self.mesh,
            "neutral": self.neutral_shape.neutral,
            "lids": self.neutral_shape.lids,
            "closed": self.neutral_shape.closed,
            "shut": np.array(self.neutral_shape.shut),
            "layout": self.layout.points,
            "triangles": self.layout.triangles,
            "textures": self.textures,
            "records": self.records,
            "own": self.own,
            **{f"shapes.{region}": self.features.of(region) for region in REGIONS},
        }
        save_tensors(path, tensors, {"format": _FORMAT})

    @classmethod
    def load(cls, path: Path) -> Likeness:
        """Reads what ``save`` wrote.

        Raises:
            ModelError: the file is not a likeness, or one of another version, or contradicts itself.
            WeightsError: it is missing or damaged, or an array has another name, shape or dtype.
        """
        kind = load_metadata(path).get("format")
        if kind not in (_FORMAT, _RAW_FORMAT):
            raise ModelError(f"{path}: not a likeness of this version; train the model anew")
        read = load_tensors(path)
        load_tensors(path, _expected(read, raw=kind == _RAW_FORMAT))
        triangles = read["triangles"]
        if not triangles.size or triangles.min() < 0 or triangles.max() >= len(read["layout"]):
            raise ModelError(f"{path}: its triangles name points that do not exist; train the model anew")
        layout = UVLayout(read["textures"].shape[1], read["layout"], triangles)
        features = ExpressionFeatures(*(read[f"shapes.{region}"] for region in REGIONS))
        shape = NeutralShape(read["neutral"], read["lids"], read["closed"], float(read["shut"]))
        textures = read["textures"]
        own = read.get("own")
        if own is None:  # an earlier model's: what was in front of the face is found in its textures
            textures, own = complete_textures(textures, layout)
        return cls(read["mesh"], shape, layout, textures, features, read["records"], own)

    def texture(self, weights: Floats) -> Uint8s:
        """Blends the references region by region, (S, S, 3), by (len(REGIONS), K), rows summing to 1."""
        blend = self._mix_textures(weights[0])
        for region, share in zip(REGIONS[1:], weights[1:], strict=True):
            for rows, columns, soft in self._region_patches[region]:
                patch = self._mix_textures(share, rows, columns)
                blend[rows, columns] += soft * (patch - blend[rows, columns])
        return cv2.convertScaleAbs(blend)  # rounds and clips as NumPy does, in a sixth of the time

    def weights(self, points: Floats, excluded: Bools | None = None) -> Floats:
        """Computes the share of each reference in each frame, (T, len(REGIONS), K).

        Points (T, 478, 3) are meshes of the source's face in any pixels; references ``excluded`` (T, K) may
        not be used.
        """
        wanted = measure_features(points, self.mesh)
        parts = [compute_blend_weights(wanted.of(name), self.features.of(name), excluded) for name in REGIONS]
        return np.stack(parts, 1)

    def _mix_textures(
        self, shares: Floats, rows: slice = slice(None), columns: slice = slice(None)
    ) -> Floats32:
        first, *others = np.flatnonzero(shares)
        blend = self._cleared[first, rows, columns].astype(np.float32)
        total = shares[first]
        # A running mean, in place: three of two dozen textures have a share.
        for k in others:
            total += shares[k]
            cv2.accumulateWeighted(self._cleared[k, rows, columns], blend, shares[k] / total)
        return blend

    def blend_irises(self, weights: Floats) -> Floats:
        """Blends the irises' places (2,) in the references (``measure_irises``) by weights (regions, K)."""
        return np.asarray(weights[REGIONS.index("eyes")] @ self._irises)

    @cached_property
    def _irises(self) -> Floats:
        return find_irises(self.features.eyes)

    @cached_property
    def positions(self) -> Uint8s:
        """Place of each texel on the neutral face, (S, S, 3) uint8, 0 to 255 over its extent."""
        layout = self.layout
        neutral = texture_vertices(self.neutral_shape.neutral)
        low = neutral.min(0)
        high = neutral.max(0)
        places = ((neutral - low) / (high - low)).astype(np.float32)
        picture, inside = rasterize(layout.points, places, layout.triangles, layout.size)
        return EdgePadding.of(inside).fill(np.clip(np.round(255 * picture), 0, 255).astype(np.uint8))

    @cached_property
    def under_chin(self) -> Uint8s:
        """Mask of the texels under the chin, which are no part of the face, (S, S) uint8, 0 or 1."""
        layout = self.layout
        below = np.repeat(np.arange(len(layout.points)) >= UNDER_CHIN, 3).reshape(-1, 3)
        picture, _ = rasterize(layout.points, below.astype(np.float32), layout.triangles, layout.size)
        return (picture[..., 0] > 0).astype(np.uint8)

    @cached_property
    def had_glasses(self) -> bool:
        """True if glasses were taken off the source: nothing else covers the bridge of the nose."""
        return float(self.own[mask_outline(self.layout, _NOSE_BRIDGE) > 0].mean()) < _MIN_OWN_BRIDGE

    @cached_property
    def visible_texels(self) -> Uint8s:
        """Share of each texel that may be shown, (S, S) uint8 (``compute_visible_texels``)."""
        return compute_visible_texels(self.own, self.layout)

    @cached_property
    def _cleared(self) -> Uint8s:
        return clear_mouths(self.textures, self.layout, measure_lip_gaps(self.features.mouth)[:, 4])

    @cached_property
    def _region_patches(self) -> dict[str, list[tuple[slice, slice, Floats32]]]:
        """Rectangles of each region in the texture, each with a soft mask (h, w, 1)."""
        outlines = {
            "mouth": [list(topology.LIPS_OUTER)],
            "eyes": [list(topology.EYE_LEFT), list(topology.EYE_RIGHT)],
        }
        return {name: [self._region_patch(outline) for outline in lists] for name, lists in outlines.items()}

    def _region_patch(self, outline: list[int]) -> tuple[slice, slice, Floats32]:
        size = self.layout.size
        distance = self.layout.eye_distance
        mask = fill_polygon(self.layout.points[outline], size, 255)
        reach = max(3, round(_PATCH_REACH * distance))
        soft = cv2.GaussianBlur(dilate(mask, reach).astype(np.float32) / 255, (0, 0), reach / 2)
        rows = np.flatnonzero(soft.max(1) > _SOFTEST)
        columns = np.flatnonzero(soft.max(0) > _SOFTEST)
        box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
        return (*box, soft[box][..., None])


def _expected(read: Mapping[str, NDArray[Any]], *, raw: bool) -> dict[str, tuple[tuple[int, ...], str]]:
    """Expected shape and dtype of each array of a likeness with as many references and triangles."""
    count, side = (*read["textures"].shape, 0, 0)[:2] if "textures" in read else (0, 0)
    triangles = len(read["triangles"]) if "triangles" in read else 0
    blank = np.arange(topology.POINTS * 3, dtype=np.float64).reshape(topology.POINTS, 3)
    features = measure_features(blank[None], blank)
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
        **{f"shapes.{name}": ((count, features.of(name).shape[1]), "float64") for name in REGIONS},
    }
