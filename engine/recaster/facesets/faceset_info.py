"""Contents of a faceset, as numbers, in words and as a sheet of pictures."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from recaster.errors import FacesetError
from recaster.faces.alignment import scale
from recaster.faces.geometry import eye_distance, mouth_gap
from recaster.facesets.clean import person_centre, reason_of
from recaster.facesets.face_records import describe_counts
from recaster.settings.detection import SAME_PERSON

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from recaster.faces.types import Floats
    from recaster.facesets.face_records import FaceRecord
    from recaster.facesets.faceset import Faceset

YAW_EDGES: Final = (-90, -60, -45, -30, -15, -5, 5, 15, 30, 45, 60, 90)
PITCH_EDGES: Final = (-90, -45, -30, -15, -5, 5, 15, 30, 45, 90)
MAX_SHOWN_INPUTS: Final = 20
"""Inputs that a summary names."""
QUANTILES: Final = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)


@dataclass(frozen=True)
class Spread:
    """Spread of one measure over the kept faces: its values at ``QUANTILES``."""

    lowest: float
    q05: float
    q25: float
    median: float
    q75: float
    q95: float
    highest: float


@dataclass(frozen=True)
class SourceInfo:
    """Clip or image of a faceset.

    Attributes:
        kind: "clip" or "image".
        faces: how many of its faces are in the set.
        kept: how many of them cleaning left.
        counts: what became of its frames and faces when it was last extracted.
        distance: identity distance of its kept faces' centre from that of the whole set; None where none
            is kept.
    """

    name: str
    kind: str
    faces: int
    kept: int
    counts: dict[str, int]
    distance: float | None


@dataclass(frozen=True)
class FacesetInfo:
    """Faceset in numbers; measures are over the kept faces, None where there are none.

    Attributes:
        identity: the note on whose faces these are.
        digest: of the kept faces.
        size: pixels of a crop's side.
        coverage: how much a crop shows around the face.
        faces, kept: how many there are, and how many of them cleaning left.
        dropped: how many were dropped, by reason.
        yaw, pitch: degrees.
        yaw_histogram, pitch_histogram: faces by ``YAW_EDGES`` and ``PITCH_EDGES``.
        sharpness: see ``relative_laplacian_variance``.
        mouth: how far the mouth is open, over the eye distance.
        eyes: distance of the eyes in the original frames, in pixels.
    """

    folder: str
    identity: str
    digest: str
    size: int
    coverage: float
    faces: int
    kept: int
    dropped: dict[str, int]
    sources: tuple[SourceInfo, ...]
    yaw: Spread | None
    pitch: Spread | None
    yaw_histogram: dict[str, int]
    pitch_histogram: dict[str, int]
    sharpness: Spread | None
    mouth: Spread | None
    eyes: Spread | None

    def as_json(self) -> dict[str, Any]:
        """Plain values for ``json.dumps``."""
        return asdict(self)


def describe(faceset: Faceset) -> FacesetInfo:
    """Counts and measures a faceset."""
    kept = faceset.records
    yaw = np.array([record.pose.yaw for record in kept])
    pitch = np.array([record.pose.pitch for record in kept])
    landmarks = np.stack([record.landmarks for record in kept]) if kept else np.zeros((0, 478, 3))
    return FacesetInfo(
        folder=str(faceset.folder),
        identity=faceset.settings.identity,
        digest=faceset.digest(),
        size=faceset.size,
        coverage=faceset.settings.coverage,
        faces=len(faceset.all_records),
        kept=len(kept),
        dropped=dict(Counter(reason_of(record.dropped) for record in faceset.all_records if record.dropped)),
        sources=_source_infos(faceset),
        yaw=spread(yaw),
        pitch=spread(pitch),
        yaw_histogram=_histogram(yaw, YAW_EDGES),
        pitch_histogram=_histogram(pitch, PITCH_EDGES),
        sharpness=spread(np.array([record.sharpness for record in kept])),
        mouth=spread(mouth_gap(landmarks)),
        eyes=spread(_eyes_in_frame(kept, landmarks)),
    )


def spread(values: Floats) -> Spread | None:
    """Quantiles of (N,) values; None of none."""
    return Spread(*(float(value) for value in np.quantile(values, QUANTILES))) if len(values) else None


def sample_evenly(records: Sequence[FaceRecord], count: int) -> list[FaceRecord]:
    """Samples at most ``count`` records, evenly spread, the first and the last among them."""
    if len(records) <= count:
        return list(records)
    return [records[round(place)] for place in np.linspace(0, len(records) - 1, count)]


def contact_sheet(
    faceset: Faceset, path: Path, *, count: int = 48, columns: int = 8, cell: int = 160, dropped: bool = False
) -> int:
    """Saves a picture with faces spread evenly over the set, with frame and sharpness below each.

    Args:
        path: the picture to write (PNG or JPEG).
        count: at most this many faces.
        columns: faces side by side.
        cell: pixels of a face's side on the sheet.
        dropped: show what cleaning dropped, and why, instead of what it kept.

    Returns:
        How many faces are shown.

    Raises:
        FacesetError: there is nothing to show.
    """
    from recaster.media import sheet

    records = [record for record in faceset.all_records if (record.dropped is not None) == dropped]
    if not records:
        what = "nothing was dropped from this faceset" if dropped else "the faceset has no faces to show"
        raise FacesetError(f"{faceset.folder}: {what}")
    shown = sample_evenly(records, count)
    images = [faceset.crop(record) for record in shown]
    picture = sheet.contact_sheet(images, columns, (cell, cell), [_caption(record) for record in shown])
    sheet.save_image(path, picture)
    return len(shown)


def _caption(record: FaceRecord) -> str:
    if record.dropped is not None:
        return f"#{record.id} {record.dropped.partition(',')[0]}"
    return f"frame {record.frame} · sharp {record.sharpness:.0f}"


def _source_infos(faceset: Faceset) -> tuple[SourceInfo, ...]:
    faces = Counter(record.source_id for record in faceset.all_records)
    kept: dict[int, list[Floats]] = defaultdict(list)
    for record in faceset.records:
        kept[record.source_id].append(record.embedding)
    centre = person_centre(np.stack([record.embedding for record in faceset.records])) if kept else None

    infos = []
    for source in faceset.sources:
        embeddings = kept[source.id]
        distance = None
        if centre is not None and embeddings:
            distance = float(np.linalg.norm(np.mean(embeddings, axis=0) - centre))
        counts = dict(source.counts)
        faces_of = faces[source.id]
        infos.append(SourceInfo(source.name, source.kind, faces_of, len(embeddings), counts, distance))
    return tuple(infos)


def _histogram(values: Floats, edges: Sequence[int]) -> dict[str, int]:
    counts, _ = np.histogram(values, edges)
    names = (f"{low}..{high}" for low, high in itertools.pairwise(edges))
    return dict(zip(names, counts.tolist(), strict=True))


def _eyes_in_frame(records: Sequence[FaceRecord], landmarks: Floats) -> Floats:
    scales = np.array([scale(record.matrix) for record in records], np.float64)
    return eye_distance(landmarks) / scales


def summarize(info: FacesetInfo) -> list[str]:
    """Says in lines what a faceset has from where, and what deserves a look."""
    lines = [
        f"{source.name}: {source.faces} faces ({describe_counts(source.counts)})"
        for source in info.sources[:MAX_SHOWN_INPUTS]
    ]
    if len(info.sources) > MAX_SHOWN_INPUTS:
        rest = len(info.sources) - MAX_SHOWN_INPUTS
        lines.append(f"... and {rest} more inputs; see: recaster faceset info")
    return lines + _warn_of_strangers(info.sources)


def describe_total(info: FacesetInfo) -> str:
    """Says how many faces there are."""
    dropped = info.faces - info.kept
    return f"{info.kept} faces" + (f", {dropped} dropped" if dropped else "")


def _warn_of_strangers(sources: Sequence[SourceInfo]) -> list[str]:
    """Warning where inputs show someone else than most of the set."""
    others = [source.name for source in sources if (source.distance or 0) > SAME_PERSON]
    if not others:
        return []
    named = ", ".join(others[:3]) + (f" and {len(others) - 3} more" if len(others) > 3 else "")
    return [
        f"warning: someone else than in most of the set seems to be in {named}; see: recaster faceset clean"
    ]
