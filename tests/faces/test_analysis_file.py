"""Analysis files come back as they were, and others are refused."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import pytest

from recaster.errors import InputError
from recaster.faces import analysis_file
from recaster.faces.types import Analysis, FaceTrack

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def same(a: Analysis, b: Analysis) -> bool:
    if (a.cuts, a.frame_count, a.first_frame, len(a.tracks)) != (
        b.cuts,
        b.frame_count,
        b.first_frame,
        len(b.tracks),
    ):
        return False
    return all(
        np.array_equal(getattr(x, part.name), getattr(y, part.name))
        and np.asarray(getattr(x, part.name)).dtype == np.asarray(getattr(y, part.name)).dtype
        for x, y in zip(a.tracks, b.tracks, strict=True)
        for part in dataclasses.fields(x)
    )


def test_what_is_saved_is_loaded(
    tmp_path: Path, track_of: Callable[..., FaceTrack], analysis_of: Callable[..., Analysis]
) -> None:
    before = analysis_of(track_of(0, range(5, 30)), track_of(1, range(7), who=None))
    analysis_file.save_analysis(tmp_path / "one.npz", before)
    assert same(analysis_file.load_analysis(tmp_path / "one.npz"), before)
    assert [path.name for path in tmp_path.iterdir()] == ["one.npz"]


def test_a_clip_without_faces_can_be_saved(tmp_path: Path) -> None:
    nothing = Analysis((), (), 12, 3)
    analysis_file.save_analysis(tmp_path / "none.npz", nothing)
    assert same(analysis_file.load_analysis(tmp_path / "none.npz"), nothing)


def test_a_truncated_file_is_refused(
    tmp_path: Path, track_of: Callable[..., FaceTrack], analysis_of: Callable[..., Analysis]
) -> None:
    path = tmp_path / "one.npz"
    analysis_file.save_analysis(path, analysis_of(track_of(0, range(30))))
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(InputError, match=r"one\.npz"):
        analysis_file.load_analysis(path)


def test_an_entry_packed_in_an_unknown_way_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "one.npz"
    analysis_file.save_analysis(path, Analysis((), (), 12, 3))
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 10] = 99  # the first entry's method in the zip's directory
    path.write_bytes(data)
    with pytest.raises(InputError, match="analyse the clip again"):
        analysis_file.load_analysis(path)


@pytest.mark.parametrize("content", [b"", b"nothing of the kind", b"\x80\x04N."])
def test_anything_else_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.npz"
    path.write_bytes(content)
    with pytest.raises(InputError, match="analyse the clip again"):
        analysis_file.load_analysis(path)


def test_another_format_and_pickles_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.npz"
    with path.open("wb") as file:
        np.savez(file, format=np.int64(99), range=np.zeros(3, np.int64), cuts=np.zeros(0, np.int64))
    with pytest.raises(InputError, match="format 99"):
        analysis_file.load_analysis(path)
    with path.open("wb") as file:
        np.savez(file, format=np.array([{}], object))
    with pytest.raises(InputError, match="not a stored analysis"):
        analysis_file.load_analysis(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a stored analysis"):
        analysis_file.load_analysis(tmp_path / "absent.npz")
