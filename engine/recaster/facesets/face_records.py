"""Plain values that a faceset holds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from recaster.settings.extract import CROP_SIZE_PX

if TYPE_CHECKING:
    from collections.abc import Mapping

    from recaster.faces.types import Box, Floats, Pose

FORMAT = "recaster-faceset"
VERSION = 1
COVERAGE = 1.35


@dataclass(frozen=True)
class FacesetSettings:
    """Settings of the crops of one faceset; the same for all of them.

    Attributes:
        size: side of a crop in pixels.
        coverage: how much a crop shows around the face (see ``faces.alignment.align_matrix``).
        identity: a free note on whose faces these are; empty where nobody said.
    """

    size: int = CROP_SIZE_PX
    coverage: float = COVERAGE
    identity: str = ""


@dataclass(frozen=True)
class SourceRecord:
    """One clip or still image that faces were taken from.

    Attributes:
        id: the source's number in the faceset, from 1.
        name: file name, without its folder.
        digest: SHA-256 of the file, as hex digits.
        finished: an opaque text for every set of settings with which it was gone through to the end.
        counts: what became of its frames and faces, by reason ("frames", "kept", "no face", ...).
    """

    id: int
    name: str
    digest: str
    kind: Literal["clip", "image"]
    finished: tuple[str, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class FaceRecord:
    """One face of a faceset. Units are pixels of its crop unless said otherwise.

    Arrays are kept as float32 in the index (the matrix as float64) and given as float64.

    Attributes:
        id: the face's number in the faceset, from 1; 0 before it is added.
        file: the crop's path inside the faceset ("faces/000001.jpg"); empty before it is added.
        source, source_id: name of the clip or image it was taken from, and its number in the faceset.
        frame: index in the clip; 0 for an image.
        time: seconds after the clip's first frame; 0 for an image.
        track: the face's track in the clip's analysis; for an image, the number of the face in it.
        score: 0 to 1, the landmarker's presence.
        sharpness: variance of the Laplacian over squared brightness inside the face, at 256 pixels, in 1e-4.
        pose: in degrees.
        landmarks: (478, 3) float64.
        embedding: (128,) float64, identity (see ``faces.embedding``).
        matrix: (2, 3) float64, frame pixels to crop pixels.
        dropped: why cleaning took it out, or None where it is kept.
    """

    id: int
    file: str
    source: str
    source_id: int
    frame: int
    time: float
    track: int
    box: Box
    score: float
    sharpness: float
    pose: Pose
    landmarks: Floats
    embedding: Floats
    matrix: Floats
    dropped: str | None = None


def describe_counts(counts: Mapping[str, int]) -> str:
    """Says what became of an input's frames and faces: "250 frames, 3 no face, 247 kept"."""
    return ", ".join(f"{count} {reason}" for reason, count in counts.items() if count) or "nothing"
