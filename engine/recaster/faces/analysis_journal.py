"""Journal of an analysis on disk, so that one that is interrupted goes on.

A folder of numbered .npz files of plain arrays. Each holds what came since the one before: of faces that
are still followed only the new frames, so that keeping an hour of film costs no more each time than a
minute. Read in order, they give the tracker as it was.
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from recaster.faces.analysis_file import DAMAGE, read_arrays, write_arrays
from recaster.faces.tracker import TrackerState
from recaster.faces.tracklets import Portrait, Tracklet
from recaster.files import keep_private, write_error
from recaster.locks import try_lock

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from recaster.faces.tracker import Tracker
    from recaster.faces.types import Floats

FORMAT: Final = 4
EVERY_S: Final = 10.0
"""Time between two entries: what an interruption may cost."""
_COURSES: Final = {"frames": np.int64, **dict.fromkeys(("times", "points", "scores", "behind"), np.float64)}
"""What a tracklet has of each frame."""
_CUT_ARRAYS: Final = ("layout", "contrasts", "colours")


@contextlib.contextmanager
def open_journal(folder: Path, first: int) -> Iterator[Journal | None]:
    """Opens the journal of an analysis that begins at frame ``first``; None while another process keeps it.

    Raises:
        OutputError: the folder can't be written.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise write_error(folder, error) from error
    with try_lock(folder / "lock") as alone:
        keep_private(folder)
        yield Journal(folder, first) if alone else None


class Journal:
    """Journal of one analysis.

    Attributes:
        first: the first frame of the analysis.
        state: where the analysis was; None where nothing was kept, or what was is damaged.
    """

    def __init__(self, folder: Path, first: int) -> None:
        self.first = first
        self._folder = folder
        self._entries = 0
        self._kept = time.monotonic()
        self._written: list[list[Floats]] = []  # the points of each tracklet as they are on disk
        self._followed: list[int] = []  # tracklets that were followed at the last entry
        self.state = self._read_entries()

    @property
    def begin(self) -> int:
        """First frame that must be read."""
        return self.first if self.state is None else self.state.done - self.state.recent

    def keep(self, tracker: Tracker, done: int) -> None:
        """Adds an entry, if it is time for one; ``done`` is the next frame to look at."""
        if time.monotonic() - self._kept >= EVERY_S:
            self.write(tracker.state(done))
            self._kept = time.monotonic()

    def write(self, state: TrackerState) -> None:
        """Adds an entry."""
        arrays: dict[str, Any] = {
            "head": np.array([FORMAT, self.first, state.done, state.recent, state.until_look], np.int64),
            "cuts": np.array(state.cuts, np.int64),
            "active": np.array(state.active, np.int64),
            "lost_at": np.float64(state.lost_at),
        }
        if state.last is not None:
            arrays |= dict(zip(_CUT_ARRAYS, state.last, strict=True))
        for number, tracklet in enumerate(state.tracklets):
            new = number == len(self._written)
            if new:
                self._written.append([])
            begin = _count_same(self._written[number], tracklet.points)
            followed = number in state.active or number in self._followed
            if not (new or followed) and begin == len(tracklet.points):
                continue  # it was followed no more when it was last written
            arrays |= {f"{number}.{name}": value for name, value in _tracklet_arrays(tracklet, begin).items()}
            self._written[number] = list(tracklet.points)
        write_arrays(self._folder / _entry_name(self._entries), arrays)
        self._entries += 1
        self._followed = list(state.active)

    def _read_entries(self) -> TrackerState | None:
        state: TrackerState | None = None
        tracklets: list[Tracklet] = []
        entries = sorted(self._folder.glob("[0-9]*.npz"))
        try:
            for number, entry in enumerate(entries):
                if entry.name != _entry_name(number):
                    raise ValueError(f"entry {number} is missing")
                state = _apply_entry(read_arrays(entry), tracklets, self.first)
        except DAMAGE:
            for entry in entries:
                entry.unlink(missing_ok=True)
            return None
        self._entries = len(entries)
        self._written = [list(tracklet.points) for tracklet in tracklets]
        self._followed = [] if state is None else list(state.active)
        return state


def _entry_name(number: int) -> str:
    return f"{number:06}.npz"


def _count_same(kept: list[Floats], now: list[Floats]) -> int:
    """Number of the first points that are on disk already: only the last are ever taken away or replaced."""
    # By identity: arrays of points are replaced and never changed.
    count = min(len(kept), len(now))
    while count and kept[count - 1] is not now[count - 1]:
        count -= 1
    return count


def _tracklet_arrays(tracklet: Tracklet, begin: int) -> dict[str, Any]:
    return {
        "head": np.array([tracklet.shot, tracklet.sightings, begin], np.int64),
        "seen": np.float64(tracklet.seen),
        **{name: np.array(getattr(tracklet, name)[begin:], dtype) for name, dtype in _COURSES.items()},
        "portraits": np.array([picture.image for picture in tracklet.portraits], np.uint8),
        "qualities": np.array([picture.quality for picture in tracklet.portraits], np.float64),
    }


def _apply_entry(arrays: Mapping[str, Any], tracklets: list[Tracklet], first: int) -> TrackerState:
    """State after one more entry, to which ``tracklets`` are brought up."""
    written, began, done, recent, until_look = arrays["head"].tolist()
    if (written, began) != (FORMAT, first):
        raise ValueError("another format, or another analysis")
    numbers = sorted(int(name.removesuffix(".head")) for name in arrays if name.endswith(".head"))
    for number in numbers:
        shot, sightings, begin = arrays[f"{number}.head"].tolist()
        if number == len(tracklets):
            tracklets.append(Tracklet(shot, 0.0))
        tracklet = tracklets[number]
        if begin > len(tracklet.frames):
            raise ValueError(f"tracklet {number} lacks what came before")
        tracklet.seen = float(arrays[f"{number}.seen"])
        tracklet.sightings = sightings
        for name in _COURSES:
            values = arrays[f"{number}.{name}"]
            getattr(tracklet, name)[begin:] = list(values) if name == "points" else values.tolist()
        pictures = zip(arrays[f"{number}.portraits"], arrays[f"{number}.qualities"], strict=True)
        tracklet.portraits = [Portrait(image, float(quality)) for image, quality in pictures]
    last = tuple(arrays[name] for name in _CUT_ARRAYS) if _CUT_ARRAYS[0] in arrays else None
    return TrackerState(
        done=done,
        recent=recent,
        until_look=until_look,
        lost_at=float(arrays["lost_at"]),
        cuts=arrays["cuts"].tolist(),
        active=arrays["active"].tolist(),
        tracklets=tracklets,
        last=last,
    )
