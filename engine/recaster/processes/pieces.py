"""Pieces of work with a file each in a folder, made by whoever is free: this process, others, or nodes.

A piece's file is whole or absent: so work that was interrupted goes on with the pieces that are missing, and
several programs that have one folder share the work.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final, Protocol

from recaster.locks import try_lock
from recaster.processes.executor import LocalExecutor, current_executor

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from recaster.processes.executor import Work

_POLL_S: Final = 0.2


class PieceWork(Protocol):
    """All that a process needs to work on pieces."""

    def path(self, piece: Any) -> Path:
        """Path of a piece's file."""

    def make(self, piece: Any, tick: Callable[[], None]) -> None:
        """Makes a piece's file; ``tick`` is called whenever it has come one further."""

    def as_work(self) -> Work:
        """Describes the work for an executor; it does ``make_piece``."""


def make_piece(work: PieceWork, piece: Any, tick: Callable[[], None]) -> None:
    """Makes a piece's file, unless somebody else does or did."""
    with try_lock(_lock_path(work, piece)) as alone:
        if alone and not work.path(piece).is_file():
            work.make(piece, tick)


def make_missing(
    work: PieceWork,
    pieces: Sequence[Any],
    count_steps: Callable[[Any], int],
    report: Callable[[int, int], None],
    processes: int | None,
    useful: int | None = None,
) -> None:
    """Makes the files that are missing, and waits for those that others make just now.

    Args:
        count_steps: counts how often a piece ticks.
        report: told how many steps are done, of how many.
        processes: how many make them; None for as many as the executor in use is good for.
        useful: how many processes of this machine are worth their start at most; None for one a piece.

    Raises:
        As the work does, and as its executor.
    """
    total = sum(map(count_steps, pieces))
    while missing := [piece for piece in pieces if not work.path(piece).is_file()]:
        done = total - sum(map(count_steps, missing))
        report(done, total)

        def tick(count: int = 1) -> None:
            nonlocal done
            done += count
            report(done, total)

        free = [piece for piece in missing if not _is_held(work, piece)]
        executor = current_executor() if processes is None else LocalExecutor()
        described = work.as_work()
        most = len(free) if useful is None else min(len(free), useful)
        room = executor.limit(most, described.cores, described.memory_bytes)
        count = room if processes is None else min(processes, len(free))
        if free and (count > 1 or not executor.is_local):
            executor.run(described, free, count, tick)
        else:
            for piece in free:
                make_piece(work, piece, tick)
        if done < total:  # others make the rest
            time.sleep(_POLL_S)


def _is_held(work: PieceWork, piece: Any) -> bool:
    """Tells whether another process makes a piece."""
    with try_lock(_lock_path(work, piece)) as alone:
        return not alone


def _lock_path(work: PieceWork, piece: Any) -> Path:
    return work.path(piece).with_suffix(".lock")
