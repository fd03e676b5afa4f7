"""A worker gets its share of the machine's memory and no more."""

from __future__ import annotations

import subprocess
import sys

import pytest

from recaster.jobs.limits import machine_share


@pytest.mark.skipif(sys.platform != "linux", reason="the limit counts memory on Linux only")
def test_a_worker_that_asks_for_all_memory_is_refused_it():
    script = (
        "from recaster.api.internal.v1.worker_pb2 import ProcessLimits;"
        "from recaster.jobs.limits import apply, machine_share;"
        "apply(ProcessLimits(data_bytes=machine_share() // 8)); bytearray(machine_share() // 4)"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert "MemoryError" in result.stderr
    assert machine_share() > 0
