"""Losses are read back as they were drawn."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest

from recaster.models.model_folder import ModelFolder
from recaster.training.loop import _open_curves
from recaster.training.loss_curves import loss_curves

if TYPE_CHECKING:
    from pathlib import Path


def draw(folder: ModelFolder, steps: range, offset: float) -> None:
    with _open_curves(folder) as (tell, _flush):
        for step in steps:
            tell(step, {"mask": 0.5, "loss": offset + step})


def test_losses_are_read_back(tmp_path: Path) -> None:
    folder = ModelFolder(tmp_path)
    assert loss_curves(folder, 10) == {}
    draw(folder, range(1, 41), 0)
    curves = loss_curves(folder, 100)
    assert list(curves) == ["loss", "mask"]
    assert curves["loss"] == [(step, float(step)) for step in range(1, 41)]


def test_what_was_done_again_counts_as_done_last(tmp_path: Path) -> None:
    folder = ModelFolder(tmp_path)
    draw(folder, range(1, 11), 0)
    draw(folder, range(6, 16), 100)
    curve = dict(loss_curves(folder, 100)["loss"])
    assert (curve[5], curve[6], curve[15]) == (5, 106, 115)


def test_the_tenth_writer_of_a_second_comes_after_the_ninth(tmp_path: Path) -> None:
    folder = ModelFolder(tmp_path)
    for number, shift in ((9, 0), (10, 100)):
        draw(folder, range(1, 3), shift)
        [path] = (one for one in folder.logs.glob("events.*") if "writer" not in one.name)
        path.rename(folder.logs / f"events.out.tfevents.1.writer.5.{number}.v2")
    assert dict(loss_curves(folder, 100)["loss"])[1] == 101


def test_many_steps_become_few_points(tmp_path: Path) -> None:
    folder = ModelFolder(tmp_path)
    draw(folder, range(1, 101), 0)
    assert loss_curves(folder, 10)["loss"][0] == (10, pytest.approx(5.5))
    assert len(loss_curves(folder, 10)["loss"]) == 10


def test_a_file_that_is_being_written_ends_where_it_ends(tmp_path: Path) -> None:
    folder = ModelFolder(tmp_path)
    draw(folder, range(1, 11), 0)
    [path] = folder.logs.glob("events.*")
    path.write_bytes(path.read_bytes()[:-9])
    assert len(loss_curves(folder, 100)["loss"]) in (9, 10)


@pytest.mark.parametrize(
    "damage", [struct.pack("<Q", 8) + b"0000" + b"\xff" * 8 + b"0000", struct.pack("<Q", 2**63) + b"0000"]
)
def test_a_damaged_file_ends_where_the_damage_begins(tmp_path: Path, damage: bytes) -> None:
    folder = ModelFolder(tmp_path)
    draw(folder, range(1, 11), 0)
    [path] = folder.logs.glob("events.*")
    path.write_bytes(path.read_bytes() + damage)
    assert len(loss_curves(folder, 100)["loss"]) == 10
