"""Cores that a process may use: what was asked for is all that it and its children take."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest

from recaster.errors import UsageError
from recaster.processes.cpu_cores import assume_cores, cores, limit_cores

SEES = "from recaster.processes.cpu_cores import cores; print(cores())"


def test_a_limit_holds_while_its_block_lasts() -> None:
    before = cores()
    with limit_cores(1):
        assert cores() == 1
        with pytest.raises(UsageError, match="more than the 1 cores"), limit_cores(2):
            pass
    with limit_cores(None):
        assert cores() == before
    with pytest.raises(UsageError, match="none"), limit_cores(0):
        pass
    assert cores() == before
    with assume_cores(0):
        assert cores() == 1
    assert cores() == before


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux holds threads to cores")
def test_threads_and_children_are_held_to_it() -> None:
    seen: list[int] = []
    go_on = threading.Event()

    def look() -> None:
        go_on.wait()
        seen.append(len(os.sched_getaffinity(0)))

    earlier = threading.Thread(target=look)
    earlier.start()
    before = os.sched_getaffinity(0)
    with limit_cores(1):
        go_on.set()
        earlier.join()
        later = threading.Thread(target=look)
        later.start()
        later.join()
        child = subprocess.run([sys.executable, "-c", SEES], capture_output=True, text=True, check=True)
        assert [*seen, int(child.stdout)] == [1, 1, 1]
    assert os.sched_getaffinity(0) == before
