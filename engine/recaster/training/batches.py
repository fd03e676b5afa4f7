"""Batches of guided training, drawn beside the steps: by a thread, or by processes where a GPU would wait.

Drawing a face takes a CPU core some milliseconds, most of it in Python: a thread keeps up with a CPU's
steps, and a GPU needs several processes. Either way a batch follows from (seed, step) alone.
"""

from __future__ import annotations

import collections
import multiprocessing
import tempfile
import weakref
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from recaster.errors import TrainingError
from recaster.processes.cpu_cores import cores
from recaster.processes.shared_arrays import attach_arrays, share_arrays
from recaster.processes.spawn import follow_pool_owner

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from recaster.models.presets import Preset
    from recaster.training.guided_data import Source

Batch: TypeAlias = tuple[NDArray[np.uint8], NDArray[np.uint8]]
"""Conditions (B, side, side, CHANNELS) and true faces (B, side, side, 3)."""
PREFETCHED_BATCHES: Final = 2  # drawn before they are needed, by a thread; each process has one more
MAX_PROCESSES: Final = 12
RESERVED_CORES: Final = 2  # left for the steps themselves


def processes_for(device: str) -> int:
    """Number of processes that draw for steps on "gpu" or "cpu"; 0 for a thread."""
    if device != "gpu":
        return 0
    return max(0, min(MAX_PROCESSES, cores() - RESERVED_CORES))


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
        processes: how many draw; 0 for a thread of this one.
    """

    def __init__(self, sources: Sequence[Source], preset: Preset, seed: int, processes: int = 0) -> None:
        self._drawn: collections.deque[Future[Batch]] = collections.deque()
        self._ahead = processes + PREFETCHED_BATCHES
        self._next_step = 0
        self._draw: Callable[[int], Batch] = partial(draw_batch, sources, preset, seed)
        self._executor: Executor
        if processes == 0:
            self._executor = ThreadPoolExecutor(1, "recaster-batches")
        else:
            folder = tempfile.TemporaryDirectory(prefix="recaster-")
            share_arrays(self._draw, Path(folder.name))
            self._draw = _draw_here
            context = multiprocessing.get_context("spawn")  # not a fork: a GPU's driver doesn't outlive one
            self._executor = ProcessPoolExecutor(processes, context, _begin, (folder.name,))
            weakref.finalize(self, _end, self._executor, folder)

    def next(self, step: int) -> Batch:
        """The batch of a step; those of the steps after it are begun.

        Raises:
            TrainingError: a process that draws died.
        """
        if step != self._next_step:  # the training went back to an earlier state: what was begun is another's
            for future in self._drawn:
                future.cancel()
            self._drawn.clear()
        self._next_step = step + 1
        try:  # a death that is known already is told by what asks for more, another by the result
            while len(self._drawn) <= self._ahead:
                self._drawn.append(self._executor.submit(self._draw, step + len(self._drawn)))
            return self._drawn.popleft().result()
        except BrokenProcessPool:
            raise TrainingError(
                "a process that draws training faces died (is there memory enough?); resume the training"
            ) from None


def _end(executor: Executor, folder: tempfile.TemporaryDirectory[str]) -> None:
    executor.shutdown(wait=True, cancel_futures=True)
    folder.cleanup()


_here: list[Any] = []
"""In a process that draws: what draws there."""


def _begin(folder: str) -> None:
    """Makes a process ready that draws."""
    follow_pool_owner()
    cv2.setNumThreads(1)
    _here[:] = [attach_arrays(Path(folder))]


def _draw_here(step: int) -> Batch:
    batch: Batch = _here[0](step)
    return batch
