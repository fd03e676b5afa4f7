"""Judge of features, edges and blotches of a swapped face: faults that no mean shows.

The mesh of the original says where to look, and dlib's points of the swap where its features are; the
darkness of brows, and a person's own blotches, are measured on the source's pictures in the same way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

import cv2
import numpy as np
from scipy.ndimage import maximum_filter1d

from recaster.evaluation.face_window import filled, grown, luma
from recaster.evaluation.landmark_judge import LandmarkJudge, face_box
from recaster.evaluation.look_judge import FEATURES, MIN_SKIN_PX, OVAL_GROWTH, lab, smoothed
from recaster.evaluation.nan_stats import columns, mean, spread_indices
from recaster.faces.alignment import EYE_DISTANCE, align_matrix, warp
from recaster.faces.topology import OVAL

if TYPE_CHECKING:
    from recaster.evaluation.types import Mask, Plane
    from recaster.faces.types import Floats
    from recaster.facesets.faceset import Faceset
    from recaster.media.types import Image

MAX_SOURCE_FACES: Final = 24
"""Faces of the source that are measured, spread over its faceset."""
SIDE_PX: Final = 256
COVERAGE: Final = 1.5
"""Side of the crops that are judged, in heights of the face."""
EYES_PX: Final = EYE_DISTANCE / COVERAGE * SIDE_PX
"""The eye distance in them."""
BLACK_LEVELS: Final = 12.0
"""Added before logarithms: in the dark, ratios are of noise."""
ACROSS: Final = 25
ALONG: Final = 32
PROFILE_SIGMA: Final = 0.03
"""Sigma of the blur before profiles are taken, in eye distances: a softer shot has as much of a brow."""


@dataclass(frozen=True)
class Line:
    """A dark line in a face: dlib's points on it, and the reach of its profile, in eye distances.

    Attributes:
        points: from the face's middle outwards; ``above`` and ``below`` them its profile reaches.
        beyond: share of its length by which it goes on after the last point.
        both: skin is on both sides of it, and not above only.
    """

    points: tuple[int, ...]
    above: float
    below: float
    beyond: float
    both: bool


BROWS: Final = (
    Line((21, 20, 19, 18, 17), 0.2, 0.18, 0.15, True),
    Line((22, 23, 24, 25, 26), 0.2, 0.18, 0.15, True),
)
LIDS: Final = Line((39, 38, 37, 36), 0.16, 0.03, 0.0, False), Line((42, 43, 44, 45), 0.16, 0.03, 0.0, False)
SKIN_SHARE: Final = 0.2
"""Share of a profile, at its end, that is the skin a feature is compared with."""
LIPS: Final = tuple(range(48, 60))
INSIDE_LIPS: Final = tuple(range(60, 68))

MIN_DEPTH: Final = 1e-3
"""Sum of a feature that is hardly darker than skin, logarithm: divisions stay finite."""
MIN_LIPS_DEPTH: Final = 0.1
"""Lips that are darker than skin by less, logarithm, can't be told from a beard."""
MIN_PAINTED_LEVEL: Final = 128
"""Level of a matte from which a pixel is the swapped face's."""
MASK_GROWTH: Final = 0.1
"""A mask that covers everything is taken to end so far outside the oval, in eye distances."""

SECTORS: Final = 48
EDGE_REACH: Final = 0.24
"""Edges are looked for this far from the mask's outline, in eye distances."""
SAMPLE_STEP: Final = 0.015
"""Distance of the samples there, in eye distances."""
EDGE_SHIFT_SAMPLES: Final = 5
"""An edge of the original may have moved by so much without being a new one."""
LINE_HALF_WIDTH: Final = 3
"""Half the width of the lines that are looked for, in samples."""
SECTOR_PERCENTILE: Final = 90
"""Percentile of the sectors that stands for all: a line runs along some of them only."""

BLOTCH_SIGMA: Final = 0.06
SKIN_SIGMA: Final = 0.3
"""Blotches lie between these two, in eye distances."""
EXCUSE_REACH: Final = 0.12
"""A blotch of the source or the target excuses one this far away, in eye distances."""
SKIN_PERCENTILE: Final = 99.0
"""Percentile of skin that stands for its worst place: a maximum would be the encoder's."""

PER_FRAME: Final = (
    "brows", "brows_least", "brows_change", "lids", "lips", "temples", "jaw", "smears", "unsteady",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class SourceFeatures:
    """A source's own features, and its own blotches.

    Attributes:
        brows: (2, ALONG), darkness of each brow along itself.
        lids: (2, ALONG), likewise of the upper lids with their lashes.
        lips: darkness of the lips against the skin around them, logarithm.
        blotches: (SIDE_PX, SIDE_PX), strength of blotches.
    """

    brows: Floats
    lids: Floats
    lips: float
    blotches: Plane

    @classmethod
    def measure(cls, faceset: Faceset) -> Self:
        """Measures the medians over the pictures of a faceset (FacesetError)."""
        judge = LandmarkJudge()
        seen = []
        for at in spread_indices(len(faceset.records), MAX_SOURCE_FACES):
            record = faceset.records[at]
            image = faceset.crop(record)
            points = judge.points(image, face_box(record.landmarks))
            crop = Crop.of(record.landmarks)
            seen.append((*crop.features(image, points), crop.blotches(crop.cut(image), crop.skin())))
        brows, lids, lips, blotches = (np.median(values, axis=0) for values in zip(*seen, strict=True))
        return cls(brows, lids, float(lips), blotches.astype(np.float32))


class FeatureJudge:
    """Judge that takes frame after frame with ``add``, and sums up with ``figures``."""

    def __init__(self, source: SourceFeatures | None) -> None:
        self._source = source
        self._rows: list[tuple[float, ...]] = []
        self._brows: Floats | None = None
        self._before: tuple[Plane, Mask] | None = None

    def add(
        self, original: Image, swapped: Image, matte: Image, mesh: Floats, points: Floats, hidden: Mask | None
    ) -> None:
        """Judges one frame, (H, W, 3) uint8 RGB.

        Args:
            matte: the swap's own matte of its face.
            mesh: (478, 3) of the face in the original, pixels.
            points: (68, 2), dlib's of the swapped face, pixels.
            hidden: (H, W), occluders before the face.
        """
        crop = Crop.of(mesh)
        here = crop.cut(swapped)
        there = crop.cut(original)
        painted = crop.cut(matte)[..., 0] >= MIN_PAINTED_LEVEL
        painted &= filled(crop.mesh[list(OVAL)], (SIDE_PX, SIDE_PX), MASK_GROWTH * EYES_PX)
        skin = crop.skin() & painted
        if hidden is not None:
            skin &= crop.cut(hidden.astype(np.uint8) * 255) == 0
        shares = self._feature_shares(crop, swapped, points)
        worst = (self._smears(crop, here, there, skin), self._flicker(here, there, skin))
        self._rows.append((*shares, *edges(soft_luma(there), soft_luma(here), painted), *worst))

    def _feature_shares(self, crop: Crop, swapped: Image, points: Floats) -> tuple[float, ...]:
        """Computes shares of the source's brows (mean, least), their change, and of its lids and lips."""
        if self._source is None:
            return (np.nan,) * 5
        own = self._source
        brows, lids, lips = crop.features(swapped, points)
        kept = np.minimum(brows, own.brows) / np.maximum(own.brows.sum(1, keepdims=True), MIN_DEPTH)
        changed = np.nan if self._brows is None else float(np.abs(kept - self._brows).sum(1).mean())
        self._brows = kept
        lids_kept = np.minimum(lids, own.lids).sum() / max(own.lids.sum(), MIN_DEPTH)
        shares = kept.sum(1)
        lips_kept = min(lips / own.lips, 1.0) if own.lips > MIN_LIPS_DEPTH else np.nan
        return float(shares.mean()), float(shares.min()), changed, float(lids_kept), lips_kept

    def _smears(self, crop: Crop, here: Image, there: Image, skin: Mask) -> float:
        if skin.sum() < MIN_SKIN_PX:
            return float("nan")
        excused = crop.blotches(there, skin)
        if self._source is not None:
            excused = np.maximum(excused, self._source.blotches)
        reach = 2 * round(EXCUSE_REACH * EYES_PX) + 1
        excused = cv2.dilate(excused, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach)))
        return float(np.percentile(np.maximum(crop.blotches(here, skin) - excused, 0)[skin], SKIN_PERCENTILE))

    def _flicker(self, here: Image, there: Image, skin: Mask) -> float:
        """Computes the change of the worst places of skin beyond the original's."""
        ours, theirs = (lab(image)[..., :1] for image in (here, there))
        apart = smoothed(ours - theirs, skin, BLOTCH_SIGMA * EYES_PX)[..., 0]
        before, before_skin = self._before or (apart, np.zeros_like(skin))
        self._before = (apart, skin)
        both = skin & before_skin
        if both.sum() < MIN_SKIN_PX:
            return float("nan")
        return float(np.percentile(np.abs(apart - before)[both], SKIN_PERCENTILE))

    def figures(self) -> dict[str, float]:
        """Maps the figures' names to values; NaN for what could not be measured."""
        by = columns(self._rows, PER_FRAME)
        known = by["brows_least"][np.isfinite(by["brows_least"])]
        least = float(known.min()) if len(known) else float("nan")
        return {name: mean(values) for name, values in by.items()} | {"brows_least": least}


@dataclass(frozen=True, eq=False)
class Crop:
    """A face brought to one size and place by a matrix (2, 3), and its mesh (478, 2) there."""

    matrix: Floats
    mesh: Floats

    @classmethod
    def of(cls, mesh: Floats) -> Self:
        """Makes the crop of a face with a mesh (478, 3), pixels."""
        matrix = align_matrix(mesh, SIDE_PX, COVERAGE)
        return cls(matrix, mesh[:, :2] @ matrix[:, :2].T + matrix[:, 2])

    def cut(self, image: Image) -> Image:
        """Cuts it out of a frame: (SIDE_PX, SIDE_PX, ...)."""
        return warp(image, self.matrix, SIDE_PX)

    def skin(self) -> Mask:
        """Mask (SIDE_PX, SIDE_PX) of the face without eyes, brows and lips and their margins."""
        bare = filled(self.mesh[list(OVAL)], (SIDE_PX, SIDE_PX), OVAL_GROWTH * EYES_PX)
        for outline, reach in FEATURES:
            hull = cv2.convexHull(self.mesh[list(outline)].astype(np.float32))[:, 0]
            bare &= ~filled(hull, (SIDE_PX, SIDE_PX), reach * EYES_PX)
        return bare

    def features(self, image: Image, points: Floats) -> tuple[Floats, Floats, float]:
        """Measures the darkness of brows and lids, (2, ALONG) each, and of the lips: natural logarithms.

        In green, which shows brows, make-up and lips alike.
        """
        placed = points @ self.matrix[:, :2].T + self.matrix[:, 2]
        green = np.log(self.cut(image)[..., 1].astype(np.float32) + np.float32(BLACK_LEVELS))
        soft = cv2.GaussianBlur(green, (0, 0), PROFILE_SIGMA * EYES_PX)
        brows, lids = (
            np.stack([_depth(_profile(soft, placed, line), both=line.both) for line in lines])
            for lines in (BROWS, LIDS)
        )
        outer = filled(placed[list(LIPS)], (SIDE_PX, SIDE_PX), 0)
        lips = outer & ~filled(placed[list(INSIDE_LIPS)], (SIDE_PX, SIDE_PX), 0.03 * EYES_PX)
        around = grown(outer, 0.16 * EYES_PX) & ~grown(outer, 0.06 * EYES_PX)
        return brows, lids, max(float(np.median(green[around]) - np.median(green[lips])), 0.0)

    def blotches(self, image: Image, skin: Mask) -> Plane:
        """Measures skin that is darker or redder than around it (SIDE_PX, SIDE_PX), CIE Lab; 0 elsewhere."""
        colours = lab(image)[..., :2]
        around = smoothed(colours, skin, SKIN_SIGMA * EYES_PX)
        bands = smoothed(colours, skin, BLOTCH_SIGMA * EYES_PX) - around
        strength = np.hypot(np.minimum(bands[..., 0], 0), np.maximum(bands[..., 1], 0))
        return np.asarray(strength * skin, np.float32)


def edges(original: Plane, swapped: Plane, painted: Mask) -> tuple[float, float]:
    """Measures edges and lines along a mask's outline that the original doesn't have near there, grey levels.

    Brightness by distance from the outline, averaged along a 48th of it (what runs along it stays, texture
    averages out): its steps and its lines, less the strongest that the original has within a little. A high
    percentile of the sectors. All three are (SIDE_PX, SIDE_PX), ``painted`` is the mask.
    """
    if not painted.any() or painted.all():
        return (np.nan, np.nan)
    inside, outside = (
        cv2.distanceTransform(one.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        for one in (painted, ~painted)
    )
    away = (outside - inside) / EYES_PX
    rows, cols = np.nonzero(np.abs(away) < EDGE_REACH)
    centre = np.argwhere(painted).mean(0)
    angle = np.arctan2(rows - centre[0], cols - centre[1]) / (2 * np.pi) + 0.5
    rings = round(2 * EDGE_REACH / SAMPLE_STEP)
    ring = np.minimum(((away[rows, cols] + EDGE_REACH) / SAMPLE_STEP).astype(int), rings - 1)
    place = np.minimum((angle * SECTORS).astype(int), SECTORS - 1) * rings + ring
    counts = np.bincount(place, minlength=SECTORS * rings).reshape(SECTORS, rings)
    steps = []
    lines = []
    for picture in (original, swapped):
        sums = np.bincount(place, picture[rows, cols], SECTORS * rings).reshape(SECTORS, rings)
        profile = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
        inner = profile[:, LINE_HALF_WIDTH:-LINE_HALF_WIDTH]
        steps.append(np.abs(inner - profile[:, LINE_HALF_WIDTH - 2 : -LINE_HALF_WIDTH - 2]))
        beside = profile[:, 2 * LINE_HALF_WIDTH :] + profile[:, : -2 * LINE_HALF_WIDTH]
        lines.append(np.abs(inner - beside / 2))
    worst = []
    for had, has in (steps, lines):
        near = maximum_filter1d(np.nan_to_num(had), 2 * EDGE_SHIFT_SAMPLES + 1, axis=1, mode="nearest")
        worst.append(np.nan_to_num(np.maximum(has - near, 0)).max(1))
    upper, lower = np.split(np.maximum(*worst), 2)
    return float(np.percentile(upper, SECTOR_PERCENTILE)), float(np.percentile(lower, SECTOR_PERCENTILE))


def soft_luma(image: Image) -> Plane:
    """Computes luma (H, W) float32, softened by a pixel: single pixels are the encoder's."""
    return np.asarray(cv2.GaussianBlur(luma(image).astype(np.float32), (0, 0), 0.8))


def _profile(picture: Plane, points: Floats, line: Line) -> Plane:
    """Samples a picture (ACROSS, ALONG) across a line, from above it to below it."""
    corners = points[list(line.points)]
    lengths = np.append(0, np.cumsum(np.linalg.norm(np.diff(corners, axis=0), axis=1)))
    along = np.linspace(0, (1 + line.beyond) * lengths[-1], ALONG)
    end = (corners[-1] - corners[-2]) / max(lengths[-1] - lengths[-2], 1e-6)
    places = np.stack([np.interp(along, lengths, part) for part in corners.T], -1)
    places += np.maximum(along - lengths[-1], 0)[:, None] * end
    across = np.linspace(-line.above, line.below, ACROSS) * EYES_PX
    x = np.broadcast_to(places[:, 0], (ACROSS, ALONG)).astype(np.float32)
    y = (places[:, 1] + across[:, None]).astype(np.float32)
    return np.asarray(cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))


def _depth(profile: Plane, *, both: bool) -> Floats:
    """Computes a line's darkness (ALONG,) against the skin beside it, mean across it."""
    edge = max(1, round(SKIN_SHARE * ACROSS))
    skin = np.broadcast_to(np.median(profile[:edge], 0), profile.shape)
    if both:
        share = np.clip((np.arange(ACROSS) - edge / 2) / (ACROSS - edge), 0, 1)[:, None]
        skin = skin + (share * (np.median(profile[-edge:], 0) - skin)).astype(np.float32)
    return np.asarray(np.maximum(skin - profile, 0)[edge:].mean(0), np.float64)
