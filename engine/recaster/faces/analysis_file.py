"""Analysis files: one .npz of plain arrays each, never pickled."""

from __future__ import annotations

import errno
import zipfile
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from recaster.errors import InputError, OutputError
from recaster.faces.types import Analysis, FaceTrack
from recaster.files import atomic_file

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

FORMAT: Final = 7  # grows whenever the meaning of what is stored changes
DAMAGE: Final = (OSError, KeyError, ValueError, IndexError, EOFError, RuntimeError, zipfile.BadZipFile)
"""Errors by which a damaged file of arrays shows."""

_ARRAYS: Final = ("frames", "times", "boxes", "landmarks", "scores", "filled", "embedding", "behind")


def save_analysis(path: Path, analysis: Analysis) -> None:
    """Writes an analysis atomically; of a corrected one no tracks that are as they were found.

    Raises:
        OutputError: the file cannot be written.
    """
    arrays: dict[str, Any] = {
        "format": np.int64(FORMAT),
        "cuts": np.array(analysis.cuts, np.int64),
        "range": np.array([analysis.first_frame, analysis.frame_count, len(analysis.tracks)], np.int64),
    }
    found = () if analysis.uncorrected is None else analysis.uncorrected.tracks
    if analysis.uncorrected is not None:
        kept = [track.track for track in analysis.tracks if any(track is other for other in found)]
        arrays["numbers"] = np.array([track.track for track in analysis.tracks], np.int64)
        arrays["kept"] = np.array(kept, np.int64)
        arrays["warnings"] = np.array(analysis.warnings, np.str_)
    for track in analysis.tracks:
        if not any(track is other for other in found):
            arrays |= {f"{track.track}.{part}": getattr(track, part) for part in _ARRAYS}
            if track.person:
                arrays[f"{track.track}.person"] = np.array(track.person)
    write_arrays(path, arrays)


def load_analysis(path: Path, uncorrected: Analysis | None = None) -> Analysis:
    """Reads an analysis; of a corrected one, ``uncorrected`` is the analysis as it was found.

    Raises:
        InputError: the file is missing, damaged, or of another format.
    """
    try:
        arrays = read_arrays(path)
        if int(arrays["format"]) != FORMAT:
            raise ValueError(f"format {int(arrays['format'])}, not {FORMAT}")
        first, count, tracks = arrays["range"].tolist()
        numbers = range(tracks) if uncorrected is None else arrays["numbers"].tolist()
        kept = {} if uncorrected is None else {n: uncorrected.track(n) for n in arrays["kept"].tolist()}
        return Analysis(
            tracks=tuple(kept[n] if n in kept else _read_track(arrays, n) for n in numbers),
            cuts=tuple(arrays["cuts"].tolist()),
            frame_count=count,
            first_frame=first,
            warnings=() if uncorrected is None else tuple(arrays["warnings"].tolist()),
            uncorrected=uncorrected,
        )
    except (*DAMAGE, StopIteration) as error:
        raise InputError(f"{path}: not a stored analysis ({error}); analyse the clip again") from error


def discard_damaged(path: Path, error: Exception) -> None:
    """Removes a file that one of ``DAMAGE`` shows to be damaged, so that it is made anew.

    Raises:
        OutputError: it can't be read for another reason, and would be made again and again.
    """
    if isinstance(error, OSError) and error.errno not in (None, errno.ENOENT):
        raise OutputError(f"{path}: cannot be read ({error.strerror})") from error
    path.unlink(missing_ok=True)


def _read_track(arrays: Mapping[str, NDArray[Any]], number: int) -> FaceTrack:
    person = str(arrays[f"{number}.person"]) if f"{number}.person" in arrays else ""
    return FaceTrack(number, **{part: arrays[f"{number}.{part}"] for part in _ARRAYS}, person=person)


def write_arrays(path: Path, arrays: Mapping[str, Any]) -> None:
    """Writes arrays by name atomically, for the user's eyes alone."""
    with atomic_file(path, 0o600) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Reads what ``write_arrays`` wrote; a damaged file raises one of ``DAMAGE``."""
    # numpy leaves a file that it opened itself open where it is damaged.
    with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}
