"""Training on a real Ray cluster: the same weights as here, whatever dies meanwhile."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from serving import wait_for as wait_for_job

from recaster.api.v1 import job_pb2
from recaster.models.model_folder import ModelFolder
from recaster.models.tensors import load_metadata, load_tensors
from recaster.training import checkpoints

if TYPE_CHECKING:
    from collections.abc import Callable

    from cluster.conftest import RayCluster
    from serving import Served

DRIVER = Path(__file__).with_name("train_driver.py")
EXTRACT_DRIVER = Path(__file__).with_name("extract_driver.py")
STEPS = 900
"""So many that a machine with nothing else to do is stopped on the way, too."""


@pytest.fixture
def train(
    cluster: RayCluster, storage: Path, drawn_pair: tuple[Path, Path], tmp_path: Path
) -> Callable[..., subprocess.Popen[str]]:
    def start(steps: int = STEPS) -> subprocess.Popen[str]:
        asked = (*drawn_pair, tmp_path / "model", steps, cluster.address, storage)
        own = {"RECASTER_DATA": str(drawn_pair[0].parent / "data")}
        return cluster.start(DRIVER, *asked, cache=tmp_path / "cache", **own)

    return start


@pytest.fixture
def model(tmp_path: Path) -> ModelFolder:
    return ModelFolder(tmp_path / "model")


@pytest.fixture(scope="module")
def expected(drawn_pair: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> ModelFolder:
    folder = tmp_path_factory.mktemp("here")
    command = [sys.executable, DRIVER, *drawn_pair, folder / "model", str(STEPS)]
    own = {"RECASTER_CACHE": str(folder / "cache"), "RECASTER_DATA": str(drawn_pair[0].parent / "data")}
    subprocess.run(command, env={**os.environ, **own}, check=True, capture_output=True)
    return ModelFolder(folder / "model")


def wait_for(process: subprocess.Popen[str], wanted: str, said: str = "") -> str:
    """Read what a command prints until something is in all that it said."""
    assert process.stdout is not None
    while not re.search(wanted, said):
        line = process.stdout.readline()
        assert line, said
        said += line
    return said


def wait_for_checkpoint(process: subprocess.Popen[str], model: ModelFolder) -> str:
    """Wait until a checkpoint is here; what the folder has meanwhile is always whole."""
    said = wait_for(process, r"training \d")
    while step_of(model) is None:
        said += wait_for(process, r"\n")
    return said


def step_of(model: ModelFolder) -> int | None:
    """The step of the model's last checkpoint, if there is one; it must be whole."""
    kept = checkpoints.load_latest(model.checkpoints)
    if kept is None:
        return None
    assert int(load_metadata(model.weights)["steps"]) <= kept[0].step
    assert model.read().steps <= kept[0].step
    return kept[0].step


def steps_in(said: str) -> list[int]:
    """Every step that was told."""
    return [int(step) for step in re.findall(r"^training (\d+)", said, re.MULTILINE)]


def check_weights(model: ModelFolder, expected: ModelFolder) -> None:
    weights = load_tensors(model.weights)
    for name, value in load_tensors(expected.weights).items():
        np.testing.assert_allclose(weights[name], value, rtol=1e-5, atol=1e-5, err_msg=name)


def check(model: ModelFolder, expected: ModelFolder, storage: Path) -> None:
    """Check that a model is as if it had been trained here, and that nothing stays behind."""
    check_weights(model, expected)
    assert model.read().steps == expected.read().steps == STEPS
    assert model.previews.joinpath(f"step-{STEPS:08}.png").is_file()
    kept = [info.step for _, info in checkpoints.list_checkpoints(model.checkpoints)]
    assert kept[-1] == STEPS
    assert len(kept) <= checkpoints.MAX_KEPT + 1
    assert len(list(model.checkpoints.iterdir())) == 2 * len(kept)
    assert list(model.logs.iterdir())
    assert not [path for path in (storage / "runs").rglob("*") if path.is_file()]
    assert not list(model.path.parent.glob(".*"))


def finish(process: subprocess.Popen[str]) -> str:
    said, _ = process.communicate(timeout=600)
    assert process.returncode == 0, said
    return said


def test_a_node_that_dies_costs_nothing_but_the_steps_since_the_last_checkpoint(
    cluster: RayCluster,
    train: Callable[..., subprocess.Popen[str]],
    model: ModelFolder,
    expected: ModelFolder,
    storage: Path,
) -> None:
    process = train()
    said = wait_for_checkpoint(process, model)
    saved = step_of(model)
    (busy,) = cluster.find_busy()
    cluster.kill(busy)
    cluster.add()
    said = finish(process)
    assert "building the network" in said
    again = steps_in(said.partition("building the network")[2])
    assert saved is not None
    assert again[0] > saved
    assert again[-1] == STEPS
    check(model, expected, storage)


def test_ctrl_c_saves_the_last_step(
    train: Callable[..., subprocess.Popen[str]], model: ModelFolder, expected: ModelFolder, storage: Path
) -> None:
    process = train()
    said = wait_for(process, r"training \d\d")
    os.kill(process.pid, signal.SIGINT)
    rest, _ = process.communicate(timeout=600)
    assert process.returncode != 0
    saved = step_of(model)
    assert "KeyboardInterrupt" in rest
    assert saved is not None
    assert STEPS > saved >= steps_in(said + rest)[-1]
    assert not [path for path in (storage / "runs").rglob("*") if path.is_file()]
    again = steps_in(finish(train()))
    assert again[0] == saved + 1
    check(model, expected, storage)


def test_a_killed_command_goes_on_from_what_the_storage_has(
    train: Callable[..., subprocess.Popen[str]], model: ModelFolder, expected: ModelFolder, storage: Path
) -> None:
    process = train()
    wait_for_checkpoint(process, model)
    process.kill()
    process.communicate()
    time.sleep(2)  # the node's process ends when it hears of it
    kept = [json.loads(path.read_text())["steps"] for path in storage.glob("runs/*/kept/*/*")]
    for path in model.checkpoints.iterdir():
        path.unlink()
    again = steps_in(finish(train()))
    assert again[0] == max(kept) + 1
    check(model, expected, storage)


def test_a_training_leaves_its_place_to_others(
    cluster: RayCluster,
    train: Callable[..., subprocess.Popen[str]],
    model: ModelFolder,
    storage: Path,
    actors: Path,
    tmp_path: Path,
) -> None:
    cluster.kill()  # there is one node, and the training takes all of its cores
    process = train(1_000_000)
    said = wait_for_checkpoint(process, model)
    asked = (actors / "performer.mp4", tmp_path / "faces", cluster.address, storage)
    extraction = cluster.start(EXTRACT_DRIVER, *asked, cache=tmp_path / "cache")
    assert process.stdout is not None
    while extraction.poll() is None:
        said += process.stdout.readline()
    finish(extraction)
    said = wait_for(process, r"building the network(.|\n)*building the network(.|\n)*training \d", said)
    os.kill(process.pid, signal.SIGINT)
    rest, _ = process.communicate(timeout=600)
    steps = steps_in(said + rest)
    assert steps == sorted(steps)  # none was done again
    assert (step_of(model) or 0) >= steps[-1]
    cluster.add()


def test_an_engines_training_is_paused_and_goes_on(
    cluster: RayCluster,
    storage: Path,
    drawn_pair: tuple[Path, Path],
    serve: Callable[..., Served],
    model: ModelFolder,
    expected: ModelFolder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN"):
        monkeypatch.setenv(name, cluster.environment[name])
    served = serve("--executor", "ray", "--ray-address", cluster.address, "--storage", str(storage))
    asked = ["train", "--source", str(drawn_pair[0]), "--target", str(drawn_pair[1]), "-o", str(model.path)]
    asked += ["--preset", "fast-96", "--size", "32", "--bottleneck", "8", "--bottom-width", "8"]
    asked += ["--batch", "2", "--encoder-widths", "8,8,8", "--decoder-widths", "8,8", "--device", "cpu"]
    asked += ["--threads", "1", "--steps", str(STEPS), "--engine", served.address]
    own = {"RECASTER_TOKEN": served.token, "RECASTER_DATA": str(drawn_pair[0].parent / "data")}
    command = cluster.start("-m", "recaster.cli.main", *asked, cache=model.path.parent / "cache", **own)
    said = wait_for(command, r"job (\w+) at")
    job_id = said.rpartition("job ")[2].split()[0]
    with served.client() as client:
        wait_for_job(client, job_id, job_pb2.JOB_STATE_RUNNING, done=20)
        client.jobs.pause(job_id)
        paused = wait_for_job(client, job_id, job_pb2.JOB_STATE_PAUSED)
        made = ModelFolder(served.data / "models" / job_id)
        assert STEPS > (step_of(made) or 0) >= paused.progress.done
        assert not [path for path in (storage / "runs").rglob("*") if path.is_file()]
        client.jobs.resume(job_id)
        ended = client.jobs.wait(job_id)
    said += finish(command)
    assert ended.result.model_id == job_id, said
    check_weights(model, expected)
    assert made.read().steps == STEPS
    assert not [path for path in (storage / "runs").rglob("*") if path.is_file()]
