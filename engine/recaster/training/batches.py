"""Batches of guided training, drawn beside the steps: by a thread, or by processes where a GPU would wait.

Drawing a face takes a CPU core some milliseconds, most of it in Python: a thread keeps up with a CPU's
steps, and a GPU needs several processes. Either way a batch follows from (seed, step) alone.
"""

from __future__ import annotations

import collections
import contextlib
import mmap
import multiprocessing
import os
import pickle
import signal
import tempfile
import threading
import weakref
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from recaster.errors import TrainingError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recaster.networks.presets import Preset
    from recaster.training.guided_faces import Source

Batch: TypeAlias = tuple[NDArray[np.uint8], NDArray[np.uint8]]
"""Conditions (B, side, side, CHANNELS) and true faces (B, side, side, 3)."""
AHEAD: Final = 2
"""Batches that are drawn before they are needed, by a thread; a process each has one more."""
MOST_PROCESSES: Final = 12
SPARE: Final = 2
"""CPU cores that are left for the steps themselves."""
_ALIGNED: Final = 64


def processes_for(device: str) -> int:
    """How many processes draw for steps on "gpu" or "cpu"; 0 where a thread does."""
    if device != "gpu":
        return 0
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity is not None else os.cpu_count() or 1
    return max(0, min(MOST_PROCESSES, cores - SPARE))


def draw_batch(sources: Sequence[Source], preset: Preset, seed: int, step: int) -> Batch:
    """The batch of one step."""
    random = np.random.default_rng((seed, step))
    drawn = []
    for _ in range(preset.batch):
        source = sources[int(random.integers(len(sources)))]
        drawn.append(source.draw(int(random.integers(len(source))), preset.augmentation, random))
    return np.stack([condition for condition, _ in drawn]), np.stack([truth for _, truth in drawn])


class Batches:
    """The batches of one training, a few steps ahead; what draws them ends with this object.

    Args:
        sources: whom to draw.
        preset: how.
        seed: what every random number follows from.
        processes: how many draw; 0 for a thread of this one.
    """

    def __init__(self, sources: Sequence[Source], preset: Preset, seed: int, processes: int = 0) -> None:
        self._drawn: collections.deque[Future[Batch]] = collections.deque()
        self._ahead = processes + AHEAD
        self._task = (list(sources), preset, seed)
        self._executor: Executor
        if processes == 0:
            self._executor = ThreadPoolExecutor(1, "recaster-batches")
        else:
            folder = tempfile.TemporaryDirectory(prefix="recaster-")
            _lay_down(self._task, Path(folder.name))
            self._executor = ProcessPoolExecutor(
                processes,
                # Not a fork: a GPU's driver doesn't outlive one.
                multiprocessing.get_context("spawn"),
                _begin,
                (folder.name,),
            )
            weakref.finalize(self, _end, self._executor, folder)
        self._remote = processes > 0

    def next(self, step: int) -> Batch:
        """The batch of a step; those of the steps after it are begun.

        Raises:
            TrainingError: a process that draws died.
        """
        while len(self._drawn) <= self._ahead:
            later = step + len(self._drawn)
            if self._remote:
                self._drawn.append(self._executor.submit(_draw_here, later))
            else:
                self._drawn.append(self._executor.submit(draw_batch, *self._task, later))
        try:
            return self._drawn.popleft().result()
        except BrokenProcessPool:
            raise TrainingError(
                "a process that draws training faces died (is there memory enough?); resume the training"
            ) from None

    def clear(self) -> None:
        """Forget what was begun: the next step is another."""
        for future in self._drawn:
            future.cancel()
        self._drawn.clear()


def _end(executor: Executor, folder: tempfile.TemporaryDirectory[str]) -> None:
    executor.shutdown(wait=True, cancel_futures=True)
    folder.cleanup()


def _lay_down(task: Any, folder: Path) -> None:
    """Write a task so that processes share the pages of its arrays."""
    arrays: list[pickle.PickleBuffer] = []
    head = pickle.dumps(task, protocol=5, buffer_callback=arrays.append)
    places = []
    with (folder / "arrays").open("wb") as file:
        for array in arrays:
            start = file.seek(-(-file.tell() // _ALIGNED) * _ALIGNED)
            file.write(array.raw())
            places.append((start, file.tell()))
        file.write(b"\0")  # nothing can't be mapped
    (folder / "head").write_bytes(pickle.dumps((head, places)))


def _taken_up(folder: Path) -> Any:
    """What ``_lay_down`` wrote; its arrays can't be written to."""
    head, places = pickle.loads((folder / "head").read_bytes())  # noqa: S301 - this very program wrote it
    with (folder / "arrays").open("rb") as file:
        view = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    return pickle.loads(head, buffers=[view[start:stop] for start, stop in places])  # noqa: S301


_here: list[Any] = []
"""In a process that draws: what it draws from."""


def _begin(folder: str) -> None:
    """Make a process ready that draws."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the training, which ends this process
    threading.Thread(target=_end_with_parent, daemon=True).start()
    cv2.setNumThreads(1)
    _here[:] = [_taken_up(Path(folder))]


def _draw_here(step: int) -> Batch:
    sources, preset, seed = _here[0]
    return draw_batch(sources, preset, seed, step)


def _end_with_parent() -> None:
    """End when the training is gone, however it went."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        with contextlib.suppress(OSError):
            parent.join()
        os._exit(0)
