"""Batches are the same whoever draws them, and whoever draws them ends with the training."""

from __future__ import annotations

import dataclasses
import gc
import multiprocessing
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from recaster.errors import TrainingError
from recaster.models.model_folder import ModelFolder
from recaster.models.presets import preset
from recaster.training.batches import MAX_PROCESSES, Batches, draw_batch, processes_for
from recaster.training.guided_data import Source

if TYPE_CHECKING:
    from pathlib import Path

    from recaster.facesets.faceset import Faceset
    from recaster.models.presets import Preset


@pytest.fixture(scope="module")
def small() -> Preset:
    return dataclasses.replace(preset("guided-128"), size=32, batch=2)


@pytest.fixture(scope="module")
def source(small: Preset, actor_faceset: Faceset, tmp_path_factory: pytest.TempPathFactory) -> Source:
    return Source.of(small, actor_faceset, ModelFolder(tmp_path_factory.mktemp("model")))


@pytest.mark.parametrize("processes", [0, 2])
def test_a_batch_follows_from_seed_and_step(small: Preset, source: Source, processes: int) -> None:
    batches = Batches([source], small, 7, processes)
    for step in range(4):
        for found, wanted in zip(batches.next(step), draw_batch([source], small, 7, step), strict=True):
            assert found.dtype == np.uint8
            assert (found == wanted).all()
    for step in (1, 2, 9):  # a training that goes back to an earlier state, or on from a later one
        assert (batches.next(step)[0] == draw_batch([source], small, 7, step)[0]).all()
    del batches
    gc.collect()
    assert not [one for one in multiprocessing.active_children() if one.is_alive()]


def test_a_process_that_dies_is_said(small: Preset, source: Source) -> None:
    batches = Batches([source], small, 7, 1)
    batches.next(0)
    for one in multiprocessing.active_children():
        os.kill(one.pid, signal.SIGKILL)
    with pytest.raises(TrainingError, match="died"):
        _ = [batches.next(step) for step in range(1, 9)]


def test_they_end_with_a_training_that_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text(
        "import os, sys\n"
        "from recaster.training import batches\n"
        "if __name__ == '__main__':\n"
        "    drawing = batches.Batches([], None, 0, 2)\n"
        "    drawing._executor.submit(os.write, 1, b'drawing').result()\n"
        "    sys.stdin.read()\n"
    )
    process = subprocess.Popen([sys.executable, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout.read(7) == b"drawing"
    process.kill()
    # Its output ends when all who can write to it have: it, and the processes that draw, one of which did.
    assert process.communicate(timeout=30) == (b"", None)


def test_processes_draw_for_a_gpu_only() -> None:
    assert processes_for("cpu") == 0
    assert 0 <= processes_for("gpu") <= MAX_PROCESSES
