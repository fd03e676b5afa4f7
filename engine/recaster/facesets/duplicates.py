"""Duplicates: faces of one track with the same pose, the same expression, the same light."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from recaster.faces.alignment import inner_points
from recaster.faces.geometry import eye_distance
from recaster.faces.topology import IRIS_LEFT, IRIS_RIGHT
from recaster.progress import Report, Update, silent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recaster.faces.types import Floats
    from recaster.facesets.face_records import FaceRecord
    from recaster.facesets.faceset import Faceset

THUMBNAIL_PX: Final = 24
MARGIN: Final = 0.14
"""Share of the crop that is cut away at each side before pixels are compared: mostly background."""
MAX_PIXEL_DIFFERENCE: Final = 0.25
"""Root mean square difference of two thumbnails, in their standard deviations, that still looks the same."""
# Parts whose landmarks are compared one by one, as ranges of iBUG's points 17 to 67 and the two irises: a
# closed eye must not drown among fifty points at rest.
_PARTS: Final = (slice(0, 10), slice(10, 19), slice(19, 25), slice(25, 31), slice(31, 51), slice(51, 53))


def find_duplicates(
    faceset: Faceset, records: Sequence[FaceRecord], tolerance: float, report: Report = silent
) -> dict[int, int]:
    """Finds faces that repeat another one of their track; stills count as one track.

    Args:
        records: the faces to compare.
        tolerance: how far, as a share of the eye distance, the landmarks of a part of the face may lie
            apart (root mean square).

    Returns:
        The number of the kept face (the sharpest of its group) by the number of each one that repeats it.
    """
    stills = {source.id for source in faceset.sources if source.kind == "image"}
    tracks: dict[tuple[int, int], list[FaceRecord]] = defaultdict(list)
    for record in records:
        key = (0, 0) if record.source_id in stills else (record.source_id, record.track)
        tracks[key].append(record)
    result: dict[int, int] = {}
    done = 0
    for track in tracks.values():
        pictures = np.stack([_grey_thumbnail(faceset, record) for record in track])
        for group in group_alike(np.stack([record.landmarks for record in track]), pictures, tolerance):
            sharpest = max(group, key=lambda place: track[place].sharpness)
            result |= {track[place].id: track[sharpest].id for place in group if place != sharpest}
        done += len(track)
        report(Update("comparing", done, len(records), "faces"))
    return result


def group_alike(landmarks: Floats, pictures: Floats, tolerance: float) -> list[list[int]]:
    """Gathers faces around the first one of each kind, in order.

    Args:
        landmarks: (T, 478, 3).
        pictures: (T, D) thumbnails with mean 0 and deviation 1.
        tolerance: as in ``find_duplicates``.

    Returns:
        Places in the arrays; every place is in exactly one group.
    """
    irises = landmarks[:, [IRIS_LEFT, IRIS_RIGHT], :2]
    points = np.concatenate([inner_points(landmarks), irises], axis=1)
    points /= eye_distance(landmarks)[:, None, None]
    first: list[int] = []
    result: list[list[int]] = []
    for place in range(len(points)):
        moved = np.sum((points[first] - points[place]) ** 2, axis=2)
        parts = np.stack([moved[:, part].mean(axis=1) for part in _PARTS], axis=1)
        shade = np.mean((pictures[first] - pictures[place]) ** 2, axis=1)
        alike = np.flatnonzero((parts.max(axis=1) < tolerance**2) & (shade < MAX_PIXEL_DIFFERENCE**2))
        if len(alike):
            result[alike[np.argmin(shade[alike])]].append(place)
        else:
            first.append(place)
            result.append([place])
    return result


def _grey_thumbnail(faceset: Faceset, record: FaceRecord) -> Floats:
    """Thumbnail of the middle of a crop: grey, small, with mean 0 and deviation 1, (D,)."""
    grey = faceset.decode(record, cv2.IMREAD_REDUCED_GRAYSCALE_4)
    rim = round(grey.shape[0] * MARGIN)
    small = cv2.resize(grey[rim:-rim, rim:-rim], (THUMBNAIL_PX, THUMBNAIL_PX), interpolation=cv2.INTER_AREA)
    values: Floats = small.astype(np.float64).ravel()
    values -= values.mean()
    values /= max(float(values.std()), 1.0)
    return values
