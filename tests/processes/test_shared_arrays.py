"""Arrays of long clips: in files, and everywhere the same as in memory."""

from __future__ import annotations

import errno
import os
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from recaster.errors import OutputError
from recaster.faces.smoothing import smooth
from recaster.processes import shared_arrays
from recaster.processes.shared_arrays import attach_arrays, make_array, share_arrays, split_rows
from recaster.settings.detection import Smoothing

if TYPE_CHECKING:
    from pathlib import Path


def test_a_large_array_is_a_file_that_nobody_sees(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(shared_arrays.tempfile, "tempdir", None)
    monkeypatch.setattr(shared_arrays, "MIN_MAPPED_BYTES", 8 * 10)
    small = make_array((3, 3))
    large = make_array((5, 2))
    assert small.base is None
    assert isinstance(large.base, np.memmap)
    assert (large == 0).all()
    large[2] = 7
    assert large.sum() == 14
    assert not list(tmp_path.iterdir())
    (tmp_path / "shared").mkdir()
    share_arrays(large, tmp_path / "shared")
    assert (tmp_path / "shared" / "arrays").stat().st_size > large.nbytes  # beside the pickle, not in it
    np.testing.assert_array_equal(attach_arrays(tmp_path / "shared"), large)


@pytest.mark.skipif(sys.platform != "linux", reason="only there the room for a file is taken at once")
def test_a_full_disk_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def fill(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(shared_arrays, "MIN_MAPPED_BYTES", 8)
    monkeypatch.setattr(os, "posix_fallocate", fill)
    with pytest.raises(OutputError, match=r"no room for 0 MiB of temporary files .*TMPDIR"):
        make_array((100,))


def test_rows_are_split_whole() -> None:
    rows = np.arange(2 * shared_arrays.MAX_ROWS + 1)
    parts = [rows[part] for part in split_rows(len(rows))]
    assert len(parts) == 3
    np.testing.assert_array_equal(np.concatenate(parts), rows)
    assert not list(split_rows(0))


@pytest.mark.parametrize("name", ["ema", "kalman", "zero-phase"])
def test_what_is_smoothed_in_parts_is_the_same(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(5).normal(size=(40, 11, 3)).cumsum(0)
    times = np.arange(40) / 25
    whole = smooth(values, times, Smoothing(name))  # type: ignore[arg-type]
    monkeypatch.setattr(shared_arrays, "MIN_MAPPED_BYTES", 8)
    monkeypatch.setattr("recaster.faces.smoothing._MAX_SOLVED_NUMBERS", 40 * 4)
    np.testing.assert_array_equal(smooth(values, times, Smoothing(name)), whole)  # type: ignore[arg-type]
