"""Pools of processes: a script needs no guard for them, and errors come back."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from recaster.errors import ClipError, OutputError
from recaster.processes import pool
from recaster.processes.cpu_cores import cores
from recaster.processes.pool import run_in_processes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

UNGUARDED = """
from recaster.processes.pool import run_in_processes
print("begun")
print(run_in_processes(str.upper, getattr, " a ", ["strip"], 2, print)[0]())
print(__file__.endswith("script.py"))
"""
"""Its work is ``getattr``, which takes what was prepared, an item, and what it may call."""


def prepare(shared: int) -> int:
    return shared * 10


def work(prepared: int, item: int, tick: Callable[[], None]) -> int:
    if item < 0:
        raise ClipError(f"{item}: no item")
    if item > 99:
        os._exit(1)
    tick()
    return prepared + item


def count_cores(prepared: int, item: int, tick: Callable[[], None]) -> tuple[int, int]:
    tick()
    return prepared + item, cores()


def prepare_cores(shared: int) -> int:
    return shared * cores()


def test_processes_share_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "cores", lambda: 5)
    shared = min(2, cores())
    found = run_in_processes(prepare_cores, count_cores, 10, [1, 2], 2, lambda _: None)
    assert found == [(10 * shared + 1, shared), (10 * shared + 2, shared)]
    assert run_in_processes(prepare_cores, count_cores, 10, [1], 8, lambda _: None) == [(11, 1)]


def test_results_come_in_the_order_of_items() -> None:
    told: list[int] = []
    assert run_in_processes(prepare, work, 5, [3, 1, 2], 2, told.append) == [53, 51, 52]
    assert sum(told) == 3


@pytest.mark.parametrize(
    ("item", "kind", "said"), [(-1, ClipError, "-1: no item"), (100, OutputError, "died")]
)
def test_errors_and_deaths_are_told(item: int, kind: Any, said: str) -> None:
    with pytest.raises(kind, match=said):
        run_in_processes(prepare, work, 5, [1, item], 2, lambda _: None)


def test_a_script_needs_no_guard(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(UNGUARDED)
    ended = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, check=False, timeout=60
    )
    assert ended.stdout.split() == ["begun", "A", "True"], ended.stderr
