"""Faces of still images, and the person that one shows."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

import cv2

from recaster.errors import FaceNotFoundError
from recaster.faces.detectors import make_detector
from recaster.faces.embedding import distance
from recaster.faces.landmarkers import make_landmarker
from recaster.faces.roll import SIDES, detect_rolled
from recaster.faces.track_choice import size_needed
from recaster.faces.types import Box, Detection
from recaster.facesets.crop_plan import MAX_OUTSIDE, MIN_PRESENCE, centres_by_frame, is_known
from recaster.facesets.crops import FoundFace, cut, identify, share_outside
from recaster.media.sheet import load_image
from recaster.settings.detection import MIN_FACE_PX, SAME_PERSON, AnalysisSettings

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.faces.types import Floats
    from recaster.facesets.face_records import SourceRecord
    from recaster.facesets.faceset import Faceset
    from recaster.media.types import Image
    from recaster.settings.extract import ExtractSettings

PADDED_PX: Final = 480
"""Longer side of the picture with a rim around it, for the second look."""
MIN_AREA_RATIO: Final = 1.5
"""Area over any other's of the face that a picture of several people means."""


class StillFinder:
    """Finder of the faces of pictures, with one detector and the mesh."""

    def __init__(self, detector: str, min_face: int) -> None:
        self._detector = make_detector(detector, min_face)
        self._landmarker = make_landmarker("mesh")

    def find(self, image: Image) -> list[FoundFace]:
        """Finds the faces of a picture, largest first, numbered in this order.

        Where none is found, the picture is looked at again with a rim around it and shrunk: a face that
        fills its picture to the edge, as in a set of crops, is missed by detectors.
        """
        detections = detect_rolled(self._detector, image, SIDES) or self._second_look(image)
        found = []
        for number, detection in enumerate(sorted(detections, key=lambda detection: -detection.box.area)):
            landmarks = self._landmarker.locate(image, detection.box, detection.side)
            found.append(FoundFace(0, 0.0, number, detection.box, landmarks.points, landmarks.presence))
        return found

    def _second_look(self, image: Image) -> list[Detection]:
        height, width = image.shape[:2]
        factor = PADDED_PX / (2 * max(height, width))
        small = cv2.resize(image, (max(1, round(width * factor)), max(1, round(height * factor))))
        rim = PADDED_PX // 4
        padded = cv2.copyMakeBorder(small, rim, rim, rim, rim, cv2.BORDER_REPLICATE)
        x = width / small.shape[1]
        y = height / small.shape[0]
        detections = []
        for detection in self._detector.detect(padded):
            b = detection.box
            box = Box((b.left - rim) * x, (b.top - rim) * y, (b.right - rim) * x, (b.bottom - rim) * y)
            detections.append(Detection(box, detection.score))
        return detections


def take_still(
    faceset: Faceset,
    source: SourceRecord,
    image: Image,
    finder: StillFinder,
    settings: ExtractSettings,
    person: Floats | None,
) -> Counter[str]:
    """Adds the wanted faces of one picture to a faceset.

    Args:
        source: the picture's entry in the faceset.
        person: the wanted person's embedding, or None for the largest face (or everyone).

    Returns:
        What became of the faces found, by reason.
    """
    height, width = image.shape[:2]
    found = finder.find(image)
    counts: Counter[str] = Counter({"images": 1, "no face": int(not found)})
    wanted: list[tuple[FoundFace, Floats]] = []
    for number, face in enumerate(found):
        if number > 0 and person is None and not settings.everyone:
            counts["other people"] += 1
        elif reason := _reason_against(face, width, height, settings.min_area):
            counts[reason] += 1
        else:
            wanted.append((face, identify(image, face.points)))
    if person is not None:
        same = [face for face in wanted if distance(face[1], person) <= SAME_PERSON]
        counts["other people"] += len(wanted) - min(len(same), 1)
        wanted = sorted(same, key=lambda face: distance(face[1], person))[:1]
    counts["kept"] = len(wanted)
    known = centres_by_frame([record for record in faceset.all_records if record.source_id == source.id])
    new = [(face, embedding) for face, embedding in wanted if not is_known(face, known)]
    faceset.add([cut(image, face, source, faceset.settings, embedding) for face, embedding in new])
    return counts


def _reason_against(face: FoundFace, width: int, height: int, min_area: float) -> str:
    """Reason for which a face is left out, or an empty text."""
    if face.score < MIN_PRESENCE:
        return "uncertain"
    if face.box.area < min_area * width * height:
        return "too small"
    return "cut off by the frame" if share_outside(face.points, width, height) > MAX_OUTSIDE else ""


def person_in(path: Path, detector: str = AnalysisSettings.detector, min_face: int = MIN_FACE_PX) -> Floats:
    """Identifies the person that a picture shows: an embedding (128,); as ``find_person``."""
    image, face = find_person(path, detector, min_face)
    return identify(image, face.points)


def find_person(
    path: Path, detector: str = AnalysisSettings.detector, min_face: int = MIN_FACE_PX
) -> tuple[Image, FoundFace]:
    """Finds the person that a picture shows, the one who is clearly largest, in it.

    Args:
        detector: see ``faces.detectors``.
        min_face: width of the smallest face in pixels.

    Raises:
        ImageError: the picture is missing or cannot be decoded.
        FaceNotFoundError: it shows no face, or several of about the same size.
    """
    image = load_image(path)
    found = StillFinder(detector, min_face).find(image)
    # Folds of a curtain are taken for a face, too, and may be larger than the person's.
    faces = [face for face in found if face.score >= MIN_PRESENCE] or found
    if not faces:
        raise FaceNotFoundError(
            f"{path}: no face was found in this picture of the person; {size_needed(min_face)}"
        )
    if len(faces) > 1 and faces[0].box.area < MIN_AREA_RATIO * faces[1].box.area:
        raise FaceNotFoundError(
            f"{path}: shows {len(faces)} faces of about the same size; crop it to the person who is meant"
        )
    return image, faces[0]
