"""In real Blenders: nothing is taken out of an editor's hands, and no face's right for another's."""

from __future__ import annotations

import json
import os
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.addon.conftest import facts_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from serving import Served
    from tests.addon.conftest import Blender

    from recaster.client import Client

STRIP = (
    "face", "face_name", "person", "everyone", "mask", "feather", "erode", "colour", "smoothing", "handles",
    "codec", "label", "label_language", "mute", "uid", "request", "job", "pending", "result_of",
)  # fmt: skip
SCENE = ("source", "target", "model", "preset", "minutes", "name", "page", "shown")
"""What version 0.1.0 wrote into .blend files."""


def test_rights_are_those_of_the_face_that_is_chosen(
    newest_blender: Blender,
    serve: Callable[..., Served],
    packed_faces: Path,
    actors: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("RECASTER_BASIS")
    engine = serve()
    found = newest_blender.run("chosen_only", tmp_path, **facts_of(engine, packed_faces, actors))
    assert found["title"].startswith("Revoke the right to the face of ")
    assert "Nothing more is trained, swapped or previewed" in found["follows"]
    engine.stop()


@pytest.mark.parametrize("scenario", ["in_hand", "dropped"])
def test_results_come_by_themselves(
    blender: Blender, facts: dict[str, Any], tmp_path: Path, scenario: str
) -> None:
    blender.run(scenario, tmp_path, **facts)


@pytest.mark.parametrize("scenario", ["two_people", "two_layers", "own_settings"])
def test_people_are_each_strips_own(
    newest_blender: Blender, facts: dict[str, Any], tmp_path: Path, scenario: str
) -> None:
    newest_blender.run(scenario, tmp_path, **facts, folder=tmp_path)


def test_everybody_who_is_found_gets_a_face_of_their_own(
    newest_blender: Blender, engine: Client, facts: dict[str, Any], pair: Path, tmp_path: Path
) -> None:
    found = newest_blender.run("two_cast", tmp_path, **{**facts, "clip": pair}, folder=tmp_path)
    assert found["people"] == 2
    job = engine.jobs.get(found["job"])
    assert [one.person != "" for one in job.spec.swap.cast] == [True, True]
    assert [(list(one.tracks), one.frames, one.swapped) for one in job.result.coverage.cast] == [
        ([0], 6, 6),
        ([1], 6, 6),
    ]


def test_people_of_earlier_files_are_swapped(
    newest_blender: Blender, facts: dict[str, Any], tmp_path: Path
) -> None:
    newest_blender.run("earlier_people", tmp_path, clip=facts["clip"], folder=tmp_path)


def test_swaps_of_earlier_sessions_can_be_cleared(
    newest_blender: Blender, facts: dict[str, Any], tmp_path: Path
) -> None:
    newest_blender.run("cleared", tmp_path, **facts)


def test_nothing_is_redrawn_for_nothing(blender: Blender, facts: dict[str, Any], tmp_path: Path) -> None:
    blender.run("still", tmp_path, engine=facts["engine"], token=facts["token"])


def test_what_can_not_work_is_grey(newest_blender: Blender, facts: dict[str, Any], tmp_path: Path) -> None:
    said = newest_blender.run("greyed", tmp_path, **facts)["said"]
    assert said[0] == "Choose a face first: Sidebar > Recaster > Face"
    assert said[1:4] == ["The engine doesn't have this face any more: choose another"] * 3
    assert said[4:6] == ["The playhead is at another frame", "The settings have changed since"]
    assert "it is an earlier one, which makes no drafts" in said[6]


def test_paths_may_begin_where_the_file_is(blender: Blender, tmp_path: Path) -> None:
    found = blender.run("paths", tmp_path)
    assert {"results", "cache", "data", "command", "person", "directory", "filepath"} <= set(found["held"])
    assert found["wrong"] == []
    assert set(found["browsers"]) == {
        "add_folder",
        "choose_engine_file",
        "new_from_pictures",
        "recaster_sign_render",
    }
    assert all(found["browsers"].values()), "its file browser lists whatever there is"


def test_the_line_in_the_status_bar_outlives_texts_of_others(blender: Blender, tmp_path: Path) -> None:
    found = blender.run("status_bar", tmp_path)
    line = "bl_ext.user_default.recaster.monitor.status_line"
    for drawn in found["drawn"]:
        assert drawn.count(line) == 1
    assert line not in found["left"]


def test_a_file_is_measured_once(blender: Blender, facts: dict[str, Any], tmp_path: Path) -> None:
    blender.run("paced_once", tmp_path, clip=facts["clip"])


def test_a_new_file_does_not_stop_the_engine(newest_blender: Blender, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = Path(sys.executable).with_name("recaster")
    found = newest_blender.run_alone(
        "templates", tmp_path, command=command, data=tmp_path / "data", port=port
    )
    assert found["pid"] != os.getpid()


def test_states_of_the_engine_are_told_apart(newest_blender: Blender, tmp_path: Path) -> None:
    found = newest_blender.run("states", tmp_path)
    files = found.pop("files")
    assert all(
        Path(one).name == one and "\\" not in one and ":" not in one and len(one) < 150 for one in files
    )
    assert {Path(one).suffix for one in files} == {".mp4"}
    assert len({json.dumps(one) for one in found.values()}) == len(found)
    assert found["offline"][2] == ["Start Engine"]
    assert "Open Preferences" in found["token"][2]
    assert "Start Engine" in found["crashed"][2]
    assert "Stop Engine" in found["starting"][2]


def test_files_of_the_last_release_keep_what_they_hold(blender: Blender, tmp_path: Path) -> None:
    found = blender.run("kept", tmp_path)
    assert set(STRIP) <= set(found["strip"])
    assert set(SCENE) <= set(found["scene"])
