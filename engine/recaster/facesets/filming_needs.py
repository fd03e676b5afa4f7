"""What a clip asks of a source: which poses and expressions its performer makes that a faceset lacks."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from scipy.spatial.distance import cdist

from recaster.errors import UsageError
from recaster.faces.pose import head_poses
from recaster.faces.topology import (
    EYE_CORNERS_LEFT,
    EYE_CORNERS_RIGHT,
    LIDS_LEFT,
    LIDS_RIGHT,
    LIP_BOTTOM,
    LIP_TOP,
    MOUTH_CORNERS,
    POINTS,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from recaster.faces.types import FaceTrack, Floats
    from recaster.facesets.faceset import Faceset

NEAR: Final = 10.0
"""A pose is covered where the source has one at most so many degrees away."""
BIN: Final = 10
"""Poses that are missing are told of in bins of so many degrees."""
WORTH: Final = 0.01
"""What fewer frames than this share of the clip ask for is not told of."""
WIDER: Final = 0.03
"""A mouth that opens at most so much wider than the source's, over the width of the eyes, is covered."""
BROADER: Final = 0.05
"""Likewise for a mouth's width, as a share of the usual width."""
FEWEST: Final = 25
"""In fewer frames of a performer the usual can't be told from the unusual."""
EYES: Final = (EYE_CORNERS_LEFT[0], EYE_CORNERS_RIGHT[1])
CLOSED: Final = 0.35
"""Lids that stand open by less than this share of the usual are closed."""


@dataclass(frozen=True)
class FilmingNeed:
    """Something to film of the source.

    Attributes:
        film: what, in words.
        share: share of the clip's faces that ask for it, 0 to 1.
    """

    film: str
    share: float


@dataclass(frozen=True)
class FilmingNeeds:
    """How far a faceset covers what a performer does in a clip.

    Attributes:
        frames: frames of the clip that show the performer.
        pose: share of them whose head pose the source shows too, 0 to 1.
        mouth: share whose mouth is no wider open, broader or narrower than the source's ever is.
        missing: what is worth filming, the most wanted first.
    """

    frames: int
    pose: float
    mouth: float
    missing: tuple[FilmingNeed, ...]

    def as_json(self) -> dict[str, Any]:
        """Plain values for ``json.dumps``."""
        return asdict(self)


def find_filming_needs(faceset: Faceset, tracks: Sequence[FaceTrack]) -> FilmingNeeds:
    """Compare a source's faces with a performer's.

    Args:
        faceset: the source's.
        tracks: the performer's, with mesh landmarks.

    Raises:
        UsageError: the faceset is empty, landmarks are not the mesh's, or the clip is too short.
    """
    records = faceset.records
    if not records or any(track.landmarks.shape[1] != POINTS for track in tracks):
        raise UsageError(f"{faceset.folder}: cannot be compared: it takes faces and the mesh landmarker")
    if sum(len(track.landmarks) for track in tracks) < FEWEST:
        raise UsageError(f"too few frames to say what a performer does: give a clip with at least {FEWEST}")
    source = np.stack([record.landmarks for record in records]).astype(np.float64)
    target = np.concatenate([track.landmarks for track in tracks])
    ours, theirs = head_poses(source)[:, :2], head_poses(target)[:, :2]
    far = cdist(theirs, ours).min(1) > NEAR
    lips = dict(_lips(source, target))
    found = [*_turns(theirs, far), *((film, missing.mean()) for film, missing in lips.items())]
    if _blinks(target) > 0 and _blinks(source) == 0:
        found.append(("closed eyes, as in a blink", _blinks(target)))
    wanted = [FilmingNeed(film, float(share)) for film, share in found if share >= WORTH]
    return FilmingNeeds(
        frames=len(target),
        pose=float(1 - far.mean()),
        mouth=float(1 - np.any(list(lips.values()), axis=0).mean()),
        missing=tuple(sorted(wanted, key=lambda need: -need.share)),
    )


def _turns(poses: Floats, far: Floats) -> Iterator[tuple[str, float]]:
    """The missing poses (T, 2) by bins of yaw and pitch, with the share of all frames in each."""
    bins = np.floor_divide(poses[far], BIN).astype(int)
    for (yaw, pitch), count in zip(*np.unique(bins, axis=0, return_counts=True), strict=True):
        words = [_span(yaw, "turned to the picture's right", "turned to the picture's left")]
        words.append(_span(pitch, "looking up", "looking down"))
        yield f"the head {' and '.join(words)}", count / len(poses)


def _span(index: int, positive: str, negative: str) -> str:
    """A bin in words."""
    low, high = (index * BIN, index * BIN + BIN) if index >= 0 else (-index * BIN - BIN, -index * BIN)
    return f"{positive if index >= 0 else negative} by {low} to {high} degrees"


def _lips(source: Floats, target: Floats) -> Iterator[tuple[str, Floats]]:
    """What mouths do that the source's never does, and in which of the target's frames (T,) bool."""
    ours, theirs = (_apart(points, LIP_TOP, LIP_BOTTOM) for points in (source, target))
    yield "a mouth opened wider", theirs - np.median(theirs) > ours.max() - np.median(ours) + WIDER
    ours, theirs = _width(source), _width(target)
    yield "a broader mouth, as in a smile", theirs > ours.max() + BROADER
    yield "a narrower mouth, as in 'oo'", theirs < ours.min() - BROADER


def _width(points: Floats) -> Floats:
    """(T,): how wide mouths are beside the person's usual."""
    width = _apart(points, *MOUTH_CORNERS)
    return np.asarray(width / np.median(width))


def _blinks(points: Floats) -> float:
    """Share of the frames with closed eyes."""
    lids = np.mean([_apart(points, *pair) for pair in (LIDS_LEFT, LIDS_RIGHT)], 0)
    return float((lids < CLOSED * np.median(lids)).mean())


def _apart(points: Floats, one: int, other: int) -> Floats:
    """(T,): distance of two points over the width of the eyes, both in space: turning changes nothing."""
    eyes = np.linalg.norm(points[:, EYES[0]] - points[:, EYES[1]], axis=-1)
    return np.asarray(np.linalg.norm(points[:, one] - points[:, other], axis=-1) / eyes)
