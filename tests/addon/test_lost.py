"""Engines, files and Blenders that go away while there is work."""

from __future__ import annotations

import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.addon.conftest import facts_of

from recaster.api.v1 import clip_pb2, job_pb2
from recaster.cli.main import main
from recaster.client import Address, Client
from recaster.media.reader import read_frames
from recaster.provenance.certificates import make_certificates

if TYPE_CHECKING:
    from collections.abc import Callable

    from serving import Served
    from tests.addon.conftest import Blender


@pytest.fixture
def blender(newest_blender: Blender) -> Blender:
    """In one version only."""
    return newest_blender


@pytest.mark.parametrize("scenario", ["killed", "offline_at_first"])
def test_an_engine_that_goes_away(
    blender: Blender,
    serve: Callable[..., Served],
    packed_faces: Path,
    actors: Path,
    tmp_path: Path,
    awaited: Callable[..., None],
    scenario: str,
) -> None:
    engine = serve()
    facts = tmp_path / "facts.json"
    process = blender.begin(scenario, facts, **facts_of(engine, packed_faces, actors), folder=tmp_path)
    awaited(tmp_path / "kill", process)
    engine.kill()
    awaited(tmp_path / "restart", process)
    engine.start()
    blender.finish(process, facts)
    engine.stop()


def test_a_file_that_is_opened_again(blender: Blender, facts: dict[str, Any], tmp_path: Path) -> None:
    blender.run("reloaded", tmp_path, **facts, folder=tmp_path)


def test_an_engine_far_away(
    blender: Blender,
    serve: Callable[..., Served],
    packed_faces: Path,
    actors: Path,
    tmp_path: Path,
) -> None:
    """It speaks TLS, on an address that isn't known to be this machine's; only a part of the clip is sent."""
    make_certificates(tmp_path, ["127.0.0.2"])
    engine = serve(
        *("--listen", "127.0.0.2:0", "--no-drops"),
        *("--tls-cert", f"{tmp_path}/engine.pem", "--tls-key", f"{tmp_path}/engine.key"),
    )
    with Client(Address(engine.address, engine.token, tmp_path / "ca.pem"), patience_s=60) as client:
        face = f"faceset:{client.take_faceset(packed_faces)}"
        values = {"engine": engine.address, "token": engine.token, "face": face}
        found = blender.run(
            "far_away", tmp_path, **values, clip=actors / "performer.mp4", authority=tmp_path / "ca.pem"
        )
        [clip] = client.connection.call(client.clips.ListClips, clip_pb2.ListClipsRequest()).clips
    assert clip.frame_count < 60
    assert "would travel in the clear" in found["said"][0]
    swapped = Path(found["result"])
    original = actors / "performer.mp4"
    frames = zip(read_frames(swapped, 0, 10), read_frames(original, 100, 110), strict=True)
    assert all(np.abs(one.image[:40].astype(int) - other.image[:40]).mean() < 2 for one, other in frames)
    engine.stop()


def test_a_way_that_is_made_anew(blender: Blender, facts: dict[str, Any], tmp_path: Path) -> None:
    found = blender.run("reconnected", tmp_path, **facts)
    assert found["state"] in (job_pb2.JOB_STATE_CANCELLED, job_pb2.JOB_STATE_SUCCEEDED)


def test_undo_right_after_asking(blender: Blender, facts: dict[str, Any], tmp_path: Path) -> None:
    blender.run("undone_at_once", tmp_path, **facts, folder=tmp_path)


def test_an_engine_at_rest(blender: Blender, facts: dict[str, Any], tmp_path: Path) -> None:
    found = blender.run("looked_at_seldom", tmp_path, engine=facts["engine"], token=facts["token"])
    assert 1 <= found["looks"] <= 8  # every 5 seconds, or every second where another test's job runs


def test_an_engine_that_is_held_up(
    blender: Blender, facts: dict[str, Any], served: Served, tmp_path: Path
) -> None:
    known = {"engine": facts["engine"], "token": facts["token"]}
    found = blender.run("held_up", tmp_path, **known, process=served.pid)
    assert all(found["seen"]), found


def test_a_blender_that_is_closed(blender: Blender, facts: dict[str, Any], tmp_path: Path) -> None:
    blender.run_alone("begun_and_left", tmp_path, **facts, folder=tmp_path)
    blender.run_alone("opened_later", tmp_path, engine=facts["engine"], token=facts["token"], folder=tmp_path)


def test_a_blender_that_is_closed_while_many_strips_are_swapped(
    blender: Blender, facts: dict[str, Any], tmp_path: Path
) -> None:
    blender.run_alone("all_begun_and_left", tmp_path, **facts, folder=tmp_path)
    known = {"engine": facts["engine"], "token": facts["token"], "folder": tmp_path}
    found = blender.run_alone("all_opened_later", tmp_path, **known)
    pictures = read_frames(Path(found["file"]), 0, 50)
    clip = read_frames(Path(facts["clip"]), 10, 60)
    assert all(
        np.abs(one.image[:40].astype(int) - other.image[:40]).mean() < 2
        for one, other in zip(pictures, clip, strict=True)
    )


def test_an_engine_that_takes_one_job_at_a_time(
    blender: Blender,
    facts: dict[str, Any],
    served: Served,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    name = f"limited-{blender.version}"
    command = ["tokens", "add", name, "--role", "operator", "--max-jobs", "1", "--data", str(served.data)]
    assert main(command) == 0
    blender.run("all_limited", tmp_path, **{**facts, "token": capsys.readouterr().out.strip()})


def test_who_is_not_let_in_is_told(blender: Blender, facts: dict[str, Any], tmp_path: Path) -> None:
    said = blender.run("unwelcome", tmp_path, engine=facts["engine"], token=facts["token"])["said"]
    assert said[0].startswith("The engine doesn't take this token")
    assert said[1] == said[0]
    assert said[2] == "No engine answers"
    assert "Blender may not go online" in said[3]
    assert said[4].startswith("Fill in the address and the token")


def test_an_engine_of_its_own(blender: Blender, facts: dict[str, Any], tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = Path(sys.executable).with_name("recaster")
    found = blender.run_alone(
        "own_engine", tmp_path, command=command, data=tmp_path / "data", port=port, clip=facts["clip"]
    )
    assert "Recaster isn't in /nowhere/recaster: name its folder" in found["said"][0]
