"""In a real Blender: panels in the order of work; what can't be pressed says why, in an editor's words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.addon.test_messages import BRITISH, TERMINAL

if TYPE_CHECKING:
    from pathlib import Path

    from tests.addon.conftest import Blender


def test_each_button_says_why_it_is_grey(
    newest_blender: Blender, facts: dict[str, Any], tmp_path: Path
) -> None:
    found = newest_blender.run("walked", tmp_path, **facts)
    grey = found["grey"]
    assert grey["nothing"]["sequencer.recaster_swap"] == "Select a movie or image strip in the sequencer"
    assert grey["engine"]["sequencer.recaster_swap"].startswith("Choose a face first")
    assert "sequencer.recaster_swap" not in grey["face"]
    for state, said in grey.items():
        for operator, why in said.items():
            about = (state, operator, why)
            assert why[:1].isupper(), about
            assert "context is incorrect" not in why, about
            assert not TERMINAL.search(why), about
            assert not BRITISH.search(why), about
    assert [one for one in found["texts"] if TERMINAL.search(one) or BRITISH.search(one)] == []
    assert len(found["texts"]) > 200
    assert found["keys"] == []


def test_panels_are_in_the_order_of_work(blender: Blender, facts: dict[str, Any], tmp_path: Path) -> None:
    found = blender.run("placed_panels", tmp_path, clip=facts["clip"])
    work = ["Engine", "Face Swap", "Strips", "Jobs", "Faces & Training", "Mend", "Anonymize", "Provenance"]
    assert found["tab"] == work
    assert found["strip"] == ["Face Swap", "Look", "Result"]
    assert found["grid"] == ["", "New from Folder...", "New from Pictures...", "New from Selected Strips"]
    assert found["opened"] == ["SEQUENCER"]
    assert found["faces"] == [True, False, False]


def test_an_error_of_the_add_on_itself_can_be_dismissed(newest_blender: Blender, tmp_path: Path) -> None:
    found = newest_blender.run("dismissed_error", tmp_path)
    assert any("Recaster met an error" in one for one in found["shown"])
    assert not any("Recaster met an error" in one for one in found["after"])


def test_presets_are_blenders_own(blender: Blender, actors: Path, tmp_path: Path) -> None:
    found = blender.run("strip_presets", tmp_path, clip=actors / "performer.mp4")
    assert found["shipped"] == found["left"] == ["Default", "Draft"]
    assert found["kept"] == ["Default", "Draft", "Mine"]
    assert found["draft"] == ["draft"]
    # Presets that people have kept are files with this line.
    assert found["accessor"] == "own=bpy.types.RECASTER_PT_strip_presets.settings(bpy.context)"
