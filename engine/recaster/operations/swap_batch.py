"""Swaps of several clips, one after the other: a clip's failure is told and kept, and the others go on."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from recaster.errors import (
    BatchError,
    CertificateError,
    ClipError,
    ConsentError,
    DeviceError,
    DiskFullError,
    FacesetError,
    ModelError,
    RecasterError,
    UsageError,
)
from recaster.progress import Report, Update, clock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from recaster.operations.swap import Load, Request, Result
    from recaster.progress import LogLine
    from recaster.swapping.casting import CastSwapper
    from recaster.swapping.swapper import Swapper

ENDING_ERRORS: Final = (ConsentError, DeviceError, DiskFullError, FacesetError, ModelError, CertificateError)
"""Errors that every further swap would end with, too."""


def describe_failure(clip: Path, error: BaseException) -> str:
    """Describes an error in a line that names the clip."""
    text = str(error) if isinstance(error, RecasterError) else f"{type(error).__name__}: {error}"
    return text if clip.name in text else f"{clip}: {text}"


def merge_errors(errors: Sequence[RecasterError]) -> RecasterError:
    """Makes one error of several, with the words of all and the exit code of the first."""
    texts = list(dict.fromkeys(map(str, errors)))
    if len(texts) == 1:
        return errors[0]
    return BatchError(f"nothing was begun, {len(texts)} things are wrong: {'; '.join(texts)}", errors[0])


@dataclass
class Tally:
    """Outcomes of a batch, by clip.

    Attributes:
        clips: all of them.
        tell: is called with each clip that fails, at once.
        ending: kinds of errors that end the batch.
        made: clips that were swapped.
        kept: clips whose result was there already.
    """

    clips: Sequence[Path]
    tell: Callable[[Path, BaseException], None]
    ending: tuple[type[BaseException], ...] = ENDING_ERRORS
    made: list[Path] = field(default_factory=list)
    kept: list[Path] = field(default_factory=list)
    failures: dict[Path, BaseException] = field(default_factory=dict)

    def fail(self, clip: Path, error: BaseException) -> None:
        """Notes a failure and tells of it."""
        self.failures[clip] = error
        self.tell(clip, error)

    @contextlib.contextmanager
    def collect(self, clip: Path) -> Iterator[None]:
        """Notes an error of the block as the clip's failure; raises it only where it ends the batch."""
        try:
            yield
        except self.ending as error:
            self.failures[clip] = error
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the other clips are swapped
            self.fail(clip, error)

    def summary(self) -> tuple[str, ...]:
        """Describes all outcomes in lines of words, a line for each failure."""
        left = len(self.clips) - len(self.made) - len(self.kept) - len(self.failures)
        counts = {
            "swapped": len(self.made),
            "there already": len(self.kept),
            "failed": len(self.failures),
            "not done": left,
        }
        told = ", ".join(f"{count} {name}" for name, count in counts.items() if count or name == "swapped")
        failed = (f"failed: {describe_failure(clip, error)}" for clip, error in self.failures.items())
        return (f"{len(self.clips)} clip{'s' if len(self.clips) != 1 else ''}: {told}", *failed)

    def check(self) -> None:
        """Raises an error with the exit code of the first failure, if there is any (BatchError)."""
        for error in self.failures.values():
            raise BatchError(f"{len(self.failures)} of {len(self.clips)} clips failed", error)


class BatchProgress:
    """A listener that says of a clip's progress which of all it is, and how long all of them still take.

    Args:
        report: gets the updates.
        weights: how much work each clip is, in any unit.
        now: seconds of a clock.
    """

    def __init__(
        self, report: Report, weights: Mapping[Path, float], now: Callable[[], float] = time.monotonic
    ) -> None:
        self._report = report
        self._weights = weights
        self._now = now
        self._clip = Path()
        self._began = 0.0
        self._ended = set[Path]()
        self._worked = 0.0
        self._seconds = 0.0

    def begin(self, clip: Path) -> None:
        """Notes that updates are of this clip from now on."""
        self._clip = clip
        self._began = self._now()

    def end(self, *, is_measured: bool) -> None:
        """Notes that the clip has ended; measured is one that was worked on from its beginning."""
        self._ended.add(self._clip)
        if is_measured:
            self._worked += self._weights[self._clip]
            self._seconds += self._now() - self._began

    def __call__(self, update: Update) -> None:
        """Passes an update on."""
        number = list(self._weights).index(self._clip) + 1
        parts = [update.detail, f"clip {number} of {len(self._weights)}: {self._clip.name}", self._left()]
        self._report(update._replace(detail=", ".join(filter(None, parts))))

    def _left(self) -> str:
        """Estimates the time of all that is left by that of the clips that have ended, "" before one has."""
        if not self._worked:
            return ""
        pace = self._seconds / self._worked
        others = sum(
            weight for clip, weight in self._weights.items() if clip != self._clip and clip not in self._ended
        )
        own = max(pace * self._weights[self._clip] - (self._now() - self._began), 0)
        return f"{clock(own + pace * others)} left for all"


def check_batch(requests: Sequence[Request], tally: Tally, report: Report) -> dict[Path, int]:
    """Checks all requests before any work; counts the frames of each result, by clip.

    A clip that can't be read is noted as failed and left out of what is returned.

    Raises:
        UsageError: outputs, options, clips and policy don't go together; all that is wrong is named.
    """
    from recaster.operations import swap

    frames = {}
    faults = []
    for number, request in enumerate(requests, 1):
        try:
            frames[request.clip] = swap.check(request)
        except UsageError as error:
            faults.append(error)
        except ClipError as error:
            tally.fail(request.clip, error)
        report(Update("checking", number, len(requests), "clips"))
    if faults:
        raise merge_errors(faults)
    return frames


def run_batch(
    requests: Sequence[Request],
    tally: Tally,
    frames: Mapping[Path, int],
    report: Report,
    log: LogLine,
    tell: Callable[[Request, Result | None], None],
    *,
    again: bool = False,
) -> None:
    """Swaps one clip after the other with one swapper; ``tally`` has the outcomes, also of a stopped batch.

    Args:
        requests: all of one model, source or cast.
        frames: frames of each clip's result, as ``check_batch`` counts them; other clips are left out.
        tell: is called with each result, None for one that was there already.
        again: whether results that were made by the same request are made once more.

    Raises:
        ConsentError, ModelError, FacesetError, DeviceError, DiskFullError: no clip could be swapped any more.
    """
    from recaster.operations import swap

    progress = BatchProgress(report, frames)
    load = load_once(swap.load_on_device)
    sound = [request for request in requests if request.clip in frames]
    if sound:
        load(sound[0], log)  # what is wrong with a model is wrong with it for all clips
    for request in sound:
        progress.begin(request.clip)
        result = None
        with tally.collect(request.clip):
            if not again and swap.is_made(request, load):
                tally.kept.append(request.clip)
                tell(request, None)
            else:
                result = swap.run(request, progress, log, load=load)
                tally.made.append(request.clip)
                tell(request, result)
        progress.end(is_measured=result is not None and not result.swap.resumed)


def load_once(load: Load) -> Load:
    """Makes a ``load`` of ``operations.swap.run`` that keeps what it loads for the first request."""
    loaded: list[tuple[Swapper | CastSwapper, str]] = []

    def load_first(request: Request, log: LogLine) -> tuple[Swapper | CastSwapper, str]:
        if not loaded:
            loaded.append(load(request, log))
        return loaded[0]

    return load_first
