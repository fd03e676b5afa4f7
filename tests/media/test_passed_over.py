"""Pictures whose names only resemble a sequence's are named, and not taken for gaps without a word."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from recaster.errors import ClipError
from recaster.media.picture_file import PicturePart, write_picture
from recaster.media.probe import probe

if TYPE_CHECKING:
    from pathlib import Path


def write(folder: Path, *names: str) -> None:
    for name in names:
        write_picture(folder / name, [PicturePart(("R", "G", "B"), np.zeros((48, 64, 3), np.uint8))])


@pytest.mark.parametrize(
    ("names", "pattern", "passed_over"),
    [
        (("a.1.png", "a.2.PNG", "a.3.png"), "a.%d.png", "a.2.PNG"),
        (("a.08.png", "a.9.png", "a.10.png"), "a.%02d.png", "a.9.png"),
        (("a.1.tif", "a.2.tif", "a.3.tiff"), "a.%d.tif", "a.3.tiff"),
        (("a.1.png", "a.2.png", "a.-1.png"), "a.%d.png", "a.-1.png"),
    ],
)
def test_similar_names_are_named(
    tmp_path: Path, names: tuple[str, ...], pattern: str, passed_over: str
) -> None:
    write(tmp_path, *names)
    warnings = probe(tmp_path / pattern).warnings
    assert f"passed over, since they aren't called {pattern}: {passed_over}" in warnings


def test_other_sequences_are_not_named(tmp_path: Path) -> None:
    write(tmp_path, "a.1.png", "a.2.png", "b.3.png", "a.3.jpg", "a_v3.png", "a.png", "a.-b.3.png")
    assert probe(tmp_path / "a.%d.png").warnings == ()


@pytest.mark.parametrize("given", ["", "a.-%04d.png", "a.-0002.png"])
def test_numbers_below_zero_are_refused(tmp_path: Path, given: str) -> None:
    write(tmp_path, "a.-0002.png", "a.-0001.png", "a.0000.png")
    with pytest.raises(ClipError, match=r"a\.-%04d\.png: pictures with numbers below zero cannot be used"):
        probe(tmp_path / given)


def test_a_dash_before_a_number_is_no_minus(tmp_path: Path) -> None:
    write(tmp_path, "a-0001.png", "a-0002.png")
    assert probe(tmp_path).frame_count == 2


def test_a_link_to_nothing_is_named(tmp_path: Path) -> None:
    write(tmp_path, "a.0001.png", "a.0002.png")
    (tmp_path / "a.0003.png").symlink_to(tmp_path / "gone.png")
    with pytest.raises(ClipError, match=r"a\.0003\.png: cannot be read"):
        probe(tmp_path)


def test_of_an_empty_folder_it_is_said_that_sequences_are_clips(tmp_path: Path) -> None:
    with pytest.raises(ClipError, match="give a video file or such a folder"):
        probe(tmp_path)
