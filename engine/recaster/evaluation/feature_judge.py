"""The judge of features, edges and blotches: what an eye sees at once in a swapped face, and no mean does.

The mesh of the original says where to look, and dlib's points of the swap where its features are; how dark a
brow is, and which blotches are a person's own, is measured on the source's pictures in the same way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

import cv2
import numpy as np
from scipy.ndimage import maximum_filter1d

from recaster.evaluation.landmarks import Judge, face_box
from recaster.evaluation.look_judge import FEATURES, FEWEST, INNER, lab, smoothed
from recaster.evaluation.means import mean
from recaster.evaluation.regions import filled, grown
from recaster.faces.alignment import EYE_DISTANCE, align_matrix, warp
from recaster.faces.topology import OVAL

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from recaster.faces.types import Floats
    from recaster.facesets.faceset import Faceset
    from recaster.media.types import Image

    Mask = NDArray[np.bool_]
    Plane = NDArray[np.float32]

FACES: Final = 24
"""So many of a source's faces are looked at."""
SIDE, COVERAGE = 256, 1.5
"""Crops that are judged, and how much of the surroundings they show."""
EYES: Final = EYE_DISTANCE / COVERAGE * SIDE
"""The eye distance in them, pixels."""
BLACK: Final = 12.0
"""Grey levels that are added before logarithms: in the dark, ratios are of noise."""
ACROSS: Final = 25
ALONG: Final = 32
SOFT: Final = 0.03
"""Sigma of the blur before profiles are taken, in eye distances: a softer shot has as much of a brow."""


@dataclass(frozen=True)
class Line:
    """A dark line in a face: dlib's points on it, and what is looked at around them, in eye distances.

    Attributes:
        points: from the face's middle outwards.
        above: how far above them its profile begins.
        below: how far below it ends.
        beyond: by how much of its length it goes on after the last point.
        both: whether skin is on both sides of it, and not above only.
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
EDGE: Final = 0.2
"""So deep into a profile lies the skin that a feature is compared with, as a share of it."""
LIPS: Final = tuple(range(48, 60))
INSIDE_LIPS: Final = tuple(range(60, 68))

FAINT: Final = 1e-3
"""A feature that is hardly darker than skin, logarithm."""
PALE: Final = 0.1
"""Lips that are no darker than so much, logarithm, aren't told from a beard."""
PAINTED: Final = 128
"""A matte's level from which a pixel is the swapped face's."""
WHOLE: Final = 0.1
"""A mask that covers everything is taken to end so far outside the oval, in eye distances."""

SECTORS: Final = 48
RING, STEP = 0.24, 0.015
"""How far from the mask's outline edges are looked for, and the samples there, in eye distances."""
MOVED: Final = 5
"""Samples by which an edge of the original may have moved without being a new one."""
LINE: Final = 3
"""Half the width of lines that are looked for, in samples."""
WORST_SECTORS: Final = 90
"""Percentile of sectors that stands for all: a line runs along some of them."""

BLOTCH, AROUND = 0.06, 0.3
"""Sigmas between which blotches lie, in eye distances."""
SPREAD: Final = 0.12
"""How far away a blotch of the source or the target excuses one, in eye distances."""
WORST_SKIN: Final = 99.0
"""Percentile of skin that stands for its worst place."""

PER_FRAME: Final = (
    "brows", "brows_least", "brows_change", "lids", "lips", "temples", "jaw", "smears", "unsteady",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class SourceLook:
    """A source's own features, and its own blotches.

    Attributes:
        brows: (2, ALONG), how dark each brow is along itself.
        lids: (2, ALONG), likewise of the upper lids with their lashes.
        lips: how much darker the lips are than the skin around them.
        blotches: (SIDE, SIDE), strength of blotches.
    """

    brows: Floats
    lids: Floats
    lips: float
    blotches: Plane

    @classmethod
    def measured(cls, faceset: Faceset) -> Self:
        """What is usual in the pictures of a faceset.

        Raises:
            FacesetError: a crop cannot be read.
        """
        judge = Judge()
        records = faceset.records
        seen = []
        for at in np.unique(np.linspace(0, len(records) - 1, min(len(records), FACES)).round().astype(int)):
            image = faceset.crop(records[at])
            mesh = records[at].landmarks
            points = judge.points(image, face_box(mesh))
            crop = Crop.of(mesh)
            seen.append((*crop.features(image, points), crop.blotches(crop.cut(image), crop.skin())))
        brows, lids, lips, blotches = (np.median(one, axis=0) for one in zip(*seen, strict=True))
        return cls(brows, lids, float(lips), blotches.astype(np.float32))


class FeatureJudge:
    """Takes frame after frame with ``add``; ``figures`` sums up.

    Args:
        source: whose features there should be; None where nobody knows.
    """

    def __init__(self, source: SourceLook | None) -> None:
        self._source = source
        self._rows: list[tuple[float, ...]] = []
        self._brows: Floats | None = None
        self._before: tuple[Plane, Mask] | None = None

    def add(
        self,
        original: Image,
        swapped: Image,
        matte: Image,
        mesh: Floats,
        points: Floats,
        hidden: Mask | None = None,
    ) -> None:
        """Judge one frame.

        Args:
            original: (H, W, 3) uint8 RGB.
            swapped: the same frame, swapped.
            matte: (H, W, 3) uint8, where the swap says that its face shows.
            mesh: (478, 3) of the face in the original, pixels.
            points: (68, 2), dlib's of the swapped face, pixels.
            hidden: (H, W), where something is before the face.
        """
        crop = Crop.of(mesh)
        here, there = crop.cut(swapped), crop.cut(original)
        painted = crop.cut(matte)[..., 0] >= PAINTED
        painted &= filled(crop.mesh[list(OVAL)], (SIDE, SIDE), WHOLE * EYES)
        skin = crop.skin() & painted
        if hidden is not None:
            skin &= crop.cut(hidden.astype(np.uint8) * 255) == 0
        self._rows.append(
            (
                *self._kept(crop, swapped, points),
                *edges(luma(there), luma(here), painted),
                self._smears(crop, here, there, skin),
                self._unsteady(here, there, skin),
            )
        )

    def _kept(self, crop: Crop, swapped: Image, points: Floats) -> tuple[float, ...]:
        """Shares of the source's brows (both, the worse one), how they changed, and of its lids and lips."""
        if self._source is None:
            return (np.nan,) * 5
        brows, lids, lips = crop.features(swapped, points)
        kept = np.minimum(brows, self._source.brows) / np.maximum(
            self._source.brows.sum(1, keepdims=True), FAINT
        )
        before = self._brows
        self._brows = kept
        changed = np.nan if before is None else float(np.abs(kept - before).sum(1).mean())
        lids_kept = np.minimum(lids, self._source.lids).sum() / max(self._source.lids.sum(), FAINT)
        shares = kept.sum(1)
        lips_kept = min(lips / self._source.lips, 1.0) if self._source.lips > PALE else np.nan
        return float(shares.mean()), float(shares.min()), changed, float(lids_kept), lips_kept

    def _smears(self, crop: Crop, here: Image, there: Image, skin: Mask) -> float:
        if skin.sum() < FEWEST:
            return float("nan")
        excused = crop.blotches(there, skin)
        if self._source is not None:
            excused = np.maximum(excused, self._source.blotches)
        reach = 2 * round(SPREAD * EYES) + 1
        excused = cv2.dilate(excused, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach)))
        return float(np.percentile(np.maximum(crop.blotches(here, skin) - excused, 0)[skin], WORST_SKIN))

    def _unsteady(self, here: Image, there: Image, skin: Mask) -> float:
        """How much more the worst places of skin changed than in the original."""
        ours, theirs = (lab(image)[..., :1] for image in (here, there))
        apart = smoothed(ours - theirs, skin, BLOTCH * EYES)[..., 0]
        before = self._before
        self._before = (apart, skin)
        both = skin if before is None else skin & before[1]
        if before is None or both.sum() < FEWEST:
            return float("nan")
        return float(np.percentile(np.abs(apart - before[0])[both], WORST_SKIN))

    def figures(self) -> dict[str, float]:
        """Name to value; NaN for what could not be measured."""
        table = np.array(self._rows, np.float64).reshape(-1, len(PER_FRAME))
        by = dict(zip(PER_FRAME, table.T, strict=True))
        found = {name: mean(values) for name, values in by.items()}
        known = by["brows_least"][np.isfinite(by["brows_least"])]
        return found | {"brows_least": float(known.min(initial=np.inf)) if len(known) else float("nan")}


@dataclass(frozen=True, eq=False)
class Crop:
    """A face brought to one size and place.

    Attributes:
        matrix: (2, 3), frame pixels to the crop's.
        mesh: (478, 2) in the crop.
    """

    matrix: Floats
    mesh: Floats

    @classmethod
    def of(cls, mesh: Floats) -> Self:
        """The crop of a face with a mesh (478, 3), pixels."""
        matrix = align_matrix(mesh, SIDE, COVERAGE)
        return cls(matrix, mesh[:, :2] @ matrix[:, :2].T + matrix[:, 2])

    def cut(self, image: Image) -> Image:
        """What it shows of a frame, (SIDE, SIDE, ...)."""
        return warp(image, self.matrix, SIDE)

    def skin(self) -> Mask:
        """(SIDE, SIDE): the face without eyes, brows and lips, and what is around them."""
        bare = filled(self.mesh[list(OVAL)], (SIDE, SIDE), INNER * EYES)
        for outline, reach in FEATURES:
            hull = cv2.convexHull(self.mesh[list(outline)].astype(np.float32))[:, 0]
            bare &= ~filled(hull, (SIDE, SIDE), reach * EYES)
        return bare

    def features(self, image: Image, points: Floats) -> tuple[Floats, Floats, float]:
        """How dark brows and lids are, (2, ALONG) each, and the lips: natural logarithms.

        In green, which shows brows, make-up and lips alike.
        """
        placed = points @ self.matrix[:, :2].T + self.matrix[:, 2]
        green = np.log(self.cut(image)[..., 1].astype(np.float32) + np.float32(BLACK))
        soft = cv2.GaussianBlur(green, (0, 0), SOFT * EYES)
        brows, lids = (
            np.stack([_depth(_profile(soft, placed, line), both=line.both) for line in lines])
            for lines in (BROWS, LIDS)
        )
        outer = filled(placed[list(LIPS)], (SIDE, SIDE), 0)
        lips = outer & ~filled(placed[list(INSIDE_LIPS)], (SIDE, SIDE), 0.03 * EYES)
        around = grown(outer, 0.16 * EYES) & ~grown(outer, 0.06 * EYES)
        return brows, lids, max(float(np.median(green[around]) - np.median(green[lips])), 0.0)

    def blotches(self, image: Image, skin: Mask) -> Plane:
        """(SIDE, SIDE): how much darker or redder than the skin around it skin is, CIE Lab; 0 elsewhere."""
        colours = lab(image)[..., :2]
        bands = smoothed(colours, skin, BLOTCH * EYES) - smoothed(colours, skin, AROUND * EYES)
        strength = np.hypot(np.minimum(bands[..., 0], 0), np.maximum(bands[..., 1], 0))
        return np.asarray(strength * skin, np.float32)


def edges(original: Plane, swapped: Plane, painted: Mask) -> tuple[float, float]:
    """Edges and lines along a mask's outline that the original doesn't have near there, grey levels.

    Brightness by distance from the outline, averaged along a 48th of it (what runs along it stays, texture
    averages out): its steps and its lines, less the strongest that the original has within a little. A high
    percentile of the sectors.

    Args:
        original: (SIDE, SIDE), brightness.
        swapped: likewise.
        painted: (SIDE, SIDE), the mask.
    """
    if not painted.any() or painted.all():
        return (np.nan, np.nan)
    inside, outside = (
        cv2.distanceTransform(one.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        for one in (painted, ~painted)
    )
    away = (outside - inside) / EYES
    rows, columns = np.nonzero(np.abs(away) < RING)
    middle = np.argwhere(painted).mean(0)
    angle = np.arctan2(rows - middle[0], columns - middle[1]) / (2 * np.pi) + 0.5
    rings = round(2 * RING / STEP)
    ring = np.minimum(((away[rows, columns] + RING) / STEP).astype(int), rings - 1)
    place = np.minimum((angle * SECTORS).astype(int), SECTORS - 1) * rings + ring
    counts = np.bincount(place, minlength=SECTORS * rings).reshape(SECTORS, rings)
    steps, lines = [], []
    for picture in (original, swapped):
        sums = np.bincount(place, picture[rows, columns], SECTORS * rings).reshape(SECTORS, rings)
        profile = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
        steps.append(np.abs(profile[:, LINE:-LINE] - np.roll(profile, 2, 1)[:, LINE:-LINE]))
        beside = profile[:, 2 * LINE :] + profile[:, : -2 * LINE]
        lines.append(np.abs(profile[:, LINE:-LINE] - beside / 2))
    worst = []
    for had, has in (steps, lines):
        near = maximum_filter1d(np.nan_to_num(had), 2 * MOVED + 1, axis=1, mode="nearest")
        worst.append(np.nan_to_num(np.maximum(has - near, 0)).max(1))
    upper, lower = np.split(np.maximum(*worst), 2)
    return float(np.percentile(upper, WORST_SECTORS)), float(np.percentile(lower, WORST_SECTORS))


def luma(image: Image) -> Plane:
    """Brightness (H, W) float32, softened by a pixel."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return np.asarray(cv2.GaussianBlur(grey, (0, 0), 0.8))


def _profile(picture: Plane, points: Floats, line: Line) -> Plane:
    """(ACROSS, ALONG): a picture across a line, from above it to below it."""
    corners = points[list(line.points)]
    lengths = np.append(0, np.cumsum(np.linalg.norm(np.diff(corners, axis=0), axis=1)))
    along = np.linspace(0, (1 + line.beyond) * lengths[-1], ALONG)
    end = (corners[-1] - corners[-2]) / max(lengths[-1] - lengths[-2], 1e-6)
    places = np.stack([np.interp(along, lengths, part) for part in corners.T], -1)
    places += np.maximum(along - lengths[-1], 0)[:, None] * end
    across = np.linspace(-line.above, line.below, ACROSS) * EYES
    columns = np.broadcast_to(places[:, 0], (ACROSS, ALONG)).astype(np.float32)
    rows = (places[:, 1] + across[:, None]).astype(np.float32)
    return np.asarray(cv2.remap(picture, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))


def _depth(profile: Plane, *, both: bool) -> Floats:
    """(ALONG,): how much darker a line is than the skin beside it, mean across it."""
    edge = max(1, round(EDGE * ACROSS))
    skin = np.broadcast_to(np.median(profile[:edge], 0), profile.shape)
    if both:
        share = np.clip((np.arange(ACROSS) - edge / 2) / (ACROSS - edge), 0, 1)[:, None]
        skin = skin + (share * (np.median(profile[-edge:], 0) - skin)).astype(np.float32)
    return np.asarray(np.maximum(skin - profile, 0)[edge:].mean(0), np.float64)
