"""Filming needs of a clip: poses and expressions that its performer makes and a faceset lacks."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from recaster.errors import UsageError
from recaster.faces import topology
from recaster.faces.geometry import measure_nearest
from recaster.faces.pose import head_poses

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from recaster.faces.types import Bools, FaceTrack, Floats
    from recaster.facesets.faceset import Faceset

MAX_POSE_DISTANCE_DEG: Final = 10.0
"""Distance of the source's nearest pose up to which a pose is covered."""
BIN_DEG: Final = 10
"""Width of the bins in which missing poses are told."""
MIN_SHARE: Final = 0.01
"""Share of the clip's frames that ask for something, below which it is not told."""
MAX_WIDER: Final = 0.03
"""Opening of a mouth beyond the source's, over the width of the eyes, up to which it is covered."""
MAX_BROADER: Final = 0.05
"""The same for a mouth's width, as a share of the usual width."""
MIN_FRAMES: Final = 25
"""Frames of a performer below which the usual can't be told from the unusual."""
OUTER_EYE_CORNERS: Final = (topology.EYE_CORNERS_LEFT[0], topology.EYE_CORNERS_RIGHT[1])
MAX_CLOSED: Final = 0.35
"""Opening of lids, over the usual, below which they are closed."""


@dataclass(frozen=True)
class FilmingNeed:
    """Pose or expression to film of the source.

    Attributes:
        film: what, in words.
        share: share of the clip's faces that ask for it, 0 to 1.
    """

    film: str
    share: float


@dataclass(frozen=True)
class FilmingNeeds:
    """Coverage by a faceset of what a performer does in a clip.

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
    """Compares a source's faces with a performer's tracks, which have mesh landmarks.

    Raises:
        UsageError: the faceset is empty, landmarks are not the mesh's, or the clip is too short.
    """
    records = faceset.records
    if not records or any(track.landmarks.shape[1] != topology.POINTS for track in tracks):
        raise UsageError(f"{faceset.folder}: cannot be compared: it takes faces and the mesh landmarker")
    if sum(len(track.landmarks) for track in tracks) < MIN_FRAMES:
        raise UsageError(
            f"too few frames to say what a performer does: give a clip with at least {MIN_FRAMES}"
        )
    source = np.stack([record.landmarks for record in records]).astype(np.float64)
    target = np.concatenate([track.landmarks for track in tracks])
    ours = head_poses(source)[:, :2]
    theirs = head_poses(target)[:, :2]
    far = measure_nearest(theirs, ours) > MAX_POSE_DISTANCE_DEG
    lips = dict(_missing_mouths(source, target))
    needs = [*_missing_turns(theirs, far), *((film, missing.mean()) for film, missing in lips.items())]
    if _blinks(target) > 0 and _blinks(source) == 0:
        needs.append(("closed eyes, as in a blink", _blinks(target)))
    wanted = [FilmingNeed(film, float(share)) for film, share in needs if share >= MIN_SHARE]
    return FilmingNeeds(
        frames=len(target),
        pose=float(1 - far.mean()),
        mouth=float(1 - np.any(list(lips.values()), axis=0).mean()),
        missing=tuple(sorted(wanted, key=lambda need: -need.share)),
    )


def _missing_turns(poses: Floats, far: Bools) -> Iterator[tuple[str, float]]:
    """Missing poses (T, 2) by bins of yaw and pitch, with the share of all frames in each."""
    bins = np.floor_divide(poses[far], BIN_DEG).astype(int)
    for (yaw, pitch), count in zip(*np.unique(bins, axis=0, return_counts=True), strict=True):
        words = [_describe_bin(yaw, "turned to the picture's right", "turned to the picture's left")]
        words.append(_describe_bin(pitch, "looking up", "looking down"))
        yield f"the head {' and '.join(words)}", count / len(poses)


def _describe_bin(index: int, positive: str, negative: str) -> str:
    """Describes a bin in words."""
    low = BIN_DEG * (index if index >= 0 else -index - 1)
    return f"{positive if index >= 0 else negative} by {low} to {low + BIN_DEG} degrees"


def _missing_mouths(source: Floats, target: Floats) -> Iterator[tuple[str, Floats]]:
    """Movements of mouths that the source's never makes, and the target's frames of each, (T,) bool."""
    ours, theirs = (
        _distance_in_space(points, topology.LIP_TOP, topology.LIP_BOTTOM) for points in (source, target)
    )
    yield "a mouth opened wider", theirs - np.median(theirs) > ours.max() - np.median(ours) + MAX_WIDER
    ours = _relative_width(source)
    theirs = _relative_width(target)
    yield "a broader mouth, as in a smile", theirs > ours.max() + MAX_BROADER
    yield "a narrower mouth, as in 'oo'", theirs < ours.min() - MAX_BROADER


def _relative_width(points: Floats) -> Floats:
    """Widths of mouths over the person's usual, (T,)."""
    width = _distance_in_space(points, *topology.MOUTH_CORNERS)
    return np.asarray(width / np.median(width))


def _blinks(points: Floats) -> float:
    """Share of the frames with closed eyes."""
    lids = np.mean(
        [_distance_in_space(points, *pair) for pair in (topology.LIDS_LEFT, topology.LIDS_RIGHT)], 0
    )
    return float((lids < MAX_CLOSED * np.median(lids)).mean())


def _distance_in_space(points: Floats, one: int, other: int) -> Floats:
    """Distance of two points over the width of the eyes, (T,), both in space: turning changes nothing."""
    eyes = np.linalg.norm(points[:, OUTER_EYE_CORNERS[0]] - points[:, OUTER_EYE_CORNERS[1]], axis=-1)
    return np.asarray(np.linalg.norm(points[:, one] - points[:, other], axis=-1) / eyes)
