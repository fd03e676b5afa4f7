"""Analysis of a clip by its segments, in this process or in several, which may also be of several programs.

What was found in a segment is a file in a folder, whole or absent: so an analysis that was interrupted goes
on with the segments that are missing, and several that have one folder share the work.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import json
import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import cv2

from recaster.errors import OutputError
from recaster.faces.analysis import join_segments
from recaster.faces.analysis_file import DAMAGE
from recaster.faces.segments import (
    FORMAT,
    follow_faces,
    load_findings,
    save_findings,
    split_frames,
    widen_segment,
)
from recaster.files import make_private_folder
from recaster.locks import try_lock
from recaster.media.prefetch import prefetch
from recaster.processes.executor import LocalExecutor, Work, current_executor
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
_POLL_S: Final = 0.2


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
            # Not one that can't be read for another reason: it would be made again and again.
            if isinstance(error, OSError) and error.errno not in (None, errno.ENOENT):
                raise OutputError(f"{path}: cannot be read ({error.strerror})") from error
            path.unlink(missing_ok=True)
            raise _DamagedError from error

    def as_work(self) -> Work:
        """Describes the work on segments for an executor."""
        view = self.clip.view  # nodes take it as it is here
        made = [self.clip.digest, dataclasses.asdict(self.clip.options), dataclasses.asdict(self.settings)]
        made.append("" if view is None else view.fingerprint)
        return Work(
            _prepare,
            SegmentWork.look,
            self,
            self.folder,
            json.dumps(["analysis", FORMAT, *made, self.frames.start, self.frames.stop], sort_keys=True),
            lambda segment: f"{segment.start}-{segment.stop}",
            cores=1,
            memory_bytes=MEMORY_PER_PROCESS_BYTES,
            clips=(self.clip,),
        )

    def find_missing(self) -> list[range]:
        """Finds the segments that nobody has looked at."""
        return [segment for segment in split_frames(self.frames) if not self.path(segment).is_file()]

    def is_held(self, segment: range) -> bool:
        """Tells whether another process looks at a segment."""
        with try_lock(self._lock_path(segment)) as alone:
            return not alone

    def _lock_path(self, segment: range) -> Path:
        return self.path(segment).with_suffix(".lock")

    def look(self, segment: range, tick: Callable[[], None]) -> None:
        """Looks at a segment, unless somebody else does or did."""
        with try_lock(self._lock_path(segment)) as alone:
            if not alone or self.path(segment).is_file():
                return
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
    while True:
        _look_at_missing(work, report, processes)
        with contextlib.suppress(_DamagedError):
            return join_segments(map(work.load, split_frames(frames)), settings)


def _look_at_missing(work: SegmentWork, report: Report, processes: int | None) -> None:
    """Looks at the segments that are missing, and waits for those that others look at just now."""
    total = len(work.frames)
    while missing := work.find_missing():
        done = total - sum(map(len, missing))
        report(Update("analysing", done, total))

        def tick(count: int = 1) -> None:
            nonlocal done
            done += count
            report(Update("analysing", done, total))

        free = [segment for segment in missing if not work.is_held(segment)]
        executor = current_executor() if processes is None else LocalExecutor()
        useful = executor.limit(len(free), 1, MEMORY_PER_PROCESS_BYTES)
        count = useful if processes is None else min(processes, len(free))
        if free and (count > 1 or not executor.is_local):
            executor.run(work.as_work(), free, count, tick)
        else:
            for segment in free:
                work.look(segment, tick)
        if done < total:  # others look at the rest
            time.sleep(_POLL_S)


def _prepare(work: Any) -> Any:
    cv2.setNumThreads(1)
    return work
