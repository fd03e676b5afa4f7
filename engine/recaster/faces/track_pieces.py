"""Pieces of tracks: cut out, put together, numbered, and compared with what was found."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from recaster.faces.types import FaceTrack

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from recaster.faces.types import Analysis, Bools, Floats

_ROWS: Final = ("frames", "times", "boxes", "landmarks", "scores", "filled", "behind")
"""Arrays of a track with a row for each frame."""
_BETWEEN: Final = ("times", "boxes", "landmarks", "scores", "behind")
"""Those of which rows are made up between two pieces."""


def select_rows(track: FaceTrack, rows: Bools) -> FaceTrack:
    """Makes a track of some consecutive rows of another, (T,)."""
    arrays = {name: getattr(track, name) for name in _ROWS}
    return replace(
        track, **{name: values[rows] if len(values) else values for name, values in arrays.items()}
    )


def join_tracks(number: int, pieces: Sequence[FaceTrack]) -> FaceTrack:
    """Joins pieces, in the order of time, to one track; gaps between them are filled in straight lines."""
    known = np.concatenate([piece.frames for piece in pieces])
    frames = np.arange(known[0], known[-1] + 1)
    filled = np.ones(len(frames), bool)
    filled[known - known[0]] = np.concatenate([piece.filled for piece in pieces])
    whole = [piece if piece.behind.size else replace(piece, behind=np.zeros(len(piece))) for piece in pieces]
    arrays = {
        name: _interpolate_rows(np.concatenate([getattr(piece, name) for piece in whole]), known, frames)
        for name in _BETWEEN
    }
    return FaceTrack(
        number,
        frames,
        filled=filled,
        embedding=_average_identity(pieces),
        person=next((piece.person for piece in pieces if piece.person), ""),
        **arrays,
    )


def _average_identity(pieces: Sequence[FaceTrack]) -> Floats:
    known = [piece for piece in pieces if piece.embedding.size]
    # Pieces of one track have its identity to the bit.
    if not known or all(piece.embedding is known[0].embedding for piece in known):
        return known[0].embedding if known else np.zeros(0)
    return np.average([piece.embedding for piece in known], axis=0, weights=[len(piece) for piece in known])


def _interpolate_rows(values: Floats, known: NDArray[np.int64], frames: NDArray[np.int64]) -> Floats:
    """Rows of all frames; those that are known stay as they are to the bit."""
    rows = np.zeros((len(frames), *values.shape[1:]))
    rows[known - known[0]] = values
    missing = np.setdiff1d(frames, known)
    after = np.searchsorted(known, missing)
    share = (missing - known[after - 1]) / (known[after] - known[after - 1])
    share = share.reshape(-1, *[1] * (values.ndim - 1))
    rows[missing - known[0]] = values[after - 1] + share * (values[after] - values[after - 1])
    return rows


def split_runs(kept: Bools) -> list[Bools]:
    """Masks of the runs of rows that are kept, in order."""
    begins = np.diff(np.concatenate([[False], kept]).astype(np.int64)) == 1
    numbers = np.cumsum(begins) * kept
    return [numbers == number for number in range(1, int(numbers.max(initial=0)) + 1)]


def replace_track(analysis: Analysis, track: FaceTrack, pieces: Sequence[FaceTrack]) -> list[FaceTrack]:
    """Replaces a track by pieces of it: the longest has its number, others those after the last."""
    rest = [other for other in analysis.tracks if other is not track]
    longest = max(pieces, key=len, default=None)
    number = number_after(analysis)
    for piece in pieces:
        if piece is longest:
            rest.append(replace(piece, track=track.track))
        else:
            rest.append(replace(piece, track=number))
            number += 1
    return rest


def number_after(analysis: Analysis) -> int:
    """First number that no track has or had."""
    found = analysis.uncorrected or analysis
    return max((track.track for each in (analysis, found) for track in each.tracks), default=-1) + 1


def find_changed_frames(track: FaceTrack, found: FaceTrack) -> NDArray[np.int64]:
    """Finds the frames in which a corrected track isn't as it was found: other points, or one has none."""
    both, rows, found_rows = np.intersect1d(
        track.frames, found.frames, assume_unique=True, return_indices=True
    )
    same = (track.landmarks[rows] == found.landmarks[found_rows]).all((1, 2))
    same &= (track.boxes[rows] == found.boxes[found_rows]).all(1)
    return np.setdiff1d(np.union1d(track.frames, found.frames), both[same])
