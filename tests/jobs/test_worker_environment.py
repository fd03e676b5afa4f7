"""Processes that read strangers' files get no secrets, and neither all threads nor all memory."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from recaster.errors import WeightsError
from recaster.jobs.limits import machine_share, worker_environment
from recaster.networks.tensors import load_tensors, save_tensors


def test_secrets_stay_with_the_engine(monkeypatch):
    for name in ("RECASTER_TOKEN", "RECASTER_TLS_KEY", "AWS_SECRET_ACCESS_KEY", "OTEL_EXPORTER_OTLP_HEADERS"):
        monkeypatch.setenv(name, "secret")
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    environment = worker_environment(Path("/scratch"))
    assert "secret" not in environment.values()
    assert environment["OMP_NUM_THREADS"] == "2"
    assert environment["TMPDIR"] == "/scratch"
    assert environment["PATH"] == os.environ["PATH"]


@pytest.mark.skipif(sys.platform != "linux", reason="the limit counts memory on Linux only")
def test_a_worker_that_asks_for_all_memory_is_refused_it():
    script = (
        "from recaster.jobs.limits import apply, machine_share; from recaster.jobs.task import Limits;"
        "apply(Limits(data_bytes=machine_share() // 8)); bytearray(machine_share() // 4)"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert "MemoryError" in result.stderr
    assert machine_share() > 0


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_that_are_not_finite_are_refused(tmp_path, value):
    weights = np.zeros((4, 4), np.float32)
    weights[2, 1] = value
    save_tensors(tmp_path / "w.safetensors", {"fine": np.ones(3, np.float32), "kernel": weights}, {})
    with pytest.raises(WeightsError, match="'kernel' holds numbers that are not finite"):
        load_tensors(tmp_path / "w.safetensors")
