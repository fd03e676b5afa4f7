"""Judge of anonymised clips: detectors and identities that have no part in a swap, and who they still know.

Faces are looked for by YuNet down to a low score, in the frame and in the frame turned on its sides and
upside down, and by dlib's HOG detector. Each is told by SFace and by dlib's ResNet, by published thresholds.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import cv2
import numpy as np

from recaster import weights_registry
from recaster.errors import FacesetError
from recaster.evaluation.nan_stats import spread_indices
from recaster.evaluation.sface import SFace
from recaster.faces import alignment
from recaster.faces.dlib_adapters import DlibDetector
from recaster.faces.embedding import distance, embed, locate_five
from recaster.faces.people import choose_clear_frames
from recaster.faces.tracklets import PORTRAIT_COVERAGE, PORTRAIT_DLIB_BOX, PORTRAIT_PX
from recaster.faces.types import Box
from recaster.faces.weights import read_weights

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from recaster.faces.types import Detection, FaceTrack, Floats
    from recaster.facesets.faceset import Faceset
    from recaster.media.clip import Clip
    from recaster.media.types import Image

SFACE_KNOWN: Final = 0.363
"""Cosine from which on SFace takes two faces for one person's (OpenCV Zoo: 99.6 % on LFW)."""
DLIB_KNOWN: Final = 0.6
"""Distance below which dlib's ResNet does (99.4 % on LFW)."""
SFACE_MARGIN: Final = 0.03
DLIB_MARGIN: Final = 0.03
"""Added to either: another alignment of the same face moves its likeness by as much."""
MIN_SCORE: Final = 0.3
"""YuNet's, from which on something may be a face."""
SURE_SCORE: Final = 0.6
"""YuNet's, from which on something is one."""
MIN_HOG_PX: Final = 48
"""Width of the smallest face that the HOG detector looks for."""
MAX_HOG_SIDE_PX: Final = 1280
"""Longer side of a picture up to which it looks for those; in larger ones for larger faces."""
MAX_REFERENCE_TRACKS: Final = 4
MAX_OTHER_FRAMES: Final = 6
"""Frames of a track, clear or not, that are compared with, too."""
MAX_COMPARED_FACES: Final = 3
_YUNET_FACE_PX: Final = 14
_MAX_SIDE_PX: Final = 1920
SAME_PLACE: Final = 0.4
"""Overlap (intersection over union) from which on two boxes are of one face."""
SAME_POINTS: Final = 0.1
"""Distance between the points of two looks at a face, in widths of it, up to which they see the same."""


@dataclass(frozen=True)
class Likeness:
    """Likeness of a face to the original person, by both judges.

    Attributes:
        sface: cosine, -1 to 1; more is nearer.
        dlib: distance, 0 up; less is nearer.
    """

    sface: float
    dlib: float

    @property
    def is_known(self) -> bool:
        """True if either judge takes it for the person, or nearly does."""
        return self.sface >= SFACE_KNOWN - SFACE_MARGIN or self.dlib < DLIB_KNOWN + DLIB_MARGIN

    @property
    def closeness(self) -> float:
        """Closeness to the person: below 1 where it isn't known; only for sorting."""
        return max(
            self.sface / (SFACE_KNOWN - SFACE_MARGIN), (DLIB_KNOWN + DLIB_MARGIN) / max(self.dlib, 1e-3)
        )

    @property
    def is_sure(self) -> bool:
        """True if both judges take it for the person, without any margin."""
        return self.sface >= SFACE_KNOWN and self.dlib < DLIB_KNOWN

    def nearer(self, other: Likeness | None) -> Likeness:
        """The nearest that either judge saw, of two looks."""
        if other is None:
            return self
        return Likeness(max(self.sface, other.sface), min(self.dlib, other.dlib))


@dataclass(frozen=True, eq=False)
class SeenFace:
    """A face that may be one.

    Attributes:
        box: from the hairline to the chin, about.
        five: (5, 2) pixels: eyes, tip of the nose, corners of the mouth; the left of an upright face first.
        score: YuNet's, 0 to 1; 1 from HOG.
    """

    box: Box
    five: Floats
    score: float

    def sees_same(self, other: SeenFace) -> bool:
        """True if another look is at the same face, with nearly the same points."""
        apart = float(np.linalg.norm(self.five - other.five, axis=1).max())
        near = SAME_POINTS * max(self.box.width, other.box.width)
        return apart < near and self.box.iou(other.box) > SAME_PLACE


@dataclass(frozen=True, eq=False)
class Gallery:
    """Faces of the people who must not be known, as the original shows them: (N, 128) each.

    Attributes:
        clear: the number of those, the first ones, that are clear; None for all.
    """

    sface: Floats
    dlib: Floats
    clear: int | None = None

    def compare(self, sface: Floats, dlib: Floats) -> Likeness:
        """Compares a face with all of them."""
        apart = min(distance(each, dlib) for each in self.dlib)
        return Likeness(round(float((self.sface @ sface).max()), 3), round(apart, 3))

    def only_clear(self) -> Gallery:
        """The clear ones alone."""
        return Gallery(self.sface[: self.clear], self.dlib[: self.clear])


class AnonymityJudge:
    """Both detectors and both identities.

    Raises:
        UsageError: the packages for evaluation are not installed.
        WeightsError: a model file is missing or damaged.
    """

    def __init__(self, min_face: int) -> None:
        self._sface = SFace()
        self._hog: dict[int, DlibDetector] = {}
        self._factor = _YUNET_FACE_PX / min_face
        model = np.frombuffer(read_weights(weights_registry.YUNET), np.uint8)
        level = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)
        try:
            self._yunet = cv2.FaceDetectorYN.create(
                "onnx", model, np.zeros(0, np.uint8), (320, 320), MIN_SCORE, 0.3
            )
        finally:
            cv2.utils.logging.setLogLevel(level)

    def find_faces(self, image: Image, turns: Sequence[int] = range(4)) -> list[SeenFace]:
        """Finds all that may be faces, upright or not, the surest first.

        A face may be there more than once, with other points: YuNet also sees faces that lie or stand on
        their heads, but takes them for upright ones.

        Args:
            turns: quarters by which the picture is turned to look for faces that aren't upright.
        """
        side = max(image.shape[:2])
        factors = {min(self._factor, _MAX_SIDE_PX / side), min(1.0, 320 / side)}
        found = [SeenFace(each.box, locate_five(image, each.box), 1.0) for each in self._run_hog(image, side)]
        for turn in turns:
            turned = np.ascontiguousarray(np.rot90(image, turn))
            seen = [face for factor in factors for face in self._run_yunet(turned, factor)]
            found += [_turn_back(face, turn, image.shape[:2]) for face in seen]
        kept: list[SeenFace] = []
        for face in sorted(found, key=lambda face: -face.score):
            if not any(face.sees_same(other) for other in kept):
                kept.append(face)
        return kept

    def _run_yunet(self, image: Image, factor: float) -> list[SeenFace]:
        height, width = image.shape[:2]
        size = (max(1, round(width * factor)), max(1, round(height * factor)))
        small = cv2.resize(image, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR)
        self._yunet.setInputSize(size)
        _, rows = self._yunet.detect(cv2.cvtColor(small, cv2.COLOR_RGB2BGR))
        back = np.array([width / size[0], height / size[1]])
        seen = []
        for row in () if rows is None else rows.astype(np.float64):
            left, top = row[:2] * back
            wide, high = row[2:4] * back
            five = row[4:14].reshape(5, 2) * back
            seen.append(SeenFace(Box(left, top, left + wide, top + high), five, float(row[14])))
        return seen

    def _run_hog(self, image: Image, side: int) -> list[Detection]:
        least = round(MIN_HOG_PX * max(1.0, side / MAX_HOG_SIDE_PX))
        if least not in self._hog:
            self._hog[least] = DlibDetector("dlib-hog", least)
        return self._hog[least].detect(image)

    def embed(self, image: Image, five: Floats) -> tuple[Floats, Floats]:
        """Embeds a face by its five points: by SFace, and by dlib's ResNet."""
        crop = cv2.warpAffine(image, alignment.similarity(five, _PORTRAIT_FIVE), (PORTRAIT_PX, PORTRAIT_PX))
        return self._sface.embed_five(image, five), embed(crop, PORTRAIT_DLIB_BOX)

    def make_gallery(
        self,
        clip: Clip,
        people: Iterable[Sequence[FaceTrack]],
        pictures: Iterable[tuple[Image, Floats]] = (),
    ) -> Gallery:
        """Looks at each person's tracks in the original, and at pictures of them.

        Some clear frames come first, then others in which both judges know the person by those.

        Args:
            pictures: each with the face's mesh or 68 points.

        Raises:
            ClipError: the clip cannot be read any more.
        """
        pairs = [self.embed(image, five_points(points)) for image, points in pictures]
        others: list[tuple[Floats, Floats]] = []
        for tracks in people:
            largest = sorted(tracks, key=lambda track: -float(np.ptp(track.boxes[:, ::2], axis=1).sum()))
            own = []
            for track in largest[:MAX_REFERENCE_TRACKS]:
                clear = choose_clear_frames(track)
                own += self._embed_frames(clip, track, clear)
                spread = track.frames[spread_indices(len(track), MAX_OTHER_FRAMES)].tolist()
                others += self._embed_frames(clip, track, sorted({*spread} - {*clear}))
            mean = [np.mean(each, axis=0) for each in zip(*own, strict=True)]
            pairs += [*own, (mean[0] / np.linalg.norm(mean[0]), mean[1])]
        told = _stack(pairs)
        sure = [each for each in others if told.compare(*each).is_sure]
        return dataclasses.replace(_stack([*pairs, *sure]), clear=len(pairs))

    def _embed_frames(
        self, clip: Clip, track: FaceTrack, frames: Iterable[int]
    ) -> list[tuple[Floats, Floats]]:
        """Embeds a track's face in some frames."""
        found = []
        for at in frames:
            frame = next(iter(clip.read(at, at + 1)))
            found.append(self.embed(frame.image, five_points(track.landmarks[at - track.frames[0]])))
        return found

    def compare_faceset(self, faceset: Faceset, gallery: Gallery) -> Likeness:
        """Compares some faces of a faceset with a gallery: the nearest that either judge sees."""
        nearest: Likeness | None = None
        for at in spread_indices(len(faceset.records), MAX_COMPARED_FACES):
            record = faceset.records[at]
            seen = gallery.compare(*self.embed(faceset.crop(record), five_points(record.landmarks)))
            nearest = seen.nearer(nearest)
        if nearest is None:
            raise FacesetError(f"{faceset.folder}: no faces in it; extract some")
        return nearest


def _stack(pairs: Sequence[tuple[Floats, Floats]]) -> Gallery:
    sface, dlib = zip(*pairs, strict=True)
    return Gallery(np.stack(sface), np.stack(dlib))


def _turn_back(face: SeenFace, turns: int, size: tuple[int, ...]) -> SeenFace:
    """Turns a face of a picture that was turned left by quarters to where it is in the picture itself.

    Args:
        size: height and width of the latter.
    """
    height, width = size
    left, top, right, bottom = face.box.sides
    points = np.array([(left, top), (right, bottom), *face.five])
    x, y = points[:, 0], points[:, 1]
    back = ((x, y), (width - 1 - y, x), (width - 1 - x, height - 1 - y), (y, height - 1 - x))[turns]
    points = np.stack(back, axis=1)
    low, high = points[:2].min(axis=0), points[:2].max(axis=0)
    return SeenFace(Box(*low.tolist(), *high.tolist()), points[2:], face.score)


def five_points(landmarks: Floats) -> Floats:
    """Eyes, tip of the nose and corners of the mouth, (5, 2), of a mesh or of iBUG's 68 points."""
    return alignment.pick_five(alignment.inner_points(landmarks))


_PORTRAIT_FIVE: Final[Any] = (
    (alignment.pick_five(alignment.TEMPLATE) - 0.5) / PORTRAIT_COVERAGE + 0.5
) * PORTRAIT_PX - 0.5
