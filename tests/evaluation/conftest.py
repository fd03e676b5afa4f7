"""Swaps that are spoilt in one known way each, and what the judges say of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest
from clips import write_clip

from recaster.evaluation.evaluate import evaluate
from recaster.evaluation.ground_truth import Truth
from recaster.evaluation.observe import points_by_frame
from recaster.faces.alignment import align_matrix, invert, warp
from recaster.faces.analysis_cache import analyse_clip
from recaster.faces.geometry import eye_distance_3d
from recaster.faces.region_masks import fill_polygon
from recaster.faces.topology import BROW_LEFT, EYE_LEFT, EYE_RIGHT, IRIS_LEFT, IRIS_RIGHT, OVAL
from recaster.media.clip import Clip
from recaster.media.probe import probe
from recaster.media.reader import read_frames
from recaster.settings.detection import AnalysisSettings
from recaster.settings.evaluate import EvaluateSettings

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.evaluation.evaluation_result import EvaluationResult
    from recaster.facesets.faceset import Faceset

FRAMES = range(122, 170)


@dataclasses.dataclass(frozen=True, eq=False)
class Material:
    """The performer, the true swap of the same frames, and where the face is in them."""

    performer: list[np.ndarray]
    truth: list[np.ndarray]
    masks: list[np.ndarray]
    points: list[np.ndarray]

    def inside(self, at: int, image: np.ndarray) -> np.ndarray:
        """The truth with the face taken from ``image``, softly."""
        soft = cv2.GaussianBlur(self.masks[at].astype(np.float32), (0, 0), 2)[:, :, None]
        return np.rint(self.truth[at] * (1 - soft) + np.clip(image, 0, 255) * soft).astype(np.uint8)

    def true(self, at: int) -> np.ndarray:
        return self.truth[at]

    def unswapped(self, at: int) -> np.ndarray:
        return self.performer[at]

    def half_swapped(self, at: int) -> np.ndarray:
        return self.inside(at, 0.5 * self.truth[at] + 0.5 * self.performer[at])

    def noisy(self, at: int) -> np.ndarray:
        noise = np.random.default_rng(at).normal(0, 14, self.truth[at].shape)
        return self.inside(at, self.truth[at] + noise)

    def blurred(self, at: int) -> np.ndarray:
        return self.inside(at, cv2.GaussianBlur(self.truth[at], (0, 0), 3))

    def yellowed(self, at: int) -> np.ndarray:
        return self.inside(at, self.truth[at] * np.array([1.04, 1.0, 0.75]))

    def shaded(self, at: int) -> np.ndarray:
        """Dark on one side, as nothing in the picture is."""
        gain = np.linspace(1.1, 0.5, self.truth[at].shape[1])[None, :, None]
        return self.inside(at, self.truth[at] * gain)

    def late(self, at: int) -> np.ndarray:
        return self.truth[max(at - 5, 0)]

    def frozen(self, at: int) -> np.ndarray:
        """The first frame's face, carried along with the head."""
        size = 256
        there = align_matrix(self.points[at], size, 1.2)
        face = warp(self.truth[0], align_matrix(self.points[0], size, 1.2), size)
        placed = cv2.warpAffine(
            face, invert(there), self.truth[at].shape[1::-1], borderMode=cv2.BORDER_REPLICATE
        )
        return self.inside(at, placed.astype(np.float32))

    def trembling(self, at: int) -> np.ndarray:
        moved = np.float64([[1, 0, 2.0 * (-1) ** at], [0, 1, 1.5 * (-1) ** (at // 2)]])
        turned = cv2.warpAffine(self.truth[at], moved, self.truth[at].shape[1::-1], borderMode=1)
        return self.inside(at, turned.astype(np.float32))

    def boxed(self, at: int) -> np.ndarray:
        """A box around the face that is a little brighter; on the performer, whose outline is his own."""
        image = self.performer[at].copy()
        x, y, width, height = cv2.boundingRect(self.masks[at].astype(np.uint8))
        part = image[y + 4 : y + height - 4, x + 4 : x + width - 4]
        part[:] = np.clip(part.astype(np.int16) + 16, 0, 255)
        return image

    def flickering(self, at: int) -> np.ndarray:
        return self.inside(at, self.truth[at].astype(np.float32) + 8 * (-1) ** at)

    def missing(self, at: int) -> np.ndarray:
        return self.performer[at] if 20 <= at < 30 else self.truth[at]

    def beside(self, at: int) -> np.ndarray:
        image = self.truth[at].copy()
        image[4:60, 4:60] = np.clip(image[4:60, 4:60].astype(np.int16) + 20, 0, 255)
        return image

    def tilted(self, at: int) -> np.ndarray:
        """The face turned in its place, against the head."""
        x, y = self.points[at][:, :2].mean(axis=0)
        turn = cv2.getRotationMatrix2D((float(x), float(y)), 9, 1)
        return self.inside(
            at, cv2.warpAffine(self.truth[at], turn, self.truth[at].shape[1::-1]).astype(np.float32)
        )

    def bitten(self, at: int) -> np.ndarray:
        """Without the outer half of a brow."""
        brow = self.points[at][list(BROW_LEFT), :2]
        mask = np.zeros(self.truth[at].shape[:2], np.uint8)
        cv2.fillConvexPoly(mask, cv2.convexHull(np.rint(brow).astype(np.int32)), 1)
        mask = cv2.dilate(mask, np.ones((9, 9), np.uint8))
        mask[:, int(np.median(brow[:, 0])) :] = 0
        return cv2.inpaint(self.truth[at], mask, 5, cv2.INPAINT_TELEA)

    def outlined(self, at: int) -> np.ndarray:
        """A pale line along the jaw."""
        jaw = self.points[at][list(OVAL[10:27]), :2]
        line = np.zeros(self.truth[at].shape[:2], np.float32)
        cv2.polylines(line, [np.rint(jaw).astype(np.int32)], isClosed=False, color=0.3, thickness=2)
        soft = cv2.GaussianBlur(line, (0, 0), 0.7)[..., None]
        return np.rint(self.truth[at] * (1 - soft) + 255 * soft).astype(np.uint8)

    def dabbed(self, at: int, point: int, colour: tuple[int, int, int], strength: float) -> np.ndarray:
        """A soft dab of a colour on a point of the mesh."""
        eyes = eye_distance_3d(self.points[at])
        mask = np.zeros(self.truth[at].shape[:2], np.float32)
        middle = (int(self.points[at][point, 0]), int(self.points[at][point, 1]))
        cv2.circle(mask, middle, int(0.15 * eyes), strength, -1)
        soft = cv2.GaussianBlur(mask, (0, 0), 0.06 * eyes)[..., None]
        return np.rint(self.truth[at] * (1 - soft) + np.array(colour) * soft).astype(np.uint8)

    def with_irises(self, at: int, left: float, right: float) -> np.ndarray:
        """The performer, the irises moved to the picture's right in their eyes, by shares of these' width."""
        image = self.performer[at].astype(np.float32)
        rows, columns = np.mgrid[: image.shape[0], : image.shape[1]].astype(np.float32)
        for outline, iris, share in ((EYE_LEFT, IRIS_LEFT, left), (EYE_RIGHT, IRIS_RIGHT, right)):
            eye = self.points[at][list(outline), :2]
            x, y = self.points[at][iris, :2]
            shift = share * float(np.ptp(eye[:, 0]))
            radius = 0.22 * np.ptp(eye[:, 0])
            near = np.clip(2 - np.hypot(columns - x - shift, rows - y) / radius, 0, 1)
            moved = cv2.remap(image, (columns - shift * near).astype(np.float32), rows, cv2.INTER_LINEAR)
            inside = cv2.GaussianBlur(
                fill_polygon(eye, len(image), 255).astype(np.float32) / 255, (0, 0), 0.7
            )
            image += inside[..., None] * (moved - image)
        return np.clip(np.rint(image), 0, 255).astype(np.uint8)

    def glancing(self, at: int) -> np.ndarray:
        return self.with_irises(at, 0.12, 0.12)

    def squinting(self, at: int) -> np.ndarray:
        return self.with_irises(at, 0.12, -0.12)

    def blotched(self, at: int) -> np.ndarray:
        """A brown blotch on a cheek."""
        return self.dabbed(at, 50, (110, 60, 45), 0.5)

    def with_lock(self, at: int) -> np.ndarray:
        """A dark lock over the forehead that comes and goes."""
        return self.dabbed(at, 104, (40, 30, 25), 0.8) if at // 12 % 2 else self.truth[at]


Judged = Callable[[str], "EvaluationResult"]


@pytest.fixture(scope="session")
def material(actors: Path, tmp_path_factory: pytest.TempPathFactory) -> Material:
    performer = actors / "performer.mp4"
    truth = Truth.load(actors / "truth" / "far.mp4")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("RECASTER_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
        analysis = analyse_clip(Clip(performer), AnalysisSettings(), FRAMES)
    where = points_by_frame(analysis.tracks)
    return Material(
        [frame.image for frame in read_frames(performer, FRAMES.start, FRAMES.stop)],
        [frame.image for frame in read_frames(truth.clip, FRAMES.start, FRAMES.stop)],
        [truth.mask(index) for index in FRAMES],
        [where[index] for index in FRAMES],
    )


@pytest.fixture(scope="session")
def judged(
    material: Material, actors: Path, actor_faceset: Faceset, tmp_path_factory: pytest.TempPathFactory
) -> Judged:
    """The outcome for a swap that is spoilt as the method of that name of ``Material`` says."""
    folder = tmp_path_factory.mktemp("spoilt")
    performer = actors / "performer.mp4"
    known: dict[str, Any] = {}

    def judge(kind: str) -> EvaluationResult:
        if kind not in known:
            spoil = getattr(material, kind)
            frames = (
                dataclasses.replace(frame, image=spoil(frame.index - FRAMES.start))
                for frame in read_frames(performer, FRAMES.start, FRAMES.stop)
            )
            write_clip(frames, probe(performer), folder / f"{kind}.mp4", FRAMES)
            settings = EvaluateSettings(truth=actors / "truth" / "far.mp4", frames=FRAMES, identity_every=10)
            known[kind] = evaluate(
                performer, folder / f"{kind}.mp4", actor_faceset.folder, folder / kind, settings
            )
        return known[kind]

    return judge
