"""Cache of analyses, which are made once and kept."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
from typing import TYPE_CHECKING, Final

from recaster.errors import InputError
from recaster.faces import analysis_file, analysis_journal
from recaster.faces.analysis import analyse
from recaster.files import remove_folder
from recaster.media.prefetch import prefetch
from recaster.progress import Report, silent
from recaster.settings.detection import AnalysisSettings
from recaster.settings.reading import DEFAULT_READING
from recaster.store import analyses

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.faces.types import Analysis
    from recaster.media.clip import Clip

_DECODED_AHEAD: Final = 4  # frames that are decoded while others are looked at


def analyse_clip(
    clip: Clip, settings: AnalysisSettings | None = None, frames: range | None = None, report: Report = silent
) -> Analysis:
    """Analyses a clip, or takes the result from the cache where it was done before, and not long ago.

    The key is made of the file's bytes, the settings, the range and the format, so a renamed clip is
    known again and a changed one is not. A damaged cache entry is made anew. An analysis that was
    interrupted goes on where it was some seconds before.

    Args:
        settings: the defaults where None.
        frames: indices, all where None.

    Raises:
        ClipError: the clip cannot be used.
        OutputError: the cache folder cannot be written, which is tried before the work begins.
    """
    settings = settings or AnalysisSettings()
    frames = _clip_frames(clip, frames)
    kept = _kept_path(clip, settings, frames)
    found = _load_kept(kept)
    if found is None:
        analyses.make_clip_folder(analyses.clip_digest(kept))
        analyses.tidy()
        parts = kept.with_suffix(".parts")
        with analysis_journal.open_journal(parts, frames.start) as begun:
            begin = frames.start if begun is None else begun.begin
            coming = prefetch(clip.read_fast(begin, frames.stop), _DECODED_AHEAD)
            with contextlib.closing(coming) as shown:
                found = analyse(shown, settings, len(frames), report, begun)
            analysis_file.save_analysis(kept, found)
        if begun is not None:  # else it is another process's
            remove_folder(parts, quietly=True)
        if not clip.exists():  # it was deleted meanwhile
            analyses.purge(analyses.clip_digest(kept))
    return found


def cached_analysis(
    clip: Clip, settings: AnalysisSettings | None = None, frames: range | None = None
) -> Analysis | None:
    """Analysis of a clip where ``analyse_clip`` made the same one before, else None at once.

    Raises:
        ClipError: the clip cannot be used.
    """
    return _load_kept(_kept_path(clip, settings or AnalysisSettings(), _clip_frames(clip, frames)))


def _clip_frames(clip: Clip, frames: range | None) -> range:
    """Limits ``frames`` to those of the clip; all of them where None."""
    count = clip.info.frame_count
    return range(count) if frames is None else frames[: max(0, count - frames.start)]


def _load_kept(kept: Path) -> Analysis | None:
    """Loads a kept analysis; None where there is none, or where it is damaged and has to be made anew."""
    if not kept.is_file():
        return None
    try:
        found = analysis_file.load_analysis(kept)
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
