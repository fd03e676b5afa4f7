"""Previews and comparisons over the monitor, and marks of swaps on strips, in a real Blender."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from recaster.media.reader import read_frames

if TYPE_CHECKING:
    from pathlib import Path

    from tests.addon.conftest import Blender


def test_previews_are_drawn_over_their_strips(
    newest_blender: Blender, facts: dict[str, Any], tmp_path: Path
) -> None:
    found = newest_blender.run("previewed", tmp_path, **facts)
    asked, fresh, changed, other, before = found["said"]
    assert asked == "Swapping frame 4..."
    assert fresh.startswith("Swap preview, frame 4, ")
    assert changed == f"{fresh}. The settings have changed since"
    assert other.startswith(f"{fresh}. ")
    assert before == "Original"
    assert found["whole"] == [[0, 0], [1, 1]]
    assert np.ravel(found["wiped"]) == pytest.approx([0.25, 0.05, 1, 1])
    assert found["brightness"] == [1, 0.55]
    assert found["hidden"] == [True, True]


def test_results_are_held_back_for_the_eye_alone(
    newest_blender: Blender, actors: Path, tmp_path: Path
) -> None:
    clips = {"clip": actors / "performer.mp4", "other": actors / "likeness.mp4"}
    found = newest_blender.run("compared", tmp_path, **clips, out=tmp_path)
    assert found["rest"] == [False, 0, "REPLACE", False]
    assert found["wiped"] == [False, 80, "ALPHA_OVER", True]
    assert found["before"] == [True, 0, "REPLACE", True]
    assert found["crashed"] == [False, 160, "ALPHA_OVER", True]
    assert found["held"] == [found["rest"]] * len(found["held"])
    plain, wiped = (list(read_frames(tmp_path / f"{name}.mp4")) for name in ("plain", "wiped"))
    assert len(plain) == len(wiped) == 2
    for one, other in zip(plain, wiped, strict=True):
        assert (one.image == other.image).all()


def test_strips_show_their_swaps(newest_blender: Blender, actors: Path, tmp_path: Path) -> None:
    found = newest_blender.run("marked", tmp_path, clip=actors / "performer.mp4")
    assert found["once"] == ["redraw_timelines", "status"]
    assert found["channels"] == [2]
    assert found["line"] == "Recaster: 1 swap"
    assert found["last"] == ""
    assert found["shown"] == [
        ["progress", 1, 1, 0],
        ["ghost", 1, 2, 0],
        ["progress", 1, 1, 1],
        ["ghost", 1, 3, 0],
        ["failed", 1, 1, 0],
        ["changed", 1, 2, 0],
    ]


def test_a_click_names_a_person(newest_blender: Blender, tmp_path: Path) -> None:
    assert newest_blender.run("picked", tmp_path)["found"] == ["b.jpg", None]


def test_the_panel_says_what_cannot_be_done(newest_blender: Blender, actors: Path, tmp_path: Path) -> None:
    found = newest_blender.run("controls", tmp_path, clip=actors / "performer.mp4")
    assert any(text.startswith("Not with masks") for text in found["texts"])
    assert found["held"] == ""
