"""Analysis of a clip by its segments, in this process or in several, which may also be of several programs.

What was found in a segment is a file in a folder, whole or absent: so an analysis that was interrupted goes
on with the segments that are missing, and several that have one folder share the work.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import cv2

from recaster.faces.analysis import join_segments
from recaster.faces.analysis_file import DAMAGE, discard_damaged
from recaster.faces.segments import (
    FORMAT,
    follow_faces,
    load_findings,
    save_findings,
    split_frames,
    widen_segment,
)
from recaster.files import make_private_folder
from recaster.media.prefetch import prefetch
from recaster.processes.executor import Work
from recaster.processes.pieces import make_missing, make_piece
from recaster.progress import Report, Update, silent

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from recaster.faces.segments import Findings
    from recaster.faces.types import Analysis
    from recaster.media.clip import Clip
    from recaster.settings.detection import AnalysisSettings

MEMORY_PER_PROCESS_BYTES: Final = 1 << 30
_DECODED_AHEAD: Final = 4  # frames that are decoded while others are looked at


class _DamagedError(Exception):
    """A segment has to be looked at again."""


class SegmentWork(NamedTuple):
    """All that a process needs to look at segments of a clip."""

    clip: Clip
    settings: AnalysisSettings
    frames: range
    folder: Path

    def path(self, segment: range) -> Path:
        """Path of what was found in a segment."""
        return self.folder / f"{segment.start:08}.npz"

    def load(self, segment: range) -> Findings:
        """Loads what was found in a segment; _DamagedError where that was damaged, and is removed."""
        path = self.path(segment)
        try:
            return load_findings(path, segment)
        except DAMAGE as error:
            discard_damaged(path, error)
            raise _DamagedError from error

    def as_work(self) -> Work:
        """Describes the work on segments for an executor."""
        view = self.clip.view  # nodes take it as it is here
        made = [self.clip.digest, dataclasses.asdict(self.clip.options), dataclasses.asdict(self.settings)]
        made.append("" if view is None else view.fingerprint)
        return Work(
            _prepare,
            make_piece,
            self,
            self.folder,
            json.dumps(["analysis", FORMAT, *made, self.frames.start, self.frames.stop], sort_keys=True),
            lambda segment: f"{segment.start}-{segment.stop}",
            cores=1,
            memory_bytes=MEMORY_PER_PROCESS_BYTES,
            clips=(self.clip,),
        )

    def make(self, segment: range, tick: Callable[[], None]) -> None:
        """Looks at a segment."""
        wide = widen_segment(segment, self.frames, float(self.clip.info.rate), self.settings)
        coming = prefetch(self.clip.read_fast(wide.start, wide.stop), _DECODED_AHEAD)
        with contextlib.closing(coming) as shown:
            findings = follow_faces(shown, self.settings, segment, tick)
        save_findings(self.path(segment), findings)


def analyse_segments(
    clip: Clip,
    settings: AnalysisSettings,
    frames: range,
    folder: Path,
    report: Report = silent,
    processes: int | None = 1,
) -> Analysis:
    """Analyses frames of a clip; however many processes look at them, the result is the same.

    Args:
        folder: what was found in each segment is kept there.
        processes: how many look at them; None for as many as this machine is good for.

    Raises:
        WeightsError: a model file is missing or damaged.
        ClipError, OutputError: the clip can't be read, or the folder not be written; a process died.
    """
    make_private_folder(folder)
    work = SegmentWork(clip, settings, frames, folder)

    def tell(done: int, total: int) -> None:
        report(Update("analysing", done, total))

    while True:
        make_missing(work, split_frames(frames), len, tell, processes)
        with contextlib.suppress(_DamagedError):
            return join_segments(map(work.load, split_frames(frames)), settings)


def _prepare(work: Any) -> Any:
    cv2.setNumThreads(1)
    return work
