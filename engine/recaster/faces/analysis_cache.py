"""Cache of analyses, which are made once and kept."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import time
from typing import TYPE_CHECKING, Final

from recaster.errors import InputError
from recaster.faces import analysis_file
from recaster.faces.clip_analysis import analyse_segments
from recaster.faces.corrections import apply_correction, move_points
from recaster.files import make_private_folder, remove_folder
from recaster.locks import lock, try_lock
from recaster.progress import Report, Update, silent, step
from recaster.settings.detection import AnalysisSettings
from recaster.settings.reading import DEFAULT_READING
from recaster.store import analyses

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from recaster.faces.types import Analysis
    from recaster.media.clip import Clip
    from recaster.settings.corrections import Corrections

SHARED_NAME: Final = "plan.analysis"
"""Name, without suffix, of an analysis that several machines share."""
_POLL_S: Final = 0.2
_SAVING_TIMEOUT_S: Final = 600.0


def analyse_clip(
    clip: Clip,
    settings: AnalysisSettings | None = None,
    frames: range | None = None,
    report: Report = silent,
    processes: int | None = 1,
) -> Analysis:
    """Analyses a clip, or takes the result from the cache where it was done before, and not long ago.

    The key is made of the file's bytes, the settings, the range and the format, so a renamed clip is
    known again and a changed one is not. A damaged cache entry is made anew. An analysis that was
    interrupted goes on with the segments that are missing. The clip's corrections are applied to it.

    Args:
        settings: the defaults where None.
        frames: indices, all where None.
        processes: how many look at the clip; None for as many as this machine is good for.

    Raises:
        ClipError: the clip cannot be used.
        InputError: the file of its corrections is none.
        OutputError: the cache folder cannot be written, which is tried before the work begins.
    """
    settings = settings or AnalysisSettings()
    frames = _clip_frames(clip, frames)
    corrections = clip.corrections  # before hours of work
    kept = _kept_path(clip, settings, frames)
    found = _load_kept(kept)
    if found is None:
        analyses.make_clip_folder(analyses.clip_digest(kept))
        analyses.tidy()
        parts = kept.with_suffix(".parts")
        try:
            with _wait_for_others(parts, len(frames), report):
                found = _load_kept(kept)
                if found is None:
                    found = analyse_segments(clip, settings, frames, parts, report, processes)
                    analysis_file.save_analysis(kept, found)
            remove_folder(parts, quietly=True)  # whoever waits finds what was kept
        finally:
            if not clip.exists():  # it was deleted meanwhile
                analyses.purge(analyses.clip_digest(kept))
    return _correct(clip, found, settings, kept, corrections)


def analyse_shared(
    clip: Clip,
    settings: AnalysisSettings,
    frames: range | None,
    folder: Path,
    report: Report = silent,
    processes: int | None = 1,
) -> Analysis:
    """Analyses a clip together with all who name the same folder, which is theirs for this clip and settings.

    Each looks at segments that nobody else looks at. The first analysis that is whole is everybody's, as
    processors of different kinds may differ in the last bits.

    Raises:
        ClipError, InputError, OutputError: as ``analyse_clip``.
    """
    frames = _clip_frames(clip, frames)
    corrections = clip.corrections
    kept = folder / f"{SHARED_NAME}.npz"
    found = _load_kept(kept)
    if found is None:
        own = _load_kept(_kept_path(clip, settings, frames))
        if own is None:
            own = analyse_segments(clip, settings, frames, folder / SHARED_NAME, report, processes)
        with lock(folder / f"{SHARED_NAME}.lock", _SAVING_TIMEOUT_S):
            found = _load_kept(kept)
            if found is None:
                analysis_file.save_analysis(kept, own)
                found = own
    return _correct(clip, found, settings, kept, corrections)


@contextlib.contextmanager
def _wait_for_others(parts: Path, total: int, report: Report) -> Iterator[None]:
    """Waits until no other process makes the same analysis, and lets none begin while the block lasts."""
    while True:
        make_private_folder(parts)  # whoever held the lock may have removed it
        with try_lock(parts / "lock") as alone:
            if alone:
                yield
                return
        step()
        report(Update("analysing", 0, total, detail="another process does"))
        time.sleep(_POLL_S)


def cached_analysis(
    clip: Clip, settings: AnalysisSettings | None = None, frames: range | None = None
) -> Analysis | None:
    """Analysis of a clip where ``analyse_clip`` made the same one before, else None at once.

    Raises:
        ClipError: the clip cannot be used.
        InputError: the file of its corrections is none.
    """
    settings = settings or AnalysisSettings()
    kept = _kept_path(clip, settings, _clip_frames(clip, frames))
    found = _load_kept(kept)
    return None if found is None else _correct(clip, found, settings, kept, clip.corrections)


def _correct(
    clip: Clip, found: Analysis, settings: AnalysisSettings, kept: Path, corrections: Corrections
) -> Analysis:
    """Corrects an analysis; what takes time is kept, so that one more correction costs only itself."""
    if not corrections:
        return found
    if corrections.clip != clip.digest:
        sentence = (
            f"{clip.path.name}: its corrections are of another clip, or of this one before it changed; "
            "they were not applied"
        )
        return dataclasses.replace(found, warnings=(sentence,))
    count = len(corrections.items)
    paths = [kept.with_name(f"{kept.stem}.{corrections.digest(n)[:16]}.npz") for n in range(count + 1)]
    current = dataclasses.replace(found, uncorrected=found)
    first = 0
    for number in range(count, 0, -1):
        earlier = _load_kept(paths[number], found)
        if earlier is not None:
            current = earlier
            first = number
            break
    for number in range(first, count):
        current = apply_correction(clip, current, settings, number, corrections.items[number])
    if first < count and clip.exists():
        analysis_file.save_analysis(paths[count], current)
        # The one before serves an undo; more of a long take's would fill the disk.
        for path in paths[1 : count - 1]:
            path.unlink(missing_ok=True)
    return move_points(current, [each for each in enumerate(corrections.items) if each[1].kind == "points"])


def _clip_frames(clip: Clip, frames: range | None) -> range:
    """Limits ``frames`` to those of the clip; all of them where None."""
    count = clip.info.frame_count
    return range(count) if frames is None else frames[: max(0, count - frames.start)]


def _load_kept(kept: Path, uncorrected: Analysis | None = None) -> Analysis | None:
    """Loads a kept analysis; None where there is none, or where it is damaged and has to be made anew."""
    if not kept.is_file():
        return None
    try:
        found = analysis_file.load_analysis(kept, uncorrected)
    except InputError:
        return None
    analyses.touch(kept)
    return found


def _kept_path(clip: Clip, settings: AnalysisSettings, frames: range) -> Path:
    """Path of the analysis of just these frames of these bytes, made this way."""
    parts = [clip.digest, analysis_file.FORMAT, dataclasses.asdict(settings), frames.start, frames.stop]
    if clip.options != DEFAULT_READING:
        parts.append(dataclasses.asdict(clip.options))
    key = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]
    return analyses.analysis_path(clip.digest, key)
