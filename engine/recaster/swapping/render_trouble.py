"""Trouble in what was rendered: places at which an artist had better look, found in a swap's coverage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from recaster.errors import InputError
from recaster.faces.geometry import median_over
from recaster.faces.track_pieces import split_runs
from recaster.faces.trouble import Trouble, TroubleReason, close_gaps
from recaster.files import parse_json
from recaster.swapping.coverage import MIN_COVERED, FaceCoverage, Reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from fractions import Fraction
    from pathlib import Path

    from recaster.faces.types import Bools, Floats
    from recaster.media.clip import Clip

MIN_LOW_FRAMES: Final = 2
MIN_MASK_JUMP: Final = 0.15
"""Change of the share of a face that is swapped, from frame to frame."""
MIN_TINT_JUMP: Final = 0.08
"""Change of the logarithm of its tint, of any channel, from frame to frame: 8 %."""
MIN_TINT: Final = 1 / 256
"""Tint below which a channel is black."""
MAX_REPORT_BYTES: Final = 512 << 20
MAX_INDEX: Final = 2**31 - 1
MIN_JUMP_RATIO: Final = 8.0
"""Factor by which a jump is above the median of the half second around it."""
MEDIAN_FRAMES: Final = 25


def find_render_trouble(
    frames: Iterable[tuple[int, Iterable[FaceCoverage]]], rate: Fraction
) -> tuple[Trouble, ...]:
    """Finds trouble in what was covered of each frame, by first frame.

    Args:
        frames: index in the clip, and the faces that were to be swapped there.
        rate: frames per second.
    """
    tracks: dict[int, dict[int, FaceCoverage]] = {}
    for frame, faces in frames:
        for face in faces:
            tracks.setdefault(face.track, {})[frame] = face
    found = [trouble for track, seen in tracks.items() for trouble in _find_in_track(track, seen, rate)]
    return tuple(sorted(found, key=lambda each: (each.first_frame, each.track, each.reason)))


def _find_in_track(track: int, seen: dict[int, FaceCoverage], rate: Fraction) -> Iterator[Trouble]:
    frames = np.array(sorted(seen))
    times = frames / float(rate)
    faces = [seen[frame] for frame in frames.tolist()]
    covered = np.array([face.covered for face in faces])
    is_chosen = np.array([face.reason is Reason.KEPT_OUT for face in faces])
    low = (covered < MIN_COVERED) & ~is_chosen
    explained = _widen(is_chosen)
    for run in split_runs(close_gaps(low, times)):
        if run.sum() >= MIN_LOW_FRAMES:
            yield _make_trouble(TroubleReason.LOW_COVERAGE, track, frames[run])
            # What hides a face comes and goes: that is no other trouble.
            explained |= _widen(run)
    follows = np.diff(frames, prepend=frames[0]) == 1
    tints = np.log(np.maximum([face.tint or (1.0, 1.0, 1.0) for face in faces], MIN_TINT))
    follows_tint = follows & _both(np.array([face.tint is not None for face in faces]))
    for reason, change, limit in (
        (TroubleReason.MASK_JUMP, np.where(follows, _change(covered[:, None]), 0), MIN_MASK_JUMP),
        (TroubleReason.TINT_JUMP, np.where(follows_tint, _change(tints), 0), MIN_TINT_JUMP),
    ):
        high = (change > limit) & (change > MIN_JUMP_RATIO * median_over(change, MEDIAN_FRAMES))
        for run in split_runs(close_gaps(high & ~explained, times)):
            yield _make_trouble(reason, track, frames[run])
            explained |= run


def _widen(rows: Bools) -> Bools:
    """True for rows that are true, and for those beside them."""
    wide = rows.copy()
    wide[1:] |= rows[:-1]
    wide[:-1] |= rows[1:]
    return wide


def _both(known: Bools) -> Bools:
    """True for rows that are known as the rows before them are."""
    return np.asarray(known & np.concatenate([[False], known[:-1]]))


def _change(values: Floats) -> Floats:
    """The greatest change of any column from row to row, (T,)."""
    return np.asarray(np.abs(np.diff(values, axis=0, prepend=values[:1])).max(1))


def _make_trouble(reason: TroubleReason, track: int, frames: Any) -> Trouble:
    return Trouble(reason, track, int(frames[0]), int(frames[-1]))


def _check_index(index: int) -> int:
    if not 0 <= index <= MAX_INDEX:
        raise ValueError(f"{index} is out of range")
    return index


def _read_face(value: Any) -> FaceCoverage:
    face = FaceCoverage.from_json(value)
    _check_index(face.track)
    tint = face.tint or (1.0, 1.0, 1.0)
    if len(tint) != 3 or not np.isfinite((face.covered, *tint)).all() or min(tint) < 0:
        raise ValueError("a share or a tint that can't be")
    return face


def read_report_trouble(path: Path, clip: Clip) -> tuple[Trouble, ...]:
    """Finds trouble in a swap's report (InputError: none, or of another clip, or of it before it changed)."""
    try:
        if path.stat().st_size > MAX_REPORT_BYTES:
            raise InputError(f"{path}: is too large for a report of a swap")
        document = parse_json(path.read_bytes())
        named = str(document["clip"])
        digest = str(document["sha256"])
        frames = [
            (_check_index(int(frame["frame"])), [_read_face(face) for face in frame["faces"]])
            for frame in document["frames"]
        ]
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        raise InputError(f"{path}: is no report of a swap ({error})") from error
    if digest != clip.own_digest:
        before = " before it changed" if named == clip.path.name else ""
        raise InputError(f"{path}: is the report of a swap of {named}{before}, and not of {clip.path}")
    return find_render_trouble(frames, clip.info.rate)
