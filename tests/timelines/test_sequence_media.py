"""Sequences of pictures as media of an edit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import opentimelineio as otio
import pytest
from edits import edit_of, plan, show, span

from recaster.errors import InputError
from recaster.media.picture_file import PicturePart, write_picture
from recaster.timelines.edit_file import write_edit

if TYPE_CHECKING:
    from pathlib import Path


def write_pictures(folder: Path, numbers: range) -> Path:
    for number in numbers:
        part = PicturePart(("R", "G", "B"), np.zeros((48, 64, 3), np.float16))
        write_picture(folder / f"shot.{number:04d}.exr", [part])
    return folder


def refer_to_pictures(folder: str, rate: float = 25) -> Any:
    return otio.schema.ImageSequenceReference(
        folder, "shot.", ".exr", 1001, 1, rate, 4, available_range=span(1001, 40)
    )


def test_sequences_of_pictures_are_media(tmp_path: Path) -> None:
    folder = write_pictures(tmp_path / "footage one", range(1001, 1041))
    clip = otio.schema.Clip("a", refer_to_pictures(folder.as_uri()), span(1010, 5))
    still = show("title", "file:///titles/title.png", span(0, 20))
    write_edit(edit_of(clip, still), tmp_path / "a.otio")
    _, planned = plan(tmp_path / "a.otio", None, handles=2)
    [shot] = planned.shots
    assert (shot.media.name, shot.frames, shot.name) == ("shot.%04d.exr", range(7, 16), "shot_7-15")
    assert (shot.info.rate, shot.info.first_number) == (25, 1001)
    assert planned.others == ("title",)


@pytest.mark.parametrize("place", ["shot.[1001-1040].exr", "shot.%04d.exr", "gone/shot.####.exr", "shot"])
def test_patterns_are_found_by_place_and_by_name(tmp_path: Path, place: str) -> None:
    write_pictures(tmp_path, range(1001, 1041))
    write_edit(edit_of(show("a", place, span(1010, 5, 24))), tmp_path / "a.otio")
    [shot] = plan(tmp_path / "a.otio", tmp_path, handles=0)[1].shots
    assert (shot.media, shot.frames) == (tmp_path / "shot.%04d.exr", range(9, 14))


def test_media_of_one_name_in_several_folders_are_named(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_pictures(tmp_path / name, range(1001, 1003))
    write_edit(edit_of(show("x", "other/shot.%04d.exr", span(1001, 1, 24))), tmp_path / "a.otio")
    with pytest.raises(InputError, match=r"may be .*a/shot\.%04d\.exr, .*b/shot"):
        plan(tmp_path / "a.otio", tmp_path)
